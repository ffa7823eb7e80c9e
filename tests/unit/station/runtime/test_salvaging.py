"""`chargebox salvage` as a whole: what is kept, what is told, and the station that starts on it."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eventstore.catalogue.lifecycle import LogSalvaged
from eventstore.chain import EMPTY, verify
from eventstore.database import DATABASE_NAME
from eventstore.directory import StorageDirectory
from eventstore.log import EventLog
from eventstore.segments import archives, past_segments
from station.runtime.recovery import fold_log
from station.runtime.salvaging import salvage_and_tell
from tests.logs import execute_behind_its_back, overwrite
from tests.outage import living


async def stopped(path: Path, *, segment_bytes: int = 1 << 30, sessions: int = 2) -> Path:
    """A log with some sessions in it, as an orderly end leaves it."""
    async with living(path, segment_bytes=segment_bytes) as outage:
        await outage.first_session()
        for _ in range(sessions):
            await outage.quick_session(60)
        await outage.delivered()
        await outage.archivist.tidy()
    return path


def salvaged(path: Path) -> tuple[int, str, str]:
    told: list[str] = []
    complained: list[str] = []
    status = salvage_and_tell(path, told.append, complained.append)
    return status, "\n".join(told), "\n".join(complained)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A log of which event 100 was changed."""
    path = asyncio.run(stopped(tmp_path / "log"))
    execute_behind_its_back(path, "UPDATE event SET at_ms = at_ms + 1 WHERE seq = 100")
    return path


def contents(path: Path) -> dict[str, bytes]:
    skipped = ("lock", f"{DATABASE_NAME}-shm", f"{DATABASE_NAME}-wal")
    return {str(file): file.read_bytes() for file in path.rglob("*") if file.is_file() and file.name not in skipped}


@pytest.mark.asyncio
async def test_the_fresh_log_names_the_old_head_and_the_gap_and_a_station_starts_on_it(tmp_path: Path) -> None:
    path = await stopped(tmp_path / "log")
    execute_behind_its_back(path, "UPDATE event SET at_ms = at_ms + 1 WHERE seq = 100")
    old = (path / DATABASE_NAME).read_bytes()
    done = await run_command(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "found: the digest of event 100 does not fit" in done.stdout
    assert "kept: the events up to 99" in done.stdout
    assert (path / "quarantine-1" / DATABASE_NAME).read_bytes() == old
    assert (path / "quarantine-1" / "stray-events.jsonl").stat().st_size > 0
    log = await EventLog.open(path, identity="CB-0001")
    rows = await log.read_rows(0, 100_000)
    assert verify(EMPTY, rows, log.commitments.content) == log.head
    named = (await log.read(99, 1))[0].event
    assert isinstance(named, LogSalvaged)
    assert (named.kept_seq, named.quarantine) == (99, "quarantine-1")
    assert named.old_head_seq > 200
    assert log.boot_report.recovery is None
    await fold_log(log)
    await log.close()
    async with living(path) as outage:
        await outage.first_session()


async def run_command(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "station.cli", "salvage", str(path)]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)


def test_a_second_run_finds_the_log_whole_and_changes_nothing(damaged: Path) -> None:
    assert salvaged(damaged)[0] == 0
    before = contents(damaged)
    status, told, _ = salvaged(damaged)
    assert status == 0
    assert told.startswith("the log is whole up to event ")
    assert contents(damaged) == before


def test_a_log_that_a_daemon_uses_is_left_alone(damaged: Path) -> None:
    holder = StorageDirectory(damaged)
    holder.acquire()
    before = contents(damaged)
    status, _, complained = salvaged(damaged)
    holder.close()
    assert (status, "is locked by process" in complained) == (3, True)
    assert contents(damaged) == before


def test_a_newer_log_is_left_alone(damaged: Path) -> None:
    execute_behind_its_back(damaged, "INSERT INTO migration VALUES (99, 'far', '', 99)")
    before = (damaged / DATABASE_NAME).read_bytes()
    status, _, complained = salvaged(damaged)
    assert (status, "written by a newer version" in complained) == (3, True)
    assert (damaged / DATABASE_NAME).read_bytes() == before


def test_a_directory_without_a_log_is_refused_and_stays_empty(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        status, _, complained = salvaged(path)
        assert (status, complained) == (1, f"chargebox: {path} holds no log")
    assert list(tmp_path.iterdir()) == []


def test_a_log_of_which_nothing_is_left_begins_with_the_gap(damaged: Path) -> None:
    (damaged / DATABASE_NAME).write_bytes(b"\xa5" * 50_000)
    status, told, _ = salvaged(damaged)
    assert status == 0
    assert "kept: the events up to 0" in told
    assert "the fresh log ends with event 1" in told


@pytest.mark.asyncio
async def test_a_station_starts_on_a_log_of_which_nothing_was_left(tmp_path: Path) -> None:
    path = await stopped(tmp_path / "log")
    (path / DATABASE_NAME).unlink()
    assert (await run_command(path)).returncode == 0
    async with living(path) as outage:
        await outage.first_session()
        events = [r.event for r in await outage.log.read(0, 10_000)]
        assert sum(isinstance(event, LogSalvaged) for event in events) == 1


@pytest.mark.asyncio
async def test_damaged_archives_are_told_and_left_as_they_are(tmp_path: Path) -> None:
    path = await stopped(tmp_path / "log", segment_bytes=65_536, sessions=3)
    victim = archives(path)[0].path
    overwrite(victim, victim.stat().st_size // 2, b"\xff\xff\xff\xff")
    before = victim.read_bytes()
    done = await run_command(path)
    assert done.returncode == 1
    assert f"damaged, and left as it is: {victim.name}" in done.stdout
    assert victim.read_bytes() == before


@pytest.mark.asyncio
async def test_a_live_segment_that_vanished_goes_on_behind_the_archives(tmp_path: Path) -> None:
    path = await stopped(tmp_path / "log", segment_bytes=65_536, sessions=3)
    last = past_segments(path)[-1].last_seq
    (path / DATABASE_NAME).unlink()
    done = await run_command(path)
    assert done.returncode == 0
    assert f"kept: the events up to {last}" in done.stdout
    async with living(path) as outage:
        await outage.first_session()


def test_an_archive_that_vanished_is_told(tmp_path: Path) -> None:
    path = asyncio.run(stopped(tmp_path / "log", segment_bytes=65_536, sessions=3))
    second = archives(path)[1]
    second.path.unlink()
    status, told, _ = salvaged(path)
    assert status == 1
    assert told.startswith("the live segment is whole up to event ")
    assert f"missing: events {second.first_seq} to {second.last_seq} are gone" in told
    shutil.rmtree(path / "archive")
    assert "missing: events 1 to " in salvaged(path)[1]
