"""Repetitions: told at first, then ever more seldom, counted, and bounded."""

from itertools import pairwise

from station.telling.line import INFO, Line
from station.telling.repeats import BURST, QUIET_MAX_MS, RUN_ENDS_MS, WINDOW_MS, Count, Repeats

MINUTE_MS = 60_000


def line(text: str) -> Line:
    return Line(level=INFO, text=text, seq=1, type="Any")


def told_at(repeats: Repeats, every_ms: int, until_ms: int, free: int = 1) -> list[int]:
    """The moments at which a failure that comes every so often is told."""
    moments = range(0, until_ms + 1, every_ms)
    return [at_ms for at_ms in moments if repeats.failed("key", "refused", at_ms, at_ms, free=free) is not None]


def test_a_failure_is_told_ever_more_seldom_up_to_once_an_hour() -> None:
    told = told_at(Repeats(), 10_000, 24 * 60 * MINUTE_MS)
    assert told[:5] == [0, MINUTE_MS, 3 * MINUTE_MS, 7 * MINUTE_MS, 15 * MINUTE_MS]
    gaps = [after - before for before, after in pairwise(told[6:])]
    assert set(gaps) == {QUIET_MAX_MS}


def test_it_is_counted_from_its_first_time_on() -> None:
    repeats = Repeats()
    for at_ms in range(0, 130_000, 10_000):
        repeats.failed("key", "refused", at_ms, 1_000_000 + at_ms)
    assert repeats.failed("key", "refused", 600_000, 1_600_000) == Count(times=14, since_utc_ms=1_000_000)


def test_just_before_its_time_it_is_left_out_and_at_it_told() -> None:
    repeats = Repeats()
    repeats.failed("key", "refused", 0, 0)
    assert repeats.failed("key", "refused", MINUTE_MS - 1, 0) is None
    assert repeats.failed("key", "refused", MINUTE_MS, 0) == Count(times=3, since_utc_ms=0)


def test_another_reason_need_not_wait_so_long_but_cannot_flood_either() -> None:
    repeats = Repeats()
    told = [at_ms for at_ms in range(0, MINUTE_MS, 100) if repeats.failed("key", f"reason {at_ms}", at_ms, at_ms)]
    assert told == [0, 10_000, 20_000, 30_000, 40_000, 50_000]


def test_the_first_ones_are_told_as_they_come_where_that_is_wanted() -> None:
    assert told_at(Repeats(), 1_000, 62_000, free=3) == [0, 1_000, 2_000, 62_000]


def test_a_run_that_is_over_begins_anew() -> None:
    repeats = Repeats()
    told_at(repeats, 1_000, 30_000)
    assert repeats.over("key") == Count(times=31, since_utc_ms=0)
    assert repeats.over("key") is None
    assert repeats.failed("key", "refused", 31_000, 31_000) == Count(times=1, since_utc_ms=31_000)


def test_a_run_of_which_nothing_has_come_for_long_is_over() -> None:
    repeats = Repeats()
    repeats.failed("key", "refused", 0, 0)
    assert repeats.failed("key", "refused", RUN_ENDS_MS, 7) == Count(times=2, since_utc_ms=0)
    assert repeats.failed("key", "refused", 2 * RUN_ENDS_MS + 1, 8) == Count(times=1, since_utc_ms=8)


def test_of_a_flood_so_many_are_told_and_then_the_last_one_with_how_many_were_left_out() -> None:
    repeats = Repeats()
    told = [number for number in range(1_000) if repeats.may_tell("key", line(str(number)), number, 5_000 + number)]
    assert told == list(range(BURST))
    assert list(repeats.overdue(WINDOW_MS - 1)) == []
    (held,) = repeats.overdue(WINDOW_MS)
    assert (held.line.text, held.times, held.since_utc_ms, held.utc_ms) == ("999", 1_000 - BURST, 5_020, 5_999)
    assert list(repeats.overdue(WINDOW_MS)) == []
    assert repeats.may_tell("key", line("later"), WINDOW_MS, 0)


def test_what_is_held_can_be_dropped() -> None:
    repeats = Repeats()
    repeats.hold("key", line("connected"), 0, 60_000)
    repeats.drop("key")
    assert list(repeats.overdue(60_000)) == []


def test_keys_do_not_touch_each_other() -> None:
    repeats = Repeats()
    for number in range(BURST + 1):
        repeats.may_tell("one", line("one"), number, 0)
    assert repeats.may_tell("other", line("other"), 0, 0)
    repeats.failed("one", "refused", 0, 0)
    assert repeats.failed("other", "refused", 1, 0) is not None
