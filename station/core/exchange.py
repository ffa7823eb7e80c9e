"""What a frame comes to: answers to CALLs of the CSMS, and the fate of CALLs of ours (OCPP-J 4, section 3.7).

Theory of operation
    A CALL is held to its schema, decided on by the feature that answers its action, and answered at once or, if the
    feature defers it, by that feature later. An answer settles the entry of ours that it belongs to, by any message id
    under which that entry has left; which CALL leaves next stands in `station.core.calls`.

    Only a CALLERROR is a failure to process (OCPP-J errata 3.2): for a transaction-related message it counts towards
    TransactionMessageAttempts, and the next try waits TransactionMessageRetryInterval times the transmissions so far. A
    time-out or a lost link never counts. A malformed answer settles what it answers, unless the call needs what it was
    to say (`Call.needs_usable_answer`): then it has failed, too. SecurityError means that the CSMS does not hold us
    registered (OCPP-J errata 3.8). No message is known here by its name: what is special about one stands in its `Call`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from eventstore.catalogue.link import (
    CallAnswered,
    CallDeferred,
    CallSettled,
    FrameIgnored,
    FrameReceived,
)
from eventstore.catalogue.registration import RegistrationLost
from eventstore.event import Event
from eventstore.value import Value
from projections.outbox import ACTIONS, CONFIRMED, SECURITY, Attempt, Owed
from projections.registration import ACCEPTED, REJECTED
from projections.security import REFUSED
from projections.station import StationState
from station.core.calls import BOOT_INTERVAL_S, TRANSACTION_MESSAGE_ATTEMPTS, TRANSACTION_MESSAGE_RETRY_INTERVAL
from station.core.feature import Deferral, Failure, Refusal, Registry, Reply
from station.wire.frames import (
    CALL_ERROR,
    CALL_RESULT,
    CallErrorFrame,
    CallFrame,
    CallResultFrame,
    ErrorCode,
    Frame,
    FrameError,
    format_payload,
    parse,
)
from station.wire.messages import MESSAGES
from station.wire.schema import PayloadError, dump, load_request, load_response


class ReadFrame(Value, frozen=True, kw_only=True):
    """A frame as it was read; `request` is a CALL's request, validated, if that was done beforehand, and what deviates in it."""

    frame: Frame
    request: Any = None
    deviations: tuple[str, ...] = ()


def read_large(text: str) -> ReadFrame | None:
    """What can be done for a large frame off the loop: read it and validate a CALL's payload.

    None, or no request, where something is wrong with it: the decision finds the same fault again and answers it.
    """
    try:
        frame = parse(text)
    except FrameError:
        return None
    known = MESSAGES.get(frame.action) if isinstance(frame, CallFrame) else None
    if known is None or not isinstance(frame, CallFrame):
        return ReadFrame(frame=frame)
    try:
        return _validated(frame)
    except PayloadError:
        return ReadFrame(frame=frame)


def _validated(call: CallFrame) -> ReadFrame:
    """The CALL of a known action with its request. Raises PayloadError."""
    request: Value
    request, deviations = load_request(MESSAGES[call.action].request, call.payload)
    return ReadFrame(frame=call, request=request, deviations=deviations)


def receive(state: StationState, frame: FrameReceived, at_ms: int, registry: Registry) -> Iterator[Event]:
    """What a frame comes to; never raises for what a peer may send."""
    if not state.link.up or frame.connection != state.link.connection:
        yield FrameIgnored(reason="it belongs to a connection that is closed")
        return
    try:
        read = frame.read if isinstance(frame.read, ReadFrame) else ReadFrame(frame=parse(frame.text))
    except FrameError as error:
        yield from _malformed(state, frame, error, at_ms, registry)
        return
    parsed = read.frame
    if isinstance(parsed, CallFrame):
        yield from _answer(state, parsed, read, at_ms, registry)
    else:
        yield from _settle(state, parsed, at_ms, registry)


def _malformed(
    state: StationState, frame: FrameReceived, error: FrameError, at_ms: int, registry: Registry
) -> Iterator[Event]:
    if error.is_answerable and error.message_id is not None and state.registration.status != REJECTED:
        yield CallAnswered(
            connection=frame.connection,
            message_id=error.message_id,
            action="",
            payload="",
            error_code=error.error_code,
            description=error.description,
        )
        return
    attempt = None if error.message_id is None else state.outbox.attempt_of(error.message_id)
    owed = None if attempt is None else state.outbox.entry(attempt.owed_seq)
    if error.message_id is None or attempt is None or owed is None or error.message_type not in _FAILURES:
        yield FrameIgnored(reason=error.description)
        return
    # Whatever it was to say, it is the answer to a call of ours: none other will come.
    failure = Failure(kind=_FAILURES[error.message_type], description=error.description)
    yield from _failed(state, owed, attempt, error.message_id, failure, at_ms, registry)


_FAILURES: Mapping[int | None, str] = {CALL_RESULT: "malformed", CALL_ERROR: "error"}


def apologize(state: StationState, frame: FrameReceived) -> Iterator[Event]:
    """InternalError for a CALL that we failed to decide on, by our own fault."""
    try:
        parsed = parse(frame.text)
    except FrameError:
        return
    if isinstance(parsed, CallFrame) and state.link.up and frame.connection == state.link.connection:
        yield _refused(state, parsed, ErrorCode.INTERNAL_ERROR, "the request could not be handled")


def _refused(
    state: StationState, call: CallFrame, error_code: ErrorCode, description: str, deviations: tuple[str, ...] = ()
) -> CallAnswered:
    return CallAnswered(
        connection=state.link.connection,
        message_id=call.message_id,
        action=call.action,
        payload="",
        error_code=error_code,
        description=description,
        deviations=deviations,
    )


def answered(
    connection: int, message_id: str, action: str, response: Any, deviations: tuple[str, ...] = ()
) -> CallAnswered:
    """The CALLRESULT with this response message; `deviations` are what was tolerated in the CALL."""
    return CallAnswered(
        connection=connection,
        message_id=message_id,
        action=action,
        payload=format_payload(dump(response)),
        deviations=deviations,
    )


def _answer(state: StationState, call: CallFrame, read: ReadFrame, at_ms: int, registry: Registry) -> Iterator[Event]:
    if state.registration.status == REJECTED:
        yield FrameIgnored(reason=f"{call.action}: no answer while Rejected (4.2)")
        return
    if any(known.message_id == call.message_id for known in state.link.open_calls):
        yield _refused(state, call, ErrorCode.GENERIC_ERROR, "a call with this message id is still being handled")
        return
    reply, deviations = _reply(state, call, read, at_ms, registry)
    match reply.response:
        case Refusal() as refusal:
            yield _refused(state, call, refusal.error_code, refusal.description, deviations)
        case Deferral() as deferral:
            yield CallDeferred(
                connection=state.link.connection,
                message_id=call.message_id,
                action=call.action,
                connector_id=deferral.connector_id,
                due_ms=deferral.due_ms,
            )
        case response:
            yield answered(state.link.connection, call.message_id, call.action, response, deviations)
    yield from reply.events


def _reply(
    state: StationState, call: CallFrame, read: ReadFrame, at_ms: int, registry: Registry
) -> tuple[Reply, tuple[str, ...]]:
    """What the CALL comes to, and what was tolerated in it."""
    if call.action not in MESSAGES:
        refusal = Refusal(error_code=ErrorCode.NOT_IMPLEMENTED, description=f"unknown action {call.action[:50]!r}")
        return Reply(refusal), ()
    answer = registry.answers.get(call.action)
    off_answer = registry.off_answers.get(call.action)
    if answer is None and off_answer is None:
        return Reply(Refusal(error_code=ErrorCode.NOT_SUPPORTED, description=f"{call.action} is not supported")), ()
    try:
        valid = _validated(call) if read.request is None else read
    except PayloadError as error:
        return Reply(Refusal(error_code=error.error_code, description=error.description)), ()
    if answer is not None:
        return answer.decide(state, valid.request, at_ms), valid.deviations
    assert off_answer is not None, "one of the two was found"
    return Reply(off_answer(valid.request)), valid.deviations


def _settle(
    state: StationState, answer: CallResultFrame | CallErrorFrame, at_ms: int, registry: Registry
) -> Iterator[Event]:
    attempt = state.outbox.attempt_of(answer.message_id)
    owed = None if attempt is None else state.outbox.entry(attempt.owed_seq)
    if attempt is None or owed is None:
        yield from _settle_late(state, answer, at_ms, registry)
        return
    call = registry.calls[type(owed.event)]
    if isinstance(answer, CallErrorFrame):
        failure = Failure(kind="error", error_code=answer.error_code, description=answer.description)
        yield from _failed(state, owed, attempt, answer.message_id, failure, at_ms, registry)
        return
    try:
        response: Any
        response, deviations = load_response(MESSAGES[owed.action].response, answer.payload)
    except PayloadError as error:
        failure = Failure(kind="malformed", error_code=error.error_code, description=error.description)
        concluded = call.on_part(state, owed, error.usable, at_ms)
        if concluded is None:
            yield from _failed(state, owed, attempt, answer.message_id, failure, at_ms, registry)
            return
        yield _result(state, owed, answer.message_id, (error.description,))
        yield from concluded
        return
    yield _result(state, owed, answer.message_id, deviations)
    yield from call.on_result(state, owed, response, at_ms)


def _is_late(state: StationState, message_id: str) -> bool:
    """Whether the answer is to an earlier transmission than the one in flight."""
    in_flight = state.outbox.in_flight
    return in_flight is None or in_flight.message_id != message_id


def _result(state: StationState, owed: Owed, message_id: str, deviations: tuple[str, ...]) -> CallSettled:
    return CallSettled(
        message_id=message_id,
        action=owed.action,
        lane=owed.lane,
        owed_seq=owed.seq,
        outcome="result",
        deviations=deviations,
        late=_is_late(state, message_id),
        number=owed.number,
    )


def _settle_late(
    state: StationState, answer: CallResultFrame | CallErrorFrame, at_ms: int, registry: Registry
) -> Iterator[Event]:
    """An answer that belongs to no entry of the outbox: it ends the call in flight, counts though it is late, or is ignored."""
    in_flight = state.outbox.in_flight
    if in_flight is not None and in_flight.message_id == answer.message_id:
        # Its entry was settled by a late answer to an earlier transmission; the call itself ends only now (4.1.1).
        yield CallSettled(
            message_id=answer.message_id,
            action=in_flight.action,
            lane=in_flight.lane,
            owed_seq=in_flight.owed_seq,
            outcome="void",
        )
    told = state.told_by(answer.message_id)
    if told is None or isinstance(answer, CallErrorFrame):
        if in_flight is None or in_flight.message_id != answer.message_id:
            yield FrameIgnored(reason=f"answer to a call that was not made or is settled: {answer.message_id[:50]}")
        return
    action, _ = ACTIONS[told]
    try:
        response: Any
        response, _ = load_response(MESSAGES[action].response, answer.payload)
    except PayloadError as error:
        yield FrameIgnored(reason=f"late answer to {action}: {error.description}")
        return
    yield from registry.calls[told].on_late(state, answer.message_id, response, at_ms)


def _failed(
    state: StationState,
    owed: Owed,
    attempt: Attempt,
    message_id: str,
    failure: Failure,
    at_ms: int,
    registry: Registry,
) -> Iterator[Event]:
    """A CALLERROR or a malformed answer."""
    call = registry.calls[type(owed.event)]
    registration_lost = failure.error_code == ErrorCode.SECURITY_ERROR and not call.asks_to_register
    ends, outcome, retry_due_ms = True, failure.kind, None
    waits_for_another_connection = owed.lane == SECURITY and failure.error_code in REFUSED
    if owed.lane in CONFIRMED and (registration_lost or waits_for_another_connection):
        ends = False
    elif owed.lane in CONFIRMED and (failure.kind == "error" or call.needs_usable_answer):
        ends = attempt.failures + 1 >= TRANSACTION_MESSAGE_ATTEMPTS.of(state)
        outcome = "given_up" if ends else outcome
        wait_ms = TRANSACTION_MESSAGE_RETRY_INTERVAL.of(state) * 1000 * attempt.transmissions
        retry_due_ms = None if ends else at_ms + wait_ms
    yield CallSettled(
        message_id=message_id,
        action=owed.action,
        lane=owed.lane,
        owed_seq=owed.seq,
        outcome=outcome,
        error_code=failure.error_code,
        description=failure.description[:255],
        late=_is_late(state, message_id),
        ends_entry=ends,
        retry_due_ms=retry_due_ms,
        number=owed.number,
    )
    if registration_lost and state.registration.status == ACCEPTED:
        interval_ms = (state.registration.interval_s or BOOT_INTERVAL_S) * 1000
        due_ms = max(at_ms, state.registration.answered_ms + interval_ms)
        yield RegistrationLost(reason="SecurityError (OCPP-J errata 3.8)", retry_due_ms=due_ms)
    if ends:
        yield from call.on_failure(state, owed, failure, at_ms)
