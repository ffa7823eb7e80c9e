"""Batches as the parameters of one SQL statement, whatever their size.

In autocommit one statement is one transaction, and one hop to the connection's thread: nothing can be cancelled or fail between
BEGIN and COMMIT. The payloads travel as a JSON array of strings, which json_each hands back byte by byte; the rest of each row
stands in a record of fixed width and is cut out by its position. (With the rows as JSON arrays each column costs a JSON parse:
that takes twice as long for a hundred events.)
"""

from asyncio import Future
from collections.abc import Sequence

import orjson

from eventstore.chain import Head, digest_after
from eventstore.codec import encode
from eventstore.commitments import Content, whole_row
from eventstore.event import Recorded

# The record: digest (32 bytes), then text padded with blanks: cause, at_ms, utc_ms (20 each), version (8), connector_id
# (12, nothing for none), type (64).
_RECORD = b"%s%20d%20d%20d%8d%12s%-64s"
_RECORD_BYTES = 176

INSERT_EVENTS = f"""
INSERT INTO event (seq, cause, at_ms, utc_ms, type, version, connector_id, payload, digest)
SELECT ?1 + key,
       CAST(substr(?3, key * {_RECORD_BYTES} + 33, 20) AS INTEGER),
       CAST(substr(?3, key * {_RECORD_BYTES} + 53, 20) AS INTEGER),
       CAST(substr(?3, key * {_RECORD_BYTES} + 73, 20) AS INTEGER),
       rtrim(CAST(substr(?3, key * {_RECORD_BYTES} + 113, 64) AS TEXT)),
       CAST(substr(?3, key * {_RECORD_BYTES} + 93, 8) AS INTEGER),
       CAST(nullif(substr(?3, key * {_RECORD_BYTES} + 101, 12), x'202020202020202020202020') AS INTEGER),
       value,
       substr(?3, key * {_RECORD_BYTES} + 1, 32)
FROM json_each(?2)
"""  # noqa: S608  # constants of ours
"""Parameters: the first seq, the payloads as a JSON array, the records one after the other."""


def encode_batch(batch: Sequence[Recorded]) -> Sequence[str]:
    """The payload texts of a batch; the longest part of appending a large one, which any thread may do beforehand.

    Raises StructureError for an event that JSON cannot hold.
    """
    return [encode(recorded.event) for recorded in batch]


class Group:
    """Batches that share one commit, each chained to the one before; `head` is where the log ends after them.

    `content` tells what their digests cover: that of the `Commitments` of the log.
    """

    __slots__ = ("_content", "_payloads", "_records", "_rows", "head", "waiting")

    def __init__(self, head: Head, content: Content = whole_row) -> None:
        self._content = content
        self._payloads: list[str] = []
        self._records: list[bytes] = []
        self._rows: list[tuple[int, int, int, int, str, int, int | None, str]] = []
        self.head = head
        self.waiting: list[Future[None]] = []

    def __len__(self) -> int:
        return len(self._payloads)

    def add(self, batch: Sequence[Recorded], payloads: Sequence[str] | None = None) -> None:
        """Chain a batch to the head; `payloads` are those of `encode_batch`, if that was done beforehand.

        Asserts that its seqs continue the head. Raises StructureError for an event that JSON cannot hold; the group stays
        as it was then.
        """
        size = len(self._payloads)
        try:
            self.head = self._chain(batch, encode_batch(batch) if payloads is None else payloads)
        except BaseException:
            del self._payloads[size:], self._records[size:], self._rows[size:]
            raise

    def _chain(self, batch: Sequence[Recorded], payloads: Sequence[str]) -> Head:
        seq, digest = self.head.seq, self.head.digest
        for recorded, payload in zip(batch, payloads, strict=True):
            seq += 1
            assert recorded.seq == seq, f"event {recorded.seq} does not continue the log at {seq - 1}"
            event, cause, at_ms, utc_ms = recorded.event, recorded.cause, recorded.at_ms, recorded.utc_ms
            name, version = event.NAME, event.VERSION
            connector_id: int | None = getattr(event, "connector_id", None)
            row = (seq, cause, at_ms, utc_ms, name, version, connector_id, payload)
            digest = digest_after(digest, self._content(row))
            shown = b"" if connector_id is None else b"%d" % connector_id
            record = _RECORD % (digest, cause, at_ms, utc_ms, version, shown, name.encode())
            assert len(record) == _RECORD_BYTES, f"{name}: a name or number outgrew its record"
            self._payloads.append(payload)
            self._records.append(record)
            self._rows.append(row)
        return Head(seq=seq, digest=digest)

    def chain_anew(self, head: Head, content: Content) -> None:
        """Chain all of it to this head, where their digests are to cover something else than when they were added."""
        self._content, digest = content, head.digest
        for place, row in enumerate(self._rows):
            digest = digest_after(digest, content(row))
            self._records[place] = digest + self._records[place][len(digest) :]
        self.head = Head(seq=self.head.seq, digest=digest)

    def parameters(self) -> tuple[int, str, bytes]:
        """What INSERT_EVENTS takes to write the group."""
        first = self.head.seq - len(self._payloads) + 1
        return first, orjson.dumps(self._payloads).decode(), b"".join(self._records)
