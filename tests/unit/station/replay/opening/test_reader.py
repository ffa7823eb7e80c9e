"""Reading a log of which parts cannot be read, or say what no station says: the rest is told."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eventstore.database import DATABASE_NAME, migrate
from station.replay.answers.transactions import transaction_rows
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from tests.hostile import DOOR, chained, line
from tests.logs import overwrite

EVENTS = 3_000


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A database of which a page of events in its middle is garbage."""
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)) as connection:
        migrate(connection)
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", chained([DOOR] * EVENTS))
        connection.execute("COMMIT")
    pages = (tmp_path / DATABASE_NAME).stat().st_size // 4096
    overwrite(tmp_path / DATABASE_NAME, (pages // 2) * 4096, b"\xa5" * 4096)
    return tmp_path


def test_a_place_in_a_damaged_page_is_the_next_that_can_be_read(damaged: Path) -> None:
    with open_log(damaged) as reader:
        seqs = [row.seq for rows in reader.rows() for row in rows]
        assert 1 < len(seqs) < EVENTS
        lost = min(set(range(1, EVENTS + 1)) - set(seqs))
        behind = min(seq for seq in seqs if seq > lost)
        assert reader.last_before(lost * 1_000, 1, EVENTS) == lost - 1
        assert reader.last_before(behind * 1_000, 1, EVENTS) == behind
        assert reader.owed(0, EVENTS, 5) == ()


def test_an_illegible_event_of_a_known_name_costs_no_answer(tmp_path: Path) -> None:
    rows = chained([DOOR, ("TransactionStarted", 1, 1, '{"number":"one"}'), DOOR])
    (tmp_path / "events.jsonl").write_bytes(b"".join(map(line, rows)))
    with open_log(tmp_path / "events.jsonl") as reader:
        assert transaction_rows(reader, calendar_of(reader)) == []
