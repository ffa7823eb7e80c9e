"""Logs to be read by the flight recorder: stories told by the kernel in stepped time, kept through the real event log.

`StoryStation` has a car that draws what it is offered, a meter that counts it, contactors with feedback, and a CSMS that takes
its time. The stories are the same to the byte at every run.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eventstore.catalogue.hardware import ContactorObserved, LockObserved, MeterObserved
from eventstore.catalogue.lifecycle import BooksClosed, DeadlineReached, StationStopped, StationStopping
from eventstore.catalogue.link import ConnectFailed
from eventstore.directory import StorageDirectory
from eventstore.event import Event, Recorded
from eventstore.log import EventLog
from eventstore.opening import Opening
from eventstore.segments import closed_segments, compress
from eventstore.snapshots import Snapshot, write_snapshot
from eventstore.value import replace
from projections.digest import fingerprint, state_bytes
from projections.station import StationState
from station.rules import outputs
from station.runtime.books import books_closed
from station.wire.instants import format_utc_ms
from tests.given import DESCRIPTION, UTC_2026_MS, SentCall, StationUnderTest

HOUR_S, MINUTE_S = 3600, 60
CHUNK = 4096


@dataclass
class StoryStation(StationUnderTest):
    """`power_w` is what each car can draw; `latency_ms` how long the CSMS takes; `replies` overrides its answers by action.

    A list of replies is used up, answer by answer. `checked` False leaves out the kernel's own invariants, for long logs.
    """

    power_w: dict[int, int] = field(default_factory=dict)
    latency_ms: int = 40
    replies: dict[str, Any] = field(default_factory=dict)
    checked: bool = True
    _metered_ms: dict[int, int] = field(default_factory=dict)
    _milliwatt_hours: dict[int, int] = field(default_factory=dict)
    _ids: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.csms = self._csms

    def _csms(self, call: SentCall) -> dict[str, Any] | str | None:
        reply = self.replies.get(call.action)
        if isinstance(reply, list):
            reply = reply.pop(0) if reply else None
            if not self.replies[call.action]:
                del self.replies[call.action]
        if reply is not None:
            return None if reply == "silence" else reply
        time = {"currentTime": format_utc_ms(self.at_ms + UTC_2026_MS)}
        accepted = {"idTagInfo": {"status": "Accepted"}}
        if call.action == "StartTransaction":
            number = self._ids.setdefault(call.text, 9001 + len(self._ids))
            return {"transactionId": number, **accepted}
        answers: dict[str, dict[str, Any]] = {
            "BootNotification": {"status": "Accepted", "interval": 1800, **time},
            "Heartbeat": time,
            "Authorize": accepted,
        }
        return answers.get(call.action, {})

    # ---- the copper ---------------------------------------------------------------------------------------------

    def _check_fold(self, batch: tuple[Recorded, ...], state: StationState) -> None:
        if self.checked:
            super()._check_fold(batch, state)

    def _check_rest(self, batch: tuple[Recorded, ...], state: StationState) -> None:
        if self.checked:
            super()._check_rest(batch, state)

    def _move_copper(self) -> bool:
        if super()._move_copper():
            return True
        if not self.state.connectors.known:
            return False
        for connector in self.state.connectors.real:
            closed = outputs.wanted(self.state, connector.connector_id).outputs.contactor_closed
            if closed != connector.contactor_closed:
                self._count(connector.connector_id)
                self._step(ContactorObserved(connector_id=connector.connector_id, closed=closed))
                return True
        return False

    def drawn_w(self, connector_id: int) -> int:
        """What the car draws now: what it can, within the limit."""
        connector = self.state.connectors[connector_id]
        if not connector.contactor_closed or connector.pilot_state not in ("C", "D"):
            return 0
        offered_w = connector.limit_ma * connector.phases * self.description.voltage_v // 1000
        return min(self.power_w.get(connector_id, 11_040), offered_w)

    def _count(self, connector_id: int) -> None:
        since = self._metered_ms.get(connector_id, self.at_ms)
        self._metered_ms[connector_id] = self.at_ms
        grown = self._milliwatt_hours.get(connector_id, 0) + self.drawn_w(connector_id) * (self.at_ms - since) // 3600
        self._milliwatt_hours[connector_id] = grown % 1000
        register = self.energy_wh.setdefault(connector_id, 1_000 * connector_id)
        self.energy_wh[connector_id] = register + grown // 1000

    def read_meter(self, connector_id: int = 1, **values: Any) -> list[Event]:
        self._count(connector_id)
        power = self.drawn_w(connector_id)
        per_phase = power * 1000 // (3 * self.description.voltage_v)
        reading = {"power_w": power, "current_ma": (per_phase,) * 3, "voltage_mv": (230_000,) * 3, **values}
        return self.observe(MeterObserved(connector_id=connector_id, energy_wh=self.energy_wh[connector_id], **reading))

    def plug(self, connector_id: int = 1, pilot: str = "C") -> list[Event]:
        self.read_meter(connector_id)
        return super().plug(connector_id, pilot)

    def unplug_car(self, connector_id: int = 1) -> list[Event]:
        self.read_meter(connector_id)
        return super().unplug_car(connector_id)

    def swipe(self, id_tag: str = "DEADBEEF", connector_id: int | None = None) -> list[Event]:
        for connector in self.state.connectors.real:
            if connector.transaction_number is not None:
                self.read_meter(connector.connector_id)
        return super().swipe(id_tag, connector_id)

    # ---- time, and the CSMS ---------------------------------------------------------------------------------------

    def _answer_call(self) -> bool:
        if self._asked < len(self.calls) and self.state.link.up:
            self.at_ms += self.latency_ms
        return super()._answer_call()

    def advance(self, seconds: float) -> list[Event]:
        before = len(self.log)
        until_ms = self.at_ms + round(seconds * 1000)
        while (deadline := self.registry.next_deadline(self.state)) is not None and deadline.due_ms <= until_ms:
            self.at_ms = max(self.at_ms, deadline.due_ms)
            for connector in self.state.connectors.real:
                if connector.transaction_number is not None:
                    self.read_meter(connector.connector_id)
            self._step(DeadlineReached(name=deadline.name, key=deadline.key, due_ms=deadline.due_ms))
            if self.state.link.connect_wanted:  # there is no network: each attempt fails
                self._step(ConnectFailed(reason="no route to host", entropy=500))
        self.at_ms = max(self.at_ms, until_ms)
        return [recorded.event for recorded in self.log[before:]]

    def power_cut(self, seconds: float, pilots: dict[int, str] | None = None) -> None:
        """The power goes without a word and comes back; cars stay plugged as `pilots` says. The link stays down."""
        self._asked = len(self.calls)
        self.at_ms += round(seconds * 1000)
        self._metered_ms.clear()
        self.boot(pilots=pilots or {}, orderly=False)

    def stop(self, why: str = "SIGTERM") -> None:
        """The process ends in order."""
        self._asked = len(self.calls)
        self.observe(StationStopping(why=why), StationStopped(why=why))

    def jam(self, connector_id: int = 1) -> None:
        """The lock does not move from here on."""
        self.lock_moves = False
        self.observe(LockObserved(connector_id=connector_id, locked=False, jammed=True))


def story(**description: Any) -> StoryStation:
    """A station of two connectors, or of other settings."""
    facts = {"connectors": 2, "identity": "CB-0417", "serial": "SN-0417", **description}
    factory = facts.pop("factory", {})
    described = replace(DESCRIPTION, factory_values=tuple(sorted(factory.items())), **facts)
    return StoryStation(description=described, at_ms=6 * HOUR_S * 1000)


def metered(station: StoryStation, interval_s: int = 300) -> StoryStation:
    """Online, with samples of energy, power and current."""
    station.online()
    station.configure(
        MeterValuesSampledData="Energy.Active.Import.Register,Power.Active.Import,Current.Import",
        MeterValueSampleInterval=interval_s,
    )
    return station


def session(station: StoryStation, *, tag: str = "DEADBEEF", minutes: float = 40, connector_id: int = 1) -> None:
    """Plugged, authorized, charged, stopped by the tag, unplugged."""
    station.plug(connector_id)
    station.advance(4)
    station.swipe(tag, connector_id)
    station.advance(minutes * MINUTE_S)
    station.swipe(tag, connector_id)
    station.advance(20)
    station.unplug(connector_id)
    station.advance(30)


def lost_session() -> StoryStation:
    """A session that the CSMS did not hear of for hours, and then refused twice before it took it."""
    station = metered(story())
    session(station, tag="04A2B3C4", minutes=35)
    station.advance(30 * MINUTE_S)
    station.disconnect("the network is unreachable")
    station.advance(9 * MINUTE_S)
    session(station, tag="04A2B3C4", minutes=52)
    station.advance(3 * HOUR_S + 5 * MINUTE_S)
    station.replies["StartTransaction"] = ["InternalError", "InternalError"]
    station.connect()
    station.advance(10 * MINUTE_S)
    session(station, tag="0411D0D0", minutes=21, connector_id=2)
    station.advance(HOUR_S)
    return station


def would_not_start() -> StoryStation:
    """A driver who could not start: the plug sat half way, so the lock could not close; then it did, and a tag was unknown."""
    station = metered(story(connectors=1, identity="CB-0090", serial="SN-0090"))
    session(station, tag="04A2B3C4", minutes=12)
    station.advance(2 * HOUR_S)
    station.lock_moves = False
    station.plug(1, "B")
    station.advance(6)
    station.swipe("0499FACE")
    station.advance(40)
    station.unplug(1)
    station.lock_moves = True
    station.advance(70)
    station.plug(1, "B")
    station.advance(5)
    station.replies["Authorize"] = [{"idTagInfo": {"status": "Expired", "expiryDate": "2025-12-31T23:00:00Z"}}]
    station.swipe("0499FACE")
    station.advance(90)
    station.unplug(1)
    station.advance(10 * MINUTE_S)
    session(station, tag="04A2B3C4", minutes=16)
    station.stop()
    return station


def disputed_bill() -> StoryStation:
    """A session with a limit, a power cut in its middle, and a register that the driver does not believe."""
    station = metered(story(identity="CB-0233", serial="SN-0233", power_loss_policy="resume"))
    station.advance(20 * MINUTE_S)
    station.plug(2)
    station.advance(5)
    station.swipe("04C0FFEE", 2)
    station.advance(45 * MINUTE_S)
    profile = {
        "chargingProfileId": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "transactionId": 9001,
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.0}]},
    }
    answer = station.ask("SetChargingProfile", {"connectorId": 2, "csChargingProfiles": profile})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}, answer
    station.advance(70 * MINUTE_S)
    station.power_cut(6 * MINUTE_S, pilots={2: "C"})
    station.connect()
    station.advance(55 * MINUTE_S)
    station.unplug_car(2)
    station.advance(15)
    station.unplug(2)
    station.advance(20 * MINUTE_S)
    return station


def many_days(station: StoryStation, events: int) -> StoryStation:
    """Ordinary days, with an outage and a restart now and then, until there are at least so many events."""
    metered(station, 60)
    day = 0
    while len(station.log) < events:
        day += 1
        session(station, tag=f"04{day % 500:06X}", minutes=90)
        session(station, tag=f"05{day % 300:06X}", minutes=45, connector_id=2)
        if day % 5 == 0:
            station.disconnect()
            session(station, tag=f"04{day % 500:06X}", minutes=30)
            station.connect()
        if day % 20 == 0:
            station.stop()
            station.at_ms += 60_000
            station.boot()
            station.connect()
        station.advance(6 * HOUR_S)
        station.calls, station.answers, station._asked = [], [], 0
    return station


STORIES: dict[str, Callable[[], StoryStation]] = {
    "lost-session": lost_session,
    "would-not-start": would_not_start,
    "disputed-bill": disputed_bill,
}


async def _append(directory: Path, identity: str, log: Sequence[Recorded]) -> None:
    opened = await EventLog.open(directory, identity=identity)
    try:
        for start in range(0, len(log), CHUNK):
            await opened.append(log[start : start + CHUNK])
        await opened.witness()
    finally:
        await opened.close()


def write_log(station: StationUnderTest, directory: Path) -> Path:
    """The station's log in a storage directory, closed, with its witness; the directory."""
    asyncio.run(_append(directory, station.description.identity, station.log))
    return directory


Books = list[tuple[int, BooksClosed, bytes]]
"""Where segments end: the event, and the state there."""


def many_segments(station: StoryStation, events: int, segment_events: int) -> Books:
    """Many days, until there are so many events, with the books closed as a station closes them."""
    ends: Books = []
    while len(station.log) < events:
        first_seq = len(station.log) + 1
        many_days(station, first_seq + segment_events)
        event, state = books_closed(station.state, station.at_ms, first_seq)
        station.observe(event)
        ends.append((len(station.log), event, state))
    many_days(station, len(station.log) + segment_events // 2)
    return ends


def write_segments(station: StoryStation, directory: Path, ends: Books) -> Path:
    """The station's log in closed, compressed segments and a live one; the directory."""
    asyncio.run(_append_segments(directory, station, ends))
    return directory


async def _append_segments(directory: Path, station: StoryStation, ends: Books) -> None:
    opened = await EventLog.open(directory, identity=station.description.identity)
    try:
        begin = 0
        for end, event, state in ends:
            for start in range(begin, end, CHUNK):
                await opened.append(station.log[start : min(end, start + CHUNK)])
            after = Opening(
                head=opened.head,
                owed_seq=event.owed_seq,
                layout=event.layout,
                fingerprint=event.fingerprint,
                state=state,
            )
            assert await opened.close_segment(
                state=state, layout=event.layout, fingerprint=event.fingerprint, owed_seq=event.owed_seq
            )
            for segment in closed_segments(directory):
                for _ in compress(StorageDirectory(directory), segment, after):
                    pass
            begin = end
        for start in range(begin, len(station.log), CHUNK):
            await opened.append(station.log[start : start + CHUNK])
        await opened.witness()
    finally:
        await opened.close()


def add_snapshot(directory: Path, state: StationState, digest: bytes) -> None:
    """A snapshot of the state, as the daemon keeps one."""
    snapshot = Snapshot(seq=state.seq, fingerprint=fingerprint(), state=state_bytes(state), digest=digest)
    write_snapshot(StorageDirectory(directory), snapshot)
