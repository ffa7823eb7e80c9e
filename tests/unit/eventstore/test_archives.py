"""The archives of a running log: listed, made, dropped."""

from pathlib import Path

import pytest

from eventstore.archive import ArchiveReader
from eventstore.chain import EMPTY, ChainBrokenError
from eventstore.segments import archives, closed_segments
from eventstore.value import replace
from tests.logs import at_once, close_segment, compress_all, execute_behind_its_back, fill_at_once, opened, segmented


@pytest.mark.asyncio
async def test_each_archive_is_listed_with_its_size_and_a_damaged_one_without_its_header(tmp_path: Path) -> None:
    await segmented(tmp_path, 3, 4, 5)
    archives(tmp_path)[1].path.write_bytes(b"garbage")
    async with opened(tmp_path) as log:
        found = await log.archives.facts()
        assert [facts.segment.last_seq for facts in found] == [3, 7, 12]
        assert [facts.header is None for facts in found] == [False, True, False]
        assert [facts.file_bytes for facts in found] == [path.path.stat().st_size for path in archives(tmp_path)]


@pytest.mark.asyncio
async def test_segments_that_waited_through_several_switches_keep_the_state_they_end_in(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        for number in range(3):
            await fill_at_once(log, 10)
            await close_segment(log, b"state %d" % number)
        assert len(log.archives.waiting) == 3
        await compress_all(log)
    states = []
    for segment in archives(tmp_path):
        with ArchiveReader(segment.path) as reader:
            states.append(reader.opening().state)
    assert states == [b"state 0", b"state 1", b"state 2"]


@pytest.mark.asyncio
async def test_a_segment_that_is_not_whole_is_not_compressed_and_stays(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill_at_once(log, 30)
        await close_segment(log)
        (segment,) = log.archives.waiting
        segment.path.rename(tmp_path / "chargebox.tmp")
        (tmp_path / "aside").mkdir()
        (tmp_path / "chargebox.tmp").rename(tmp_path / "aside" / "chargebox.db")
        execute_behind_its_back(tmp_path / "aside", "UPDATE event SET payload = '{}' WHERE seq = 7")
        (tmp_path / "aside" / "chargebox.db").rename(segment.path)
        with pytest.raises(ChainBrokenError, match="the digest of event 7 does not fit"):
            await log.archives.compress(segment, at_once)
        assert closed_segments(tmp_path) == [segment]
        assert list((tmp_path / "archive").iterdir()) == []


@pytest.mark.asyncio
async def test_an_archive_is_dropped_but_never_the_newest(tmp_path: Path) -> None:
    await segmented(tmp_path, 3, 4)
    async with opened(tmp_path) as log:
        oldest, newest = archives(tmp_path)
        await log.archives.drop(oldest)
        with pytest.raises(AssertionError, match="the newest archive"):
            await log.archives.drop(newest)
        assert archives(tmp_path) == [newest]
        assert await log.first_seq() == 4


@pytest.mark.asyncio
async def test_the_newest_closed_segment_says_what_it_continues_compressed_or_not(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        assert await log.archives.newest_base() is None
        ends = [EMPTY]
        for _ in range(2):
            await fill_at_once(log, 5)
            await close_segment(log)
            assert await log.archives.newest_base() == ends[-1]
            ends.append(log.opening.head)
        await compress_all(log)
        assert await log.archives.newest_base() == ends[-2]


@pytest.mark.asyncio
async def test_compressing_pauses_between_its_slices(tmp_path: Path) -> None:
    pauses = []

    async def pause() -> None:
        pauses.append(1)

    async with opened(tmp_path) as log:
        await fill_at_once(log, 2_100)
        await close_segment(log)
        await log.archives.compress(log.archives.waiting[0], pause)
    assert len(pauses) == 6  # three frames written, three read back


@pytest.mark.asyncio
async def test_each_state_is_told_once_and_one_that_the_live_segment_lost_comes_from_its_archive(
    tmp_path: Path,
) -> None:
    await segmented(tmp_path, 3, 4, 5)
    async with opened(tmp_path) as log:
        assert [opening.state async for opening in log.openings()] == [b'{"at":12}', b'{"at":7}', b'{"at":3}']
        log._opening = replace(log.opening, state=b"")
        assert [opening.state async for opening in log.openings()] == [b'{"at":12}', b'{"at":7}', b'{"at":3}']
