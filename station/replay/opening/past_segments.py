"""Closed segments and archives, read where they lie, one after the other: nothing of them is copied, and a few frames are in memory.

What is damaged in them is left out, frame by frame, and listed in `findings`; the gap shows in `seq`. Rows are proven by their
digests as they are read, but for those of some kinds only: these are picked from their frames, and have no digest of their own.
"""

import sqlite3
from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

from eventstore.archive import ArchiveReader
from eventstore.bounds import SLICE_CHARS_MAX, open_regular
from eventstore.chain import Head, Row
from eventstore.commitments import NO_COMMITMENTS, Commitments
from eventstore.database import has_plain_tables, open_reader, read_head
from eventstore.errors import LogCorrupt, LogTooNew
from eventstore.opening import Opening, read_opening
from eventstore.rows import readable_rows, select_rows, sound
from eventstore.salting import read_commitments
from eventstore.segments import PastSegment, past_segments
from station.replay.opening.ends import Ends, check_ends
from station.replay.opening.errors import LogFromTheFuture, LogUnreadable

OPEN_MAX = 4
"""How many segments are open at once: a long history has more of them than a process may have files."""
FRAMES_KEPT = 3
KEPT_CHARS_MAX = 2 * SLICE_CHARS_MAX
"""A frame with more text is read anew when it is wanted again: a station writes none."""
_MISSES_MAX = 1_000

Names = Collection[str] | None
"""Type names of events; None means all."""


class _Segment(Protocol):
    """One segment, open. Each method raises LogCorrupt, LogTooNew, OSError or sqlite3.Error."""

    def ends(self) -> Ends: ...

    def count(self) -> int: ...

    def slices(self, after: int, until: int, names: Names, findings: dict[str, int]) -> Iterator[list[Row]]: ...

    def row_from(self, seq: int) -> Row | None: ...

    def opening(self) -> Opening | None: ...

    def close(self) -> None: ...


class _Archive:
    """A compressed segment."""

    def __init__(self, path: Path) -> None:
        self._reader = ArchiveReader(path)
        self._lasts = [frame.last_seq for frame in self._reader.index.frames]
        self._kept: OrderedDict[int, list[Row]] = OrderedDict()

    def ends(self) -> Ends:
        own = self._reader
        return Ends(before=own.before, head=own.head, identity=own.header.identity, commitments=own.commitments)

    def count(self) -> int:
        cut_out = sum(last - first + 1 for first, last in self._reader.gaps())
        return self._reader.head.seq - self._reader.before.seq - cut_out

    def gaps(self) -> list[tuple[int, int]]:
        """What was cut out of it: the first and last event of each range."""
        return self._reader.gaps()

    def cut_heads(self) -> list[Head]:
        """The heads at the ends of what was cut out of it."""
        frames = self._reader.index.frames
        return [Head(seq=each.last_seq, digest=bytes.fromhex(each.digest)) for each in frames if not each.length]

    @property
    def seal(self) -> str:
        """Of its header and index."""
        return self._reader.seal

    def opening(self) -> Opening:
        return self._reader.opening()

    def close(self) -> None:
        self._reader.close()

    def slices(self, after: int, until: int, names: Names, findings: dict[str, int]) -> Iterator[list[Row]]:
        for number in range(bisect_left(self._lasts, after + 1), len(self._lasts)):
            first = self._first(number)
            if first > until:
                return
            try:
                rows = self._frame(number) if names is None else self._reader.picked(number, names)
            except LogCorrupt as error:
                findings[str(error)] = self._lasts[number] - first + 1
                continue
            if first <= after or self._lasts[number] > until:
                rows = [row for row in rows if after < row.seq <= until]
            if rows:
                yield rows

    def row_from(self, seq: int) -> Row | None:
        for number in range(bisect_left(self._lasts, seq), len(self._lasts)):
            try:
                rows = self._frame(number)
            except LogCorrupt:
                continue
            if not rows:
                continue
            return rows[max(0, seq - rows[0].seq)]
        return None

    def _first(self, number: int) -> int:
        return self._lasts[number - 1] + 1 if number else self._reader.before.seq + 1

    def _frame(self, number: int) -> list[Row]:
        """The rows of a frame, proven by their digests."""
        kept = self._kept.get(number)
        if kept is not None:
            self._kept.move_to_end(number)
            return kept
        rows = self._reader.frame(number)
        if sum(len(row.payload) for row in rows) <= KEPT_CHARS_MAX:
            self._kept[number] = rows
        if len(self._kept) > FRAMES_KEPT:
            self._kept.popitem(last=False)
        return rows


class _Closed:
    """A segment that waits to be compressed: nobody writes to it any more, and it has no WAL."""

    def __init__(self, path: Path) -> None:
        self._connection = open_reader(path, immutable=True)
        try:
            if not has_plain_tables(self._connection):
                raise LogCorrupt(f"{path.name}: its tables are not laid out as those of a log")
        except BaseException:
            self._connection.close()
            raise

    def ends(self) -> Ends:
        opening, _ = read_opening(self._connection)
        identity = self._connection.execute("SELECT value FROM meta NOT INDEXED WHERE name = 'identity'").fetchone()
        head, name = read_head(self._connection), str(identity[0]) if identity else ""
        return Ends(before=opening.head, head=head, identity=name, commitments=read_commitments(self._connection)[0])

    def count(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM event NOT INDEXED").fetchone()[0])

    def opening(self) -> Opening | None:
        opening, is_intact = read_opening(self._connection)
        return opening if is_intact and opening.head.seq else None

    def close(self) -> None:
        self._connection.close()

    def slices(self, after: int, until: int, names: Names, findings: dict[str, int]) -> Iterator[list[Row]]:
        for rows in readable_rows(self._connection, after, misses_max=_MISSES_MAX):
            found = [row for row in rows if row.seq <= until and (names is None or row.type in names)]
            if found:
                yield found
            if rows[-1].seq >= until:
                return

    def row_from(self, seq: int) -> Row | None:
        return next(iter(sound(select_rows(self._connection, "seq >= ? ORDER BY seq LIMIT 1", (seq,)))), None)


class Past:
    """The segments before the live one, oldest first.

    `findings` grows as what is damaged is come across, each with the number of events that a segment has lost by it.
    """

    def __init__(self, segments: Sequence[PastSegment], directory: Path | None = None) -> None:
        """`directory` is where a segment is looked for again that the station compresses meanwhile."""
        self.segments = tuple(_in_order(segments))
        self.findings: dict[str, int] = {}
        self._directory = directory
        self._open: OrderedDict[int, _Segment] = OrderedDict()
        self._read: Counter[int] = Counter()
        """How many are reading from a segment right now: while one walks through it, others may ask for rows far from there."""
        self._lasts = [segment.last_seq for segment in self.segments]
        self._covered: dict[int, Commitments] = {}
        self.last_seq = self._lasts[-1] if self._lasts else 0

    def close(self) -> None:
        """Let go of what is open."""
        while self._open:
            self._open.popitem()[1].close()

    def _opened(self, place: int) -> _Segment | None:
        """The segment, open; None when it is damaged as a whole. Raises LogUnreadable, LogFromTheFuture."""
        found = self._open.get(place)
        if found is not None:
            self._open.move_to_end(place)
            return found
        segment = self.segments[place]
        try:
            found = self._found(segment)
        except LogTooNew as error:
            raise LogFromTheFuture(str(error)) from error
        except (LogCorrupt, OSError, sqlite3.Error) as error:
            self._note(segment, error)
            return None
        self._open[place] = found
        if len(self._open) > OPEN_MAX:
            self._close_oldest()
        return found

    def _close_oldest(self) -> None:
        oldest = next((place for place in self._open if not self._read[place]), None)
        if oldest is not None:
            self._open.pop(oldest).close()

    def _found(self, segment: PastSegment) -> _Segment:
        try:
            segment = self._still_there(segment)
            open_regular(segment.path).close()
        except PermissionError as error:  # of the file, or of the folder that it lies in
            raise LogUnreadable(f"{segment.path}: may not be read by this user") from error
        found = _Archive(segment.path) if segment.is_archive else _Closed(segment.path)
        try:
            check_ends(segment, found.ends())
        except BaseException:
            found.close()
            raise
        return found

    def _still_there(self, segment: PastSegment) -> PastSegment:
        """The segment, or the archive that the station has made of it meanwhile. Raises LogUnreadable, OSError."""
        if self._directory is None or segment.path.exists():
            return segment
        for each in past_segments(self._directory):
            if (each.first_seq, each.last_seq) == (segment.first_seq, segment.last_seq):
                return each
        raise LogUnreadable(f"the station has dropped {segment.path.name} while it was read: ask again")

    def _note(self, segment: PastSegment, error: Exception) -> None:
        text = str(error)
        self.findings[text if segment.path.name in text else f"{segment.path.name}: {text}"] = 0

    def ends(self) -> Iterator[Ends]:
        """The ends of each segment that can be read, oldest first."""
        for place, segment in enumerate(self.segments):
            found = self._opened(place)
            if found is not None:
                try:
                    yield found.ends()
                except sqlite3.Error as error:
                    self._note(segment, error)

    def commitments_at(self, seq: int) -> Commitments:
        """What the digest of this event covers, and those of others in its segment; of a damaged segment nothing is known."""
        place = bisect_left(self._lasts, seq)
        if place not in self._covered and (found := self._opened(place)) is not None:
            self._covered[place] = found.ends().commitments
        return self._covered.get(place, NO_COMMITMENTS)

    def count(self) -> int:
        """How many events there are, but for those that are known by now to be lost."""
        total = 0
        for place, segment in enumerate(self.segments):
            found = self._opened(place)
            try:
                total += 0 if found is None else found.count()
            except sqlite3.Error as error:
                self._note(segment, error)
        return total - sum(self.findings.values())

    def thinned(self) -> Iterator[tuple[PastSegment, str, list[tuple[int, int]]]]:
        """The archives from which something was cut out, each with its seal and the first and last event of each range."""
        for place, segment in enumerate(self.segments):
            if segment.is_thinned:
                found = self._opened(place)
                if isinstance(found, _Archive):
                    yield segment, found.seal, found.gaps()

    def cut_heads(self) -> Iterator[Head]:
        """The heads at the ends of what was cut out of archives."""
        for place, segment in enumerate(self.segments):
            found = self._opened(place) if segment.is_thinned else None
            if isinstance(found, _Archive):
                yield from found.cut_heads()

    def newest_end(self) -> Ends | None:
        """The ends of the newest segment that can be read."""
        for place in range(len(self.segments) - 1, -1, -1):
            found = self._opened(place)
            try:
                if found is not None:
                    return found.ends()
            except sqlite3.Error as error:
                self._note(self.segments[place], error)
        return None

    def openings(self, until: int) -> Iterator[Opening]:
        """The states that archives end in, and closed segments begin with, up to seq `until`, newest first."""
        for place in range(len(self.segments) - 1, -1, -1):
            segment = self.segments[place]
            if (segment.last_seq if segment.is_archive else segment.first_seq - 1) > until:
                continue
            found = self._opened(place)
            try:
                opening = None if found is None else found.opening()
            except (LogCorrupt, OSError, sqlite3.Error) as error:
                self._note(segment, error)
                continue
            if opening is not None:
                yield opening

    def rows(self, after: int, until: int, names: Names = None) -> Iterator[list[Row]]:
        """The rows behind `after` up to `until`, in order, in slices. Raises LogUnreadable, LogFromTheFuture."""
        for place in range(bisect_left(self._lasts, after + 1), len(self.segments)):
            segment = self.segments[place]
            if segment.first_seq > until:
                return
            found = self._opened(place)
            if found is None:
                continue
            self._read[place] += 1
            try:
                for rows in found.slices(after, until, names, self.findings):
                    yield rows
                    after = rows[-1].seq
            except (LogCorrupt, OSError, sqlite3.Error) as error:
                self._note(segment, error)
            finally:
                self._read[place] -= 1

    def row_from(self, seq: int) -> Row | None:
        """The first row at `seq` or behind it that can be read; None if there is none before the live segment."""
        for place in range(bisect_left(self._lasts, seq), len(self.segments)):
            found = self._opened(place)
            try:
                row = None if found is None else found.row_from(seq)
            except (OSError, sqlite3.Error) as error:
                self._note(self.segments[place], error)
                continue
            if row is not None:
                return row
        return None


def _in_order(segments: Sequence[PastSegment]) -> Iterator[PastSegment]:
    """Without those that lie within the ones before them, of which a directory of copies may have some."""
    last_seq = 0
    for segment in sorted(segments, key=lambda each: (each.first_seq, -each.last_seq, each.is_thinned)):
        if segment.last_seq > last_seq:
            last_seq = segment.last_seq
            yield segment


def archive_at(path: Path) -> PastSegment:
    """An archive by its file. Raises LogUnreadable, LogFromTheFuture."""
    try:
        with closing(ArchiveReader(path)) as reader:
            header = reader.header
            return PastSegment(
                first_seq=header.first_seq,
                last_seq=header.last_seq,
                path=path,
                is_archive=True,
                is_thinned=bool(reader.gaps()),
            )
    except LogTooNew as error:
        raise LogFromTheFuture(str(error)) from error
    except (LogCorrupt, OSError) as error:
        raise LogUnreadable(f"{path} cannot be read: {error}") from error
