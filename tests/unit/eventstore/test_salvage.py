"""Salvage: all that is proven is kept, nothing is deleted, and a recovery that is cut is finished."""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from eventstore.chain import EMPTY, verify
from eventstore.database import DATABASE_NAME
from eventstore.directory import REPORT_NAME, RESERVE_NAME, StorageDirectory
from eventstore.errors import LogTooNew
from eventstore.inspection import WAL_NAME
from eventstore.log import EventLog
from eventstore.salvage import SALVAGED_NAME, Recovery, finish, pending_recovery
from eventstore.strays import STRAYS_NAME
from tests.fuse import FUSE, Crash
from tests.logs import CATALOGUE, crash_copy, door, execute_behind_its_back, fill, fill_at_once, opened, overwrite

PAGE = 4096


async def closed(path: Path, events: int = 60) -> Path:
    async with opened(path) as log:
        await fill_at_once(log, events)
        await log.witness()
    return path


async def reopened(path: Path, *, further: int = 3) -> Recovery:
    """Open a damaged log; what was kept must be a whole chain that goes on, and the report stay until acknowledged."""
    async with opened(path) as log:
        recovery = log.boot_report.recovery
        assert recovery is not None
        assert log.head.seq == recovery.kept_seq
        assert log.head.digest.hex() == recovery.kept_digest
        await fill(log, further)
        assert verify(EMPTY, await log.read_rows(0, 100_000), log.commitments.content) == log.head
        await log.witness()
    async with opened(path) as log:
        assert log.boot_report.recovery == recovery
        await log.acknowledge_recovery()
    async with opened(path) as log:
        assert log.boot_report.recovery is None
        assert log.head.seq == recovery.kept_seq + further
    return recovery


@pytest.mark.asyncio
async def test_a_zeroed_page_costs_what_lies_behind_it_and_that_is_counted(tmp_path: Path) -> None:
    path = await closed(tmp_path / "log", 400)
    pages = (path / DATABASE_NAME).stat().st_size // PAGE
    overwrite(path / DATABASE_NAME, (pages // 2) * PAGE, bytes(PAGE))
    damaged = (path / DATABASE_NAME).read_bytes()
    recovery = await reopened(path)
    assert 0 < recovery.kept_seq < 400
    assert recovery.known_seq == 400
    assert recovery.lost_events == 400 - recovery.kept_seq
    assert 100 < recovery.stray_events < recovery.lost_events
    assert (path / recovery.quarantine / DATABASE_NAME).read_bytes() == damaged
    assert recovery.quarantine == "quarantine-1"


@pytest.mark.asyncio
@pytest.mark.parametrize("tenths", [9, 5])
async def test_a_database_that_was_cut_short_costs_what_is_not_there_any_more(tmp_path: Path, tenths: int) -> None:
    path = await closed(tmp_path / "log", 400)
    whole = (path / DATABASE_NAME).stat().st_size
    os.truncate(path / DATABASE_NAME, whole * tenths // 10)
    recovery = await reopened(path)
    assert recovery.findings[0] == f"chargebox.db is cut short: {whole * tenths // 10} of {whole} bytes"
    assert 400 * tenths // 30 < recovery.kept_seq < 400
    assert recovery.known_seq == 400, "the witness knows"


@pytest.mark.asyncio
async def test_a_lost_first_page_costs_nothing(tmp_path: Path) -> None:
    path = await closed(tmp_path / "log", 400)
    overwrite(path / DATABASE_NAME, 0, bytes(PAGE))
    assert (await reopened(path)).kept_seq == 400


@pytest.mark.asyncio
async def test_a_wal_damaged_in_its_middle_costs_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "live") as log:
        await fill(log, 60)  # the WAL has begun anew by then
        path = crash_copy(tmp_path / "live", tmp_path / "log")
    overwrite(path / WAL_NAME, 32 + 4120 * 9 + 100, b"\xff\xff\xff")
    recovery = await reopened(path)
    assert recovery.kept_seq == recovery.known_seq == 60


@pytest.mark.asyncio
async def test_a_wal_without_its_database_gives_back_what_it_holds(tmp_path: Path) -> None:
    async with opened(tmp_path / "live") as log:
        await fill(log, 15)
        path = crash_copy(tmp_path / "live", tmp_path / "log")
    (path / DATABASE_NAME).unlink()
    recovery = await reopened(path)
    assert recovery.kept_seq == 15
    assert (path / recovery.quarantine / WAL_NAME).exists()


@pytest.mark.asyncio
async def test_a_log_that_vanished_leaves_an_empty_one_that_knows_the_gap(tmp_path: Path) -> None:
    path = await closed(tmp_path / "log")
    (path / DATABASE_NAME).unlink()
    recovery = await reopened(path)
    assert (recovery.kept_seq, recovery.known_seq, recovery.stray_events) == (0, 60, 0)


@pytest.mark.asyncio
async def test_commits_that_only_the_witness_saw_are_known_to_be_lost(tmp_path: Path) -> None:
    async with opened(tmp_path / "live") as log:
        await fill(log, 20)
        await log.witness()
        path = crash_copy(tmp_path / "live", tmp_path / "log")
        digest = log.head.digest.hex()
    wal = (path / WAL_NAME).read_bytes()
    (path / WAL_NAME).write_bytes(wal[: len(wal) - 9 * 4120])
    recovery = await reopened(path)
    assert 10 <= recovery.kept_seq < 20
    assert (recovery.known_seq, recovery.known_digest) == (20, digest)


@pytest.mark.asyncio
async def test_a_forged_event_ends_the_prefix(tmp_path: Path) -> None:
    path = await closed(tmp_path / "log")
    execute_behind_its_back(path, "UPDATE event SET at_ms = 1 WHERE seq = 31")
    recovery = await reopened(path)
    assert (recovery.kept_seq, recovery.known_seq, recovery.stray_events) == (30, 60, 29)
    lines = (path / "quarantine-1" / STRAYS_NAME).read_bytes().splitlines()
    strays = [orjson.loads(line) for line in lines]
    assert [stray["seq"] for stray in strays] == list(range(32, 61))
    assert orjson.loads(strays[0]["payload"])["text"] == "door 32"


@pytest.mark.asyncio
async def test_a_file_of_garbage_leaves_an_empty_log(tmp_path: Path) -> None:
    path = await closed(tmp_path / "log")
    (path / DATABASE_NAME).write_bytes(b"\xa5" * 40_000)
    assert (await reopened(path)).kept_seq == 0


@pytest.mark.asyncio
async def test_each_recovery_has_a_quarantine_of_its_own(tmp_path: Path) -> None:
    path = await closed(tmp_path / "log")
    for number in (1, 2):
        StorageDirectory(path).condemn([f"finding {number}"])
        recovery = await reopened(path)
        assert recovery.findings == (f"finding {number}",)
        assert recovery.quarantine == f"quarantine-{number}"
    assert (path / "quarantine-1" / "condemned").read_text() == "finding 1"


@pytest.mark.asyncio
async def test_snapshots_go_into_quarantine_with_their_log(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 10)
        await log.save_snapshot(9, "f", b"state")
    StorageDirectory(tmp_path).condemn(["damage"])
    async with opened(tmp_path) as log:
        assert await log.load_snapshot("f") is None
        assert log.head.seq == 10
    assert (tmp_path / "quarantine-1" / "snapshot-9").exists()


@pytest.mark.asyncio
async def test_a_newer_log_is_not_salvaged_by_an_older_version(tmp_path: Path) -> None:
    path = await closed(tmp_path / "log")
    execute_behind_its_back(path, "INSERT INTO migration VALUES (99, 'far', '', 99)")
    StorageDirectory(path).condemn(["damage"])
    with pytest.raises(LogTooNew):
        await EventLog.open(path, identity="CB-TEST", catalogue=CATALOGUE)
    assert not (path / SALVAGED_NAME).exists()
    assert (path / DATABASE_NAME).exists()


CHANGES_OF_A_RECOVERY = 19
"""All changes of names in the file system that a recovery makes; one more and nothing is cut."""


@pytest.mark.asyncio
@pytest.mark.parametrize("changes", range(CHANGES_OF_A_RECOVERY + 1))
async def test_a_recovery_cut_anywhere_is_finished_by_the_next_start(tmp_path: Path, changes: int) -> None:
    path = await closed(tmp_path / "log")
    execute_behind_its_back(path, "UPDATE event SET at_ms = 1 WHERE seq = 31")
    damaged = (path / DATABASE_NAME).read_bytes()
    cut = False
    with FUSE.cutting_after(changes):
        try:
            await (await EventLog.open(path, identity="CB-TEST", catalogue=CATALOGUE)).close()
        except Crash:
            cut = True
    assert cut == (changes < CHANGES_OF_A_RECOVERY)
    recovery = await reopened(path)
    assert (recovery.kept_seq, recovery.known_seq) == (30, 60)
    assert (path / "quarantine-1" / DATABASE_NAME).read_bytes() == damaged
    assert not (path / SALVAGED_NAME).exists()
    assert not list(path.glob("*.tmp*"))
    assert [file.name for file in path.glob("quarantine-*")] == ["quarantine-1"]


@pytest.mark.asyncio
async def test_an_illegible_report_stops_nothing(tmp_path: Path) -> None:
    path = await closed(tmp_path / "log")
    (path / REPORT_NAME).write_bytes(b"{")
    async with opened(path) as log:
        assert log.boot_report.recovered == (f"{REPORT_NAME} is illegible",)
        await log.append([door(61)])


def test_without_a_recovery_there_is_nothing_to_finish(tmp_path: Path) -> None:
    directory = StorageDirectory(tmp_path)
    finish(directory)
    assert pending_recovery(directory) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.asyncio
async def test_the_old_files_lie_in_quarantine_for_good_before_the_new_log_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut may leave the new log's name on the disk and the old files under theirs: nobody would finish."""
    path = await closed(tmp_path / "log", 400)
    overwrite(path / DATABASE_NAME, ((path / DATABASE_NAME).stat().st_size // PAGE // 2) * PAGE, bytes(PAGE))
    done: list[str] = []
    rename, sync = Path.rename, StorageDirectory.sync

    def renamed(self: Path, target: Path) -> Path:
        done.append(f"{self.name} to {Path(target).parent.name}/{Path(target).name}")
        return rename(self, target)

    def synced(self: StorageDirectory) -> None:
        done.append("sync")
        sync(self)

    monkeypatch.setattr(Path, "rename", renamed)
    monkeypatch.setattr(StorageDirectory, "sync", synced)
    async with opened(path):
        pass
    named = done.index(f"{SALVAGED_NAME} to log/{DATABASE_NAME}")
    moved = max(place for place, what in enumerate(done) if "to quarantine-1/" in what)
    assert moved < named
    assert "sync" in done[moved:named], done


@pytest.mark.asyncio
async def test_a_copy_of_what_lies_behind_the_damage_that_finds_no_room_stops_no_salvage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is so full that not even the file's name can be made, and the reserve is spent."""
    path = await closed(tmp_path / "log", 400)
    pages = (path / DATABASE_NAME).stat().st_size // PAGE
    overwrite(path / DATABASE_NAME, (pages // 2) * PAGE, bytes(PAGE))
    (path / RESERVE_NAME).unlink(missing_ok=True)
    open_file = Path.open

    def refused(self: Path, *how: Any, **more: Any) -> Any:
        if self.name == STRAYS_NAME:
            raise OSError(errno.ENOSPC, "No space left on device")
        return open_file(self, *how, **more)

    monkeypatch.setattr(Path, "open", refused)
    async with opened(path) as log:
        recovery = log.boot_report.recovery
        assert recovery is not None
        assert recovery.findings[0] == f"no space for a copy of the {recovery.stray_events} events behind the damage"
        assert recovery.stray_events > 100
        assert not (path / recovery.quarantine / STRAYS_NAME).exists()
        await fill(log, 3)


@pytest.mark.asyncio
async def test_of_a_log_whose_wal_vanished_the_end_was_not_seen(tmp_path: Path) -> None:
    async with opened(tmp_path / "live") as log:
        await fill(log, 30)
        path = crash_copy(tmp_path / "live", tmp_path / "log")
    (path / WAL_NAME).unlink()
    recovery = await reopened(path)
    assert "has vanished" in recovery.findings[0]
    assert (recovery.kept_seq, recovery.known_seq) == (0, 1), "the witness saw the first commit, and nobody the others"
    assert not recovery.end_seen
    assert (path / "quarantine-1" / DATABASE_NAME).exists()


@pytest.mark.asyncio
@pytest.mark.parametrize("lost", [1, 2])
async def test_a_page_of_the_secrets_costs_nothing_and_both_cost_what_they_prove(tmp_path: Path, lost: int) -> None:
    """They stand in the file twice. Without them no event behind them can be verified any more."""
    path = await closed(tmp_path / "log", 30)
    with closing(sqlite3.connect(path / DATABASE_NAME)) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE tbl_name = 'commitment' AND rootpage > 0 ORDER BY type DESC"
        pages = [row[0] for row in connection.execute(query)]
    assert len(pages) == 2
    for page in pages[:lost]:
        overwrite(path / DATABASE_NAME, (page - 1) * PAGE, b"\x55" * PAGE)
    StorageDirectory(path).condemn(("found while running",))
    recovery = await reopened(path)
    assert recovery.kept_seq == (30 if lost == 1 else 0)
