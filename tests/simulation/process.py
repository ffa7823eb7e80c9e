"""One process of the simulated station: the real loop, kernel, gateway, recovery and bench board; a simulated disk and link."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from devices.bench.board import BenchBoard
from eventstore.catalogue.lifecycle import DiskSpaceObserved, StationDescribed
from eventstore.event import Recorded
from projections.digest import fingerprint, state_bytes
from projections.station import StationState
from station import VERSION
from station.core.feature import Registry
from station.daemon import life
from station.runtime import recovery
from station.runtime.gateway import Gateway
from station.runtime.station import Station
from tests.simulation.invariants import Invariants
from tests.simulation.network import Network, SimulatedLink
from tests.simulation.store import SimulatedLog
from tests.simulation.virtual_time import VirtualClock

if TYPE_CHECKING:
    from eventstore.log import EventLog
    from station.daemon.bootstrap import Parts


SNAPSHOT_EVERY = 250


def bench(directory: Path, description: StationDescribed, clock: VirtualClock | None = None) -> BenchBoard:
    """The bench whose world lies in the directory; without a clock it is only touched by hands."""
    return BenchBoard(
        directory,
        connectors=description.connectors,
        fixed_cable=description.fixed_cable,
        phases=description.phases,
        voltage_v=description.voltage_v,
        max_current_a=description.max_current_ma // 1000,
        station_time=(lambda: 0) if clock is None else clock.at_ms,
    )


class Process:
    """From boot to end. `ended` is set with the reason: "power", "storage", "Reset", "SIGTERM" or an exception."""

    def __init__(
        self,
        log: SimulatedLog,
        clock: VirtualClock,
        board: BenchBoard,
        station: Station,
        gateway: Gateway,
        link: SimulatedLink,
    ) -> None:
        self.log = log
        self.clock = clock
        self.board = board
        self.station = station
        self.gateway = gateway
        self.link = link
        self._task: asyncio.Task[None] | None = None
        self._reset_due = asyncio.Event()

    @classmethod
    async def boot(
        cls,
        log: SimulatedLog,
        directory: Path,
        description: StationDescribed,
        registry: Registry,
        clock: VirtualClock,
        network: Network,
        invariants: Invariants,
        chance: random.Random,
    ) -> "Process":
        """As `bootstrap.build` and `life` do it: fold, boot durably, wire up, open the board."""
        log.reopen()
        real = cast("EventLog", log)
        state, _ = await recovery.fold_log(real)
        invariants.check_fold(state)
        system_utc_ms = clock.system_utc_ms()
        trusted = clock.is_synchronised()
        clock.begin(recovery.boot_base_ms(state, system_utc_ms, trusted=trusted))
        board = bench(directory, description, clock)
        booted = recovery.boot_event(
            state,
            at_ms=clock.at_ms(),
            system_utc_ms=system_utc_ms,
            trusted=trusted,
            installation=f"{chance.getrandbits(32):08x}",
            versions=(VERSION, VERSION),
            boot_id=f"{chance.getrandbits(32):08x}",
        )
        disk = DiskSpaceObserved(level="ok", free_bytes=1 << 40)
        state = await recovery.begin(real, state, registry, clock.at_ms(), booted, description, disk)
        station = Station(real, registry, clock, state)
        gateway = Gateway(board, station.submit)
        link = SimulatedLink(network, station.submit, chance)
        link.on_sent = invariants.sent
        station.read_before = gateway.read_before
        process = cls(log, clock, board, station, gateway, link)
        station.followers += [
            gateway.publish,
            link.publish,
            lambda state, batch: invariants.published(process.board, state, batch),
            process.publish,
        ]
        return process

    async def live(self) -> str:
        """Until the process ends; why it did. The caller cancels this when the power goes."""
        self._task = asyncio.create_task(self.station.run(), name="station")
        reset = asyncio.create_task(self._reset_due.wait(), name="reset")
        try:
            self.gateway.open()
            self.link.publish(self.station.state, ())
            await asyncio.wait({self._task, reset}, return_when=asyncio.FIRST_COMPLETED)
            if not self._task.done():
                await self.stop(life.RESET)
                return "Reset"
            self.gateway.make_safe()
            self._task.result()  # raises what ended the loop
            raise AssertionError("the loop has ended by itself")
        finally:
            reset.cancel()
            self.end()

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Notes a reset that is due, and keeps a snapshot now and then, as `daemon` and `upkeep` do."""
        if state.maintenance.reset is not None and state.maintenance.reset.due:
            self._reset_due.set()
        kept = self.log.snapshot
        if state.seq - (0 if kept is None else kept.seq) >= SNAPSHOT_EVERY:
            self.log.keep_snapshot(state.seq, fingerprint(), state_bytes(state))

    async def stop(self, why: str) -> None:
        """The daemon's own orderly end."""
        parts = SimpleNamespace(
            station=self.station,
            settings=SimpleNamespace(board=SimpleNamespace(backup_power_s=0)),
            clock=self.clock,
            gateway=self.gateway,
            link=self.link,
            log=self.log,
        )
        await life.stop(cast("Parts", parts), why)

    def end(self) -> None:
        """The process is no more: outputs fall open, the link breaks, nothing is flushed."""
        self.link.end()
        self.board.close()
        if self._task is not None:
            self._task.cancel()
