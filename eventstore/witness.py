"""The head witness: the last critical head, kept outside the database with its own sync, and whether there must be a WAL.

A WAL damaged in its middle is cut there silently, and everything in the file still agrees; one that has vanished is not missed by
SQLite at all. Only something outside them can tell. With the first commit after each opening the witness notes how large the WAL
is; before the WAL is emptied or taken away in order, it notes the head that the database has by then, and no WAL.

The file has two slots of one 4 KiB block each, written in turn and in place: whatever happens to the block being written, the
other one still stands. A slot has two lines. The first one: seq, digest in hexadecimal, CRC-32 of both. The second one: "wal", the size
of the WAL in bytes, the seq of the last critical head, CRC-32 of both lines up to there. (Version 0.1.0 writes and reads the first line
only; there each head was critical.)

The file stays open, so that noting a head needs no descriptor: those may have run out. Should somebody have replaced the file, it
is opened anew; if there is no descriptor for that, the head is noted as soon as there is one.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from zlib import crc32

from eventstore.again import read_file
from eventstore.bounds import SEQ_MAX
from eventstore.chain import GENESIS_DIGEST, Head
from eventstore.descriptors import is_shortage
from eventstore.directory import StorageDirectory, is_same, sync_directory
from eventstore.seldom import Seldom
from eventstore.value import Value

LOGGER = logging.getLogger(__name__)

WITNESS_NAME = "witness"
SLOT_BYTES = 4096
SLOTS = 2


class Testimony(Value, frozen=True, kw_only=True):
    """What the witness saw: a head, and how large the WAL was then; 0: everything up to the head is in the database.

    No event behind `critical_seq` that must be witnessed before it is sent (a start, a stop) was sent by then.
    """

    head: Head
    wal_bytes: int
    critical_seq: int


class Witness:
    """Writes the witness file of one storage directory; `close` lets it go."""

    def __init__(self, directory: StorageDirectory) -> None:
        self._directory = directory
        self._path = directory.path / WITNESS_NAME
        slots = _slots(self._path)
        self._noted = _newest(slots)
        self._next = slots.index(self._noted) + 1 if self._noted is not None else 0
        self._handle: int | None = None
        self._lock = Lock()  # a thread may still be writing when its caller has been cancelled
        self._turn = asyncio.Lock()
        self._shortage = Seldom(LOGGER, logging.WARNING)
        self.is_owed = False
        """Whether the last head is not noted yet, because there was no descriptor for it."""
        if self._path.exists():  # else the first head makes it
            with suppress(OSError):  # the next head tells
                self._opened()

    async def note_newest(self, newest: Callable[[], tuple[Head, int]], *, critical: bool = True) -> None:
        """Note what are the head and the bytes of the WAL once those before them are noted, in a thread. Raises OSError."""
        async with self._turn:
            self.is_owed = not await asyncio.to_thread(self.note, *newest(), critical=critical)

    def note(self, head: Head, wal_bytes: int = 0, *, critical: bool = True) -> bool:
        """Make the head durable outside the database; nothing is written if it stands there already.

        `wal_bytes` is what the WAL has on the disk by now, and will have until it is noted otherwise. Without `critical`
        nothing is about to be sent for which the head must be witnessed. False when there is no descriptor for it: call again.
        Raises OSError.
        """
        with self._lock:
            critical_seq = head.seq if critical or self._noted is None else self._noted.critical_seq
            testimony = Testimony(head=head, wal_bytes=wal_bytes, critical_seq=critical_seq)
            if self._noted == testimony:
                return True
            self._directory.check_place()
            try:
                handle = self._opened()
            except OSError as error:
                if not is_shortage(error):
                    raise
                self._shortage.say(f"the witness cannot be written now, and is tried again: {error}")
                return False
            self._write(handle, testimony)
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

    def _write(self, handle: int, testimony: Testimony) -> None:
        os.pwrite(handle, _text(testimony).ljust(SLOT_BYTES, b"\0"), self._next % SLOTS * SLOT_BYTES)
        os.fdatasync(handle)
        self._next += 1
        self._noted = testimony

    def close(self) -> None:
        """Let go of the file; the next head opens it again."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


def read_testimony(directory: Path) -> Testimony | None:
    """What the witness saw last; None when it saw nothing, or is gone, illegible or unreadable."""
    return _newest(_slots(directory / WITNESS_NAME))


def read_witness(directory: Path) -> Head | None:
    """The newest head that the witness saw; None when it saw none or is illegible."""
    testimony = read_testimony(directory)
    return None if testimony is None else testimony.head


def _newest(slots: Sequence[Testimony | None]) -> Testimony | None:
    """Of two that saw the same head, the one without a WAL: what ends with it came after it."""
    found = [each for each in slots if each is not None]
    return max(found, key=lambda each: (each.head.seq, not each.wal_bytes), default=None)


def _slots(path: Path) -> list[Testimony | None]:
    try:
        content = read_file(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        LOGGER.error("the witness cannot be read: %s", error)
        return []
    return [_parse(content[start : start + SLOT_BYTES]) for start in range(0, SLOTS * SLOT_BYTES, SLOT_BYTES)]


def _text(testimony: Testimony) -> bytes:
    line = f"{testimony.head.seq} {testimony.head.digest.hex()}"
    text = f"{line} {crc32(line.encode()):08x}\nwal {testimony.wal_bytes} {testimony.critical_seq}"
    return f"{text} {crc32(text.encode()):08x}\n".encode()


def _parse(slot: bytes) -> Testimony | None:
    first, _, rest = slot.partition(b"\n")
    line, _, check = first.rpartition(b" ")
    try:
        if int(check, 16) != crc32(line):
            return None
        seq, digest = line.split(b" ")
        head = Head(seq=int(seq), digest=bytes.fromhex(digest.decode()))
        if not 0 <= head.seq <= SEQ_MAX or len(head.digest) != len(GENESIS_DIGEST):
            return None
        wal_bytes, critical_seq = _second_line(first, rest) or (0, head.seq)
        return Testimony(head=head, wal_bytes=wal_bytes, critical_seq=critical_seq)
    except ValueError:
        return None


def _second_line(first: bytes, rest: bytes) -> tuple[int, int] | None:
    """The size of the WAL and the critical seq; None without it, or if it is torn."""
    line, _, check = rest.partition(b"\n")[0].rpartition(b" ")
    fields = line.split(b" ")
    try:
        if fields[0] != b"wal" or int(check, 16) != crc32(first + b"\n" + line):
            return None
        return int(fields[1]), int(fields[2])
    except (ValueError, IndexError):
        return None
