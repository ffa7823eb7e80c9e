"""What a file of a log consists of: the tables and guards that its migrations laid out, the rows of its small tables, and nothing else.

An index, a trigger or a view that no migration made changes what a query finds, and no digest covers it. So whoever is to believe
a file asks first whether it is laid out as a station lays it out. (The log's own queries go by no index: `rows.SELECT_ROWS`.)
"""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache

from eventstore.beside import WITNESSED
from eventstore.database import has_table, migrate, read_head
from eventstore.salting import read_commitments
from eventstore.value import Value
from migrations import MIGRATIONS

_SHOWN_CHARACTERS = 60
_APPLICATION_ID = 1128419160
_FACTS = ("identity", WITNESSED)

Part = tuple[str, str, str, str | None]
"""A row of sqlite_schema: type, name, table, the statement that made it."""


class Oddities(Value, frozen=True, kw_only=True):
    """What a file has that no station makes, and what it lacks, in words. `unknown`: migrations of which this version knows nothing."""

    foreign: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def oddities(connection: sqlite3.Connection) -> Oddities:
    """How a file differs from one that a station laid out. Raises sqlite3.Error."""
    applied = _applied(connection)
    known = {each.number: each for each in MIGRATIONS}
    unknown = tuple(f"migration {_short(row[0])} ({_short(row[1])})" for row in applied if row[0] not in known)
    numbers = tuple(number for number in known if any(row[0] == number for row in applied))
    expected = _expected(numbers)
    found = set(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"))
    foreign = [_told(part, expected) for part in sorted(found - expected, key=repr)]
    foreign += _foreign_rows(connection, applied)
    if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
        foreign.append("its application_id")
    names = {(kind, name) for kind, name, _, _ in found}
    missing = [f"the {kind} {name}" for kind, name, _, _ in sorted(expected, key=repr) if (kind, name) not in names]
    missing += [f"migration {number}" for number in range(1, max(numbers, default=1)) if number not in numbers]
    return Oddities(foreign=tuple(foreign), missing=tuple(missing), unknown=unknown)


def _told(part: Part, expected: frozenset[Part]) -> str:
    kind, name, table, _ = part
    is_changed = any((kind, name) == (other[0], other[1]) for other in expected)
    told = (
        f"the {_short(kind)} {_short(name)} (on {_short(table)})"
        if table != name
        else f"the {_short(kind)} {_short(name)}"
    )
    return f"{told}, which is not the one that the migrations made" if is_changed else told


@lru_cache(maxsize=8)
def _expected(numbers: Sequence[int]) -> frozenset[Part]:
    """The schema after these migrations; never less than the first one."""
    steps = [step for step in MIGRATIONS if step.number in numbers or step.number == MIGRATIONS[0].number]
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        migrate(connection, steps)
        return frozenset(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"))
    finally:
        connection.close()


def _applied(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    if not has_table(connection, "migration"):
        return []
    query = "SELECT number, name, sha256, min_reader FROM migration NOT INDEXED ORDER BY number"
    return connection.execute(query).fetchall()


def _foreign_rows(connection: sqlite3.Connection, applied: Sequence[tuple[object, ...]]) -> Iterator[str]:
    """Rows of the small tables that no station writes. A later segment asks for a reader that knows segments."""
    known = {each.number: each for each in MIGRATIONS}
    for number, name, sha256, min_reader in applied:
        step = known.get(number) if isinstance(number, int) else None
        if step is None:
            continue
        readers = (step.min_reader, max(step.min_reader, step.number))
        if (name, sha256) != (step.name, step.sha256) or min_reader not in readers:
            yield f"the record of migration {step.number}, which is not the one that it left"
    if has_table(connection, "meta"):
        for name, value in connection.execute("SELECT name, value FROM meta NOT INDEXED"):
            if name not in _FACTS or not isinstance(value, str) or (name == WITNESSED and value != "kept"):
                yield f"the row {_short(name)} of the table meta"
    yield from _foreign_commitments(connection)
    if has_table(connection, "opening"):
        (count,) = connection.execute("SELECT count(*) FROM opening NOT INDEXED").fetchone()
        if count > 1:
            yield f"{count} beginnings"


def _foreign_commitments(connection: sqlite3.Connection) -> Iterator[str]:
    """Rows of which no digest tells whether they belong there: behind the end, or with the secret of the row before."""
    if not has_table(connection, "commitment"):
        return
    secrets = read_commitments(connection)[0].secrets
    end = read_head(connection).seq + 1
    for place, (first_seq, secret) in enumerate(secrets):
        if first_seq > end or (place and secret == secrets[place - 1][1]):
            yield f"the commitments from event {first_seq} on"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"
