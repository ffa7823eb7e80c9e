"""A damaged log set aside, and a fresh one with all that is proven in its place.

Kept is the longest prefix whose chain is whole; what verifies behind the damage is counted, and written out line by line beside
the originals: the next start learns from it which sessions there were (`read_strays`). Nothing is ever deleted. The steps can be cut anywhere and begun again: up to the rename that makes `salvaged.db`
appear nothing of the old log was touched, and from there on the same steps are only finished.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from eventstore.again import read_file
from eventstore.chain import ChainBrokenError, Head, fits, verify
from eventstore.commitments import Commitments
from eventstore.database import DATABASE_NAME, check_readable, has_table, migrate, open_reader, read_base, read_head
from eventstore.directory import (
    CONDEMNED_NAME,
    REPORT_NAME,
    TEMPORARY_SUFFIX,
    StorageDirectory,
    sync_directory,
)
from eventstore.inspection import JOURNAL_NAME, WAL_NAME, lost_wal, seen_heads
from eventstore.opening import FIRST, Opening, read_opening
from eventstore.rows import readable_rows, select_rows
from eventstore.salting import read_commitments, write_commitments
from eventstore.segments import closed_segments, lay_out, past_end
from eventstore.snapshots import snapshot_files
from eventstore.strays import STRAYS_NAME, Stray, StrayFile, stray_file
from eventstore.structure import decoder, to_json
from eventstore.value import Value
from eventstore.wal import read_wal
from eventstore.witness import WITNESS_NAME
from migrations import MIGRATIONS, Migration

SALVAGED_NAME = "salvaged.db"
QUARANTINE_PREFIX = "quarantine-"
_IMAGE_NAME = f"image{TEMPORARY_SUFFIX}"
_FRESH_NAME = f"fresh{TEMPORARY_SUFFIX}"
_MISSES_MAX = 20_000
"""How many unreadable events in a row end the search behind the damage."""
_SQLITE_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_COPY_BYTES = 1 << 20
_FILLED_BYTES, _FILLED_TIMES = 1 << 26, 4
"""How far a file is filled up: to so many bytes, or to so many times its own size. A damaged header may claim anything."""


class Recovery(Value, frozen=True, kw_only=True):
    """What was wrong with a log, and what was kept. Digests in hexadecimal.

    Events up to `kept_seq` stand in the fresh log and in the archives before it. `known_seq` is the highest seq that is
    known to have existed, so events `kept_seq` + 1 to `known_seq` are missing. `stray_events` of them
    verify on their own and lie in `quarantine`. Without `end_seen` the log may have gone on behind `known_seq`.
    """

    findings: tuple[str, ...]
    kept_seq: int
    kept_digest: str
    known_seq: int
    known_digest: str
    stray_events: int
    quarantine: str
    end_seen: bool = False

    @property
    def lost_events(self) -> int:
        """How many events are missing from the fresh log."""
        return self.known_seq - self.kept_seq


_read_recovery = decoder(Recovery)


def recover(
    directory: StorageDirectory, findings: tuple[str, ...], migrations: Sequence[Migration] = MIGRATIONS
) -> None:
    """Salvage the log into a fresh one and set the old files aside; `pending_recovery` then tells what was done.

    Raises LogTooNew, and sqlite3.Error or OSError when the disk does not let us; the old files stay where they are then.
    """
    image = _make_image(directory, migrations)
    if image is not None:
        findings = (*_fill_up(image), *findings)
    fresh = directory.path / _FRESH_NAME
    for left in (fresh, fresh.with_name(f"{_FRESH_NAME}-journal")):
        left.unlink(missing_ok=True)
    identity = directory.identity()
    filled = _fill(fresh, image, past_end(directory.path), identity, migrations, stray_file(directory))
    known = max([filled.known, *(head for _, head in seen_heads(directory))], key=lambda head: head.seq)
    if filled.is_stray_lost:
        findings = (f"no space for a copy of the {filled.stray_events} events behind the damage", *findings)
    recovery = Recovery(
        findings=findings,
        kept_seq=filled.kept.seq,
        kept_digest=filled.kept.digest.hex(),
        known_seq=known.seq,
        known_digest=known.digest.hex(),
        stray_events=filled.stray_events,
        quarantine=_next_quarantine(directory.path),
        end_seen=filled.end_seen and not _hides_commits(directory.path / WAL_NAME) and not lost_wal(directory),
    )
    directory.write_file(REPORT_NAME, to_json(recovery))
    fresh.rename(directory.path / SALVAGED_NAME)
    directory.sync()
    finish(directory)


def finish(directory: StorageDirectory) -> None:
    """The second half of a recovery: move the old files aside, put the fresh log in place. Does nothing if none is under way."""
    if not directory.exists(SALVAGED_NAME):
        return
    recovery = pending_recovery(directory) or _illegible(directory.path)
    quarantine = directory.path / recovery.quarantine
    quarantine.mkdir(mode=0o700, exist_ok=True)
    directory.sync()  # else what is moved there may have a name in a directory that has none
    with closing(open_reader(directory.path / SALVAGED_NAME)) as fresh:
        base = read_base(fresh)
    moved = [DATABASE_NAME, WAL_NAME, f"{DATABASE_NAME}-shm", JOURNAL_NAME, WITNESS_NAME, CONDEMNED_NAME, STRAYS_NAME]
    moved += [file.name for file in snapshot_files(directory.path)]
    moved += [segment.path.name for segment in closed_segments(directory.path) if segment.last_seq > base.seq]
    for name in moved:
        if directory.exists(name):
            (directory.path / name).rename(quarantine / name)
    sync_directory(quarantine)
    directory.sync()
    (directory.path / _IMAGE_NAME).unlink(missing_ok=True)
    (directory.path / SALVAGED_NAME).rename(directory.path / DATABASE_NAME)
    directory.sync()


def pending_recovery(directory: StorageDirectory) -> Recovery | None:
    """The recovery that no event in the log names yet; None if there is none."""
    if not directory.exists(REPORT_NAME):
        return None
    try:
        recovery: Recovery = _read_recovery(read_file(directory.path / REPORT_NAME))
    except (ValueError, OSError):
        return _illegible(directory.path)
    return recovery


def _illegible(path: Path) -> Recovery:
    return Recovery(
        findings=(f"{REPORT_NAME} is illegible",),
        kept_seq=0,
        kept_digest="",
        known_seq=0,
        known_digest="",
        stray_events=0,
        quarantine=_next_quarantine(path),
    )


def _next_quarantine(path: Path) -> str:
    numbers = [int(name) for each in path.glob(f"{QUARANTINE_PREFIX}*") if (name := each.name[11:]).isdecimal()]
    return f"{QUARANTINE_PREFIX}{max(numbers, default=0) + 1}"


def _make_image(directory: StorageDirectory, migrations: Sequence[Migration]) -> Path | None:
    """The database with its WAL laid over it, as one file to read from; None when there is nothing at all."""
    database, wal = directory.path / DATABASE_NAME, directory.path / WAL_NAME
    overlay = read_wal(wal.read_bytes() if wal.exists() else b"")
    if not directory.size_of(DATABASE_NAME) and not overlay.pages:
        return None
    image = directory.path / _IMAGE_NAME
    with image.open("wb") as target:
        if database.exists():
            with database.open("rb") as source:
                while chunk := source.read(_COPY_BYTES):
                    target.write(chunk)
        for page, content in overlay.pages.items():
            target.seek((page - 1) * overlay.page_bytes)
            target.write(content)
        if overlay.pages_after:
            target.truncate(overlay.pages_after * overlay.page_bytes)
    _mend_first_page(image, overlay.page_bytes, migrations)
    return image


def _hides_commits(wal: Path) -> bool:
    """Whether a page may be an older one than it was, because what the WAL had of it is damaged."""
    return wal.exists() and read_wal(wal.read_bytes()).damaged_frames > 0


def _fill_up(image: Path) -> tuple[str, ...]:
    """A file that was cut short gets empty pages: SQLite then reads all that is there, and fails at what is not."""
    size = image.stat().st_size
    with image.open("r+b") as file:
        header = file.read(_HEADER_BYTES)
        page_bytes = int.from_bytes(header[16:18]) or 1
        whole = (65_536 if page_bytes == 1 else page_bytes) * int.from_bytes(header[28:32])
        # The count of pages stands for something only if the last writer set it (format of SQLite files, 1.3.7).
        if header[24:28] != header[92:96] or not size < whole <= max(_FILLED_BYTES, _FILLED_TIMES * size):
            return ()
        file.truncate(whole)
    return (f"{DATABASE_NAME} is cut short: {size} of {whole} bytes",)


def _mend_first_page(image: Path, page_bytes: int, migrations: Sequence[Migration]) -> None:
    """A lost first page is made anew: it holds the schema only, which the same migrations always lay out alike."""
    with image.open("r+b") as target:
        if target.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC:
            return
        with sqlite3.connect(":memory:", isolation_level=None) as fresh:
            migrate(fresh, migrations)
            first = fresh.serialize()[:page_bytes]
        fresh.close()
        pages = target.seek(0, os.SEEK_END) // page_bytes
        target.seek(0)
        target.write(first[:28] + pages.to_bytes(4, "big") + bytes(8) + first[40:])


class _Filled(Value, frozen=True, kw_only=True):
    """How the fresh log was filled: `kept` is its head, `known` the last head that can be read at all."""

    kept: Head
    known: Head
    stray_events: int = 0
    is_stray_lost: bool = False
    end_seen: bool = False


def _fill(
    fresh: Path, image: Path | None, past: Opening, identity: str, migrations: Sequence[Migration], strays: StrayFile
) -> _Filled:
    """Lay out the fresh log with the whole prefix of the chain, and write down what verifies behind it."""
    source = None if image is None else _open_image(image, migrations)
    if source is None:
        _begin(fresh, past, identity, migrations).close()
        return _Filled(kept=past.head, known=past.head)
    with closing(source):
        commitments = _commitments(source)
        target = _begin(fresh, _base(source, past, commitments), identity, migrations)
        with closing(target):
            target.execute("BEGIN")
            kept = _copy_prefix(source, target, commitments)
            if has_table(target, "commitment"):
                write_commitments(target, commitments.up_to(kept.seq))
            target.execute("COMMIT")
        known = strays.keep(_strays(source, kept, commitments), kept)
        end_seen = _is_end(source, known.seq)
    if past.head.seq > kept.seq:  # an old file, or one that lost its beginning: the archives know more
        fresh.unlink()
        _begin(fresh, past, identity, migrations).close()
        kept = past.head
    return _Filled(
        kept=kept, known=known, stray_events=strays.count, is_stray_lost=strays.is_given_up, end_seen=end_seen
    )


def _begin(fresh: Path, opening: Opening, identity: str, migrations: Sequence[Migration]) -> sqlite3.Connection:
    target = sqlite3.connect(fresh, isolation_level=None)
    target.execute("PRAGMA synchronous = FULL")
    lay_out(target, opening, migrations)
    target.execute("INSERT OR IGNORE INTO meta VALUES ('identity', ?)", (identity,))
    return target


def _open_image(image: Path, migrations: Sequence[Migration]) -> sqlite3.Connection | None:
    try:
        source = open_reader(image, immutable=True)
    except sqlite3.Error:
        return None
    try:
        with suppress(sqlite3.Error):  # so damaged that it does not say: then it is ours to salvage
            check_readable(source, migrations)
    except BaseException:
        source.close()
        raise
    return source


def _commitments(source: sqlite3.Connection) -> Commitments:
    """What the digests of a damaged file cover, as far as it tells."""
    with suppress(sqlite3.Error):
        return read_commitments(source)[0]
    return Commitments()


def _base(source: sqlite3.Connection, past: Opening, commitments: Commitments) -> Opening:
    """Where the rows begin: as the file says, or as the archives before it do, whichever its first row continues."""
    try:
        own, is_intact = read_opening(source)
    except sqlite3.Error:
        own, is_intact = FIRST, False
    if is_intact:
        return own
    candidates = [past, own, FIRST]  # `past` first: it has the state that `own` has lost
    for candidate in candidates:
        rows = next(readable_rows(source, candidate.head.seq, misses_max=0), [])
        is_next = bool(rows) and rows[0].seq == candidate.head.seq + 1
        if is_next and fits(candidate.head.digest, rows[0], commitments.content):
            return candidate
    return max(candidates, key=lambda candidate: candidate.head.seq)


def _copy_prefix(source: sqlite3.Connection, target: sqlite3.Connection, commitments: Commitments) -> Head:
    head = read_head(target)
    for rows in readable_rows(source, head.seq, misses_max=0):
        try:
            reached, is_whole = verify(head, rows, commitments.content), True
        except ChainBrokenError as broken:
            reached, is_whole = broken.head, False
        target.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows[: reached.seq - head.seq])
        head = reached
        if not is_whole:
            break
    return head


def _strays(source: sqlite3.Connection, kept: Head, commitments: Commitments) -> Iterator[Stray]:
    """The events behind the prefix that verify against their neighbour."""
    previous = kept
    for rows in readable_rows(source, kept.seq, misses_max=_MISSES_MAX):
        for row in rows:
            if row.seq == previous.seq + 1 and fits(previous.digest, row, commitments.content):
                yield Stray(before=previous.digest, row=row, disclosure=commitments.disclosure(row))
            previous = Head(seq=row.seq, digest=row.digest)


def _is_end(source: sqlite3.Connection, seq: int) -> bool:
    """Whether the table says, without an error, that there is nothing behind this event."""
    try:
        return not select_rows(source, "seq > ? ORDER BY seq LIMIT 1", (seq,))
    except sqlite3.Error:
        return False
