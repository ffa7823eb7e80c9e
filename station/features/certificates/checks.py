"""CALLs that bring a certificate are answered once a job has looked at it: what it found is an observation, judged here."""

from collections.abc import Iterable

from eventstore.catalogue.certificates import CertificateCheckBegun, CertificateCheckConcluded, CertificateExamined
from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.event import Event
from projections.certificates import Check
from projections.link import OpenCall
from projections.station import StationState
from station.core.exchange import answered
from station.core.feature import Deadline, Deferral, Events, Reply
from station.rules.certificate_time import certificate_time
from station.rules.certificates import Judgement, judge_root
from station.rules.station_certificate import judge_certificate
from station.wire.messages.security import CertificateSignedResponse, InstallCertificateResponse
from station.wire.security_enums import CertificateSignedStatus, CertificateStatus

INSTALL, SIGNED = "InstallCertificate", "CertificateSigned"
WITHIN_MS = 20_000
"""How long a disk may take, before it is said that the certificate cannot be stored."""
CHECKS_MAX = 4
_DEADLINE = "certificate check"


def begin(state: StationState, action: str, use: str, text: str, at_ms: int) -> Reply | None:
    """The CALL waits for the job; None while too many wait already."""
    if len(state.certificates.checks) >= CHECKS_MAX:
        return None
    number = state.certificates.checks_begun + 1
    event = CertificateCheckBegun(check=number, action=action, use=use, text=text)
    return Reply(Deferral(connector_id=0, due_ms=at_ms + WITHIN_MS), (event,))


def on_examined(state: StationState, event: CertificateExamined, at_ms: int) -> Events:
    """The answer, and what follows from it; nothing if the CALL was answered before or its connection is gone."""
    check = state.certificates.check(event.check)
    if check is None:
        return ()
    utc_ms = certificate_time(state.clock, at_ms).utc_ms
    if check.action == SIGNED:
        return _conclude(state, check, judge_certificate(state, event, utc_ms))
    return _conclude(state, check, judge_root(state, check, event, utc_ms))


def _conclude(state: StationState, check: Check, judgement: Judgement) -> tuple[Event, ...]:
    concluded = CertificateCheckConcluded(
        check=check.check,
        action=check.action,
        use=check.use,
        outcome=judgement.outcome,
        reason=judgement.reason,
        is_invalid=judgement.is_invalid,
    )
    call = _call_of(state, check)
    if call is None:
        return (concluded, *judgement.events)
    answer = answered(call.connection, call.message_id, call.action, _response(check, judgement.outcome))
    return (concluded, *judgement.events, answer)


def _response(check: Check, outcome: str) -> CertificateSignedResponse | InstallCertificateResponse:
    if check.action == SIGNED:
        return CertificateSignedResponse(status=CertificateSignedStatus(outcome))
    return InstallCertificateResponse(status=CertificateStatus(outcome))


def _call_of(state: StationState, check: Check) -> OpenCall | None:
    """The CALL that waits for the check: both wait in the order in which they came."""
    place = [each.check for each in state.certificates.checks if each.action == check.action].index(check.check)
    calls = [call for call in state.link.open_calls if call.action == check.action]
    return calls[place] if place < len(calls) else None


def deadlines(state: StationState) -> Iterable[Deadline]:
    """When a check has taken too long."""
    for check in state.certificates.checks:
        call = _call_of(state, check)
        if call is not None:
            yield Deadline(due_ms=call.due_ms, name=_DEADLINE, key=check.check)


def on_deadline(state: StationState, event: DeadlineReached, at_ms: int) -> Events:
    """The check that has taken too long is Failed."""
    check = state.certificates.check(event.key) if event.name == _DEADLINE else None
    if check is None:
        return ()
    outcome = CertificateSignedStatus.REJECTED if check.action == SIGNED else CertificateStatus.FAILED
    late = Judgement(outcome=outcome, reason="it could not be looked at in time")
    return _conclude(state, check, late)
