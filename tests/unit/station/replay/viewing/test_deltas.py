"""Differences between JSON values: whatever the two are, the second comes out again, and little changed is little written."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from station.replay.viewing.deltas import Series, difference
from tests.kept_pages import applied, view_at

SCALARS = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "a", "v"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["v", "s", "d", "a"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_the_second_value_comes_out_again(old: Any, new: Any) -> None:
    found = difference(old, new)
    assert json.dumps(old if found is None else applied(old, found)) == json.dumps(new) or found is not None
    assert (old if found is None else applied(old, found)) == new
    assert difference(new, new) is None


def test_true_is_not_one() -> None:
    assert difference(1, True) == {"v": True}
    assert difference([0], [False]) is not None


def test_a_list_that_slides_costs_what_is_new() -> None:
    old = [[n, n] for n in range(100)]
    assert difference(old, [*old[1:], [100, 100]]) == {"s": [1, 99, [[100, 100]]]}
    assert difference(old, [*old[:-1], [0, 0]]) == {"s": [0, 99, [[0, 0]]]}


def test_objects_in_a_list_are_compared_by_their_places() -> None:
    old = [{"id": 1, "x": 5}, {"id": 2, "x": 5}]
    assert difference(old, [{"id": 1, "x": 5}, {"id": 2, "x": 6}]) == {"l": {"1": {"d": {"x": {"v": 6}}}}}


def test_a_series_may_begin_late_and_stand_still() -> None:
    series = Series()
    for moment, view in ((2, {"a": 1}), (3, {"a": 1}), (6, {"a": 2})):
        series.add(moment, view)
    kept = {"seqs": [10, 11, 12, 13, 14, 15, 16], "series": {"x": series.kept()}}
    assert [view_at(kept, "x", seq)["a"] for seq in (12, 13, 14, 15, 16)] == [1, 1, 1, 1, 2]
