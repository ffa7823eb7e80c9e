"""Opening a log, step by step, on the thread of its connection."""

import asyncio
import errno
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from eventstore.boot import Opener
from eventstore.chain import EMPTY
from eventstore.database import DATABASE_NAME
from eventstore.directory import IDENTITY_NAME, RESERVE_NAME, StorageDirectory
from eventstore.errors import LogLocked, LogTooNew, NotWritable
from eventstore.inspection import WAL_NAME
from eventstore.opening import Opening, read_opening
from migrations import MIGRATIONS
from tests.logs import crash_copy, execute_behind_its_back, fill, opened


def boot(path: Path) -> tuple[Opener, StorageDirectory]:
    directory = StorageDirectory(path)
    return Opener(directory, identity="CB-7"), directory


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


def failing_open(monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Reading where the log begins tells of damage, so many times: what SQLite makes of a page that could not be read."""
    told: list[str] = []

    def read(connection: sqlite3.Connection) -> tuple[Opening, bool]:
        told.append("read")
        if len(told) <= times:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
        return read_opening(connection)

    monkeypatch.setattr("eventstore.boot.read_opening", read)
    return told


def test_damage_that_is_met_once_while_opening_and_not_again_condemns_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, directory = boot(tmp_path)
    first.open().close()
    directory.close()
    failing_open(monkeypatch, 1)
    second, directory = boot(tmp_path)
    second.open().close()
    directory.close()
    assert not (tmp_path / "condemned").exists()
    failing_open(monkeypatch, 2)
    third, _ = boot(tmp_path)
    with pytest.raises(NotWritable, match="malformed"):
        third.open()
    assert (tmp_path / "condemned").exists()


def test_a_boot_that_fails_leaves_the_wal_where_the_witness_says_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(_killed(tmp_path / "live", tmp_path / "log"))
    wal = tmp_path / "log" / WAL_NAME
    before = wal.stat().st_size
    with monkeypatch.context() as patch:
        patch.setattr("eventstore.boot.note_head", _no_space)
        failing, _ = boot(tmp_path / "log")
        with pytest.raises(NotWritable):
            failing.open()
    assert wal.stat().st_size == before
    again, directory = boot(tmp_path / "log")
    again.open().close()
    assert (again.report.recovered, again.report.head.seq) == ((), 30)
    directory.close()


async def _killed(live: Path, copied: Path) -> None:
    async with opened(live) as log:
        await fill(log, 30)
        crash_copy(live, copied)


def _no_space(*_: object) -> None:
    raise OSError(errno.EIO, "Input/output error")
