"""The chain of digests: each event's digest covers the one before it, so nothing can be changed, dropped or swapped unseen.

digest(n) = SHA-256(digest(n - 1) + content(n)). The content of an event is a commitment to it (`eventstore.commitments`); of one in the
format of version 0.1.0 it is the canonical JSON array [seq, cause, at_ms, utc_ms, type, version, connector_id, payload], payload
being the stored text as a JSON string. Without a key this proves consistency; only a head digest known from elsewhere proves that nothing was cut at the end.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from eventstore.commitments import Content, whole_row
from eventstore.value import Value

GENESIS_DIGEST = bytes(32)
"""What stands for the digest before the first event."""


class Row(NamedTuple):
    """One row of the table `event`, as stored. A named tuple, because SQLite delivers millions of them as tuples."""

    seq: int
    cause: int
    at_ms: int
    utc_ms: int
    type: str
    version: int
    connector_id: int | None
    payload: str
    digest: bytes


class Head(Value, frozen=True, kw_only=True):
    """The end of a log: its last seq (0 when empty) and that event's digest."""

    seq: int
    digest: bytes


EMPTY = Head(seq=0, digest=GENESIS_DIGEST)


def digest_after(previous: bytes, content: bytes) -> bytes:
    """The digest of an event with this content, standing after one with the digest `previous`."""
    return sha256(previous + content).digest()


def fits(previous: bytes, row: Row, content: Content = whole_row) -> bool:
    """Does the row's digest follow from the digest before it and its own content?"""
    try:
        return sha256(previous + content(row)).digest() == row.digest
    except (TypeError, ValueError):  # a damaged page holds values of any type
        return False


class ChainBrokenError(ValueError):
    """The first row that does not continue the chain. `head` is the last one that did."""

    def __init__(self, head: Head, reason: str) -> None:
        super().__init__(reason)
        self.head = head


def verify(head: Head, rows: Iterable[Row], content: Content = whole_row) -> Head:
    """The head after these rows, each of which must continue the one before without a gap; raises ChainBrokenError.

    `content` tells what their digests cover: that of the `Commitments` of the log.
    """
    seq, digest = head.seq, head.digest
    for row in rows:
        if row[0] != seq + 1:
            raise ChainBrokenError(
                Head(seq=seq, digest=digest), f"event {seq + 1} is missing, {row[0]!r} follows {seq}"
            )
        if not fits(digest, row, content):
            raise ChainBrokenError(Head(seq=seq, digest=digest), f"the digest of event {row[0]} does not fit")
        seq, digest = row[0], row[8]
    return Head(seq=seq, digest=digest)
