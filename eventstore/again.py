"""Reading again before it is called damage: a disk may fail to read once and be well.

Only reading is repeated, never writing: of a write that failed nobody knows what it left. What fails each time is an error of
the disk, and for whoever reads to judge.
"""

import errno
import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event
from typing import TypeVar

from eventstore.bounds import read_small
from eventstore.descriptors import is_shortage

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")

TIMES = 3
PAUSE_S = 0.05
_PASSING_CODES = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
_PASSING = frozenset({errno.EIO, errno.EAGAIN, errno.ENOMEM, errno.ETIMEDOUT})


def may_pass(error: BaseException) -> bool:
    """Whether this error of reading may be gone when it is tried again at once; a lack of descriptors lasts longer."""
    if is_shortage(error):
        return False
    if isinstance(error, sqlite3.Error):
        return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _PASSING_CODES
    return isinstance(error, OSError) and error.errno in _PASSING


def again(read: Callable[[], T], *, pause_s: float = PAUSE_S) -> T:
    """What `read` returns, tried some times while it fails with what may pass. Raises what the last try raises."""
    for _ in range(TIMES - 1):
        try:
            return read()
        except (OSError, sqlite3.Error) as error:
            if not may_pass(error):
                raise
            LOGGER.warning("reading failed, and is tried again: %s", error)
        Event().wait(pause_s)
    return read()


def found_again(look: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    """What `look` finds wrong, if it finds something wrong a second time as well. Raises what it raises."""
    findings = again(look)
    if not findings:
        return ()
    Event().wait(PAUSE_S)
    second = again(look)
    if not second:
        LOGGER.warning("found once, and not again: %s", "; ".join(findings))
    return second


def read_file(path: Path) -> bytes:
    """The bytes of a small file. Raises OSError, also for what is larger, or no file."""
    return again(partial(read_small, path))
