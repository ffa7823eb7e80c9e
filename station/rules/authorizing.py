"""From a presented tag to a granted authorization: what local presentation and RemoteStartTransaction share.

Pure; where the tag is looked up stands in `station.rules.identification`, who a connector is kept for in
`station.rules.reservations`.
"""

from collections.abc import Sequence

from eventstore.catalogue.authorization import AuthorizationDenied, AuthorizationGranted, AuthorizeQueued
from eventstore.catalogue.connectors import PreparingRestarted
from projections.connector import Connector
from projections.outbox import AUTHORIZE
from projections.station import StationState
from station.core.feature import TIME, Events
from station.rules import reservations
from station.rules.identification import Ask, Denied, Granted, Verdict, known_parent, look_up, start_inquiry
from station.rules.postponing import is_waiting
from station.rules.transaction_rules import refusal_to_serve, refusal_to_start

READS = (
    "boot",
    "description",
    "clock",
    "registration",
    "link",
    "connectors",
    "transactions",
    "outbox",
    "authorization",
    "reservations",
    "configuration",
    "maintenance",
    TIME,
)
"""What deciding on a tag may look at, for the rules that do."""

START, STOP, RELEASE, EITHER = "start", "stop", "release", "start or stop"


def refusal(state: StationState, connector_id: int | None) -> str | None:
    """Why nobody may start there now; None as connector: whichever is plugged in next."""
    if connector_id is None:
        return refusal_to_serve(state)
    return refusal_to_start(state, state.connectors[connector_id])


def usable_cables(able: Sequence[Connector]) -> Sequence[Connector]:
    """Of connectors that could start, those whose cable is not left over from before: after a stop, or timed out. All of
    them if every one is left over (4.9 F2, errata 3.20)."""
    fresh = [connector for connector in able if not connector.finishing and not connector.timed_out]
    return fresh or able


def is_pending(state: StationState, connector_id: int | None) -> bool:
    """Whether an Authorize for this connector is under way."""
    return any(
        owed.lane == AUTHORIZE and isinstance(owed.event, AuthorizeQueued) and owed.event.connector_id == connector_id
        for owed in state.outbox.calls
    )


def is_awaited(state: StationState, connector_id: int | None, id_tag: str) -> bool:
    """Whether the CSMS is being asked for this connector, or is to be asked about this tag again."""
    return is_pending(state, connector_id) or is_waiting(state, connector_id, id_tag)


def begin(state: StationState, connector_id: int | None, id_tag: str, at_ms: int, *, remote: bool = False) -> Events:
    """A tag wants to start: granted, denied, or asked for by Authorize."""
    if is_awaited(state, connector_id, id_tag):
        return ()
    reason = refusal(state, connector_id)
    if reason is not None:
        return (AuthorizationDenied(connector_id=connector_id, id_tag=id_tag, reason=reason),)
    verdict: Verdict = look_up(state, start_inquiry(state), id_tag, at_ms)
    parent_id_tag = verdict.parent_id_tag if isinstance(verdict, Granted) else known_parent(state, id_tag, at_ms)
    if reservations.blocks(state, connector_id or 0, id_tag, parent_id_tag):
        # Reserved for a group: only the CSMS knows whether the tag belongs to it (5.13).
        may_belong = state.online and parent_id_tag is None and reservations.needs_parent(state, connector_id or 0)
        verdict = Ask() if may_belong else Denied(reason="Reserved")
    return conclude(state, connector_id, id_tag, verdict, remote=remote)


def conclude(
    state: StationState, connector_id: int | None, id_tag: str, verdict: Verdict, *, remote: bool = False
) -> Events:
    """The events that a verdict comes to."""
    match verdict:
        case Denied(reason=reason):
            return (AuthorizationDenied(connector_id=connector_id, id_tag=id_tag, reason=reason),)
        case Granted():
            return (grant(state, connector_id, id_tag, verdict),)
        case Ask():
            asked = AuthorizeQueued(id_tag=id_tag, connector_id=connector_id, purpose=START, remote=remote)
            if connector_id is not None and state.connectors[connector_id].timed_out:
                return (PreparingRestarted(connector_id=connector_id), asked)
            return (asked,)


def grant(state: StationState, connector_id: int | None, id_tag: str, verdict: Granted) -> AuthorizationGranted:
    """The authorization to start, with the reservation that the tag uses by it."""
    held = reservations.reservation_for(state, connector_id or 0, id_tag, verdict.parent_id_tag)
    return AuthorizationGranted(
        connector_id=connector_id,
        id_tag=id_tag,
        parent_id_tag=verdict.parent_id_tag,
        source=verdict.source.value,
        reservation_id=None if held is None else held.reservation_id,
    )
