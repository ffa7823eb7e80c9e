from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.features.smart_charging.steps import (
    Steps,
    applied,
    at,
    combined,
    constant,
    from_pieces,
    merged,
    next_change_ms,
)

WINDOW_MS = 40
Pieces = list[tuple[int, int, int]]


@st.composite
def pieces(draw: st.DrawFn) -> Pieces:
    edges = sorted(draw(st.sets(st.integers(0, WINDOW_MS), max_size=12)))
    pairs = pairwise(edges)
    return [(start, end, draw(st.integers(1, 4))) for start, end in pairs if draw(st.booleans())]


def obvious_value(given_pieces: Pieces, moment_ms: int) -> int | None:
    return next((value for start, end, value in given_pieces if start <= moment_ms < end), None)


@settings(max_examples=60)
@given(pieces())
def test_a_function_from_pieces_has_their_values_and_none_between_them(given_pieces: Pieces) -> None:
    function = from_pieces(given_pieces, 0, WINDOW_MS)
    assert [at(function, moment) for moment in range(WINDOW_MS)] == [
        obvious_value(given_pieces, moment) for moment in range(WINDOW_MS)
    ]
    assert list(function.starts_ms) == sorted(set(function.starts_ms))


@settings(max_examples=60)
@given(st.lists(pieces(), min_size=1, max_size=5))
def test_combining_joins_the_values_of_every_moment_in_their_order(several: list[Pieces]) -> None:
    functions = [from_pieces(each, 0, WINDOW_MS) for each in several]
    joined = combined(functions, tuple)
    for moment in range(WINDOW_MS):
        assert at(joined, moment) == tuple(obvious_value(each, moment) for each in several)


@settings(max_examples=60)
@given(pieces())
def test_merging_keeps_every_value_and_leaves_no_equal_neighbours(given_pieces: Pieces) -> None:
    function = from_pieces(given_pieces, 0, WINDOW_MS)
    result = merged(function)
    assert all(at(result, moment) == at(function, moment) for moment in range(WINDOW_MS))
    assert all(one != other for one, other in pairwise(result.values))


@settings(max_examples=60)
@given(pieces())
def test_the_next_change_is_the_first_moment_with_another_value(given_pieces: Pieces) -> None:
    values = [obvious_value(given_pieces, moment) for moment in range(WINDOW_MS)]
    expected = next((moment for moment, value in enumerate(values) if value != values[0]), None)
    assert next_change_ms(from_pieces(given_pieces, 0, WINDOW_MS)) == expected


def test_several_changes_at_one_moment_are_one_step() -> None:
    one = Steps(starts_ms=(0, 10), values=(1, 2), to_ms=20)
    other = Steps(starts_ms=(0, 10), values=(5, 6), to_ms=20)
    assert combined((one, other), sum).starts_ms == (0, 10)


def test_the_same_object_on_both_sides_of_a_change_is_one_step() -> None:
    limit = object()
    hidden = Steps(starts_ms=(0, 5), values=(object(), object()), to_ms=20)
    assert combined((constant(limit, 0, 20), hidden), lambda values: values[0]).starts_ms == (0,)


def test_applying_changes_every_value_and_no_moment() -> None:
    function = Steps(starts_ms=(0, 7), values=(1, 2), to_ms=9)
    assert applied(function, lambda value: value * 10) == Steps(starts_ms=(0, 7), values=(10, 20), to_ms=9)


def test_functions_over_different_windows_cannot_be_combined() -> None:
    with pytest.raises(AssertionError, match="one window"):
        combined((constant(1, 0, 10), constant(1, 0, 11)), sum)


def test_a_moment_outside_the_window_has_no_value() -> None:
    with pytest.raises(AssertionError, match="window"):
        at(constant(1, 0, 10), 10)


def test_overlapping_pieces_are_refused() -> None:
    with pytest.raises(AssertionError, match="ascend"):
        from_pieces([(0, 5, 1), (4, 6, 2)], 0, 10)
