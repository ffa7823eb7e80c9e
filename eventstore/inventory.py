"""What must lie before the live segment, and what does.

The numbers tell: each event from the first one on stands in one segment. Where a closed segment or an archive has vanished they have
a hole, and so they have where archives were dropped; but that is on record (ArchiveDropped), and oldest first. What was cut out of an
archive is on record, too, by the seal of what is left (ArchiveThinned).
"""

import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from operator import itemgetter

import orjson

from eventstore.again import found_again
from eventstore.archive import ArchiveReader
from eventstore.catalogue.lifecycle import ArchiveDropped, ArchiveThinned
from eventstore.chain import ChainBrokenError, Row, verify
from eventstore.database import open_reader, read_base
from eventstore.errors import LogCorrupt, LogTooNew
from eventstore.rows import SELECT_ROWS
from eventstore.salting import read_commitments
from eventstore.segments import PastSegment

_TELLING = (ArchiveDropped.NAME, ArchiveThinned.NAME)


def holes(found: Sequence[PastSegment], base_seq: int, dropped_seq: int = 0) -> list[tuple[int, int]]:
    """The first and last event of each range that nothing before the live segment holds, which begins behind `base_seq`.

    `dropped_seq` is the last event whose dropping is on record.
    """
    missing, reached = [], dropped_seq
    for segment in sorted(found, key=lambda each: each.first_seq):
        if segment.last_seq > base_seq:
            continue
        if segment.first_seq > reached + 1:
            missing.append((reached + 1, segment.first_seq - 1))
        reached = max(reached, segment.last_seq)
    if reached < base_seq:
        missing.append((reached + 1, base_seq))
    return missing


def without(ranges: Iterable[tuple[int, int]], taken: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What is left of ranges of events, first and last, without others; `taken` are in order, and none lies over another."""
    for first, last in ranges:
        begins = first
        for place in range(bisect_left(taken, first, key=itemgetter(1)), len(taken)):
            taken_first, taken_last = taken[place]
            if taken_first > last:
                break
            if begins < taken_first:
                yield begins, taken_first - 1
            begins = taken_last + 1
        if begins <= last:
            yield begins, last


def told(hole: tuple[int, int]) -> str:
    """A hole, in words."""
    return f"events {hole[0]} to {hole[1]} are gone: no archive or closed segment holds them, and nothing says they were dropped"


def dropped_in(rows: Iterable[Row]) -> int:
    """The last event whose dropping these rows tell of; 0 if they tell of none."""
    return max((_last_dropped(row) for row in rows if row.type == ArchiveDropped.NAME), default=0)


def _last_dropped(row: Row) -> int:
    try:
        return int(orjson.loads(row.payload)["last_seq"])
    except (ValueError, KeyError, TypeError):
        return 0


def seals_in(rows: Iterable[Row]) -> set[str]:
    """The seals of the thinned archives that these rows tell of."""
    found = set[str]()
    for row in rows:
        if row.type == ArchiveThinned.NAME:
            with suppress(ValueError, KeyError, TypeError):
                found.add(str(orjson.loads(row.payload)["seal"]))
    return found


def seals_of(found: Iterable[PastSegment]) -> dict[str, PastSegment]:
    """The thinned archives by their seals; one that cannot be read is reported when it is read whole."""
    seals = {}
    for segment in found:
        if segment.is_thinned:
            with suppress(LogCorrupt, LogTooNew, OSError), ArchiveReader(segment.path) as reader:
                seals[reader.seal] = segment
    return seals


def untold(segment: PastSegment) -> str:
    """A thinned archive of which nothing is on record, in words."""
    return (
        f"events {segment.first_seq} to {segment.last_seq}: some were cut out of {segment.path.name}, "
        "and nothing says so, or not those"
    )


def dropped_seq(live: sqlite3.Connection, found: Sequence[PastSegment]) -> int:
    """The last event whose dropping is on record, the newest record first; 0 if none is. Raises sqlite3.Error.

    Whoever drops goes from the oldest on, so that the newest record tells.
    """
    return next((seq for rows in _newest_first(live, found) if (seq := dropped_in(rows))), 0)


def _slices(segment: PastSegment) -> Iterator[list[Row]]:
    if segment.is_archive:
        with ArchiveReader(segment.path) as reader:
            yield from (reader.frame(number) for number in reversed(range(len(reader.index.frames))))
        return
    with closing(open_reader(segment.path, immutable=True)) as connection:
        yield [Row._make(row) for row in connection.execute(f"{SELECT_ROWS} WHERE type IN (?, ?)", _TELLING)]


def missing(live: sqlite3.Connection, found: Sequence[PastSegment], base_seq: int) -> tuple[str, ...]:
    """What of the history before the live segment has vanished, in words. Raises sqlite3.Error."""
    gone = holes(found, base_seq)
    if gone and gone[0][0] == 1:
        gone = holes(found, base_seq, dropped_seq(live, found))
    seals = seals_of(found)
    for rows in _newest_first(live, found) if seals else ():
        for seal in seals_in(rows):
            seals.pop(seal, None)
        if not seals:
            break
    return (*(told(hole) for hole in gone), *(untold(segment) for segment in seals.values()))


def _newest_first(live: sqlite3.Connection, found: Sequence[PastSegment]) -> Iterator[list[Row]]:
    """The rows about what was dropped, and others; what cannot be read is reported when it is read whole."""
    yield [Row._make(row) for row in live.execute(f"{SELECT_ROWS} WHERE type IN (?, ?)", _TELLING)]
    for segment in reversed(found):
        with suppress(LogCorrupt, LogTooNew, sqlite3.Error, OSError):
            yield from _slices(segment)


def damage_of(segment: PastSegment) -> tuple[str, ...]:
    """All that is wrong with a segment before the live one, read whole; found twice before it is reported."""
    return found_again(lambda: _damage_of(segment))


def _damage_of(segment: PastSegment) -> tuple[str, ...]:
    try:
        if segment.is_archive:
            with ArchiveReader(segment.path) as reader:
                return reader.verify()
        with closing(open_reader(segment.path, immutable=True)) as connection:
            rows = connection.execute(f"{SELECT_ROWS} ORDER BY seq")
            commitments, _ = read_commitments(connection)  # what is damaged of them does not fit
            head = verify(read_base(connection), (Row._make(row) for row in rows), commitments.content)
    except (LogCorrupt, LogTooNew) as error:
        return (str(error),)
    except (ChainBrokenError, sqlite3.Error, OSError) as error:
        return (f"{segment.path.name}: {error}",)
    return () if head.seq == segment.last_seq else (f"{segment.path.name}: it ends at event {head.seq}",)
