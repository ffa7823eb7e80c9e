"""Tags that are asked about again: the CSMS answered ConcurrentTx while a StopTransaction of theirs was still queued.

Why, and when it is so, stands in `station.rules.postponing`. Here it ends: by another Authorize once the stop is answered; by
the offline rules, if the link goes and they let the tag start; by a refusal, when ConnectionTimeOut has passed or the connector
can no longer be used.
"""

from collections.abc import Iterable

from eventstore.catalogue.authorization import AuthorizationDenied, AuthorizationPostponed, AuthorizeQueued, IdTagInfo
from eventstore.catalogue.lifecycle import DeadlineReached
from projections.authorization import GO_ON
from projections.station import StationState
from station.core.feature import Deadline, Events, Feature, Rule
from station.rules import reservations
from station.rules.authorizing import READS, conclude, is_pending, refusal
from station.rules.deauthorizing import deauthorize
from station.rules.identification import Granted, Inquiry, look_up
from station.rules.postponing import CONCURRENT_TX, owes_stop

ASK_AGAIN = "ask_again"


def _go_on(state: StationState, at_ms: int) -> Events:
    """What becomes of each now."""
    return tuple(event for item in state.authorization.postponed for event in _next(state, item, at_ms))


def _next(state: StationState, item: AuthorizationPostponed, at_ms: int) -> Events:
    number = item.connector_id
    if item.purpose != GO_ON and (reason := _obstacle(state, number)) is not None:
        return (AuthorizationDenied(connector_id=number, id_tag=item.id_tag, reason=reason),)
    if not state.online:
        return () if item.purpose == GO_ON else _start_offline(state, item, at_ms)
    if is_pending(state, number) or owes_stop(state, item.id_tag, item.parent_id_tag):
        return ()
    return (AuthorizeQueued(id_tag=item.id_tag, connector_id=number, purpose=item.purpose, remote=item.remote),)


def _obstacle(state: StationState, connector_id: int | None) -> str | None:
    reason = refusal(state, connector_id)
    if reason is None and connector_id is not None and state.connectors[connector_id].grant is not None:
        return "taken by another tag"
    return reason


def _start_offline(state: StationState, item: AuthorizationPostponed, at_ms: int) -> Events:
    """The offline rules may let the tag start (3.5); where they do not, the link may be back in time."""
    verdict = look_up(state, Inquiry.START_OFFLINE, item.id_tag, at_ms)
    number = item.connector_id
    if not isinstance(verdict, Granted):
        return ()
    if reservations.blocks(state, number or 0, item.id_tag, verdict.parent_id_tag):
        return ()
    return conclude(state, number, item.id_tag, verdict)


def _deadlines(state: StationState) -> Iterable[Deadline]:
    for item in state.authorization.postponed:
        if item.due_ms is not None:
            yield Deadline(due_ms=item.due_ms, name=ASK_AGAIN, key=item.connector_id or 0)


def _on_deadline(state: StationState, event: DeadlineReached, at_ms: int) -> Events:
    """It is a refusal after all."""
    if event.name != ASK_AGAIN:
        return ()
    over = (item for item in state.authorization.postponed if item.due_ms is not None and item.due_ms <= at_ms)
    return tuple(event for item in over for event in _refuse(state, item, at_ms))


def _refuse(state: StationState, item: AuthorizationPostponed, at_ms: int) -> Events:
    transaction = None if item.connector_id is None else state.transactions.on(item.connector_id)
    if item.purpose == GO_ON and transaction is not None:
        return deauthorize(state, transaction, IdTagInfo(status=CONCURRENT_TX), at_ms)
    return (AuthorizationDenied(connector_id=item.connector_id, id_tag=item.id_tag, reason=CONCURRENT_TX),)


FEATURE = Feature(
    name="asking again",
    ocpp_profile="Core",
    observes={DeadlineReached: _on_deadline},
    rules=(
        Rule(
            decide=_go_on,
            reads=READS,
        ),
    ),
    deadlines=_deadlines,
)
