"""Rows changed by plain SQL, and what is added to a file: as a vandal does it who recomputes nothing."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from eventstore.chain import Row
from eventstore.database import DATABASE_NAME
from eventstore.opening import read_opening
from eventstore.segments import closed_segments
from tests import tampering
from tests.forgeries.honest import (
    Honest,
)

Forge = Callable[[Path, Honest], Path | None]


def first_of(honest: Honest, name: str, place: int = 0) -> Row:
    """The nth row of a type."""
    return [row for row in honest.rows if row.type == name][place]


def end_of_batch(honest: Honest, near: int) -> int:
    """The first event from there on that is the last one of its batch: a cut behind it leaves no loose end."""
    return next(row.seq - 1 for row in honest.rows if row.seq > near and row.cause == row.seq)


def sql(*statements: str) -> Forge:
    """Plain SQL on the live segment; {n} is one of its events."""

    def forge(directory: Path, honest: Honest) -> None:
        tampering.tamper(directory, *(each.format(n=end_of_batch(honest, honest.ends[-1] + 20)) for each in statements))

    return forge


def on_live(change: Callable[[sqlite3.Connection, int], None]) -> Forge:
    """What is done to the live segment with a connection, the guards put back afterwards."""

    def forge(directory: Path, honest: Honest) -> None:
        tampering.tamper(
            directory, also=lambda connection: change(connection, end_of_batch(honest, honest.ends[-1] + 20))
        )

    return forge


def plain_sql(*statements: str, closed: bool = False) -> Forge:
    """Plain SQL on the live segment, or on the one that waits to be compressed; nothing is put back."""

    def forge(directory: Path, honest: Honest) -> None:
        path = closed_segments(directory)[0].path if closed else directory / DATABASE_NAME
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for each in statements:
                connection.execute(each)

    return forge


EVENT_COLUMNS = "seq, cause, at_ms, utc_ms, type, version, connector_id, payload, digest"


def swapping_index(directory: Path, honest: Honest) -> None:
    """An index over other rows than those of the table: whoever asks by type would be shown what it has."""
    with closing(sqlite3.connect(directory / DATABASE_NAME, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE shadow AS SELECT * FROM event")
        connection.execute("UPDATE shadow SET payload = replace(payload, 'meter_stop_wh\":', 'meter_stop_wh\":9')")
        connection.execute("DELETE FROM shadow WHERE type = 'TransactionStarted'")
        connection.execute(f"CREATE INDEX by_type ON shadow (type, {EVENT_COLUMNS.replace('type, ', '')})")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET tbl_name = 'event', sql = replace(sql, 'ON shadow', 'ON event') WHERE name = 'by_type'"
        )
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'shadow'")
        connection.execute("PRAGMA writable_schema = RESET")


def schema_edit(query: str) -> Forge:
    return plain_sql("PRAGMA writable_schema = ON", query, "PRAGMA writable_schema = RESET")


def below_the_base(connection: sqlite3.Connection, seq: int) -> None:
    tampering.put(connection, tampering.row_at(connection, seq)._replace(seq=7))


def below_zero(connection: sqlite3.Connection, seq: int) -> None:
    tampering.put(connection, tampering.row_at(connection, seq)._replace(seq=-7))


def opening(**changes: object) -> Forge:
    """Where the live segment begins, changed and sealed anew."""

    def forge(directory: Path, honest: Honest) -> None:
        with closing(sqlite3.connect(directory / DATABASE_NAME, isolation_level=None)) as connection:
            found, _ = read_opening(connection)
            plain = {
                "owed_seq": found.owed_seq,
                "fingerprint": found.fingerprint,
                "state": found.state,
                "head": found.head,
            }
            for name, value in changes.items():
                plain[name] = value(plain[name]) if callable(value) else value
            forged = type(found)(layout=found.layout, **plain)  # type: ignore[arg-type]
            guards = connection.execute(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'opening'"
            )
            for name, _ in (kept := guards.fetchall()):
                connection.execute(f"DROP TRIGGER {name}")
            values = (
                forged.head.seq,
                forged.head.digest,
                forged.owed_seq,
                forged.fingerprint,
                forged.state,
                forged.checksum,
            )
            connection.execute(
                "UPDATE opening SET seq = ?, digest = ?, owed_seq = ?, fingerprint = ?, state = ?, checksum = ?", values
            )
            for _, text in kept:
                connection.execute(text)

    return forge


def no_opening(directory: Path, honest: Honest) -> None:
    plain_sql("DROP TRIGGER opening_is_never_deleted", "DELETE FROM opening")(directory, honest)
    text = "CREATE TRIGGER opening_is_never_deleted BEFORE DELETE ON opening\nBEGIN\n    SELECT RAISE(ABORT, 'a segment begins where it begins');\nEND"
    plain_sql(text)(directory, honest)


def remove_and_renumber(connection: sqlite3.Connection, seq: int) -> None:
    connection.execute("DELETE FROM event WHERE seq BETWEEN ? AND ?", (seq, seq + 3))
    tampering.shift(connection, seq + 4, -4)


def put_in_and_renumber(connection: sqlite3.Connection, seq: int) -> None:
    tampering.shift(connection, seq, 1)
    tampering.put(connection, tampering.row_at(connection, seq - 1)._replace(seq=seq))
