"""Latencies in few classes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station.telling.quantiles import quantile, rounded


@pytest.mark.parametrize(
    ("exact", "kept"), [(0, 0), (99, 99), (100, 100), (123, 120), (9_999, 9_900), (12_345, 12_000)]
)
def test_two_digits_are_kept(exact: int, kept: int) -> None:
    assert rounded(exact) == kept


@given(st.integers(0, 10**9))
def test_what_is_kept_is_never_more_and_less_by_a_tenth_at_most(exact: int) -> None:
    assert exact * 0.9 <= rounded(exact) <= exact
    assert rounded(rounded(exact)) == rounded(exact)


def test_a_quantile_is_what_so_many_do_not_exceed() -> None:
    counts = {5: 50, 7: 49, 1_000: 1}
    assert [quantile(counts, percent) for percent in (1, 50, 51, 99, 100)] == [5, 5, 7, 7, 1_000]
