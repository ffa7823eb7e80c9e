"""The reading connection of a running log."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eventstore.reading import Reading


def filled(path: Path, value: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (value)")
        connection.execute("INSERT INTO t VALUES (?)", (value,))


@pytest.mark.asyncio
async def test_it_is_opened_when_asked_and_anew_once_it_has_let_go(tmp_path: Path) -> None:
    reading = Reading(tmp_path / "a.db")
    with pytest.raises(sqlite3.OperationalError):  # it makes no file
        await reading.query("SELECT value FROM t")
    filled(tmp_path / "a.db", 1)
    filled(tmp_path / "b.db", 2)
    assert await reading.query("SELECT value FROM t") == [(1,)]
    (tmp_path / "b.db").rename(tmp_path / "a.db")
    await reading.let_go()
    assert await reading.query("SELECT value FROM t WHERE value > ?", (0,)) == [(2,)]
    await reading.let_go()
    await reading.let_go()
    await reading.interrupt()


@pytest.mark.asyncio
async def test_it_takes_no_writes(tmp_path: Path) -> None:
    filled(tmp_path / "a.db", 1)
    reading = Reading(tmp_path / "a.db")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await reading.query("INSERT INTO t VALUES (2)")
    await reading.let_go()


def held(path: Path) -> int:
    """How many descriptors of this process are of the file."""
    return sum(link.samefile(path) for link in Path("/proc/self/fd").iterdir() if link.exists())


@pytest.mark.asyncio
async def test_where_it_does_not_stay_nothing_is_held_between_two_questions(tmp_path: Path) -> None:
    filled(tmp_path / "a.db", 1)
    reading = Reading(tmp_path / "a.db", stays=False)
    for _ in range(2):
        assert await reading.query("SELECT value FROM t") == [(1,)]
        assert held(tmp_path / "a.db") == 0
    with pytest.raises(sqlite3.OperationalError):
        await reading.query("SELECT nothing FROM t")
    assert held(tmp_path / "a.db") == 0
    await reading.hold()
    assert held(tmp_path / "a.db") == 1
    await reading.let_go()
    assert held(tmp_path / "a.db") == 0
