"""ExtendedTriggerMessage (white paper, 5.5 and 6.16). A message that the station has no use case for is NotImplemented."""

from collections.abc import Iterable, Mapping

from eventstore.catalogue.security import LogStatusQueued
from eventstore.event import Event
from projections.station import StationState
from station.core.feature import Reply
from station.rules.firmware_status import signed_firmware_status
from station.rules.station_certificate import begin_signing, can_ask, is_asking
from station.rules.triggering import IDLE, QUEUES, Queue, decide_trigger
from station.wire.enums import TriggerMessageStatus
from station.wire.messages.security import ExtendedTriggerMessage, ExtendedTriggerMessageResponse

FIRMWARE_PROFILE = "FirmwareManagement"
SIGN = "SignChargePointCertificate"


def decide_extended_trigger(state: StationState, request: ExtendedTriggerMessage, at_ms: int) -> Reply:
    """Whether the message will be sent, and what queues it."""
    if request.requested_message == SIGN and is_asking(state):  # what is on its way answers it
        return Reply(ExtendedTriggerMessageResponse(status=TriggerMessageStatus.ACCEPTED))
    queues = _WITHOUT_FIRMWARE if FIRMWARE_PROFILE in state.described.profiles_off else EXTENDED
    status, events = decide_trigger(state, request.requested_message, queues, request.connector_id, at_ms)
    return Reply(ExtendedTriggerMessageResponse(status=status), events)


def _log_status(state: StationState, connector_id: int | None, at_ms: int) -> Iterable[Event]:
    """The requestId of the upload under way; none without one (N01.FR.12)."""
    job = state.maintenance.log
    if job is None or not job.status:
        return (LogStatusQueued(status=IDLE, request_id=None, triggered=True),)
    return (LogStatusQueued(status=job.status, request_id=job.request.request_id, triggered=True),)


def _firmware_status(state: StationState, connector_id: int | None, at_ms: int) -> Iterable[Event]:
    return (signed_firmware_status(state),)


def _sign_certificate(state: StationState, connector_id: int | None, at_ms: int) -> Iterable[Event]:
    """A new key pair, for which a certificate is asked (A02); none without CpoName, which its request names."""
    return (begin_signing(state, "the CSMS asks for it"),) if can_ask(state) else ()


_WITHOUT_FIRMWARE: Mapping[str, Queue] = {**QUEUES, "LogStatusNotification": _log_status, SIGN: _sign_certificate}
EXTENDED: Mapping[str, Queue] = {**_WITHOUT_FIRMWARE, "FirmwareStatusNotification": _firmware_status}
"""What ExtendedTriggerMessage can ask for here, and what queues it."""
