"""Batches as the parameters of one SQL statement, whatever their size.

In autocommit one statement is one transaction, and one hop to the connection's thread: nothing can be cancelled or fail between
BEGIN and COMMIT. The payloads travel as a JSON array of strings, which json_each hands back byte by byte; the rest of each row
stands in a record of fixed width and is cut out by its position. (With the rows as JSON arrays each column costs a JSON parse:
that takes twice as long for a hundred events.)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from eventstore.chain import Head, digest_after, row_bytes
from eventstore.codec import encode
from eventstore.event import Recorded

# The record: digest (32 bytes), then text padded with blanks: cause, at_ms, utc_ms (20 each), version (8), connector_id
# (12, nothing for none), type (64).
_RECORD = b"%s%20d%20d%20d%8d%12s%-64s"
_RECORD_BYTES = 176
NAME_BYTES_MAX = 64

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


@dataclass(slots=True, kw_only=True)
class Chained:
    """A batch with its place in the chain; `head` is where the log ends after it."""

    payloads: list[str]
    records: list[bytes]
    head: Head


def chain_batch(head: Head, batch: Sequence[Recorded]) -> Chained:
    """The batch, chained to the head before it.

    Asserts that its seqs continue the head. Raises StructureError for an event that JSON cannot hold.
    """
    seq, digest = head.seq, head.digest
    payloads, records = [], []
    for recorded in batch:
        seq += 1
        assert recorded.seq == seq, f"event {recorded.seq} does not continue the log at {seq - 1}"
        event, cause, at_ms, utc_ms = recorded.event, recorded.cause, recorded.at_ms, recorded.utc_ms
        name, version, payload = event.NAME, event.VERSION, encode(event)
        connector_id: int | None = getattr(event, "connector_id", None)
        row = row_bytes(seq, cause, at_ms, utc_ms, name, version, connector_id, payload)
        digest = digest_after(digest, row)
        shown = b"" if connector_id is None else b"%d" % connector_id
        payloads.append(payload)
        records.append(_RECORD % (digest, cause, at_ms, utc_ms, version, shown, name.encode()))
    assert all(len(record) == _RECORD_BYTES for record in records), "a name or number outgrew its record"
    return Chained(payloads=payloads, records=records, head=Head(seq=seq, digest=digest))


def parameters(group: Iterable[Chained]) -> tuple[int, str, bytes]:
    """What INSERT_EVENTS takes to write these batches, in order, as one commit."""
    payloads: list[str] = []
    records: list[bytes] = []
    last = 0
    for chained in group:
        payloads += chained.payloads
        records += chained.records
        last = chained.head.seq
    return last - len(payloads) + 1, orjson.dumps(payloads).decode(), b"".join(records)
