"""Logs that nobody's station wrote: archives, databases, diagnostics files and exports that are made to exhaust or confuse their reader.

Everything outside of what is wrong on purpose is right: checksums fit, and the chain continues.
"""

import io
import sqlite3
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Any

import orjson

from eventstore import zstandard
from eventstore.archive import MAGIC, pack
from eventstore.chain import EMPTY, Head, Row, digest_after
from eventstore.commitments import whole_row
from eventstore.database import DATABASE_NAME, migrate

_TRAILER = Struct(">8sQQ32s")
_ZIP_NAME = "log.jsonl"
DOOR = ("DoorObserved", 1, None, '{"open":true}')


def chained(facts: Iterable[tuple[str, int, int | None, str]], before: Head = EMPTY) -> list[Row]:
    """Rows of these (type, version, connector, payload), with digests that fit."""
    rows, seq, digest = [], before.seq, before.digest
    for kind, version, connector_id, payload in facts:
        seq += 1
        values = (seq, seq, seq * 1_000, seq * 1_000, kind, version, connector_id, payload)
        digest = digest_after(digest, whole_row(values))
        rows.append(Row(*values, digest))
    return rows


def archive(
    path: Path,
    rows: Sequence[Row],
    *,
    frames: Sequence[bytes] | None = None,
    state: bytes = b"",
    header: Mapping[str, Any] | None = None,
    index: Mapping[str, Any] | bytes | None = None,
    frame: Mapping[str, Any] | None = None,
) -> Path:
    """An archive of one frame with these rows; what is given takes the place of what belongs there."""
    packed = [zstandard.compressed(pack(list(rows)), 9)] if frames is None else list(frames)
    head = rows[-1]
    facts: dict[str, Any] = {
        "format": 1,
        "min_format": 1,
        "identity": "CB-BAD",
        "first_seq": rows[0].seq,
        "last_seq": head.seq,
        "before": bytes(32).hex(),
        "digest": head.digest.hex(),
        "first_utc_ms": 0,
        "last_utc_ms": 0,
        "owed_seq": 1,
        "layout": 1,
        "fingerprint": "f",
        "state_sha256": sha256(state).hexdigest() if state else "",
        **(header or {}),
    }
    line = orjson.dumps(facts)
    offset = len(MAGIC) + len(line) + 1
    entries = []
    for content in packed:
        entry = {"last_seq": head.seq, "offset": offset, "length": len(content), "digest": head.digest.hex()}
        entries.append(entry | dict(frame or {}))
        offset += len(content)
    held = zstandard.compressed(state, 9) if state else b""
    plain = {"frames": entries, "state_offset": offset, "state_length": len(held)}
    text = index if isinstance(index, bytes) else orjson.dumps(plain | dict(index or {}))
    content = MAGIC + line + b"\n" + b"".join(packed) + held
    trailer = _TRAILER.pack(MAGIC, len(content), len(text), sha256(line + text).digest())
    path.write_bytes(content + text + trailer)
    return path


def bomb(unit: bytes, size: int, *, head: bytes = b"", tail: bytes = b"") -> bytes:
    """A zstandard frame of some hundred bytes or kilobytes that unpacks to `size` bytes, and says so."""
    length = len(head) + size // len(unit) * len(unit) + len(tail)
    packer = zstandard._zstd().ZstdCompressor(level=1)
    packer.set_pledged_input_size(length)
    out = [packer.compress(head)]
    piece = unit * max(1, (1 << 20) // len(unit))
    left = size // len(unit)
    while left:
        count = min(left, len(piece) // len(unit))
        out.append(packer.compress(piece[: count * len(unit)]))
        left -= count
    return b"".join([*out, packer.compress(tail), packer.flush()])


def lying(content: bytes, says: int) -> bytes:
    """A zstandard frame whose header says that it unpacks to so many bytes."""
    return b"\x28\xb5\x2f\xfd\xe0" + says.to_bytes(8, "little") + b"\x01\x00\x00" + content


def line(row: Row, **changes: Any) -> bytes:
    """A row as a line of an export."""
    plain = {**row._asdict(), "digest": row.digest.hex(), "payload": orjson.loads(row.payload)}
    return orjson.dumps(plain | changes) + b"\n"


def bundle(
    path: Path, log: bytes, about: bytes = b"{}", method: int = zipfile.ZIP_DEFLATED, name: str = _ZIP_NAME
) -> Path:
    """A diagnostics file with these members."""
    with zipfile.ZipFile(path, "w", method) as target:
        target.writestr(name, log)
        target.writestr("about.json", about)
    return path


def zipped(members: int) -> bytes:
    """A zip archive with so many empty members, one of them log.jsonl."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        made.writestr(_ZIP_NAME, b"")
        for number in range(members):
            made.writestr(f"{number:06}", b"")
    return target.getvalue()


def database(path: Path, *statements: str | tuple[str, tuple[Any, ...]]) -> Path:
    """A log of three events in a database to which more is done."""
    path.mkdir()
    with closing(sqlite3.connect(path / DATABASE_NAME, isolation_level=None)) as connection:
        migrate(connection)
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", chained([DOOR] * 3))
        connection.execute("DROP TRIGGER event_is_never_changed")
        connection.execute("PRAGMA writable_schema = on")
        for statement in statements:
            connection.execute(*((statement,) if isinstance(statement, str) else statement))
    return path
