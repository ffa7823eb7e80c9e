"""One walk over a payload, strict and lenient. What comes of whole payloads stands in test_schema.py and test_faults.py."""

from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.value import Value
from station.wire.frames import ErrorCode
from station.wire.members import Violation
from station.wire.messages import MESSAGES
from station.wire.primitives import AtLeast, CiString20Type, Rate
from station.wire.reading import NAME_LENGTH_MAX, Reader, path_text
from station.wire.schema import PayloadError, load_request, load_response
from tests.unit.station.wire.payloads import payloads


class Part(Value, frozen=True, kw_only=True):
    """A nested message."""

    rate: Rate
    name: CiString20Type | None = None


class Whole(Value, frozen=True, kw_only=True):
    """A message of parts."""

    parts: Annotated[tuple[Part, ...], AtLeast(1)]
    note: CiString20Type | None = None


GOOD: dict[str, Any] = {"parts": [{"rate": 1}, {"rate": 2.5, "name": "b"}], "note": "n"}


def strict(payload: dict[str, Any]) -> tuple[Whole, list[str]]:
    reader = Reader(is_lenient=False)
    values, failure = reader.members(Whole, payload)
    assert failure is None, "a strict reader raises"
    return Whole(**values), reader.deviations


def lenient(payload: dict[str, Any]) -> tuple[dict[str, Any], Violation | None, list[str]]:
    reader = Reader(is_lenient=True)
    return *reader.members(Whole, payload), reader.deviations


def test_a_good_payload_is_the_same_to_both() -> None:
    whole = Whole(parts=(Part(rate=Decimal(1)), Part(rate=Decimal("2.5"), name="b")), note="n")
    assert strict(GOOD) == (whole, [])
    assert lenient(GOOD) == ({"parts": whole.parts, "note": "n"}, None, [])


@pytest.mark.parametrize(
    ("change", "code", "place"),
    [
        ({"bogus": 1}, ErrorCode.FORMATION_VIOLATION, "bogus"),
        ({"note": None}, ErrorCode.TYPE_CONSTRAINT_VIOLATION, "note"),
        ({"note": "n" * 21}, ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "note"),
        ({"parts": []}, ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, "parts"),
        ({"parts": {}}, ErrorCode.TYPE_CONSTRAINT_VIOLATION, "parts"),
        ({"parts": [{"rate": 1}, 5]}, ErrorCode.TYPE_CONSTRAINT_VIOLATION, "parts[1]"),
        ({"parts": [{"rate": 1}, {}]}, ErrorCode.PROTOCOL_ERROR, "parts[1].rate"),
        ({"parts": [{"rate": 1, "more": 1}]}, ErrorCode.FORMATION_VIOLATION, "parts[0].more"),
    ],
)
def test_a_strict_reader_raises_with_the_place(change: dict[str, Any], code: ErrorCode, place: str) -> None:
    with pytest.raises(Violation) as caught:
        strict(GOOD | change)
    assert (caught.value.code, path_text(caught.value.path)) == (code, place)


def test_a_strict_reader_takes_what_is_tolerated_and_tells_it() -> None:
    whole, deviations = strict({"parts": [{"rate": 1}, {"rate": 2.55}]})
    assert whole.parts[1].rate == Decimal("2.5")
    assert deviations == ["parts[1].rate has more than one digit after the point: taken as 2.5"]


def test_a_lenient_reader_goes_on_and_tells_each_deviation() -> None:
    payload = {"parts": [{"rate": 2.55, "name": "n" * 21, "x": 1}], "note": None, "y": 1}
    values, failure, deviations = lenient(payload)
    assert failure is None
    assert values == {"parts": (Part(rate=Decimal("2.5"), name="n" * 21),)}
    assert deviations == [
        "parts[0].rate has more than one digit after the point",
        "parts[0].name exceeds 20 characters",
        "parts[0].x is unknown",
        "note is null",
        "y is unknown",
    ]


def test_a_lenient_reader_says_why_a_message_is_malformed_and_gives_the_rest() -> None:
    values, failure, _ = lenient({"parts": [{"rate": "x"}], "note": "n"})
    assert values == {"note": "n"}
    assert failure is not None
    assert (path_text(failure.path), failure.text) == ("parts[0].rate", "must be a number")


def test_a_name_from_outside_is_cut_in_a_path() -> None:
    assert path_text(("a", 3, "b" * 99, "c")) == f"a[3].{'b' * NAME_LENGTH_MAX}.c"


@st.composite
def cases(draw: st.DrawFn) -> tuple[type[Value], Any]:
    pair = MESSAGES[draw(st.sampled_from(sorted(MESSAGES)))]
    message_class = draw(st.sampled_from([pair.request, pair.response]))
    return message_class, draw(payloads(message_class))


@settings(max_examples=400)
@given(cases())
def test_what_a_strict_reader_takes_a_lenient_one_takes_for_the_same(case: tuple[type[Value], Any]) -> None:
    message_class, payload = case
    try:
        message, deviations = load_request(message_class, payload)
    except PayloadError:
        return
    same, told = load_response(message_class, payload)
    assert same == message
    assert len(told) >= len(deviations), "what is tolerated deviates"
