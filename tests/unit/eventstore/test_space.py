"""What an open log tells of its disk."""

from pathlib import Path

import pytest

from eventstore.database import DATABASE_NAME
from eventstore.directory import RESERVE_NAME
from eventstore.segments import past_segments
from tests.logs import close_segment, fill, opened


@pytest.mark.asyncio
async def test_what_the_log_takes_and_what_is_left(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 20)
        files = (tmp_path / DATABASE_NAME, tmp_path / f"{DATABASE_NAME}-wal")
        assert log.bytes_on_disk() == sum(file.stat().st_size for file in files)
        assert log.archive_bytes() == 0
        assert await close_segment(log)
        assert log.archive_bytes() == past_segments(tmp_path)[0].path.stat().st_size
        assert 0 < log.free_bytes() < log.disk_bytes()


@pytest.mark.asyncio
async def test_the_reserve_is_given_up_once_and_made_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        assert (log.release_reserve(), log.release_reserve()) == (True, False)
        assert not (tmp_path / RESERVE_NAME).exists()
        assert log.make_reserve()
        assert (tmp_path / RESERVE_NAME).exists()
