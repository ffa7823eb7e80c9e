"""Rows as stored, and what can be read of a damaged table."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventstore.bounds import PAYLOAD_CHARS_MAX, SEQ_MAX, SLICE_CHARS_MAX
from eventstore.database import DATABASE_NAME, migrate, open_reader
from eventstore.rows import SLICE_ROWS, readable_rows, select_rows, sound
from tests.hostile import chained
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


@pytest.mark.asyncio
async def test_a_tree_that_leads_in_a_circle_is_left(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill_at_once(log, 1_200)
    path = tmp_path / DATABASE_NAME
    connection = open_reader(path)
    [(root,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'event'")
    connection.close()
    page = path.read_bytes()[(root - 1) * 4096 : root * 4096]
    first_cell = int.from_bytes(page[12:14], "big")
    overwrite(path, (root - 1) * 4096 + 8, page[first_cell : first_cell + 4])  # the last child is the first one again
    connection = open_reader(path)
    read = [row.seq for rows in readable_rows(connection, 0, misses_max=10) for row in rows]
    connection.close()
    assert min(read) == 1
    assert len(read) < 2_400


ROWS = chained([("DoorObserved", 1, None, "{}")] * 3)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("seq", 0),
        ("seq", "2"),
        ("seq", SEQ_MAX + 1),
        ("cause", -1),
        ("at_ms", 1.5),
        ("utc_ms", 1 << 62),
        ("type", b"DoorObserved"),
        ("version", None),
        ("connector_id", 1 << 62),
        ("payload", 7),
        ("payload", "x" * (PAYLOAD_CHARS_MAX + 1)),
        ("digest", bytes(31)),
    ],
)
def test_a_row_that_no_station_writes_is_left_out(column: str, value: Any) -> None:
    odd = ROWS[1]._replace(**{column: value})
    assert sound([ROWS[0], odd, ROWS[2]]) == [ROWS[0], ROWS[2]]
    assert sound(list(ROWS)) == ROWS


def test_large_payloads_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    large = chained([("DoorObserved", 1, None, "x" * (SLICE_CHARS_MAX // 2))] * 5)
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as connection:
        migrate(connection)
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", large)
        assert [len(rows) for rows in readable_rows(connection, 0, misses_max=0)] == [2, 2, 1]
