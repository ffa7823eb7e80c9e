"""Authorization: a tag at the reader, Authorize (4.1), the cache (3.5.1, 5.4), and authorizations that lapse.

A presented tag, in this order: it stops the transaction it started (or one of its group), it releases a cable that is
held for it, it takes back its own authorization (second presentation), or it asks to start. At a common reader a tag
that the CSMS must be asked about may turn out to be of a group: then it means that group's transaction after all.
ConnectionTimeOut runs from the beginning of Preparing (errata 3.76, 3.87). ConcurrentTx matters to a start only (7.2): a tag
of the group stops or releases all the same. Where it is no refusal yet stands in `station.rules.postponing`.
"""

from collections.abc import Iterable

from eventstore.catalogue.authorization import (
    AuthorizationDenied,
    AuthorizationEnded,
    AuthorizationGranted,
    AuthorizeQueued,
    CacheCleared,
    IdTagInfo,
)
from eventstore.catalogue.connectors import PreparingTimedOut, UnlockRequested
from eventstore.catalogue.hardware import IdTagPresented
from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.link import CallSettled
from eventstore.event import Event
from projections.authorization import GO_ON, UNANSWERED
from projections.connector import Connector
from projections.outbox import AUTHORIZE, Owed
from projections.station import StationState
from projections.transactions import Transaction
from station.core.feature import Answer, Call, Deadline, Events, Failure, Feature, Rendered, Reply, Rule
from station.rules import reservations
from station.rules.authorizing import (
    EITHER,
    READS,
    RELEASE,
    START,
    STOP,
    begin,
    conclude,
    is_awaited,
    is_pending,
    refusal,
)
from station.rules.deauthorizing import deauthorize
from station.rules.identification import (
    ALLOW_OFFLINE_TX_FOR_UNKNOWN_ID,
    AUTHORIZATION_CACHE_ENABLED,
    ID_TAG_LENGTH_MAX,
    LOCAL_AUTHORIZE_OFFLINE,
    LOCAL_PRE_AUTHORIZE,
    Ask,
    Denied,
    Granted,
    Inquiry,
    Source,
    group_inquiry,
    look_up,
)
from station.rules.idtag_info import info_of, passing_word, received
from station.rules.postponing import CONCURRENT_TX, CONNECTION_TIME_OUT, postponed, waiting_at
from station.rules.routing import choose, may_be_of_a_group, of_group, plugged_meanwhile
from station.rules.transaction_rules import group, same_group, same_tag, stop
from station.wire.enums import ClearCacheStatus
from station.wire.messages.core import Authorize, AuthorizeResponse, ClearCache, ClearCacheResponse
from station.wire.primitives import is_blank


def _on_presented(state: StationState, event: IdTagPresented, at_ms: int) -> Events:
    id_tag = event.id_tag
    if is_blank(id_tag) or len(id_tag) > ID_TAG_LENGTH_MAX:
        return (AuthorizationDenied(connector_id=event.connector_id, id_tag=id_tag[:20], reason="no valid idTag"),)
    connector_id = event.connector_id if event.connector_id is not None else choose(state, id_tag, at_ms)
    if event.connector_id is None and may_be_of_a_group(state, connector_id, id_tag, at_ms):
        asked = AuthorizeQueued(id_tag=id_tag, connector_id=connector_id, purpose=EITHER)
        return () if is_awaited(state, connector_id, id_tag) else (asked,)
    if connector_id is None:
        waiting = state.connectors.waiting
        if waiting is not None and same_tag(waiting.id_tag, id_tag):
            return (AuthorizationEnded(connector_id=None, reason="Cancelled"),)
        return begin(state, None, id_tag, at_ms)
    if connector_id < 1 or not state.connectors.has(connector_id):
        return (AuthorizationDenied(connector_id=None, id_tag=id_tag, reason=f"no connector {connector_id}"),)
    connector = state.connectors[connector_id]
    transaction = state.transactions.on(connector_id)
    if transaction is not None:
        return _at_transaction(state, transaction, id_tag, at_ms)
    if connector.held_for is not None:
        return _at_held_cable(state, connector, id_tag, at_ms)
    if connector.grant is not None:
        if same_tag(connector.grant.id_tag, id_tag):
            return (AuthorizationEnded(connector_id=connector_id, reason="Cancelled"),)
        return (AuthorizationDenied(connector_id=connector_id, id_tag=id_tag, reason="taken by another tag"),)
    return begin(state, connector_id, id_tag, at_ms)


def _at_transaction(state: StationState, transaction: Transaction, id_tag: str, at_ms: int) -> Events:
    """The starting tag stops it; another only with the same parentIdTag, which is asked for only if there is one."""
    if same_tag(transaction.id_tag, id_tag):
        return stop(state, transaction, "Local", at_ms, id_tag=id_tag)
    return _for_group(state, transaction.connector_id, transaction.parent_id_tag, id_tag, STOP, at_ms)


def _at_held_cable(state: StationState, connector: Connector, id_tag: str, at_ms: int) -> Events:
    held = connector.held_for
    assert held is not None, "only asked for a held cable"
    if same_tag(held.id_tag, id_tag):
        return (UnlockRequested(connector_id=connector.connector_id),)
    return _for_group(state, connector.connector_id, held.parent_id_tag, id_tag, RELEASE, at_ms)


def _for_group(
    state: StationState, connector_id: int, parent_id_tag: str | None, id_tag: str, purpose: str, at_ms: int
) -> Events:
    denied = AuthorizationDenied(connector_id=connector_id, id_tag=id_tag, reason="belongs to another tag")
    if group(parent_id_tag) is None or is_pending(state, connector_id):
        return (denied,)
    verdict = look_up(state, group_inquiry(state), id_tag, at_ms)
    if isinstance(verdict, Ask):
        return (AuthorizeQueued(id_tag=id_tag, connector_id=connector_id, purpose=purpose),)
    if isinstance(verdict, Granted) and same_group(parent_id_tag, verdict.parent_id_tag):
        return _let(state, connector_id, id_tag, purpose, at_ms)
    return (denied,)


def _let(state: StationState, connector_id: int, id_tag: str, purpose: str, at_ms: int) -> Events:
    if purpose == RELEASE:
        return (UnlockRequested(connector_id=connector_id),)
    transaction = state.transactions.on(connector_id)
    return () if transaction is None else stop(state, transaction, "Local", at_ms, id_tag=id_tag)


def _render(state: StationState, event: AuthorizeQueued, at_ms: int) -> Rendered:
    return Rendered(request=Authorize(id_tag=event.id_tag))


def _on_result(state: StationState, owed: Owed, response: AuthorizeResponse, at_ms: int) -> Events:
    asked = owed.event
    assert isinstance(asked, AuthorizeQueued)
    info = info_of(response.id_tag_info)
    later = postponed(state, asked, info, at_ms) if _is_about_a_start(state, asked, info) else None
    if later is not None:
        return (*passing_word(asked.id_tag, info), later)
    return (*received(state, asked.id_tag, info, at_ms), *_conclude(state, asked, info, at_ms))


def _is_about_a_start(state: StationState, asked: AuthorizeQueued, info: IdTagInfo) -> bool:
    return asked.purpose == START or (asked.purpose == EITHER and of_group(state, info.parent_id_tag) is None)


def _conclude(state: StationState, asked: AuthorizeQueued, info: IdTagInfo, at_ms: int) -> Events:
    if asked.purpose == GO_ON:
        return _conclude_transaction(state, asked, info, at_ms)
    if info.status in ("Accepted", CONCURRENT_TX):
        if asked.purpose == EITHER and (used := of_group(state, info.parent_id_tag)) is not None:
            purpose = RELEASE if used.transaction_number is None else STOP
            return _let(state, used.connector_id, asked.id_tag, purpose, at_ms)
        if asked.purpose in (STOP, RELEASE):
            return _conclude_group(state, asked, info, at_ms)
    if info.status != "Accepted":
        return (AuthorizationDenied(connector_id=asked.connector_id, id_tag=asked.id_tag, reason=info.status),)
    return _conclude_start(state, asked, info, at_ms)


def _conclude_start(state: StationState, asked: AuthorizeQueued, info: IdTagInfo, at_ms: int) -> Events:
    number = asked.connector_id
    if number is None:
        number = plugged_meanwhile(state, asked.id_tag, info.parent_id_tag)
    reason = refusal(state, number)
    if reason is None and reservations.blocks(state, number or 0, asked.id_tag, info.parent_id_tag):
        reason = "Reserved"
    if reason is None and number is not None and state.connectors[number].grant is not None:
        reason = "taken by another tag"
    verdict = Granted(source=Source.CSMS, parent_id_tag=info.parent_id_tag) if reason is None else Denied(reason=reason)
    return conclude(state, number, asked.id_tag, verdict, remote=asked.remote)


def _conclude_group(state: StationState, asked: AuthorizeQueued, info: IdTagInfo, at_ms: int) -> Events:
    assert asked.connector_id is not None, "a stop or a release is at a connector"
    transaction = state.transactions.on(asked.connector_id)
    held = state.connectors[asked.connector_id].held_for
    owner = transaction if asked.purpose == STOP else held
    if owner is not None and same_group(owner.parent_id_tag, info.parent_id_tag):
        return _let(state, asked.connector_id, asked.id_tag, asked.purpose, at_ms)
    return (AuthorizationDenied(connector_id=asked.connector_id, id_tag=asked.id_tag, reason="belongs to another tag"),)


def _conclude_transaction(state: StationState, asked: AuthorizeQueued, info: IdTagInfo, at_ms: int) -> Events:
    """A transaction went on although StartTransaction was answered with ConcurrentTx: now it is decided whether it may."""
    transaction = None if asked.connector_id is None else state.transactions.on(asked.connector_id)
    if info.status == "Accepted" or transaction is None or not same_tag(transaction.id_tag, asked.id_tag):
        return ()
    return deauthorize(state, transaction, info, at_ms)


def _offline(
    state: StationState, asked: AuthorizeQueued, at_ms: int, inquiry: Inquiry = Inquiry.START_OFFLINE
) -> Events:
    """Authorize stays unanswered: the offline rules decide (3.5)."""
    number = asked.connector_id
    if asked.purpose in (STOP, RELEASE):
        return (AuthorizationDenied(connector_id=number, id_tag=asked.id_tag, reason=UNANSWERED),)
    verdict = look_up(state, inquiry, asked.id_tag, at_ms)
    if asked.purpose == GO_ON:
        said = IdTagInfo(status="Accepted" if isinstance(verdict, Granted) else CONCURRENT_TX)
        return _conclude_transaction(state, asked, said, at_ms)
    reason = refusal(state, number)
    parent_id_tag = verdict.parent_id_tag if isinstance(verdict, Granted) else None
    if reason is None and reservations.blocks(state, number or 0, asked.id_tag, parent_id_tag):
        reason = "Reserved"
    return conclude(state, number, asked.id_tag, verdict if reason is None else Denied(reason=reason))


def _on_failure(state: StationState, owed: Owed, failure: Failure, at_ms: int) -> Events:
    """An unknown tag may start offline (9.1.1), but the link is not down because an answer could not be read."""
    assert isinstance(owed.event, AuthorizeQueued)
    unread = failure.kind in ("malformed", "unsendable")
    return _offline(state, owed.event, at_ms, Inquiry.START_UNREAD if unread else Inquiry.START_OFFLINE)


def _without_csms(state: StationState, at_ms: int) -> Events:
    """An Authorize that can no longer be sent is decided offline, and taken out of the outbox."""
    if state.online:
        return ()
    events: list[Event] = []
    for owed in state.outbox.calls:
        if owed.lane == AUTHORIZE and isinstance(owed.event, AuthorizeQueued):
            events.append(
                CallSettled(message_id="", action=owed.action, lane=owed.lane, owed_seq=owed.seq, outcome="void")
            )
            events.extend(_offline(state, owed.event, at_ms))
    return events


def _give_to_plugged(state: StationState, at_ms: int) -> Events:
    """An authorization that waited for a cable goes to the connector that is plugged in next."""
    waiting = state.connectors.waiting
    if waiting is None:
        return ()
    for connector in state.connectors.real:
        since_ms = connector.occupied_since_ms
        if since_ms is None or since_ms < waiting.since_ms or connector.grant is not None:
            continue
        number = connector.connector_id
        if refusal(state, number) or reservations.blocks(state, number, waiting.id_tag, waiting.parent_id_tag):
            continue
        held = reservations.reservation_for(state, number, waiting.id_tag, waiting.parent_id_tag)
        return (
            AuthorizationGranted(
                connector_id=number,
                id_tag=waiting.id_tag,
                parent_id_tag=waiting.parent_id_tag,
                source=waiting.source,
                reservation_id=None if held is None else held.reservation_id,
            ),
        )
    return ()


def _withdraw(state: StationState, at_ms: int) -> Events:
    """An authorization ends when its connector can no longer be used: fault, unavailability, reset, shutdown."""
    events = [
        AuthorizationEnded(connector_id=connector.connector_id, reason=reason)
        for connector in state.connectors.real
        if connector.grant is not None and (reason := refusal(state, connector.connector_id)) is not None
    ]
    if state.connectors.waiting is not None and (reason := refusal(state, None)) is not None:
        events.append(AuthorizationEnded(connector_id=None, reason=reason))
    return events


def _timeout_ms(state: StationState, connector: Connector) -> int | None:
    timeout_s = CONNECTION_TIME_OUT.of(state)
    if timeout_s == 0 or connector.preparing_since_ms is None or connector.timed_out:
        return None
    if connector.grant is not None and connector.connected:
        return None  # tag and vehicle are both there: no time-out
    if any(waiting_at(state, connector.connector_id)):
        return None  # as long as the tag is to be asked about again
    return connector.preparing_since_ms + timeout_s * 1000


def _waiting_timeout_ms(state: StationState) -> int | None:
    timeout_s = CONNECTION_TIME_OUT.of(state)
    if state.connectors.waiting is None or timeout_s == 0:
        return None
    return state.connectors.waiting.since_ms + timeout_s * 1000


def _deadlines(state: StationState) -> Iterable[Deadline]:
    for connector in state.connectors.real:
        if (due_ms := _timeout_ms(state, connector)) is not None:
            yield Deadline(due_ms=due_ms, name="connection_timeout", key=connector.connector_id)
    if (due_ms := _waiting_timeout_ms(state)) is not None:
        yield Deadline(due_ms=due_ms, name="connection_timeout", key=0)


def _on_deadline(state: StationState, event: DeadlineReached, at_ms: int) -> Events:
    if event.name != "connection_timeout":
        return ()
    if event.key == 0:
        due_ms = _waiting_timeout_ms(state)
        over = due_ms is not None and due_ms <= at_ms
        return (AuthorizationEnded(connector_id=None, reason="ConnectionTimeOut"),) if over else ()
    connector = state.connectors[event.key]
    due_ms = _timeout_ms(state, connector)
    if due_ms is None or due_ms > at_ms:
        return ()
    events: list[Event] = []
    if connector.grant is not None:
        events.append(AuthorizationEnded(connector_id=event.key, reason="ConnectionTimeOut"))
    if state.connectors.occupied(connector):
        events.append(PreparingTimedOut(connector_id=event.key))
    return events


def _clear_cache(state: StationState, request: ClearCache, at_ms: int) -> Reply:
    """Rejected where there is no cache (errata 3.23)."""
    if not AUTHORIZATION_CACHE_ENABLED.of(state):
        return Reply(ClearCacheResponse(status=ClearCacheStatus.REJECTED))
    return Reply(ClearCacheResponse(status=ClearCacheStatus.ACCEPTED), (CacheCleared(),))


FEATURE = Feature(
    name="authorization",
    ocpp_profile="Core",
    answers=(Answer(action="ClearCache", decide=_clear_cache),),
    calls=(Call(event=AuthorizeQueued, render=_render, on_result=_on_result, on_failure=_on_failure),),
    observes={IdTagPresented: _on_presented, DeadlineReached: _on_deadline},
    rules=(
        Rule(
            decide=_without_csms,
            reads=(*READS, "temperatures"),
        ),
        Rule(decide=_withdraw, reads=("boot", "registration", "connectors", "maintenance")),
        Rule(
            decide=_give_to_plugged,
            reads=("boot", "description", "registration", "connectors", "reservations", "maintenance"),
        ),
    ),
    deadlines=_deadlines,
    config_keys=(
        CONNECTION_TIME_OUT,
        LOCAL_PRE_AUTHORIZE,
        LOCAL_AUTHORIZE_OFFLINE,
        ALLOW_OFFLINE_TX_FOR_UNKNOWN_ID,
        AUTHORIZATION_CACHE_ENABLED,
    ),
)
