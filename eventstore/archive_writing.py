"""Making archives: of a closed segment, and of an archive whose chatter is cut out.

What is cut out leaves its place, its numbers and the digest of its last event, so that what stands behind it can still be proven. An
observation and what was decided on it stay or go together.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import IO

from eventstore.archive import (
    COMMITTED_FORMAT,
    COMMITTED_THINNED_FORMAT,
    FORMAT,
    FRAME_ROWS,
    MAGIC,
    THINNED_FORMAT,
    TRAILER,
    ArchiveFrame,
    ArchiveHeader,
    ArchiveReader,
    Index,
    pack,
)
from eventstore.bounds import SLICE_CHARS_MAX
from eventstore.chain import Head, Row, verify
from eventstore.commitments import Commitments
from eventstore.errors import LogCorrupt
from eventstore.opening import Opening
from eventstore.rows import select_rows
from eventstore.salting import read_commitments
from eventstore.structure import to_json
from eventstore.value import replace
from eventstore.zstandard import compressed

LEVEL = 9
"""Of zstandard: twice as dense as the default, and still much faster than the disk of a station."""
RUN_MIN = 50
"""Fewer events than so many in a row stay: where a cut lies, its digest takes as much room."""
GAPS_MAX = 1_000
"""In one archive: the record of them is an event."""

Keeps = Callable[[Sequence[Row]], bool]
"""Whether an observation and what was decided on it, as stored, are to be kept."""


class ArchiveWriter:
    """An archive in the making: frames and gaps in the order of the log, then `end`. The caller syncs. Raises OSError."""

    def __init__(self, target: IO[bytes], header: ArchiveHeader) -> None:
        self._target = target
        self._header = to_json(header)
        self._frames: list[ArchiveFrame] = []
        target.write(MAGIC + self._header + b"\n")
        self._offset = len(MAGIC) + len(self._header) + 1

    def frame(self, rows: Sequence[Row], head: Head) -> None:
        """The next events, which end in `head`."""
        content = compressed(pack(list(rows)), LEVEL)
        frame = ArchiveFrame(last_seq=head.seq, offset=self._offset, length=len(content), digest=head.digest.hex())
        self._frames.append(frame)
        self._offset += self._target.write(content)

    def gap(self, head: Head) -> None:
        """The next events up to `head` are cut out."""
        self._frames.append(ArchiveFrame(last_seq=head.seq, offset=self._offset, length=0, digest=head.digest.hex()))

    def compressed(self, state: bytes) -> bytes:
        """A state as `end` takes it."""
        return compressed(state, LEVEL) if state else b""

    def end(self, state: bytes) -> str:
        """The compressed state, and the index; returns the seal of the archive."""
        index = to_json(Index(frames=tuple(self._frames), state_offset=self._offset, state_length=len(state)))
        self._offset += self._target.write(state)
        seal = sha256(self._header + index)
        self._target.write(index + TRAILER.pack(MAGIC, self._offset, len(index), seal.digest()))
        return seal.hexdigest()


def write_archive(
    source: sqlite3.Connection, target: IO[bytes], *, identity: str, before: Head, after: Opening
) -> Iterator[int]:
    """Write the events of a closed segment, which stand behind `before`, and the state that they end in.

    A generator, so that the caller sets the pace: yields the last seq of each frame written. Raises ChainBrokenError for
    a segment that is not whole, LogCorrupt, sqlite3.Error and OSError. The caller syncs.
    """
    commitments, _ = read_commitments(source)  # if they are damaged, the chain will not fit
    writer = ArchiveWriter(target, _header_of(source, identity, (before, after), commitments))
    head = before
    while head.seq < after.head.seq:
        rows = select_rows(source, "seq > ? ORDER BY seq LIMIT ?", (head.seq, FRAME_ROWS))
        if not rows:
            break
        head = verify(head, rows, commitments.content)
        writer.frame(rows, head)
        yield head.seq
    if head != after.head:
        raise LogCorrupt(f"the segment ends at event {head.seq}, not at event {after.head.seq} as the next one says")
    writer.end(writer.compressed(after.state))


def _header_of(
    source: sqlite3.Connection, identity: str, ends: tuple[Head, Opening], commitments: Commitments
) -> ArchiveHeader:
    before, after = ends
    form = COMMITTED_FORMAT if commitments.secrets else FORMAT
    first, last = source.execute(
        "SELECT (SELECT utc_ms FROM event ORDER BY seq LIMIT 1), (SELECT utc_ms FROM event ORDER BY seq DESC LIMIT 1)"
    ).fetchone()
    return ArchiveHeader(
        format=form,
        min_format=form,
        identity=identity,
        first_seq=before.seq + 1,
        last_seq=after.head.seq,
        before=before.digest.hex(),
        digest=after.head.digest.hex(),
        first_utc_ms=first or 0,
        last_utc_ms=last or 0,
        owed_seq=after.owed_seq,
        layout=after.layout,
        fingerprint=after.fingerprint,
        state_sha256=after.state_digest if after.state else "",
        secrets=tuple((first_seq, secret.hex()) for first_seq, secret in commitments.secrets),
    )


@dataclass(slots=True, kw_only=True)
class Cut:
    """What was cut out of an archive: the first and last event of each range, and the seal of what is left."""

    gaps: list[tuple[int, int]] = field(default_factory=list)
    seal: str = ""


def thin_archive(reader: ArchiveReader, target: IO[bytes], keeps: Keeps, cut: Cut) -> Iterator[None]:
    """Write an archive anew without what `keeps` does not want, and fill `cut`; nothing of use is written where nothing goes.

    A generator, so that the caller sets the pace. Raises LogCorrupt for an archive that is damaged, and OSError. The caller syncs.
    """
    assert not reader.gaps(), "what was thinned once is not thinned again"
    form = COMMITTED_THINNED_FORMAT if reader.header.secrets else THINNED_FORMAT
    writer = ArchiveWriter(target, replace(reader.header, format=form, min_format=form))
    thinning = _Thinning(writer, cut)
    batch = list[Row]()
    for number in range(len(reader.index.frames)):
        for cause, found in groupby(reader.frame(number), attrgetter("cause")):
            if batch and batch[0].cause != cause:
                thinning.take(batch, is_kept=keeps(batch))
                batch = []
            batch += found
        yield
    assert batch, "the last frame of an archive is never cut out"
    thinning.take(batch, is_kept=True)
    thinning.flush()
    cut.seal = writer.end(reader.state_bytes())


class _Thinning:
    """Collects what is kept into frames, and what is not into gaps, once a run of it is long enough."""

    def __init__(self, writer: ArchiveWriter, cut: Cut) -> None:
        self._writer = writer
        self._cut = cut
        self._kept: list[Row] = []
        self._room = SLICE_CHARS_MAX
        self._run: list[Row] = []
        """Of a run that is long enough, the first and the last row."""
        self._run_length = 0

    def take(self, batch: Sequence[Row], *, is_kept: bool) -> None:
        """An observation and what was decided on it."""
        if is_kept or len(self._cut.gaps) >= GAPS_MAX:
            self._end_run()
            for row in batch:
                self._keep(row)
            return
        self._run_length += len(batch)
        self._run += batch
        if self._run_length >= RUN_MIN:
            self._run = [self._run[0], self._run[-1]]

    def _end_run(self) -> None:
        run, length = self._run, self._run_length
        self._run, self._run_length = [], 0
        if length >= RUN_MIN:
            self.flush()
            self._writer.gap(Head(seq=run[-1].seq, digest=run[-1].digest))
            self._cut.gaps.append((run[0].seq, run[-1].seq))
            return
        for row in run:
            self._keep(row)

    def _keep(self, row: Row) -> None:
        self._kept.append(row)
        self._room -= len(row.payload)
        if len(self._kept) >= FRAME_ROWS or self._room <= 0:
            self.flush()

    def flush(self) -> None:
        """What was collected becomes a frame."""
        if self._kept:
            last = self._kept[-1]
            self._writer.frame(self._kept, Head(seq=last.seq, digest=last.digest))
            self._kept, self._room = [], SLICE_CHARS_MAX
