"""The loop: durable before published, deadlines on time, and no going on after the storage has failed."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from eventstore.catalogue.hardware import BoardOpened, IdTagPresented, MeterObserved, PilotStateObserved
from eventstore.catalogue.lifecycle import DeadlineReached, ObservationsDropped, StationBooted, StationStopped
from eventstore.catalogue.link import FrameReceived, LinkOpened, OutboxWindowRead
from eventstore.catalogue.transactions import MeterSampled
from eventstore.errors import StorageFailed
from eventstore.event import Event, Observation, Recorded
from eventstore.insertion import encode_batch
from eventstore.log import EventLog
from eventstore.value import replace
from projections.station import INITIAL, StationState
from station.core.feature import Deadline, Feature, Registry
from station.features import ALL, registry_for
from station.runtime.clock import SystemClock
from station.runtime.inbox import EACH_MAX
from station.runtime.recovery import fold_log
from station.runtime.station import LARGE_FRAME, ROUND_MAX_MS, Station, read_window
from tests.given import DESCRIPTION, UTC_2026_MS
from tests.shortage import no_descriptors

BOOTED = StationBooted(
    boot=1,
    installation="0000abcd",
    software_version="0.1.0",
    firmware_version="0.1.0",
    offset_ms=UTC_2026_MS,
    clock_trusted=True,
    orderly=True,
)
OPENED = (MeterObserved(connector_id=1, energy_wh=0), BoardOpened())


@pytest_asyncio.fixture
async def log(tmp_path: Path) -> AsyncIterator[EventLog]:
    opened = await EventLog.open(tmp_path, identity="CB-0001")
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def station(log: EventLog) -> AsyncIterator[Station]:
    found = Station(log, registry_for(), SystemClock(), INITIAL)
    running = asyncio.create_task(found.run())
    yield found
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_what_is_published_is_durable(station: Station, log: EventLog) -> None:
    seen: list[tuple[int, int]] = []

    def follow(state: StationState, batch: Sequence[Recorded]) -> None:
        seen.append((batch[-1].seq, log.head.seq))
        assert state.seq == batch[-1].seq

    station.followers.append(follow)
    last = await station.observe(BOOTED, DESCRIPTION, *OPENED)
    assert last == log.head.seq
    assert seen
    assert all(published <= durable for published, durable in seen)


@pytest.mark.asyncio
async def test_the_log_folds_to_the_published_state(station: Station, log: EventLog) -> None:
    await station.observe(BOOTED, DESCRIPTION, *OPENED, IdTagPresented(id_tag="DEADBEEF", connector_id=1))
    state, _ = await fold_log(log)
    assert state == station.state


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.asyncio
async def test_a_large_frame_is_stepped_and_encoded_in_a_thread_so_that_the_reflex_need_not_wait(
    log: EventLog, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    stepped: set[bool] = set()
    encoded: list[int] = []

    def note(state: StationState, observation: Observation, at_ms: int) -> tuple[Event, ...]:
        stepped.add(threading.current_thread() is threading.main_thread())
        return ()

    def spy(batch: Sequence[Recorded]) -> Sequence[str]:
        assert threading.current_thread() is not threading.main_thread()
        encoded.append(len(batch))
        return encode_batch(batch)

    monkeypatch.setattr("station.runtime.station.encode_batch", spy)
    watcher = Feature(name="watcher", ocpp_profile="Core", observes={FrameReceived: note, IdTagPresented: note})
    station = Station(log, Registry((*ALL, watcher)), SystemClock(), INITIAL)
    running = asyncio.create_task(station.run())
    await station.observe(BOOTED, DESCRIPTION, *OPENED, LinkOpened(connection=1))
    stepped.clear()
    call = '[2,"1","GetConfiguration",{}]'
    station.submit(FrameReceived(connection=1, text=call + " " * LARGE_FRAME if is_large else call))
    await station.observe(IdTagPresented(id_tag="BEHIND", connector_id=1))
    assert stepped == ({True, False} if is_large else {True})
    assert len(encoded) == (1 if is_large else 0)
    assert station.state == (await fold_log(log))[0]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_readings_are_taken_before_the_observation_that_needs_them(station: Station, log: EventLog) -> None:
    await station.observe(BOOTED, DESCRIPTION, *OPENED)
    station.read_before = lambda state, observation, at_ms: (
        [MeterObserved(connector_id=1, energy_wh=7)] if isinstance(observation, PilotStateObserved) else []
    )
    before = log.head.seq
    await station.observe(PilotStateObserved(connector_id=1, pilot_state="B"))
    kinds = [type(recorded.event) for recorded in await log.read(before)]
    assert kinds[:2] == [MeterObserved, PilotStateObserved]


@pytest.mark.asyncio
async def test_time_that_is_pushed_ahead_fires_deadlines_in_order_each_at_its_own_time(
    station: Station, log: EventLog
) -> None:
    factory = (("HeartbeatInterval", "100"),)
    described = replace(DESCRIPTION, factory_values=factory)
    await station.observe(BOOTED, described, *OPENED, LinkOpened(connection=1))
    before = log.head.seq
    await station.advance(250_000)
    fired = [recorded for recorded in await log.read(before) if isinstance(recorded.event, DeadlineReached)]
    dues = [recorded.event.due_ms for recorded in fired if isinstance(recorded.event, DeadlineReached)]
    assert dues == sorted(dues)
    assert dues
    assert all(
        0 <= recorded.at_ms - recorded.event.due_ms < 2_000
        for recorded in fired
        if isinstance(recorded.event, DeadlineReached)
    )


async def _charging(station: Station, log: EventLog) -> list[int]:
    """A board that is known; returns the seqs of the events that end a batch, as they are published from now on."""
    published: list[int] = []
    await station.observe(BOOTED, DESCRIPTION, *OPENED)
    station.followers.append(lambda state, batch: published.append(batch[-1].seq))
    return published


@pytest.mark.asyncio
async def test_facts_that_nothing_follows_from_share_a_commit_with_what_comes_a_moment_later(
    station: Station, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.runtime.station.MOMENT_S", 3_600)
    published = await _charging(station, log)
    before = log.head.seq
    for energy_wh in (1, 2, 3):
        station.submit(MeterObserved(connector_id=1, energy_wh=energy_wh))
        for _ in range(10):
            await asyncio.sleep(0)
    assert not published
    assert log.head.seq == before
    station.submit(PilotStateObserved(connector_id=1, pilot_state="B"))  # something is to be told
    async with asyncio.timeout(60):
        while not published:  # noqa: ASYNC110  # nobody waits for it
            await asyncio.sleep(0.01)
    kinds = [type(recorded.event) for recorded in await log.read(before)]
    assert kinds[:4] == [MeterObserved] * 3 + [PilotStateObserved]
    assert published == [log.head.seq]


@pytest.mark.asyncio
async def test_what_waits_for_company_becomes_durable_after_a_moment_and_at_once_when_somebody_waits(
    station: Station, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = await _charging(station, log)
    station.submit(MeterObserved(connector_id=1, energy_wh=1))
    async with asyncio.timeout(60):
        while not published:  # noqa: ASYNC110  # nobody waits for it
            await asyncio.sleep(0.01)
    monkeypatch.setattr("station.runtime.station.MOMENT_S", 3_600)
    station.submit(MeterObserved(connector_id=1, energy_wh=2))
    for _ in range(10):
        await asyncio.sleep(0)
    assert await asyncio.wait_for(station.settle(), 60) == log.head.seq
    assert published[-1] == log.head.seq
    assert station.state.connectors[1].register.raw_wh == 2


@pytest.mark.asyncio
async def test_the_last_event_does_not_wait_for_company(
    station: Station, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.runtime.station.MOMENT_S", 3_600)
    await _charging(station, log)
    station.submit(MeterObserved(connector_id=1, energy_wh=1))
    for _ in range(10):
        await asyncio.sleep(0)
    await asyncio.wait_for(station.end(StationStopped(why="SIGTERM")), 60)
    assert type((await log.read(log.head.seq - 1))[0].event) is StationStopped


class _StallingClock(SystemClock):
    """A machine that stands still for longer than a round may take, each time that somebody looks at the clock."""

    def at_ms(self) -> int:
        self._base_ms += 2 * ROUND_MAX_MS
        return super().at_ms()


@pytest.mark.asyncio
async def test_each_round_takes_something_however_slow_the_machine_is(log: EventLog) -> None:
    """Else a deadline that is due would still be due after its round, which ends the station."""
    station = Station(log, registry_for(), _StallingClock(), INITIAL)
    running = asyncio.create_task(station.run())
    await station.observe(BOOTED, DESCRIPTION, *OPENED, LinkOpened(connection=1))
    await station.advance(600_000)
    assert [event for event in await log.read(0) if isinstance(event.event, DeadlineReached)]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_the_next_deadline_is_asked_for_once_for_each_state(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = Station(log, registry_for(), SystemClock(), INITIAL)
    asked: list[int] = []
    next_deadline = station.registry.next_deadline

    def count(state: StationState) -> Deadline | None:
        asked.append(state.seq)
        return next_deadline(state)

    monkeypatch.setattr(station.registry, "next_deadline", count)
    running = asyncio.create_task(station.run())
    for observation in (BOOTED, DESCRIPTION, *OPENED, LinkOpened(connection=1)):
        await station.observe(observation)
    assert asked
    assert len(asked) == len(set(asked))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_a_storage_that_fails_ends_the_loop_and_everybody_who_waits(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = Station(log, registry_for(), SystemClock(), INITIAL)
    published: list[StationState] = []
    station.followers.append(lambda state, batch: published.append(state))
    running = asyncio.create_task(station.run())
    await station.observe(BOOTED, DESCRIPTION)
    count = len(published)
    await log.close()  # an append on a closed log fails as on a storage that has gone
    with pytest.raises(StorageFailed):
        await station.observe(BoardOpened())
    with pytest.raises(StorageFailed):
        await running
    assert len(published) == count
    assert station.trouble() is not None
    with pytest.raises(StorageFailed):
        await station.settle()


@pytest.mark.asyncio
async def test_what_had_to_be_dropped_is_on_record_and_says_the_present(station: Station, log: EventLog) -> None:
    """A contact that bounces while the disk hangs; what waits at the other connector stays."""
    await station.observe(BOOTED, DESCRIPTION, *OPENED)
    station.submit(PilotStateObserved(connector_id=2, pilot_state="B"))
    for number in range(EACH_MAX + 3):
        station.submit(PilotStateObserved(connector_id=1, pilot_state="B" if number % 2 else "C"))
    before = log.head.seq
    await station.settle()
    events = [recorded.event for recorded in await log.read(before)]
    assert ObservationsDropped(kind="PilotStateObserved", count=3) in events
    pilots = [event for event in events if isinstance(event, PilotStateObserved)]
    assert pilots[0] == PilotStateObserved(connector_id=2, pilot_state="B")
    assert len(pilots) == 1 + EACH_MAX
    assert station.state.connectors[1].pilot_state == "C"
    assert station.dropped == 3


@pytest.mark.asyncio
async def test_once_it_winds_down_no_deadline_is_taken(station: Station, log: EventLog) -> None:
    await station.observe(BOOTED, DESCRIPTION, *OPENED, LinkOpened(connection=1))
    deadline = station.registry.next_deadline(station.state)
    assert deadline is not None
    station.wind_down()
    station.clock.push(deadline.due_ms - station.clock.at_ms() + 1_000)
    await station.observe(PilotStateObserved(connector_id=1, pilot_state="B"))
    assert not [event for event in await log.read(0) if isinstance(event.event, DeadlineReached)]


@pytest.mark.asyncio
async def test_nothing_is_taken_after_the_last_event(station: Station, log: EventLog) -> None:
    await station.observe(BOOTED, DESCRIPTION, *OPENED)
    station.submit(PilotStateObserved(connector_id=1, pilot_state="B"))
    ending = asyncio.create_task(station.end(StationStopped(why="SIGTERM")))
    await asyncio.sleep(0)
    station.submit(PilotStateObserved(connector_id=1, pilot_state="C"))
    assert await ending == log.head.seq
    for late in (station.observe(BoardOpened()), station.settle()):
        with pytest.raises(asyncio.CancelledError):
            await late
    station.submit(BoardOpened())
    await asyncio.sleep(0.01)
    events = [recorded.event for recorded in await log.read(0)]
    assert events[-1] == StationStopped(why="SIGTERM")
    assert PilotStateObserved(connector_id=1, pilot_state="B") in events
    assert PilotStateObserved(connector_id=1, pilot_state="C") not in events


@pytest.mark.asyncio
async def test_the_window_is_read_from_the_log_without_what_stands_between(
    log: EventLog, make_sampled: Callable[[int], MeterSampled]
) -> None:
    batch = []
    for seq in range(1, 1_301):
        event = make_sampled(seq) if seq % 13 == 0 else MeterObserved(connector_id=1, energy_wh=seq)
        batch.append(Recorded(seq=seq, cause=seq, at_ms=seq, utc_ms=seq, event=event))
    await log.append(batch)
    window = await read_window(log, 26, 48)
    assert isinstance(window, OutboxWindowRead)
    assert [entry.seq for entry in window.entries or ()] == list(range(39, 39 + 48 * 13, 13))
    assert (window.after_seq, window.to_seq, window.count) == (26, 39 + 47 * 13, 48)
    assert (await read_window(log, 26, 48, to_seq=60)).count == 2


@pytest.mark.asyncio
async def test_owed_messages_that_no_descriptor_is_left_to_read_wait_and_are_not_told_as_lost(
    station: Station, log: EventLog
) -> None:
    await station.observe(BOOTED)
    with no_descriptors():
        assert not await station._look_behind()
        seq = await station.observe(MeterObserved(connector_id=1, energy_wh=7))
    assert log.failure is None
    assert [type(recorded.event) for recorded in await log.read(seq - 1)] == [MeterObserved]
