"""Which logs there are: below a directory, or by a pattern."""

import glob
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eventstore.database import DATABASE_NAME
from station.replay.errors import BadQuestion

_FILE_SUFFIXES = (".db", ".sqlite", ".zip")
_PASSED_OVER = ("quarantine-", "backup-", "closed-", "snapshot-")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """A log to be read: its path, and a mark that changes when the log does."""

    path: str
    mark: str


def find_logs(where: str) -> list[LogFile]:
    """The logs below a directory, or those that a pattern names, sorted by path. Raises BadQuestion when there are none."""
    directory = Path(where)
    if directory.is_dir():
        paths = sorted(_below(directory))
    else:
        paths = sorted(Path(name) for name in glob.glob(where, recursive=True))  # noqa: PTH207  # a pattern from anywhere
    found = [LogFile(path=str(path), mark=_mark(path)) for path in paths]
    if not found:
        raise BadQuestion(f"{where}: no logs there")
    return found


def _below(directory: Path) -> Iterator[Path]:
    """Storage directories as a whole, and single files that may be logs; what lies inside a storage directory is its own."""
    for folder, names, files in os.walk(directory):
        if DATABASE_NAME in files or f"{DATABASE_NAME}-wal" in files:
            names.clear()
            yield Path(folder)
            continue
        names[:] = sorted(name for name in names if not name.startswith("quarantine-"))
        for file in files:
            path = Path(folder) / file
            if path.suffix in _FILE_SUFFIXES and not file.startswith(_PASSED_OVER) and _may_be_log(path):
                yield path


def _may_be_log(path: Path) -> bool:
    """A zip that is no diagnostics file is somebody else's; anything else is for the reader to judge, and to report."""
    if path.suffix != ".zip" or not zipfile.is_zipfile(path):
        return True
    with zipfile.ZipFile(path) as archive:
        return "log.jsonl" in archive.namelist()


def _mark(path: Path) -> str:
    """Sizes and times of the files that make up the log."""
    parts = [path]
    if path.is_dir():
        parts = [path / DATABASE_NAME, path / f"{DATABASE_NAME}-wal"]
    marks = []
    for part in parts:
        try:
            status = part.stat()
        except OSError:
            continue
        marks.append(f"{status.st_size}-{status.st_mtime_ns}")
    return "/".join(marks)
