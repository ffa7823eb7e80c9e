"""Segments on real files: closing one, and a power cut at every change of the file system on the way."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from eventstore.chain import EMPTY, verify
from eventstore.database import DATABASE_NAME, applied, check_readable, open_reader
from eventstore.directory import StorageDirectory
from eventstore.errors import LogTooNew, StorageFailed
from eventstore.inspection import inspect
from eventstore.integrity import CheckProgress
from eventstore.log import EventLog
from eventstore.opening import FIRST
from eventstore.segments import NEXT_NAME, archives, closed_segments, finish_switch, past_segments
from migrations import MIGRATIONS
from tests.fuse import FUSE, Crash
from tests.logs import (
    CATALOGUE,
    close_segment,
    compress_all,
    crash_copy,
    door,
    execute_behind_its_back,
    fill,
    fill_at_once,
    opened,
    segmented,
)

CHANGES_OF_A_SWITCH = 9
CHANGES_OF_AN_ARCHIVE = 4
"""All changes of names in the file system; one more and nothing is cut."""


async def whole(log: EventLog, last_seq: int) -> None:
    """Every event from the first to the last can be read, and they are one chain up to the head."""
    rows = await log.read_rows(0, 1_000_000)
    assert [row.seq for row in rows] == list(range(1, last_seq + 1))
    assert verify(EMPTY, rows, (await log.commitments_from(1)).content) == log.head


@pytest.mark.asyncio
async def test_the_next_segment_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 10)
        head = log.head
        assert await close_segment(log, b"the state", owed_seq=4)
        assert log.head == log.opening.head == head
        assert (log.opening.state, log.opening.owed_seq) == (b"the state", 4)
        assert [segment.path.name for segment in log.archives.waiting] == ["closed-1-10.db"]
        await whole(log, 10)
        await fill(log, 3)
        await whole(log, 13)
        await log.witness()
    async with opened(tmp_path) as log:
        assert log.boot_report.recovered == ()
        assert (log.opening.head, log.opening.state) == (head, b"the state")
        await whole(log, 13)


@pytest.mark.asyncio
async def test_an_empty_live_segment_has_the_head_of_the_one_before(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 4)
        await close_segment(log)
        head = log.head
    async with opened(tmp_path) as log:
        assert log.head == head
        assert log.boot_report.recovered == ()
        await fill(log, 1)
        await whole(log, 5)


@pytest.mark.asyncio
async def test_archives_are_read_as_if_they_were_still_in_the_file(tmp_path: Path) -> None:
    await segmented(tmp_path, 30, 1, 2_500)
    assert [(s.first_seq, s.last_seq) for s in archives(tmp_path)] == [(1, 30), (31, 31), (32, 2531)]
    assert closed_segments(tmp_path) == []
    async with opened(tmp_path) as log:
        await whole(log, 2536)
        assert [row.seq for row in await log.read_rows(28, 5)] == [29, 30, 31, 32, 33]
        assert [row.seq for row in await log.read_rows(2530, 5)] == [2531, 2532, 2533, 2534, 2535]
        assert (await log.read(after=29, limit=1))[0].event == door(30).event
        seen = [recorded.seq async for slice_ in log.fold_source(1020) for recorded in slice_]
        assert seen == list(range(1021, 2537))
        assert [opening.head.seq async for opening in log.openings()] == [2531, 31, 30]
        assert await log.first_seq() == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("changes", range(CHANGES_OF_A_SWITCH + 1))
async def test_a_switch_cut_anywhere_loses_nothing(tmp_path: Path, changes: int) -> None:
    live, path, cut = tmp_path / "live", tmp_path / "cut", False
    async with opened(live) as log:
        await fill(log, 20)
        with FUSE.cutting_after(changes):
            try:
                await close_segment(log)
            except (Crash, StorageFailed):
                cut = True
        crash_copy(live, path)
        assert cut == (changes < CHANGES_OF_A_SWITCH)
    await _goes_on(path, 20)
    await _goes_on(live, 20)  # the same directory, in which one file still has two names


async def _goes_on(path: Path, last_seq: int) -> None:
    async with opened(path) as log:
        assert log.boot_report.recovered == ()
        await whole(log, last_seq)
        await fill(log, 2)
        assert await close_segment(log)
        await compress_all(log)
        await whole(log, last_seq + 2)
        assert log.archives.waiting == ()
    assert not [*StorageDirectory(path).path.glob("*.tmp*"), *closed_segments(path)]


@pytest.mark.asyncio
@pytest.mark.parametrize("changes", range(CHANGES_OF_AN_ARCHIVE + 1))
async def test_compressing_cut_anywhere_loses_nothing(tmp_path: Path, changes: int) -> None:
    cut = False
    async with opened(tmp_path) as log:
        await fill_at_once(log, 1_200)
        await close_segment(log)
        with FUSE.cutting_after(changes):
            try:
                await compress_all(log)
            except Crash:
                cut = True
        await whole(log, 1_200)
    assert cut == (changes < CHANGES_OF_AN_ARCHIVE)
    async with opened(tmp_path) as log:
        assert log.boot_report.recovered == ()
        await compress_all(log)
        await whole(log, 1_200)
        assert closed_segments(tmp_path) == []
        assert len(archives(tmp_path)) == 1
        assert not list((tmp_path / "archive").glob("*.tmp"))


@pytest.mark.asyncio
async def test_appends_wait_while_the_files_change(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 5)
        closing = asyncio.create_task(close_segment(log))
        await asyncio.sleep(0)
        await asyncio.gather(log.append([door(6)]), log.append([door(7)]), log.read_rows(0, 10))
        assert await closing
        assert log.opening.head.seq == 5
        await whole(log, 7)


@pytest.mark.asyncio
async def test_a_cancelled_caller_does_not_stop_the_change_of_files(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 5)
        closing = asyncio.create_task(close_segment(log))
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        await log.append([door(6)])
        assert log.opening.head.seq == 5
        await whole(log, 6)


@pytest.mark.asyncio
async def test_while_another_process_reads_the_file_the_segment_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 5)
        reader = open_reader(tmp_path / DATABASE_NAME)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM event").fetchone() == (5,)
        await fill(log, 1)
        assert not await log.may_close_segment()
        assert not await close_segment(log)
        await fill(log, 1)
        reader.close()
        assert await log.may_close_segment()
        assert await close_segment(log)
        await whole(log, 7)
    assert not (tmp_path / NEXT_NAME).exists()


@pytest.mark.asyncio
async def test_a_reader_of_another_process_that_rests_keeps_its_own_file(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 5)
        reader = open_reader(tmp_path / DATABASE_NAME)
        assert reader.execute("SELECT count(*) FROM event").fetchone() == (5,)
        assert await close_segment(log)
        await fill(log, 200)
        assert reader.execute("SELECT count(*) FROM event").fetchone() == (5,)
        reader.close()
        await whole(log, 205)
    async with opened(tmp_path) as log:
        assert log.boot_report.recovered == ()
        await whole(log, 205)


@pytest.mark.asyncio
async def test_without_hard_links_the_log_stays_one_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    async with opened(tmp_path) as log:
        await fill(log, 5)
        assert not await close_segment(log)
        await fill(log, 1)
        await whole(log, 6)
        assert log.opening == FIRST


@pytest.mark.asyncio
async def test_no_space_for_the_next_segment_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async with opened(tmp_path) as log:
        await fill(log, 5)
        with monkeypatch.context() as patch:
            patch.setattr("eventstore.log.prepare_next", full)
            assert not await close_segment(log)
        await fill(log, 1)
        assert await close_segment(log)
        await whole(log, 6)


@pytest.mark.asyncio
async def test_a_version_that_knows_no_segments_or_no_commitments_stops_at_a_log_that_has_them(tmp_path: Path) -> None:
    for name, closes, needed in (("one", False, 3), ("two", True, 2)):
        async with opened(tmp_path / name) as log:
            await fill(log, 3)
            if closes:
                await close_segment(log)
        connection = open_reader(tmp_path / name / DATABASE_NAME)
        assert [number for number, _, _ in applied(connection)] == [each.number for each in MIGRATIONS]
        with pytest.raises(LogTooNew, match=f"needs a reader that knows migration {needed}, this one knows 1"):
            check_readable(connection, MIGRATIONS[:1])
        connection.close()


@pytest.mark.asyncio
async def test_a_live_segment_that_vanished_goes_on_behind_the_archives(tmp_path: Path) -> None:
    path = await segmented(tmp_path / "log", 30, 20)
    (path / DATABASE_NAME).unlink()
    async with opened(path) as log:
        recovery = log.boot_report.recovery
        assert recovery is not None
        assert (recovery.kept_seq, recovery.known_seq, log.head.seq) == (50, 55, 50)
        assert log.opening.state == b'{"at":50}'
        await whole(log, 50)
        await fill(log, 2)
        await log.acknowledge_recovery()
    async with opened(path) as log:
        assert log.boot_report.recovered == ()
        await whole(log, 52)


@pytest.mark.asyncio
async def test_a_live_segment_that_vanished_goes_on_behind_one_that_was_not_compressed_yet(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 8)
        await close_segment(log)
        await fill(log, 3)
    (tmp_path / DATABASE_NAME).write_bytes(b"")
    async with opened(tmp_path) as log:
        assert log.boot_report.recovery is not None
        assert (log.head.seq, log.opening.state) == (8, b"")
        await whole(log, 8)
        await compress_all(log)
        await whole(log, 8)
    (archive,) = archives(tmp_path)
    assert archive.last_seq == 8


@pytest.mark.asyncio
@pytest.mark.parametrize("with_archives", [True, False])
async def test_a_damaged_opening_is_found_and_taken_from_the_archives_if_there_are_any(
    tmp_path: Path, with_archives: bool
) -> None:
    path = await segmented(tmp_path / "log", 30)
    connection = sqlite3.connect(path / DATABASE_NAME)
    connection.execute("DROP TRIGGER opening_is_never_changed")
    connection.execute("UPDATE opening SET state = x'00'")
    connection.commit()
    connection.close()
    if not with_archives:
        (path / "archive").rename(tmp_path / "elsewhere")
    assert inspect(StorageDirectory(path)) == (f"where {DATABASE_NAME} begins is damaged",)
    async with opened(path) as log:
        assert log.boot_report.recovery is not None
        assert log.boot_report.recovery.lost_events == 0
        assert log.head.seq == 35
        assert log.opening.state == (b'{"at":30}' if with_archives else b"")
        assert [row.seq for row in await log.read_rows(30, 9)] == list(range(31, 36))


@pytest.mark.asyncio
async def test_an_older_live_segment_put_back_does_not_fork_the_history(tmp_path: Path) -> None:
    async with opened(tmp_path / "log") as log:
        await fill(log, 10)
        old = crash_copy(tmp_path / "log", tmp_path / "old")
    path = await segmented(tmp_path / "log", 20)
    for name in (DATABASE_NAME, f"{DATABASE_NAME}-wal"):
        (path / name).unlink(missing_ok=True)
        (path / name).write_bytes((old / name).read_bytes())
    (path / "witness").unlink()
    async with opened(path) as log:
        assert log.boot_report.recovered == ("the log ends at event 10, the archive saw event 30",)
        assert (log.head.seq, log.opening.state) == (30, b'{"at":30}')
        await whole(log, 30)


@pytest.mark.asyncio
async def test_damage_in_a_later_segment_costs_what_lies_behind_it(tmp_path: Path) -> None:
    path = await segmented(tmp_path / "log", 30, live=40)
    execute_behind_its_back(path, "UPDATE event SET at_ms = 1 WHERE seq = 51")
    async with opened(path) as log:
        recovery = log.boot_report.recovery
        assert recovery is not None
        assert (recovery.kept_seq, recovery.known_seq, recovery.stray_events) == (50, 70, 19)
        assert log.opening.state == b'{"at":30}'
        await whole(log, 50)


@pytest.mark.asyncio
async def test_the_check_while_running_looks_at_the_live_segment(tmp_path: Path) -> None:
    path = await segmented(tmp_path / "log", 30, live=40)
    async with opened(path) as log:
        progress = CheckProgress()
        while not progress.done:
            progress = await log.check_slice(progress, events=7)
        assert (progress.verified, progress.findings) == (log.head, ())


@pytest.mark.asyncio
async def test_a_snapshot_of_the_last_event_before_the_switch_stays_of_use(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 6)
        await log.save_snapshot(3, "f", b"old")
        await close_segment(log)
        await log.save_snapshot(6, "f", b"new")
        snapshot = await log.load_snapshot("f")
        assert snapshot is not None
        assert (snapshot.seq, snapshot.state) == (6, b"new")
    (tmp_path / "snapshot-6").unlink()
    async with opened(tmp_path) as log:
        snapshot = await log.load_snapshot("f")
        assert snapshot is not None
        assert (snapshot.seq, snapshot.state) == (3, b"old")


@pytest.mark.asyncio
async def test_a_second_name_of_the_live_segment_is_taken_away(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 6)
    (tmp_path / "closed-1-6.db").hardlink_to(tmp_path / DATABASE_NAME)
    (tmp_path / "closed-1-9.db").write_bytes(b"of a log that was longer: not ours to delete")
    finish_switch(StorageDirectory(tmp_path))
    assert [segment.path.name for segment in past_segments(tmp_path)] == ["closed-1-9.db"]
    async with opened(tmp_path) as log:
        assert log.archives.waiting == ()
        await whole(log, 6)


@pytest.mark.asyncio
async def test_files_with_other_names_are_left_alone(tmp_path: Path) -> None:
    path = await segmented(tmp_path / "log", 5)
    for name in ("closed-x-5.db", "archive/notes.txt", "archive/1-2.cbz.bak"):
        (path / name).write_text("mine")
    assert [segment.last_seq for segment in past_segments(path)] == [5]
    async with opened(path) as log:
        await whole(log, 10)
    assert (path / "archive/notes.txt").read_text() == "mine"


@pytest.mark.asyncio
async def test_a_log_whose_archive_is_gone_says_where_it_begins(tmp_path: Path) -> None:
    path = await segmented(tmp_path / "log", 5, 6)
    (path / "archive" / archives(path)[0].path.name).unlink()
    async with opened(path) as log:
        assert log.boot_report.recovered == ()
        assert await log.first_seq() == 6
        assert [row.seq for row in await log.read_rows(0, 3)] == [6, 7, 8]


@pytest.mark.asyncio
async def test_a_failed_log_closes_no_segment(tmp_path: Path) -> None:
    log = await EventLog.open(tmp_path, identity="CB-TEST", catalogue=CATALOGUE)
    await log.close()
    with pytest.raises(StorageFailed):
        await close_segment(log)


@pytest.mark.asyncio
async def test_a_bug_while_the_next_segment_is_prepared_does_not_hold_up_appends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    async with opened(tmp_path) as log:
        await fill(log, 5)
        with monkeypatch.context() as patch:
            patch.setattr("eventstore.log.prepare_next", broken)
            with pytest.raises(RuntimeError):
                await close_segment(log)
        await fill(log, 1)
        await whole(log, 6)


@pytest.mark.asyncio
async def test_each_name_is_durable_before_the_next_one_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    link, rename, sync = Path.hardlink_to, Path.rename, StorageDirectory.sync

    def linking(self: Path, target: Path) -> None:
        done.append("link")
        link(self, target)

    def renaming(self: Path, target: Path) -> Path:
        done.append("rename")
        return rename(self, target)

    def syncing(self: StorageDirectory) -> None:
        done.append("sync")
        sync(self)

    async with opened(tmp_path) as log:
        await fill(log, 5)
        monkeypatch.setattr(Path, "hardlink_to", linking)
        monkeypatch.setattr(Path, "rename", renaming)
        monkeypatch.setattr(StorageDirectory, "sync", syncing)
        await close_segment(log)
        assert done == ["link", "sync", "rename", "sync"]
        done.clear()
        await compress_all(log)
        assert done == ["sync", "rename", "sync"]
