"""Typed values from JSON-able ones and back."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NewType

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.event import NOT_LOGGED
from eventstore.persistent import Map
from eventstore.structure import StructureError, compile_decoder, to_json, to_plain

TagHash = NewType("TagHash", str)


class Colour(StrEnum):
    RED = "Red"
    BLUE = "Blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    value: int
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    number: int
    text: str
    flag: bool
    maybe: int | None
    either: int | str = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deep:
    samples: tuple[Sample, ...]
    pair: tuple[int, str]
    colour: Colour
    phase: Literal["L1", "L2"]
    best: Sample | None
    by_number: Mapping[int, Sample]
    by_colour: Map[Colour, int]
    seen: frozenset[str]
    tag: TagHash
    made: tuple[int, ...] = field(default_factory=lambda: (7,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    number: int

    def __post_init__(self) -> None:
        assert self.number >= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Partly:
    number: int
    elsewhere: int = field(default=5, metadata=NOT_LOGGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    pass


integers = st.integers(min_value=-(2**63), max_value=2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
samples = st.builds(Sample, value=integers, unit=st.none() | texts)
deeps = st.builds(
    Deep,
    samples=st.lists(samples, max_size=3).map(tuple),
    pair=st.tuples(integers, texts),
    colour=st.sampled_from(Colour),
    phase=st.sampled_from(["L1", "L2"]),
    best=st.none() | samples,
    by_number=st.dictionaries(integers, samples, max_size=3),
    by_colour=st.dictionaries(st.sampled_from(Colour), integers).map(Map),
    seen=st.frozensets(texts, max_size=3),
    tag=texts.map(TagHash),
    made=st.lists(integers, max_size=2).map(tuple),
)
flats = st.builds(
    Flat, number=integers, text=texts, flag=st.booleans(), maybe=st.none() | integers, either=integers | texts
)


def round_trip(value: Any) -> Any:
    return compile_decoder(type(value))(orjson.loads(to_json(value)))


@settings(max_examples=60, deadline=None)
@given(deeps | flats)
def test_a_value_comes_back_as_it_was(value: Deep | Flat) -> None:
    assert round_trip(value) == value


@settings(max_examples=40, deadline=None)
@given(deeps)
def test_canonical_json_is_sorted_and_the_same_for_equal_values(value: Deep) -> None:
    text = to_json(value)
    assert text == to_json(round_trip(value))
    assert list(orjson.loads(text)) == sorted(field.name for field in dataclasses.fields(Deep))


def test_what_comes_back_has_the_types_of_its_hints() -> None:
    made = Deep(
        samples=(),
        pair=(1, "x"),
        colour=Colour.RED,
        phase="L1",
        best=None,
        by_number={7: Sample(value=1)},
        by_colour=Map({Colour.BLUE: 2}),
        seen=frozenset({"b", "a"}),
        tag=TagHash("t"),
    )
    back = round_trip(made)
    assert type(back.colour) is Colour
    assert type(back.by_colour) is Map
    assert list(back.by_number) == [7]
    assert to_plain(made)["seen"] == ["a", "b"]


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({"number": 1, "text": "", "flag": True}, "maybe: missing"),
        ({"number": 1, "text": "", "flag": True, "maybe": None, "more": 1}, "more: unknown"),
        ({"number": True, "text": "", "flag": True, "maybe": None}, "number: expected int, got True"),
        ({"number": 1, "text": 1, "flag": True, "maybe": None}, "text: expected str"),
        ({"number": 1, "text": "", "flag": 1, "maybe": None}, "flag: expected bool"),
        ({"number": 1, "text": "", "flag": True, "maybe": 1.5}, "maybe: expected NoneType or int"),
        ({"number": 1, "text": "", "flag": True, "maybe": None, "either": None}, "either: expected int or str"),
        ([], "value: expected an object"),
    ],
)
def test_a_flat_value_that_does_not_fit_is_refused_with_its_path(raw: Any, path: str) -> None:
    with pytest.raises(StructureError, match=path):
        compile_decoder(Flat)(raw)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"samples": [{"value": 1}, {"value": "x"}]}, r"samples\[1\]\.value: expected int"),
        ({"samples": {}}, "samples: expected an array"),
        ({"pair": [1]}, "pair: expected an array of 2"),
        ({"pair": [1, 2]}, r"pair\[1\]: expected str"),
        ({"colour": "Green"}, "colour: expected one of Red, Blue"),
        ({"colour": []}, "colour: expected one of"),
        ({"phase": "L3"}, "phase: expected one of L1, L2"),
        ({"best": {"value": 1, "unit": 3}}, "best.unit: expected"),
        ({"by_number": {"7": {}}}, r"by_number\['7'\]\.value: missing"),
        ({"by_number": {"07": {"value": 1}}}, r"by_number\['07'\]: expected an integer"),
        ({"by_number": {"x": {"value": 1}}}, r"by_number\['x'\]: expected an integer"),
        ({"by_colour": {"Green": 1}}, r"by_colour\['Green'\]: expected one of"),
        ({"by_colour": []}, "by_colour: expected an object"),
        ({"seen": [1]}, r"seen\[0\]: expected str"),
        ({"tag": 1}, "tag: expected str"),
        ({"other": 1}, "other: unknown"),
    ],
)
def test_a_nested_value_that_does_not_fit_is_refused_with_its_path(change: dict[str, Any], path: str) -> None:
    fitting: dict[str, Any] = {
        "samples": [],
        "pair": [1, "x"],
        "colour": "Red",
        "phase": "L1",
        "best": None,
        "by_number": {},
        "by_colour": {},
        "seen": [],
        "tag": "t",
    }
    assert compile_decoder(Deep)(fitting).made == (7,)
    with pytest.raises(StructureError, match=path):
        compile_decoder(Deep)(fitting | change)


def test_missing_members_take_their_defaults() -> None:
    assert compile_decoder(Sample)({"value": 1}) == Sample(value=1, unit=None)
    assert compile_decoder(Empty)({}) == Empty()
    assert to_json(Empty()) == b"{}"


def test_a_class_that_checks_itself_is_made_by_its_constructor() -> None:
    assert compile_decoder(Checked)({"number": 1}) == Checked(number=1)
    with pytest.raises(AssertionError):
        compile_decoder(Checked)({"number": -1})


def test_a_field_that_is_not_logged_is_left_out_and_refused() -> None:
    assert to_json(Partly(number=1, elsewhere=9)) == b'{"number":1}'
    assert round_trip(Partly(number=1, elsewhere=9)) == Partly(number=1)
    with pytest.raises(StructureError, match="elsewhere: unknown"):
        compile_decoder(Partly)({"number": 1, "elsewhere": 2})


@pytest.mark.parametrize("hint", [float, list[int], Sample | Flat, Sample | int | None, bytes, set[int]])
def test_a_hint_without_a_decoder_is_refused_when_it_is_compiled(hint: Any) -> None:
    with pytest.raises(TypeError):
        compile_decoder(hint)


@pytest.mark.parametrize("value", ["\ud800", 2**64, object(), {1: {2, 3}}])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(StructureError):
        to_json({"member": value})
