"""The archives of a running station: made in slices, listed, dropped. Every call leaves the event loop free."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from eventstore.archive import ArchiveHeader, header_facts
from eventstore.directory import StorageDirectory, sync_directory
from eventstore.errors import LogCorrupt, LogTooNew
from eventstore.opening import Opening
from eventstore.segments import PastSegment, archives, closed_segments, compress, end_of

_DONE = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFacts:
    """One archive as it lies there. `header` is None when it is damaged or of a newer version."""

    segment: PastSegment
    file_bytes: int
    header: ArchiveHeader | None


class Archives:
    """The closed segments of one log; `live` tells where the live segment begins."""

    def __init__(self, directory: StorageDirectory, live: Callable[[], Opening]) -> None:
        self._directory = directory
        self._live = live

    @property
    def waiting(self) -> tuple[PastSegment, ...]:
        """The closed segments that are not compressed yet, oldest first."""
        until = self._live().head.seq
        return tuple(segment for segment in closed_segments(self._directory.path) if segment.last_seq <= until)

    async def compress(self, segment: PastSegment, pause: Callable[[], Awaitable[None]]) -> None:
        """Make the archive of a closed segment, with a pause after every slice of some milliseconds.

        Raises LogCorrupt, ChainBrokenError, sqlite3.Error, OSError; the closed segment stays as it is then.
        """
        after = await asyncio.to_thread(end_of, self._directory.path, segment, self._live())
        steps = compress(self._directory, segment, after)
        while await asyncio.to_thread(next, steps, _DONE) is not _DONE:
            await pause()

    async def facts(self) -> tuple[ArchiveFacts, ...]:
        """All archives, oldest first. Raises OSError."""
        return await asyncio.to_thread(self._facts)

    def _facts(self) -> tuple[ArchiveFacts, ...]:
        return tuple(_facts_of(segment) for segment in archives(self._directory.path))

    async def drop(self, segment: PastSegment) -> None:
        """Delete an archive durably; whoever does it has recorded that. Never the newest one: asserted. Raises OSError."""
        assert segment.last_seq < self._live().head.seq, (
            "the newest archive holds the state that the live segment begins with"
        )
        await asyncio.to_thread(self._drop, segment)

    def _drop(self, segment: PastSegment) -> None:
        segment.path.unlink(missing_ok=True)
        sync_directory(segment.path.parent)


def _facts_of(segment: PastSegment) -> ArchiveFacts:
    try:
        header, file_bytes = header_facts(segment.path)
    except (LogCorrupt, LogTooNew):
        return ArchiveFacts(segment=segment, file_bytes=segment.path.stat().st_size, header=None)
    return ArchiveFacts(segment=segment, file_bytes=file_bytes, header=header)
