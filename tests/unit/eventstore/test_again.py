"""Reading again before it is called damage."""

import errno
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from eventstore.again import TIMES, again, found_again, may_pass, read_file


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("told so")
    error.sqlite_errorcode = code
    return error


def failing(times: int, error: Exception) -> tuple[Callable[[], str], list[int]]:
    tried: list[int] = []

    def read() -> str:
        tried.append(1)
        if len(tried) <= times:
            raise error
        return "read"

    return read, tried


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EIO, "I/O error"), OSError(errno.EAGAIN, "later"), sqlite_error(sqlite3.SQLITE_IOERR_READ)],
)
def test_what_may_pass_is_tried_again_and_what_stays_is_raised(error: Exception) -> None:
    read, tried = failing(TIMES - 1, error)
    assert again(read, pause_s=0) == "read"
    assert len(tried) == TIMES
    read, tried = failing(TIMES, error)
    with pytest.raises(type(error)):
        again(read, pause_s=0)
    assert len(tried) == TIMES


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "none"),
        OSError(errno.EMFILE, "descriptors"),
        PermissionError(errno.EACCES, "no"),
        sqlite_error(sqlite3.SQLITE_CORRUPT),
        sqlite_error(sqlite3.SQLITE_FULL),
        sqlite3.ProgrammingError("closed"),
    ],
)
def test_what_will_be_the_same_again_is_raised_at_once(error: Exception) -> None:
    assert not may_pass(error)
    read, tried = failing(1, error)
    with pytest.raises(type(error)):
        again(read)
    assert len(tried) == 1


def test_a_finding_counts_if_it_is_found_twice() -> None:
    assert found_again(lambda: ("bad",)) == ("bad",)
    assert found_again(lambda: ()) == ()
    findings = [(), ("bad",)]
    assert found_again(findings.pop) == ()
    findings = [("bad, too",), ("bad",)]
    assert found_again(findings.pop) == ("bad, too",)


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert read_file(tmp_path / "file") == b"x"
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none")
