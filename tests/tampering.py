"""Every way of tampering with a log that the flight recorder must name: by plain SQL, with the guards removed."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from eventstore.chain import GENESIS_DIGEST, Row, digest_after
from eventstore.database import DATABASE_NAME
from eventstore.salting import read_commitments

COLUMNS = "seq, cause, at_ms, utc_ms, type, version, connector_id, payload, digest"
_GUARDS = ("event_is_never_changed", "event_is_never_deleted")


def tamper(directory: Path, *statements: str, also: Callable[[sqlite3.Connection], None] | None = None) -> None:
    """Runs the statements behind the log's back; the guards are put back afterwards, as a careful forger would."""
    with closing(sqlite3.connect(directory / DATABASE_NAME, isolation_level=None)) as connection:
        query = "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'event'"
        guards = [row[0] for row in connection.execute(query)]
        for name in _GUARDS:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        if also is not None:
            also(connection)
        for guard in guards:
            connection.execute(guard)


def row_at(connection: sqlite3.Connection, seq: int) -> Row:
    """One row as stored."""
    return Row._make(connection.execute(f"SELECT {COLUMNS} FROM event WHERE seq = ?", (seq,)).fetchone())


def rehash(connection: sqlite3.Connection, from_seq: int) -> None:
    """Every digest from an event on, computed anew: the chain is consistent again."""
    commitments, _ = read_commitments(connection)
    previous = GENESIS_DIGEST if from_seq == 1 else row_at(connection, from_seq - 1).digest
    rows = connection.execute(f"SELECT {COLUMNS} FROM event WHERE seq >= ? ORDER BY seq", (from_seq,)).fetchall()
    for row in map(Row._make, rows):
        previous = digest_after(previous, commitments.content(row))
        connection.execute("UPDATE event SET digest = ? WHERE seq = ?", (previous, row.seq))


def shift(connection: sqlite3.Connection, from_seq: int, by: int) -> None:
    """Renumbers the events from one on."""
    order = "DESC" if by > 0 else "ASC"
    found = connection.execute(f"SELECT seq FROM event WHERE seq >= ? ORDER BY seq {order}", (from_seq,)).fetchall()
    for (seq,) in found:
        connection.execute("UPDATE event SET seq = ? WHERE seq = ?", (seq + by, seq))


def put(connection: sqlite3.Connection, row: Row) -> None:
    """Adds a row."""
    connection.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def exchange(connection: sqlite3.Connection, one: int, other: int) -> None:
    """Two rows change places, digests and all."""
    connection.execute("UPDATE event SET seq = -1 WHERE seq = ?", (one,))
    connection.execute("UPDATE event SET seq = ? WHERE seq = ?", (one, other))
    connection.execute("UPDATE event SET seq = ? WHERE seq = -1", (other,))


def exchange_contents(connection: sqlite3.Connection, one: int, other: int) -> None:
    """Two rows exchange everything but their numbers and digests."""
    first, second = row_at(connection, one), row_at(connection, other)
    for row, seq in ((first, other), (second, one)):
        connection.execute(
            "UPDATE event SET cause = ?, at_ms = ?, utc_ms = ?, type = ?, version = ?, connector_id = ?, payload = ? "
            "WHERE seq = ?",
            (*row[1:8], seq),
        )
