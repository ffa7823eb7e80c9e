import fcntl
import shutil
from pathlib import Path

import pytest

from eventstore.database import DATABASE_NAME
from eventstore.segments import closed_segments, past_segments
from station.doctor.findings import Finding, Level
from station.doctor.logbook import is_running, log_findings
from station.runtime.archivist import Keep
from tests.logs import fill, opened, overwrite
from tests.outage import living

IDENTITY = "CB-TEST"


async def written(directory: Path, events: int = 20) -> None:
    async with opened(directory) as log:
        await fill(log, events)
        await log.witness()


def marks(directory: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in directory.iterdir()}


def remove(directory: Path) -> None:
    for path in directory.glob(f"{DATABASE_NAME}*"):
        path.unlink()


def look(directory: Path, identity: str = IDENTITY) -> list[Finding]:
    return list(log_findings(directory, identity))


@pytest.mark.asyncio
async def test_a_whole_log_at_rest_is_well_and_stays_as_it_was(tmp_path: Path) -> None:
    await written(tmp_path)
    before = marks(tmp_path)
    lock, log = look(tmp_path)
    assert (lock.level, "no daemon is running" in lock.text) == (Level.OK, True)
    assert (log.level, log.text.split(",")[0]) == (Level.OK, "20 events")
    assert "agrees with the witness of event 20" in log.text
    assert marks(tmp_path) == before
    assert is_running(tmp_path) is False


@pytest.mark.asyncio
async def test_a_live_log_is_read_while_it_is_written(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 10)
        lock, found = look(tmp_path)
        assert ("a daemon is running" in lock.text, found.level) == (True, Level.OK)
        assert found.text.startswith("10 events")
        assert is_running(tmp_path) is True


def test_no_log_yet_is_well(tmp_path: Path) -> None:
    assert [finding.level for finding in look(tmp_path / "none")] == [Level.OK]
    assert [finding.level for finding in look(tmp_path)] == [Level.OK, Level.OK]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.asyncio
async def test_a_damaged_log_is_a_fault_that_says_what_the_next_start_does(tmp_path: Path) -> None:
    await written(tmp_path, 400)
    database = tmp_path / DATABASE_NAME
    content = bytearray(database.read_bytes())
    content[9 * 4096 + 200 : 9 * 4096 + 900] = bytes(700)
    database.write_bytes(content)
    found = look(tmp_path)
    assert found[-1].level is Level.FAULT
    assert "salvages" in found[-1].advice


@pytest.mark.asyncio
async def test_a_log_that_vanished_or_lost_its_end_is_a_fault(tmp_path: Path) -> None:
    await written(tmp_path)
    remove(tmp_path)
    assert "has vanished" in look(tmp_path)[-1].text
    await written(tmp_path / "other", 5)
    shutil.copy(tmp_path / "other" / DATABASE_NAME, tmp_path / DATABASE_NAME)
    finding = look(tmp_path)[-1]
    assert (finding.level, "witness" in finding.text) == (Level.FAULT, True)


@pytest.mark.asyncio
async def test_another_stations_log_quarantine_and_a_spent_reserve_are_warnings(tmp_path: Path) -> None:
    await written(tmp_path)
    (tmp_path / "reserve").unlink()
    (tmp_path / "quarantine-1").mkdir()
    (tmp_path / "recovery.json").write_text("{}")
    texts = [finding.text for finding in look(tmp_path, "CB-2") if finding.level is Level.WARNING]
    assert len(texts) == 4
    assert "begun by CB-TEST" in texts[0]
    assert "quarantine-1" in texts[3]


@pytest.mark.asyncio
async def test_looking_takes_no_lock_that_a_starting_daemon_would_miss(tmp_path: Path) -> None:
    await written(tmp_path)
    for _ in log_findings(tmp_path, IDENTITY):
        with (tmp_path / "lock").open("rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.asyncio
async def test_an_archive_that_vanished_or_does_not_open_is_a_fault_and_one_dropped_on_record_is_not(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, keep=Keep(total_bytes=1)) as outage:
        await outage.first_session()
        for _ in range(3):
            await outage.quick_session(60)
        await outage.delivered()
        for _ in range(2):  # what was dropped is told by an archive, too
            await outage.close_books()
            await outage.archivist.tidy()
            assert faults(tmp_path) == []
        for _ in range(2):
            await outage.close_books()
        await outage.archivist._compress(closed_segments(tmp_path)[0])
        newest = past_segments(tmp_path)[-2:]
        assert faults(tmp_path) == []
    overwrite(newest[0].path, 3, b"\xff")
    assert f"{newest[0].path.name}: its header or index is damaged" in faults(tmp_path)
    newest[0].path.unlink()
    assert any(f"to {newest[0].last_seq} are gone" in text for text in faults(tmp_path))
    newest[1].path.unlink()
    assert any(f"to {newest[1].last_seq} are gone" in text for text in faults(tmp_path))


def faults(directory: Path) -> list[str]:
    return [finding.text for finding in look(directory, "CB-0001") if finding.level is Level.FAULT]
