"""What lies before the live segment of a running log: made, read, listed, dropped. Every call leaves the event loop free.

All of it is done by one worker (`eventstore.threads`): a frame is unpacked into some megabytes, and the allocator keeps them for each thread
that ever did so.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from eventstore.again import again
from eventstore.archive import ArchiveHeader, ArchiveReader, header_facts
from eventstore.archive_writing import Keeps
from eventstore.chain import Head, Row
from eventstore.commitments import Commitments
from eventstore.descriptors import is_shortage
from eventstore.directory import StorageDirectory, sync_directory
from eventstore.errors import LogCorrupt, LogTooNew, OutOfDescriptors
from eventstore.history import History
from eventstore.opening import Opening
from eventstore.segments import PastSegment, base_of, closed_segments, commitments_of, compress, end_of, past_segments
from eventstore.thinning import Thinned, put_in_place, thin
from eventstore.threads import Threads, done_in
from eventstore.value import Value, replace

T = TypeVar("T")
_DONE = object()


class ArchiveFacts(Value, frozen=True, kw_only=True):
    """A past segment as it lies there. `header` is None when it is damaged, of a newer version, or no archive yet."""

    segment: PastSegment
    file_bytes: int
    header: ArchiveHeader | None


class Archives:
    """The closed segments of one log; `live` tells where the live segment begins."""

    def __init__(self, directory: StorageDirectory, live: Callable[[], Opening], threads: Threads) -> None:
        self._directory = directory
        self._live = live
        self._history = History(directory.path)
        self._is_closed = False
        self._worker = threads.worker("archives")

    async def _run(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        return await done_in(self._worker, function, *arguments, **named)

    async def close(self) -> None:
        """Let go of what is open; what is being made is left half done, and removed at the next start."""
        if not self._is_closed:
            self._is_closed = True
            await self._run(self._history.close)
            self._worker.end()

    @property
    def findings(self) -> tuple[str, ...]:
        """What was found damaged while it was read."""
        return self._history.findings

    async def rows(self, after: int, limit: int) -> list[Row]:
        """The rows behind `after` and before the live segment, at most `limit`; fewer only where there are no more.

        Raises OSError, and OutOfDescriptors when there is none to read them with.
        """
        return await self._found(self._history.rows, after, limit, self._live().head.seq)

    async def picked(self, after: int, until: int, names: Collection[str]) -> list[Row]:
        """The rows of these types behind `after` up to `until` and before the live segment, see `History.picked`. Raises as `rows` does."""
        return await self._found(self._history.picked, after, until, names, self._live().head.seq)

    async def _found(self, question: Callable[..., list[Row]], *arguments: Any) -> list[Row]:
        try:
            return await self._run(question, *arguments)
        except OSError as error:
            if is_shortage(error):
                raise OutOfDescriptors(f"the archives cannot be read now: {error}") from error
            raise

    async def openings(self) -> AsyncIterator[Opening]:
        """The states that segments begin with, the live one's first, then ever older ones; those that are lost are left out."""
        live = self._live()
        told_seq = live.head.seq + 1
        if live.state:
            told_seq = live.head.seq
            yield live
        older = self._history.openings(live.head.seq)
        while (opening := await self._run(next, older, None)) is not None:
            if opening.state and opening.head.seq < told_seq:  # most states stand in two files
                told_seq = opening.head.seq
                yield opening

    @property
    def waiting(self) -> tuple[PastSegment, ...]:
        """The closed segments that are not compressed yet, oldest first."""
        until = self._live().head.seq
        return tuple(segment for segment in closed_segments(self._directory.path) if segment.last_seq <= until)

    async def newest_base(self) -> Head | None:
        """What the segment that the live one goes on from continues itself; None where there is no such segment.

        Raises LogCorrupt, LogTooNew, sqlite3.Error, OSError.
        """
        return await self._run(self._newest_base, self._live().head.seq)

    def _newest_base(self, last_seq: int) -> Head | None:
        newest = next((each for each in past_segments(self._directory.path) if each.last_seq == last_seq), None)
        return None if newest is None else base_of(newest)

    async def commitments(self, seq: int) -> Commitments:
        """What the digests of the events from `seq` up to the live segment cover; those of a damaged segment are left out.

        Raises OSError.
        """
        return await self._run(self._commitments, seq, self._live().head.seq)

    def _commitments(self, seq: int, until: int) -> Commitments:
        found = []
        for segment in past_segments(self._directory.path):
            if seq <= segment.last_seq <= until:
                with suppress(LogCorrupt, LogTooNew, sqlite3.Error):
                    found.append(again(partial(commitments_of, segment)))
        return Commitments().joined(found)

    async def compress(self, segment: PastSegment, pause: Callable[[], Awaitable[None]]) -> None:
        """Make the archive of a closed segment, with a pause after every slice of some milliseconds.

        Raises LogCorrupt, ChainBrokenError, sqlite3.Error, OSError; the closed segment stays as it is then.
        """
        after = await self._run(end_of, self._directory.path, segment, self._live())
        steps = compress(self._directory, segment, after)
        while await self._run(next, steps, _DONE) is not _DONE:
            await pause()

    async def verify(self, segment: PastSegment, pause: Callable[[], Awaitable[None]]) -> tuple[str, ...]:
        """What is wrong with an archive, with a pause after every frame; empty when it is whole."""
        first = await self._verified(segment, pause)
        return await self._verified(segment, pause) if first else ()  # what is found once may have been misread

    async def _verified(self, segment: PastSegment, pause: Callable[[], Awaitable[None]]) -> tuple[str, ...]:
        steps = _verify(segment)
        while True:
            finding = await self._run(next, steps, _DONE)
            if finding is _DONE:
                return ()
            if finding is not None:
                return (str(finding),)
            await pause()

    def bytes_on_disk(self) -> int:
        """What everything before the live segment takes on the disk."""
        total = 0
        for segment in past_segments(self._directory.path):
            with suppress(FileNotFoundError):  # compressed or dropped this instant
                total += segment.path.stat().st_size
        return total

    async def segments(self) -> list[PastSegment]:
        """All that lies before the live segment, oldest first. Raises OSError."""
        return await self._run(self._history.segments, self._live().head.seq)

    async def facts(self, also: Collection[str] = ()) -> tuple[ArchiveFacts, ...]:
        """All archives, and the closed segments of these names, oldest first. Raises OSError."""
        return await self._run(self._facts, also)

    def _facts(self, also: Collection[str]) -> tuple[ArchiveFacts, ...]:
        found = past_segments(self._directory.path)
        facts = (facts_of(segment) for segment in found if segment.is_archive or segment.path.name in also)
        return tuple(each for each in facts if each is not None)

    async def thin(self, segment: PastSegment, keeps: Keeps, pause: Callable[[], Awaitable[None]]) -> Thinned | None:
        """Make a thinned archive beside this one, with a pause after every slice; None where nothing would be gained.

        Never of the newest: asserted. Raises LogCorrupt, LogTooNew, OSError.
        """
        assert segment.last_seq < self._live().head.seq, "the newest archive is the last whole one to begin a fold with"
        steps, found = thin(segment, keeps), None
        while (step := await self._run(next, steps, _DONE)) is not _DONE:
            found = step
            await pause()
        return found

    async def put_in_place(self, thinned: Thinned) -> ArchiveFacts:
        """Have it take the place of the whole one; whoever does it has recorded that. Raises OSError."""
        await self._run(put_in_place, thinned)
        segment = replace(thinned.segment, path=thinned.place, is_thinned=True)
        facts = await self._run(facts_of, segment)
        assert facts is not None, "it was put there just now"
        return facts

    async def gaps(self) -> list[tuple[int, int]]:
        """The first and last event of each range that was cut out of archives, in order. Raises OSError."""
        return await self._run(self._gaps)

    def _gaps(self) -> list[tuple[int, int]]:
        found = list[tuple[int, int]]()
        for segment in past_segments(self._directory.path):
            if segment.is_thinned:
                with suppress(LogCorrupt, LogTooNew), again(partial(ArchiveReader, segment.path)) as reader:
                    found += reader.gaps()
        return found

    async def drop(self, segment: PastSegment) -> None:
        """Delete a past segment durably; whoever does it has recorded that. Never the newest one: asserted. Raises OSError."""
        assert segment.last_seq < self._live().head.seq, (
            "the newest archive holds the state that the live segment begins with"
        )
        await self._run(self._drop, segment)

    def _drop(self, segment: PastSegment) -> None:
        segment.path.unlink(missing_ok=True)
        sync_directory(segment.path.parent)


def _verify(segment: PastSegment) -> Iterator[str | None]:
    try:
        with again(partial(ArchiveReader, segment.path)) as reader:
            for number in range(len(reader.index.frames)):
                reader.frame(number)
                yield None
            reader.opening()
    except FileNotFoundError:  # dropped meanwhile; if it was not, its events are missed
        return
    except (LogCorrupt, LogTooNew) as error:
        yield str(error)
    except OSError as error:
        yield f"{segment.path.name} cannot be read: {error.strerror}"


def facts_of(segment: PastSegment) -> ArchiveFacts | None:
    """A past segment as it lies there; None if it is gone. Raises OSError where that cannot be seen."""
    try:
        file_bytes = segment.path.stat().st_size
    except FileNotFoundError:
        return None
    header = None
    if segment.is_archive:
        with suppress(LogCorrupt, LogTooNew, OSError):
            header, file_bytes = again(partial(header_facts, segment.path))
    return ArchiveFacts(segment=segment, file_bytes=file_bytes, header=header)
