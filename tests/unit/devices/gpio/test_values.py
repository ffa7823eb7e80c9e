"""Tables that are declared: what each kind takes, and that every mistake is told at once."""

import math
from dataclasses import dataclass

import pytest

from devices.gpio.values import (
    Flag,
    Input,
    InputLine,
    Kind,
    Listed,
    Named,
    Output,
    OutputLine,
    Pin,
    Problem,
    Several,
    Table,
    Text,
    Whole,
    Word,
    key,
    read_table,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    size: int = key(Whole(minimum=1, maximum=9), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    name: str = key(Text(), "")
    inner: Inner | None = key(Table(section=Inner), "", None)
    many: tuple[Inner, ...] = key(Listed(section=Inner, longest=2), "", ())


def read(kind: Kind, value: object) -> object:
    problems: list[Problem] = []
    found = kind.read(value, ("board",), problems)
    assert problems == []
    return found


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (Whole(minimum=1, maximum=9), 9, 9),
        (Flag(), True, True),
        (Word(words=("a", "b")), "b", "b"),
        (Text(), "x", "x"),
        (Pin(), "BOARD12", "GPIO18"),
        (Output(), 5, OutputLine(pin="GPIO5", active="high")),
        (Output(), {"pin": "GPIO5", "active": "low"}, OutputLine(pin="GPIO5", active="low")),
        (Input(active="low"), "GPIO5", InputLine(pin="GPIO5", active="low", pull="up", hold_ms=20)),
        (
            Input(active="low"),
            {"pin": 5, "active": "high", "pull": "down", "hold_ms": 0},
            InputLine(pin="GPIO5", active="high", pull="down", hold_ms=0),
        ),
        (Several(kind=Pin(), longest=2), [4, "GPIO5"], ("GPIO4", "GPIO5")),
        (Named(section=Inner), {"a": {"size": 3}}, {"a": Inner(size=3)}),
        (Listed(section=Inner, longest=1), [{"size": 3}], (Inner(size=3),)),
    ],
)
def test_what_fits_is_taken(kind: Kind, value: object, found: object) -> None:
    assert read(kind, value) == found
    assert kind.describe()


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Whole(minimum=1, maximum=9), 10, "between 1 and 9"),
        pytest.param(Whole(minimum=1, maximum=9), 1 << 99_999, "1 and 9, not something without end", id="endless"),
        (Whole(minimum=1, maximum=9), math.nan, "must be a whole number, not nan"),
        (Whole(minimum=1, maximum=9), True, "whole number"),
        (Whole(minimum=1, maximum=9), 1.5, "whole number"),
        (Flag(), 1, "true or false"),
        (Word(words=("a", "b")), "c", "one of a, b"),
        (Text(), 3, "must be text"),
        (Text(longest=2), "abc", "1 to 2 characters"),
        (Pin(), True, "must name a pin"),
        (Pin(), "GPIO77", "is no pin"),
        (Output(), {"active": "low"}, "names no pin"),
        (Output(), {"pin": 5, "pull": "up"}, "pull is none of"),
        (Output(), {"pin": 5, "active": "up"}, "one of high, low"),
        (Input(active="low"), {"pin": 5, "hold_ms": -1}, "between 0 and"),
        (Input(active="low"), {"pin": "GPIO2", "pull": "none"}, "cannot be switched off"),
        (Several(kind=Pin(), longest=1), [4, 5], "at most 1"),
        (Several(kind=Pin(), longest=1), "GPIO4", "must be a list"),
        (Named(section=Inner), 3, "must hold tables"),
        (Listed(section=Inner, longest=1), {}, "must be a list of tables"),
        (Listed(section=Inner, longest=1), [{}, {}], "at most 1 tables"),
    ],
)
def test_what_does_not_fit_is_told(kind: Kind, value: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        kind.read(value, ("board",), [])


def test_every_mistake_of_a_table_is_told_with_its_place() -> None:
    problems: list[Problem] = []
    content = {"nam": "x", "inner": {"size": 0, "sze": 1}, "many": [{"size": 1}, {}]}
    assert read_table(Outer, content, ("board", "x"), problems) is None
    assert [str(problem) for problem in problems] == [
        "[board.x] nam: is no key of this table; did you mean name?",
        "[board.x] name: is required",
        "[board.x.inner] sze: is no key of this table; did you mean size?",
        "[board.x.inner] size: must be between 1 and 9, not 0",
        "[board.x.many.2] size: is required",
    ]


def test_a_table_that_is_none_is_told() -> None:
    problems: list[Problem] = []
    assert read_table(Outer, "x" * 99, ("board", "x"), problems) is None
    assert problems[0].text.startswith("must be a table, not 'xxx")
    assert len(problems[0].text) < 80
