"""Reading what lies before the live segment: archives, and segments that wait to be compressed.

What is damaged is left out, frame by frame or row by row, and counted in `findings`; whoever reads sees the gap in `seq`. One archive
is open and one frame in memory at a time, however long the history.
"""

import errno
import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Lock

from eventstore.again import again
from eventstore.archive import ArchiveReader
from eventstore.bounds import SEQ_MAX
from eventstore.chain import Row
from eventstore.database import open_reader
from eventstore.descriptors import is_shortage
from eventstore.errors import LogCorrupt, LogTooNew
from eventstore.opening import Opening, read_opening
from eventstore.rows import readable_rows
from eventstore.segments import PastSegment, past_segments

FINDINGS_MAX = 64
_MISSES_MAX = 1_000


class History:
    """The past segments of one storage directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = Lock()
        self._reader: ArchiveReader | None = None
        self._frame: tuple[Path, int] | None = None
        self._rows: list[Row] = []
        self.findings: tuple[str, ...] = ()

    def close(self) -> None:
        """Let go of what is open; the next question opens it again."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        reader, self._reader, self._frame, self._rows = self._reader, None, None, []
        if reader is not None:
            reader.close()

    def segments(self, until: int) -> list[PastSegment]:
        """Those that end at `until` or before, oldest first: the live segment begins behind it."""
        return [segment for segment in past_segments(self._directory) if segment.last_seq <= until]

    def rows(self, after: int, limit: int, until: int) -> list[Row]:
        """The rows behind `after` up to `until`, at most `limit`, in order; fewer only where there are no more.

        Raises OSError when there is no descriptor to read them with.
        """
        with self._lock:
            return self._found(after, limit, until)

    def _found(self, after: int, limit: int, until: int) -> list[Row]:
        found: list[Row] = []
        for segment in self.segments(until):
            if segment.last_seq <= after:
                continue
            for rows in self._readable(segment, after):
                found += [row for row in rows if row.seq > after]
                if len(found) >= limit:
                    return found[:limit]
            after = max(after, segment.last_seq)
        return found

    def picked(self, after: int, until: int, names: Collection[str], end: int) -> list[Row]:
        """The rows of these types behind `after` up to `until`, in segments that end at `end` or before, in order.

        Those from archives are not proven, and have no digests of their own. Raises OSError as `rows` does.
        """
        found: list[Row] = []
        with self._lock:
            for segment in self.segments(end):
                if segment.last_seq <= after:
                    continue
                for rows in self._readable(segment, after, until, names):
                    found += [row for row in rows if after < row.seq <= until and row.type in names]
                after = max(after, segment.last_seq)
                if after >= until:
                    break
        return found

    def openings(self, until: int) -> Iterator[Opening]:
        """The states that past segments end and begin with, newest first; those that are damaged are left out."""
        for segment in reversed(self.segments(until)):
            try:
                opening = again(partial(_opening_in, segment))
                if opening is not None:
                    yield opening
            except (LogCorrupt, LogTooNew) as error:
                self._note(str(error))
            except (OSError, sqlite3.Error) as error:
                self._note_unreadable(segment, error)

    def _readable(
        self, segment: PastSegment, after: int, until: int = SEQ_MAX, names: Collection[str] | None = None
    ) -> Iterator[list[Row]]:
        """The rows behind `after`, in slices, until one reaches `until`; from an archive of these types only, if any are named."""
        try:
            if segment.is_archive:
                yield from self._frames(segment.path, after, until, names)
                return
            with closing(again(partial(open_reader, segment.path, immutable=True))) as connection:
                for rows in readable_rows(connection, after, misses_max=_MISSES_MAX):
                    yield rows
                    if rows[-1].seq >= until:
                        return
        except (LogCorrupt, LogTooNew) as error:
            self._note(str(error))
        except (OSError, sqlite3.Error) as error:
            self._note_unreadable(segment, error)

    def _frames(self, path: Path, after: int, until: int, names: Collection[str] | None) -> Iterator[list[Row]]:
        if self._reader is None or self._reader.path != path:
            self._let_go()
            self._reader = again(partial(ArchiveReader, path))
        for number, frame in enumerate(self._reader.index.frames):
            if frame.last_seq <= after:
                continue
            try:
                if names is not None:
                    yield self._reader.picked(number, names)
                else:
                    if self._frame != (path, number):
                        self._rows, self._frame = self._reader.frame(number), (path, number)
                    yield self._rows
            except LogCorrupt as error:
                self._note(str(error))
            if frame.last_seq >= until:
                return

    def _note_unreadable(self, segment: PastSegment, error: OSError | sqlite3.Error) -> None:
        """A finding; but that no descriptor is left says nothing of the segment."""
        if is_shortage(error):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(segment.path)) from error
        self._note(f"{segment.path.name}: {error}")

    def _note(self, finding: str) -> None:
        if finding not in self.findings:
            self.findings = (*self.findings, finding)[-FINDINGS_MAX:]


def _opening_in(segment: PastSegment) -> Opening | None:
    """The state that an archive ends with, or that a closed segment begins with if it is stored there."""
    if segment.is_archive:
        with ArchiveReader(segment.path) as reader:
            return reader.opening()
    with closing(open_reader(segment.path, immutable=True)) as connection:
        opening, is_intact = read_opening(connection)
    return opening if is_intact and opening.head.seq else None
