"""What a CSMS is told after a salvage: a station with some sessions, its log harmed, and the station started on what is left.

Loop, kernel and log are real, the link is a function call. Each session has a tag of its own, so that the books of the CSMS
can be compared with what flowed. After the damage another driver has charged, and stands at the connector.
"""

import asyncio
import json
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from eventstore.catalogue.hardware import BoardOpened, IdTagPresented, MeterObserved, PilotStateObserved
from eventstore.catalogue.lifecycle import DiskSpaceObserved
from eventstore.catalogue.link import CallDispatched, ConnectFailed, FrameReceived, LinkClosed, LinkOpened
from eventstore.catalogue.transactions import TransactionRecovered, TransactionStarted, TransactionStopped
from eventstore.codec import decode
from eventstore.database import DATABASE_NAME
from eventstore.event import Recorded
from eventstore.log import EventLog
from eventstore.strays import STRAYS_NAME, read_strays
from eventstore.value import replace
from projections.outbox import Outbox
from projections.station import StationState
from station.features import registry_for
from station.runtime import recovery
from station.runtime.station import Station
from tests.given import DESCRIPTION, UTC_2026_MS
from tests.outage import QuickClock
from tests.resting import RestingStation

IDENTITY = "CB-0001"
FACTORY = (
    ("ClockAlignedDataInterval", "0"),
    ("MeterValueSampleInterval", "60"),
    ("AllowOfflineTxForUnknownId", "true"),
    ("LocalAuthorizeOffline", "true"),
    ("HeartbeatInterval", "0"),
)
ANOTHER_DRIVERS_WH = 4_000


@dataclass
class Books:
    """A CSMS that takes every StartTransaction for a new transaction, and remembers each stop by its content."""

    starts: dict[int, dict[str, object]] = field(default_factory=dict)
    stops: dict[int, list[dict[str, object]]] = field(default_factory=dict)
    answered: int = 0

    def take(self, call: CallDispatched) -> dict[str, object]:
        payload = json.loads(call.payload)
        match call.action:
            case "BootNotification":
                return {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 86_400}
            case "Authorize":
                return {"idTagInfo": {"status": "Accepted"}}
            case "StartTransaction":
                number = 100 + len(self.starts)
                self.starts[number] = payload
                return {"idTagInfo": {"status": "Accepted"}, "transactionId": number}
            case "StopTransaction":
                known = self.stops.setdefault(payload["transactionId"], [])
                if payload not in known:
                    known.append(payload)
        return {}

    def billed(self) -> dict[str, int]:
        """Wh by tag, as the CSMS adds them up. Raises AssertionError for a stop that contradicts another one."""
        total: dict[str, int] = {}
        for number, stops in self.stops.items():
            assert number in self.starts, f"a stop of a transaction {number} that nobody was told of: {stops}"
            assert len(stops) == 1, f"stops of one transaction that differ: {stops}"
            start, stop = self.starts[number], stops[0]
            tag = str(start["idTag"])
            total[tag] = total.get(tag, 0) + int(str(stop["meterStop"])) - int(str(start["meterStart"]))
        return total

    def told(self) -> set[str]:
        """The tags of the sessions that were told from start to stop."""
        return {str(self.starts[number]["idTag"]) for number in self.stops}

    def copy(self) -> "Books":
        return Books(starts=dict(self.starts), stops={key: list(value) for key, value in self.stops.items()})


@dataclass
class Life:
    """A station that was booted on a log; the CSMS answers while the link is up."""

    log: EventLog
    station: Station
    clock: QuickClock
    books: Books
    energy_wh: int
    flowed: dict[str, int]

    def follow(self, state: StationState, batch: Sequence[Recorded]) -> None:
        for recorded in batch:
            event = recorded.event
            if isinstance(event, CallDispatched):
                text = json.dumps([3, event.message_id, self.books.take(event)])
                self.station.submit(FrameReceived(connection=event.connection, text=text))

    async def up(self) -> None:
        await self.station.observe(LinkOpened(connection=self.station.state.link.connection + 1))

    async def down(self) -> None:
        await self.station.observe(LinkClosed(connection=self.station.state.link.connection, reason="reset", entropy=1))

    async def settled(self) -> None:
        """Nothing is owed any more."""
        while (outbox := self.station.state.outbox).pending:
            await self.station.settle()
            assert _left(self.station.state.outbox) < _left(outbox), f"no answer led to the next call: {outbox}"

    async def minutes(self, number: int, tag: str, wh_a_minute: int) -> None:
        for _ in range(number):
            self.energy_wh += wh_a_minute
            self.flowed[tag] += wh_a_minute
            await self.station.advance(50_000)
            await self.station.observe(MeterObserved(connector_id=1, energy_wh=self.energy_wh))
            await self.station.advance(10_000)
            if self.station.state.link.connect_wanted:
                await self.station.observe(ConnectFailed(reason="refused", entropy=self.energy_wh % 1000))

    async def begin(self, tag: str) -> None:
        self.flowed[tag] = 0
        await self.station.observe(PilotStateObserved(connector_id=1, pilot_state="C"))
        await self.station.observe(IdTagPresented(id_tag=tag, connector_id=1))
        await self.station.settle()
        assert self.station.state.transactions.on(1) is not None, f"no transaction of {tag}"

    async def end(self, tag: str) -> None:
        await self.station.observe(IdTagPresented(id_tag=tag, connector_id=1))
        await self.station.settle()
        await self.station.observe(PilotStateObserved(connector_id=1, pilot_state="A"))

    async def session(self, tag: str, minutes: int = 3, wh_a_minute: int = 40) -> None:
        await self.begin(tag)
        await self.minutes(minutes, tag, wh_a_minute)
        await self.end(tag)


def _left(outbox: Outbox) -> tuple[int, bool]:
    return outbox.pending, outbox.in_flight is None


@asynccontextmanager
async def living(
    directory: Path, books: Books, energy_wh: int, flowed: dict[str, int], pilot: str
) -> AsyncIterator[Life]:
    """A station on the log in `directory`, killed at the end: nothing is recorded of it."""
    log = await EventLog.open(directory, identity=IDENTITY)
    running: asyncio.Task[None] | None = None
    try:
        state, _ = await recovery.fold_log(log)
        found = await recovery.find_recovered(log, state)
        if found.observations:  # the log has lost some: who charged in that time is nobody that it knows
            energy_wh += ANOTHER_DRIVERS_WH
        clock = QuickClock()
        clock.begin(max(found.at_ms, state.at_ms + 60_000))
        booted = recovery.boot_event(
            state,
            at_ms=clock.at_ms(),
            system_utc_ms=UTC_2026_MS + clock.at_ms(),
            trusted=True,
            installation=f"{random.Random(str(directory) + str(log.head.seq)).randrange(1 << 32):08x}",
            versions=("0.2.0", "0.2.0"),
            boot_id="",
            found=found,
        )
        described = replace(DESCRIPTION, factory_values=FACTORY, fixed_cable=True, has_lock=False)
        disk = DiskSpaceObserved(level="ok", free_bytes=1 << 40)
        registry = registry_for()
        state = await recovery.begin(log, state, registry, clock.at_ms(), booted, described, disk, found)
        station = RestingStation(log, registry, clock, state)
        life = Life(log, station, clock, books, energy_wh, flowed)
        station.followers.append(life.follow)
        running = asyncio.create_task(station.run())
        await station.observe(
            PilotStateObserved(connector_id=1, pilot_state=pilot),
            MeterObserved(connector_id=1, energy_wh=energy_wh),
            BoardOpened(),
        )
        yield life
    finally:
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await log.close()


@dataclass(frozen=True, kw_only=True)
class Past:
    """What a log tells, and what is true: the books of its CSMS, what flowed by tag, and the register at the end."""

    directory: Path
    books: Books
    flowed: dict[str, int]
    energy_wh: int
    sessions: frozenset[str]


async def _told_online(life: Life) -> None:
    await life.up()
    for tag in ("A", "B", "C"):
        await life.session(tag)
    await life.settled()


async def _owed_offline(life: Life) -> None:
    await life.up()
    await life.session("A")
    await life.settled()
    await life.down()
    for tag in ("B", "C", "D", "E", "F"):
        await life.session(tag)


async def _running_offline(life: Life) -> None:
    await _owed_offline(life)
    await life.begin("G")
    await life.minutes(4, "G", 50)


async def _running_online(life: Life) -> None:
    await _told_online(life)
    await life.begin("D")
    await life.minutes(4, "D", 50)


async def _back_and_forth(life: Life) -> None:
    await _owed_offline(life)
    await life.up()
    await life.settled()
    await life.session("G")
    await life.settled()
    await life.down()
    for tag in ("H", "I", "J"):
        await life.session(tag)
    await life.begin("K")
    await life.minutes(2, "K", 45)


STORIES: Mapping[str, Callable[[Life], Awaitable[None]]] = {
    story.__name__.strip("_"): story
    for story in (_told_online, _owed_offline, _running_offline, _running_online, _back_and_forth)
}


async def past(directory: Path, story: str) -> Past:
    """Live that story on a fresh log; two lives of the station, so that a boot lies in the middle."""
    books, flowed = Books(), dict[str, int]()
    async with living(directory, books, 1_000, flowed, "A") as life:
        await life.up()
        await life.session("first")
        await life.settled()
        energy_wh = life.energy_wh
    async with living(directory, books, energy_wh, flowed, "A") as life:
        await STORIES[story](life)
        energy_wh = life.energy_wh
    return Past(directory=directory, books=books, flowed=flowed, energy_wh=energy_wh, sessions=frozenset(flowed))


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """What the CSMS has heard in all, once the station has started on the harmed log and nothing is owed any more.

    `whole`: the sessions whose start and stop are both still there; `behind`: those that stand behind the damage alone;
    `unsure`: those that are on record as perhaps told.
    """

    books: Books
    whole: frozenset[str]
    behind: frozenset[str]
    unsure: frozenset[str]
    named: bool
    events: Sequence[Recorded]


async def aftermath(directory: Path, before: Past) -> Aftermath:
    """Start on what is left, with another driver at the connector, and deliver."""
    books = before.books.copy()
    async with living(directory, books, before.energy_wh, dict(before.flowed), "C") as life:
        await life.up()
        await life.settled()
        await life.down()
    log = await EventLog.open(directory, identity=IDENTITY)
    events = await log.read(0, 100_000)
    await log.close()
    strays = [
        decode(row.type, row.version, row.payload)
        for row in read_strays(directory / "quarantine-1" / STRAYS_NAME, 0)
        if row.type in (TransactionStarted.NAME, TransactionStopped.NAME)
    ]
    kept = [recorded.event for recorded in events]
    started = {event.number: event.id_tag for event in (*kept, *strays) if isinstance(event, TransactionStarted)}
    stopped = {event.number for event in (*kept, *strays) if isinstance(event, TransactionStopped)}
    unsure = {
        event.number
        for event in kept
        if isinstance(event, TransactionRecovered) and "unsure" in (event.start, event.stop)
    }
    return Aftermath(
        books=books,
        whole=frozenset(tag for number, tag in started.items() if number in stopped),
        behind=frozenset(event.id_tag for event in strays if isinstance(event, TransactionStarted)),
        unsure=frozenset(started[number] for number in unsure if number in started),
        named=any(recorded.event.NAME == "LogSalvaged" for recorded in events),
        events=events,
    )


def judge(after: Aftermath, before: Past) -> tuple[str, ...]:
    """The sessions that are whole in the log and were not told wholly. Raises AssertionError for a wrong bill."""
    for tag, wh in after.books.billed().items():
        assert wh <= before.flowed[tag], f"{tag} is billed with {wh} Wh, of {before.flowed[tag]}"
    missing = after.whole - after.books.told()
    silent = missing - after.unsure
    assert not silent, f"{sorted(silent)} are never told, and nobody says so"
    return tuple(sorted(missing))


def harmed(before: Past, directory: Path, harm: Callable[[bytes], bytes | None]) -> Path:
    """A copy of the log, its database harmed."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(before.directory, directory)
    content = harm((directory / DATABASE_NAME).read_bytes())
    assert content is not None, "a database that is gone leaves nothing to be judged"
    (directory / DATABASE_NAME).write_bytes(content)
    return directory
