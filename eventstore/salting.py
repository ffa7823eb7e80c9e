"""The secrets that salts follow from, in the file of a log: where digests begin to cover commitments (`eventstore.commitments`).

Each segment has a secret of its own, so that whoever is given one segment can guess nothing withheld of another. Whoever is given the
file can see everything in it anyway.
"""

import secrets
import sqlite3
from collections.abc import Sequence
from hashlib import sha256

import orjson

from eventstore.bounds import SEQ_MAX
from eventstore.commitments import FORMAT, SECRET_BYTES, Commitments
from eventstore.database import has_table
from eventstore.errors import LogTooNew

_COPIES = ("NOT INDEXED", "INDEXED BY sqlite_autoindex_commitment_1")
ROWS_MAX = 1_000
"""Of secrets in one file: one, and one more for each salvage."""


def checksum(first_seq: int, form: int, secret: bytes) -> bytes:
    """SHA-256 of one row's facts."""
    return sha256(orjson.dumps((first_seq, form, secret.hex()))).digest()


def read_commitments(connection: sqlite3.Connection) -> tuple[Commitments, bool]:
    """Which events of the file have commitments, and whether all of that is intact; what is damaged of it is left out.

    Raises sqlite3.Error if neither copy can be read, LogTooNew for a format that this version does not know.
    """
    if not has_table(connection, "commitment"):
        return Commitments(), True
    found: set[tuple[int, bytes]] = set()
    is_intact, failure = False, None
    for copy in _COPIES:
        query = f"SELECT first_seq, format, secret, checksum FROM commitment {copy} LIMIT {ROWS_MAX}"  # noqa: S608
        try:
            rows = connection.execute(query).fetchall()
        except sqlite3.Error as error:
            failure = failure or error
            continue
        sound = [row for row in rows if _is_sound(row)]
        is_intact = is_intact or len(sound) == len(rows)
        for first_seq, form, secret, _ in sound:
            if form != FORMAT:
                raise LogTooNew(f"from event {first_seq} on the log is in format {form}, this version knows {FORMAT}")
            found.add((first_seq, secret))
    if failure is not None and not is_intact:
        raise failure
    return Commitments(secrets=tuple(sorted(found))), is_intact


def _is_sound(row: Sequence[object]) -> bool:
    first_seq, form, secret, told = row
    return (
        type(first_seq) is int
        and 0 < first_seq <= SEQ_MAX
        and type(form) is int
        and type(secret) is bytes
        and len(secret) == SECRET_BYTES
        and checksum(first_seq, form, secret) == told
    )


def write_commitments(connection: sqlite3.Connection, commitments: Commitments) -> None:
    """Into a file that has none. Raises sqlite3.Error."""
    for first_seq, secret in commitments.secrets:
        values = (first_seq, FORMAT, secret, checksum(first_seq, FORMAT, secret))
        connection.execute("INSERT INTO commitment VALUES (?, ?, ?, ?)", values)


def begin_commitments(connection: sqlite3.Connection, first_seq: int) -> Commitments:
    """Those of the file; if it has none, they begin with event `first_seq`. Raises sqlite3.Error, LogTooNew."""
    found, _ = read_commitments(connection)
    if not found.secrets and has_table(connection, "commitment"):
        found = Commitments(secrets=((first_seq, secrets.token_bytes(SECRET_BYTES)),))
        write_commitments(connection, found)
    return found
