"""Ranges of events as sorted pairs (first, last), both included, that neither touch nor overlap; and what is done with them."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import itemgetter

Span = tuple[int, int]
Spans = tuple[Span, ...]


def union(*groups: Iterable[Span]) -> Spans:
    """All that lies in any of these; empty ranges count for nothing."""
    found: list[Span] = []
    for first, last in sorted(span for group in groups for span in group if span[0] <= span[1]):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def minus(spans: Iterable[Span], others: Iterable[Span]) -> Spans:
    """What lies in the first and not in the second."""
    taken = union(others)
    found: list[Span] = []
    for first, last in union(spans):
        begin = first
        for out_first, out_last in taken:
            if out_last < begin or out_first > last:
                continue
            if begin < out_first:
                found.append((begin, out_first - 1))
            begin = out_last + 1
        if begin <= last:
            found.append((begin, last))
    return tuple(found)


def common(spans: Iterable[Span], others: Iterable[Span]) -> Spans:
    """What lies in both."""
    whole = union(spans)
    return minus(whole, minus(whole, others))


def holds(spans: Sequence[Span], seq: int) -> bool:
    """Does the event lie in one of them? They are as `union` leaves them."""
    place = bisect_right(spans, seq, key=itemgetter(0))
    return place > 0 and seq <= spans[place - 1][1]


def extend(spans: list[Span], span: Span) -> None:
    """Adds a range that lies behind all of them."""
    if spans and spans[-1][1] + 1 == span[0]:
        spans[-1] = (spans[-1][0], span[1])
    else:
        spans.append(span)


def count(spans: Iterable[Span]) -> int:
    """How many events there are in all of them."""
    return sum(last - first + 1 for first, last in union(spans))


def pieces(within: Span, *groups: Sequence[Span]) -> Iterator[Span]:
    """The range cut wherever one of the groups begins or ends: each piece lies wholly in, or wholly outside of, each range."""
    first, last = within
    cuts = {first, last + 1}
    for group in groups:
        for begin, end in group:
            cuts |= {seq for seq in (begin, end + 1) if first < seq <= last}
    for begin, behind in pairwise(sorted(cuts)):
        yield begin, behind - 1


def words(span: Span) -> str:
    """ "event 7", or "events 7 to 12"."""
    first, last = span
    return f"event {first}" if first == last else f"events {first} to {last}"


def listed(spans: Iterable[Span], most: int = 8) -> str:
    """ "events 7 to 12, 20, 31 to 40", and how many more there are."""
    found = union(spans)
    parts = [str(first) if first == last else f"{first} to {last}" for first, last in found[:most]]
    more = f" and {len(found) - most} more ranges" if len(found) > most else ""
    is_one = len(found) == 1 and found[0][0] == found[0][1]
    return f"event{'' if is_one else 's'} {', '.join(parts)}{more}"
