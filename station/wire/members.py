"""Members of a message: what its class declares, compiled once into readers and renderers of single values.

A field becomes a `Member`: its camelCase key, whether it is required, and its kind, which is a scalar, a nested
message, or a list of either. Readers take what orjson made of the JSON text, renderers give what orjson can write; both raise
`Violation` with the error code of OCPP-J 4.2.3 that the value deserves. Strict: a text is no number, true is no integer, 16.0
is no integer.

An empty or blank text is no value: an optional member that is text on the wire (an identifier, a date and time, one of an
enumeration) is absent if it says nothing, in CALLs as in answers. Many a central system sends "" for what it does not know, and
a parentIdTag of "" would make one family of all strangers. What is marked `Verbatim` is exempt, with its reason at the member.
A number that is "" is no text: it has the wrong type.
"""

from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from functools import cache, partial
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from eventstore.value import Value
from station.wire.frames import ErrorCode
from station.wire.instants import format_utc_ms, parse_utc_ms
from station.wire.primitives import (
    INTEGER_MAX,
    RATE_MAX,
    SECONDS_MAX,
    AtLeast,
    CiString,
    Instant,
    Longest,
    Seconds,
    Tenths,
    Verbatim,
    is_blank,
)

__all__ = ["UNUSABLE", "Kind", "Listed", "Member", "Nested", "Scalar", "Violation", "camel_case", "members_of"]

_TYPE: Final = ErrorCode.TYPE_CONSTRAINT_VIOLATION
_PROPERTY: Final = ErrorCode.PROPERTY_CONSTRAINT_VIOLATION
_TENTH: Final = Decimal("0.1")

#: In a `Violation`: even a lenient reader can make nothing of the value.
UNUSABLE: Final = object()


class Violation(Exception):  # noqa: N818  # named as the standard names it
    """A value breaks its declaration. `lenient_value` is what a lenient reader takes instead, or UNUSABLE."""

    def __init__(self, code: ErrorCode, text: str, lenient_value: Any = UNUSABLE) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.lenient_value = lenient_value
        self.path: tuple[str | int, ...] = ()

    def within(self, step: str | int) -> "Violation":
        """The same violation, seen from the object or list that holds the value."""
        self.path = (step, *self.path)
        return self


class Scalar(Value, frozen=True, kw_only=True):
    """A single value: how it is read from JSON and rendered to it. Both raise Violation.

    `is_tolerated`: where the value breaks its declaration, a CALL too may be read with what a lenient reader takes.
    """

    read: Callable[[Any], Any]
    render: Callable[[Any], Any]
    is_tolerated: bool = False


class Nested(Value, frozen=True, kw_only=True):
    """An object, declared by a message class of its own."""

    message_class: type[Value]


class Listed(Value, frozen=True, kw_only=True):
    """A list of scalars or objects with its least length."""

    item: "Scalar | Nested"
    at_least: int


Kind = Scalar | Nested | Listed


class Member(Value, frozen=True, kw_only=True):
    """One member of a message: its attribute in Python, its key on the wire, its kind.

    `may_be_blank`: an empty text in it is nevertheless a value, or a mistake.
    """

    attribute: str
    key: str
    is_required: bool
    kind: Kind
    may_be_blank: bool = True

    def is_left_empty(self, value: Any) -> bool:
        """Whether the member is as good as absent: a text that says nothing, where one is optional."""
        return not self.may_be_blank and isinstance(value, str) and is_blank(value)


@cache
def members_of(message_class: type[Value]) -> tuple[Member, ...]:
    """The members of a message class, in order of declaration. Raises TypeError for a type that has no form on the wire."""
    hints = get_type_hints(message_class, include_extras=True)
    return tuple(_member(name, hints[name]) for name in message_class.__struct_fields__)


def camel_case(name: str) -> str:
    """The standard's word for a Python name: id_tag_info becomes idTagInfo."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def _member(name: str, hint: Any) -> Member:
    alternatives = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    declared = [alternative for alternative in alternatives if alternative is not type(None)]
    if len(declared) != 1:
        raise TypeError(f"{name}: a member has one type, or one and None")
    is_required = len(alternatives) == 1
    return Member(
        attribute=name,
        key=camel_case(name),
        is_required=is_required,
        kind=_kind(name, declared[0]),
        may_be_blank=is_required or not _is_plain_text(declared[0]),
    )


def _is_plain_text(hint: Any) -> bool:
    """Whether the declared type is text on the wire, and not marked to be taken as it stands."""
    declared, markers = _unwrap(hint)
    if any(isinstance(marker, Verbatim) for marker in markers):
        return False
    is_text = isinstance(declared, type) and issubclass(declared, str)
    return is_text or any(isinstance(marker, Instant) for marker in markers)


def _kind(name: str, hint: Any) -> Kind:
    declared, markers = _unwrap(hint)
    if get_origin(declared) is tuple:
        item, _ellipsis = get_args(declared)
        at_least = next((marker.items for marker in markers if isinstance(marker, AtLeast)), 0)
        return Listed(item=_single(name, item), at_least=at_least)
    return _single(name, hint)


def _single(name: str, hint: Any) -> Scalar | Nested:
    declared, markers = _unwrap(hint)
    markers = tuple(marker for marker in markers if not isinstance(marker, Verbatim))
    if isinstance(declared, type) and issubclass(declared, Value):
        return Nested(message_class=declared)
    match declared, markers:
        case type(), () if issubclass(declared, StrEnum):
            return Scalar(read=partial(_read_enum, declared), render=partial(_render_enum, declared))
        case _, (CiString(max_length) | Longest(max_length),) if declared is str:
            read_text = partial(_check_text, max_length)
            return Scalar(read=read_text, render=read_text)
        case _, () if declared is str:
            return Scalar(read=partial(_check_text, None), render=partial(_check_text, None))
        case _, () if declared is bool:
            return Scalar(read=_check_boolean, render=_check_boolean)
        case _, () if declared is int:
            return Scalar(read=partial(_check_integer, INTEGER_MAX), render=partial(_check_integer, INTEGER_MAX))
        case _, (Seconds(),) if declared is int:
            return Scalar(read=partial(_check_integer, SECONDS_MAX), render=partial(_check_integer, SECONDS_MAX))
        case _, (Instant(),) if declared is int:
            return Scalar(read=_read_instant, render=_render_instant)
        case _, (Tenths(),) if declared is Decimal:
            # A limit that is refused leaves the vehicle without one.
            return Scalar(read=_read_tenths, render=_render_tenths, is_tolerated=True)
        case _:
            raise TypeError(f"{name}: {hint} has no form on the wire")


def _unwrap(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    if get_origin(hint) is Annotated:
        declared, *markers = get_args(hint)
        return declared, tuple(markers)
    return hint, ()


def _check_text(max_length: int | None, value: Any) -> str:
    if not isinstance(value, str):
        raise Violation(_TYPE, "must be text")
    if max_length is not None and len(value) > max_length:
        raise Violation(_PROPERTY, f"exceeds {max_length} characters", lenient_value=value)
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise Violation(_PROPERTY, "has no UTF-8 form")
    return value


def _check_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Violation(_TYPE, "must be true or false")
    return value


def _check_integer(magnitude_max: int, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        # The schema files as first published took any number for an interval (OCPP-J errata 2.3): 300.0 is meant well.
        is_whole = isinstance(value, float) and value.is_integer() and abs(value) <= magnitude_max
        raise Violation(_TYPE, "must be an integer", lenient_value=int(value) if is_whole else UNUSABLE)
    if abs(value) > magnitude_max:
        raise Violation(_PROPERTY, f"is beyond {magnitude_max}")
    return value


def _read_instant(value: Any) -> int:
    if not isinstance(value, str):
        raise Violation(_TYPE, "must be a date and time as text")
    try:
        return parse_utc_ms(value)
    except ValueError as error:
        raise Violation(_PROPERTY, str(error)) from None


def _render_instant(value: Any) -> str:
    try:
        return format_utc_ms(_check_integer(INTEGER_MAX, value))
    except ValueError as error:
        raise Violation(_PROPERTY, str(error)) from None


def _read_tenths(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Violation(_TYPE, "must be a number")
    # str gives the shortest digits of a double, which are the ones that the sender wrote: 8.1, not 8.0999….
    return _check_tenths(Decimal(str(value)))


def _render_tenths(value: Any) -> Decimal:
    if not isinstance(value, Decimal):
        raise Violation(_TYPE, "must be a decimal")
    return _check_tenths(value)


def _check_tenths(value: Decimal) -> Decimal:
    if not value.is_finite() or abs(value) > RATE_MAX:
        raise Violation(_PROPERTY, f"is beyond {RATE_MAX}")
    cut = value.quantize(_TENTH, ROUND_FLOOR)
    if value != cut:
        raise Violation(_PROPERTY, "has more than one digit after the point", lenient_value=cut)
    return value


def _read_enum(enumeration: type[StrEnum], value: Any) -> StrEnum:
    if not isinstance(value, str):
        raise Violation(_TYPE, "must be text")
    try:
        return enumeration(value)
    except ValueError:
        raise Violation(_PROPERTY, f"is no {enumeration.__name__}") from None


def _render_enum(enumeration: type[StrEnum], value: Any) -> str:
    if not isinstance(value, enumeration):
        raise Violation(_TYPE, f"must be a {enumeration.__name__}")
    return value.value
