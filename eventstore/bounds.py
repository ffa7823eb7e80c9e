"""How much of a log from elsewhere is taken at once, so that a crafted one cannot exhaust whoever reads it (docs/replay.md, "Bounds").

Each bound is at least four times what a station writes: it takes frames of 512 KiB, closes a segment at 32 MiB, puts 1,000 events
into a frame of an archive and 256 MiB into a diagnostics file. What exceeds a bound is reported like damage, never read.
"""

import errno
import os
import re
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import IO, Any

import orjson

MIB = 1 << 20
SEQ_MAX = (1 << 53) - 1
"""Sequence numbers beyond it are none; sums with them stay within what SQLite can hold."""
NAME_CHARS_MAX = 256
"""Of an event's type name."""
PAYLOAD_CHARS_MAX = 4 * MIB
"""Of one event: the largest frame that is taken, written as text within JSON, has 0.6 MiB, and 3 MiB if each byte is escaped."""
SLICE_CHARS_MAX = 4 * MIB
"""Of the payloads that are read together: a slice ends with the event that reaches it."""
FRAME_BYTES_MAX = 32 * MIB
"""Of a frame of an archive, unpacked: the station ends one with the event that reaches SLICE_CHARS_MAX."""
FRAME_ROWS_MAX = 4_000
INDEX_BYTES_MAX = 4 * MIB
STATE_BYTES_MAX = 16 * MIB
"""Of a folded state: with a local list of 10,000 tags it has about 1 MiB."""
CELL_BYTES_MAX = 16 * MIB
"""Of one value in a database."""
WAL_BYTES_MAX = 64 * MIB
"""Of a WAL that is looked through for damage: the station keeps it at 1 MiB."""
SMALL_FILE_BYTES_MAX = MIB
"""Of statements, keys, reports, and what else a person or the station writes in one go."""
_UNCHECKED_BYTES = 4 * MIB
_OUTSIDE_BYTES_MAX = 8 * MIB
_TEXT = re.compile(rb'"[^"]*"')


def open_regular(path: Path) -> IO[bytes]:
    """A regular file, open for reading. Raises OSError, also for a pipe, a device or a directory, which could make us wait for ever."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(handle).st_mode
        if not S_ISREG(mode):
            raise OSError(errno.EISDIR if S_ISDIR(mode) else errno.EINVAL, "is no regular file", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_small(path: Path, most: int = SMALL_FILE_BYTES_MAX) -> bytes:
    """The content of a file of at most so many bytes. Raises OSError, with EFBIG for a larger one."""
    with open_regular(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"is larger than {most >> 10} KiB", str(path))
    return content


def load_json(content: bytes, outside_max: int = _OUTSIDE_BYTES_MAX) -> Any:
    """The value of a JSON document, of which at most so many bytes stand outside of texts. Raises ValueError.

    A text takes as much memory as it has characters, but two brackets become an object of thirty times their size.
    """
    if len(content) > _UNCHECKED_BYTES:
        _check_outside(content, outside_max)
    return orjson.loads(content)


def _check_outside(content: bytes, most: int) -> None:
    bare = content.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = end = 0
    for text in _TEXT.finditer(bare):
        outside += text.start() - end + 2
        end = text.end()
        if outside > most:
            break
    if outside + len(bare) - end > most:
        raise ValueError(f"it has more than {most >> 20} MiB outside of its texts")
