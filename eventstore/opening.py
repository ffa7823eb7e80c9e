"""Where a segment begins: the head that its first event continues, and the state that everything up to there amounts to.

The state is no cache: once the archives before it are dropped, nothing else tells it. It stands in the live segment and again in
the newest archive, both under a checksum, and its digest stands in the chain (BooksClosed, the last event before it).
"""

import sqlite3
from hashlib import sha256

import orjson

from eventstore.bounds import SEQ_MAX
from eventstore.chain import EMPTY, GENESIS_DIGEST, Head
from eventstore.database import has_table
from eventstore.value import Value


class Opening(Value, frozen=True, kw_only=True):
    """The end of one segment and the beginning of the next.

    `state` are the bytes of the state after event `head.seq`, of this layout and folded by the code with this fingerprint;
    empty when it is not known any more. Folding on from it asks for no event before `owed_seq`.
    """

    head: Head
    owed_seq: int = 0
    layout: int = 0
    fingerprint: str = ""
    state: bytes = b""

    @property
    def state_digest(self) -> str:
        """SHA-256 of the state, hexadecimal."""
        return sha256(self.state).hexdigest()

    @property
    def checksum(self) -> bytes:
        """SHA-256 over all of it."""
        facts = (self.head.seq, self.head.digest.hex(), self.owed_seq, self.layout, self.fingerprint)
        return sha256(orjson.dumps(facts) + self.state).digest()


FIRST = Opening(head=EMPTY)
"""How a log begins."""


def write_opening(connection: sqlite3.Connection, opening: Opening) -> None:
    """Have a fresh file begin here. Raises sqlite3.Error."""
    values = (opening.head.seq, opening.head.digest, opening.owed_seq, opening.layout, opening.fingerprint)
    connection.execute(
        "INSERT INTO opening VALUES (1, ?, ?, ?, ?, ?, ?, ?)", (*values, opening.state, opening.checksum)
    )


def read_opening(connection: sqlite3.Connection) -> tuple[Opening, bool]:
    """Where the file begins, FIRST if with event 1, and whether that is intact; else only its head may be of use.

    Raises sqlite3.Error.
    """
    if not has_table(connection, "opening"):
        return FIRST, True
    row = connection.execute(
        "SELECT seq, digest, owed_seq, layout, fingerprint, state, checksum FROM opening NOT INDEXED WHERE only = 1"
    ).fetchone()
    if row is None:
        return FIRST, True
    seq, digest, owed_seq, layout, fingerprint, state, checksum = row
    fields = ((seq, int), (digest, bytes), (owed_seq, int), (layout, int), (fingerprint, str), (state, bytes))
    if (
        not all(type(value) is kind for value, kind in fields)
        or len(digest) != len(GENESIS_DIGEST)
        or not 0 <= seq <= SEQ_MAX
    ):
        return FIRST, False
    found = Opening(
        head=Head(seq=seq, digest=digest), owed_seq=owed_seq, layout=layout, fingerprint=fingerprint, state=state
    )
    if found.checksum != checksum:
        return Opening(head=found.head), False
    return found, True
