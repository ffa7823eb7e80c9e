"""A private copy of a log, so that reading it changes nothing: not a byte, not a time stamp, not a file beside it.

Opening a SQLite file in place checkpoints and deletes its WAL, `mode=ro` leaves a -shm, and `immutable=1` overlooks what is in
the WAL. So a log at rest is copied with its WAL and opened elsewhere. A log that a daemon is writing to cannot be copied file
by file: it is opened read-only for one VACUUM INTO, which gives one moment of it, whole.
"""

import shutil
import sqlite3
from pathlib import Path

from eventstore.bounds import SMALL_FILE_BYTES_MAX, STATE_BYTES_MAX, WAL_BYTES_MAX
from eventstore.database import DATABASE_NAME, open_reader
from eventstore.directory import CONDEMNED_NAME, IDENTITY_NAME, lock_holder
from eventstore.inspection import JOURNAL_NAME, WAL_NAME
from eventstore.snapshots import snapshot_files
from eventstore.statements import STATEMENTS_DIRECTORY, statement_files
from eventstore.witness import WITNESS_NAME
from station.replay.opening.errors import LogUnreadable

ATTEMPTS_MAX = 5
STATEMENTS_MAX = 10_000
"""The newest ones: a station makes some 400 a year."""
_SMALL_FILES = (WITNESS_NAME, IDENTITY_NAME, CONDEMNED_NAME)


def is_live(directory: Path) -> bool:
    """Does a daemon hold the lock of this storage directory? Looks, and takes no lock: a daemon may be about to."""
    return lock_holder(directory) is not None


def copy_storage(database: Path, target: Path) -> bool:
    """Copy a database, and what its storage directory knows of it, into `target`; whether it was live.

    The copies have the names of a storage directory. Raises LogUnreadable, with the reason.
    """
    directory = database.parent
    live = is_live(directory)
    _check_space(database, target)
    try:
        copy_small_files(directory, target)
        if live and _vacuum(database, target / DATABASE_NAME):
            return True
        _copy_at_rest(database, target)
    except PermissionError as error:
        raise LogUnreadable(f"{error.filename}: may not be read by this user") from error
    except OSError as error:
        raise LogUnreadable(f"{database} cannot be copied: {error}") from error
    return live


def _check_space(database: Path, target: Path) -> None:
    needed = sum(file.stat().st_size for file in _parts(database).values() if file.exists())
    free = shutil.disk_usage(target).free
    if needed > free:
        raise LogUnreadable(
            f"reading {database} needs {needed >> 20} MiB of temporary space and {target} has {free >> 20} MiB: "
            "set TMPDIR to a directory with more"
        )


def _parts(database: Path) -> dict[str, Path]:
    """The files that make up the database, by the names they have in a storage directory."""
    return {
        DATABASE_NAME: database,
        WAL_NAME: database.with_name(f"{database.name}-wal"),
        JOURNAL_NAME: database.with_name(f"{database.name}-journal"),
    }


def copy_small_files(directory: Path, target: Path) -> None:
    """What a storage directory remembers beside its log: the witness, snapshots, statements, its identity. Raises OSError."""
    # Before the log: of a live one they then never know more than the copy holds.
    (target / STATEMENTS_DIRECTORY).mkdir()
    for each in statement_files(directory)[-STATEMENTS_MAX:]:
        if each.path.is_file() and each.path.stat().st_size <= SMALL_FILE_BYTES_MAX:
            shutil.copyfile(each.path, target / STATEMENTS_DIRECTORY / each.path.name)
    for file in (*(directory / name for name in _SMALL_FILES), *snapshot_files(directory)):
        if file.is_file() and file.stat().st_size <= SMALL_FILE_BYTES_MAX + STATE_BYTES_MAX:
            shutil.copyfile(file, target / file.name)


def _vacuum(database: Path, target: Path) -> bool:
    """One moment of a live log; False if it is too damaged, or closed to us, to be read so."""
    try:
        connection = open_reader(database)
    except sqlite3.Error:
        return False
    try:
        connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error:
        target.unlink(missing_ok=True)
        return False
    finally:
        connection.close()
    return True


def _copy_at_rest(database: Path, target: Path) -> None:
    """Copy until nothing changed meanwhile: a daemon may start at any time."""
    parts = _parts(database)
    for file in parts.values():
        if file.exists() and not file.is_file():
            raise LogUnreadable(f"{file} is no regular file")
    wal = parts[WAL_NAME]
    if wal.exists() and wal.stat().st_size > WAL_BYTES_MAX:
        size = wal.stat().st_size
        raise LogUnreadable(
            f"{wal} has {size >> 20} MiB, more than {WAL_BYTES_MAX >> 20}: no station lets it grow so far"
        )
    for _ in range(ATTEMPTS_MAX):
        before = _marks(parts)
        for name, file in parts.items():
            (target / name).unlink(missing_ok=True)
            if file.exists():
                shutil.copyfile(file, target / name)
        if _marks(parts) == before:
            return
    raise LogUnreadable(f"{database} changes while it is read, and its lock is not held by the process that writes it")


def _marks(parts: dict[str, Path]) -> dict[str, tuple[int, int]]:
    found = {}
    for name, file in parts.items():
        try:
            status = file.stat()
        except FileNotFoundError:
            continue
        found[name] = (status.st_size, status.st_mtime_ns)
    return found
