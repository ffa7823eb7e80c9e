"""The guard at the door: is the log whole, before anything is written to it? Reads only.

Looked at are: a log that vanished, a WAL without its database, damaged in its middle, shorter than it was or gone, whether the file opens, the chain since
the last snapshot, and the heads that the snapshots, the witness and the archives saw. The rest of the chain is checked later (integrity).
"""

import logging
import sqlite3
from collections.abc import Sequence

from eventstore.again import again, found_again
from eventstore.chain import ChainBrokenError, Head, Row, verify
from eventstore.commitments import Commitments
from eventstore.database import (
    DATABASE_NAME,
    JOURNAL_SIZE_MAX_BYTES,
    check_readable,
    has_table,
    open_reader,
    open_writer,
    read_head,
)
from eventstore.directory import StorageDirectory
from eventstore.opening import read_opening
from eventstore.rows import SELECT_ROWS
from eventstore.salting import read_commitments
from eventstore.segments import past_head, past_segments
from eventstore.snapshots import headers, snapshot_files
from eventstore.wal import NO_CONTENT, read_wal
from eventstore.witness import WITNESS_NAME, read_testimony, read_witness
from migrations import MIGRATIONS, Migration

LOGGER = logging.getLogger(__name__)

WAL_NAME = f"{DATABASE_NAME}-wal"
JOURNAL_NAME = f"{DATABASE_NAME}-journal"

_DAMAGE_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})


def is_damage(error: sqlite3.Error) -> bool:
    """Whether this error is about the file's content, not about the disk, the permissions or a lock."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by the binding for text that is not UTF-8, or by us
        return type(error) in (sqlite3.OperationalError, sqlite3.DatabaseError)
    return code & 0xFF in _DAMAGE_CODES or code == sqlite3.SQLITE_IOERR_SHORT_READ


def note_damage(directory: StorageDirectory, reason: str, error: sqlite3.Error) -> None:
    """If this error is about damage, note it; the second time, the next start sets the log aside. If it cannot be noted, that is logged."""
    if not is_damage(error):
        return
    try:
        directory.suspect(reason)
    except OSError as second:
        LOGGER.warning("the damage cannot be noted: %s", second)


def inspect(
    directory: StorageDirectory, migrations: Sequence[Migration] = MIGRATIONS, *, has_own_wal: bool = True
) -> tuple[str, ...]:
    """What is wrong with the log in this directory, found twice; empty when it is whole, or there is none yet.

    `has_own_wal` is False for a copy that was made with the WAL laid over it. Raises LogTooNew, and sqlite3.Error or OSError
    when the file cannot be read, several times, for a reason other than damage.
    """
    return directory.condemned() or found_again(lambda: _inspected(directory, migrations, has_own_wal))


def _inspected(directory: StorageDirectory, migrations: Sequence[Migration], has_own_wal: bool) -> tuple[str, ...]:
    if directory.size_of(DATABASE_NAME) == 0:
        return _nothing_there(directory)
    damaged = _damaged_frames(directory)
    if damaged:
        return (f"{WAL_NAME} is damaged in its middle: {damaged} frames",)
    try:
        if directory.size_of(JOURNAL_NAME):  # only ever at creation, before the WAL: let SQLite roll it back
            open_writer(directory.path / DATABASE_NAME).close()
        return (*(lost_wal(directory) if has_own_wal else ()), *_opened(directory, migrations))
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
        return (f"{DATABASE_NAME}: {error}",)


def lost_wal(directory: StorageDirectory) -> tuple[str, ...]:
    """A WAL that has less than the witness knows of, or nothing: what was committed since the last checkpoint is missing."""
    testimony = read_testimony(directory.path)
    least = min(0 if testimony is None else testimony.wal_bytes, JOURNAL_SIZE_MAX_BYTES)
    size = directory.size_of(WAL_NAME)
    if size >= least:
        return ()
    state = f"is cut short: {size} of {least} bytes" if size else "has vanished or is empty"
    return (f"{WAL_NAME} {state}; how many of the last events it held is not known",)


def _damaged_frames(directory: StorageDirectory) -> int:
    """How many frames of the WAL are damaged and hide what was committed; 0 if the database has all of it already."""
    wal = directory.path / WAL_NAME
    content = read_wal(again(wal.read_bytes)) if wal.exists() else NO_CONTENT
    if not content.damaged_frames:
        return 0
    with (directory.path / DATABASE_NAME).open("rb") as database:
        for page, expected in content.pages.items():
            database.seek((page - 1) * content.page_bytes)
            if database.read(content.page_bytes) != expected:
                return content.damaged_frames
    return 0  # a restart of the WAL was cut: what stands behind its torn beginning was checkpointed before


def _nothing_there(directory: StorageDirectory) -> tuple[str, ...]:
    state = "is empty" if directory.exists(DATABASE_NAME) else "has vanished"
    if directory.size_of(WAL_NAME):
        return (f"{DATABASE_NAME} {state}, its WAL is still there",)
    has_left = directory.is_commissioned() or directory.exists(WITNESS_NAME)
    if has_left or past_segments(directory.path) or snapshot_files(directory.path):
        return (f"{DATABASE_NAME} {state} from a directory that was commissioned",)
    return ()


def _opened(directory: StorageDirectory, migrations: Sequence[Migration]) -> tuple[str, ...]:
    connection = open_reader(directory.path / DATABASE_NAME)
    try:
        check_readable(connection, migrations)
        if not has_table(connection, "event"):
            is_known = directory.is_commissioned()
            return (f"{DATABASE_NAME} has no event table",) if is_known else ()
        for query in (
            "SELECT * FROM meta",
            "SELECT value FROM meta WHERE name = 'identity'",
        ):  # table and index: a boot asks them
            connection.execute(query).fetchall()
        opening, is_intact = read_opening(connection)
        if not is_intact:
            return (f"where {DATABASE_NAME} begins is damaged",)
        commitments, is_intact = read_commitments(connection)
        if not is_intact:
            return (f"what the digests in {DATABASE_NAME} cover is damaged",)
        base, head = opening.head, read_head(connection)
        return _compared(directory, connection, base, head) or _tail(directory, connection, commitments, (base, head))
    finally:
        connection.close()


def _compared(directory: StorageDirectory, connection: sqlite3.Connection, base: Head, head: Head) -> tuple[str, ...]:
    findings = []
    for name, seen in seen_heads(directory):
        if seen.seq > head.seq:
            findings.append(f"the log ends at event {head.seq}, the {name} saw event {seen.seq}")
            continue
        row = connection.execute("SELECT digest FROM event WHERE seq = ?", (seen.seq,)).fetchone()
        found = base.digest if seen.seq == base.seq else None if row is None else row[0]
        if seen.seq >= base.seq and found != seen.digest:  # the archives report what lies before
            findings.append(f"event {seen.seq} is not the one that the {name} saw")
    return tuple(findings)


def seen_heads(directory: StorageDirectory) -> list[tuple[str, Head]]:
    """The heads that something outside the database remembers, each with the name of what remembers it."""
    witness = read_witness(directory.path)
    found = [] if witness is None else [("witness", witness)]
    for header, _ in headers(directory.path):
        found.append(("snapshot", Head(seq=header.seq, digest=bytes.fromhex(header.digest))))
    past = past_head(directory.path)
    return found if past is None else [*found, ("archive", past)]


def _tail(
    directory: StorageDirectory, connection: sqlite3.Connection, commitments: Commitments, ends: tuple[Head, Head]
) -> tuple[str, ...]:
    """The chain behind the newest snapshot; the snapshot's own digest is where it starts."""
    base, head = ends
    snapshots = [seen for name, seen in seen_heads(directory) if name == "snapshot" and seen.seq > base.seq]
    start = max(snapshots, key=lambda seen: seen.seq, default=base)
    rows = connection.execute(f"{SELECT_ROWS} WHERE seq > ? ORDER BY seq", (start.seq,))
    try:
        found = verify(start, (Row._make(row) for row in rows), commitments.content)
    except ChainBrokenError as broken:
        return (str(broken),)
    return () if found == head else (f"the log can be read up to event {found.seq} of {head.seq}",)
