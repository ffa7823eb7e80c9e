"""The event log on real files: appending, reading, and what a cancelled or failed append leaves."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from eventstore.batches import GROUP_EVENTS_MAX
from eventstore.chain import EMPTY, verify
from eventstore.database import DATABASE_NAME, open_reader
from eventstore.directory import StorageDirectory
from eventstore.errors import LogCorrupt, LogLocked, NotWritable, OutOfDescriptors, StorageFailed, UnknownEventType
from eventstore.inspection import note_damage
from eventstore.integrity import CheckProgress
from eventstore.log import SLICE_EVENTS, EventLog
from eventstore.reading import Reading
from eventstore.structure import StructureError
from eventstore.wal import synced_bytes
from eventstore.witness import read_testimony, read_witness
from tests.logs import CATALOGUE, DoorMoved, crash_copy, door, execute_behind_its_back, fill, opened, pair, segmented
from tests.shortage import no_descriptors


def names_in(directory: Path) -> list[str]:
    return sorted(file.name for file in directory.iterdir())


def frames_of(directory: Path) -> int:
    """How many frames stand in the WAL."""
    return (directory / f"{DATABASE_NAME}-wal").stat().st_size // 4120


@pytest.mark.asyncio
async def test_a_new_log_is_empty_and_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path / "new") as log:
        assert log.head == EMPTY
        assert log.boot_report.created
        assert log.boot_report.last_seq == 0
        assert log.boot_report.recovered == ()
        assert log.boot_report.has_reserve
        assert await log.read() == []
        assert log.bytes_on_disk() > 0
        assert log.free_bytes() > 0


@pytest.mark.asyncio
async def test_what_was_appended_is_read_back_in_order_also_later(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log.append([])
        made = [*pair(1), *pair(3), door(5, 'é" \n\\u0000 \x00 🔌')]
        await log.append(made[:2])
        await log.append(made[2:])
        assert await log.read() == made
        head = log.head
    async with opened(tmp_path) as log:
        assert log.head == head
        assert not log.boot_report.created
        assert await log.read(after=1, limit=3) == made[1:4]
        rows = await log.read_rows(0, 10)
        assert verify(EMPTY, rows, log.commitments.content) == head
        assert [row.connector_id for row in rows] == [2, None, 2, None, 2]


@pytest.mark.asyncio
async def test_an_append_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    async with opened(tmp_path / "live") as log:
        await log.append(pair(1))
        crash_copy(tmp_path / "live", tmp_path / "copy")
        head = log.head
    async with opened(tmp_path / "copy") as log:
        assert log.head == head
        assert log.head.seq == 2
        assert log.boot_report.recovered == ()


@pytest.mark.asyncio
async def test_appends_that_come_together_share_a_commit_and_keep_their_order(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log.append([door(1)])
        before = frames_of(tmp_path)
        await asyncio.gather(*(log.append(pair(seq)) for seq in range(2, 22, 2)))
        assert frames_of(tmp_path) - before <= 4
        assert log.head.seq == 21
        assert [recorded.seq for recorded in await log.read()] == list(range(1, 22))


@pytest.mark.asyncio
async def test_a_group_has_a_limit_and_batches_stay_whole(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        size = GROUP_EVENTS_MAX
        batches = [[door(start + offset) for offset in range(size)] for start in (1, size + 1)]
        heads = []

        async def append(batch: list) -> None:
            await log.append(batch)
            heads.append(log.head.seq)

        await asyncio.gather(*(append(batch) for batch in batches))
        assert heads == [size, 2 * size]


@pytest.mark.asyncio
async def test_a_seq_that_does_not_continue_the_log_is_our_mistake(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log.append([door(1)])
        for wrong in (1, 3):
            with pytest.raises(AssertionError, match="does not continue"):
                await log.append([door(wrong)])
        await log.append([door(2)])
        assert log.head.seq == 2


@pytest.mark.asyncio
async def test_an_event_that_cannot_be_encoded_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        with pytest.raises(StructureError):
            await log.append([door(1), door(2, "\ud800")])
        await log.append([door(1)])
        assert [recorded.event for recorded in await log.read()] == [door(1).event]


@pytest.mark.asyncio
@pytest.mark.parametrize("turns", range(12))
async def test_an_append_cancelled_at_any_await_is_whole_or_absent_and_the_next_one_works(
    tmp_path: Path, turns: int
) -> None:
    async with opened(tmp_path) as log:
        task = asyncio.create_task(log.append(pair(1)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        following = 1 if turns == 0 and task.cancelled() else 3  # cancelled before its first step: never called
        await log.append(pair(following))
        head = log.head
        assert head.seq == following + 1
        assert [recorded.seq for recorded in await log.read()] == list(range(1, head.seq + 1))
    async with opened(tmp_path) as log:
        assert log.head == head


@pytest.mark.asyncio
@pytest.mark.parametrize("turns", range(8))
async def test_opening_cancelled_at_any_await_leaves_the_log_free(tmp_path: Path, turns: int) -> None:
    task = asyncio.create_task(EventLog.open(tmp_path, identity="CB-TEST", catalogue=CATALOGUE))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        await (await task).close()
    async with opened(tmp_path) as log:
        await log.append([door(1)])


@pytest.mark.parametrize("turns", range(4))
def test_a_commit_whose_loop_ends_is_whole_or_absent(tmp_path: Path, turns: int) -> None:
    async def leave() -> EventLog:
        log = await EventLog.open(tmp_path, identity="CB-TEST", catalogue=CATALOGUE)
        append = asyncio.create_task(log.append(pair(1)), name="left behind")
        for _ in range(turns):
            await asyncio.sleep(0)
        assert not append.cancelled()
        return log

    async def look() -> None:
        async with opened(tmp_path) as again:
            assert again.head.seq in (0, 2)
            await again.append([door(again.head.seq + 1)])

    before = threading.enumerate()
    log = asyncio.run(leave())
    writing = [thread for thread in threading.enumerate() if thread not in before and "writer" in thread.name]
    is_through = threading.Event()
    log._writer._worker.put(is_through.set)
    while not is_through.is_set() and any(
        thread.is_alive() for thread in writing
    ):  # it ends if nobody listens any more
        is_through.wait(0.01)
    log._directory.close()  # as the end of the process does
    asyncio.run(look())


@pytest.mark.asyncio
async def test_the_first_error_of_the_storage_is_final(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log.append([door(1)])
        full = await log._writer.query("PRAGMA page_count")
        await log._writer.query(f"PRAGMA max_page_count = {full[0][0]}")
        results = await asyncio.gather(
            *(log.append([door(seq, "x" * 5000)]) for seq in range(2, 5)), return_exceptions=True
        )
        assert [type(result) for result in results] == [StorageFailed] * 3
        assert "full" in str(results[0])
        with pytest.raises(StorageFailed, match="full"):
            await log.append([door(5)])
        assert log.failure is not None
        assert log.head.seq == 1
        assert len(await log.read()) == 1
    async with opened(tmp_path) as log:
        await log.append([door(2)])


@pytest.mark.asyncio
async def test_a_cancelled_append_does_not_hide_a_failure(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log._writer.query("PRAGMA query_only = 1")
        task = asyncio.create_task(log.append([door(1)]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(60):
            while log.failure is None:  # noqa: ASYNC110  # nobody waits for it
                await asyncio.sleep(0.01)
        with pytest.raises(StorageFailed, match="readonly"):
            await log.append([door(2)])


@pytest.mark.asyncio
async def test_a_closed_log_takes_and_gives_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log.append([door(1)])
    await log.close()
    with pytest.raises(StorageFailed, match="closed"):
        await log.append([door(2)])
    with pytest.raises(StorageFailed, match="closed"):
        await log.read()
    assert names_in(tmp_path) == [DATABASE_NAME, "identity", "lock", "reserve", "witness"]


@pytest.mark.asyncio
async def test_closing_waits_for_appends_under_way(tmp_path: Path) -> None:
    log = await EventLog.open(tmp_path, identity="CB-TEST", catalogue=CATALOGUE)
    append = asyncio.create_task(log.append(pair(1)))
    await asyncio.sleep(0)
    await log.close()
    await append
    assert log.head.seq == 2


@pytest.mark.asyncio
async def test_the_fold_source_gives_every_event_in_slices(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        count = 2 * SLICE_EVENTS + 3
        await log.append([door(seq) for seq in range(1, count + 1)])
        slices = [events async for events in log.fold_source(2)]
        assert [len(events) for events in slices] == [SLICE_EVENTS, SLICE_EVENTS, 1]
        assert [recorded.seq for events in slices for recorded in events] == list(range(3, count + 1))
        assert [events async for events in log.fold_source(count)] == []


@pytest.mark.asyncio
async def test_rows_we_have_no_class_for_are_named(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log.append(pair(1))
    log = await EventLog.open(tmp_path, identity="CB-TEST", catalogue={DoorMoved.NAME: DoorMoved})
    try:
        with pytest.raises(UnknownEventType, match="BellRung version 1"):
            await log.read()
        assert len(await log.read_rows(0, 10)) == 2
    finally:
        await log.close()


@pytest.mark.asyncio
async def test_a_payload_that_does_not_fit_its_class_is_named(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 3)
        await log.save_snapshot(3, "f", b"")
    execute_behind_its_back(tmp_path, "UPDATE event SET payload = '{}' WHERE seq = 2")
    async with opened(tmp_path) as log:
        with pytest.raises(
            LogCorrupt, match="event 2, DoorMoved version 1: Object missing required field `connector_id`"
        ):
            await log.read()


@pytest.mark.asyncio
async def test_a_snapshot_of_an_event_that_stands_nowhere_any_more_is_not_used(tmp_path: Path) -> None:
    """Its archive is gone: nothing is left to hold it against."""
    path = await segmented(tmp_path / "log", 30, live=10)
    async with opened(path) as log:
        await log.save_snapshot(20, "mine", b"twenty")
        assert await log.load_snapshot("mine") is not None
    for archive in path.glob("archive/*.cbz"):
        archive.unlink()
    async with opened(path) as log:
        assert await log.load_snapshot("mine") is None


@pytest.mark.asyncio
async def test_a_snapshot_is_given_back_to_the_code_that_made_it_only(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 5)
        await log.save_snapshot(3, "mine", b"three")
        await log.save_snapshot(5, "mine", b"five")
        with pytest.raises(AssertionError):
            await log.save_snapshot(6, "mine", b"six")
    async with opened(tmp_path) as log:
        found = await log.load_snapshot("mine")
        assert found is not None
        assert (found.seq, found.state) == (5, b"five")
        assert await log.load_snapshot("other") is None


@pytest.mark.asyncio
async def test_the_witness_sees_the_durable_head(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 3)
        await asyncio.gather(log.witness(), log.witness())
        assert read_witness(tmp_path) == log.head
        await log.append([door(4)])
        assert read_witness(tmp_path) != log.head


@pytest.mark.asyncio
async def test_the_files_of_the_log_that_fail_stop_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 2)
        (tmp_path / "witness").unlink()
        (tmp_path / "witness").mkdir()
        with pytest.raises(StorageFailed, match="witness"):
            await log.witness()
        with pytest.raises(StorageFailed):
            await log.append([door(3)])


@pytest.mark.asyncio
async def test_nothing_is_acknowledged_before_the_witness_knows_that_there_is_a_wal(tmp_path: Path) -> None:
    """Once for each opening and each time it was emptied, and never again."""
    async with opened(tmp_path) as log:
        before = read_testimony(tmp_path)
        assert before is not None
        assert before.wal_bytes == 0
        for _ in range(2):
            at = log.head.seq
            await log.append([door(at + 1)])
            told = read_testimony(tmp_path)
            assert told is not None
            wal_bytes = (tmp_path / f"{DATABASE_NAME}-wal").stat().st_size
            assert (told.head, told.wal_bytes) == (log.head, synced_bytes(wal_bytes))
            assert 0 < told.wal_bytes < wal_bytes < told.wal_bytes + 4096
            mark = (tmp_path / "witness").stat().st_mtime_ns
            await fill(log, 20)
            assert (tmp_path / "witness").stat().st_mtime_ns == mark
            assert await log.may_close_segment()
            told = read_testimony(tmp_path)
            assert told is not None
            assert (told.head, told.wal_bytes) == (log.head, 0)
        (tmp_path / "witness").unlink()
        (tmp_path / "witness").mkdir()
        with pytest.raises(StorageFailed, match="witness"):
            await log.append([door(log.head.seq + 1)])


@pytest.mark.asyncio
async def test_a_finding_that_is_not_found_again_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """quick_check tells an error of reading as a finding among others."""
    async with opened(tmp_path) as log:
        await fill(log, 20)
        real, told = Reading.query, list[str]()

        async def query(reading: Reading, text: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
            if "quick_check" in text and not told:
                told.append(text)
                return [("Tree 2 page 2: unable to get the page. error code=10",)]
            return await real(reading, text, parameters)

        monkeypatch.setattr(Reading, "query", query)
        progress = CheckProgress()
        while not progress.done:
            progress = await log.check_slice(progress)
        assert told
        assert progress.findings == ()
        assert not (tmp_path / "condemned").exists()


@pytest.mark.asyncio
async def test_a_close_after_a_failure_leaves_the_wal_where_it_is(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 5)
        (tmp_path / "witness").rename(tmp_path / "kept")
        (tmp_path / "witness").mkdir()
        with pytest.raises(StorageFailed):
            await log.witness()
    assert (tmp_path / f"{DATABASE_NAME}-wal").stat().st_size > 0
    (tmp_path / "witness").rmdir()
    (tmp_path / "kept").rename(tmp_path / "witness")
    async with opened(tmp_path) as log:
        assert (log.boot_report.recovered, log.head.seq) == ((), 5)


@pytest.mark.asyncio
async def test_damage_that_is_met_once_only_is_a_suspicion_until_the_whole_log_was_checked(tmp_path: Path) -> None:
    suspected, condemned = tmp_path / "suspected", tmp_path / "condemned"
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    async with opened(tmp_path) as log:
        await fill(log, 5)
        note_damage(StorageDirectory(tmp_path), "appending failed", error)
        assert (suspected.exists(), condemned.exists()) == (True, False)
        progress = CheckProgress()
        while not progress.done:
            progress = await log.check_slice(progress)
        assert (suspected.exists(), condemned.exists()) == (False, False)
        for _ in range(2):
            note_damage(StorageDirectory(tmp_path), "appending failed", error)
        assert condemned.read_text() == "appending failed"


@pytest.mark.asyncio
async def test_the_reserve_can_be_released(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        assert log.release_reserve()
        assert not log.release_reserve()
        await log.append([door(1)])


@pytest.mark.asyncio
async def test_a_second_log_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        with pytest.raises(LogLocked, match="locked by process"):
            await EventLog.open(tmp_path, identity="CB-TEST", catalogue=CATALOGUE)
        await log.append([door(1)])


def test_a_process_whose_opening_failed_ends(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    program = (
        "import asyncio, pathlib, sys; from eventstore.log import EventLog\n"
        "asyncio.run(EventLog.open(pathlib.Path(sys.argv[1]) / 'file' / 'log', identity='X', catalogue={}))"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, timeout=20)
    assert ended.returncode == 1
    assert b"NotWritable" in ended.stderr


def test_a_directory_without_write_permission_is_not_writable(tmp_path: Path) -> None:
    """Tried as a plain user, because permissions do not stop the superuser."""
    program = (
        "import asyncio, os, pathlib, sys\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "from eventstore.log import EventLog\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "asyncio.run(EventLog.open(path, identity='X', catalogue={}))"
    )
    asyncio.run(_filled(tmp_path / "log"))
    for directory in (tmp_path.parent.parent, tmp_path.parent, tmp_path):
        directory.chmod(directory.stat().st_mode | 0o055)
    for file in (tmp_path / "log").iterdir():
        file.chmod(0o666 if file.name == "lock" else 0o444)
    (tmp_path / "log").chmod(0o555)
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path / "log")], capture_output=True, timeout=20)
    assert ended.returncode == 1
    assert b"NotWritable" in ended.stderr
    assert not list((tmp_path / "log").glob("quarantine*"))


async def _filled(directory: Path) -> None:
    async with opened(directory) as log:
        await fill(log, 3)


@pytest.mark.asyncio
async def test_a_reader_of_its_own_sees_what_is_durable(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await log.append([door(1)])
        reader = open_reader(tmp_path / DATABASE_NAME)
        assert reader.execute("SELECT seq, digest FROM event").fetchall() == [(1, log.head.digest)]
        reader.close()


@pytest.mark.asyncio
async def test_a_log_cannot_be_opened_where_no_directory_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable):
        await EventLog.open(tmp_path / "file", identity="CB-TEST", catalogue=CATALOGUE)


@pytest.mark.asyncio
async def test_a_process_without_a_free_descriptor_goes_on_appending_and_what_can_wait_waits(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 3)
        await log.witness()
        await log.read_rows(0, 1)  # the reader is open
        with no_descriptors():
            await fill(log, 5)
            await log.witness()
            assert not log.head_witness.is_owed
            with pytest.raises(OutOfDescriptors, match="snapshot"):
                await log.save_snapshot(log.head.seq, "f", b"state")
        assert read_witness(tmp_path) == log.head
        (tmp_path / "witness").unlink()
        await fill(log, 1)
        with no_descriptors():
            await log.witness()
            assert log.head_witness.is_owed
        assert log.failure is None
        await log.witness()
        assert not log.head_witness.is_owed
        assert read_witness(tmp_path) == log.head
        await log.save_snapshot(log.head.seq, "f", b"state")


@pytest.mark.asyncio
async def test_a_reading_that_finds_no_descriptor_fails_nothing_and_works_later(tmp_path: Path) -> None:
    await segmented(tmp_path, 5, 6)
    async with opened(tmp_path) as log:
        head = log.head.seq
        with no_descriptors():
            for after in (0, head - 1):
                with pytest.raises(OutOfDescriptors, match="cannot be read now"):
                    await log.read_rows(after, 1)
        assert log.failure is None
        assert log.findings == (), "the archives are not damaged for that"
        assert [row.seq for row in await log.read_rows(0, 100)] == list(range(1, head + 1))
