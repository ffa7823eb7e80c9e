"""A simulated world: one station with its cars, drivers, network and CSMS, all from one seed, in virtual time."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from devices.bench.board import BenchBoard
from devices.bench.errors import BenchRefusal
from eventstore.errors import StorageFailed
from eventstore.value import replace
from station.features import registry_for
from tests.given import DESCRIPTION, UTC_2026_MS
from tests.simulation.csms import TAGS, SimulatedCsms
from tests.simulation.invariants import Invariants
from tests.simulation.network import Network
from tests.simulation.process import Process, bench
from tests.simulation.store import Cut, SimulatedLog
from tests.simulation.virtual_time import VirtualClock, virtual_loop

HOUR_MS = 3_600_000
SETTLED_WITHIN_S = 4 * 3600
CLOCK_ERRORS_MS = (0, 0, 0, -UTC_2026_MS, HOUR_MS, -2 * HOUR_MS)


class World:
    """`plan` says for the n-th append how long it takes and whether the power goes there."""

    def __init__(self, seed: str, directory: Path, **description: object) -> None:
        self.seed = seed
        self.directory = directory
        described = replace(DESCRIPTION, **description)
        self.description = replace(described, has_lock=not described.fixed_cable)
        self.registry = registry_for(self.description.profiles_off)
        self.chance = random.Random(f"{seed}/world")
        self.csms = SimulatedCsms(random.Random(f"{seed}/csms"), self.true_utc_ms)
        self.network = Network(self.csms, random.Random(f"{seed}/network"))
        self.log = SimulatedLog(self._plan)
        self.invariants = Invariants(self.log, self.csms, self.registry, self.true_utc_ms)
        self.log.on_durable = self.invariants.durable
        self.log.on_power_cut = self._power_cut
        self.csms.on_call = self.invariants.arrived
        self.process: Process | None = None
        self.plan: Callable[[int], tuple[int, Cut | None]] = lambda number: (1, None)
        self.off_for_ms: Callable[[], int] = lambda: 2_000
        self.clock_error_ms: Callable[[], int] = lambda: 0
        self.boots = 0
        self.ends: list[str] = []
        self._up = asyncio.Event()
        self._power_gone = asyncio.Event()
        self._ask_to_end = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    def true_utc_ms(self) -> int:
        """What every correct clock says."""
        return UTC_2026_MS + virtual_loop().now_ms

    def _plan(self, number: int) -> tuple[int, Cut | None]:
        return self.plan(number)

    # ---- power --------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        """The station is on; it comes back whenever it goes down."""
        self._life = asyncio.create_task(self._live(), name="life")
        try:
            yield self
        finally:
            self._life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._life

    async def up(self) -> Process:
        """The running process, once there is one."""
        while True:
            assert self._life is not None
            if self._life.done():
                self._life.result()
            waiting = asyncio.ensure_future(self._up.wait())
            await asyncio.wait({waiting, self._life}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if self.process is not None:
                return self.process

    def cut_power(self) -> None:
        """Now."""
        self._power_cut()

    def terminate(self) -> None:
        """SIGTERM."""
        self._ask_to_end.set()

    def _power_cut(self) -> None:
        self._power_gone.set()

    async def _live(self) -> None:
        while True:
            self._power_gone.clear()
            self._ask_to_end.clear()
            self.boots += 1
            self.ends.append(await self._one_life())
            self.process = None
            self._up.clear()
            self.invariants.process_ended()
            await asyncio.sleep(self.off_for_ms() / 1000)

    async def _one_life(self) -> str:
        life = asyncio.create_task(self._process(), name="process")
        gone = asyncio.create_task(self._power_gone.wait())
        asked = asyncio.create_task(self._ask_to_end.wait())
        try:
            await asyncio.wait({life, gone, asked}, return_when=asyncio.FIRST_COMPLETED)
            if asked.done() and not life.done() and not gone.done() and self.process is not None:
                stop = asyncio.create_task(self.process.stop("SIGTERM"))
                await asyncio.wait({stop, life, gone}, return_when=asyncio.FIRST_COMPLETED)
                await _ended(stop)
                if not life.done() and not gone.done():
                    return "SIGTERM"
            if life.done():
                return life.result()
            return "power"
        except StorageFailed:
            return "storage"
        finally:
            for task in (gone, asked, life):
                await _ended(task)

    async def _process(self) -> str:
        error_ms = self.clock_error_ms()
        clock = VirtualClock(UTC_2026_MS, error_ms, synchronised=error_ms == 0 and self.chance.random() < 0.5)
        self.process = await Process.boot(
            self.log,
            self.directory,
            self.description,
            self.registry,
            clock,
            self.network,
            self.invariants,
            random.Random(f"{self.seed}/boot {self.boots}"),
        )
        self.invariants.begin(self.process)
        self._up.set()
        return await self.process.live()

    # ---- hands --------------------------------------------------------------------------------------------------

    @property
    def board(self) -> BenchBoard:
        """The board of the running process, or the copper without one."""
        if self.process is not None and self.process.board._report is not None:
            return self.process.board
        return bench(self.directory, self.description)

    def plug(self, connector_id: int = 1, **how: Any) -> None:
        """The cable goes in."""
        self.board.plug(connector_id, **how)
        self.look()

    def unplug(self, connector_id: int = 1) -> bool:
        """The car leaves, and takes the cable if the lock lets go; whether it did."""
        board = self.board
        board.unplug(connector_id, station=False)
        self.look()
        try:
            board.unplug(connector_id)
        except BenchRefusal:
            return False
        self.look()
        return True

    def swipe(self, id_tag: str, connector_id: int | None = None) -> None:
        """A tag at the reader."""
        self.board.swipe(id_tag, connector_id)
        self.look()

    def touch(self, hand: Callable[[BenchBoard], None]) -> None:
        """Whatever hands do to the copper; the reflex has acted when they are done."""
        hand(self.board)
        self.look()

    def look(self) -> None:
        """What may never be, whatever hands do: energy on a line that must have none."""
        if self.process is not None:
            self.invariants.check_copper(self.process.board)

    # ---- the end ------------------------------------------------------------------------------------------------

    async def heal(self) -> None:
        """Every fault ends: network, CSMS, copper, clocks. (The disk's are the caller's.)"""
        self.clock_error_ms = lambda: 0
        self.csms.trouble = 0.0
        self.csms.status = "Accepted"
        self.csms.script.clear()
        self.network.go(up=True)
        await self.up()
        board = self.board
        board.emergency_stop(False)
        board.clear_fault(0)
        for connector_id in board.connector_ids:
            board.clear_fault(connector_id)
            board.lock(connector_id, False)
            board.contactor(connector_id, "")
            board.meter(connector_id, fail=False)
        self.look()

    async def settle(self) -> None:
        """Drivers leave, and everything owed is told; AssertionError if that does not come about."""
        begun_ms = virtual_loop().now_ms
        while not self._is_settled():
            waited_s = (virtual_loop().now_ms - begun_ms) / 1000
            assert waited_s < SETTLED_WITHIN_S, f"not settled within {waited_s:.0f} s: {self.describe()}"
            process = await self.up()
            self._clear_connectors(process)
            await asyncio.sleep(20)
        await asyncio.sleep(400)  # whatever still moves by itself
        while not self._is_settled():
            assert (virtual_loop().now_ms - begun_ms) / 1000 < SETTLED_WITHIN_S, f"not at rest: {self.describe()}"
            await asyncio.sleep(0.5)

    def _clear_connectors(self, process: Process) -> None:
        state = process.station.state
        for connector_id in process.board.connector_ids:
            transaction = state.transactions.on(connector_id)
            held = state.connectors[connector_id].held_for
            if transaction is not None:
                self.swipe(transaction.id_tag, connector_id)
            elif held is not None:
                self.swipe(held.id_tag, connector_id)
            self.unplug(connector_id)
        if state.online and self.chance.random() < 0.3:
            self.csms.ask("ChangeConfiguration", {"key": "ConnectionTimeOut", "value": "30"})
            for number in (0, *process.board.connector_ids):
                self.csms.ask("ChangeAvailability", {"connectorId": number, "type": "Operative"})

    def _is_settled(self) -> bool:
        if self.process is None:
            return False
        state = self.process.station.state
        copper = self.process.board._copper.world.connectors
        return (
            state.online
            and not state.transactions.by_number
            and not state.outbox.pending
            and state.outbox.in_flight is None
            and all(not connector.station_plugged or self.description.fixed_cable for connector in copper)
            and all(not connector.ev_plugged for connector in copper)
            and all(connector.status == "Available" for connector in state.connectors.by_id)
        )

    def describe(self) -> str:
        """What stands in the way of the end, for the text of a failure."""
        if self.process is None:
            return "no process runs"
        state = self.process.station.state
        return (
            f"online {state.online}, registration {state.registration}, link {state.link}, outbox {state.outbox}, "
            f"transactions {dict(state.transactions.by_number)}, connectors {state.connectors.by_id}, "
            f"copper {self.process.board._copper.world}"
        )


def known_tags() -> tuple[str, ...]:
    """Tags that the CSMS has heard of, and one that it has not."""
    return (*TAGS, "STRANGER")


async def _ended(task: "asyncio.Task[object]") -> None:
    """Cancels it and waits; what it raised is nobody's business any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
