"""The stream of events of the real daemon, over real connections."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.daemon import Daemon, Settings

pytestmark = pytest.mark.asyncio
WITHIN_S = 60
ALONE: Settings = {
    "station": {"identity": "CB-0001"},
    "csms": {"url": "ws://127.0.0.1:9/ocpp"},
    "board": {"kind": "bench"},
}


class Browser:
    """An EventSource: it asks again with the last id that it has."""

    def __init__(self, daemon: Daemon) -> None:
        self._url = f"http://127.0.0.1:{daemon.service_port}/api/stream"
        self.last_id = "0"
        self.seqs: list[int] = []
        self.types: list[str] = []

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[AsyncIterator[str]]:
        timeout = httpx2.Timeout(WITHIN_S)
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=timeout) as http,
            http.stream("GET", self._url, headers={"last-event-id": self.last_id}) as response,
        ):
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            yield response.aiter_lines()

    async def read(self, lines: AsyncIterator[str], until_seq: int) -> None:
        async for line in lines:
            if line.startswith("id: "):
                self.last_id = line.removeprefix("id: ")
            if line.startswith("data: "):
                event = json.loads(line.removeprefix("data: "))
                self.seqs.append(event["seq"])
                self.types.append(event["type"])
                if event["seq"] >= until_seq:
                    return


async def test_a_browser_resumes_without_a_gap_or_a_double_when_the_daemon_was_killed(tmp_path: Path) -> None:
    async with Daemon(tmp_path, ALONE) as daemon:
        browser = Browser(daemon)
        async with browser.connected() as lines:
            await browser.read(lines, await daemon.api.plug(1))
            found = await asyncio.gather(browser.read(lines, 1_000_000), daemon.kill(), return_exceptions=True)
            assert isinstance(found[0], httpx2.TransportError)
        await daemon.start()
        async with browser.connected() as lines:
            await browser.read(lines, await daemon.api.swipe("DEADBEEF", 1))
        assert browser.seqs == list(range(1, browser.seqs[-1] + 1))
        assert browser.types.count("StationBooted") == 2


async def test_open_streams_do_not_hold_up_the_end(tmp_path: Path) -> None:
    async with Daemon(tmp_path, ALONE) as daemon:
        browser = Browser(daemon)
        async with browser.connected() as lines:
            await browser.read(lines, 1)
            rest = asyncio.create_task(browser.read(lines, 1_000_000))
            assert await daemon.stop() == 0
            await rest  # the stream ended in order
