"""What is wrong with the payload of a CALL: all of it, by the marshmallow schema of its message, and the worst of that.

The schemas are compiled from the message classes when a payload is first found at fault: a good one never comes here, so nothing of
this need be imported to start a station.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields

from eventstore.value import Value
from station.wire.frames import ErrorCode
from station.wire.members import UNUSABLE, Kind, Listed, Member, Nested, Scalar, Violation, members_of
from station.wire.reading import MISSING, NO_OBJECT, NULL, UNKNOWN, Steps, check_list, path_text

__all__ = ["SEVERITY", "worst_fault"]

#: Which error is answered when a payload has several, the worst first.
SEVERITY: Final = (
    ErrorCode.PROTOCOL_ERROR,
    ErrorCode.FORMATION_VIOLATION,
    ErrorCode.TYPE_CONSTRAINT_VIOLATION,
    ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION,
)


def worst_fault(message_class: type[Value], payload: dict[str, Any]) -> tuple[ErrorCode, str] | None:
    """The worst that is wrong with the payload, in the order of `SEVERITY`, and among equals the first by path; None: nothing is.

    The description names the place and says what is wrong there.
    """
    try:
        _schema_of(message_class).load(payload)
    except ValidationError as error:
        found = [(SEVERITY.index(code), path_text(steps), text) for code, steps, text in _flatten(error.messages, ())]
        severity, path, text = min(found)
        return SEVERITY[severity], f"{path} {text}"
    return None


class _ScalarField(fields.Field[Any]):
    """A scalar member, read by the reader of its declaration."""

    def __init__(self, scalar: Scalar, member: Member, **options: Any) -> None:
        super().__init__(**options)
        self._scalar = scalar
        self._member = member

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if self._member.is_left_empty(value):
            return None
        try:
            return self._scalar.read(value)
        except Violation as violation:
            if self._scalar.is_tolerated and violation.lenient_value is not UNUSABLE:
                return violation.lenient_value
            raise _validation_error(violation) from None


class _ObjectField(fields.Field[Any]):
    """A nested object, loaded as its message."""

    def __init__(self, message_class: type[Value], **options: Any) -> None:
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
            check_list(self._listed, value)
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

    error_messages: dict[str, str] = {"type": _encode(NO_OBJECT), "unknown": _encode(UNKNOWN)}  # noqa: RUF012  # as declared in Schema


@cache
def _schema_of(message_class: type[Value]) -> Schema:
    declared = {member.attribute: _field(member.kind, member) for member in members_of(message_class)}
    schema: Schema = type(f"{message_class.__name__}Schema", (_MessageSchema,), declared)()
    return schema


def _field(kind: Kind, member: Member) -> fields.Field[Any]:
    options: dict[str, Any] = {
        "required": member.is_required,
        "data_key": member.key,
        "allow_none": False,
        "error_messages": {"required": _encode(MISSING), "null": _encode(NULL)},
    }
    match kind:
        case Scalar():
            return _ScalarField(kind, member, **options)
        case Nested():
            return _ObjectField(kind.message_class, **options)
        case Listed():
            return _ListField(_field(kind.item, member), kind, **options)


def _flatten(messages: Any, steps: Steps) -> Iterator[tuple[ErrorCode, Steps, str]]:
    """Every error that marshmallow found: its code, where it is, what is wrong."""
    if isinstance(messages, dict):
        for step, inner in messages.items():
            yield from _flatten(inner, steps if step == "_schema" else (*steps, step))
    else:
        for message in messages:
            code, _, text = message.partition(":")
            yield ErrorCode(code), steps, text
