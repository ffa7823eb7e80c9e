"""Rows of an event table: as stored, which of them a station can have written, and what can be read of a damaged table."""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import partial

from eventstore.again import again
from eventstore.bounds import NAME_CHARS_MAX, PAYLOAD_CHARS_MAX, SEQ_MAX, SLICE_CHARS_MAX
from eventstore.chain import GENESIS_DIGEST, Row

SELECT_ROWS = "SELECT seq, cause, at_ms, utc_ms, type, version, connector_id, payload, digest FROM event NOT INDEXED"
"""By no index: a log has none, and one that somebody made may hide rows, or show others than the table has."""
SLICE_ROWS = 500
_MS_MAX = SEQ_MAX
"""A calendar ends sooner, in the year 9999; but a CSMS may set the clock to the end of that."""
_SMALL_MAX = (1 << 31) - 1
_WHOLE, _TEXT, _BYTES = frozenset({int}), frozenset({str}), frozenset({bytes})
_WHOLE_OR_NONE = frozenset({int, type(None)})


def are_sound(rows: Sequence[Row]) -> bool:
    """Can a station have written these rows? A damaged or crafted file holds values of any type, and of any size."""
    seqs, causes, at_mss, utc_mss, types, versions, connector_ids, payloads, digests = zip(*rows, strict=True)
    if any({*map(type, column)} != _WHOLE for column in (seqs, causes, at_mss, utc_mss, versions)):
        return False
    if {*map(type, types), *map(type, payloads)} != _TEXT or {*map(type, digests)} != _BYTES:
        return False
    if not _WHOLE_OR_NONE.issuperset(map(type, connector_ids)):
        return False
    return (
        min(seqs) > 0
        and max(seqs) <= SEQ_MAX
        and min(causes) >= 0
        and max(causes) <= SEQ_MAX
        and min(*at_mss, *utc_mss) >= -_MS_MAX
        and max(*at_mss, *utc_mss) <= _MS_MAX
        and all(-_SMALL_MAX <= number <= _SMALL_MAX for number in {*versions, *connector_ids} if number is not None)
        and max(map(len, types)) <= NAME_CHARS_MAX
        and max(map(len, payloads)) <= PAYLOAD_CHARS_MAX
        and {*map(len, digests)} == {len(GENESIS_DIGEST)}
    )


def sound(rows: list[Row]) -> list[Row]:
    """Those of the rows that a station can have written: as a rule all."""
    if not rows or are_sound(rows):
        return rows
    return [row for row in rows if are_sound((row,))]


def fetch(cursor: sqlite3.Cursor, rows_max: int, chars_max: int = SLICE_CHARS_MAX) -> list[Row]:
    """The next rows as stored, at most so many, and fewer where their payloads are large. Raises sqlite3.Error."""
    found: list[Row] = []
    room = chars_max
    for row in cursor:
        found.append(Row._make(row))
        payload = row[7]
        room -= len(payload) if type(payload) in (str, bytes) else 0
        if room <= 0 or len(found) >= rows_max:
            break
    return found


def select_rows(source: sqlite3.Connection, condition: str, parameters: tuple[int, ...]) -> list[Row]:
    """The rows for which the condition holds, the first of them where their payloads are large. Raises sqlite3.Error."""
    cursor = source.execute(f"{SELECT_ROWS} WHERE {condition}", parameters)
    try:
        return fetch(cursor, SEQ_MAX)
    finally:
        cursor.close()


def readable_rows(source: sqlite3.Connection, after: int, *, misses_max: int) -> Iterator[list[Row]]:
    """What can be read behind seq `after`, in slices, event by event where a slice fails; ends after too many misses."""
    misses = 0
    while misses <= misses_max and after < SEQ_MAX:
        try:
            rows = again(partial(select_rows, source, "seq > ? ORDER BY seq LIMIT ?", (after, SLICE_ROWS)))
            if not rows:
                return
            last = rows[-1].seq
            if type(last) is not int or last <= after:  # cyclic b-tree
                raise sqlite3.DatabaseError(f"after event {after} comes event {last!r}")
            readable = sound(rows)
            if readable:
                yield readable
            after, misses = last, 0
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
        rows = again(partial(select_rows, source, "seq = ?", (seq,)), pause_s=0)  # a bad place may hold hundreds
        return next(iter(sound(rows)), None)
    except sqlite3.Error:
        return None
