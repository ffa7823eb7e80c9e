"""A log of every released version opens in this one, and a power cut at any write of its migration is harmless."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from eventstore.chain import EMPTY, verify
from eventstore.database import DATABASE_NAME, applied, migrate, open_reader, open_writer
from eventstore.log import EventLog
from migrations import MIGRATIONS
from projections.digest import LAYOUT_STEPS, STATE_LAYOUT, state_from
from projections.station import INITIAL, evolve
from station.runtime.recovery import fold_log
from tests.corpora.released import EXPECTED, LOGS, apart, examine, is_released, tell, versions
from tests.fuse import FUSE, Crash

SECTOR = 512


def test_there_is_a_corpus_of_this_version_and_it_is_released_once() -> None:
    assert "0.1.0" in [corpus.name for corpus in versions()]
    assert not is_released("9.9.9")


@pytest.mark.parametrize("corpus", versions(), ids=lambda path: path.name)
def test_a_log_of_a_released_version_is_what_it_was(corpus: Path, tmp_path: Path) -> None:
    expected = json.loads((corpus / EXPECTED).read_text())
    found = examine(corpus, tmp_path)
    differing = [
        f"{name}.{each}" for name in LOGS for each in found[name] if found[name][each] != expected[name].get(each)
    ]
    assert found == expected, (
        f"the log of {corpus.name} amounts to something else now: {', '.join(differing)}. Is that what was meant to change? "
        "Then say it in CHANGELOG.md, and: python -m tests.corpora.released --expect. If what a state consists of has changed, "
        "see tests/unit/projections/test_state_lock.py first"
    )
    assert len({found[name]["state_digest"] for name in LOGS}) == 1, "one history, one state"
    assert all(expected[name]["verify"] == 4 for name in LOGS)  # what it decided otherwise is known, and told


@pytest.mark.parametrize("corpus", versions(), ids=lambda path: path.name)
@pytest.mark.asyncio
async def test_every_state_that_a_released_version_closed_its_books_with_is_read(corpus: Path, tmp_path: Path) -> None:
    shutil.copytree(corpus / "segmented", tmp_path / "log")
    log = await EventLog.open(tmp_path / "log", identity="")
    try:
        final, _ = await fold_log(log)
        openings = [opening async for opening in log.openings()]
        assert len(openings) == 2  # the older one of them stands in two files
        for opening in openings:
            state = state_from(opening.state, opening.layout)
            assert state.seq == opening.head.seq
    finally:
        await log.close()
    assert final.seq == json.loads((corpus / EXPECTED).read_text())["segmented"]["events"]


def test_folding_on_from_where_a_segment_closed_is_folding_from_the_first_event() -> None:
    """Exactly: what this version closes its books with tells all that its events say."""
    station, states = tell()
    assert len(states) == 2
    for seq, content in states.items():
        state = state_from(content)
        assert apart(state, reduce(evolve, station.log[:seq], INITIAL)) == []
        assert apart(reduce(evolve, station.log[seq:], state), station.state) == []


def test_every_old_layout_of_the_state_has_a_way_up() -> None:
    assert sorted(LAYOUT_STEPS) == list(range(1, STATE_LAYOUT))


# ---- the power cut -------------------------------------------------------------------------------------------------


def old_log(tmp_path: Path) -> Path:
    """The log of the first schema, as its own version left it."""
    shutil.copytree(versions()[0] / "single", tmp_path / "old")
    return tmp_path / "old"


async def opens_whole(path: Path, events: int, head: bytes) -> None:
    log = await EventLog.open(path, identity="")
    try:
        assert log.boot_report.recovered == ()
        assert (log.head.seq, log.head.digest) == (events, head)
        assert verify(EMPTY, await log.read_rows(0, 1_000_000), (await log.commitments_from(1)).content) == log.head
    finally:
        await log.close()
    with closing(open_reader(path / DATABASE_NAME)) as connection:
        assert [number for number, _, _ in applied(connection)] == [each.number for each in MIGRATIONS]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def known(path: Path) -> tuple[int, bytes]:
    with closing(open_reader(path / DATABASE_NAME, immutable=True)) as connection:
        found: Any = connection.execute("SELECT seq, digest FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        return int(found[0]), bytes(found[1])


def torn_states(directory: Path, target: Path) -> Iterator[Path]:
    """The files of a log, with its WAL cut after each sector: whatever had reached the disk of what was written last."""
    wal = (directory / f"{DATABASE_NAME}-wal").read_bytes()
    for number, kept in enumerate(range(0, len(wal) + SECTOR, SECTOR)):
        state = target / str(number)
        shutil.copytree(directory, state, ignore=shutil.ignore_patterns("*-shm", "*-wal"))
        (state / f"{DATABASE_NAME}-wal").write_bytes(wal[:kept])
        yield state


@pytest.mark.asyncio
async def test_a_power_cut_at_any_write_of_a_migration_is_harmless(tmp_path: Path) -> None:
    path = old_log(tmp_path)
    events, head = known(path)
    copied = tmp_path / "cut"
    connection = open_writer(path / DATABASE_NAME)
    try:
        assert migrate(connection) == tuple(each.number for each in MIGRATIONS[1:])
        shutil.copytree(path, copied)  # as it stands before anything is checkpointed: all of it is in the WAL
    finally:
        connection.close()
    count = 0
    for state in torn_states(copied, tmp_path / "states"):
        await opens_whole(state, events, head)
        shutil.rmtree(state)
        count += 1
    assert count > 20


@pytest.mark.asyncio
@pytest.mark.parametrize("changes", range(6))
async def test_an_upgrade_cut_at_any_change_of_a_name_is_made_good(tmp_path: Path, changes: int) -> None:
    path = old_log(tmp_path)
    events, head = known(path)
    with FUSE.cutting_after(changes), suppress(Crash):
        await (await EventLog.open(path, identity="")).close()
    await opens_whole(path, events, head)
    with closing(sqlite3.connect(path / "backup-2.db")) as backup:
        assert backup.execute("SELECT count(*) FROM event").fetchone() == (events,)
        assert backup.execute("SELECT count(*) FROM migration").fetchone() == (1,)


@pytest.mark.parametrize("left", [b"", b"half of a copy"])
def test_half_a_backup_is_made_again(tmp_path: Path, left: bytes) -> None:
    path = old_log(tmp_path)
    (path / "backup-2.db").write_bytes(left)
    asyncio.run(opens_whole(path, *known(path)))
    with closing(sqlite3.connect(path / "backup-2.db")) as backup:
        assert backup.execute("SELECT count(*) FROM event").fetchone() == (known(path)[0],)
