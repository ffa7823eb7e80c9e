"""Amounts as people write them."""

import pytest

from station.telling.amounts import current, difference, duration, energy, plural


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"),
        (350, "350 ms"),
        (1_500, "1.5 s"),
        (38_000, "38 s"),
        (61_000, "1 min 1 s"),
        (15_120_000, "4 h 12 min"),
        (3_600_000, "1 h"),
        (90_000_000, "1 d 1 h"),
        (-38_000, "-38 s"),
    ],
)
def test_spans_in_words(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


def test_a_difference_has_its_sign() -> None:
    assert [difference(each) for each in (7_380_000, -350, 0)] == ["+2 h 3 min", "-350 ms", "0 ms"]


def test_amounts_are_written_as_people_write_them() -> None:
    assert (energy(1_234), energy(-5), current(16_050)) == ("1.234 kWh", "-0.005 kWh", "16.0 A")
    assert (plural(1, "boot"), plural(2, "entry", "entries")) == ("1 boot", "2 entries")
