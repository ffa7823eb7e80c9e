"""The real daemon over several segments: killed at any moment, it goes on where it was, and its whole history is one chain."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from eventstore.archive import ArchiveReader
from eventstore.segments import archives, past_segments
from station.replay.opening.source import open_log
from station.replay.proof.verdict import Verdict
from station.replay.proof.verify import verify
from tests.daemon import Daemon

SETTINGS: dict[str, dict[str, Any]] = {
    "station": {"identity": "CB-0001"},
    "csms": {"url": "ws://127.0.0.1:1/ocpp", "reconnect_min_s": 300},
    "storage": {"segment_bytes": 65_536},
}


async def write(daemon: Daemon, events: int, register: int) -> None:
    """So many readings of the meter, each with a commit of its own."""
    for number in range(events):
        await daemon.api.meter(1, energy_wh=register + number)


@pytest.mark.asyncio
async def test_a_daemon_that_is_killed_again_and_again_keeps_one_whole_history(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    async with Daemon(tmp_path, SETTINGS) as daemon:
        for number in range(3):
            await write(daemon, 110, number * 1_000)
            acknowledged = (await daemon.api.state())["log"]["last_seq"]
            if number % 2:
                await daemon.api.clock(advance_s=20)  # wakes the archivist
            await daemon.kill()
            await daemon.start()
            assert (await daemon.api.state())["log"]["last_seq"] >= acknowledged
        async with asyncio.timeout(20):
            while any(not segment.is_archive for segment in past_segments(storage)):
                await daemon.api.clock(advance_s=20)  # wakes the archivist from its pauses
        assert len(archives(storage)) >= 2
        events = await daemon.api.events()
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert sum(event["type"] == "BooksClosed" for event in events) == len(archives(storage))
        assert not [event for event in events if event["type"] in ("LogSalvaged", "LogDamageFound", "DecisionFailed")]
        assert f"chargebox_archive_bytes {sum(s.path.stat().st_size for s in archives(storage))}" in (
            await daemon.api.metrics()
        )
        assert await daemon.stop() == 0
    for segment in archives(storage):
        with ArchiveReader(segment.path) as reader:
            assert reader.verify() == ()
    verdict = await asyncio.to_thread(_verdict, storage)
    assert (verdict.verdict, verdict.findings, verdict.skipped) == ("whole", (), ())


def _verdict(storage: Path) -> Verdict:
    with open_log(storage) as log:
        return verify(log)
