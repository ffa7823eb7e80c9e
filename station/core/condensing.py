"""Frames of a flood that change nothing, kept by digest, length and head instead of whole (see runtime/throttle).

`condense` looks at a frame as `exchange` would: what is refused or ignored whatever the station's state is, is condensed; what
may change anything is not. The answer that it gets follows from the condensed frame alone, so that the log proves it.
"""

import hashlib
from collections.abc import Iterator

from eventstore.catalogue.link import CallAnswered, FrameCondensed, FrameIgnored
from eventstore.event import Event
from projections.registration import REJECTED
from projections.station import StationState
from station.wire.frames import CallFrame, ErrorCode, FrameError, parse
from station.wire.messages import MESSAGES
from station.wire.schema import PayloadError, load_request

HEAD_CHARACTERS = 120


def condense(state: StationState, connection: int, text: str) -> FrameCondensed | None:
    """The frame as it is kept if it changes nothing, else None. `state` is a state that is not older than our last call."""
    try:
        frame = parse(text)
    except FrameError as error:
        return _condensed_fault(state, connection, text, error)
    if isinstance(frame, CallFrame):
        refusal = _refusal(frame)
        return None if refusal is None else _condensed(connection, text, frame.message_id, *refusal)
    if _is_awaited(state, frame.message_id):
        return None
    reason = f"answer to a call that was not made or is settled: {frame.message_id[:50]}"
    return _condensed(connection, text, "", "", reason)


def _condensed_fault(state: StationState, connection: int, text: str, error: FrameError) -> FrameCondensed | None:
    message_id = error.message_id or ""
    if error.is_answerable:
        return _condensed(connection, text, message_id, error.error_code, error.description)
    return None if _is_awaited(state, message_id) else _condensed(connection, text, "", "", error.description)


def _refusal(call: CallFrame) -> tuple[str, str] | None:
    """Error code and description of a CALL that is refused in every state."""
    known = MESSAGES.get(call.action)
    if known is None:
        return ErrorCode.NOT_IMPLEMENTED, f"unknown action {call.action[:50]!r}"
    if not known.is_sent_by_csms:
        return ErrorCode.NOT_SUPPORTED, f"{call.action} is not supported"
    try:
        load_request(known.request, call.payload)
    except PayloadError as error:
        return error.error_code, error.description
    return None


def _is_awaited(state: StationState, message_id: str) -> bool:
    outbox = state.outbox
    if outbox.in_flight is not None and outbox.in_flight.message_id == message_id:
        return True
    may_have_left = outbox.attempt_of(message_id) is not None or outbox.ahead(message_id) is not None
    return may_have_left or state.told_by(message_id) is not None


def _condensed(connection: int, text: str, message_id: str, error_code: str, description: str) -> FrameCondensed:
    return FrameCondensed(
        connection=connection,
        digest=hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest(),
        length=len(text),
        head=text.partition("{")[0][:HEAD_CHARACTERS],  # not the payload: what it names is withheld in an export
        message_id=message_id,
        error_code=str(error_code),
        description=description[:255],
    )


def receive(state: StationState, event: FrameCondensed, at_ms: int) -> Iterator[Event]:
    """What a condensed frame comes to: the CALLERROR that it deserves, or nothing."""
    if not state.link.up or event.connection != state.link.connection:
        yield FrameIgnored(reason="it belongs to a connection that is closed")
    elif not event.message_id:
        yield FrameIgnored(reason=event.description)
    elif state.registration.status == REJECTED:
        yield FrameIgnored(reason="a CALL: no answer while Rejected (4.2)")
    else:
        yield CallAnswered(
            connection=event.connection,
            message_id=event.message_id,
            action="",
            payload="",
            error_code=event.error_code,
            description=event.description,
        )
