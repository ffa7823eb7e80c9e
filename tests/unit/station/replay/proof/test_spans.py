"""Ranges of events: what is done with them agrees with sets of numbers."""

from hypothesis import given
from hypothesis import strategies as st

from station.replay.proof.spans import Span, common, count, holds, listed, minus, pieces, union, words

SPANS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6)).map(lambda pair: (pair[0], pair[0] + pair[1])))


def numbers(spans: list[Span] | tuple[Span, ...]) -> set[int]:
    return {seq for first, last in spans for seq in range(first, last + 1)}


@given(SPANS, SPANS)
def test_ranges_are_sets_of_numbers(one: list[Span], other: list[Span]) -> None:
    assert numbers(union(one, other)) == numbers(one) | numbers(other)
    assert numbers(minus(one, other)) == numbers(one) - numbers(other)
    assert numbers(common(one, other)) == numbers(one) & numbers(other)
    assert count(one) == len(numbers(one))
    assert all(holds(union(one), seq) == (seq in numbers(one)) for seq in range(50))


@given(SPANS, SPANS)
def test_each_piece_lies_wholly_in_or_out(one: list[Span], other: list[Span]) -> None:
    found = list(pieces((1, 45), union(one), union(other)))
    assert numbers(found) == set(range(1, 46))
    for first, last in found:
        for spans in (one, other):
            assert len({seq in numbers(spans) for seq in range(first, last + 1)}) == 1


def test_ranges_in_words() -> None:
    assert (words((7, 7)), words((7, 9))) == ("event 7", "events 7 to 9")
    assert listed([(1, 1)]) == "event 1"
    assert listed([(1, 4), (9, 9), (12, 14)], most=2) == "events 1 to 4, 9 and 1 more ranges"
