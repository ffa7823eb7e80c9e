"""What stands beside the database and must: its identity and its witness. What is missing is named and made anew.

That there is a witness stands in the database (table meta), so that one which vanished is missed: the log of an earlier version may
have none yet. Synchronous; the log is open for writing.
"""

import errno
import os
import sqlite3

from eventstore.database import has_table, read_head
from eventstore.directory import IDENTITY_NAME, StorageDirectory
from eventstore.witness import WITNESS_NAME, Witness, read_testimony

WITNESSED = "witness"
_SHOWN_CHARACTERS = 60


def _meta(connection: sqlite3.Connection, name: str) -> str:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return "" if row is None else str(row[0])


def set_witnessed(connection: sqlite3.Connection) -> None:
    """From now on a missing witness is missed. Raises sqlite3.Error."""
    connection.execute("INSERT OR IGNORE INTO meta VALUES (?, 'kept')", (WITNESSED,))


def missing_beside(directory: StorageDirectory, connection: sqlite3.Connection) -> tuple[str, ...]:
    """What is gone or illegible beside a log that had it, in words. Raises sqlite3.Error."""
    if not has_table(connection, "event"):
        return ()
    found = []
    if _meta(connection, WITNESSED) and read_testimony(directory.path) is None:
        state = "is illegible" if directory.exists(WITNESS_NAME) else "has vanished"
        found.append(f"the {WITNESS_NAME} {state}: nothing outside the log could tell of a loss at its end")
    identity, told = _meta(connection, "identity"), directory.identity()
    if identity and told != identity and read_head(connection).seq:
        state = f"says {told[:_SHOWN_CHARACTERS]!r}" if told else "has vanished or is illegible"
        found.append(f"the file {IDENTITY_NAME} {state}: the log was begun by {identity[:_SHOWN_CHARACTERS]!r}")
    return tuple(found)


def note_head(directory: StorageDirectory, connection: sqlite3.Connection) -> None:
    """Have the witness stand there, with the present head. Raises OSError, sqlite3.Error."""
    witness = Witness(directory)
    try:
        if not witness.note(read_head(connection), critical=False):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(directory.path / WITNESS_NAME))
    finally:
        witness.close()
    if not _meta(connection, WITNESSED):
        set_witnessed(connection)


def own_identity(directory: StorageDirectory, connection: sqlite3.Connection) -> str:
    """Whose log this is; the file that says so is made anew if it says otherwise. Raises OSError, sqlite3.Error."""
    told = directory.identity()
    identity = _meta(connection, "identity") or told
    if told != identity:
        directory.write_file(IDENTITY_NAME, f"{identity}\n".encode())
    return identity
