"""Rules of the store that no scenario states by itself: no clock in SQL, one writer, a WAL that stays small."""

import asyncio
import re
from pathlib import Path

import pytest

from eventstore.integrity import CheckProgress
from eventstore.log import EventLog
from tests.architecture.sources import ROOT, sources
from tests.logs import CATALOGUE, close_segment, door, fill, opened

SQL_CLOCKS = re.compile(
    r"CURRENT_TIME|CURRENT_DATE|\b(?:date|time|datetime|julianday|strftime|unixepoch)\s*\(\s*'", re.IGNORECASE
)
WAL_MAX_BYTES = 640 << 10
"""100 pages until the checkpoint, two frames each (psow=0), and the pages of the batch that set it off."""
EVENTS = 3_000


def test_no_statement_asks_the_database_for_the_time() -> None:
    texts = {str(path.relative_to(ROOT)): path.read_text() for path in (ROOT / "migrations").rglob("*.sql")}
    texts |= {str(source.path): "\n".join(source.lines) for source in sources() if source.path.parts[0] == "eventstore"}
    assert [name for name, text in texts.items() if SQL_CLOCKS.search(text)] == []


def test_only_the_store_opens_databases_for_writing() -> None:
    """Replay, doctor and service read through read-only connections, or copies."""
    found = [
        str(source.path)
        for source in sources()
        if source.path.parts[0] not in ("eventstore", "migrations") and "open_writer" in "\n".join(source.lines)
    ]
    assert found == []


@pytest.mark.asyncio
async def test_the_wal_stays_small_however_much_is_written(base: Path) -> None:
    wal = base / "storage" / "chargebox.db-wal"
    log = await EventLog.open(base / "storage", identity="CB-TEST", catalogue=CATALOGUE)
    try:
        largest = 0
        for seq in range(1, EVENTS + 1):
            await log.append([door(seq, "x" * 200)])
            if seq % 500 == 0:
                await log.read(seq - 10, 10)
            largest = max(largest, wal.stat().st_size)
    finally:
        await log.close()
    assert 0 < largest < WAL_MAX_BYTES


@pytest.mark.asyncio
async def test_a_segment_that_is_closed_while_the_log_is_checked_is_not_taken_for_damage(base: Path) -> None:
    async with opened(base / "storage") as log:
        await fill(log, 10)
        progress = await log.check_slice(CheckProgress(), events=3)
        async with log._reading.lock:  # as somebody does who reads
            closing = asyncio.create_task(close_segment(log))
            while not log._reading.lock._waiters:  # noqa: ASYNC110  # the next segment is made in a thread
                await asyncio.sleep(0.001)
            checking = asyncio.create_task(log.check_slice(progress, events=3))
            await asyncio.sleep(0)
        await closing
        progress = await checking
        while not progress.done:
            progress = await log.check_slice(progress, events=3)
        assert progress.findings == ()
        assert log.opening.head.seq >= 10
