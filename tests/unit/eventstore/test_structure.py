"""Typed values from JSON-able ones and back."""

from enum import StrEnum
from typing import Any, Literal, NewType

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.persistent import Map
from eventstore.structure import StructureError, decoder, from_plain, to_json, to_plain
from eventstore.value import Value, field

TagHash = NewType("TagHash", str)


class Colour(StrEnum):
    RED = "Red"
    BLUE = "Blue"


class Sample(Value, frozen=True, kw_only=True):
    value: int
    unit: str | None = None


class Flat(Value, frozen=True, kw_only=True):
    number: int
    text: str
    flag: bool
    maybe: int | None
    either: int | str = 0


class Deep(Value, frozen=True, kw_only=True):
    samples: tuple[Sample, ...]
    pair: tuple[int, str]
    colour: Colour
    phase: Literal["L1", "L2"]
    best: Sample | None
    by_number: Map[int, Sample]
    by_colour: Map[Colour, int]
    seen: frozenset[str]
    tag: TagHash
    made: tuple[int, ...] = field(default_factory=lambda: (7,))


class Checked(Value, frozen=True, kw_only=True):
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("below zero")


class Empty(Value, frozen=True, kw_only=True):
    pass


class Foreign(Value, frozen=True):
    by_object: object


def read_plain(hint: Any, plain: Any) -> Any:
    return from_plain(hint, plain)


def read_text(hint: Any, plain: Any) -> Any:
    return decoder(hint)(orjson.dumps(plain))


READERS = (read_plain, read_text)

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
    by_number=st.dictionaries(integers, samples, max_size=3).map(Map),
    by_colour=st.dictionaries(st.sampled_from(Colour), integers).map(Map),
    seen=st.frozensets(texts, max_size=3),
    tag=texts.map(TagHash),
    made=st.lists(integers, max_size=2).map(tuple),
)
flats = st.builds(
    Flat, number=integers, text=texts, flag=st.booleans(), maybe=st.none() | integers, either=integers | texts
)


def round_trip(value: Any) -> Any:
    text = to_json(value)
    back = decoder(type(value))(text)
    assert from_plain(type(value), orjson.loads(text)) == back, "both ways read the same"
    return back


@settings(max_examples=60)
@given(deeps | flats)
def test_a_value_comes_back_as_it_was(value: Deep | Flat) -> None:
    assert round_trip(value) == value


@settings(max_examples=40)
@given(deeps)
def test_canonical_json_is_sorted_and_the_same_for_equal_values(value: Deep) -> None:
    text = to_json(value)
    assert text == to_json(round_trip(value))
    assert list(orjson.loads(text)) == sorted(Deep.__struct_fields__)


def test_what_comes_back_has_the_types_of_its_hints() -> None:
    made = Deep(
        samples=(),
        pair=(1, "x"),
        colour=Colour.RED,
        phase="L1",
        best=None,
        by_number=Map({7: Sample(value=1)}),
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
    ("raw", "what"),
    [
        ({"number": 1, "text": "", "flag": True}, "missing required field `maybe`"),
        ({"number": 1, "text": "", "flag": True, "maybe": None, "more": 1}, "unknown field `more`"),
        ({"number": True, "text": "", "flag": True, "maybe": None}, r"Expected `int`, got `bool` - at `\$\.number`"),
        ({"number": 1.0, "text": "", "flag": True, "maybe": None}, r"Expected `int`, got `float` - at `\$\.number`"),
        ({"number": "1", "text": "", "flag": True, "maybe": None}, r"Expected `int`, got `str` - at `\$\.number`"),
        ({"number": 1, "text": 1, "flag": True, "maybe": None}, r"Expected `str`, got `int` - at `\$\.text`"),
        ({"number": 1, "text": "", "flag": 1, "maybe": None}, r"Expected `bool`, got `int` - at `\$\.flag`"),
        (
            {"number": 1, "text": "", "flag": True, "maybe": 1.5},
            r"Expected `int \| null`, got `float` - at `\$\.maybe`",
        ),
        ({"number": 1, "text": "", "flag": True, "maybe": None, "either": None}, r"Expected `int \| str`, got `null`"),
        ([], "Expected `object`, got `array`"),
    ],
)
def test_a_flat_value_that_does_not_fit_is_refused_with_its_path(raw: Any, what: str) -> None:
    for read in READERS:
        with pytest.raises(ValueError, match=what):
            read(Flat, raw)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"samples": [{"value": 1}, {"value": "x"}]}, r"Expected `int`, got `str` - at `\$\.samples\[1\]\.value`"),
        ({"samples": {}}, r"Expected `array`, got `object` - at `\$\.samples`"),
        ({"pair": [1]}, r"Expected `array` of length 2.* - at `\$\.pair`"),
        ({"pair": [1, 2]}, r"Expected `str`, got `int` - at `\$\.pair\[1\]`"),
        ({"colour": "Green"}, r"Invalid enum value 'Green' - at `\$\.colour`"),
        ({"colour": []}, r"Expected `str`, got `array` - at `\$\.colour`"),
        ({"phase": "L3"}, r"Invalid enum value 'L3' - at `\$\.phase`"),
        ({"best": {"value": 1, "unit": 3}}, r"Expected `str \| null`, got `int` - at `\$\.best\.unit`"),
        ({"by_number": {"7": {}}}, r"missing required field `value` - at `\$\[...\]` - at `\$\.by_number`"),
        ({"by_number": {"07": {"value": 1}}}, r"Expected `int`, got `str` - at `key` in `\$` - at `\$\.by_number`"),
        ({"by_number": {"x": {"value": 1}}}, r"Expected `int`, got `str` - at `key` in `\$` - at `\$\.by_number`"),
        ({"by_colour": {"Green": 1}}, r"Invalid enum value 'Green' - at `key` in `\$` - at `\$\.by_colour`"),
        ({"by_colour": {"Red": "1"}}, r"Expected `int`, got `str` - at `\$\[...\]` - at `\$\.by_colour`"),
        ({"by_colour": []}, r"Expected `object`, got `array` - at `\$\.by_colour`"),
        ({"seen": [1]}, r"Expected `str`, got `int` - at `\$\.seen\[0\]`"),
        ({"tag": 1}, r"Expected `str`, got `int` - at `\$\.tag`"),
        ({"other": 1}, "unknown field `other`"),
    ],
)
def test_a_nested_value_that_does_not_fit_is_refused_with_its_path(change: dict[str, Any], what: str) -> None:
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
    for read in READERS:
        assert read(Deep, fitting).made == (7,)
        with pytest.raises(ValueError, match=what):
            read(Deep, fitting | change)


def test_missing_members_take_their_defaults() -> None:
    assert decoder(Sample)('{"value":1}') == Sample(value=1, unit=None)
    assert decoder(Empty)("{}") == Empty()
    assert to_json(Empty()) == b"{}"


def test_a_class_that_checks_itself_does_so_when_it_is_read() -> None:
    assert decoder(Checked)('{"number":1}') == Checked(number=1)
    with pytest.raises(ValueError, match="below zero"):
        decoder(Checked)('{"number":-1}')


@pytest.mark.parametrize(
    "text", ["", "{", '{"value":1} x', '{"value":01}', '{"value":1,}', b'{"value":1,"unit":"\xff"}']
)
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        decoder(Sample)(text)


def test_what_is_a_value_already_stays_as_it_is() -> None:
    known = Sample(value=1)
    assert from_plain(tuple[Sample, ...], [known])[0] is known


def test_what_nobody_can_read_is_refused_with_its_name() -> None:
    with pytest.raises(ValueError, match=r"object is never read - at `\$\.by_object`"):
        decoder(Foreign)('{"by_object":1}')


@settings(max_examples=60)
@given(st.recursive(integers | texts | st.booleans() | st.none(), lambda x: st.lists(x) | st.dictionaries(texts, x)))
def test_it_writes_the_bytes_that_orjson_writes(value: Any) -> None:
    """Logs, archives and signatures of version 0.1.0 were written by it."""
    assert to_json(value) == orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize("character", [chr(code) for code in (*range(0x100), 0x2028, 0xFFFF, 0x10000, 0x10FFFF)])
def test_it_escapes_what_orjson_escapes(character: str) -> None:
    assert to_json(character) == orjson.dumps(character)


def test_keys_that_are_numbers_are_sorted_as_text() -> None:
    assert to_json(Map({9: 1, 10: 2, -1: 3})) == b'{"-1":3,"10":2,"9":1}'


def test_a_number_of_a_class_of_its_own_is_written_as_the_number() -> None:
    class Metres(int):
        pass

    assert to_json(Sample(value=Metres(7))) == b'{"unit":null,"value":7}'


@pytest.mark.parametrize("value", ["\ud800", object(), {1: 2}, Foreign(by_object=object())])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(StructureError, match="dict cannot be written"):
        to_json({"member": value})
