"""CALLs of ours: which one leaves next, how long it waits for its answer, and when it goes again (section 3.7, OCPP-J 4.1).

Theory of operation
    At most one CALL of ours is unanswered at a time (OCPP-J 4.1.1). Which one leaves next is decided by `next_call`
    from the outbox alone. A request is rendered when it is first dispatched and its payload bytes are frozen then: a
    retry repeats them under a new message id, but a call that a lost link left unanswered keeps its id on the next
    connection, where that id is new (OCPP-J 4.1.4). An entry that cannot be rendered, by our own fault, ends on record:
    what can never leave must not hold up what can.

    A time-out never counts as a failure to process: a transaction-related message waits as after a failure and goes
    again; after the third in a row on one connection, that connection is opened anew. A security event waits in the same
    way, but what a CSMS does with it is no reason to close the link.
"""

from collections.abc import Iterator

from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.link import (
    CallDispatched,
    CallPrepared,
    CallSettled,
    CallTimedOut,
    CallVoided,
    LinkCloseDecided,
)
from eventstore.event import Event
from projections.outbox import (
    AUTHORIZE,
    BOOT,
    CONFIRMED,
    HEARTBEAT,
    NOTICE,
    PRIORITY,
    SECURITY,
    STATUS,
    TRANSACTION,
    Owed,
)
from projections.registration import ACCEPTED, REJECTED
from projections.station import StationState
from station.core.config_keys import Access, ConfigKey, Integer
from station.core.feature import Deadline, Events, Failure, Registry
from station.wire.frames import format_payload
from station.wire.schema import dump

MESSAGE_TIMEOUT = ConfigKey(
    name="MessageTimeout",
    kind=Integer(minimum=1, maximum=3600),
    access=Access.READ_WRITE,
    default=lambda state: state.described.call_timeout_s,
    unit="s",
    clause="errata 3.82",
    doc="How long a CALL waits for its answer.",
)
TRANSACTION_MESSAGE_ATTEMPTS = ConfigKey(
    name="TransactionMessageAttempts",
    kind=Integer(minimum=1),
    access=Access.READ_WRITE,
    default=3,
    required=True,
    unit="times",
    clause="9.1.31",
    doc="How often a transaction-related message is submitted when the CSMS fails to process it.",
)
TRANSACTION_MESSAGE_RETRY_INTERVAL = ConfigKey(
    name="TransactionMessageRetryInterval",
    kind=Integer(maximum=86_400),
    access=Access.READ_WRITE,
    default=60,
    required=True,
    unit="s",
    clause="9.1.32",
    doc="How long to wait before a transaction-related message is submitted again, times the submissions so far.",
)

TIMEOUTS_MAX = 3  # in a row on one entry: then the link is opened anew
TIMEOUT_WAIT_MAX_MS = 3_600_000
BOOT_INTERVAL_S = 60  # between BootNotifications where the CSMS gave none

CALL_TIMEOUT, RETRY = "call_timeout", "retry"


def deadlines(state: StationState) -> Iterator[Deadline]:
    """When the call in flight has waited long enough, and when what failed or was not answered may go again."""
    in_flight = state.outbox.in_flight
    if in_flight is not None:
        yield Deadline(
            due_ms=in_flight.sent_ms + MESSAGE_TIMEOUT.of(state) * 1000, name=CALL_TIMEOUT, key=in_flight.owed_seq
        )
    elif state.online and not state.link.close_wanted:
        for owed in (_oldest_of_transactions(state), _oldest_security_event(state)):
            if (due_ms := _again_ms(state, owed)) is not None:
                yield Deadline(due_ms=due_ms, name=RETRY)


def is_call_timeout(state: StationState, deadline: DeadlineReached) -> bool:
    """Whether the deadline is that of the call in flight; an answer, and another transmission, may have come first."""
    in_flight = state.outbox.in_flight
    if deadline.name != CALL_TIMEOUT or in_flight is None or in_flight.owed_seq != deadline.key:
        return False
    return deadline.due_ms >= in_flight.sent_ms + MESSAGE_TIMEOUT.of(state) * 1000


def time_out(state: StationState, at_ms: int, registry: Registry) -> Iterator[Event]:
    """The call in flight waited MessageTimeout in vain (errata 3.82)."""
    in_flight = state.outbox.in_flight
    if in_flight is None:
        return
    owed = state.outbox.entry(in_flight.owed_seq)
    attempt = state.outbox.attempt_for(in_flight.owed_seq)
    keeps = owed is not None and attempt is not None and owed.lane in CONFIRMED
    retry_due_ms = None
    if keeps and attempt is not None:
        wait_ms = TRANSACTION_MESSAGE_RETRY_INTERVAL.of(state) * 1000 * attempt.transmissions
        retry_due_ms = at_ms + min(wait_ms, TIMEOUT_WAIT_MAX_MS)
    yield CallTimedOut(
        message_id=in_flight.message_id,
        action=in_flight.action,
        lane=in_flight.lane,
        owed_seq=in_flight.owed_seq,
        ends_entry=not keeps,
        retry_due_ms=retry_due_ms,
    )
    if owed is not None and not keeps:
        yield from registry.calls[type(owed.event)].on_failure(state, owed, Failure(kind="timeout"), at_ms)
    if attempt is not None and attempt.timeouts + 1 >= TIMEOUTS_MAX and in_flight.lane != SECURITY:
        yield LinkCloseDecided(connection=in_flight.connection, reason=f"{TIMEOUTS_MAX} calls unanswered in a row")


def _first(state: StationState, lane: str) -> Owed | None:
    return next((owed for owed in state.outbox.calls if owed.lane == lane), None)


def _oldest_of_transactions(state: StationState) -> Owed | None:
    return state.outbox.window[0] if state.outbox.window else None


def _oldest_security_event(state: StationState) -> Owed | None:
    """None goes to a CSMS that has said that it knows none."""
    return None if state.security.refused else _first(state, SECURITY)


def _again_ms(state: StationState, owed: Owed | None) -> int | None:
    """When an entry may go again, if it waits for that."""
    attempt = None if owed is None else state.outbox.attempt_for(owed.seq)
    return None if attempt is None else attempt.retry_due_ms


def _unless_it_waits(state: StationState, owed: Owed | None, at_ms: int) -> Owed | None:
    due_ms = _again_ms(state, owed)
    return owed if due_ms is None or due_ms <= at_ms else None


def next_call(state: StationState, at_ms: int) -> Owed | None:
    """Which entry leaves next, if one may (4.2, OCPP-J 4.1.1).

    BootNotification before all; before Accepted only what was triggered; Authorize and triggered messages before any
    queue. Status messages and transaction-related ones keep the order in which they arose on this connection; what the
    outage left behind does not hold a status up. A security event, then a heartbeat, where nothing else waits.
    """
    if not state.link.up or state.link.close_wanted or state.outbox.in_flight is not None:
        return None
    first = _pick(state, _unless_it_waits(state, _oldest_of_transactions(state), at_ms))
    if first is not None or not state.online:
        return first
    return _unless_it_waits(state, _oldest_security_event(state), at_ms) or _first(state, HEARTBEAT)


def _pick(state: StationState, transactional: Owed | None) -> Owed | None:
    """The choice between the lanes that go first, given what the transaction lane offers."""
    status = state.registration.status
    if (boot := _first(state, BOOT)) is not None:
        return boot
    if status == REJECTED:
        return None
    if status != ACCEPTED:
        return _first(state, PRIORITY)
    if (urgent := _first(state, AUTHORIZE) or _first(state, PRIORITY)) is not None:
        return urgent
    current = _first(state, STATUS) or _first(state, NOTICE)
    if transactional is None or current is None:
        return transactional or current
    arose_here = transactional.seq > state.link.opened_seq
    return transactional if arose_here and transactional.seq < current.seq else current


def upcoming(state: StationState, registry: Registry) -> Owed | None:
    """What will leave after the answer to the transaction-related call in flight, if that is certain enough to be
    recorded ahead: the next of its lane or a status, whichever goes first, if its bytes do not depend on that answer.

    After a call whose answer the next of the lane may need only a status; only entries never tried before.
    """
    outbox, in_flight = state.outbox, state.outbox.in_flight
    if in_flight is None or in_flight.lane != TRANSACTION or state.link.close_wanted:
        return None
    if not outbox.window or outbox.window[0].seq != in_flight.owed_seq:
        return None
    following = _pick(state, outbox.window[1] if len(outbox.window) > 1 else None)
    if following is None or outbox.attempt_for(following.seq) is not None:
        return None
    if following.lane == TRANSACTION:
        return None if registry.calls[type(outbox.window[0].event)].needs_usable_answer else following
    return following if following.lane == STATUS else None


def prepare(state: StationState, at_ms: int, registry: Registry) -> Events:
    """Records the next transaction-related call ahead of its turn, or calls it off (see the link, which sends it).

    So the answer to one call and the sending of the next do not wait for the disk in between.
    """
    prepared, following = state.outbox.prepared, upcoming(state, registry)
    if prepared is not None:
        if following is not None and following.seq == prepared.owed_seq:
            return ()
        return (CallVoided(message_id=prepared.message_id, owed_seq=prepared.owed_seq),)
    if following is None or state.outbox.voided is not None:
        return ()
    try:
        rendered = registry.calls[type(following.event)].render(state, following.event, at_ms)
        payload = format_payload(dump(rendered.request))
    except Exception:  # noqa: BLE001  # whatever is wrong with it is dealt with when its turn comes
        return ()
    return (
        CallPrepared(
            connection=state.link.connection,
            message_id=_next_message_id(state),
            action=following.action,
            lane=following.lane,
            owed_seq=following.seq,
            payload=payload,
            number=following.number,
            latest_utc_ms=rendered.latest_utc_ms,
        ),
    )


def left_ahead(state: StationState, message_id: str) -> CallDispatched | None:
    """The call that the link sent on the arrival of an answer, as it was recorded ahead."""
    ahead = state.outbox.ahead(message_id)
    return None if ahead is None else _as_dispatched(ahead)


def _as_dispatched(ahead: CallPrepared) -> CallDispatched:
    return CallDispatched(
        connection=ahead.connection,
        message_id=ahead.message_id,
        action=ahead.action,
        lane=ahead.lane,
        owed_seq=ahead.owed_seq,
        payload=ahead.payload,
        number=ahead.number,
        latest_utc_ms=ahead.latest_utc_ms,
    )


def _next_message_id(state: StationState) -> str:
    """Installation, boot and a counter: never twice, whatever connection it is for (OCPP-J 4.1.4)."""
    return f"{state.clock.installation}-{state.clock.boot:x}-{state.link.calls_made + 1:x}"


def dispatch(state: StationState, at_ms: int, registry: Registry) -> Events:
    """The next CALL of ours, rendered and numbered; or the end of an entry that cannot be; nothing if none may leave."""
    owed = next_call(state, at_ms)
    if owed is None:
        return ()
    prepared = state.outbox.prepared
    if prepared is not None and prepared.owed_seq == owed.seq:
        return (_as_dispatched(prepared),)
    attempt = state.outbox.attempt_for(owed.seq)
    message_id = _next_message_id(state)
    if attempt is not None:
        return (_dispatched(state, owed, attempt.message_ids[-1] if attempt.keep_id else message_id, attempt.payload),)
    try:
        rendered = registry.calls[type(owed.event)].render(state, owed.event, at_ms)
        payload = format_payload(dump(rendered.request))
    except Exception as error:  # noqa: BLE001  # our bug, whatever it is, and not the end of every other message
        return _unsendable(state, owed, error, at_ms, registry)
    return (_dispatched(state, owed, message_id, payload, rendered.latest_utc_ms),)


def _dispatched(
    state: StationState, owed: Owed, message_id: str, payload: str, latest_utc_ms: int | None = None
) -> CallDispatched:
    return CallDispatched(
        connection=state.link.connection,
        message_id=message_id,
        action=owed.action,
        lane=owed.lane,
        owed_seq=owed.seq,
        payload=payload,
        number=owed.number,
        latest_utc_ms=latest_utc_ms,
    )


def _unsendable(state: StationState, owed: Owed, error: Exception, at_ms: int, registry: Registry) -> Events:
    settled = CallSettled(
        message_id="",
        action=owed.action,
        lane=owed.lane,
        owed_seq=owed.seq,
        outcome="given_up",
        description=f"cannot be sent: {type(error).__name__}: {error}"[:255],
        number=owed.number,
    )
    failure = Failure(kind="unsendable", description=settled.description)
    return (settled, *registry.calls[type(owed.event)].on_failure(state, owed, failure, at_ms))
