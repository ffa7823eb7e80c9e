"""Closed segments and archives, laid into the scratch database in front of the live segment; and archives by themselves.

Archives are opened for reading only. What is damaged in them is left out, frame by frame, and told; the gap shows in `seq`.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from eventstore.archive import SUFFIX, ArchiveReader
from eventstore.chain import Head, Row
from eventstore.database import DATABASE_NAME, migrate, open_reader
from eventstore.errors import LogCorrupt, LogTooNew
from eventstore.opening import Opening, read_opening
from eventstore.rows import readable_rows
from eventstore.segments import PastSegment, archives, past_segments
from station.replay.errors import LogFromTheFuture, LogUnreadable
from station.replay.origin import Anchor, Origin

_INSERT = "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MISSES_MAX = 1_000


@dataclass(slots=True)
class Laid:
    """What the closed segments gave: where the first begins, the states that they end in, and what is damaged in them."""

    base: Head | None = None
    openings: list[Opening] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    segments: int = 0


def lay_past(directory: Path, scratch: Path) -> Laid:
    """Lays every segment before the live one into the scratch database. Raises LogUnreadable, LogFromTheFuture."""
    laid = Laid()
    database = scratch / DATABASE_NAME
    try:
        with closing(open_reader(database)) as connection:
            opening, is_intact = read_opening(connection)
    except sqlite3.Error as error:
        raise LogUnreadable(f"{directory} cannot be opened: {error}") from error
    if not is_intact:
        laid.findings.append("where the live segment begins is damaged")
    if opening.head.seq:
        laid.base = opening.head
        laid.openings.append(opening)
    past = [segment for segment in past_segments(directory) if segment.last_seq <= opening.head.seq]
    if past:
        _lay(database, past, laid)
    return laid


def take_archives(path: Path, scratch: Path) -> Origin:
    """One archive, or a directory of them, without a live segment. Raises LogUnreadable, LogFromTheFuture."""
    if path.is_dir():
        segments = archives(path.parent) if path.name == "archive" else _loose(path)
    else:
        segments = [_segment(path)]
    laid = Laid()
    database = scratch / DATABASE_NAME
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        migrate(connection)
    _lay(database, segments, laid)
    if laid.base is None:
        raise LogUnreadable(f"{path} cannot be read: {'; '.join(laid.findings)}")
    kind = "archive" if len(segments) == 1 else f"{len(segments)} archives"
    return origin_of(kind, laid, excerpt=laid.base.seq > 0)


def is_archive(path: Path) -> bool:
    """Is this an archive, or a directory that holds some?"""
    if path.is_dir():
        return any(path.glob(f"*{SUFFIX}"))
    return path.is_file() and path.suffix == SUFFIX


def origin_of(kind: str, laid: Laid, *, live: bool = False, excerpt: bool = False) -> Origin:
    """What is known of a log that was laid together from segments."""
    anchors = tuple(Anchor(what="segment behind it", head=opening.head) for opening in laid.openings)
    return Origin(
        kind=kind,
        live=live,
        excerpt=excerpt,
        base=laid.base,
        openings=tuple(laid.openings),
        findings=tuple(laid.findings),
        anchors=anchors,
    )


def _loose(path: Path) -> list[PastSegment]:
    found = [_segment(file) for file in path.glob(f"*{SUFFIX}")]
    return sorted(found, key=lambda segment: segment.first_seq)


def _segment(path: Path) -> PastSegment:
    try:
        with ArchiveReader(path) as reader:
            return PastSegment(
                first_seq=reader.header.first_seq, last_seq=reader.header.last_seq, path=path, is_archive=True
            )
    except LogTooNew as error:
        raise LogFromTheFuture(str(error)) from error
    except (LogCorrupt, OSError) as error:
        raise LogUnreadable(f"{path} cannot be read: {error}") from error


def _lay(database: Path, segments: Sequence[PastSegment], laid: Laid) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for segment in segments:
            laid.segments += 1
            try:
                rows = _archived(segment, laid) if segment.is_archive else _closed(segment, laid)
                for slice_ in rows:
                    connection.executemany(_INSERT, slice_)
            except LogTooNew as error:
                raise LogFromTheFuture(str(error)) from error
            except (LogCorrupt, OSError, sqlite3.Error) as error:
                laid.findings.append(f"{segment.path.name}: {error}")
        connection.execute("COMMIT")


def _archived(segment: PastSegment, laid: Laid) -> Iterator[list[Row]]:
    with ArchiveReader(segment.path) as reader:
        _begins(reader.before, laid)
        for number in range(len(reader.index.frames)):
            try:
                yield reader.frame(number)
            except LogCorrupt as error:
                laid.findings.append(str(error))
        try:
            laid.openings.append(reader.opening())
        except LogCorrupt as error:
            laid.findings.append(str(error))


def _closed(segment: PastSegment, laid: Laid) -> Iterator[list[Row]]:
    with closing(open_reader(segment.path, immutable=True)) as connection:
        opening, _ = read_opening(connection)
        _begins(opening.head, laid)
        if opening.head.seq:
            laid.openings.append(opening)
        yield from readable_rows(connection, opening.head.seq, misses_max=_MISSES_MAX)


def _begins(head: Head, laid: Laid) -> None:
    if laid.base is None or head.seq < laid.base.seq:
        laid.base = head
