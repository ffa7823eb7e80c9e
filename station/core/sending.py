"""The text frame that an event puts on the wire: what the link writes, and what replay shows of it."""

from eventstore.catalogue.link import CallAnswered, CallDispatched, CallPrepared
from station.wire.frames import format_call, format_call_error, format_call_result


def frame_of(event: CallDispatched | CallPrepared | CallAnswered) -> str:
    """The frame of a CALL of ours or of our answer; its payload's bytes are exactly those recorded."""
    if isinstance(event, CallDispatched | CallPrepared):
        return format_call(event.message_id, event.action, event.payload)
    if event.error_code:
        return format_call_error(event.message_id, event.error_code, event.description)
    return format_call_result(event.message_id, event.payload)
