"""Connections to the log's SQLite file: how they are opened, what is asserted about them, how the schema is brought up to date.

Exactly one connection writes and checkpoints (SQLite before 3.51.3 can corrupt a WAL that two of them reset at once); readers
are opened read-only and never checkpoint. All but `connect` is synchronous and runs on the thread of its connection.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiosqlite

from eventstore.bounds import CELL_BYTES_MAX, SEQ_MAX
from eventstore.chain import EMPTY, GENESIS_DIGEST, Head
from eventstore.errors import LogTooNew
from migrations import MIGRATIONS, Migration

DATABASE_NAME = "chargebox.db"
AUTOCHECKPOINT_PAGES = 100
"""A small WAL: damage in its middle truncates silently, so little may stand there."""
JOURNAL_SIZE_MAX_BYTES = 1 << 20
BUSY_TIMEOUT_MS = 5_000
_ITERATION_ROWS = 64

WRITER_PRAGMAS: tuple[tuple[str, str | int], ...] = (
    ("journal_mode", "wal"),
    ("synchronous", 2),
    ("wal_autocheckpoint", AUTOCHECKPOINT_PAGES),
    ("journal_size_limit", JOURNAL_SIZE_MAX_BYTES),
)
SHARED_PRAGMAS: tuple[tuple[str, str | int], ...] = (
    ("busy_timeout", BUSY_TIMEOUT_MS),
    ("foreign_keys", 1),
    ("recursive_triggers", 1),
    ("cell_size_check", 1),
    ("mmap_size", 0),
    ("trusted_schema", 0),
)
"""recursive_triggers: without it INSERT OR REPLACE would get past the triggers that keep the log append-only."""


def uri(path: Path, **parameters: str | int) -> str:
    """The SQLite URI of a file, psow=0 always: a torn sector must not harm the frame before it."""
    query = "&".join(f"{name}={value}" for name, value in {"psow": 0, **parameters}.items())
    return f"{path.absolute().as_uri()}?{query}"


async def connect(opener: Callable[[], sqlite3.Connection]) -> aiosqlite.Connection:
    """The connection that `opener` opens, on a thread of its own. Raises what `opener` raises; the thread has ended then.

    (aiosqlite does not wait for the thread of a connection that failed to open; it would outlive the loop.)
    """
    failures: list[BaseException] = []

    def opened() -> sqlite3.Connection:
        try:
            return opener()
        except BaseException as error:  # noqa: BLE001  # raised again below, on the loop
            failures.append(error)
            return sqlite3.connect(":memory:")

    connection = await aiosqlite.Connection(opened, iter_chunk_size=_ITERATION_ROWS)
    if failures:
        await connection.close()
        raise failures[0]
    return connection


def open_writer(path: Path) -> sqlite3.Connection:
    """The connection that appends and checkpoints. Raises sqlite3.Error; nothing stays open then."""
    return _open(uri(path), WRITER_PRAGMAS + SHARED_PRAGMAS)


def open_reader(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """A connection that only reads. `immutable` is for files that nobody writes and whose WAL does not count."""
    parameters: dict[str, str | int] = {"mode": "ro", "immutable": 1} if immutable else {"mode": "ro"}
    return _bounded(_open(uri(path, **parameters), SHARED_PRAGMAS))


def open_copy(path: Path) -> sqlite3.Connection:
    """A connection to a copy of a file from elsewhere, with which anything may be done. Raises sqlite3.Error."""
    return _bounded(_open(uri(path), SHARED_PRAGMAS))


def _bounded(connection: sqlite3.Connection) -> sqlite3.Connection:
    """No value of more than CELL_BYTES_MAX is read, whether it is stored or computed by a schema that is not ours."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, CELL_BYTES_MAX)
    return connection


class _Connection(sqlite3.Connection):
    """Its errors are sqlite3.Error only: the binding fails to decode a message that quotes a damaged schema, and to bind large numbers."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        try:
            return super().execute(*arguments)
        except UnicodeDecodeError as error:
            raise sqlite3.DatabaseError(f"the schema is damaged: {error}") from error
        except OverflowError as error:
            raise sqlite3.DatabaseError(str(error)) from error


def _open(location: str, pragmas: Sequence[tuple[str, str | int]]) -> sqlite3.Connection:
    connection = sqlite3.connect(location, uri=True, isolation_level=None, check_same_thread=False, factory=_Connection)
    try:
        for name, value in pragmas:
            connection.execute(f"PRAGMA {name} = {value}").fetchall()
            found = pragma(connection, name)
            assert found == value, f"PRAGMA {name} is {found!r}, not {value!r}"
    except BaseException:
        connection.close()
        raise
    return connection


def close_beside_wal(connection: sqlite3.Connection, path: Path) -> None:
    """Close the writing connection so that its WAL stays: the witness still expects the WAL.

    SQLite takes the WAL away with the last connection, and one that only reads never does.
    """
    reader: sqlite3.Connection | None = None
    try:
        with suppress(sqlite3.Error):  # damaged: then SQLite leaves the WAL alone
            reader = open_reader(path)
            reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        connection.close()
    finally:
        if reader is not None:
            reader.close()


def pragma(connection: sqlite3.Connection, name: str) -> str | int | None:
    """The value of a pragma as this connection has it; None when it says nothing."""
    row = connection.execute(f"PRAGMA {name}").fetchone()
    return None if row is None else row[0]


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Is there a table of this name?"""
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return connection.execute(query, (name,)).fetchone() is not None


def has_plain_tables(connection: sqlite3.Connection) -> bool:
    """Are the tables of a log, as far as they are there, stored, and not computed by a schema that no migration wrote? Raises sqlite3.Error."""
    for name in ("event", "meta", "migration", "opening", "commitment"):
        row = connection.execute("SELECT type, rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
        if row is None:
            continue
        columns = connection.execute(f"PRAGMA table_xinfo({name})").fetchall()
        if row[0] != "table" or not row[1] or any(column[6] for column in columns):
            return False
    return True


def applied(connection: sqlite3.Connection) -> list[tuple[int, str, int]]:
    """(number, sha256, min_reader) of each migration that the file went through.

    Raises sqlite3.DatabaseError, as SQLite would, for a record that no migration ever wrote: the page is damaged.
    """
    if not has_table(connection, "migration"):
        return []
    rows = connection.execute("SELECT number, sha256, min_reader FROM migration ORDER BY number").fetchall()
    if any(not isinstance(row[0], int) or not isinstance(row[1], str) or not isinstance(row[2], int) for row in rows):
        raise sqlite3.DatabaseError("the record of the migrations is damaged")
    return rows


def check_readable(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Raises LogTooNew when the file asks for a newer reader, or went through a migration that ours contradicts."""
    known = {migration.number: migration.sha256 for migration in migrations}
    newest = max(known, default=0)
    for number, digest, min_reader in applied(connection):
        if min_reader > newest:
            raise LogTooNew(
                f"the log was written by a newer version: its migration {number} needs a reader that knows "
                f"migration {min_reader}, this one knows {newest}"
            )
        if known.get(number, digest) != digest:
            raise LogTooNew(f"the log went through another migration {number} than the one this version knows")


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> tuple[int, ...]:
    """Apply what is missing, each step in one transaction with its record; returns the numbers applied.

    A file that holds events is copied to backup-<number>.db beside it first. Raises LogTooNew, sqlite3.Error.
    """
    check_readable(connection, migrations)
    done = {number for number, _, _ in applied(connection)}
    pending = [migration for migration in migrations if migration.number not in done]
    if pending and done:
        _back_up(connection, pending[0].number)
    for step in pending:
        record = f"VALUES ({step.number}, '{step.name}', '{step.sha256}', {step.min_reader})"  # ours, no foreign text
        script = f"BEGIN IMMEDIATE;\n{step.sql()}\n;INSERT INTO migration {record};\nCOMMIT;"
        try:
            connection.executescript(script)
        except BaseException:
            if connection.in_transaction:
                connection.rollback()
            raise
    return tuple(step.number for step in pending)


def _back_up(connection: sqlite3.Connection, number: int) -> None:
    file = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    target = file.with_name(f"backup-{number}.db")
    target.unlink(missing_ok=True)  # left by an attempt that did not get through the migration
    connection.execute("VACUUM INTO ?", (str(target),))


def read_base(connection: sqlite3.Connection) -> Head:
    """The head that the first event of this file continues: EMPTY unless it is a later segment; raises sqlite3.Error."""
    if not has_table(connection, "opening"):
        return EMPTY
    row = connection.execute("SELECT seq, digest FROM opening NOT INDEXED").fetchone()
    return EMPTY if row is None else _head(*row)


def read_head(connection: sqlite3.Connection) -> Head:
    """The last event's seq and digest, or what the file begins behind while it is empty; raises sqlite3.Error."""
    row = connection.execute("SELECT seq, digest FROM event NOT INDEXED ORDER BY seq DESC LIMIT 1").fetchone()
    return read_base(connection) if row is None else _head(*row)


def _head(seq: object, digest: object) -> Head:
    """Raises sqlite3.DatabaseError, as SQLite would, for values that no head has: the page is damaged."""
    if (
        type(seq) is not int
        or type(digest) is not bytes
        or not 0 <= seq <= SEQ_MAX
        or len(digest) != len(GENESIS_DIGEST)
    ):
        raise sqlite3.DatabaseError("the head of the log is damaged")
    return Head(seq=seq, digest=digest)
