"""Years of service in short: a long outage over many segments, delivered in order, in memory that does not grow."""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from eventstore.archive import ArchiveReader
from eventstore.catalogue.hardware import IdTagPresented, PilotStateObserved
from eventstore.catalogue.lifecycle import ArchiveDropped, BooksClosed, LogSalvaged
from eventstore.catalogue.link import CallDispatched, FrameReceived, OwedEventsLost
from eventstore.chain import EMPTY, verify
from eventstore.event import Recorded
from eventstore.log import EventLog
from eventstore.segments import archives
from projections.digest import digest, state_bytes
from projections.outbox import WINDOW_MAX
from projections.station import INITIAL, StationState, evolve
from station.core.retention import needed_seq
from station.runtime import recovery
from station.runtime.archivist import Keep
from tests.given import TAG
from tests.logs import overwrite
from tests.outage import TRANSACTIONAL, Csms, Outage, living

STATE_BYTES_MAX = 64 << 10
"""What the state of this station takes as JSON, however much is owed."""


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.asyncio
async def test_what_is_owed_over_several_segments_and_restarts_is_delivered_in_order(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
    for _ in range(3):
        async with living(tmp_path) as outage:
            for _ in range(2):
                await outage.quick_session(60)
            await outage.archivist.tidy()
    async with living(tmp_path) as outage:
        assert len(archives(tmp_path)) >= 3
        owed = outage.station.state.outbox
        assert (len(owed.window) <= WINDOW_MAX, owed.pending) == (True, 6 * 62)
        assert owed.window[0].seq < archives(tmp_path)[0].last_seq
        await outage.delivered()
        counts = outage.csms.counts
        assert (counts["StartTransaction"], counts["MeterValues"], counts["StopTransaction"]) == (6, 6 * 60, 6)
        assert outage.csms.faults == []


@pytest.mark.asyncio
async def test_the_books_agree_with_the_fold_at_each_closing(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
        for _ in range(4):
            await outage.quick_session(60)
        await outage.archivist.tidy()
        rows = await outage.log.read_rows(0, 100_000)
        assert verify(EMPTY, rows, (await outage.log.commitments_from(1)).content) == outage.log.head
        state, closings = INITIAL, 0
        async for events in outage.log.fold_source(0):
            for recorded in events:
                state = evolve(state, await recovery.filled(outage.log, recorded))
                if isinstance(recorded.event, BooksClosed):
                    closings += 1
                    assert recorded.event.state_digest == digest(state)
        assert state == outage.station.state
        assert closings == len(archives(tmp_path)) >= 2
    for segment in archives(tmp_path):
        with ArchiveReader(segment.path) as reader:
            assert reader.verify() == ()
            assert reader.frame(len(reader.index.frames) - 1)[-1].type == BooksClosed.NAME


@pytest.mark.asyncio
async def test_every_way_to_fold_the_log_leads_to_the_same_state(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
        for _ in range(4):
            await outage.quick_session(60)
        await outage.archivist.tidy()
        await outage.session(1)
        expected = outage.station.state
    log = await EventLog.open(tmp_path, identity="CB-0001")
    try:
        bases = [log.opening.head.seq]
        state, base_seq = await recovery.fold_log(log)
        assert (state, base_seq) == (expected, log.opening.head.seq)
        await recovery.save_snapshot(log, state)
        assert await recovery.fold_log(log) == (expected, expected.seq)
        bases += [opening.head.seq async for opening in log.openings()]
        assert len(set(bases)) > 2
    finally:
        await log.close()


@pytest.mark.asyncio
async def test_archives_are_dropped_by_size_but_never_what_is_owed(tmp_path: Path) -> None:
    keep = Keep(total_bytes=1)
    async with living(tmp_path, keep=keep) as outage:
        await outage.first_session()
        for _ in range(4):
            await outage.quick_session(60)
        await outage.archivist.tidy()
        first_owed = needed_seq(outage.station.state)
        kept = archives(tmp_path)
        assert kept[0].first_seq <= first_owed <= kept[0].last_seq or kept[0].first_seq > first_owed == 1
        assert len(kept) >= 2
    async with living(tmp_path, keep=keep) as outage:
        await outage.archivist.tidy()
        assert archives(tmp_path) == kept
        await outage.delivered()
        assert outage.csms.counts["MeterValues"] == 4 * 60
        assert outage.csms.faults == []
        for _ in range(2):
            await outage.session(40)
        await outage.delivered()
        await outage.close_books()
        await outage.archivist.tidy()
        left = archives(tmp_path)
        assert len(left) <= 2
        assert needed_seq(outage.station.state) > left[0].last_seq
        dropped = [
            recorded.event
            for recorded in await outage.log.read(0, 100_000)
            if isinstance(recorded.event, ArchiveDropped)
        ]
        assert dropped
        assert dropped[-1].last_seq + 1 == left[0].first_seq
        expected = outage.station.state
    log = await EventLog.open(tmp_path, identity="CB-0001")
    state, _ = await recovery.fold_log(log)
    await log.close()
    assert state == expected


@pytest.mark.asyncio
async def test_owed_messages_in_a_damaged_archive_are_given_up_on_record_and_the_rest_is_delivered(
    tmp_path: Path,
) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
        for _ in range(5):
            await outage.quick_session(60)
        await outage.archivist.tidy()
        assert len(archives(tmp_path)) >= 4
        victim = archives(tmp_path)[2]
        with ArchiveReader(victim.path) as reader:
            overwrite(victim.path, reader.index.frames[0].offset + 60, b"\0\0\0\0")
        before, counts = outage.station.state.outbox, outage.csms.counts.copy()
        begun = outage.log.head.seq
        await outage.delivered()
        state = outage.station.state
        lost = [
            recorded.event
            for recorded in await outage.log.read(begun, 100_000)
            if isinstance(recorded.event, OwedEventsLost)
        ]
        assert len(lost) == 1
        with ArchiveReader(victim.path) as reader:
            frame = reader.index.frames[0]
        assert (lost[0].after_seq + 1, lost[0].to_seq) == (victim.first_seq, frame.last_seq)
        delivered = sum(outage.csms.counts[action] - counts[action] for action in TRANSACTIONAL)
        assert delivered + lost[0].count == before.pending
        assert state.outbox.given_up == lost[0].count
        assert outage.csms.last_owed_seq == before.last_owed_seq


@pytest.mark.asyncio
async def test_owed_messages_that_are_lost_in_several_places_are_named_where_they_were(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
        for _ in range(6):
            await outage.quick_session(60)
        await outage.archivist.tidy()
        places = []
        for victim in (archives(tmp_path)[2], archives(tmp_path)[4]):
            with ArchiveReader(victim.path) as reader:
                overwrite(victim.path, reader.index.frames[0].offset + 60, b"\0\0\0\0")
                places.append((victim.first_seq, reader.index.frames[0].last_seq))
        before, counts = outage.station.state.outbox, outage.csms.counts.copy()
        await outage.delivered()
        lost = [r.event for r in await outage.log.read(0, 100_000) if isinstance(r.event, OwedEventsLost)]
        assert [(event.after_seq + 1, event.to_seq) for event in lost] == places
        delivered = sum(outage.csms.counts[action] - counts[action] for action in TRANSACTIONAL)
        assert delivered + sum(event.count for event in lost) == before.pending
        expected = outage.station.state
    log = await EventLog.open(tmp_path, identity="CB-0001")
    state, _ = await recovery.fold_log(log)
    await log.close()
    assert state == expected


@pytest.mark.asyncio
async def test_a_transaction_is_ended_though_the_archive_of_what_was_told_has_rotted(tmp_path: Path) -> None:
    """What was read from the archive and told long ago cannot be read again: the state is whole without it."""
    async with living(tmp_path) as outage:
        await outage.first_session()
        for _ in range(3):
            await outage.quick_session(60)
        await outage.archivist.tidy()
    async with living(tmp_path, segment_bytes=1 << 30) as outage:
        await outage.delivered()
        observe = outage.station.observe
        await observe(PilotStateObserved(connector_id=1, pilot_state="C"), IdTagPresented(id_tag=TAG, connector_id=1))
        await outage.delivered()
        running = outage.station.state.transactions.running()
        assert len(running) == 1
        assert running[0].transaction_id is not None
        base_seq = outage.log.opening.head.seq
    for victim in archives(tmp_path):
        with ArchiveReader(victim.path) as reader:
            for frame in reader.index.frames:
                overwrite(victim.path, frame.offset + 60, b"\0\0\0\0")
    async with living(tmp_path, segment_bytes=1 << 30) as outage:
        assert not any(isinstance(r.event, LogSalvaged) for r in await outage.log.read(base_seq, 100_000))
        await outage.delivered()
        assert outage.csms.counts["StopTransaction"] == 1
        assert len(outage.station.state.transactions.by_number) == 0


@pytest.mark.asyncio
async def test_a_station_whose_closed_segments_are_gone_begins_anew_and_says_so(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
        for _ in range(4):
            await outage.quick_session(60)
        await outage.archivist.tidy()
    for segment in archives(tmp_path):
        segment.path.unlink()
    log = await EventLog.open(tmp_path, identity="CB-0001")
    log._opening = type(log.opening)(head=log.opening.head)  # and its state is illegible
    state, base_seq = await recovery.fold_log(log)
    await log.close()
    assert recovery.is_lost(state)
    assert (state.seq, base_seq) == (log.head.seq, log.head.seq)


class SlowCsms(Csms):
    """Answers when it is told to."""

    def __init__(self, outage: Outage) -> None:
        super().__init__(outage.station)
        outage.station.followers[:] = [self.follow, outage.archivist.publish]
        self.unanswered: list[CallDispatched] = []

    def follow(self, state: StationState, batch: Sequence[Recorded]) -> None:
        self.unanswered += [recorded.event for recorded in batch if isinstance(recorded.event, CallDispatched)]

    async def answer(self) -> str:
        """The call under way, a second later; its action."""
        await self.station.advance(1_000)
        (call,) = self.unanswered
        self.unanswered.clear()
        self.take(call)
        await self.station.settle()
        return call.action


@pytest.mark.parametrize(
    ("days", "sessions"),
    [(1, 10), pytest.param(7, 20, marks=pytest.mark.long)],
    ids=["700 messages", "10,000 messages"],
)
@pytest.mark.timeout(600)
@pytest.mark.asyncio
async def test_what_a_csms_that_was_down_is_owed_is_told_in_order_and_nothing_else_waits_for_it(
    days: int, sessions: int, tmp_path: Path
) -> None:
    async with living(tmp_path, segment_bytes=1 << 20) as outage:
        await outage.first_session()
        for _ in range(days * sessions):
            await outage.quick_session(70)
            await outage.archivist.tidy()
        owed = outage.station.state.outbox.pending
        assert owed == days * sessions * 72
        csms, behind = SlowCsms(outage), 0
        await outage.online()
        while outage.station.state.outbox.pending:
            ask = csms.counts.total() % 100 == 99
            if ask:
                asked = f'[2,"t{csms.counts.total()}","TriggerMessage",{{"requestedMessage":"Heartbeat"}}]'
                await outage.station.observe(FrameReceived(connection=2, text=asked))
            behind = 0 if await csms.answer() == "Heartbeat" else behind + ask + bool(behind)
            assert behind <= 2, "a heartbeat waits for what the outage left behind"
            assert len(outage.station.state.outbox.window) <= WINDOW_MAX
            assert not ask or len(state_bytes(outage.station.state)) < STATE_BYTES_MAX + days * sessions * 1_000
        assert csms.faults == []
        assert csms.counts["MeterValues"] == days * sessions * 70
        assert csms.counts["StopTransaction"] == days * sessions
        assert csms.counts["Heartbeat"] >= owed // 150


@pytest.mark.asyncio
@pytest.mark.long
async def test_thirty_days_offline_take_no_more_memory_than_one() -> None:
    """30 days, 20 sessions a day, 300 samples each, then all of it is delivered. In memory: the disk is not what is tested."""
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=shared) as name:
        directory = Path(name) / "storage"
        async with living(directory, segment_bytes=4 << 20) as outage:
            await outage.first_session()
            for _ in range(20):
                await outage.quick_session(300)
            await outage.archivist.tidy()
            after_a_day = resident_bytes()
            for _ in range(29 * 20):
                await outage.quick_session(300)
                await outage.archivist.tidy()
            state = outage.station.state
            assert state.outbox.pending == 600 * 302
            assert len(state_bytes(state)) < STATE_BYTES_MAX + 600 * 1_000  # unconfirmed transactions are state
            offline = resident_bytes()
            await outage.delivered()
            await outage.archivist.tidy()
            delivered = resident_bytes()
            figures = {"day": after_a_day >> 20, "offline": offline >> 20, "delivered": delivered >> 20}
            print(json.dumps(figures), outage.log.head.seq, len(archives(directory)))
            assert outage.csms.faults == []
            assert outage.csms.counts["MeterValues"] == 600 * 300 + 1
            assert outage.csms.counts["StartTransaction"] == outage.csms.counts["StopTransaction"] == 601
            assert (state.outbox.given_up, outage.station.state.outbox.pending) == (0, 0)
            assert not outage.station.state.transactions.by_number
            assert offline - after_a_day < 16 << 20
            assert delivered - after_a_day < 24 << 20
