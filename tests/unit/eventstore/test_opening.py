"""Where a segment begins: written once, and damage to it is seen."""

import sqlite3
from pathlib import Path

import pytest

from eventstore.chain import Head
from eventstore.database import migrate, read_base, read_head
from eventstore.opening import FIRST, Opening, read_opening, write_opening
from migrations import MIGRATIONS

OPENING = Opening(head=Head(seq=9, digest=b"\x07" * 32), owed_seq=4, layout=1, fingerprint="abc", state=b'{"seq":9}')


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    found = sqlite3.connect(":memory:", isolation_level=None)
    migrate(found)
    return found


def test_a_first_segment_has_none(connection: sqlite3.Connection) -> None:
    assert read_opening(connection) == (FIRST, True)
    assert read_base(connection) == read_head(connection) == FIRST.head
    connection.close()


def test_a_file_from_before_segments_begins_with_the_first_event() -> None:
    old = sqlite3.connect(":memory:", isolation_level=None)
    migrate(old, MIGRATIONS[:1])
    assert read_opening(old) == (FIRST, True)
    assert read_head(old) == FIRST.head
    old.close()


def test_it_is_read_back_as_it_was_written(connection: sqlite3.Connection) -> None:
    write_opening(connection, OPENING)
    assert read_opening(connection) == (OPENING, True)
    assert read_base(connection) == read_head(connection) == OPENING.head
    connection.close()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE opening SET seq = 1", "DELETE FROM opening", "INSERT INTO opening SELECT 2, 1, x'', 0, 0, '', x'', x''"],
)
def test_it_is_never_changed(connection: sqlite3.Connection, statement: str) -> None:
    write_opening(connection, OPENING)
    with pytest.raises(sqlite3.Error):
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "change",
    [
        "seq = 8",
        "digest = zeroblob(32)",
        "owed_seq = 5",
        "layout = 2",
        "fingerprint = ''",
        "state = x'00'",
        "checksum = x''",
    ],
)
def test_damage_to_any_of_it_is_seen(connection: sqlite3.Connection, change: str) -> None:
    write_opening(connection, OPENING)
    connection.execute("DROP TRIGGER opening_is_never_changed")
    connection.execute(f"UPDATE opening SET {change}")
    found, is_intact = read_opening(connection)
    assert not is_intact
    assert (found.state, found.layout) == (b"", 0)
    connection.close()


def test_a_digest_of_the_wrong_length_is_damage(connection: sqlite3.Connection) -> None:
    write_opening(connection, OPENING)
    connection.execute("DROP TRIGGER opening_is_never_changed")
    connection.execute("UPDATE opening SET digest = x'0102'")
    assert read_opening(connection) == (FIRST, False)
    connection.close()
