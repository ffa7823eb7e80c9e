"""Piecewise constant functions of time, the algebra under every charging schedule (3.13.3).

A function is defined on one window [from, to) of UTC milliseconds; `None` as a value means "no limit". Functions are combined
only over the same window. Combining sweeps once over all moments at which any of them changes.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from eventstore.value import Value

__all__ = ["Steps", "applied", "at", "combined", "constant", "from_pieces", "merged", "next_change_ms"]

V = TypeVar("V")
Result = TypeVar("Result")


class Steps(Value, Generic[V], frozen=True, kw_only=True):
    """values[i] holds from starts_ms[i] until the next start, the last one until to_ms. Starts ascend strictly."""

    starts_ms: tuple[int, ...]
    values: tuple[V, ...]
    to_ms: int

    def __post_init__(self) -> None:
        assert len(self.starts_ms) == len(self.values) > 0, "one value per start, and at least one"
        assert self.starts_ms[-1] < self.to_ms, "the window ends after its last start"

    @property
    def from_ms(self) -> int:
        """The beginning of the window."""
        return self.starts_ms[0]


def constant(value: V, from_ms: int, to_ms: int) -> Steps[V]:
    """The function that has one value throughout the window."""
    return Steps(starts_ms=(from_ms,), values=(value,), to_ms=to_ms)


def from_pieces(pieces: Iterable[tuple[int, int, V]], from_ms: int, to_ms: int) -> Steps[V | None]:
    """The function that has `value` on each piece [start, end) and None elsewhere.

    The pieces lie in the window, are not empty, ascend and do not overlap.
    """
    starts: list[int] = []
    values: list[V | None] = []
    covered_to_ms = from_ms
    for start_ms, end_ms, value in pieces:
        assert covered_to_ms <= start_ms < end_ms <= to_ms, "pieces ascend within the window"
        if start_ms > covered_to_ms:
            starts.append(covered_to_ms)
            values.append(None)
        starts.append(start_ms)
        values.append(value)
        covered_to_ms = end_ms
    if covered_to_ms < to_ms:
        starts.append(covered_to_ms)
        values.append(None)
    return Steps(starts_ms=tuple(starts), values=tuple(values), to_ms=to_ms)


def at(function: Steps[V], moment_ms: int) -> V:
    """The value at a moment of the window."""
    assert function.from_ms <= moment_ms < function.to_ms, "the moment lies in the window"
    return function.values[bisect_right(function.starts_ms, moment_ms) - 1]


def combined(functions: Sequence[Steps[V]], join: Callable[[Sequence[V]], Result]) -> Steps[Result]:
    """The function whose value at each moment is `join` of all the functions' values, in their order, at that moment.

    `join` gets a list that changes after it returns. Neighbours that are the same object become one step.
    """
    first = functions[0]
    assert all(each.from_ms == first.from_ms and each.to_ms == first.to_ms for each in functions), "one window for all"
    current = [each.values[0] for each in functions]
    changes = sorted(
        (start_ms, index, value)
        for index, each in enumerate(functions)
        for start_ms, value in zip(each.starts_ms[1:], each.values[1:], strict=True)
    )
    starts: list[int] = [first.from_ms]
    values: list[Result] = []
    moment_ms = first.from_ms
    for start_ms, index, value in changes:
        if start_ms != moment_ms:
            _settle(starts, values, moment_ms, join(current))
            moment_ms = start_ms
        current[index] = value
    _settle(starts, values, moment_ms, join(current))
    return Steps(starts_ms=tuple(starts), values=tuple(values), to_ms=first.to_ms)


def _settle(starts: list[int], values: list[Result], moment_ms: int, value: Result) -> None:
    if not values:
        values.append(value)
    elif value is not values[-1]:
        starts.append(moment_ms)
        values.append(value)


def applied(function: Steps[V], change: Callable[[V], Result]) -> Steps[Result]:
    """The function with every value changed."""
    return Steps(starts_ms=function.starts_ms, values=tuple(map(change, function.values)), to_ms=function.to_ms)


def merged(function: Steps[V]) -> Steps[V]:
    """The same function without changes from a value to an equal one."""
    kept = [index for index, value in enumerate(function.values) if index == 0 or value != function.values[index - 1]]
    return Steps(
        starts_ms=tuple(function.starts_ms[index] for index in kept),
        values=tuple(function.values[index] for index in kept),
        to_ms=function.to_ms,
    )


def next_change_ms(function: Steps[V]) -> int | None:
    """The first moment at which the value differs from the one at the window's beginning; None if it stays."""
    for start_ms, value in zip(function.starts_ms, function.values, strict=True):
        if value != function.values[0]:
            return start_ms
    return None
