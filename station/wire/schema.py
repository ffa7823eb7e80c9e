"""Payloads to messages and back.

Three rules, for three situations:

- A CALL is held to its declaration (`load_request`). Of all that is wrong with a payload the worst is reported, by its marshmallow
  schema (`faults`). Only what `Scalar.is_tolerated` names can be taken all the same, as a deviation: a rate with more digits than the
  standard allows.
- A CALLRESULT is read leniently (`load_response`): what the standard does not know or allow is dropped or taken as it is, and
  listed as a deviation; only a required member that is missing or unusable makes the answer malformed.
- What we send (`dump`) must satisfy the declaration; anything else is a mistake of ours and raises.

In all three an optional text that says nothing is absent (`members`); in an answer that is listed as a deviation.

Known differences from the published JSON schemas are listed, with their reasons, in tests/unit/station/wire/test_messages.py.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from eventstore.value import Value
from station.wire.frames import ErrorCode
from station.wire.members import Kind, Listed, Nested, Scalar, Violation, members_of
from station.wire.reading import NO_LIST, Reader, check_list, path_text

__all__ = ["DEVIATIONS_MAX", "PayloadError", "dump", "load_request", "load_response"]

Message = TypeVar("Message", bound=Value)

#: Deviations listed for one payload; the rest is only counted.
DEVIATIONS_MAX: Final = 16


class PayloadError(ValueError):
    """A payload breaks its schema: the error code for a CALLERROR, and a description that names the member's path.

    Raised by `load_response` it also carries, by attribute, the members that could be read.
    """

    def __init__(self, error_code: ErrorCode, description: str, usable: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{error_code}: {description}")
        self.error_code = error_code
        self.description = description
        self.usable = dict(usable or {})


def load_request(message_class: type[Message], payload: object) -> tuple[Message, tuple[str, ...]]:
    """The request that the payload of a CALL carries, and the deviations in it that can be tolerated.

    Raises PayloadError for the worst thing that is wrong with it.
    """
    if not isinstance(payload, dict):
        raise PayloadError(ErrorCode.FORMATION_VIOLATION, "the payload is not an object")
    reader = Reader(is_lenient=False)
    try:
        values, _ = reader.members(message_class, payload)
    except Violation as violation:
        raise _worst(message_class, payload, violation) from None
    return message_class(**values), _capped(reader.deviations)


def _worst(message_class: type[Value], payload: dict[str, Any], first: Violation) -> PayloadError:
    from station.wire.faults import worst_fault  # here: a start needs no marshmallow

    return PayloadError(*(worst_fault(message_class, payload) or _described(first)))


def _described(violation: Violation) -> tuple[ErrorCode, str]:
    return violation.code, f"{path_text(violation.path)} {violation.text}"


def load_response(message_class: type[Message], payload: object) -> tuple[Message, tuple[str, ...]]:
    """The response that the payload of a CALLRESULT carries, and how it deviates from the standard.

    Unknown members, null for optional members and unusable optional members are dropped; text that is too long is taken as it
    is. Raises PayloadError if a required member is missing or unusable.
    """
    if not isinstance(payload, dict):
        raise PayloadError(ErrorCode.FORMATION_VIOLATION, "the payload is not an object")
    reader = Reader(is_lenient=True)
    values, failure = reader.members(message_class, payload)
    if failure is not None:
        raise PayloadError(*_described(failure), usable=values)
    return message_class(**values), _capped(reader.deviations)


def _capped(deviations: list[str]) -> tuple[str, ...]:
    if len(deviations) <= DEVIATIONS_MAX:
        return tuple(deviations)
    return (*deviations[: DEVIATIONS_MAX - 1], f"and {len(deviations) - DEVIATIONS_MAX + 1} more")


def dump(message: Value) -> dict[str, Any]:
    """The payload of a message: optional members that are None or empty left out, rates as Decimal (frames renders them).

    Raises PayloadError if the message breaks its own declaration.
    """
    try:
        return _render_object(message)
    except Violation as violation:
        raise PayloadError(*_described(violation)) from None


def _render_object(message: Value) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for member in members_of(type(message)):
        value = getattr(message, member.attribute)
        if (value is None and not member.is_required) or member.is_left_empty(value):
            continue
        try:
            payload[member.key] = _render(member.kind, value)
        except Violation as violation:
            raise violation.within(member.key) from None
    return payload


def _render(kind: Kind, value: Any) -> Any:
    match kind:
        case Scalar():
            return kind.render(value)
        case Nested(message_class=message_class):
            if not isinstance(value, message_class):
                raise Violation(ErrorCode.TYPE_CONSTRAINT_VIOLATION, f"must be a {message_class.__name__}")
            return _render_object(value)
        case Listed():
            if not isinstance(value, tuple):
                raise Violation(*NO_LIST)
            items = [_render_item(kind.item, index, item) for index, item in enumerate(value)]
            check_list(kind, items)
            return items


def _render_item(kind: Kind, index: int, item: Any) -> Any:
    try:
        return _render(kind, item)
    except Violation as violation:
        raise violation.within(index) from None
