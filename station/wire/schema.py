"""Payloads to messages and back: the schemas of OCPP 1.6, compiled from the message classes.

Three rules, for three situations:

- A CALL is held to its schema (`load_request`). It is a marshmallow schema, built when first used; of all that is wrong with a
  payload the worst is reported, in the order of `SEVERITY`, and among equals the first by path. Only what `Scalar.is_tolerated`
  names can be taken all the same, as a deviation: a rate with more digits than the standard allows.
- A CALLRESULT is read leniently (`load_response`): what the standard does not know or allow is dropped or taken as it is, and
  listed as a deviation; only a required member that is missing or unusable makes the answer malformed.
- What we send (`dump`) must satisfy the declaration; anything else is a mistake of ours and raises.

In all three an optional text that says nothing is absent (`members`); in an answer that is listed as a deviation.

Known differences from the published JSON schemas are listed, with their reasons, in tests/unit/station/wire/test_messages.py.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeVar

from marshmallow import RAISE, Schema, ValidationError, fields

from station.wire.frames import ErrorCode
from station.wire.members import UNUSABLE, Kind, Listed, Member, Nested, Scalar, Violation, members_of

__all__ = ["DEVIATIONS_MAX", "SEVERITY", "PayloadError", "dump", "load_request", "load_response"]

Message = TypeVar("Message")

#: Which error is answered when a payload has several, the worst first.
SEVERITY: Final = (
    ErrorCode.PROTOCOL_ERROR,
    ErrorCode.FORMATION_VIOLATION,
    ErrorCode.TYPE_CONSTRAINT_VIOLATION,
    ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
)
#: Deviations listed for one answer; the rest is only counted.
DEVIATIONS_MAX: Final = 16
#: Characters of a member's name that are repeated in a description.
NAME_LENGTH_MAX: Final = 50

_MISSING: Final = (ErrorCode.PROTOCOL_ERROR, "is missing")
_UNKNOWN: Final = (ErrorCode.FORMATION_VIOLATION, "is unknown")
_NO_OBJECT: Final = (ErrorCode.TYPE_CONSTRAINT_VIOLATION, "must be an object")
_NO_LIST: Final = (ErrorCode.TYPE_CONSTRAINT_VIOLATION, "must be a list")
_NULL: Final = (ErrorCode.TYPE_CONSTRAINT_VIOLATION, "must not be null")


class PayloadError(ValueError):
    """A payload breaks its schema: the error code for a CALLERROR, and a description that names the member's path.

    Raised by `load_response` it also carries, by attribute, the members that could be read.
    """

    def __init__(self, error_code: ErrorCode, description: str, usable: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{error_code}: {description}")
        self.error_code = error_code
        self.description = description
        self.usable = dict(usable or {})


def load_request(message_class: type[Message], payload: object, deviations: list[str] | None = None) -> Message:
    """The request that the payload of a CALL carries. Raises PayloadError for the worst thing that is wrong with it.

    With a list for them, deviations that can be tolerated are, and are added to it; without one, nothing is tolerated.
    """
    if not isinstance(payload, dict):
        raise PayloadError(ErrorCode.FORMATION_VIOLATION, "the payload is not an object")
    declared: type = message_class
    try:
        values = _schema_of(declared).load(payload)
    except ValidationError as error:
        if deviations is not None:
            found_deviations: list[str] = []
            mended = _mend(Nested(message_class=declared), payload, (), found_deviations)
            if found_deviations:
                deviations += _capped(found_deviations)
                return load_request(message_class, mended)
        found = [(SEVERITY.index(code), _path(steps), text) for code, steps, text in _flatten(error.messages, ())]
        severity, path, text = min(found)
        raise PayloadError(SEVERITY[severity], f"{path} {text}") from None
    return message_class(**values)


def load_response(message_class: type[Message], payload: object) -> tuple[Message, tuple[str, ...]]:
    """The response that the payload of a CALLRESULT carries, and how it deviates from the standard.

    Unknown members, null for optional members and unusable optional members are dropped; text that is too long is taken as it
    is. Raises PayloadError if a required member is missing or unusable.
    """
    if not isinstance(payload, dict):
        raise PayloadError(ErrorCode.FORMATION_VIOLATION, "the payload is not an object")
    deviations: list[str] = []
    values, failure = _tolerate(message_class, payload, (), deviations)
    if failure is not None:
        raise PayloadError(failure.code, f"{_path(failure.path)} {failure.text}", usable=values)
    return message_class(**values), tuple(_capped(deviations))


def _capped(deviations: list[str]) -> list[str]:
    if len(deviations) <= DEVIATIONS_MAX:
        return deviations
    return [*deviations[: DEVIATIONS_MAX - 1], f"and {len(deviations) - DEVIATIONS_MAX + 1} more"]


def dump(message: object) -> dict[str, Any]:
    """The payload of a message: optional members that are None or empty left out, rates as Decimal (frames renders them).

    Raises PayloadError if the message breaks its own declaration.
    """
    try:
        return _render_object(message)
    except Violation as violation:
        raise PayloadError(violation.code, f"{_path(violation.path)} {violation.text}") from None


class _ScalarField(fields.Field[Any]):
    """A scalar member, read by the reader of its declaration."""

    def __init__(self, scalar: Scalar, member: Member, **options: Any) -> None:
        super().__init__(**options)
        self._read = scalar.read
        self._member = member

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if self._member.is_left_empty(value):
            return None
        try:
            return self._read(value)
        except Violation as violation:
            raise _validation_error(violation) from None


class _ObjectField(fields.Field[Any]):
    """A nested object, loaded as its message. Unlike marshmallow's Nested it needs no hook to build it: twice as fast."""

    def __init__(self, message_class: type, **options: Any) -> None:
        super().__init__(**options)
        self._message_class = message_class

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return self._message_class(**_schema_of(self._message_class).load(value))


class _ListField(fields.List[Any]):
    """A list member, loaded as a tuple."""

    def __init__(self, item: fields.Field[Any], listed: Listed, **options: Any) -> None:
        super().__init__(item, **options)
        self._listed = listed

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        try:
            _check_list(self._listed, value)
        except Violation as violation:
            raise _validation_error(violation) from None
        return tuple(super()._deserialize(value, attr, data, **options))


def _encode(fault: tuple[ErrorCode, str]) -> str:
    # marshmallow's errors are texts: the code travels in front and `_flatten` takes it off again.
    return f"{fault[0]}:{fault[1]}"


def _validation_error(violation: Violation) -> ValidationError:
    return ValidationError(_encode((violation.code, violation.text)))


class _MessageSchema(Schema):
    """What the compiled schemas have in common."""

    class Meta:
        unknown = RAISE
        register = False

    error_messages: dict[str, str] = {"type": _encode(_NO_OBJECT), "unknown": _encode(_UNKNOWN)}  # noqa: RUF012  # as declared in Schema


@cache
def _schema_of(message_class: type) -> Schema:
    declared = {member.attribute: _field(member.kind, member) for member in members_of(message_class)}
    schema: Schema = type(f"{message_class.__name__}Schema", (_MessageSchema,), declared)()
    return schema


def _field(kind: Kind, member: Member) -> fields.Field[Any]:
    options: dict[str, Any] = {
        "required": member.is_required,
        "data_key": member.key,
        "allow_none": False,
        "error_messages": {"required": _encode(_MISSING), "null": _encode(_NULL)},
    }
    match kind:
        case Scalar():
            return _ScalarField(kind, member, **options)
        case Nested():
            return _ObjectField(kind.message_class, **options)
        case Listed():
            return _ListField(_field(kind.item, member), kind, **options)


def _flatten(messages: Any, steps: tuple[str | int, ...]) -> Iterator[tuple[ErrorCode, tuple[str | int, ...], str]]:
    """Every error that marshmallow found: its code, where it is, what is wrong."""
    if isinstance(messages, dict):
        for step, inner in messages.items():
            yield from _flatten(inner, steps if step == "_schema" else (*steps, step))
    else:
        for message in messages:
            code, _, text = message.partition(":")
            yield ErrorCode(code), steps, text


def _path(steps: tuple[str | int, ...]) -> str:
    names = (f"[{step}]" if isinstance(step, int) else f".{step[:NAME_LENGTH_MAX]}" for step in steps)
    return "".join(names).removeprefix(".")


def _mend(kind: Kind, value: Any, steps: tuple[str | int, ...], deviations: list[str]) -> Any:
    """The value with everything in it that can be tolerated made as it should be; the rest is left to the schema."""
    match kind:
        case Scalar(is_tolerated=True):
            return _mend_scalar(kind, value, steps, deviations)
        case Nested(message_class=message_class) if isinstance(value, dict):
            kinds = {member.key: member.kind for member in members_of(message_class)}
            return {
                key: _mend(kinds[key], inner, (*steps, key), deviations) if key in kinds else inner
                for key, inner in value.items()
            }
        case Listed(item=item) if isinstance(value, list):
            return [_mend(item, inner, (*steps, index), deviations) for index, inner in enumerate(value)]
        case _:
            return value


def _mend_scalar(scalar: Scalar, value: Any, steps: tuple[str | int, ...], deviations: list[str]) -> Any:
    try:
        scalar.read(value)
    except Violation as violation:
        if violation.lenient_value is UNUSABLE:
            return value
        deviations.append(f"{_path(steps)} {violation.text}: taken as {violation.lenient_value}")
        return violation.lenient_value
    return value


def _tolerate(
    message_class: type, payload: dict[str, Any], steps: tuple[str | int, ...], deviations: list[str]
) -> tuple[dict[str, Any], Violation | None]:
    """The readable members of an object by attribute, and the first reason why it is malformed, if it is."""
    values: dict[str, Any] = {}
    failure: Violation | None = None
    members = members_of(message_class)
    for member in members:
        here = (*steps, member.key)
        value = payload.get(member.key)
        if value is None and not member.is_required:
            if member.key in payload:
                deviations.append(f"{_path(here)} is null")
            continue
        try:
            if member.key not in payload:
                raise Violation(*_MISSING)
            read = _read_leniently(member.kind, value, here, deviations)
            if member.is_left_empty(value):
                deviations.append(f"{_path(here)} is empty")
            else:
                values[member.attribute] = read
        except Violation as violation:
            if member.is_required:
                failure = failure or violation.within(member.key)
            else:
                deviations.append(f"{_path((*here, *violation.path))} {violation.text}")
    known = {member.key for member in members}
    deviations += [f"{_path((*steps, key))} {_UNKNOWN[1]}" for key in payload if key not in known]
    return values, failure


def _read_leniently(kind: Kind, value: Any, steps: tuple[str | int, ...], deviations: list[str]) -> Any:
    match kind:
        case Scalar():
            return _read_scalar_leniently(kind, value, steps, deviations)
        case Nested(message_class=message_class):
            if not isinstance(value, dict):
                raise Violation(*_NO_OBJECT)
            values, failure = _tolerate(message_class, value, steps, deviations)
            if failure is not None:
                raise failure
            return message_class(**values)
        case Listed():
            _check_list(kind, value)
            return tuple(
                _read_leniently(kind.item, item, (*steps, index), deviations) for index, item in enumerate(value)
            )


def _read_scalar_leniently(scalar: Scalar, value: Any, steps: tuple[str | int, ...], deviations: list[str]) -> Any:
    try:
        return scalar.read(value)
    except Violation as violation:
        if violation.lenient_value is UNUSABLE:
            raise
        deviations.append(f"{_path(steps)} {violation.text}")
        return violation.lenient_value


def _check_list(listed: Listed, value: Any) -> None:
    if not isinstance(value, list):
        raise Violation(*_NO_LIST)
    if len(value) < listed.at_least:
        raise Violation(ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, f"has fewer than {listed.at_least} items")


def _render_object(message: object) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    message_class: type = type(message)
    for member in members_of(message_class):
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
                raise Violation(*_NO_LIST)
            items = [_render_item(kind.item, index, item) for index, item in enumerate(value)]
            _check_list(kind, items)
            return items


def _render_item(kind: Kind, index: int, item: Any) -> Any:
    try:
        return _render(kind, item)
    except Violation as violation:
        raise violation.within(index) from None
