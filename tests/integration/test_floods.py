"""A CSMS that sends without pause starves nobody: the board, the service and the end of the process come in their turn."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.csms.faulty import FaultyCsms
from tests.daemon import Daemon
from tests.integration.stations import delivered, settings_for, start_transaction, until

WITHIN_S = 60
"""For whatever must come at all; how soon is the benchmarks' business."""
CALL = "GetConfiguration"


@contextlib.asynccontextmanager
async def flooding(csms: FaultyCsms) -> AsyncIterator[None]:
    """CALLs, one after the other, as fast as the station takes them; none waits for its answer."""

    async def send() -> None:
        assert csms.link is not None
        for number in itertools.count():
            frame = [2, f"flood-{number}", CALL, {"key": ["HeartbeatInterval"]}]
            await csms.link.socket.send(json.dumps(frame))

    flood = asyncio.create_task(send())
    try:
        yield
    finally:
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)


@pytest.mark.asyncio
async def test_controls_and_the_board_are_heard_while_the_csms_sends_without_pause(tmp_path: Path) -> None:
    async with FaultyCsms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        await until(daemon, delivered, "registration")
        await start_transaction(daemon, "A")
        async with flooding(csms), asyncio.timeout(WITHIN_S):
            before = len((await daemon.api.state())["transactions"])
            assert before == 1
            await daemon.api.emergency_stop(True)
            connector = await daemon.api.connector(1)
            assert connector["contactor"] == "open"
            assert connector["transaction_number"] is None
            await daemon.api.emergency_stop(False)
            await daemon.api.swipe("A", 1)


@pytest.mark.asyncio
async def test_a_station_that_is_told_to_end_does_so_in_order_while_the_csms_sends_without_pause(
    tmp_path: Path,
) -> None:
    async with FaultyCsms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        await until(daemon, delivered, "registration")
        async with flooding(csms):
            assert (await daemon.api.state())["link"]["up"]
            assert await daemon.stop() == 0
        await daemon.start()
        events = await daemon.api.events(limit=10_000)
        boots = [number for number, event in enumerate(events) if event["type"] == "StationBooted"]
        assert events[boots[-1] - 1]["type"] == "StationStopped"


@pytest.mark.asyncio
async def test_a_flood_of_large_frames_does_not_wear_the_disk(tmp_path: Path) -> None:
    """512 KiB each, as fast as the station takes them, for as long as forty of them would last without a bound."""
    async with FaultyCsms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        await until(daemon, delivered, "registration")
        before = (await daemon.api.state())["log"]["bytes"]
        large = json.dumps([2, "x", "Nonsense", {"x": "y" * (500 << 10)}])

        async def send() -> None:
            assert csms.link is not None
            for _ in range(40):
                await csms.link.socket.send(large)

        flood = asyncio.create_task(send())
        await asyncio.wait({flood}, timeout=8)
        grown = (await daemon.api.state())["log"]["bytes"] - before
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        assert grown <= 2_500_000
        assert await daemon.stop() == 0
