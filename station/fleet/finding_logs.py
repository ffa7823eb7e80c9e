"""Which logs there are: below a directory, or by a pattern."""

import glob
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG

from eventstore.archive import SUFFIX
from eventstore.database import DATABASE_NAME
from eventstore.directory import LOCK_NAME, RESERVE_NAME
from eventstore.segments import ARCHIVE_DIRECTORY
from eventstore.value import Value
from station.replay.opening.bundle import holds_log, is_bundle
from station.replay.opening.errors import BadQuestion

_FILE_SUFFIXES = (".db", ".sqlite", ".zip", SUFFIX)
_NOT_THE_LOG = frozenset({LOCK_NAME, RESERVE_NAME, f"{DATABASE_NAME}-shm"})
_PASSED_OVER = ("quarantine-", "backup-", "closed-", "snapshot-")


class LogFile(Value, frozen=True, kw_only=True):
    """A log to be read: its path, a mark that changes when the log does, and its size in bytes."""

    path: str
    mark: str
    size: int


def find_logs(where: str) -> list[LogFile]:
    """The logs below a directory, or those that a pattern names, sorted by path. Raises BadQuestion when there are none."""
    directory = Path(where)
    paths = sorted(_below(directory) if directory.is_dir() else _matching(where))
    found = [_log_file(path) for path in paths]
    if not found:
        raise BadQuestion(f"{where}: no logs there")
    return found


def _matching(pattern: str) -> set[Path]:
    """What a pattern names. A ** goes into no link to a directory: links may lead in circles."""
    if "**" not in Path(pattern).parts:
        return {Path(name) for name in glob.glob(pattern)}  # noqa: PTH207  # a pattern from anywhere
    wanted = Path(pattern)
    found = Path(wanted.anchor or ".").glob(str(wanted.relative_to(wanted.anchor)))
    return {path for path in found if not any(part[0] == "." and part not in wanted.parts for part in path.parts)}


def _below(directory: Path) -> Iterator[Path]:
    """Storage directories as a whole, and single files that may be logs; what lies inside a storage directory is its own."""
    for folder, names, files in os.walk(directory):
        if DATABASE_NAME in files or f"{DATABASE_NAME}-wal" in files:
            names.clear()
            yield Path(folder)
            continue
        names[:] = sorted(name for name in names if not name.startswith("quarantine-"))
        if not names and any(
            file.endswith(SUFFIX) for file in files
        ):  # archives without a live segment are a log together
            yield Path(folder)
            continue
        for file in files:
            path = Path(folder) / file
            if path.suffix in _FILE_SUFFIXES and not file.startswith(_PASSED_OVER) and _may_be_log(path):
                yield path


def _may_be_log(path: Path) -> bool:
    """A zip that is no diagnostics file is somebody else's; anything else is for the reader to judge, and to report."""
    try:
        return path.suffix != ".zip" or not is_bundle(path) or holds_log(path)
    except OSError:
        return True


def _log_file(path: Path) -> LogFile:
    """The mark covers names, sizes and times of everything that a verdict on the log depends on."""
    parts = [path, path.with_name(f"{path.name}-wal")]
    if path.is_dir():
        parts = [*path.glob("*"), *path.glob(f"{ARCHIVE_DIRECTORY}/*")]
    marks, size = [], 0
    for part in sorted(parts):
        try:
            status = part.stat()
        except OSError:
            continue
        if S_ISREG(status.st_mode) and part.name not in _NOT_THE_LOG:
            marks.append((part.name, status.st_size, status.st_mtime_ns))
            size += status.st_size
    return LogFile(path=str(path), mark=sha256(repr(marks).encode()).hexdigest()[:24], size=size)
