"""Signed firmware updates (security white paper, L01): from SignedUpdateFirmware to a job, or to the reason why there is none.

Theory of operation
    The answer waits for the certificate. SignedUpdateFirmware is kept as an offer; the job runner sees it, checks the certificate
    against the manufacturer's roots and revocation list, and reports what it found. The calendar, what is under way and the answer
    are decided here. Accepted, it becomes a firmware job like any other, whose steps stand in `firmware`; it lacks nothing but the
    step in which the signature is verified. An offer ends with its connection: without an answer nothing was accepted.

    Whether there is a file at the location is not looked at before the answer, so that a CSMS may cancel an update by offering one
    that is not there (L01.FR.26). What is being installed is not undone half way: then the request is Rejected (L01.FR.27).
"""

from collections.abc import Iterable

from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.maintenance import (
    FirmwareUpdateRequested,
    SignedFirmwareStatusQueued,
    SignedUpdateAnswered,
    SignedUpdateOffered,
    SigningCertificateChecked,
)
from eventstore.event import Event
from projections.security import EXTENSION
from projections.station import StationState
from station.core.exchange import answered
from station.core.feature import Answer, Call, Deadline, Deferral, Events, Feature, Refusal, Rendered, Reply
from station.features.maintenance.messages import REPLACEABLE
from station.rules.certificate_time import certificate_time
from station.rules.transfers import interval_s, tell_again, tries_again
from station.wire.frames import ErrorCode
from station.wire.messages.security import (
    SignedFirmwareStatusNotification,
    SignedUpdateFirmware,
    SignedUpdateFirmwareResponse,
)
from station.wire.security_enums import SignedFirmwareStatus, SignedUpdateFirmwareStatus

ACTION = "SignedUpdateFirmware"
CHECKED_WITHIN_MS = 20_000
DEADLINE = "signing_certificate"
FIRMWARE_PROFILE = "FirmwareManagement"


def decide_signed_update(state: StationState, request: SignedUpdateFirmware, at_ms: int) -> Reply:
    """The answer waits until the certificate is checked; Rejected at once while that of another request is."""
    if FIRMWARE_PROFILE in state.described.profiles_off:
        description = "firmware management is switched off"
        return Reply(Refusal(error_code=ErrorCode.NOT_SUPPORTED, description=description))
    if state.maintenance.offered is not None:
        return Reply(SignedUpdateFirmwareResponse(status=SignedUpdateFirmwareStatus.REJECTED))
    firmware = request.firmware
    offered = SignedUpdateOffered(
        job=state.maintenance.jobs + 1,
        request_id=request.request_id,
        location=firmware.location,
        retrieve_utc_ms=firmware.retrieve_date_time,
        install_utc_ms=firmware.install_date_time,
        signing_certificate=firmware.signing_certificate,
        signature=firmware.signature,
        retries=tries_again(request.retries),
        retry_interval_s=interval_s(request.retry_interval),
        due_ms=at_ms + CHECKED_WITHIN_MS,
    )
    return Reply(Deferral(connector_id=0, due_ms=offered.due_ms), (offered,))


def _on_checked(state: StationState, checked: SigningCertificateChecked, at_ms: int) -> Events:
    offered = state.maintenance.offered
    if offered is None or offered.job != checked.job:
        return ()  # its connection is gone, or its time
    if fault := _certificate_fault(state, checked, at_ms):
        return _answer(state, offered, SignedUpdateFirmwareStatus.INVALID_CERTIFICATE, fault)
    if checked.revoked:
        reason = f"the certificate of {checked.subject} is revoked"
        return _answer(state, offered, SignedUpdateFirmwareStatus.REVOKED_CERTIFICATE, reason)
    job = state.maintenance.firmware
    if job is None:
        return _accept(state, offered, SignedUpdateFirmwareStatus.ACCEPTED)
    if job.signed is not None and _is_same(job.signed, offered):
        return _answer(state, offered, SignedUpdateFirmwareStatus.ACCEPTED, "it is under way already")
    if job.step in REPLACEABLE:
        return _accept(state, offered, SignedUpdateFirmwareStatus.ACCEPTED_CANCELED)
    reason = "another image is being installed"
    return _answer(state, offered, SignedUpdateFirmwareStatus.REJECTED, reason)


def _certificate_fault(state: StationState, checked: SigningCertificateChecked, at_ms: int) -> str:
    """Why the certificate vouches for nothing now; "" if it does (RFC 5280, 6.1.3)."""
    if checked.fault:
        return checked.fault
    when = certificate_time(state.clock, at_ms)
    fault = when.fault(checked.not_before_utc_ms, checked.not_after_utc_ms)
    return fault and f"{checked.subject}: {fault}"


def _is_same(known: SignedUpdateOffered, offered: SignedUpdateOffered) -> bool:
    """Whether a request only repeats the one under way, such as a CSMS sends that saw no answer."""

    def asked(one: SignedUpdateOffered) -> tuple[object, ...]:
        dates = one.retrieve_utc_ms, one.install_utc_ms
        return one.request_id, one.location, dates, one.signing_certificate, one.signature

    return asked(known) == asked(offered)


def _accept(state: StationState, offered: SignedUpdateOffered, status: SignedUpdateFirmwareStatus) -> Events:
    requested = FirmwareUpdateRequested(
        job=offered.job,
        location=offered.location,
        retrieve_utc_ms=offered.retrieve_utc_ms,
        retries=offered.retries,
        retry_interval_s=offered.retry_interval_s,
    )
    answer, *decided = _answer(state, offered, status)
    return answer, requested, *decided


def _answer(
    state: StationState, offered: SignedUpdateOffered, status: SignedUpdateFirmwareStatus, reason: str = ""
) -> Events:
    response = SignedUpdateFirmwareResponse(status=status)
    (call,) = (call for call in state.link.open_calls if call.action == ACTION)
    decided: Event = SignedUpdateAnswered(
        job=offered.job, request_id=offered.request_id, status=status.value, reason=reason
    )
    return answered(call.connection, call.message_id, call.action, response), decided


def _on_deadline(state: StationState, event: DeadlineReached, at_ms: int) -> Events:
    offered = state.maintenance.offered
    if event.name != DEADLINE or offered is None:
        return ()
    reason = "its certificate could not be checked in time"
    return _answer(state, offered, SignedUpdateFirmwareStatus.REJECTED, reason)


def _deadlines(state: StationState) -> Iterable[Deadline]:
    offered = state.maintenance.offered
    return () if offered is None else (Deadline(due_ms=offered.due_ms, name=DEADLINE, key=offered.job),)


def _render_status(state: StationState, event: SignedFirmwareStatusQueued, at_ms: int) -> Rendered:
    """SignedFirmwareStatusNotification.req (5.19)."""
    status = SignedFirmwareStatus(event.status)
    return Rendered(request=SignedFirmwareStatusNotification(status=status, request_id=event.request_id))


FEATURE = Feature(
    name="signed firmware",
    ocpp_profile=EXTENSION,
    answers=(Answer(action=ACTION, decide=decide_signed_update),),
    calls=(Call(event=SignedFirmwareStatusQueued, render=_render_status, on_failure=tell_again),),
    observes={SigningCertificateChecked: _on_checked, DeadlineReached: _on_deadline},
    deadlines=_deadlines,
)
