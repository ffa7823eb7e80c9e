"""Rows as stored, and what can be read of a damaged table."""

from pathlib import Path

import pytest

from eventstore.database import DATABASE_NAME, open_reader
from eventstore.rows import SLICE_ROWS, readable_rows, select_rows
from tests.logs import fill_at_once, opened, overwrite


@pytest.mark.asyncio
async def test_a_whole_table_is_read_in_slices(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill_at_once(log, 1_200)
    connection = open_reader(tmp_path / DATABASE_NAME)
    slices = [len(rows) for rows in readable_rows(connection, 0, misses_max=0)]
    assert slices == [SLICE_ROWS, SLICE_ROWS, 200]
    assert [row.seq for row in select_rows(connection, "seq = ?", (7,))] == [7]
    connection.close()


@pytest.mark.asyncio
async def test_damage_is_stepped_over_up_to_a_limit(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill_at_once(log, 1_200)
    pages = (tmp_path / DATABASE_NAME).stat().st_size // 4096
    overwrite(tmp_path / DATABASE_NAME, (pages // 2) * 4096, bytes(4096))
    connection = open_reader(tmp_path / DATABASE_NAME)
    some = [row.seq for rows in readable_rows(connection, 0, misses_max=0) for row in rows]
    most = [row.seq for rows in readable_rows(connection, 0, misses_max=1_000) for row in rows]
    connection.close()
    assert some == most[: len(some)]
    assert len(some) < len(most) < 1_200
    assert most[-1] == 1_200
