"""The gateway between a bench and a log whose disk hangs: opening does not wait for it, closing does."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio

from devices.bench.board import BenchBoard
from devices.readings import DUTY_STEADY_PERMILLE, ConnectorOutputs
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.link import CallDispatched, FrameReceived, LinkOpened
from eventstore.catalogue.transactions import TransactionStopped
from eventstore.event import Recorded
from eventstore.log import EventLog
from eventstore.value import replace
from projections.station import INITIAL, StationState
from station.features import registry_for
from station.runtime.clock import SystemClock
from station.runtime.gateway import Gateway
from station.runtime.station import Station
from tests.given import DESCRIPTION, TAG, UTC_2026_MS, SentCall, accepting
from tests.resting import RestingStation


class HeldLog:
    """The event log behind a disk that answers only while it is let: everything else is the log's own."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.answers = asyncio.Event()
        self.answers.set()
        self.asked = asyncio.Event()

    async def append(self, batch: Sequence[Recorded], payloads: Sequence[str] | None = None) -> None:
        self.asked.set()
        await self.answers.wait()
        await self._log.append(batch, payloads)

    def hang(self) -> None:
        self.asked.clear()
        self.answers.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


class WatchedBoard(BenchBoard):
    """The bench, with the moments at which its contactor was told something."""

    def watch(self, told: Callable[[str], None]) -> None:
        self.told = told

    def open_contactor(self, connector_id: int) -> None:
        super().open_contactor(connector_id)
        if hasattr(self, "told"):
            self.told("reflex")

    def withdraw_offer(self, connector_id: int) -> None:
        super().withdraw_offer(connector_id)
        if hasattr(self, "told"):
            self.told(f"steady {connector_id}")

    def apply(self, connector_id: int, outputs: ConnectorOutputs) -> None:
        super().apply(connector_id, outputs)
        if hasattr(self, "told"):
            self.told(f"{'steady' if outputs.duty_permille == DUTY_STEADY_PERMILLE else 'offer'} {connector_id}")
        if outputs.contactor_closed and hasattr(self, "told"):
            self.told("close")


@dataclass
class Bench:
    """A station on a bench, online at a CSMS that accepts everything."""

    station: Station
    board: WatchedBoard
    log: HeldLog
    told: list[tuple[str, int]] = field(default_factory=list)

    def note(self, what: str) -> None:
        self.told.append((what, self.log.head.seq))

    async def charge(self) -> None:
        self.board.plug(1)
        self.board.swipe(TAG, 1)
        await self.station.settle()
        assert self.station.state.connectors[1].status == "Charging"

    async def kinds_after(self, seq: int) -> list[str]:
        return [recorded.event.NAME for recorded in await self.log.read(seq)]


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with running_bench(tmp_path, connectors=1) as found:
        yield found


@contextlib.asynccontextmanager
async def running_bench(tmp_path: Path, connectors: int) -> AsyncIterator[Bench]:
    """A bench with so many connectors, at work."""
    opened_log = await EventLog.open(tmp_path, identity="CB-0001")
    log, clock = HeldLog(opened_log), SystemClock()
    running_station = RestingStation(cast("EventLog", log), registry_for(), clock, INITIAL)
    board = WatchedBoard(tmp_path, connectors, False, 3, 230, 32, clock.at_ms)
    gateway = Gateway(board, running_station.submit)
    found = Bench(station=running_station, board=board, log=log)
    board.watch(found.note)
    running_station.read_before = gateway.read_before

    def answer(state: StationState, batch: Sequence[Recorded]) -> None:
        for event in (recorded.event for recorded in batch):
            if isinstance(event, CallDispatched):
                call = SentCall(event.message_id, event.action, json.loads(event.payload), event.payload, 0)
                text = json.dumps([3, event.message_id, accepting(call)])
                running_station.submit(FrameReceived(connection=event.connection, text=text))

    running_station.followers += [gateway.publish, answer]
    running = asyncio.create_task(running_station.run())
    booted = StationBooted(
        boot=1,
        installation="0000abcd",
        software_version="0.1.0",
        firmware_version="0.1.0",
        offset_ms=UTC_2026_MS,
        clock_trusted=True,
        orderly=True,
    )
    try:
        await running_station.observe(booted, replace(DESCRIPTION, connectors=connectors))
        gateway.open()
        await running_station.observe(LinkOpened(connection=1))
        yield found
    finally:
        log.answers.set()
        gateway.close()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await opened_log.close()


@pytest.mark.asyncio
async def test_while_the_log_hangs_a_fault_opens_the_contactor_all_the_same(bench: Bench) -> None:
    await bench.charge()
    durable = bench.log.head.seq
    bench.log.hang()
    bench.board.swipe("SOMEBODY", 1)
    await bench.log.asked.wait()  # the loop waits for the disk from here on
    bench.told.clear()
    bench.board.fault(1, "GroundFailure")
    assert ("reflex", durable) in bench.told
    assert bench.log.head.seq == durable
    assert bench.station.state.connectors[1].contactor_closed, "nothing is told before it is durable"
    bench.log.answers.set()
    await bench.station.settle()
    kinds = await bench.kinds_after(durable)
    assert "ContactorObserved" in kinds[kinds.index("FaultObserved") :]
    stopped = [recorded.event for recorded in await bench.log.read(durable)]
    assert [event.reason for event in stopped if isinstance(event, TransactionStopped)] == ["Other"]
    assert not bench.station.state.connectors[1].contactor_closed


@pytest.mark.asyncio
async def test_closing_waits_for_the_durable_record_of_the_start(bench: Bench) -> None:
    bench.board.plug(1)
    await bench.station.settle()
    bench.log.hang()
    bench.board.swipe(TAG, 1)
    await bench.log.asked.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    assert "close" not in [what for what, _ in bench.told]
    bench.log.answers.set()
    await bench.station.settle()
    closed_at = next(seq for what, seq in bench.told if what == "close")
    started = next(item.seq for item in await bench.log.read(0) if item.event.NAME == "TransactionStarted")
    assert started <= closed_at


@pytest.mark.asyncio
async def test_energy_comes_back_only_by_way_of_the_log_when_a_fault_clears(bench: Bench) -> None:
    await bench.charge()
    bench.board.fault(1, "HighTemperature")
    await bench.station.settle()
    bench.log.hang()
    bench.told.clear()
    bench.board.clear_fault(1)
    await bench.log.asked.wait()
    assert "close" not in [what for what, _ in bench.told]
    bench.log.answers.set()
    await bench.station.settle()
    assert "close" in [what for what, _ in bench.told]
    assert bench.station.state.connectors[1].contactor_closed


DISTURBANCES: dict[str, Callable[[WatchedBoard, int], None]] = {
    "a stranger's tag": lambda board, other: board.swipe("STRANGER", other),
    "a plug": lambda board, other: board.plug(other),
    "a vehicle that has had enough": lambda board, other: board.vehicle(other, ready=False),
    "a fault there": lambda board, other: board.fault(other, "GroundFailure"),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("waiting", [1, 2])
@pytest.mark.parametrize("disturbance", DISTURBANCES)
async def test_a_vehicle_that_waits_keeps_its_offer_whatever_happens_at_the_other_connector(
    tmp_path: Path, waiting: int, disturbance: str
) -> None:
    other = 3 - waiting
    async with running_bench(tmp_path, connectors=2) as bench:
        bench.board.vehicle(waiting, ready=False)
        bench.board.plug(waiting)
        bench.board.swipe(TAG, waiting)
        if disturbance != "a plug":
            bench.board.plug(other)
            bench.board.swipe("OTHER", other)
        await bench.station.settle()
        assert bench.station.state.connectors[waiting].status == "SuspendedEV"
        assert f"offer {waiting}" in [what for what, _ in bench.told]
        bench.told.clear()
        bench.log.hang()
        DISTURBANCES[disturbance](bench.board, other)
        await bench.log.asked.wait()
        assert f"steady {waiting}" not in [what for what, _ in bench.told]
        bench.log.answers.set()
        await bench.station.settle()
        assert f"steady {waiting}" not in [what for what, _ in bench.told]


@pytest.mark.asyncio
async def test_a_vehicle_that_leaves_c_keeps_its_offer_and_loses_only_the_contactor(bench: Bench) -> None:
    await bench.charge()
    bench.told.clear()
    bench.log.hang()
    bench.board.vehicle(1, ready=False)
    await bench.log.asked.wait()
    bench.log.answers.set()
    await bench.station.settle()
    done = [what for what, _ in bench.told]
    assert "reflex" in done
    assert "steady 1" not in done
    assert not bench.station.state.connectors[1].contactor_closed


@pytest.mark.asyncio
async def test_a_fault_of_the_station_takes_the_offer_from_every_connector_at_once(tmp_path: Path) -> None:
    async with running_bench(tmp_path, connectors=2) as bench:
        for connector_id, tag in ((1, TAG), (2, "OTHER")):
            bench.board.plug(connector_id)
            bench.board.swipe(tag, connector_id)
        await bench.station.settle()
        bench.log.hang()
        bench.told.clear()
        bench.board.fault(0, "HighTemperature")
        done = [what for what, _ in bench.told]
        assert {"steady 1", "steady 2"} <= set(done)
        assert done.count("reflex") == 2
        bench.log.answers.set()
        await bench.station.settle()
