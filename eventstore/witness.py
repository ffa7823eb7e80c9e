"""The head witness: the last critical head, kept outside the database with its own sync.

A WAL damaged in its middle is cut there silently, and everything in the file still agrees. Only something outside it can tell.
The file has two slots of one 4 KiB block each, written in turn and in place: whatever happens to the block being written, the
other one still stands. A slot is one line: seq, digest in hexadecimal, CRC-32 of both.
"""

import os
from pathlib import Path
from zlib import crc32

from eventstore.chain import Head
from eventstore.directory import StorageDirectory, sync_directory

WITNESS_NAME = "witness"
SLOT_BYTES = 4096
SLOTS = 2


class Witness:
    """Writes the witness file of one storage directory."""

    def __init__(self, directory: StorageDirectory) -> None:
        self._directory = directory
        self._path = directory.path / WITNESS_NAME
        self._next = _newest_slot(self._path) + 1
        self._noted = read_witness(directory.path)

    def note(self, head: Head) -> None:
        """Make the head durable outside the database; nothing is written if it stands there already. Raises OSError."""
        if self._noted == head:
            return
        self._directory.check_place()
        text = f"{head.seq} {head.digest.hex()}"
        line = f"{text} {crc32(text.encode()):08x}\n".encode()
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(handle).st_size < SLOTS * SLOT_BYTES:  # once: from then on no sync has to write sizes or names
                os.pwrite(handle, bytes(SLOTS * SLOT_BYTES), 0)
                sync_directory(self._path.parent)
            os.pwrite(handle, line.ljust(SLOT_BYTES, b"\0"), self._next % SLOTS * SLOT_BYTES)
            os.fdatasync(handle)
        finally:
            os.close(handle)
        self._next += 1
        self._noted = head


def read_witness(directory: Path) -> Head | None:
    """The newest head that the witness saw; None when it saw none or is illegible."""
    heads = [head for head in _slots(directory / WITNESS_NAME) if head is not None]
    return max(heads, key=lambda head: head.seq, default=None)


def _newest_slot(path: Path) -> int:
    seqs = [-1 if head is None else head.seq for head in _slots(path)]
    return seqs.index(max(seqs)) if seqs else -1


def _slots(path: Path) -> list[Head | None]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return [_parse(content[start : start + SLOT_BYTES]) for start in range(0, SLOTS * SLOT_BYTES, SLOT_BYTES)]


def _parse(slot: bytes) -> Head | None:
    line, _, _ = slot.partition(b"\n")
    text, _, check = line.rpartition(b" ")
    try:
        if int(check, 16) != crc32(text):
            return None
        seq, digest = text.split(b" ")
        return Head(seq=int(seq), digest=bytes.fromhex(digest.decode()))
    except ValueError:
        return None
