"""Values and tables that are declared: what each kind takes, and that every mistake is told at once."""

import math
from typing import Annotated

import pytest
from msgspec import Struct

from devices.kinds import (
    Flag,
    FreeTable,
    Kind,
    NamedTables,
    Number,
    OneOf,
    Problem,
    Problems,
    Several,
    SubTable,
    TableArray,
    TableKey,
    Text,
    Whole,
    keys_of,
    read_table,
    required_keys,
)


class Inner(Struct, frozen=True, kw_only=True):
    size: Annotated[int, TableKey(Whole(minimum=1, maximum=9), "")]


class Outer(Struct, frozen=True, kw_only=True):
    name: Annotated[str, TableKey(Text(), "")]
    inner: Annotated[Inner | None, TableKey(SubTable(section=Inner), "")] = None
    many: Annotated[tuple[Inner, ...], TableKey(TableArray(section=Inner, longest=2), "")] = ()


def test_the_keys_of_a_table_are_those_that_it_declares_in_their_order() -> None:
    assert list(keys_of(Outer)) == ["name", "inner", "many"]
    assert keys_of(Outer)["name"] == TableKey(Text(), "")
    assert (set(required_keys(Outer)), set(required_keys(Inner))) == ({"name"}, {"size"})


WHOLE = Whole(minimum=1, maximum=9)
SECONDS = Number(minimum=0.01, maximum=60, unit="seconds")


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (WHOLE, 9, 9),
        (WHOLE, 1, 1),
        (Whole(minimum=0, maximum=0, only=(13, 32)), 32, 32),
        (Number(minimum=0, maximum=80), 0.5, 0.5),
        (SECONDS, 60, 60),
        (Flag(), True, True),
        (OneOf(words=("a", "b")), "b", "b"),
        (Text(), "x", "x"),
        (Text(lines=True), "a\nb", "a\nb"),
        (Several(kind=Text(), longest=2), ["a", "b"], ("a", "b")),
        (NamedTables(section=Inner), {"a": {"size": 3}}, {"a": Inner(size=3)}),
        (TableArray(section=Inner, longest=1), [{"size": 3}], (Inner(size=3),)),
        (SubTable(section=Inner), {"size": 3}, Inner(size=3)),
        (FreeTable(), {"anything": 1}, {"anything": 1}),
    ],
)
def test_what_fits_is_taken(kind: Kind, value: object, found: object) -> None:
    assert kind.read(value) == found
    assert kind.describe()


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (WHOLE, 10, "must be 1 to 9, not 10"),
        (WHOLE, 0, "must be 1 to 9, not 0"),
        pytest.param(WHOLE, 1 << 99_999, "must be 1 to 9, not 0x8000", id="endless"),
        (WHOLE, math.nan, "must be a whole number, not the number nan"),
        (WHOLE, True, "must be a whole number, not the boolean true"),
        (WHOLE, 1.5, "must be a whole number, not the number 1.5"),
        (Whole(minimum=0, maximum=0, only=(13, 32)), 20, "must be 13 or 32, not 20"),
        (Number(minimum=0, maximum=80), "16", 'must be a number, not the text "16"'),
        (Number(minimum=0, maximum=80), True, "must be a number, not the boolean true"),
        (Number(minimum=0, maximum=80), math.nan, "must be a number, not the number nan"),
        (Number(minimum=0, maximum=80), math.inf, "must be 0 to 80, not inf"),
        (SECONDS, 0, "must be 0.01 to 60 seconds, not 0"),
        (SECONDS, "1", "must be a number of seconds"),
        (Flag(), 1, "must be true or false, not the number 1"),
        (OneOf(words=("a", "b")), "c", 'must be "a" or "b", not the text "c"'),
        (OneOf(words=("a",), retired={"z": "is gone: write a"}), "z", "is gone: write a"),
        (Text(), 3, "must be text, not the number 3"),
        (Text(shortest=1, longest=2), "abc", "must have 1 to 2 characters, not 3"),
        (Text(), "a\nb", "must not hold control characters"),
        (Several(kind=WHOLE, longest=1), [4, 5], "must have at most 1 entries, not 2"),
        (Several(kind=WHOLE, longest=2), [4, 10], "entry 2 must be 1 to 9, not 10"),
        (Several(kind=WHOLE, longest=1), "4", 'must be an array, not the text "4"'),
        (NamedTables(section=Inner), 3, "must hold tables, not the number 3"),
        (TableArray(section=Inner, longest=1), {}, "must be an array of tables, not a table"),
        (TableArray(section=Inner, longest=1), [{}, {}], "must have at most 1 tables, not 2"),
        (SubTable(section=Inner), 7, "must be a table, not the number 7"),
        (FreeTable(), [], "must be a table, not an array"),
    ],
)
def test_what_does_not_fit_is_told(kind: Kind, value: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        kind.read(value)


def problems_of(content: object) -> tuple[Problem, ...]:
    with pytest.raises(Problems) as raised:
        read_table(Outer, content)
    return raised.value.found


def test_every_mistake_of_a_table_is_told_with_its_place() -> None:
    found = problems_of({"nam": "x", "inner": {"size": 0, "sze": 1}, "many": [{"size": 1}, {}]})
    assert [str(problem.within(("board", "x"))) for problem in found] == [
        "[board.x] nam: is no key of this table; did you mean name?",
        "[board.x] name: is required",
        "[board.x.inner] sze: is no key of this table; did you mean size?",
        "[board.x.inner] size: must be 1 to 9, not 0",
        "[board.x.many.2] size: is required",
    ]


def test_a_table_that_is_none_is_told_by_its_own_name() -> None:
    (problem,) = problems_of("x" * 99)
    assert str(problem.within(("board", "x"))).startswith('[board] x: must be a table, not the text "xxx')
    assert len(problem.text) < 80


def test_what_is_not_said_is_as_declared() -> None:
    assert read_table(Outer, {"name": "n"}) == Outer(name="n", inner=None, many=())
