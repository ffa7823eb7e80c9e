"""Snapshots: the bytes of a folded state, kept so that a start need not fold the whole log. A cache; deleting it is harmless.

Each is a file of its own, `snapshot-<seq>`, not a row: it is written once and replaced whole, and through the WAL each would be
written twice and hold up the appends. First line: SHA-256 of the header, the header as JSON; then the state. The header has the
chain's digest at `seq`: a snapshot of another history is never used, and one that knows more than the log tells of a loss.
"""

import logging
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from eventstore.again import again
from eventstore.bounds import SEQ_MAX, SMALL_FILE_BYTES_MAX, STATE_BYTES_MAX, open_regular
from eventstore.chain import GENESIS_DIGEST
from eventstore.directory import TEMPORARY_SUFFIX, StorageDirectory
from eventstore.structure import decoder, to_json
from eventstore.value import Value

LOGGER = logging.getLogger(__name__)

PREFIX = "snapshot-"
KEPT = 2


class Snapshot(Value, frozen=True, kw_only=True):
    """A state after event `seq`, whose digest in the chain is `digest`, folded by the code with this fingerprint."""

    seq: int
    fingerprint: str
    state: bytes
    digest: bytes


class SnapshotHeader(Value, frozen=True, kw_only=True):
    """What a snapshot says about itself; digests in hexadecimal."""

    seq: int
    digest: str
    fingerprint: str
    state_sha256: str


_read_header = decoder(SnapshotHeader)


def write_snapshot(directory: StorageDirectory, snapshot: Snapshot) -> None:
    """Keep a snapshot, and drop all but the newest ones. Raises OSError."""
    directory.check_place()
    header = to_json(
        SnapshotHeader(
            seq=snapshot.seq,
            digest=snapshot.digest.hex(),
            fingerprint=snapshot.fingerprint,
            state_sha256=sha256(snapshot.state).hexdigest(),
        )
    )
    line = sha256(header).hexdigest().encode() + b" " + header + b"\n"
    directory.write_file(f"{PREFIX}{snapshot.seq}", line + snapshot.state)
    for old in snapshot_files(directory.path)[KEPT:]:
        old.unlink(missing_ok=True)


def snapshot_files(directory: Path) -> list[Path]:
    """The snapshot files, the one with the highest seq first."""
    numbered = [
        (int(file.name.removeprefix(PREFIX)), file)
        for file in directory.glob(f"{PREFIX}*")
        if file.name.removeprefix(PREFIX).isdecimal() and not file.name.endswith(TEMPORARY_SUFFIX)
    ]
    return [file for _, file in sorted(numbered, reverse=True)]


def headers(directory: Path) -> Iterator[tuple[SnapshotHeader, Path]]:
    """The headers of the snapshots that are legible, newest first; their states are not read."""
    for file in snapshot_files(directory):
        digest, _, line = _read(file, until_line_end=True).rstrip(b"\n").partition(b" ")
        if sha256(line).hexdigest().encode() != digest:
            continue
        try:
            header: SnapshotHeader = _read_header(line)
            is_head = 0 <= header.seq <= SEQ_MAX and len(bytes.fromhex(header.digest)) == len(GENESIS_DIGEST)
        except ValueError:
            continue  # of another version: not ours to use
        if is_head and file.stat().st_size <= SMALL_FILE_BYTES_MAX + STATE_BYTES_MAX:
            yield header, file


def is_legible(file: Path) -> bool:
    """Whether a snapshot is as it was written; that of another version, whose header says other things, may be."""
    content = _read(file)
    line, _, state = content.partition(b"\n")
    digest, _, header = line.partition(b" ")
    if sha256(header).hexdigest().encode() != digest:
        return False
    try:
        said: SnapshotHeader = _read_header(header)
    except ValueError:
        return True
    return sha256(state).hexdigest() == said.state_sha256


def _read(file: Path, *, until_line_end: bool = False) -> bytes:
    """The content or its first line; nothing if it cannot be read: a cache must not keep a station from starting."""

    def read() -> bytes:
        with open_regular(file) as opened:
            return opened.readline(SMALL_FILE_BYTES_MAX) if until_line_end else opened.read()

    try:
        return again(read)
    except OSError as error:
        LOGGER.warning("%s cannot be read: %s", file.name, error)
        return b""


def newest_snapshot(directory: StorageDirectory, fingerprint: str) -> Snapshot | None:
    """The newest intact snapshot with this fingerprint; None if there is none."""
    for header, file in headers(directory.path):
        if header.fingerprint != fingerprint:
            continue
        state = _read(file).partition(b"\n")[2]
        if sha256(state).hexdigest() == header.state_sha256:
            digest = bytes.fromhex(header.digest)
            return Snapshot(seq=header.seq, fingerprint=fingerprint, state=state, digest=digest)
    return None
