"""A station that is offline for long and then delivers: the loop, the kernel and the log are real, the link is a function call."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from eventstore.catalogue.hardware import BoardOpened, IdTagPresented, MeterObserved, PilotStateObserved
from eventstore.catalogue.lifecycle import DeadlineReached, DiskSpaceObserved, StationBooted
from eventstore.catalogue.link import CallDispatched, FrameReceived, LinkClosed, LinkOpened
from eventstore.event import Observation, Recorded
from eventstore.log import EventLog
from eventstore.value import replace
from projections.station import StationState
from station import VERSION
from station.core.kernel import step
from station.features import registry_for
from station.runtime import recovery
from station.runtime.archivist import Archivist, Keep
from station.runtime.books import Books
from station.runtime.clock import SystemClock
from station.runtime.station import Station
from tests.given import DESCRIPTION, TAG, UTC_2026_MS
from tests.resting import RestingStation

TRANSACTIONAL = ("StartTransaction", "MeterValues", "StopTransaction")


class QuickClock(SystemClock):
    """Station time as pushed; who sleeps is woken at once, so that upkeep takes no time."""

    async def sleep_until(self, until_ms: int) -> None:
        await asyncio.sleep(0)


@dataclass
class Csms:
    """Accepts everything at once. Keeps counts, and what it takes to see that the order is right."""

    station: Station
    counts: Counter[str] = field(default_factory=Counter)
    last_owed_seq: int = 0
    running: int | None = None
    faults: list[str] = field(default_factory=list)
    statuses: list[tuple[int, str, str]] = field(default_factory=list)

    def follow(self, state: StationState, batch: Sequence[Recorded]) -> None:
        for recorded in batch:
            if isinstance(recorded.event, CallDispatched):
                self.take(recorded.event)

    def take(self, call: CallDispatched) -> None:
        payload, answer = json.loads(call.payload), {}
        self.counts[call.action] += 1
        match call.action:
            case "BootNotification":
                answer = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 86_400}
            case "Authorize":
                answer = {"idTagInfo": {"status": "Accepted"}}
            case "StartTransaction":
                self._in_order(call, self.running is None)
                self.running = self.counts["StartTransaction"]
                answer = {"idTagInfo": {"status": "Accepted"}, "transactionId": self.running}
            case "MeterValues" | "StopTransaction":
                self._in_order(call, payload["transactionId"] == self.running)
                self.running = None if call.action == "StopTransaction" else self.running
            case "StatusNotification":
                self.statuses.append((payload["connectorId"], payload["status"], payload["errorCode"]))
        text = json.dumps([3, call.message_id, answer])
        self.station.submit(FrameReceived(connection=call.connection, text=text))

    def _in_order(self, call: CallDispatched, fits: bool) -> None:
        if call.owed_seq <= self.last_owed_seq or not fits:
            self.faults.append(f"{call.action} {call.owed_seq} after {self.last_owed_seq}")
        self.last_owed_seq = call.owed_seq


@dataclass
class Outage:
    """One station, booted; `csms` answers while the link is up."""

    log: EventLog
    station: Station
    clock: QuickClock
    archivist: Archivist
    csms: Csms
    energy_wh: int = 1_000
    segments: list[int] = field(default_factory=list)

    async def online(self) -> None:
        await self.station.observe(LinkOpened(connection=self.station.state.link.connection + 1))

    async def offline(self) -> None:
        await self.station.observe(
            LinkClosed(connection=self.station.state.link.connection, reason="reset by peer", entropy=1)
        )

    async def read_meter(self) -> None:
        await self.station.observe(MeterObserved(connector_id=1, energy_wh=self.energy_wh))

    async def session(self, samples: int) -> None:
        """Plug, tag, charge for so many samples of a minute, tag, unplug."""
        observe = self.station.observe
        await observe(PilotStateObserved(connector_id=1, pilot_state="C"), IdTagPresented(id_tag=TAG, connector_id=1))
        for _ in range(samples):
            self.energy_wh += 180
            await self.read_meter()
            await self.station.advance(60_000)
        await observe(IdTagPresented(id_tag=TAG, connector_id=1))
        await observe(PilotStateObserved(connector_id=1, pilot_state="A"))

    async def quick_session(self, samples: int) -> None:
        """The same as one append: what the kernel says of each observation, without a commit for each. Offline only."""
        assert not self.station.state.link.up
        station, batch = self.station, list[Recorded]()
        state, registry, at_ms = station.state, station.registry, self.clock.at_ms()
        plugged = (PilotStateObserved(connector_id=1, pilot_state="C"), IdTagPresented(id_tag=TAG, connector_id=1))
        gone = (IdTagPresented(id_tag=TAG, connector_id=1), PilotStateObserved(connector_id=1, pilot_state="A"))
        pending = [*plugged, *(None for _ in range(samples)), *gone]
        for observation in pending:
            taken: list[Observation] = [] if observation is None else [observation]
            if observation is None:
                at_ms, self.energy_wh = at_ms + 60_000, self.energy_wh + 180
                taken = [MeterObserved(connector_id=1, energy_wh=self.energy_wh)]
            while taken:
                state, events = step(state, taken.pop(), at_ms, registry)
                batch.extend(events)
                due = registry.next_deadline(state)
                if due is not None and due.due_ms <= at_ms:
                    taken = [DeadlineReached(name=due.name, key=due.key, due_ms=due.due_ms)]
        station._ahead = station.state = state  # before anything else can happen: the loop goes on from here
        await self.log.append(batch)
        self.clock.push(max(0, at_ms - self.clock.at_ms()))
        for _ in range(2):  # the books are closed after those who wait were told
            await station.settle()

    async def flood(self, frames: int, chance: random.Random) -> None:
        """So many CALLs that the station does not know, each refused; nothing in them can be compressed."""
        connection = self.station.state.link.connection
        texts = [
            json.dumps([2, f"{chance.getrandbits(64):x}", "Nonsense", {"a": chance.randbytes(200).hex()}])
            for _ in range(frames)
        ]
        await self.station.observe(*(FrameReceived(connection=connection, text=text) for text in texts))

    async def first_session(self) -> None:
        """A session online, so that the tag is in the cache; then the link is lost."""
        await self.online()
        await self.session(1)
        await self.delivered()
        await self.offline()

    async def close_books(self) -> None:
        """The segment ends here, whatever its size."""
        usual, self.station.books = self.station.books, Books(self.log, 1)
        last_seq = self.log.opening.head.seq
        while self.log.opening.head.seq == last_seq:  # a reader may put it off
            await self.read_meter()
            await self.station.settle()
        self.station.books = usual

    async def delivered(self) -> None:
        """Connects if need be, and waits until nothing is owed; each answer leads to the next call."""
        if not self.station.state.link.up:
            await self.online()
        while pending := self.station.state.outbox.pending:
            await self.station.settle()
            assert self.station.state.outbox.pending < pending, "no answer led to the next call"


@asynccontextmanager
async def living(
    directory: Path, *, segment_bytes: int = 65_536, keep: Keep | None = None, sample_interval_s: int = 60
) -> AsyncIterator[Outage]:
    """A station on the log in `directory`, as `bootstrap` and `daemon` make it."""
    log = await EventLog.open(directory, identity="CB-0001")
    running: asyncio.Task[None] | None = None
    try:
        state, _ = await recovery.fold_log(log)
        clock = QuickClock()
        clock.begin(state.at_ms)
        booted = StationBooted(
            boot=state.clock.boot + 1,
            installation="0000abcd",
            software_version=VERSION,
            firmware_version=VERSION,
            offset_ms=UTC_2026_MS,
            clock_trusted=True,
            orderly=True,
        )
        factory = (("ClockAlignedDataInterval", "0"), ("MeterValueSampleInterval", str(sample_interval_s)))
        described = replace(DESCRIPTION, factory_values=factory, fixed_cable=True, has_lock=False)
        disk = DiskSpaceObserved(level="ok", free_bytes=1 << 40)
        registry = registry_for()
        state = await recovery.begin(log, state, registry, clock.at_ms(), booted, described, disk)
        station = RestingStation(log, registry, clock, state)
        station.books = Books(log, segment_bytes)
        csms = Csms(station)
        archivist = Archivist(station, log, clock, keep or Keep())
        station.followers += [csms.follow, archivist.publish]
        running = asyncio.create_task(station.run())
        reading = state.connectors[1].reading
        energy_wh = 1_000 if reading is None else reading.energy_wh  # the meter goes on where it was
        await station.observe(
            PilotStateObserved(connector_id=1, pilot_state="A"),
            MeterObserved(connector_id=1, energy_wh=energy_wh),
            BoardOpened(),
        )
        yield Outage(log, station, clock, archivist, csms, energy_wh)
    finally:
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await log.close()
