"""Diagnostics files as zip archives that may come from anyone: what of them is read, and how much (docs/replay.md, "Bounds").

Nothing is ever unpacked to a file by its own name, so the names in one lead nowhere. Three members are read: the events, as a stream, what
describes them, and the station's newest statement.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from eventstore.bounds import MIB, SMALL_FILE_BYTES_MAX, load_json, open_regular

LOG_NAME, _ABOUT_NAME, _STATEMENT_NAME = "log.jsonl", "about.json", "statement.json"
LOG_BYTES_MAX = 1024 * MIB
"""Of the events in a diagnostics file, unpacked: the station puts 256 MiB into one at most."""
_ABOUT_BYTES_MAX = MIB
_DIRECTORY_BYTES_MAX = MIB
"""Of the list of members, which is held in memory: a station writes some ten of them."""
_END, _END_MAGIC = struct.Struct("<4s4H2LH"), b"PK\5\6"
_COMMENT_BYTES_MAX = (1 << 16) - 1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, RuntimeError, ValueError, KeyError)


class BundleDamaged(Exception):  # noqa: N818  # it says what is the case
    """It is no zip file, or one that no station wrote; the message says why."""


def is_bundle(path: Path) -> bool:
    """Is this file a zip archive? Raises OSError."""
    if not path.is_file():
        return False
    with open_regular(path) as file:
        return _directory_bytes(file) is not None


def holds_log(path: Path) -> bool:
    """Is this a zip archive with events in it, or one of which only reading it would tell? Raises OSError."""
    try:
        with open_bundle(path) as bundle:
            return LOG_NAME in bundle.namelist()
    except BundleDamaged:
        return True


@contextmanager
def open_bundle(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, open. Raises BundleDamaged, also for whatever the body meets in it."""
    try:
        with open_regular(path) as file:
            size = _directory_bytes(file)
            if size is None or size > _DIRECTORY_BYTES_MAX:
                raise BundleDamaged(
                    "it is no zip file" if size is None else "it has more members than a station writes"
                )
            with zipfile.ZipFile(file) as bundle:
                yield bundle
    except _ERRORS as error:
        raise BundleDamaged(str(error) or type(error).__name__) from error


def _directory_bytes(file: IO[bytes]) -> int | None:
    """How large the list of members says that it is; None for a file that is no zip."""
    end = file.seek(0, 2)
    file.seek(max(0, end - _END.size - _COMMENT_BYTES_MAX))
    tail = file.read()
    at = tail.rfind(_END_MAGIC)
    if at < 0 or len(tail) - at < _END.size:
        return None
    is_large = tail[max(0, at - 20) : at].startswith(b"PK\6\7")  # in a list elsewhere: of 4 GiB, or of 65,535 members
    size: int = _END.unpack_from(tail, at)[5]
    return _DIRECTORY_BYTES_MAX + 1 if is_large else size


def open_member(bundle: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A member, for reading as a stream. Raises BundleDamaged."""
    if bundle.getinfo(name).compress_type not in _METHODS:
        raise BundleDamaged(f"{name} is packed in a way that no station uses")
    return bundle.open(name)


def read_statement(bundle: zipfile.ZipFile) -> bytes:
    """The station's newest statement, unchecked; nothing if there is none, or it is larger than one is. Raises BundleDamaged."""
    if _STATEMENT_NAME not in bundle.namelist():
        return b""
    with open_member(bundle, _STATEMENT_NAME) as stream:
        content = stream.read(SMALL_FILE_BYTES_MAX + 1)
    return content if len(content) <= SMALL_FILE_BYTES_MAX else b""


def read_about(bundle: zipfile.ZipFile) -> Mapping[str, Any]:
    """What the diagnostics file says of itself; nothing if it does not. Raises BundleDamaged."""
    if _ABOUT_NAME not in bundle.namelist():
        return {}
    with open_member(bundle, _ABOUT_NAME) as stream:
        content = stream.read(_ABOUT_BYTES_MAX + 1)
    if len(content) > _ABOUT_BYTES_MAX:
        raise BundleDamaged(f"{_ABOUT_NAME} has more than {_ABOUT_BYTES_MAX >> 20} MiB")
    about = load_json(content)
    if not isinstance(about, dict):
        raise BundleDamaged(f"{_ABOUT_NAME} is no object")
    return about
