"""Reading what lies before the live segment: across files, in bounded memory, around damage."""

from pathlib import Path

import pytest

from eventstore.archive import ArchiveReader
from eventstore.history import History
from eventstore.segments import archives, closed_segments
from tests.logs import close_segment, fill, fill_at_once, opened, overwrite, segmented


@pytest.mark.asyncio
async def test_rows_come_from_all_files_in_order(tmp_path: Path) -> None:
    await segmented(tmp_path, 3, 4)
    async with opened(tmp_path) as log:  # and one that is not compressed yet
        await close_segment(log)
    history = History(tmp_path)
    assert [row.seq for row in history.rows(0, 100, 12)] == list(range(1, 13))
    assert [row.seq for row in history.rows(2, 3, 12)] == [3, 4, 5]
    assert [row.seq for row in history.rows(6, 100, 7)] == [7]
    assert history.rows(12, 100, 12) == []
    assert history.findings == ()
    history.close()


@pytest.mark.asyncio
async def test_what_ends_behind_the_live_segments_beginning_is_none_of_ours(tmp_path: Path) -> None:
    await segmented(tmp_path, 3, 4)
    history = History(tmp_path)
    assert [row.seq for row in history.rows(0, 100, 3)] == [1, 2, 3]
    assert [segment.last_seq for segment in history.segments(6)] == [3]
    history.close()


@pytest.mark.asyncio
async def test_a_damaged_frame_is_left_out_and_told(tmp_path: Path) -> None:
    await segmented(tmp_path, 2_100, 5)
    path = archives(tmp_path)[0].path
    with ArchiveReader(path) as reader:
        overwrite(path, reader.index.frames[1].offset + 50, b"\0\0\0\0")
    history = History(tmp_path)
    for _ in range(2):
        rows = history.rows(0, 10_000, 2_105)
        assert [row.seq for row in rows] == [*range(1, 1001), *range(2001, 2106)]
    (finding,) = history.findings
    assert "events 1001 to 2000 are damaged" in finding
    history.close()


@pytest.mark.asyncio
async def test_an_archive_of_garbage_is_left_out_and_told(tmp_path: Path) -> None:
    await segmented(tmp_path, 5, 6)
    archives(tmp_path)[1].path.write_bytes(b"garbage" * 100)
    history = History(tmp_path)
    assert [row.seq for row in history.rows(0, 100, 11)] == [1, 2, 3, 4, 5]
    assert [opening.head.seq for opening in history.openings(11)] == [5]
    assert history.findings == ("000000000006-000000000011.cbz is no archive, or cut short",)
    history.close()


@pytest.mark.asyncio
async def test_a_damaged_segment_that_waits_gives_what_can_be_read(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill_at_once(log, 600)
        await close_segment(log)
        await fill(log, 2)
        (segment,) = closed_segments(tmp_path)
        pages = segment.path.stat().st_size // 4096
        overwrite(segment.path, (pages // 2) * 4096, bytes(4096))
        rows = await log.read_rows(0, 1_000)
        seqs = [row.seq for row in rows]
        assert seqs == sorted(seqs)
        assert 450 < len(seqs) < 602
        assert {1, 600, 601, 602} <= set(seqs)


@pytest.mark.asyncio
async def test_one_frame_is_kept_so_that_the_next_question_costs_little(tmp_path: Path) -> None:
    await segmented(tmp_path, 2_100)
    history = History(tmp_path)
    first = history.rows(0, 10, 2_100)
    second = history.rows(0, 10, 2_100)
    assert all(one is other for one, other in zip(first, second, strict=True))
    history.close()
    assert history.rows(0, 10, 2_100) == first
    history.close()
