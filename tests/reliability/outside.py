"""What the world outside a process knew, and when: everything that left it and arrived at it, read from its trace.

What left obliges: a sequence number that was told must be durable, a call or an answer must be on record. What arrived
permits: an outgoing call may only be settled by a reply that had come.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from eventstore.chain import Row
from tests.reliability.interposer import Op, Record

_SEQ = re.compile(rb'"(?:last_)?seq":\s*(\d+)')
_ACKED = re.compile(rb"acked (\d+)\n")
_TEXT_FRAME = 0x81


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """At a record of the trace: event `seq` (0: not by number), or a frame of ours with a message id."""

    at: int
    seq: int = 0
    kind: int = 0
    message_id: str = ""


@dataclass
class _Stream:
    """One descriptor, from its opening to its end."""

    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    upgraded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """`told` in order; `replies` are message ids of the CSMS's answers, with the record at which they had come."""

    told: Sequence[Told]
    replies: dict[str, int]


def outside(records: Sequence[Record]) -> Outside:
    """What a trace says of the world outside."""
    streams: dict[int, _Stream] = {}
    told: list[Told] = []
    replies: dict[str, int] = {}
    for at, record in enumerate(records):
        stream = streams.setdefault(record.file, _Stream()) if record.op in (Op.SEND, Op.RECV) else _Stream()
        if record.op is Op.CLOSE:
            streams.pop(record.file, None)
        elif record.op is Op.SEND and record.offset < 0:
            del stream.sent[record.offset :]
        elif record.op is Op.SEND:
            stream.sent += record.data
            told += _told(at, record, stream)
        elif record.op is Op.RECV:
            stream.received += record.data
            for frame in _frames(stream, stream.received, b"HTTP/1.1 101"):
                if frame[0] in (3, 4):
                    replies.setdefault(frame[1], at)
    return Outside(told=told, replies=replies)


def _told(at: int, record: Record, stream: _Stream) -> Iterator[Told]:
    if record.file == 1:
        yield from (Told(at=at, seq=int(number)) for number in _ACKED.findall(record.data))
        return
    if stream.sent.startswith(b"GET ") or stream.upgraded:
        for frame in _frames(stream, stream.sent, b"GET "):
            yield Told(at=at, kind=frame[0], message_id=frame[1])
        return
    yield from (Told(at=at, seq=int(number)) for number in _SEQ.findall(record.data))


def _frames(stream: _Stream, data: bytearray, greeting: bytes) -> Iterator[Any]:
    """The JSON arrays of whole text frames, taken out of the data; the HTTP part before them is skipped."""
    if data.startswith(greeting):
        head, found, _ = bytes(data).partition(b"\r\n\r\n")
        if not found:
            return
        del data[: len(head) + 4]
        stream.upgraded = True
    while stream.upgraded and (frame := _take(data)) is not None:
        opcode, payload = frame
        if opcode == _TEXT_FRAME:
            try:
                yield json.loads(payload)
            except ValueError:
                continue


def _take(data: bytearray) -> tuple[int, bytes] | None:
    """One WebSocket frame (RFC 6455, 5.2), if it is there whole."""
    if len(data) < 2:
        return None
    masked, length, at = data[1] & 0x80, data[1] & 0x7F, 2
    if length >= 126:
        size = 2 if length == 126 else 8
        length, at = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
    mask = bytes(data[at : at + 4]) if masked else bytes(4)
    at += 4 if masked else 0
    if len(data) < at + length:
        return None
    opcode = data[0]
    payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data[at : at + length]))
    del data[: at + length]
    return opcode, payload


def obligations(told: Sequence[Told], rows: Sequence[Row]) -> list[tuple[int, int, Told]]:
    """(record, seq, what was told): from that record on, event `seq` must survive. Raises AssertionError for a frame that is
    on no record."""
    calls: dict[tuple[int, str], int] = {}
    for row in rows:
        if row.type in ("CallDispatched", "CallPrepared"):
            calls.setdefault((2, json.loads(row.payload)["message_id"]), row.seq)
        elif row.type == "CallAnswered":
            payload = json.loads(row.payload)
            calls.setdefault((4 if payload["error_code"] else 3, payload["message_id"]), row.seq)
    found = []
    for item in told:
        seq = item.seq or calls.get((item.kind, item.message_id), 0)
        assert seq, f"{item} left without a record (I3)"
        found.append((item.at, seq, item))
    return found


def permissions(replies: dict[str, int], rows: Sequence[Row], known_before: int) -> dict[int, int]:
    """Event seq: the record before which it cannot stand, because the reply that it is about had not come (I5).

    Events up to `known_before` are older than the trace; without a network there is nothing to be settled.
    """
    found: dict[int, int] = {}
    if not replies:
        return found
    for row in rows:
        if row.type == "CallSettled" and row.seq > known_before:
            payload = json.loads(row.payload)
            if payload["outcome"] in ("result", "error", "malformed"):
                assert payload["message_id"] in replies, f"event {row.seq} is settled by no reply (I5)"
                found[row.seq] = replies[payload["message_id"]]
    return found
