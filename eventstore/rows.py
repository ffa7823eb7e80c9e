"""Rows of an event table: as stored, and what can be read of a damaged one."""

import sqlite3
from collections.abc import Iterator

from eventstore.chain import Row

SELECT_ROWS = "SELECT seq, cause, at_ms, utc_ms, type, version, connector_id, payload, digest FROM event"
SLICE_ROWS = 500


def select_rows(source: sqlite3.Connection, condition: str, parameters: tuple[int, ...]) -> list[Row]:
    """The rows for which the condition holds. Raises sqlite3.Error."""
    return [Row._make(row) for row in source.execute(f"{SELECT_ROWS} WHERE {condition}", parameters)]


def readable_rows(source: sqlite3.Connection, after: int, *, misses_max: int) -> Iterator[list[Row]]:
    """What can be read behind seq `after`, in slices, event by event where a slice fails; ends after too many misses."""
    misses = 0
    while misses <= misses_max:
        try:
            rows = select_rows(source, "seq > ? ORDER BY seq LIMIT ?", (after, SLICE_ROWS))
            if not rows:
                return
            if rows[-1].seq <= after:  # the damaged tree leads in a circle
                raise sqlite3.DatabaseError(f"after event {after} comes event {rows[-1].seq}")
            yield rows
            after, misses = rows[-1].seq, 0
        except sqlite3.Error:
            for seq in range(after + 1, after + SLICE_ROWS + 1):
                row = _row(source, seq)
                misses = 0 if row else misses + 1
                if misses > misses_max:
                    return
                if row:
                    yield [row]
            after += SLICE_ROWS


def _row(source: sqlite3.Connection, seq: int) -> Row | None:
    try:
        return next(iter(select_rows(source, "seq = ?", (seq,))), None)
    except sqlite3.Error:
        return None
