"""The check of the whole log in slices."""

from pathlib import Path

import pytest

from eventstore.errors import StorageFailed
from eventstore.integrity import CheckProgress, check_rows, quick_check
from eventstore.log import EventLog
from tests.logs import execute_behind_its_back, fill_at_once, opened


async def checked(log: EventLog, events: int) -> list[CheckProgress]:
    progress = [CheckProgress()]
    while not progress[-1].done:
        progress.append(await log.check_slice(progress[-1], events=events))
    return progress


@pytest.mark.asyncio
async def test_a_whole_log_is_checked_slice_by_slice(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill_at_once(log, 25)
        progress = await checked(log, 10)
        assert [each.verified.seq for each in progress] == [0, 10, 20, 25, 25]
        assert progress[-1].verified == log.head
        assert progress[-1].findings == ()
        assert await log.check_slice(progress[-1]) == progress[-1]


@pytest.mark.asyncio
async def test_events_appended_meanwhile_are_checked_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill_at_once(log, 5)
        progress = await log.check_slice(CheckProgress())
        await fill_at_once(log, 5)
        assert (await log.check_slice(progress)).verified == log.head


@pytest.mark.asyncio
async def test_what_is_found_is_salvaged_at_the_next_start(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill_at_once(log, 30)
        await log.save_snapshot(20, "f", b"")
    execute_behind_its_back(tmp_path, "UPDATE event SET payload = '{}' WHERE seq = 8")
    async with opened(tmp_path) as log:
        assert log.boot_report.recovered == ()  # behind the snapshot: not looked at before the start
        found = (await checked(log, 10))[-1]
        assert found.findings == ("the digest of event 8 does not fit",)
        assert found.verified.seq == 7
    async with opened(tmp_path) as log:
        assert log.boot_report.recovered == found.findings
        assert log.head.seq == 7
        recovery = log.boot_report.recovery
        assert recovery is not None
        assert recovery.known_seq == 30
        assert recovery.stray_events == 22
        await fill_at_once(log, 1)


def test_a_missing_row_is_a_finding() -> None:
    assert check_rows(CheckProgress(), []).findings == ("event 1 is missing",)


def test_quick_check_ends_the_check() -> None:
    assert quick_check(CheckProgress(), [("ok",)]) == CheckProgress(done=True)
    assert quick_check(CheckProgress(), [("bad page",)]).findings == ("quick_check: bad page",)


@pytest.mark.asyncio
async def test_a_closed_log_is_not_checked(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill_at_once(log, 3)
        progress = await log.check_slice(CheckProgress())
    with pytest.raises(StorageFailed):
        await log.check_slice(progress)
