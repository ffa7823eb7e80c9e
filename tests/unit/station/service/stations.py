"""A real station without a CSMS for the tests of the service: log, kernel, gateway and bench board in a temporary directory."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from devices.bench.board import BenchBoard
from eventstore.catalogue.lifecycle import StationBooted, StationDescribed
from eventstore.catalogue.link import FrameReceived, LinkClosed, LinkOpened
from eventstore.errors import StorageFailed
from eventstore.log import EventLog
from eventstore.value import replace
from projections.station import INITIAL, StationState
from station.core.kernel import step
from station.features import registry_for
from station.runtime.clock import SystemClock
from station.runtime.diagnostics import DiagnosticsSource
from station.runtime.gateway import Gateway
from station.runtime.live_meters import LiveMeters
from station.runtime.station import Station
from station.service.access import Tokens
from station.service.app import build
from station.service.context import ServiceContext
from station.service.page_past import PastProcess
from station.settings.loading import Settings, parse_settings
from tests.given import DESCRIPTION, UTC_2026_MS

LOOPBACK = "http://127.0.0.1:8887"


@dataclass
class FakeLink:
    """Remembers the network; a cut of an open link is noticed a moment later, as by the real one."""

    station: Station
    cuts: list[tuple[bool, bool]] = field(default_factory=list)

    def network(self, *, up: bool, silent: bool = False) -> None:
        self.cuts.append((up, silent))
        state = self.station.state
        if not up and not silent and state.link.up:
            closed = LinkClosed(connection=state.link.connection, reason="cut", entropy=0)
            asyncio.get_running_loop().call_later(0.01, self.station.submit, closed)


@dataclass
class Served:
    """A running station and a client of its service."""

    station: Station
    board: BenchBoard
    link: FakeLink
    http: httpx2.AsyncClient
    calls: list[str]
    clock: SystemClock

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        if body is not None:
            options["json"] = body
        return await self.http.post(path, **options)

    async def seq_of(self, path: str, body: Any = None) -> int:
        """The seq that a control answers with."""
        response = await self.post(path, body)
        assert response.status_code == 200, response.text
        assert set(response.json()) == {"seq"}
        return int(response.json()["seq"])

    async def state(self) -> Any:
        response = await self.http.get("/api/state")
        assert response.status_code == 200, response.text
        return response.json()

    async def connector(self, connector_id: int = 1) -> Any:
        return (await self.state())["connectors"][connector_id]

    async def events_after(self, seq: int) -> list[str]:
        response = await self.http.get(f"/api/events?after={seq}&limit=1000")
        return [event["type"] for event in response.json()["events"]]

    async def connect(self) -> None:
        """The link opens; nobody answers on it."""
        await self.station.observe(LinkOpened(connection=self.station.state.link.connection + 1))

    async def accepted_and_offline(self) -> None:
        """The link opened, the CSMS accepted the station, and the link is gone."""
        await self.connect()
        call = self.station.state.outbox.in_flight
        assert call is not None, "BootNotification has left"
        payload = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 300}
        text = json.dumps([3, call.message_id, payload])
        await self.station.observe(FrameReceived(connection=call.connection, text=text))
        await self.station.observe(LinkClosed(connection=call.connection, reason="cut", entropy=0))

    def storage_fails(self) -> None:
        """The log takes no more writes, as after an error of the disk."""
        self.station.log._failure = StorageFailed("no space")


def settings_in(directory: Path, **board: Any) -> Settings:
    """The settings of a bench in this directory."""
    lines = "\n".join(f"{key} = {value}" for key, value in board.items())
    text = f"""
        [station]
        identity = "CB-0001"
        connectors = 2
        [csms]
        url = "ws://127.0.0.1:9000/ocpp"
        [storage]
        directory = "{directory}"
        [board]
        {lines}
    """
    return parse_settings(text, "test.toml")


@contextlib.asynccontextmanager
async def served(
    directory: Path,
    *,
    bench: bool = True,
    token: bytes | None = None,
    read_token: bytes | None = None,
    backup_power_s: int = 0,
    diagnostics: Callable[[Path, StationState], Awaitable[None]] | None = None,
    **description: Any,
) -> AsyncIterator[Served]:
    """A booted station with two connectors, its board open, its service answering without a network."""
    settings = settings_in(directory, backup_power_s=backup_power_s)
    described = replace(DESCRIPTION, connectors=2, **description)
    registry = registry_for(described.profiles_off)
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        log = await EventLog.open(directory, identity="CB-0001")
        stack.push_async_callback(log.close)
        station = Station(log, registry, clock, INITIAL)
        await _boot(station, log, described)
        board = BenchBoard(directory, 2, False, 3, 230, 32, clock.at_ms)
        gateway = Gateway(board, station.submit)
        station.read_before = gateway.read_before
        station.followers.append(gateway.publish)
        running = asyncio.create_task(station.run())
        stack.push_async_callback(_end, running)
        gateway.open()
        stack.callback(gateway.close)
        await station.settle()
        calls: list[str] = []
        link = FakeLink(station)
        context = ServiceContext(
            station=station,
            board=board if bench else None,
            link=link,
            settings=settings,
            live=LiveMeters(board, registry).shown,
            on_mains_lost=lambda: calls.append("mains lost"),
            die=lambda: calls.append("died"),
            diagnostics=diagnostics or DiagnosticsSource(log=log, settings=settings).write_all,
        )
        past = PastProcess(directory)
        stack.push_async_callback(past.close)
        tokens = Tokens(acting=token, reading=read_token)
        transport = httpx2.ASGITransport(build(context, tokens, past=past))
        http = await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url=LOOPBACK))
        yield Served(station=station, board=board, link=link, http=http, calls=calls, clock=clock)


async def _boot(station: Station, log: EventLog, described: StationDescribed) -> None:
    booted = StationBooted(
        boot=1,
        installation="0000abcd",
        software_version="0.1.0",
        firmware_version="0.2.0",
        offset_ms=UTC_2026_MS,
        clock_trusted=True,
        orderly=True,
    )
    state, first = step(INITIAL, booted, 0, station.registry)
    state, second = step(state, described, 0, station.registry)
    await log.append([*first, *second])
    station.state = station._ahead = state


async def _end(running: asyncio.Task[None]) -> None:
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError, StorageFailed):
        await running
