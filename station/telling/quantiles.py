"""Latencies of any number of calls, counted in few classes, and what most of them do not exceed."""

from collections.abc import Mapping

_ONES_MAX = 100
"""Milliseconds that are counted one by one; of longer latencies two digits are kept."""


def rounded(milliseconds: int) -> int:
    """With two digits: so few different ones that any number of calls can be counted by them."""
    unit = 1
    while milliseconds >= _ONES_MAX * unit:
        unit *= 10
    return milliseconds // unit * unit


def quantile(counts: Mapping[int, int], percent: int) -> int:
    """What so many of a hundred do not exceed; `counts` tells how often each value occurred, at least one of them once."""
    left = (sum(counts.values()) * percent + 99) // 100
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return value
    raise AssertionError("a percentage of them lies among them")
