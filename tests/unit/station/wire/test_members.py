"""Message classes compiled into members."""

from decimal import Decimal
from typing import Annotated, Any

import pytest
from msgspec import defstruct

from eventstore.value import Value
from station.wire.enums import ChargingRateUnit
from station.wire.frames import ErrorCode
from station.wire.members import UNUSABLE, Listed, Member, Nested, Scalar, Violation, camel_case, members_of
from station.wire.primitives import (
    INTEGER_MAX,
    RATE_MAX,
    SECONDS_MAX,
    AtLeast,
    CiString20Type,
    DateTime,
    DurationSeconds,
    Rate,
    Verbatim,
)


class Inner(Value, frozen=True, kw_only=True):
    """A nested message."""

    flag: bool


class Outer(Value, frozen=True, kw_only=True):
    """A message with a member of every kind."""

    id_tag: CiString20Type
    free_text: str
    count: int
    pause: DurationSeconds
    rate: Rate
    moment: DateTime
    unit: ChargingRateUnit
    inner: Inner
    inners: Annotated[tuple[Inner, ...], AtLeast(1)]
    names: tuple[CiString20Type, ...] | None = None
    remark: str | None = None


MEMBERS = {member.attribute: member for member in members_of(Outer)}
TYPE = ErrorCode.TYPE_CONSTRAINT_VIOLATION
PROPERTY = ErrorCode.PROPERTY_CONSTRAINT_VIOLATION


def scalar(attribute: str) -> Scalar:
    kind = MEMBERS[attribute].kind
    assert isinstance(kind, Scalar)
    return kind


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("status", "status"),
        ("id_tag", "idTag"),
        ("cs_charging_profiles", "csChargingProfiles"),
        ("local_authorization_list", "localAuthorizationList"),
        ("charge_point_serial_number", "chargePointSerialNumber"),
        ("iccid", "iccid"),
    ],
)
def test_a_python_name_becomes_the_word_of_the_standard(name: str, key: str) -> None:
    assert camel_case(name) == key


def test_a_member_with_none_is_optional() -> None:
    assert [name for name, member in MEMBERS.items() if not member.is_required] == ["names", "remark"]


class Optional(Value, frozen=True, kw_only=True):
    """A message of optional members."""

    remark: CiString20Type | None = None
    moment: DateTime | None = None
    unit: ChargingRateUnit | None = None
    data: Annotated[CiString20Type, Verbatim()] | None = None
    count: int | None = None
    names: tuple[CiString20Type, ...] | None = None


def test_an_optional_text_is_left_empty_if_it_says_nothing() -> None:
    left_empty = [member.attribute for member in members_of(Optional) if member.is_left_empty(" ")]
    assert left_empty == ["remark", "moment", "unit"]
    assert not any(member.is_left_empty("x") or member.is_left_empty(None) for member in members_of(Optional))
    assert not any(member.is_left_empty("") for member in MEMBERS.values() if member.is_required)


def test_a_text_to_be_taken_as_it_stands_is_still_held_to_its_length() -> None:
    kind = next(member.kind for member in members_of(Optional) if member.attribute == "data")
    assert isinstance(kind, Scalar)
    with pytest.raises(Violation, match="exceeds 20 characters"):
        kind.read("x" * 21)


def test_objects_and_lists_keep_their_declaration() -> None:
    assert MEMBERS["inner"].kind == Nested(message_class=Inner)
    assert MEMBERS["inners"].kind == Listed(item=Nested(message_class=Inner), at_least=1)
    assert MEMBERS["inners"].key == "inners"
    names = MEMBERS["names"].kind
    assert isinstance(names, Listed)
    assert names.at_least == 0


@pytest.mark.parametrize(
    ("attribute", "wire", "value"),
    [
        ("id_tag", "DEADBEEF", "DEADBEEF"),
        ("id_tag", "ü" * 20, "ü" * 20),
        ("free_text", "x" * 1000, "x" * 1000),
        ("count", -5, -5),
        ("count", INTEGER_MAX, INTEGER_MAX),
        ("pause", SECONDS_MAX, SECONDS_MAX),
        ("rate", 8.1, Decimal("8.1")),
        ("rate", 16, Decimal(16)),
        ("rate", 16.0, Decimal(16)),
        ("moment", "1970-01-01T00:00:01.000Z", 1000),
        ("unit", "A", ChargingRateUnit.A),
    ],
)
def test_a_good_value_reads_and_renders(attribute: str, wire: Any, value: Any) -> None:
    kind = scalar(attribute)
    assert kind.read(wire) == value
    rendered = kind.render(value)
    assert (float(rendered) if isinstance(rendered, Decimal) else rendered) == wire


@pytest.mark.parametrize(
    ("attribute", "wire", "code"),
    [
        ("id_tag", 5, TYPE),
        ("id_tag", None, TYPE),
        ("id_tag", "x" * 21, PROPERTY),
        ("free_text", "\ud800", PROPERTY),
        ("count", "5", TYPE),
        ("count", True, TYPE),
        ("count", 5.0, TYPE),
        ("count", INTEGER_MAX + 1, PROPERTY),
        ("pause", -SECONDS_MAX - 1, PROPERTY),
        ("rate", "16", TYPE),
        ("rate", False, TYPE),
        ("rate", 8.15, PROPERTY),
        ("rate", 1e300, PROPERTY),
        ("rate", RATE_MAX + 1, PROPERTY),
        ("moment", 1000, TYPE),
        ("moment", "yesterday", PROPERTY),
        ("unit", 1, TYPE),
        ("unit", "a", PROPERTY),
    ],
)
def test_a_bad_value_is_a_violation_with_its_code(attribute: str, wire: Any, code: ErrorCode) -> None:
    with pytest.raises(Violation) as caught:
        scalar(attribute).read(wire)
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("rate", 8.1),
        ("rate", Decimal("8.11")),
        ("rate", Decimal("NaN")),
        ("moment", "1970-01-01T00:00:01.000Z"),
        ("moment", 10**18),
        ("moment", True),
        ("unit", "A"),
        ("id_tag", "x" * 21),
    ],
)
def test_what_breaks_the_declaration_is_not_rendered(attribute: str, value: Any) -> None:
    with pytest.raises(Violation):
        scalar(attribute).render(value)


@pytest.mark.parametrize(
    ("attribute", "wire", "lenient_value"),
    [
        ("id_tag", "x" * 21, "x" * 21),
        ("count", 300.0, 300),
        ("count", 300.5, UNUSABLE),
        ("count", "300", UNUSABLE),
        ("pause", 1e15, UNUSABLE),
        ("unit", "a", UNUSABLE),
    ],
)
def test_a_violation_says_what_a_lenient_reader_takes(attribute: str, wire: Any, lenient_value: Any) -> None:
    with pytest.raises(Violation) as caught:
        scalar(attribute).read(wire)
    assert caught.value.lenient_value == lenient_value


@pytest.mark.parametrize("hint", [float, int | str, Annotated[int, AtLeast(1)], dict, Decimal])
def test_a_type_without_a_form_on_the_wire_cannot_be_declared(hint: Any) -> None:
    odd = defstruct("Odd", [("odd", hint)], bases=(Value,))
    with pytest.raises(TypeError, match="odd"):
        members_of(odd)


def test_members_keep_the_order_of_declaration() -> None:
    assert members_of(Inner) == (
        Member(attribute="flag", key="flag", is_required=True, kind=members_of(Inner)[0].kind),
    )
    assert [member.attribute for member in members_of(Outer)][:3] == ["id_tag", "free_text", "count"]
