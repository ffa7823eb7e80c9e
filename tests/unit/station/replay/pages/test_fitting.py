"""Text for few columns: no word is broken, none is lost, and nothing is wider than the terminal unless a word is."""

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.replay.pages.fitting import WIDTH_MIN, named, tabled, visible, width_of, wrapped

WORDS = st.lists(st.text("abcdefghijklmnop-=", min_size=1, max_size=18), min_size=1, max_size=30)
NOTE = "                          ↳ StopTransaction waited 7 s offline; confirmed as 9001"
LINE = "2026-01-01 06:00:00.000~  Transaction 1 started on connector 1: tag DEADBEEF, authorized by the CSMS"


def words(lines: Iterator[str] | list[str]) -> list[str]:
    return " ".join(lines).split()


@given(WORDS, st.integers(WIDTH_MIN, 120))
def test_no_word_is_broken_or_lost(said: list[str], width: int) -> None:
    lines = wrapped(" ".join(said), width)
    assert words(lines) == said
    assert all(len(line) <= width for line in lines)


def test_what_goes_on_stands_below_the_text() -> None:
    assert wrapped(LINE, 80) == [
        "2026-01-01 06:00:00.000~  Transaction 1 started on connector 1: tag DEADBEEF,",
        "                          authorized by the CSMS",
    ]
    assert wrapped(NOTE, 60)[1].startswith(" " * 28 + "offline;")
    assert wrapped(f"     17  {LINE}", 80)[1] == " " * 35 + "DEADBEEF, authorized by the CSMS"
    assert wrapped(LINE, None) == [LINE]


def test_no_line_ends_within_an_amount_or_a_moment() -> None:
    assert wrapped("x" * 34 + " 9.568 kWh and 4 h 12 min", 40) == ["x" * 34, "9.568 kWh and 4 h 12 min"]
    assert wrapped("x" * 28 + " 2026-01-01 13:04:05", 40) == ["x" * 28, "2026-01-01 13:04:05"]


def test_a_value_goes_on_below_itself() -> None:
    assert named([("a", "one two three"), ("longer", "x")], 16) == ["a       one two", "        three", "longer  x"]


TABLE = (("when", ">two", "what"), [("2026-01-01", "17", "something that is said at length"), ("", "1", "short")])


def test_a_table_that_fits_stays_as_it_is() -> None:
    natural = tabled(*TABLE, None)
    assert natural == [
        "when        two  what                            ",
        "2026-01-01   17  something that is said at length",
        "              1  short                           ",
    ]
    assert tabled(*TABLE, 80) == natural


def test_a_table_that_is_too_wide_gets_narrower_columns() -> None:
    assert [line.rstrip() for line in tabled(*TABLE, 40)] == [
        "when        two  what",
        "2026-01-01   17  something that is said",
        "                 at length",
        "              1  short",
    ]


def test_a_table_whose_words_are_too_long_is_turned() -> None:
    rows = [("ConnectorLockFailure", "17", "a-word-that-is-long"), ("", "1", "")]
    assert tabled(("error", ">two", "what"), rows, 40) == [
        "error  ConnectorLockFailure",
        "two    17",
        "what   a-word-that-is-long",
        "",
        "two  1",
    ]


@given(st.lists(st.tuples(*[st.text("abc  ", max_size=40)] * 4), min_size=1, max_size=5), st.integers(WIDTH_MIN, 90))
def test_a_table_fits_unless_a_word_does_not(rows: list[tuple[str, ...]], width: int) -> None:
    columns = ("one", "two", ">three", "four")
    lines = [line.rstrip() for line in tabled(columns, rows, width)]
    longest = max((len(word) for row in rows for word in " ".join(row).split()), default=0)
    if longest + len("three  ") <= width:
        assert all(len(line) <= width for line in lines)


def test_only_a_terminal_or_columns_limit_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert width_of(io.StringIO()) is None
    monkeypatch.setenv("COLUMNS", "80")
    assert width_of(io.StringIO()) == 80
    monkeypatch.setenv("COLUMNS", "7")
    assert width_of(io.StringIO()) == WIDTH_MIN
    monkeypatch.setenv("COLUMNS", "wide")
    assert width_of(io.StringIO()) is None


def test_what_would_command_a_terminal_is_written_out() -> None:
    """A tag, or what a CSMS says, may hold anything."""
    hostile = "tag \x1b[2J\x9b5m\u202etxt.exe\r\nnext"
    seen = "tag \\x1b[2J\\x9b5m\\u202etxt.exe\\x0d\\x0anext"
    assert visible(hostile) == seen
    assert wrapped(hostile, None) == [seen]
    assert named([("name", hostile)], None) == [f"name  {seen}"]
    assert tabled(("name",), [(hostile,)], None)[1] == seen
    assert visible("3,5 kWh für „Köln“ ↳ ░") == "3,5 kWh für „Köln“ ↳ ░"
