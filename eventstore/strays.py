"""What verifies behind the damage of a log, an event a line: the next start learns from it which sessions there were.

Each line has the event as it was stored, its digest, and the digest before it, so that a line can be judged by itself.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import orjson

from eventstore.chain import Head, Row, fits
from eventstore.commitments import Disclosure, content_of, whole_row
from eventstore.directory import RESERVE_NAME, StorageDirectory
from eventstore.structure import from_plain, to_plain

STRAYS_NAME = "stray-events.jsonl"


class Stray(NamedTuple):
    """An event that continues the digest `before`; `disclosure` proves it, None for one in the format of version 0.1.0."""

    before: bytes
    row: Row
    disclosure: Disclosure | None = None


def stray_file(directory: StorageDirectory) -> "StrayFile":
    """The file to write to. While there is a reserve of disk space, a full disk is an error: the reserve goes first."""

    def is_fatal(error: OSError) -> bool:
        return bool(directory.size_of(RESERVE_NAME)) and directory.is_out_of_space(error)

    return StrayFile(directory.path / STRAYS_NAME, is_fatal)


class StrayFile:
    """Written once, durably. After an error that is not fatal it is given up: the station starts without it."""

    def __init__(self, path: Path, is_fatal: Callable[[OSError], bool]) -> None:
        self._path = path
        self._is_fatal = is_fatal
        self._file: IO[bytes] | None = None
        self.count = 0
        self.is_given_up = False

    def keep(self, strays: Iterable[Stray], kept: Head) -> Head:
        """Write them all; the last of them, `kept` if there is none. Raises OSError if that is fatal."""
        known = kept
        self._path.unlink(missing_ok=True)
        try:
            for stray in strays:
                self.count, known = self.count + 1, Head(seq=stray.row.seq, digest=stray.row.digest)
                self._write(stray)
            if self._file is not None:
                self._attempt(self._sync)
        finally:
            if self._file is not None:
                self._file.close()
        return known

    def _write(self, stray: Stray) -> None:
        if not self.is_given_up:
            plain = {**stray.row._asdict(), "digest": stray.row.digest.hex(), "before": stray.before.hex()}
            plain["disclosure"] = to_plain(stray.disclosure)
            line = orjson.dumps(plain) + b"\n"
            self._attempt(lambda: self._append(line))

    def _append(self, line: bytes) -> None:
        if self._file is None:
            self._file = self._path.open("wb")
        self._file.write(line)

    def _sync(self) -> None:
        assert self._file is not None, "asked only of a file that is open"
        self._file.flush()
        os.fsync(self._file.fileno())

    def _attempt(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            if self._is_fatal(error):
                raise
            self.is_given_up = True
            self._path.unlink(missing_ok=True)
            if self._file is not None:
                with suppress(OSError):  # what it still holds has no space either
                    self._file.close()
                self._file = None


def read_strays(path: Path, after: int) -> Iterator[Row]:
    """The events behind `after` that such a file holds, in order; none if there is no file. Raises OSError."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            row = _read(line)
            if row is not None and row.seq > after:
                yield row


def _read(line: bytes) -> Row | None:
    """None for a line that is damaged."""
    try:
        plain = orjson.loads(line)
        before = bytes.fromhex(plain.pop("before"))
        told = plain.pop("disclosure", None)
        disclosure = None if told is None else from_plain(Disclosure, told)
        row = Row(**{**plain, "digest": bytes.fromhex(plain["digest"])})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    content = whole_row if disclosure is None else partial(content_of, disclosure=disclosure)
    return row if fits(before, row, content) else None
