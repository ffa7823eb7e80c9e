"""Connections, pragmas and the schema, on real files."""

import sqlite3
import threading
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import pytest

from eventstore.chain import EMPTY
from eventstore.database import (
    DATABASE_NAME,
    SHARED_PRAGMAS,
    WRITER_PRAGMAS,
    check_readable,
    connect,
    migrate,
    open_reader,
    open_writer,
    pragma,
    read_head,
    uri,
)
from eventstore.errors import LogTooNew
from migrations import MIGRATIONS, Migration


class FakeMigration(Migration, frozen=True):
    """A step whose SQL comes from the test."""

    texts: ClassVar[dict[int, str]] = {}  # filled by the tests, by number

    def sql(self) -> str:
        return self.texts[self.number]


def step(number: int, text: str, min_reader: int = 1) -> Migration:
    FakeMigration.texts[number] = text
    digest = sha256(text.encode()).hexdigest()
    return FakeMigration(number=number, name=f"step_{number}", sha256=digest, min_reader=min_reader)


def test_every_pragma_of_the_writer_is_in_force(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / DATABASE_NAME)
    found = {name: pragma(connection, name) for name, _ in WRITER_PRAGMAS + SHARED_PRAGMAS}
    connection.close()
    assert found == dict(WRITER_PRAGMAS + SHARED_PRAGMAS)
    assert found["journal_mode"] == "wal"
    assert found["synchronous"] == 2


@pytest.mark.parametrize(("psow", "frames"), [(0, 2), (1, 1)])
def test_a_one_page_commit_takes_two_frames_without_powersafe_overwrite(tmp_path: Path, psow: int, frames: int) -> None:
    path = tmp_path / DATABASE_NAME
    if psow == 0:
        connection = open_writer(path)
    else:
        connection = sqlite3.connect(uri(path).replace("psow=0", "psow=1"), uri=True, isolation_level=None)
        connection.execute("PRAGMA journal_mode = wal").fetchall()
        connection.execute("PRAGMA synchronous = 2")
    connection.execute("CREATE TABLE one (number)")
    connection.execute("INSERT INTO one VALUES (1)")
    before = path.with_name(f"{DATABASE_NAME}-wal").stat().st_size
    connection.execute("INSERT INTO one VALUES (2)")
    after = path.with_name(f"{DATABASE_NAME}-wal").stat().st_size
    connection.close()
    assert after - before == frames * (24 + 4096)


def test_a_reader_cannot_write_and_checkpoints_nothing(tmp_path: Path) -> None:
    path = tmp_path / DATABASE_NAME
    writer = open_writer(path)
    migrate(writer)
    reader = open_reader(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO meta VALUES ('a', 'b')")
    size = path.stat().st_size
    reader.close()
    assert path.stat().st_size == size
    writer.close()


def test_a_path_with_odd_characters_is_opened(tmp_path: Path) -> None:
    odd = tmp_path / "a?b#c%20 ü"
    odd.mkdir()
    open_writer(odd / DATABASE_NAME).close()
    assert [file.name for file in odd.iterdir()] == [DATABASE_NAME]


def test_a_file_that_is_no_database_is_closed_again(tmp_path: Path) -> None:
    path = tmp_path / DATABASE_NAME
    path.write_bytes(b"no database at all, but long enough" * 40)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        open_writer(path)


@pytest.mark.asyncio
async def test_a_connection_that_cannot_be_opened_leaves_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        await connect(partial(open_reader, tmp_path / "absent" / DATABASE_NAME))
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=5)
        assert not thread.is_alive()


@pytest.mark.asyncio
async def test_a_connection_lives_on_a_thread_of_its_own(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    connection = await connect(partial(open_writer, tmp_path / DATABASE_NAME))
    assert len(set(threading.enumerate()) - before) == 1
    await connection.close()
    assert (tmp_path / DATABASE_NAME).exists()


def test_the_schema_is_laid_out_and_recorded_once(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / DATABASE_NAME)
    assert migrate(connection) == tuple(each.number for each in MIGRATIONS)
    assert migrate(connection) == ()
    recorded = connection.execute("SELECT number, name, sha256, min_reader FROM migration").fetchall()
    assert recorded == [(each.number, each.name, each.sha256, each.min_reader) for each in MIGRATIONS]
    assert read_head(connection) == EMPTY
    assert not list(tmp_path.glob("backup-*"))
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET payload = ''",
        "DELETE FROM event",
        "INSERT OR REPLACE INTO event VALUES (1, 1, 1, 1, 'X', 1, NULL, '{}', x'00')",
        "INSERT INTO event VALUES ('one', 1, 1, 1, 'X', 1, NULL, '{}', x'00')",
        "INSERT INTO event VALUES (2, 1, 1, 1, 'X', 1, NULL, '{}', 'text')",
        "INSERT INTO event VALUES (2, 1, 1, 1, NULL, 1, NULL, '{}', x'00')",
    ],
)
def test_the_table_takes_nothing_but_further_events(tmp_path: Path, statement: str) -> None:
    connection = open_writer(tmp_path / DATABASE_NAME)
    migrate(connection)
    row = "(1, 1, 1, 1, 'X', 1, NULL, '{}', x'00')"
    connection.execute(f"INSERT INTO event VALUES {row}")
    with pytest.raises(sqlite3.Error):
        connection.execute(statement)
    assert connection.execute("SELECT count(*), max(payload) FROM event").fetchone() == (1, "{}")
    connection.close()


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / DATABASE_NAME)
    broken = step(2, "CREATE TABLE more (x);\nINSERT INTO nowhere VALUES (1);")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(connection, (*MIGRATIONS[:1], broken))
    assert connection.execute("SELECT number FROM migration").fetchall() == [(1,)]
    assert connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'more'").fetchone() is None
    assert migrate(connection, (*MIGRATIONS[:1], step(2, "CREATE TABLE more (x);"))) == (2,)
    connection.close()


def test_a_log_that_exists_is_backed_up_before_a_further_step(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / DATABASE_NAME)
    migrate(connection, MIGRATIONS[:1])
    connection.execute("INSERT INTO meta VALUES ('kept', 'yes')")
    migrate(connection, (*MIGRATIONS[:1], step(2, "DROP TABLE meta;")))
    connection.close()
    backup = open_reader(tmp_path / "backup-2.db")
    assert backup.execute("SELECT value FROM meta WHERE name = 'kept'").fetchone() == ("yes",)
    backup.close()


def test_a_newer_file_is_opened_only_if_it_says_that_we_may(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / DATABASE_NAME)
    known = MIGRATIONS[:1]
    migrate(connection, (*known, step(2, "CREATE TABLE harmless (x);", min_reader=1)))
    check_readable(connection, known)
    migrate(connection, (*known, step(2, "CREATE TABLE harmless (x);"), step(3, "DROP TABLE meta;", min_reader=3)))
    with pytest.raises(LogTooNew, match="migration 3 needs a reader that knows migration 3, this one knows 1"):
        check_readable(connection, known)
    connection.close()


def test_a_file_with_another_step_of_the_same_number_is_refused(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / DATABASE_NAME)
    migrate(connection, (*MIGRATIONS[:1], step(2, "CREATE TABLE one (x);")))
    with pytest.raises(LogTooNew, match="another migration 2"):
        migrate(connection, (*MIGRATIONS[:1], step(2, "CREATE TABLE two (x);")))
    connection.close()
