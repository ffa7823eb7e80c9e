"""Frames of OCPP-J 1.6: the JSON array around a message (OCPP-J 4).

`parse` decides what a text from the CSMS is, and, if it cannot be read, whether it must be answered. Payloads are plain
dictionaries here; `station.wire.schema` turns them into messages. The `format_` functions are the reverse, and the only
place that writes a frame: a payload's text is made once, recorded, and put into its frame as it is.

Lenient where a strict reading would leave a call of ours hanging: a CALLERROR may lack its description and its details.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Never

import orjson

from eventstore.value import Value, field

__all__ = [
    "MAX_DEPTH",
    "MAX_DESCRIPTION_LENGTH",
    "MAX_FRAME_BYTES",
    "MAX_MESSAGE_ID_LENGTH",
    "CallErrorFrame",
    "CallFrame",
    "CallResultFrame",
    "ErrorCode",
    "Frame",
    "FrameError",
    "UnknownMessageType",
    "format_call",
    "format_call_error",
    "format_call_result",
    "format_payload",
    "is_result_of",
    "may_answer",
    "parse",
]

#: Largest incoming frame, in bytes of UTF-8.
MAX_FRAME_BYTES: Final = 512 * 1024
#: Deepest nesting of arrays and objects, the frame's own array counted.
MAX_DEPTH: Final = 16
#: Longest message id of a CALL (OCPP-J 4.1.4), in characters.
MAX_MESSAGE_ID_LENGTH: Final = 36
#: Longest error description that we send, in characters.
MAX_DESCRIPTION_LENGTH: Final = 255

#: Where the message id of an answer stands: behind the type, within its 36 characters, with some white space.
_ANSWER_HEAD_CHARACTERS: Final = 80

CALL: Final = 2
CALL_RESULT: Final = 3
CALL_ERROR: Final = 4


class ErrorCode(StrEnum):
    """Error codes of a CALLERROR, as spelt in OCPP-J 4.2.3 (its errata 5.1 and 5.2 keep the two misnomers)."""

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL_ERROR = "InternalError"
    PROTOCOL_ERROR = "ProtocolError"
    SECURITY_ERROR = "SecurityError"
    FORMATION_VIOLATION = "FormationViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    OCCURRENCE_CONSTRAINT_VIOLATION = "OccurenceConstraintViolation"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    GENERIC_ERROR = "GenericError"


class CallFrame(Value, frozen=True, kw_only=True):
    """A request (OCPP-J 4.2.1). A null payload was read as the empty object."""

    message_id: str
    action: str
    payload: dict[str, Any]


class CallResultFrame(Value, frozen=True, kw_only=True):
    """The answer to a call that was handled (OCPP-J 4.2.2). A null payload was read as the empty object."""

    message_id: str
    payload: dict[str, Any]


class CallErrorFrame(Value, frozen=True, kw_only=True):
    """The answer to a call that was not handled (OCPP-J 4.2.3). The code is whatever the sender wrote."""

    message_id: str
    error_code: str
    description: str = ""
    details: dict[str, Any] = field(default_factory=dict)


Frame = CallFrame | CallResultFrame | CallErrorFrame


class FrameError(ValueError):
    """A text that is no readable frame.

    `message_type` is the MessageTypeId if it could be read, `message_id` the unique id if it is text. Only a CALL with a
    message id is answered by a CALLERROR, with `error_code` and `description`; a CALLRESULT or CALLERROR with a message id
    settles the call in flight as a malformed answer; everything else is dropped.
    """

    def __init__(
        self, error_code: ErrorCode, description: str, *, message_type: int | None = None, message_id: str | None = None
    ) -> None:
        super().__init__(f"{error_code}: {description}")
        self.error_code = error_code
        self.description = description
        self.message_type = message_type
        self.message_id = message_id

    @property
    def is_answerable(self) -> bool:
        """Whether a CALLERROR must be sent: it was a CALL and its message id is known."""
        return self.message_type == CALL and self.message_id is not None


class UnknownMessageType(FrameError):  # noqa: N818  # not our fault and no fault to report: it is ignored
    """A frame whose MessageTypeId is not 2, 3 or 4: to be ignored (OCPP-J 4.1.3)."""


def parse(text: str) -> Frame:
    """The frame that a text carries. Raises FrameError, or UnknownMessageType for a frame to ignore; nothing else."""
    if len(text) > MAX_FRAME_BYTES or (not text.isascii() and _utf8_length(text) > MAX_FRAME_BYTES):
        _reject(f"frame exceeds {MAX_FRAME_BYTES} bytes")
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FrameError(ErrorCode.FORMATION_VIOLATION, f"not JSON: {error.msg}") from None
    if not isinstance(frame, list) or not frame:
        _reject("not a JSON array with a message type")
    message_type = frame[0] if type(frame[0]) is int else None
    if message_type not in (CALL, CALL_RESULT, CALL_ERROR):
        raise UnknownMessageType(ErrorCode.FORMATION_VIOLATION, "unknown message type", message_type=message_type)
    message_id = frame[1] if len(frame) > 1 else None
    if not isinstance(message_id, str):
        _reject("the message id is not text", message_type)
    if _is_deeper_than(frame, MAX_DEPTH):
        _reject(f"nested deeper than {MAX_DEPTH}", message_type, message_id)
    match message_type:
        case 2:
            return _parse_call(message_id, frame)
        case 3:
            return _parse_call_result(message_id, frame)
        case _:
            return _parse_call_error(message_id, frame)


def array_of(text: str) -> list[object] | None:
    """A frame's array as it stands, for showing it; None if the text is not a frame."""
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return frame if isinstance(frame, list) and len(frame) > 1 else None


def plain_text(value: object) -> str:
    """A part of a frame as JSON, for showing it."""
    return orjson.dumps(value).decode()


def format_payload(payload: Mapping[str, Any]) -> str:
    """Text of a payload alone, as it stands in a frame. Raises TypeError if it holds what JSON cannot say."""
    return orjson.dumps(payload, default=_render).decode()


def format_call(message_id: str, action: str, payload: str) -> str:
    """Text of a CALL; `payload` is the text of its payload and stands in it byte for byte."""
    return _format([CALL, message_id, action, orjson.Fragment(payload)])


def format_call_result(message_id: str, payload: str) -> str:
    """Text of a CALLRESULT; `payload` is the text of its payload and stands in it byte for byte."""
    return _format([CALL_RESULT, message_id, orjson.Fragment(payload)])


def format_call_error(message_id: str, error_code: str, description: str = "") -> str:
    """Text of a CALLERROR: the description cut to 255 characters, the details always the empty object (OCPP-J 4.2.3)."""
    return _format([CALL_ERROR, message_id, error_code, description[:MAX_DESCRIPTION_LENGTH], {}])


def may_answer(text: str, message_id: str) -> bool:
    """Whether a text looks like an answer to this message id: as cheap as can be, since it is asked of each frame."""
    return message_id in text[:_ANSWER_HEAD_CHARACTERS] and text.lstrip(" \t\r\n[")[:1] in ("3", "4")


def is_result_of(text: str, message_id: str) -> bool:
    """Whether a text is the CALLRESULT to this message id, a malformed one too; decided as `parse` would."""
    try:
        frame = parse(text)
    except FrameError as error:
        return error.message_type == CALL_RESULT and error.message_id == message_id
    return isinstance(frame, CallResultFrame) and frame.message_id == message_id


def _parse_call(message_id: str, frame: list[Any]) -> CallFrame:
    if len(message_id) > MAX_MESSAGE_ID_LENGTH:
        raise FrameError(
            ErrorCode.GENERIC_ERROR,
            f"the message id exceeds {MAX_MESSAGE_ID_LENGTH} characters",
            message_type=CALL,
            message_id=message_id,
        )
    if len(frame) != 4:
        _reject("a CALL has 4 elements", CALL, message_id)
    _, _, action, payload = frame
    if not isinstance(action, str):
        _reject("the action is not text", CALL, message_id)
    return CallFrame(message_id=message_id, action=action, payload=_object(payload, CALL, message_id))


def _parse_call_result(message_id: str, frame: list[Any]) -> CallResultFrame:
    if len(frame) != 3:
        _reject("a CALLRESULT has 3 elements", CALL_RESULT, message_id)
    return CallResultFrame(message_id=message_id, payload=_object(frame[2], CALL_RESULT, message_id))


def _parse_call_error(message_id: str, frame: list[Any]) -> CallErrorFrame:
    if not 3 <= len(frame) <= 5:
        _reject("a CALLERROR has 5 elements", CALL_ERROR, message_id)
    error_code, description, details = [*frame[2:], None, None][:3]
    if not isinstance(error_code, str):
        _reject("the error code is not text", CALL_ERROR, message_id)
    return CallErrorFrame(
        message_id=message_id,
        error_code=error_code,
        description=description if isinstance(description, str) else "",
        details=details if isinstance(details, dict) else {},
    )


def _object(payload: Any, message_type: int, message_id: str) -> dict[str, Any]:
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        _reject("the payload is not an object", message_type, message_id)
    return payload


def _reject(description: str, message_type: int | None = None, message_id: str | None = None) -> Never:
    raise FrameError(ErrorCode.FORMATION_VIOLATION, description, message_type=message_type, message_id=message_id)


def _utf8_length(text: str) -> int:
    # A lone surrogate has no UTF-8 at all; orjson refuses it afterwards.
    return len(text.encode(errors="replace"))


def _is_deeper_than(value: Any, depth_max: int) -> bool:
    level = [value]
    for _ in range(depth_max):
        level = [child for parent in level for child in _containers(parent)]
        if not level:
            return False
    return True


def _containers(parent: dict[str, Any] | list[Any]) -> list[Any]:
    children = parent.values() if isinstance(parent, dict) else parent
    return [child for child in children if isinstance(child, (dict, list))]


def _format(frame: list[Any]) -> str:
    return orjson.dumps(frame).decode()


def _render(value: object) -> float:
    # JSON has one kind of number and orjson writes the shortest text that reads back as the same double: 8.1 stays 8.1.
    if isinstance(value, Decimal) and value.is_finite():
        return float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
