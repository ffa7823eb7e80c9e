"""Where a log is copied to for reading: a directory of our own, gone afterwards, whatever ends the process.

A process that is killed at once (SIGKILL) removes nothing. So each directory is locked for as long as its process lives, and whoever
makes one removes those of its own user that nobody holds any more.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR

PREFIX = "chargebox-copy-"
_OPENED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A directory for the copy of a log, for its owner alone; removed at the end. Raises OSError."""
    _remove_abandoned(Path(tempfile.gettempdir()))
    directory, held = _fresh()
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(held)


def _fresh() -> tuple[Path, int]:
    """A directory of our own, and the lock on it."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        held = _hold(directory)
        if held is not None:
            return directory, held


def _hold(directory: Path) -> int | None:
    """The lock on a directory that was just made; None if somebody took it for an abandoned one before it was locked."""
    try:
        handle = os.open(directory, _OPENED)
    except FileNotFoundError:
        return None
    with suppress(OSError):  # where nothing can be locked, nothing is removed either
        fcntl.flock(handle, fcntl.LOCK_EX)
    if directory.exists():
        return handle
    os.close(handle)
    return None


def _remove_abandoned(base: Path) -> None:
    """The directories whose process is gone. What stands in the way of that is no error: it is only room that is wasted."""
    with suppress(OSError):
        for directory in base.glob(f"{PREFIX}*"):
            with suppress(OSError):
                _remove_if_abandoned(directory)


def _remove_if_abandoned(directory: Path) -> None:
    status = directory.lstat()
    if not S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return
    handle = os.open(directory, _OPENED)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(directory)
    finally:
        os.close(handle)
