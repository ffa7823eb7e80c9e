"""Opening a log, step by step, on the thread of its connection."""

import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from eventstore.boot import Boot
from eventstore.chain import EMPTY
from eventstore.database import DATABASE_NAME
from eventstore.directory import IDENTITY_NAME, RESERVE_NAME, StorageDirectory
from eventstore.errors import LogLocked, LogTooNew, NotWritable
from migrations import MIGRATIONS
from tests.logs import execute_behind_its_back


def boot(path: Path) -> tuple[Boot, StorageDirectory]:
    directory = StorageDirectory(path)
    return Boot(directory, identity="CB-7"), directory


def test_the_first_start_commissions_the_directory(tmp_path: Path) -> None:
    first, directory = boot(tmp_path)
    connection = first.open()
    assert connection.execute("SELECT value FROM meta WHERE name = 'identity'").fetchone() == ("CB-7",)
    assert (tmp_path / IDENTITY_NAME).read_text() == "CB-7\n"
    assert first.report.created
    assert first.report.head == EMPTY
    assert first.report.migrated == tuple(each.number for each in MIGRATIONS)
    connection.close()
    directory.close()
    second, directory = boot(tmp_path)
    second.open().close()
    assert not second.report.created
    assert second.report.migrated == ()
    directory.close()


def test_a_creation_that_was_cut_before_the_marker_is_a_creation(tmp_path: Path) -> None:
    first, directory = boot(tmp_path)
    first.open().close()
    directory.close()
    (tmp_path / IDENTITY_NAME).unlink()
    second, directory = boot(tmp_path)
    second.open().close()
    assert second.report.created
    assert second.report.recovered == ()
    directory.close()


def test_a_start_that_fails_releases_the_lock(tmp_path: Path) -> None:
    first, directory = boot(tmp_path)
    first.open().close()
    directory.close()
    execute_behind_its_back(tmp_path, "INSERT INTO migration VALUES (99, 'far', '', 99)")
    failing, _ = boot(tmp_path)
    with pytest.raises(LogTooNew):
        failing.open()
    other = StorageDirectory(tmp_path)
    other.acquire()
    with pytest.raises(LogLocked):
        boot(tmp_path)[0].open()
    other.close()


class FullDisk:
    """A disk that is full for one kind of call until the reserve is gone."""

    def __init__(self) -> None:
        self.directory: Path | None = None
        self.event = ""
        sys.addaudithook(self.heard)

    def heard(self, event: str, _: tuple[Any, ...]) -> None:
        if self.directory is not None and event == self.event and (self.directory / RESERVE_NAME).exists():
            raise OSError(28, os.strerror(28))


FULL_DISK = FullDisk()


@pytest.mark.parametrize("event", ["fcntl.flock", "sqlite3.connect"])
def test_without_space_the_reserve_is_given_up_and_the_log_opens(tmp_path: Path, event: str) -> None:
    first, directory = boot(tmp_path)
    first.open().close()
    directory.close()
    assert (tmp_path / RESERVE_NAME).exists()
    FULL_DISK.directory, FULL_DISK.event = tmp_path, event
    try:
        second, directory = boot(tmp_path)
        second.open().close()
    finally:
        FULL_DISK.directory = None
    assert second.report.recovered == ()
    directory.close()


def test_an_error_of_the_disk_is_neither_damage_nor_a_crash(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).mkdir()
    (tmp_path / DATABASE_NAME / "x").touch()
    failing, _ = boot(tmp_path)
    with pytest.raises(NotWritable, match="cannot be opened for writing"):
        failing.open()
    assert not list(tmp_path.glob("quarantine-*"))


def test_a_stranger_who_holds_the_database_is_not_damage(tmp_path: Path) -> None:
    first, directory = boot(tmp_path)
    connection = first.open()
    stranger = sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None, timeout=0)
    stranger.execute("BEGIN IMMEDIATE")
    connection.execute("PRAGMA busy_timeout = 1").fetchall()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")
    stranger.close()
    connection.close()
    directory.close()
