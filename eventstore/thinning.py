"""Thinning an archive: what is chatter is cut out of it, and the rest takes its place.

Theory of operation. The thinned archive is made beside the whole one, synced and read back. Then the caller puts it on record, with its
seal; only when that is durable it gets its name, and only when that name is durable the whole one goes. So at every moment each event
that is not on record as cut out stands in a file:

    cut before the record, or before the name     what was made is removed at the next start, and the work is done again
    cut before the whole one went                 both stand there: the whole one counts, the other is removed, and thinning begins anew
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from eventstore.again import again
from eventstore.archive import ArchiveReader
from eventstore.archive_writing import Cut, Keeps, thin_archive
from eventstore.directory import TEMPORARY_SUFFIX, sync_directory
from eventstore.segments import PastSegment, archive_name, read_back
from eventstore.value import Value


class Thinned(Value, frozen=True, kw_only=True):
    """An archive that is thinned, but not in its place yet: `gaps` are the ranges of events, first and last, that it lacks."""

    segment: PastSegment
    path: Path
    file_bytes: int
    seal: str
    gaps: tuple[tuple[int, int], ...]

    @property
    def place(self) -> Path:
        """Where it will stand."""
        return _place(self.segment)

    @property
    def events(self) -> int:
        """How many events were cut out."""
        return sum(last - first + 1 for first, last in self.gaps)


def thin(segment: PastSegment, keeps: Keeps) -> Iterator[Thinned | None]:
    """Make the thinned archive beside the whole one. Yields None between two slices, and the result last.

    The result is None, too, where there is nothing to cut out or nothing is gained. Raises LogCorrupt, OSError; nothing is left then.
    """
    fresh = _place(segment).with_name(f"{_place(segment).name}{TEMPORARY_SUFFIX}")
    cut = Cut()
    try:
        with again(partial(ArchiveReader, segment.path)) as reader, fresh.open("wb") as file:
            for _ in thin_archive(reader, file, keeps, cut):
                yield None
            fresh.chmod(0o600)
            file.flush()
            os.fsync(file.fileno())
        size = fresh.stat().st_size
        if not cut.gaps or size >= segment.path.stat().st_size:
            fresh.unlink()
            yield None
            return
        for _ in read_back(fresh):
            yield None
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    yield Thinned(segment=segment, path=fresh, file_bytes=size, seal=cut.seal, gaps=tuple(cut.gaps))


def put_in_place(thinned: Thinned) -> None:
    """Have it take the place of the whole one, durably, once it is on record. Raises OSError."""
    whole = thinned.segment.path
    thinned.path.rename(thinned.place)
    sync_directory(whole.parent)
    whole.unlink(missing_ok=True)
    sync_directory(whole.parent)


def _place(segment: PastSegment) -> Path:
    return segment.path.with_name(archive_name(segment.first_seq, segment.last_seq, is_thinned=True))
