"""What a file of a log consists of: a fresh one is as it should be, and whatever is added to it or taken away is named."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from eventstore.database import migrate
from eventstore.layout import Oddities, oddities
from eventstore.opening import FIRST, Opening
from eventstore.segments import lay_out
from migrations import MIGRATIONS


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        lay_out(connection, FIRST)
        connection.execute("INSERT INTO meta VALUES ('identity', 'CB-0001'), ('witness', 'kept')")
        yield connection


def test_a_file_as_it_is_laid_out_is_as_it_should_be(file: sqlite3.Connection) -> None:
    assert oddities(file) == Oddities()


def test_a_later_segment_is_as_it_should_be() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        head = type(FIRST.head)(seq=7, digest=bytes(32))
        lay_out(connection, Opening(head=head, state=b"{}"))
        assert oddities(connection) == Oddities()


def test_a_file_of_the_first_schema_is_as_it_should_be() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, MIGRATIONS[:1])
        assert oddities(connection) == Oddities()


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE INDEX by_type ON event (type)", "the index by_type (on event)"),
        ("CREATE TABLE more (x)", "the table more"),
        ("CREATE VIEW more AS SELECT 1", "the view more"),
        ("ALTER TABLE meta ADD COLUMN x TEXT", "the table meta, which is not the one that the migrations made"),
        ("INSERT INTO meta VALUES ('x', 'y')", "the row x of the table meta"),
        ("UPDATE meta SET value = 'gone' WHERE name = 'witness'", "the row witness of the table meta"),
        ("UPDATE migration SET name = 'x' WHERE number = 1", "the record of migration 1"),
        ("UPDATE migration SET min_reader = 9 WHERE number = 2", "the record of migration 2"),
        ("PRAGMA application_id = 1", "its application_id"),
    ],
)
def test_what_no_station_makes_is_named(file: sqlite3.Connection, statement: str, named: str) -> None:
    file.execute(statement)
    found = oddities(file)
    assert any(each.startswith(named) for each in found.foreign), found


def test_what_is_missing_and_what_is_of_a_newer_version_is_named(file: sqlite3.Connection) -> None:
    file.execute("DROP TRIGGER event_is_never_deleted")
    file.execute("INSERT INTO migration VALUES (9, 'more', 'x', 1)")
    found = oddities(file)
    assert found.missing == ("the trigger event_is_never_deleted",)
    assert found.unknown == ("migration 9 (more)",)


def test_a_migration_left_out_is_missing(file: sqlite3.Connection) -> None:
    file.execute("DELETE FROM migration WHERE number = 1")
    assert "migration 1" in oddities(file).missing
