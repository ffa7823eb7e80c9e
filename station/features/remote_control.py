"""Remote control: RemoteStartTransaction (5.11), RemoteStopTransaction (5.12), UnlockConnector (5.18).

RemoteStartTransaction is answered for the attempt: whether the tag is good is found out afterwards, like a local
presentation, if AuthorizeRemoteTxRequests says so, or if the connector is reserved for a group and only Authorize shows
whether the tag belongs to it (5.13). UnlockConnector stops the transaction, opens the contactor, drives the lock and is
answered from the lock's feedback, within 5 s.
"""

from collections.abc import Iterable

from eventstore.catalogue.authorization import AuthorizationEnded
from eventstore.catalogue.connectors import UnlockRequested
from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.link import CallAnswered
from eventstore.event import Event
from projections.link import OpenCall
from projections.registration import ACCEPTED
from projections.station import StationState
from station.core.config_keys import Access, Boolean, ConfigKey
from station.core.exchange import answered
from station.core.feature import Answer, Deadline, Deferral, Events, Feature, Refusal, Reply, Rule
from station.rules import charging_profile_rules, reservations
from station.rules.authorizing import begin, grant, is_pending, refusal, usable_cables
from station.rules.charging_profile_rules import ProfileRefusal
from station.rules.identification import Granted, Source, known_parent
from station.rules.transaction_rules import stop
from station.wire.enums import RemoteStartStopStatus, UnlockStatus
from station.wire.frames import ErrorCode
from station.wire.messages.core import (
    RemoteStartTransaction,
    RemoteStartTransactionResponse,
    RemoteStopTransaction,
    RemoteStopTransactionResponse,
    UnlockConnector,
    UnlockConnectorResponse,
)
from station.wire.primitives import is_blank

UNLOCK_WITHIN_MS = 5_000
UNLOCK = "UnlockConnector"

AUTHORIZE_REMOTE_TX_REQUESTS = ConfigKey(
    name="AuthorizeRemoteTxRequests",
    kind=Boolean(),
    access=Access.READ_WRITE,
    default=False,
    required=True,
    clause="9.1.3",
    doc="A remote start is authorized like a local one before the transaction starts.",
)


def _start(state: StationState, request: RemoteStartTransaction, at_ms: int) -> Reply:
    rejected = Reply(RemoteStartTransactionResponse(status=RemoteStartStopStatus.REJECTED))
    if state.registration.status != ACCEPTED or is_blank(request.id_tag):
        return rejected
    connector_id = request.connector_id
    if connector_id is None:
        connector_id = _choose(state, request.id_tag, at_ms)
    if connector_id is None or not _may_start(state, connector_id, request.id_tag, at_ms):
        return rejected
    profile: Events = ()
    if request.charging_profile is not None:
        installed = charging_profile_rules.install_for_remote_start(state, connector_id, request.charging_profile)
        if isinstance(installed, ProfileRefusal):
            return _refused_profile(installed)
        profile = installed
    parent_id_tag = known_parent(state, request.id_tag, at_ms)
    is_kept = reservations.blocks(state, connector_id, request.id_tag, parent_id_tag)
    if AUTHORIZE_REMOTE_TX_REQUESTS.of(state) or is_kept:
        events = begin(state, connector_id, request.id_tag, at_ms, remote=True)
    else:
        verdict = Granted(source=Source.REMOTE, parent_id_tag=parent_id_tag)
        events = (grant(state, connector_id, request.id_tag, verdict),)
    accepted = RemoteStartTransactionResponse(status=RemoteStartStopStatus.ACCEPTED)
    return Reply(accepted, (*events, *profile))


def _refused_profile(refusal: ProfileRefusal) -> Reply:
    """A value out of its range is an error to the CALL, any other unusable profile Rejected (5.16.2, errata 3.38)."""
    if refusal.out_of_range:
        description = f"chargingProfile: {refusal.reason}"
        return Reply(Refusal(error_code=ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, description=description))
    return Reply(RemoteStartTransactionResponse(status=RemoteStartStopStatus.REJECTED))


def _may_start(state: StationState, connector_id: int, id_tag: str, at_ms: int) -> bool:
    if connector_id < 1 or not state.connectors.has(connector_id):
        return False
    connector = state.connectors[connector_id]
    if refusal(state, connector_id) is not None or connector.grant is not None or connector.held_for is not None:
        return False
    if is_pending(state, connector_id):
        return False
    parent_id_tag = known_parent(state, id_tag, at_ms)
    if not reservations.blocks(state, connector_id, id_tag, parent_id_tag):
        return True
    # Kept for a group: only the answer to Authorize shows whether the tag belongs to it.
    return parent_id_tag is None and reservations.needs_parent(state, connector_id)


def _choose(state: StationState, id_tag: str, at_ms: int) -> int | None:
    """Without a connectorId: the one reserved for the tag, else the longest-waiting plugged one, else the first free.

    One that is kept for a group, of which the tag may be, only if there is no other.
    """
    able = [item for item in state.connectors.real if _may_start(state, item.connector_id, id_tag, at_ms)]
    parent_id_tag = known_parent(state, id_tag, at_ms)
    for item in able:
        if reservations.reservation_for(state, item.connector_id, id_tag, parent_id_tag) is not None:
            return item.connector_id
    open_to_all = [item for item in able if not reservations.blocks(state, item.connector_id, id_tag, parent_id_tag)]
    usable = usable_cables(open_to_all or able)
    plugged = [item for item in usable if item.occupied_since_ms is not None]
    if plugged:
        return min(plugged, key=lambda item: (item.occupied_since_ms or 0, item.connector_id)).connector_id
    return usable[0].connector_id if usable else None


def _stop(state: StationState, request: RemoteStopTransaction, at_ms: int) -> Reply:
    transaction = state.transactions.by_transaction_id(request.transaction_id)
    if state.registration.status != ACCEPTED or transaction is None:
        return Reply(RemoteStopTransactionResponse(status=RemoteStartStopStatus.REJECTED))
    accepted = RemoteStopTransactionResponse(status=RemoteStartStopStatus.ACCEPTED)
    return Reply(accepted, stop(state, transaction, "Remote", at_ms))


def _unlock(state: StationState, request: UnlockConnector, at_ms: int) -> Reply:
    number = request.connector_id
    if number < 1 or not state.connectors.has(number) or not state.connectors.has_lock:
        return Reply(UnlockConnectorResponse(status=UnlockStatus.NOT_SUPPORTED))
    events: list[Event] = []
    transaction = state.transactions.on(number)
    if transaction is not None:
        events += stop(state, transaction, "UnlockCommand", at_ms)
    elif state.connectors[number].grant is not None:
        events.append(AuthorizationEnded(connector_id=number, reason="UnlockConnector"))
    events.append(UnlockRequested(connector_id=number))
    return Reply(Deferral(connector_id=number, due_ms=at_ms + UNLOCK_WITHIN_MS), events)


def _answer(call: OpenCall, status: UnlockStatus) -> CallAnswered:
    return answered(call.connection, call.message_id, call.action, UnlockConnectorResponse(status=status))


def _answer_unlock(state: StationState, at_ms: int) -> Events:
    """The lock's feedback has come for an UnlockConnector that waits for it, or the cable is out."""
    events: list[Event] = []
    for call in state.link.open_calls:
        connector = state.connectors[call.connector_id]
        if call.action == UNLOCK and not connector.unlock_wanted:
            held = connector.locked and state.connectors.occupied(connector)
            status = UnlockStatus.UNLOCK_FAILED if held else UnlockStatus.UNLOCKED
            events.append(_answer(call, status))
    return events


def _on_deadline(state: StationState, event: DeadlineReached, at_ms: int) -> Events:
    if event.name != "unlock":
        return ()
    return tuple(
        _answer(call, UnlockStatus.UNLOCK_FAILED)
        for call in state.link.open_calls
        if call.action == UNLOCK and call.due_ms <= at_ms
    )


def _deadlines(state: StationState) -> Iterable[Deadline]:
    for call in state.link.open_calls:
        if call.action == UNLOCK:
            yield Deadline(due_ms=call.due_ms, name="unlock", key=call.connector_id)


FEATURE = Feature(
    name="remote control",
    ocpp_profile="Core",
    answers=(
        Answer(action="RemoteStartTransaction", decide=_start),
        Answer(action="RemoteStopTransaction", decide=_stop),
        Answer(action=UNLOCK, decide=_unlock),
    ),
    observes={DeadlineReached: _on_deadline},
    rules=(Rule(decide=_answer_unlock, reads=("link", "connectors")),),
    deadlines=_deadlines,
    config_keys=(AUTHORIZE_REMOTE_TX_REQUESTS,),
)
