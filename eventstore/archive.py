"""Archives: closed segments, compressed; each can be verified by itself, and against the ones beside it (README.md has the format).

The digests of the events are not stored: they follow from the digest before the archive and the events themselves, and must
arrive at the digests in the index, frame by frame. So a frame can be read and proven without the ones before it, and whatever
is changed anywhere shows.
"""

from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Any, Self

import orjson

from eventstore.again import again
from eventstore.bounds import (
    FRAME_BYTES_MAX,
    FRAME_ROWS_MAX,
    INDEX_BYTES_MAX,
    MIB,
    PAYLOAD_CHARS_MAX,
    SEQ_MAX,
    STATE_BYTES_MAX,
    load_json,
    open_regular,
)
from eventstore.catalogue.lifecycle import BooksClosed
from eventstore.chain import GENESIS_DIGEST, Head, Row, digest_after
from eventstore.commitments import SECRET_BYTES, Commitments, Content, whole_row
from eventstore.errors import LogCorrupt, LogTooNew
from eventstore.opening import Opening
from eventstore.rows import are_sound
from eventstore.structure import decoder, from_plain, plain_from
from eventstore.value import Value
from eventstore.zstandard import decompressed

SUFFIX = ".cbz"
MAGIC = b"CBARCH1\n"
FORMAT, THINNED_FORMAT = 1, 2
"""As version 0.1.0 archives a segment, and with chatter cut out of it: a reader of the first only would take that for damage."""
COMMITTED_FORMAT, COMMITTED_THINNED_FORMAT = 3, 4
"""The same with digests that cover commitments."""
_THINNED_FORMATS = frozenset({THINNED_FORMAT, COMMITTED_THINNED_FORMAT})
FRAME_ROWS = 1_000
TRAILER = Struct(">8sQQ32s")  # magic, offset and length of the index, SHA-256 of header and index
_HEADER_BYTES_MAX = 1 << 16
_OUTSIDE_BYTES_MAX = MIB
"""Of a frame: its numbers and commas; all else in it is text."""


class ArchiveHeader(Value, frozen=True, kw_only=True):
    """What an archive is. Digests in hexadecimal: `before` is that of event `first_seq` - 1, `digest` of event `last_seq`.

    The archive ends in a state of this layout and fingerprint, whose SHA-256 is `state_sha256` ("" when it was not known).
    Folding on from it asks for no event before `owed_seq`. A reader that knows less than `min_format` cannot read it. `secrets` are
    those of its commitments, each with the first event that has salts from it.
    """

    format: int
    min_format: int
    identity: str
    first_seq: int
    last_seq: int
    before: str
    digest: str
    first_utc_ms: int
    last_utc_ms: int
    owed_seq: int
    layout: int
    fingerprint: str
    state_sha256: str
    secrets: tuple[tuple[int, str], ...] = ()


class ArchiveFrame(Value, frozen=True, kw_only=True):
    """Where the events up to `last_seq` stand in the file, and the digest of the last one; `length` 0: they were cut out."""

    last_seq: int
    offset: int
    length: int
    digest: str


class Index(Value, frozen=True, kw_only=True):
    """The frames in order, and where the state stands (length 0: there is none)."""

    frames: tuple[ArchiveFrame, ...]
    state_offset: int
    state_length: int


_read_index = decoder(Index)


def pack(rows: list[Row]) -> bytes:
    """Rows without a gap as JSON by columns; numbers as differences, which compress far better."""
    columns = list(zip(*rows, strict=True))
    seqs, causes, at_mss, utc_mss, types, versions, connector_ids, payloads, _ = columns
    return orjson.dumps(
        {
            "seq": seqs[0],
            "at_ms": at_mss[0],
            "since_cause": [seq - cause for seq, cause in zip(seqs, causes, strict=True)],
            "elapsed_ms": [at_ms - before for at_ms, before in zip(at_mss, (at_mss[0], *at_mss), strict=False)],
            "offset_ms": [utc_ms - at_ms for utc_ms, at_ms in zip(utc_mss, at_mss, strict=True)],
            "type": types,
            "version": versions,
            "connector_id": connector_ids,
            "payload": payloads,
        }
    )


def unpack(packed_rows: bytes, before: Head, content: Content = whole_row) -> list[Row]:
    """The rows of `pack`, behind `before`, with the digests that follow. Raises ValueError, KeyError or TypeError."""
    packed = load_columns(packed_rows)
    seq, at_ms, digest = packed["seq"], packed["at_ms"], before.digest
    if seq != before.seq + 1:
        raise ValueError(f"it begins with event {seq}")
    names = ("since_cause", "elapsed_ms", "offset_ms", "type", "version", "connector_id", "payload")
    rows = []
    for since, elapsed_ms, offset_ms, name, version, connector_id, payload in zip(
        *(packed[name] for name in names), strict=True
    ):
        at_ms += elapsed_ms
        facts = (seq, seq - since, at_ms, at_ms + offset_ms, name, version, connector_id, payload)
        if len(payload) > PAYLOAD_CHARS_MAX:
            raise ValueError(f"event {seq} is larger than {PAYLOAD_CHARS_MAX >> 20} MiB")
        digest = digest_after(digest, content(facts))
        rows.append(Row(*facts, digest))
        seq += 1
    if rows and not are_sound(rows):
        raise ValueError("it holds an event that no station writes")
    return rows


def load_columns(content: bytes) -> dict[str, Any]:
    """What `pack` wrote. Raises ValueError, also for what would take far more memory than it has bytes."""
    packed = load_json(content, _OUTSIDE_BYTES_MAX)
    if type(packed) is not dict:
        raise ValueError("it holds no columns")
    return packed


def pick(packed: dict[str, Any], names: Collection[str]) -> list[Row]:
    """The rows of these types in a frame's columns, without digests of their own. Raises ValueError, KeyError or TypeError."""
    found = []
    seq, at_ms = packed["seq"], packed["at_ms"]
    columns = ("since_cause", "elapsed_ms", "offset_ms", "type", "version", "connector_id", "payload")
    for since, elapsed_ms, offset_ms, name, *rest in zip(*(packed[column] for column in columns), strict=True):
        at_ms += elapsed_ms
        if name in names:
            found.append(Row._make((seq, seq - since, at_ms, at_ms + offset_ms, name, *rest, GENESIS_DIGEST)))
        seq += 1
    if found and not are_sound(found):
        raise ValueError("it holds an event that no station writes")
    return found


class ArchiveReader:
    """One archive, open for reading; use it with `with`. It keeps one frame in memory at most.

    `seal` is the SHA-256 of its header and index, and so of all digests in it.
    """

    def __init__(self, path: Path) -> None:
        """Reads header and index. Raises LogCorrupt when they are damaged, LogTooNew, OSError."""
        self.path = path
        self._file = open_regular(path)
        try:
            self.header, self.index, self.seal = self._read_ends()
        except BaseException:
            self._file.close()
            raise
        self.before = Head(seq=self.header.first_seq - 1, digest=bytes.fromhex(self.header.before))
        self.head = Head(seq=self.header.last_seq, digest=bytes.fromhex(self.header.digest))
        self.commitments = Commitments(
            secrets=tuple((first_seq, bytes.fromhex(secret)) for first_seq, secret in self.header.secrets)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_ends(self) -> tuple[ArchiveHeader, Index, str]:
        head = self._file.readline(len(MAGIC))
        line = self._file.readline(_HEADER_BYTES_MAX)
        size = self._file.seek(0, 2)
        if head != MAGIC or not line.endswith(b"\n") or size < TRAILER.size:
            raise LogCorrupt(f"{self.path.name} is no archive, or cut short")
        magic, offset, length, digest = TRAILER.unpack(self._bytes_at(size - TRAILER.size, TRAILER.size))
        if magic != MAGIC or offset + length + TRAILER.size != size:
            raise LogCorrupt(f"{self.path.name} is cut short")
        if length > INDEX_BYTES_MAX:
            raise LogCorrupt(f"{self.path.name}: its index has {length} bytes, more than {INDEX_BYTES_MAX}")
        index = self._bytes_at(offset, length)
        if sha256(line[:-1] + index).digest() != digest:
            raise LogCorrupt(f"{self.path.name}: its header or index is damaged")
        try:
            plain = plain_from(line)
            if plain["min_format"] > COMMITTED_THINNED_FORMAT:
                raise LogTooNew(
                    f"{self.path.name} was written by a newer version: format {plain['format']}, this one knows {COMMITTED_THINNED_FORMAT}"
                )
            header, found = from_plain(ArchiveHeader, plain), _read_index(index)
            _check_header(header)
            _check_index(header, found, offset)
        except (ValueError, KeyError, TypeError) as error:
            raise LogCorrupt(f"{self.path.name}: its header or index is illegible: {error}") from error
        if (found.frames[-1].last_seq, found.frames[-1].digest) != (header.last_seq, header.digest):
            raise LogCorrupt(f"{self.path.name}: its frames do not end where its header says")
        return header, found, digest.hex()

    def _bytes_at(self, offset: int, length: int) -> bytes:
        def read() -> bytes:
            self._file.seek(offset)
            return self._file.read(length)

        return again(read)

    def gaps(self) -> list[tuple[int, int]]:
        """The first and last event of each range that was cut out of it."""
        frames, found = self.index.frames, list[tuple[int, int]]()
        for number, frame in enumerate(frames):
            if not frame.length:
                found.append((frames[number - 1].last_seq + 1 if number else self.header.first_seq, frame.last_seq))
        return found

    def state_bytes(self) -> bytes:
        """The state as it stands in the file, compressed."""
        return self._bytes_at(self.index.state_offset, self.index.state_length)

    def rows(self, after: int = 0, limit: int = FRAME_ROWS) -> list[Row]:
        """The rows behind seq `after`, at most `limit`, in order, proven by their digests. Raises LogCorrupt, OSError."""
        found: list[Row] = []
        for number, frame in enumerate(self.index.frames):
            if frame.last_seq <= after:
                continue
            found += [row for row in self.frame(number) if row.seq > after]
            if len(found) >= limit:
                break
        return found[:limit]

    def frame(self, number: int) -> list[Row]:
        """The rows of one frame, proven by their digests; none if they were cut out. Raises LogCorrupt naming the frame, OSError."""
        frame, before = self.index.frames[number], self.before
        if not frame.length:
            return []
        if number:
            previous = self.index.frames[number - 1]
            before = Head(seq=previous.last_seq, digest=bytes.fromhex(previous.digest))
        try:
            packed = self._decompressed(frame.offset, frame.length, FRAME_BYTES_MAX)
            rows = unpack(packed, before, self.commitments.content)
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(before.seq + 1, frame.last_seq, str(error)) from error
        if not rows or (rows[-1].seq, rows[-1].digest.hex()) != (frame.last_seq, frame.digest):
            raise self._damaged(before.seq + 1, frame.last_seq, "the digests do not fit")
        return rows

    def picked(self, number: int, names: Collection[str]) -> list[Row]:
        """The rows of these types in one frame, not proven and without digests of their own.

        A frame in which no name of theirs occurs is not taken apart. Raises LogCorrupt naming the frame, OSError.
        """
        frame = self.index.frames[number]
        if not frame.length:
            return []
        try:
            content = self._decompressed(frame.offset, frame.length, FRAME_BYTES_MAX)
            if not any(f'"{name}"'.encode() in content for name in names):
                return []
            packed = load_columns(content)
            before = self.index.frames[number - 1].last_seq if number else self.before.seq
            if packed["seq"] == before + 1:
                return pick(packed, names)
            raise ValueError("it begins elsewhere")
        except (ValueError, KeyError, TypeError):
            return [row for row in self.frame(number) if row.type in names]  # it says what is wrong

    def _damaged(self, first: int, last: int, reason: str) -> LogCorrupt:
        return LogCorrupt(f"{self.path.name}: events {first} to {last} are damaged: {reason}")

    def _decompressed(self, offset: int, length: int, most: int) -> bytes:
        """Raises ValueError for what is damaged, or says that it is larger than `most` unpacked: it is not unpacked then."""
        if length > most:
            raise ValueError(f"it has {length >> 20} MiB, more than {most >> 20}")
        return decompressed(self._bytes_at(offset, length), most)

    def opening(self) -> Opening:
        """What the next segment begins with: the head and the state that this one ends in. Raises LogCorrupt, OSError."""
        header, state = self.header, b""
        if header.state_sha256:
            try:
                state = self._decompressed(self.index.state_offset, self.index.state_length, STATE_BYTES_MAX)
            except ValueError as error:
                raise LogCorrupt(f"{self.path.name}: its state is damaged: {error}") from error
            if sha256(state).hexdigest() != header.state_sha256:
                raise LogCorrupt(f"{self.path.name}: its state is not the one that its header names")
        return Opening(
            head=self.head,
            owed_seq=header.owed_seq,
            layout=header.layout,
            fingerprint=header.fingerprint,
            state=state,
        )

    def verify(self) -> tuple[str, ...]:
        """All that is wrong with it; empty when it is whole, and its state the one that its last event names. Raises OSError."""
        findings = []
        for number in range(len(self.index.frames)):
            try:
                rows = self.frame(number)
                if number == len(self.index.frames) - 1:
                    findings += self._against_books(rows[-1])
            except LogCorrupt as error:
                findings.append(str(error))
        try:
            self.opening()
        except LogCorrupt as error:
            findings.append(str(error))
        return tuple(findings)

    def _against_books(self, last: Row) -> list[str]:
        """Closing the books puts the digest of the state into the chain."""
        if last.type != BooksClosed.NAME or not self.header.state_sha256:
            return []
        try:
            if orjson.loads(last.payload)["state_digest"] == self.header.state_sha256:
                return []
        except (ValueError, KeyError, TypeError) as error:
            return [f"{self.path.name}: its last event is illegible: {error!r}"]
        return [f"{self.path.name}: its state is not the one that its last event names"]


def _check_header(header: ArchiveHeader) -> None:
    if not 1 <= header.first_seq <= header.last_seq <= SEQ_MAX:
        raise ValueError(f"it holds events {header.first_seq} to {header.last_seq}")
    for digest in (header.before, header.digest):
        _check_digest(digest)
    seqs = [first_seq for first_seq, _ in header.secrets]
    if seqs != sorted(set(seqs)) or any(len(bytes.fromhex(secret)) != SECRET_BYTES for _, secret in header.secrets):
        raise ValueError("its secrets are none that a station has")
    if bool(header.secrets) != (header.format >= COMMITTED_FORMAT):
        raise ValueError(f"it is in format {header.format}, and {'has' if header.secrets else 'has no'} secrets")


def _check_index(header: ArchiveHeader, index: Index, end: int) -> None:
    """Whether the frames follow each other up to `end`, the place of the index in the file. Raises ValueError."""
    if not index.frames:
        raise ValueError("it has no frames")
    before = header.first_seq - 1
    for frame in index.frames:
        is_gap = not frame.length and header.format in _THINNED_FORMATS
        if not before < frame.last_seq <= (SEQ_MAX if is_gap else before + FRAME_ROWS_MAX):
            raise ValueError(f"a frame with events {before + 1} to {frame.last_seq}")
        if not is_gap and frame.length < 1:
            raise ValueError(f"a frame with events {before + 1} to {frame.last_seq} has {frame.length} bytes")
        _check_place(frame.offset, frame.length, end)
        _check_digest(frame.digest)
        before = frame.last_seq
    if not index.frames[-1].length:
        raise ValueError("its end was cut out")
    _check_place(index.state_offset, index.state_length, end)


def _check_place(offset: int, length: int, end: int) -> None:
    if offset < 0 or length < 0 or offset + length > end:
        raise ValueError(f"{length} bytes at {offset} are not in it")


def _check_digest(text: str) -> None:
    if len(bytes.fromhex(text)) != len(GENESIS_DIGEST):
        raise ValueError(f"{text!r} is no digest")


def header_facts(path: Path) -> tuple[ArchiveHeader, int]:
    """An archive's header and its size in bytes. Raises LogCorrupt, LogTooNew, OSError."""
    with ArchiveReader(path) as reader:
        return reader.header, path.stat().st_size
