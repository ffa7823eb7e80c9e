"""A thinned archive beside the whole one, and in its place."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from eventstore.archive import ArchiveReader
from eventstore.chain import Row
from eventstore.errors import LogCorrupt
from eventstore.history import History
from eventstore.inventory import damage_of, holes
from eventstore.segments import PastSegment, archives, past_segments
from eventstore.thinning import Thinned, put_in_place, thin
from tests.logs import opened, overwrite, segmented


def nothing(batch: Sequence[Row]) -> bool:
    return False


def everything(batch: Sequence[Row]) -> bool:
    return True


def made(segment: PastSegment) -> Thinned:
    (*_, found) = thin(segment, nothing)
    assert found is not None
    return found


@pytest.mark.asyncio
async def test_until_it_is_put_in_place_nothing_has_changed(tmp_path: Path) -> None:
    await segmented(tmp_path, 200, 200)
    first = archives(tmp_path)[0]
    before = past_segments(tmp_path)
    thinned = made(first)
    assert past_segments(tmp_path) == before
    assert thinned.gaps == ((1, 199),)
    assert thinned.events == 199
    assert thinned.path.stat().st_mode & 0o777 == 0o600
    put_in_place(thinned)
    assert not first.path.exists()
    assert not thinned.path.exists()
    now = past_segments(tmp_path)
    assert [(each.first_seq, each.last_seq, each.is_thinned) for each in now] == [(1, 200, True), (201, 400, False)]
    assert holes(now, 400) == []
    assert damage_of(now[0]) == ()
    with ArchiveReader(now[0].path) as reader:
        assert reader.seal == thinned.seal
    history = History(tmp_path)
    assert [row.seq for row in history.rows(0, 3, 400)] == [200, 201, 202]
    history.close()


@pytest.mark.asyncio
async def test_an_archive_without_chatter_stays(tmp_path: Path) -> None:
    await segmented(tmp_path, 200)
    assert list(thin(archives(tmp_path)[0], everything))[-1] is None
    assert [path.name for path in (tmp_path / "archive").iterdir()] == [archives(tmp_path)[0].path.name]


@pytest.mark.asyncio
async def test_a_damaged_archive_is_left_as_it_is(tmp_path: Path) -> None:
    await segmented(tmp_path, 2_500)
    (segment,) = archives(tmp_path)
    with ArchiveReader(segment.path) as reader:
        overwrite(segment.path, reader.index.frames[1].offset + 30, b"\0\0\0\0")
    with pytest.raises(LogCorrupt, match="events 1001 to 2000"):
        list(thin(segment, nothing))
    assert list((tmp_path / "archive").iterdir()) == [segment.path]


@pytest.mark.asyncio
async def test_of_both_the_whole_one_counts_and_a_start_removes_the_other_and_what_was_left_half_done(
    tmp_path: Path,
) -> None:
    await segmented(tmp_path, 200, 200)
    first, second = archives(tmp_path)
    content = first.path.read_bytes()
    put_in_place(made(first))
    first.path.write_bytes(content)
    left = made(second)
    assert past_segments(tmp_path) == [first, second]
    async with opened(tmp_path) as log:
        assert archives(tmp_path) == [first, second]
        assert not left.path.exists()
        assert [row.seq for row in await log.read_rows(0, 1_000)] == list(range(1, 406))
