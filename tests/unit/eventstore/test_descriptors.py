"""File descriptors that run out, and the limit on them."""

import contextlib
import errno
import os
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventstore.database import open_reader
from eventstore.descriptors import LIMIT_WANTED, is_shortage, limit, raise_limit
from tests.shortage import no_descriptors


@contextlib.contextmanager
def limits(soft: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_an_error_that_says_so_is_a_shortage() -> None:
    assert is_shortage(OSError(errno.EMFILE, "Too many open files"))
    assert is_shortage(OSError(errno.ENFILE, "Too many open files in system"))


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "full"), OSError("?"), ValueError("x"), sqlite3.OperationalError("unable to open")]
)
def test_any_other_error_is_none(error: Exception) -> None:
    assert not is_shortage(error)


def test_sqlite_that_cannot_open_a_file_is_asked_for_the_reason(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError) as missing:
        open_reader(tmp_path / "none.db")
    assert not is_shortage(missing.value)
    file = tmp_path / "some.db"
    sqlite3.connect(file).close()
    with no_descriptors():
        with pytest.raises(sqlite3.OperationalError) as refused:
            open_reader(file)
        assert is_shortage(refused.value)


def test_the_soft_limit_is_raised_as_far_as_the_hard_one_lets_it_and_never_lowered() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = LIMIT_WANTED if hard == resource.RLIM_INFINITY else min(LIMIT_WANTED, hard)
    with limits(256):
        assert limit() == 256
        assert raise_limit() == most == limit()
        assert raise_limit() == most
    if hard == resource.RLIM_INFINITY or hard > LIMIT_WANTED:
        with limits(LIMIT_WANTED + 1):
            assert raise_limit() == LIMIT_WANTED + 1
    os.close(os.open(os.devnull, os.O_RDONLY))
