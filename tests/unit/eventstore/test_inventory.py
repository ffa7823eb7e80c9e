"""What must lie before the live segment. (That it is named: tests of the archivist, of salvage and of doctor.)"""

from pathlib import Path

import pytest

from eventstore.catalogue.lifecycle import ArchiveDropped, ArchiveThinned, StationStopping
from eventstore.chain import Row
from eventstore.codec import encode
from eventstore.event import Event
from eventstore.inventory import dropped_in, holes, seals_in, told, without
from eventstore.segments import PastSegment


def segment(first: int, last: int) -> PastSegment:
    return PastSegment(first_seq=first, last_seq=last, path=Path(f"{first}"), is_archive=True)


@pytest.mark.parametrize(
    ("there", "base", "dropped", "missing"),
    [
        ([], 0, 0, []),
        ([], 9, 0, [(1, 9)]),
        ([(1, 9)], 9, 0, []),
        ([(5, 9)], 9, 0, [(1, 4)]),
        ([(5, 9)], 9, 4, []),
        ([(5, 9)], 9, 3, [(4, 4)]),
        ([(1, 4), (8, 9)], 9, 0, [(5, 7)]),
        ([(1, 4)], 9, 0, [(5, 9)]),
        ([(1, 4), (5, 9)], 9, 4, []),  # dropped on record, but still there: a cut came between
        ([(5, 9), (1, 4), (10, 12)], 9, 0, []),  # closed while it was looked at
        ([(1, 9), (3, 4)], 9, 0, []),
    ],
)
def test_each_event_stands_in_a_segment_or_was_dropped_on_record(
    there: list[tuple[int, int]], base: int, dropped: int, missing: list[tuple[int, int]]
) -> None:
    assert holes([segment(*each) for each in there], base, dropped) == missing


def row(seq: int, event: Event, payload: str | None = None) -> Row:
    return Row(seq, seq, 0, 0, event.NAME, 1, None, encode(event) if payload is None else payload, b"")


def test_the_last_dropping_is_found_and_a_damaged_record_of_one_is_none() -> None:
    drops = [
        ArchiveDropped(first_seq=first, last_seq=first + 9, before="", digest="", reason="age") for first in (1, 11)
    ]
    assert dropped_in([row(50, drops[0]), row(51, StationStopping(why="")), row(52, drops[1])]) == 20
    assert dropped_in([row(51, StationStopping(why=""))]) == 0
    assert dropped_in([row(50, drops[0], "{"), row(51, drops[0], "[]"), row(52, drops[0], '{"last_seq": "x"}')]) == 0
    assert told((5, 7)).startswith("events 5 to 7 are gone")


@pytest.mark.parametrize(
    ("ranges", "taken", "left"),
    [
        ([(1, 9)], [], [(1, 9)]),
        ([(1, 9)], [(1, 9)], []),
        ([(1, 9)], [(3, 4)], [(1, 2), (5, 9)]),
        ([(3, 9)], [(1, 4), (8, 20)], [(5, 7)]),
        ([(3, 9), (12, 14)], [(9, 12)], [(3, 8), (13, 14)]),
        ([(3, 4)], [(1, 2), (5, 6)], [(3, 4)]),
    ],
)
def test_what_is_on_record_is_taken_out_of_what_is_missing(
    ranges: list[tuple[int, int]], taken: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    assert list(without(ranges, taken)) == left


def test_the_seals_of_thinned_archives_are_found_and_a_damaged_record_has_none() -> None:
    thinned = ArchiveThinned(first_seq=1, last_seq=9, gaps=((2, 8),), seal="ab", reason="size")
    assert seals_in([row(50, thinned), row(51, StationStopping(why=""))]) == {"ab"}
    assert seals_in([row(50, thinned, "{"), row(51, thinned, "[]"), row(52, thinned, "{}")]) == set()
