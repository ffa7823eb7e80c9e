"""Where the secrets lie that salts follow from."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventstore.chain import EMPTY, verify
from eventstore.commitments import FORMAT, Commitments
from eventstore.database import DATABASE_NAME, migrate, open_reader, read_base
from eventstore.errors import LogTooNew
from eventstore.salting import begin_commitments, checksum, read_commitments, write_commitments
from eventstore.segments import closed_segments
from migrations import MIGRATIONS
from tests.logs import close_segment, fill, opened

GUARDS = ("commitment_is_never_changed", "commitment_is_never_deleted")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    migrate(made)
    yield made
    made.close()


def test_a_fresh_file_gets_a_secret_and_keeps_it(connection: sqlite3.Connection) -> None:
    begun = begin_commitments(connection, 5)
    assert begun.first_seq == 5
    assert begin_commitments(connection, 9) == begun
    assert read_commitments(connection) == (begun, True)


def test_two_files_have_two_secrets(connection: sqlite3.Connection) -> None:
    with sqlite3.connect(":memory:", isolation_level=None) as other:
        migrate(other)
        assert begin_commitments(connection, 1) != begin_commitments(other, 1)
    other.close()


def test_a_file_of_version_0_1_0_has_none() -> None:
    with sqlite3.connect(":memory:", isolation_level=None) as connection:
        migrate(connection, MIGRATIONS[:2])
        assert read_commitments(connection) == (Commitments(), True)
        assert begin_commitments(connection, 1) == Commitments()
    connection.close()


def test_what_is_there_cannot_be_changed_or_deleted(connection: sqlite3.Connection) -> None:
    begin_commitments(connection, 1)
    for statement in ("UPDATE commitment SET first_seq = 2", "DELETE FROM commitment"):
        with pytest.raises(sqlite3.IntegrityError, match="stands"):
            connection.execute(statement)


@pytest.mark.parametrize(
    "change", ["first_seq = first_seq + 1", "secret = x'00'", "secret = randomblob(32)", "checksum = x'00'"]
)
def test_damage_is_told(connection: sqlite3.Connection, change: str) -> None:
    begin_commitments(connection, 1)
    for guard in GUARDS:
        connection.execute(f"DROP TRIGGER {guard}")
    connection.execute(f"UPDATE commitment SET {change}")
    assert read_commitments(connection) == (Commitments(), False)


def test_a_later_format_is_of_a_newer_version(connection: sqlite3.Connection) -> None:
    values = (1, FORMAT + 1, bytes(32))
    connection.execute("INSERT INTO commitment VALUES (?, ?, ?, ?)", (*values, checksum(*values)))
    with pytest.raises(LogTooNew, match=f"format {FORMAT + 1}, this version knows {FORMAT}"):
        read_commitments(connection)


def test_what_was_written_is_read(connection: sqlite3.Connection) -> None:
    several = Commitments(secrets=((1, bytes(32)), (9, bytes(range(32)))))
    write_commitments(connection, several)
    assert read_commitments(connection) == (several, True)


@pytest.mark.asyncio
async def test_the_page_of_the_table_may_be_lost_for_the_index_has_it_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 3)
        known = log.commitments
    path = tmp_path / DATABASE_NAME
    with open_reader(path) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = 'commitment'"
        (page,) = connection.execute(query).fetchone()
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * page_bytes)
        file.write(b"\x55" * page_bytes)
    with open_reader(path) as connection:
        assert read_commitments(connection) == (known, True)
    connection.close()


@pytest.mark.asyncio
async def test_each_segment_has_a_secret_of_its_own_by_which_alone_it_is_verified(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 3)
        first = log.commitments
        assert await close_segment(log)
        await fill(log, 2)
        second = log.commitments
        assert (first.first_seq, second.first_seq) == (1, 4)
        assert first.secrets[0][1] != second.secrets[0][1]
        assert await log.commitments_from(1) == first.joined([second])
    (closed,) = closed_segments(tmp_path)
    for path, own in ((closed.path, first), (tmp_path / DATABASE_NAME, second)):
        with open_reader(path, immutable=True) as connection:
            assert read_commitments(connection) == (own, True)
            base = read_base(connection)
        connection.close()
        async with opened(tmp_path) as log:
            rows = [row for row in await log.read_rows(base.seq, 100) if row.seq <= (3 if base == EMPTY else 5)]
        assert verify(base, rows, own.content).seq == rows[-1].seq
