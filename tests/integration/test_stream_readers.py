"""Readers of the stream that take nothing: each costs the station a bounded amount of memory, and nobody else anything."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.daemon import Daemon
from tests.integration.stations import settings_for

READERS = 10
DATA = 30_000
TRANSFERS = 100
GROWTH_MB = 45
"""A slice for each of them is 15 MB, twice while it is sent; all of the log for each would be 60 MB, or 120."""


def resident_mb(pid: int) -> float:
    """What the process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


async def _silent(stack: AsyncExitStack, port: int) -> None:
    """A reader that asks for everything and then takes nothing of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    stack.callback(writer.close)
    writer.write(b"GET /api/stream?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    await reader.read(1)


@pytest.mark.asyncio
async def test_ten_readers_that_take_nothing_cost_bounded_memory_and_nobody_else_waits(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        daemon = await stack.enter_async_context(Daemon(tmp_path, settings_for("ws://127.0.0.1:9/ocpp")))
        body = {"vendorId": "org.example", "data": "x" * DATA}
        for _ in range(TRANSFERS):
            assert (await daemon.api.call("POST", "/api/data-transfer", body)).status_code == 200
        before = resident_mb(daemon.pid)
        for _ in range(READERS):
            await _silent(stack, daemon.service_port)
        await daemon.api.plug(1)
        shown = await daemon.api.get("/api/view/now")
        assert shown["connectors"][0]["status"] == "Preparing"
        grown = resident_mb(daemon.pid) - before
        assert grown < GROWTH_MB
