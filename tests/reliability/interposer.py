"""The interposer: what stands between a process and its disk, seen from the tests.

`build` compiles interposer.c. A process that is started with `environment(...)` records every operation below a directory,
and everything that it sends and receives, into a trace; a control page, shared with the test, lets operations fail, hang,
or be the last thing that the process does, and moves its clocks.
"""

import hashlib
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

SOURCE = Path(__file__).with_name("interposer.c")
NO_COMPILER = "needs a C compiler: as root, apt-get install gcc libc6-dev"
_HEADER = struct.Struct("=4I2q")
_PAGE_BYTES = 4096


class Op(IntEnum):
    """An operation in a trace."""

    OPEN = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC_BEGIN = 4
    SYNC_END = 5
    RENAME = 6
    UNLINK = 7
    MKDIR = 8
    SEND = 9
    RECV = 10
    CLOSE = 11
    LINK = 12


class Action(IntEnum):
    """What happens to an operation: it fails, is done by half, is never reached (KILL), comes with a signal (TERM), is a
    sync that says it has synced, or waits until another action is set (HANG)."""

    NONE = 0
    FAIL = 1
    SHORT = 2
    KILL = 3
    TERM = 4
    LOSE_SYNC = 5
    HANG = 6


MUTATES, READS, OPENS = 1, 2, 4
EVERYTHING = MUTATES | READS | OPENS


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One operation. `path` is relative to the root and begins with "/"; `file` is an inode, or a descriptor of a socket.

    OPEN: `flags` 1 made the file, 2 emptied it; `offset` 1 for a directory. TRUNCATE: `offset` is the new size. RENAME and
    LINK: `data` is the new path. SEND with a negative offset takes back as many bytes that were not sent.
    """

    op: Op
    file: int
    offset: int
    flags: int
    path: str
    data: bytes


def read_trace(path: Path) -> list[Record]:
    """All operations in their order; a process that was killed leaves no half record."""
    return list(_records(path.read_bytes()))


def _records(raw: bytes) -> Iterator[Record]:
    at = 0
    while at < len(raw):
        op, path_bytes, data_bytes, flags, file, offset = _HEADER.unpack_from(raw, at)
        at += _HEADER.size
        path = raw[at : at + path_bytes].decode()
        data = raw[at + path_bytes : at + path_bytes + data_bytes]
        at += path_bytes + data_bytes
        yield Record(op=Op(op), file=file, offset=offset, flags=flags, path=path, data=data)


def compiler() -> str | None:
    """The C compiler of this machine; None where there is none."""
    return shutil.which("gcc") or shutil.which("cc")


def build() -> Path:
    """The compiled interposer; compiled once for each content. Needs a compiler."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    library = Path(tempfile.gettempdir()) / f"chargebox-interposer-{os.getuid()}-{digest}.so"
    if not library.exists():
        command = compiler()
        assert command, NO_COMPILER
        fresh = library.with_suffix(f".{os.getpid()}")
        flags = ["-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
        subprocess.run([command, *flags, "-o", str(fresh), str(SOURCE), "-ldl", "-lpthread"], check=True)
        fresh.rename(library)
    return library


class Control:
    """The control page of one or more processes."""

    _FIELDS = (
        "realtime_offset_ns",
        "monotonic_offset_ns",
        "free_bytes",
        "hang",
        "nth",
        "action",
        "error",
        "sticky",
        "classes",
        "counted",
        "fired",
    )

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(_PAGE_BYTES))
        self.path = path
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), _PAGE_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._page.close()

    def get(self, name: str) -> int:
        """One field, as interposer.c names it."""
        return int(struct.unpack_from("=q", self._page, 8 * self._FIELDS.index(name))[0])

    def set(self, **values: int) -> None:
        """Some fields, in the order given."""
        for name, value in values.items():
            struct.pack_into("=q", self._page, 8 * self._FIELDS.index(name), value)

    def arm(self, nth: int, action: Action, error: int = 0, *, sticky: bool = False, classes: int = MUTATES) -> None:
        """Have something happen to the n-th operation of these classes from now on, or (sticky) to all from there on."""
        self.set(action=0, counted=0, fired=0, nth=nth, error=error, sticky=sticky, classes=classes)
        self.set(action=action)

    def count(self, classes: int = MUTATES) -> None:
        """Only count operations."""
        self.arm(0, Action.NONE, classes=classes)

    def disarm(self) -> None:
        """Nothing happens any more."""
        self.set(action=0, classes=0)


def environment(library: Path, root: Path, *, control: Path | None = None, trace: Path | None = None) -> dict[str, str]:
    """The environment of a process whose disk below `root` is watched; `root` must exist."""
    found = {**os.environ, "LD_PRELOAD": str(library), "DISK_ROOT": str(root.resolve())}
    if control is not None:
        found["DISK_CONTROL"] = str(control)
    if trace is not None:
        found["DISK_TRACE"] = str(trace)
    return found
