"""The flight recorder on the log of a real daemon: while it runs, after a kill, and whatever it went through in between."""

import asyncio
from pathlib import Path

import pytest

from station.replay.answers.conversation import exchanges
from station.replay.answers.summary import Summary, summarize
from station.replay.answers.transactions import transaction_rows
from station.replay.answers.whatif import otherwise
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from station.replay.proof.verdict import Verdict
from station.replay.proof.verify import verify
from tests.integration.conftest import Pair


def marks(directory: Path) -> dict[str, tuple[int, int]]:
    """Size and time of everything but what SQLite's readers share with the daemon."""
    files = [file for file in directory.rglob("*") if file.is_file() and not file.name.endswith("-shm")]
    return {str(file): (file.stat().st_size, file.stat().st_mtime_ns) for file in files}


def read(log: Path) -> tuple[Summary, Verdict, int, int]:
    """What replay says of a log: summary, verdict, how many transactions and exchanges."""
    with open_log(log) as reader:
        calendar = calendar_of(reader)
        assert list(otherwise(reader, calendar, {})) == []
        assert state_at(reader, reader.head.seq).state.seq == reader.head.seq
        talk = sum(1 for _ in exchanges(reader, calendar))
        return summarize(reader, calendar), verify(reader), len(transaction_rows(reader, calendar)), talk


@pytest.mark.asyncio
async def test_the_log_of_a_daemon_is_whole_while_it_runs_and_after_a_kill(pair: Pair) -> None:
    storage = pair.daemon.directory / "storage"
    await pair.session("ALIVE")
    await pair.daemon.api.network(False)
    await pair.daemon.api.network(True)
    await pair.daemon.api.clock(advance_s=700)
    summary, verdict, count, talk = await asyncio.to_thread(read, storage)
    assert (verdict.verdict, verdict.findings, verdict.skipped) == ("whole", (), ())
    assert (summary.source, count, summary.transactions_unconfirmed) == ("live log", 1, 0)
    assert talk > 5
    await pair.started("KILLED")
    await pair.daemon.kill()
    before = marks(storage)
    summary, verdict, count, _ = await asyncio.to_thread(read, storage)
    assert marks(storage) == before
    assert (verdict.verdict, verdict.findings) == ("whole", ())
    assert (summary.source, count, summary.transactions_running) == ("log", 2, 1)
    await pair.daemon.start()
    await pair.delivered()
    summary, verdict, _, _ = await asyncio.to_thread(read, storage)
    assert (verdict.verdict, verdict.findings) == ("whole", ())
    assert (summary.boot_count, summary.power_cuts, summary.transactions_running) == (2, 1, 0)
    state = await pair.daemon.api.state()
    assert summary.last_seq <= state["log"]["last_seq"]
