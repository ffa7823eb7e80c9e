"""Where a log may come from, and how each kind becomes one SQLite file in a directory of our own.

A storage directory or database (live or copied), archives alone, a diagnostics file (5.9), or exported events. A further kind is one
more row in `KINDS`: a test for it, and what lays its rows into the scratch directory. Archives are not laid there: they are read
where they lie.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from eventstore.bounds import open_regular
from eventstore.database import (
    DATABASE_NAME,
    check_readable,
    has_plain_tables,
    has_table,
    open_copy,
    open_reader,
    read_head,
)
from eventstore.directory import StorageDirectory
from eventstore.errors import LogTooNew
from eventstore.inspection import WAL_NAME, lost_wal
from eventstore.opening import read_opening
from eventstore.salting import read_commitments
from eventstore.salvage import pending_recovery, recover
from eventstore.segments import ARCHIVE_DIRECTORY, past_segments
from eventstore.value import Value
from eventstore.wal import read_wal
from station.replay.opening import archived, evidence_file, importing
from station.replay.opening.bundle import is_bundle
from station.replay.opening.copying import copy_storage
from station.replay.opening.errors import LogFromTheFuture, LogUnreadable
from station.replay.opening.importing import EVENT_FORMATS
from station.replay.opening.origin import Damage, Origin
from station.replay.opening.reader import LogReader
from station.replay.opening.scratch import scratch_directory

_SQLITE_MAGIC = b"SQLite format 3\0"
_EXPECTED = "expected a storage directory, a database, an archive, a diagnostics file or an export"
_LOG_BYTES_MIN = 8_192


def _is_storage(path: Path) -> bool:
    return path.is_dir() and any((path / name).exists() for name in (DATABASE_NAME, WAL_NAME))


def _is_database(path: Path) -> bool:
    if not path.is_file():
        return False
    with open_regular(path) as file:
        return file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC or path.suffix in (".db", ".sqlite")


def _is_export(path: Path) -> bool:
    return path.is_file() and path.suffix in EVENT_FORMATS


def _take_storage(path: Path, scratch: Path) -> Origin:
    return _take_database(path / DATABASE_NAME, scratch, whole=True)


def _take_database(path: Path, scratch: Path, *, whole: bool = False) -> Origin:
    live = copy_storage(path, scratch)
    missed = () if live else lost_wal(StorageDirectory(scratch))
    damage = _salvage(path, scratch)
    directory = path.parent if path.name == DATABASE_NAME else scratch
    return archived.with_past(directory, scratch, live=live, damage=damage, whole=whole, lost_wal=missed)


class SourceKind(Value, frozen=True, kw_only=True):
    """One kind of source. `take` lays a database into the scratch directory; it raises LogUnreadable."""

    is_one: Callable[[Path], bool]
    take: Callable[[Path, Path], Origin]


KINDS: tuple[SourceKind, ...] = (
    SourceKind(is_one=_is_storage, take=_take_storage),
    SourceKind(is_one=archived.is_archive, take=archived.take_archives),
    SourceKind(is_one=importing.is_partitioned, take=importing.take_partitioned),
    SourceKind(is_one=evidence_file.is_evidence, take=evidence_file.take_evidence),
    SourceKind(is_one=is_bundle, take=importing.take_bundle),
    SourceKind(is_one=_is_export, take=importing.take_export),
    SourceKind(is_one=_is_database, take=_take_database),
)


@contextmanager
def open_log(path: Path) -> Iterator[LogReader]:
    """The log at `path`, for reading; its copy is gone afterwards.

    Raises LogUnreadable when there is none or it cannot be read, LogFromTheFuture when it is of a newer version.
    """
    try:
        kind = next((kind for kind in KINDS if kind.is_one(path)), None)
    except OSError as error:
        raise LogUnreadable(f"{path}: {error.strerror or error}") from error
    if kind is None:
        what = "holds no log" if path.is_dir() else "is no log" if path.exists() else "does not exist"
        near = _near(path)
        hint = f"it has {near[0].name}, which may be one" if len(near) == 1 else _EXPECTED
        raise LogUnreadable(f"{path} {what}: {hint}")
    with scratch_directory() as scratch:
        origin = kind.take(path, scratch)
        try:
            with closing(_opened(path, scratch / DATABASE_NAME)) as connection:
                yield _reader(path, connection, origin, scratch)
        finally:
            if origin.past is not None:
                origin.past.close()
            if origin.disclosed is not None:
                origin.disclosed.close()


def _reader(path: Path, connection: sqlite3.Connection, origin: Origin, scratch: Path) -> LogReader:
    try:
        return LogReader(connection, origin=origin, scratch=scratch)
    except sqlite3.Error as error:
        raise LogUnreadable(f"{path} cannot be read: {error}") from error


def _near(path: Path) -> list[Path]:
    """The files in a directory that are logs by themselves."""
    files = sorted(path.iterdir()) if path.is_dir() else []
    return [file for file in files if file.is_file() and any(kind.is_one(file) for kind in KINDS)]


def _opened(path: Path, database: Path) -> sqlite3.Connection:
    connection = None
    try:
        connection = open_reader(database)
        check_readable(connection)
        read_commitments(connection)  # in a format that this version may not know
        if not has_table(connection, "event"):
            raise LogUnreadable(f"{path} is a database, but no log: it has no events")
        return connection
    except LogTooNew as error:
        if connection is not None:
            connection.close()
        raise LogFromTheFuture(f"{path}: {error}") from error
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise LogUnreadable(f"{path} cannot be opened: {error}") from error
    except LogUnreadable:
        if connection is not None:
            connection.close()
        raise


def _salvage(path: Path, scratch: Path) -> Damage | None:
    """What SQLite cannot read, or would silently leave out, is salvaged in the copy, as the station itself would do it."""
    try:
        findings = _wal_findings(scratch) or _open_findings(scratch)
    except LogUnreadable as error:
        raise LogUnreadable(f"{path} is a database, but no log: {error}") from error
    if not findings:
        return None
    if _is_nothing(scratch):
        raise LogUnreadable(f"{path} is damaged ({'; '.join(findings)}), and too little of it is left to hold a log")
    directory = StorageDirectory(scratch)
    try:
        if path.name == DATABASE_NAME:
            _show_past(path.parent, scratch)
        recover(directory, findings)
    except (sqlite3.Error, OSError, LogTooNew) as error:
        raise LogUnreadable(
            f"{path} is damaged ({'; '.join(findings)}), and nothing of it can be salvaged: {error}"
        ) from error
    recovery = pending_recovery(directory)
    assert recovery is not None, "recover has just written it"
    if not recovery.known_seq and not recovery.stray_events:
        raise LogUnreadable(f"{path} is damaged ({'; '.join(findings)}), and nothing of it can be salvaged")
    return Damage(
        findings=recovery.findings,
        kept_seq=recovery.kept_seq,
        known_seq=recovery.known_seq,
        known_digest=recovery.known_digest,
        stray_events=recovery.stray_events,
    )


def _show_past(directory: Path, scratch: Path) -> None:
    """Whoever salvages looks where the closed segments end. Links, so that nothing done here is done to them."""
    (scratch / ARCHIVE_DIRECTORY).mkdir()
    for segment in past_segments(directory):
        folder = scratch / ARCHIVE_DIRECTORY if segment.is_archive else scratch
        (folder / segment.path.name).symlink_to(segment.path.absolute())


def _is_nothing(scratch: Path) -> bool:
    """Whether so little is there that looking for events in it would be in vain: less than the first pages of a database."""
    sizes = [file.stat().st_size for file in (scratch / DATABASE_NAME, scratch / WAL_NAME) if file.exists()]
    return sum(sizes) < _LOG_BYTES_MIN


def _wal_findings(scratch: Path) -> tuple[str, ...]:
    wal, database = scratch / WAL_NAME, scratch / DATABASE_NAME
    if not wal.exists() or not wal.stat().st_size:
        return ()
    if not database.exists() or not database.stat().st_size:
        return (f"{DATABASE_NAME} is missing or empty, its WAL is there",)
    content = read_wal(wal.read_bytes())
    if not content.damaged_frames:
        return ()
    with database.open("rb") as file:
        for page, expected in content.pages.items():
            file.seek((page - 1) * content.page_bytes)
            if file.read(content.page_bytes) != expected:
                return (f"{WAL_NAME} is damaged in its middle: {content.damaged_frames} frames",)
    return ()


def _open_findings(scratch: Path) -> tuple[str, ...]:
    """Lets SQLite lay the WAL over the copied database, and looks whether the result opens."""
    try:
        connection = open_copy(scratch / DATABASE_NAME)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            if not has_plain_tables(connection):
                raise LogUnreadable("its tables are not laid out as those of a log")
            if has_table(connection, "event"):
                read_head(connection)
                read_opening(connection)
                check_readable(connection)
        finally:
            connection.close()
    except LogTooNew:
        return ()  # it is whole, and reported when it is opened
    except sqlite3.Error as error:
        return (f"{DATABASE_NAME}: {error}",)
    return ()
