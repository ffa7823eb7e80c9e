"""The head witness: the last critical head, kept outside the database with its own sync.

A WAL damaged in its middle is cut there silently, and everything in the file still agrees. Only something outside it can tell.
The file has two slots of one 4 KiB block each, written in turn and in place: whatever happens to the block being written, the
other one still stands. A slot is one line: seq, digest in hexadecimal, CRC-32 of both.

The file stays open, so that noting a head needs no descriptor: those may have run out. Should somebody have replaced the file, it
is opened anew; if there is no descriptor for that, the head is owed, and noted as soon as there is one.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from zlib import crc32

from eventstore.bounds import SEQ_MAX, open_regular
from eventstore.chain import GENESIS_DIGEST, Head
from eventstore.descriptors import is_shortage
from eventstore.directory import StorageDirectory, is_same, sync_directory
from eventstore.seldom import Seldom

LOGGER = logging.getLogger(__name__)

WITNESS_NAME = "witness"
SLOT_BYTES = 4096
SLOTS = 2


class Witness:
    """Writes the witness file of one storage directory; `close` lets it go."""

    def __init__(self, directory: StorageDirectory) -> None:
        self._directory = directory
        self._path = directory.path / WITNESS_NAME
        self._next = _newest_slot(self._path) + 1
        self._noted = read_witness(directory.path)
        self._handle: int | None = None
        self._lock = Lock()  # a thread may still be writing when its caller has been cancelled
        self._turn = asyncio.Lock()
        self._shortage = Seldom(LOGGER, logging.WARNING)
        self.is_owed = False
        """Whether the last head is not noted yet, because there was no descriptor for it."""
        if self._path.exists():  # else the first head makes it
            with suppress(OSError):  # the next head tells
                self._opened()

    async def note_newest(self, head: Callable[[], Head]) -> None:
        """Note what is the head once those before it are noted, in a thread. Raises OSError."""
        async with self._turn:
            self.is_owed = not await asyncio.to_thread(self.note, head())

    def note(self, head: Head) -> bool:
        """Make the head durable outside the database; nothing is written if it stands there already.

        False when there is no descriptor for it: it is owed, call again. Raises OSError.
        """
        with self._lock:
            if self._noted == head:
                return True
            self._directory.check_place()
            try:
                handle = self._opened()
            except OSError as error:
                if not is_shortage(error):
                    raise
                self._shortage.say(f"the witness cannot be written now, and is tried again: {error}")
                return False
            self._write(handle, head)
            return True

    def _opened(self) -> int:
        """The file that stands under the name, open, of its full size and with a durable name."""
        if self._handle is not None and is_same(self._handle, self._path):
            return self._handle
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(handle).st_size < SLOTS * SLOT_BYTES:  # once: from then on no sync has to write sizes or names
                sync_directory(self._path.parent)
                os.pwrite(handle, bytes(SLOTS * SLOT_BYTES), 0)
        except OSError:
            os.close(handle)
            raise
        self._let_go()
        self._handle = handle
        return handle

    def _write(self, handle: int, head: Head) -> None:
        text = f"{head.seq} {head.digest.hex()}"
        line = f"{text} {crc32(text.encode()):08x}\n".encode()
        os.pwrite(handle, line.ljust(SLOT_BYTES, b"\0"), self._next % SLOTS * SLOT_BYTES)
        os.fdatasync(handle)
        self._next += 1
        self._noted = head

    def close(self) -> None:
        """Let go of the file; the next head opens it again."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def read_witness(directory: Path) -> Head | None:
    """The newest head that the witness saw; None when it saw none or is illegible."""
    heads = [head for head in _slots(directory / WITNESS_NAME) if head is not None]
    return max(heads, key=lambda head: head.seq, default=None)


def _newest_slot(path: Path) -> int:
    seqs = [-1 if head is None else head.seq for head in _slots(path)]
    return seqs.index(max(seqs)) if seqs else -1


def _slots(path: Path) -> list[Head | None]:
    try:
        with open_regular(path) as file:
            content = file.read(SLOTS * SLOT_BYTES)
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
        head = Head(seq=int(seq), digest=bytes.fromhex(digest.decode()))
    except ValueError:
        return None
    return head if 0 <= head.seq <= SEQ_MAX and len(head.digest) == len(GENESIS_DIGEST) else None
