"""Reading a log's private copy: rows as stored, events as this version knows them, in constant memory.

What a damaged page or an unknown version makes illegible does not end the reading: the event stands as `Illegible` in its
place. The readers of states say how many there were.
"""

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from eventstore.chain import Head, Row
from eventstore.codec import catalogue_codec
from eventstore.database import read_head
from eventstore.errors import LogCorrupt, UnknownEventType
from eventstore.event import Event, Observation, Recorded
from projections.outbox import TRANSACTIONAL
from station.replay.origin import Origin

SLICE_ROWS = 1_000
MISSES_MAX = 20_000
"""How many unreadable events in a row end the reading."""
_COLUMNS = "SELECT seq, cause, at_ms, utc_ms, type, version, connector_id, payload, digest FROM event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Illegible(Observation):
    """Stands for an event that this version cannot read; it is never written."""

    NAME: ClassVar[str] = "Illegible"

    name: str
    version: int
    reason: str


class LogReader:
    """A log, open for reading. `scratch` is the directory of its copy, with what was beside it."""

    def __init__(self, connection: sqlite3.Connection, *, origin: Origin, scratch: Path) -> None:
        self._connection = connection
        self._codec = catalogue_codec()
        self.origin = origin
        self.scratch = scratch
        self.head: Head = read_head(connection)
        first = connection.execute("SELECT seq FROM event ORDER BY seq LIMIT 1").fetchone()
        self.first_seq: int = 0 if first is None else first[0]

    @property
    def is_complete(self) -> bool:
        """Whether the log is there from its first event on, so that states can be folded from nothing."""
        return self.first_seq <= 1

    def identity(self) -> str:
        """Whom the file says that it was commissioned for; "" if it does not say."""
        try:
            row = self._connection.execute("SELECT value FROM meta WHERE name = 'identity'").fetchone()
        except sqlite3.Error:
            return ""
        return "" if row is None else str(row[0])

    def rows(
        self, after: int = 0, until: int | None = None, kinds: Collection[type[Event]] | None = None
    ) -> Iterator[list[Row]]:
        """The rows behind `after` up to `until` as stored, in order, in slices; of these kinds only, if any are named.

        Unreadable ones are left out; the gap shows in `seq`.
        """
        condition, parameters = _condition(kinds)
        last = self.head.seq if until is None else until
        query = f"{_COLUMNS} WHERE seq > ? AND seq <= ?{condition} ORDER BY seq"
        while after < last:
            try:
                cursor = self._connection.execute(query, (after, last, *parameters))
                while found := cursor.fetchmany(SLICE_ROWS):
                    yield [Row._make(row) for row in found]
                    after = found[-1][0]
                return
            except sqlite3.Error:
                row = self._next_readable(after, last)
                if row is None:
                    return
                if kinds is None or row.type in parameters:
                    yield [row]
                after = row.seq

    def _next_readable(self, after: int, last: int) -> Row | None:
        for seq in range(after + 1, min(last, after + MISSES_MAX) + 1):
            row = self.row(seq)
            if row is not None:
                return row
        return None

    def row(self, seq: int) -> Row | None:
        """One row as stored; None when it is not there or cannot be read."""
        try:
            row = self._connection.execute(f"{_COLUMNS} WHERE seq = ?", (seq,)).fetchone()
        except sqlite3.Error:
            return None
        return None if row is None else Row._make(row)

    def recorded(
        self, after: int = 0, until: int | None = None, kinds: Collection[type[Event]] | None = None
    ) -> Iterator[Recorded]:
        """The events behind `after` up to `until`, in order; of these kinds only, if any are named."""
        for rows in self.rows(after, until, kinds):
            yield from self.decoded(rows)

    def decoded(self, rows: list[Row]) -> list[Recorded]:
        """The events of stored rows; Illegible for what this version cannot read."""
        try:
            return self._codec.decode_rows(rows)
        except (LogCorrupt, UnknownEventType):
            return [self._legible(row) for row in rows]

    def _legible(self, row: Row) -> Recorded:
        try:
            return self._codec.decode_rows([row])[0]
        except (LogCorrupt, UnknownEventType) as error:
            event = Illegible(name=str(row.type), version=int(row.version), reason=str(error))
            return Recorded(seq=row.seq, cause=row.cause, at_ms=row.at_ms, utc_ms=row.utc_ms, event=event)

    def event(self, seq: int) -> Recorded | None:
        """One event; None when it is not there."""
        row = self.row(seq)
        return None if row is None else self._legible(row)

    def owed(self, after_seq: int, to_seq: int, count: int) -> tuple[Recorded, ...]:
        """The transactional events behind `after_seq` up to `to_seq`, at most `count`: what OutboxWindowRead names."""
        condition, names = _condition(TRANSACTIONAL)
        query = f"{_COLUMNS} WHERE seq > ? AND seq <= ?{condition} ORDER BY seq LIMIT ?"
        rows = self._connection.execute(query, (after_seq, to_seq, *names, count)).fetchall()
        return tuple(self.decoded([Row._make(row) for row in rows]))

    def next_of(self, kind: type[Event], after: int, within: int) -> Recorded | None:
        """The first event of a kind among the `within` events behind `after`; None if there is none."""
        query = f"{_COLUMNS} WHERE seq > ? AND seq <= ? AND type = ? ORDER BY seq LIMIT 1"
        row = self._connection.execute(query, (after, after + within, kind.NAME)).fetchone()
        return None if row is None else self._legible(Row._make(row))

    def counts(self) -> dict[str, int]:
        """How many events there are of each type name."""
        try:
            return dict(self._connection.execute("SELECT type, count(*) FROM event GROUP BY type ORDER BY type"))
        except sqlite3.Error:
            found: dict[str, int] = {}
            for rows in self.rows():
                for row in rows:
                    found[row.type] = found.get(row.type, 0) + 1
            return dict(sorted(found.items()))

    def last_before(self, at_ms: int, first: int, last: int) -> int:
        """The last seq from `first` to `last` whose station time is not after `at_ms`; `first` - 1 if none is.

        Station time never decreases, so the halves can be halved again.
        """
        query = "SELECT seq, at_ms FROM event WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT 1"
        low, high = first, last + 1
        while low < high:
            middle = (low + high) // 2
            row = self._connection.execute(query, (middle, last)).fetchone()
            if row is None or row[1] > at_ms:
                high = middle
            else:
                low = row[0] + 1
        return low - 1


def _condition(kinds: Collection[type[Event]] | None) -> tuple[str, tuple[str, ...]]:
    if kinds is None:
        return "", ()
    names = tuple(sorted(kind.NAME for kind in kinds))
    return f" AND type IN ({', '.join('?' * len(names))})", names
