"""What came with exported events and proves them: salts and commitments, and the contents of events that are withheld as a whole.

It lies beside the copy of the events, in a file of its own, as it came: whoever asks for the content of a row gets what follows from it,
or an error where it does not belong to the row.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eventstore.commitments import Disclosure, content_of, whole_row
from eventstore.structure import decoder, to_json

DISCLOSED_NAME = "disclosed.db"
_READ_DISCLOSURE = decoder(Disclosure)
_UNPROVEN = Disclosure(salt="")
"""What would prove the event was left out."""


class Disclosed:
    """The disclosures of the events that were laid into one scratch directory; `close` lets go of the file."""

    def __init__(self, scratch: Path) -> None:
        self._connection = sqlite3.connect(scratch / DISCLOSED_NAME, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA journal_mode = OFF").fetchall()
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS told (seq INTEGER PRIMARY KEY, disclosure BLOB NOT NULL, content BLOB)"
        )
        self._last: tuple[int, Disclosure | None, bytes | None] = (0, None, None)
        self.count = 0

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def begin(self) -> None:
        """What is kept from now on is written at `end`."""
        self._connection.execute("BEGIN")

    def end(self) -> None:
        """All is there."""
        self._connection.execute("COMMIT")

    def keep(self, seq: int, disclosure: Disclosure | None, *, has_digest: bool, content: bytes | None = None) -> None:
        """What came with an event. Without a digest, or a salt, nothing proves it; with `content` it is withheld as a whole.

        Raises sqlite3.Error.
        """
        told = disclosure if has_digest and content is None else _UNPROVEN
        if told is not None:
            values = (seq, to_json(told), content)
            self._connection.execute("INSERT OR REPLACE INTO told VALUES (?, ?, ?)", values)
            self.count += 1

    def disclosure(self, seq: int) -> Disclosure | None:
        """What came with an event; None where nothing did, as with events in the format of version 0.1.0."""
        if self._last[0] != seq:
            row = self._connection.execute("SELECT disclosure, content FROM told WHERE seq = ?", (seq,)).fetchone()
            self._last = (seq, None, None) if row is None else (seq, _READ_DISCLOSURE(row[0]), row[1])
        return self._last[1]

    def is_withheld(self, seq: int) -> bool:
        """Whether an event is withheld as a whole: only what its digest covers came in its place."""
        return self.disclosure(seq) is not None and self._last[2] is not None

    def is_unproven(self, seq: int) -> bool:
        """Whether what would prove the event was left out."""
        found = self.disclosure(seq)
        return found is not None and not found.salt and not self.is_withheld(seq)

    def content(self, row: Sequence[Any]) -> bytes:
        """What the digest of the row covers. Raises ValueError or TypeError for what came with another one."""
        found = self.disclosure(row[0])
        if self._last[2] is not None:
            return self._last[2]
        return whole_row(row) if found is None else content_of(row, found)
