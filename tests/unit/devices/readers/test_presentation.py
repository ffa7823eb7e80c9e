"""Reads that are one presentation."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.readers.presentation import Field, read

REPEAT_MS = 1_500


def presented(reads: list[tuple[int, str]]) -> list[tuple[int, str]]:
    field, found = Field(), []
    for at_ms, uid in reads:
        field, is_new = read(field, uid, at_ms, REPEAT_MS)
        if is_new:
            found.append((at_ms, uid))
    return found


def test_a_card_that_lies_in_the_field_is_presented_once() -> None:
    assert presented([(at_ms, "AA") for at_ms in range(0, 60_000, 500)]) == [(0, "AA")]


def test_a_card_that_was_away_is_presented_anew() -> None:
    assert presented([(0, "AA"), (1_499, "AA"), (2_999, "AA")]) == [(0, "AA"), (2_999, "AA")]


def test_a_second_card_in_between_is_one_of_its_own() -> None:
    assert presented([(0, "AA"), (100, "BB"), (200, "AA")]) == [(0, "AA"), (100, "BB"), (200, "AA")]


@given(st.lists(st.tuples(st.integers(0, 2_000), st.sampled_from(["AA", "BB"])), max_size=30))
@settings(max_examples=60)
def test_two_presentations_of_one_card_have_a_gap_or_another_card_between_them(turns: list[tuple[int, str]]) -> None:
    at_ms, reads = 0, []
    for wait_ms, uid in turns:
        at_ms += wait_ms
        reads.append((at_ms, uid))
    found = presented(reads)
    assert found[:1] == reads[:1]
    for before, this in itertools.pairwise(reads):
        same = before[1] == this[1] and this[0] - before[0] < REPEAT_MS
        assert (this in found) != same or reads.count(this) > 1
