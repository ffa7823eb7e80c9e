"""The station at run time: one inbox, one loop, one writer; what is published is durable.

Theory of operation
    Observations are taken from the inbox in fair turns between the link and the rest, each is stepped through the kernel, and the batches of one round go
    to the log in one append. Only when that has returned is the new state published: to the gateway, which drives the
    board, to the link, which writes frames, to the job runner. So nothing leaves before its record is durable. While
    the append is under way, new observations wait; the reflex does not (`gateway`). It needs the event loop, though, so a
    large frame is read, stepped and encoded in a worker thread.

    Time enters as station time, taken when an observation is stepped; deadlines are the state's own, and the loop waits
    for the first of them. Storage failure is final: the outputs are made safe and the process ends (status 70).

    An orderly end has two steps. `wind_down`: no deadline is taken any more. `end`: the last event is recorded, and nothing
    that comes after it is taken.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial

from eventstore.catalogue.lifecycle import DeadlineReached, ObservationsDropped
from eventstore.catalogue.link import FrameReceived, OutboxWindowRead, OwedEventsLost
from eventstore.catalogue.transactions import TransactionStarted, TransactionStopped
from eventstore.codec import decode
from eventstore.errors import OutOfDescriptors
from eventstore.event import Observation, Recorded
from eventstore.insertion import encode_batch
from eventstore.inventory import without
from eventstore.log import EventLog
from eventstore.seldom import Seldom
from eventstore.value import replace
from projections.outbox import TRANSACTIONAL, WINDOW_MAX, Outbox
from projections.station import StationState
from station.core import exchange, kernel
from station.core.feature import Deadline, Registry
from station.runtime.books import Books
from station.runtime.clock import SystemClock
from station.runtime.inbox import Inbox, Ticket
from station.runtime.patience import MOMENT_S, may_wait

LOGGER = logging.getLogger(__name__)

ROUND_MAX = 64
ROUND_MAX_MS = 20
"""What one round takes at the most, the last step apart: between rounds the loop serves the board and the service."""
LARGE_FRAME = 16_384  # characters; what is larger is worked on in a thread
LARGE_BATCH = 256  # events
STUCK_AFTER_MS = 30_000
EVENTS_PER_OWED = 4
"""How many events of the log are read at once for each queued one that is looked for: a sample is one of three or four."""
AGAIN_S = 1  # after which a reading that found no file descriptor is tried again
_CRITICAL = (TransactionStarted, TransactionStopped)
_OWED_NAMES = frozenset(kind.NAME for kind in TRANSACTIONAL)


# Who acts on what has become durable: called with the state and the events that led to it.
Follower = Callable[[StationState, Sequence[Recorded]], None]


class Station:
    """The loop. `state` is the published state; `run` ends with the task, or raises what ended the station."""

    def __init__(self, log: EventLog, registry: Registry, clock: SystemClock, state: StationState) -> None:
        self.log = log
        self.registry = registry
        self.clock = clock
        self.state = state
        self.dropped = 0
        self.followers: list[Follower] = []
        self.books: Books | None = None  # without, the log is one segment for ever
        self.foresee: Callable[[Observation], None] = _nothing_foreseen
        self.read_before: Callable[[StationState, Observation, int], Iterable[Observation]] = _nothing_before
        self._ahead = state  # the state that is stepped; published once durable
        self._inbox = Inbox()
        self._filled = asyncio.Event()
        self._waiting: list[tuple[Ticket, asyncio.Future[int]]] = []
        self._failure: BaseException | None = None
        self._busy_since_ms: int | None = None
        self._reached: Deadline | None = None
        self._upcoming: tuple[StationState, Deadline | None] | None = None  # the state's next deadline, once asked for
        self._gaps: list[tuple[int, int]] = []  # met in the log while queued events were read from it
        self._is_winding_down = False
        self._has_ended = False
        self._shortage = Seldom(LOGGER, logging.WARNING)

    # ---- what others may do -------------------------------------------------------------------------------------

    def submit(self, observation: Observation) -> None:
        """Puts an observation into the inbox; from the event loop only, never blocks. After the end it is not taken."""
        if self._has_ended:
            LOGGER.debug("%s comes after the last event and is not taken", type(observation).__name__)
            return
        if not self._inbox.put(observation):
            self.dropped += 1
        self.foresee(observation)
        self._filled.set()

    def has_room(self) -> bool:
        """Whether a source that can wait (the link) should go on."""
        return self._inbox.has_room_for_frames()

    def wind_down(self) -> None:
        """The process is about to end: from now on no deadline is taken."""
        self._is_winding_down = True
        self._filled.set()

    async def end(self, last: Observation) -> int:
        """Records the last event of the process, behind all that was submitted before it; returns its seq.

        Nothing is taken after it: `submit` does nothing, and `settle` and `observe` raise CancelledError.
        """
        self.wind_down()
        self._inbox.put_last(last)
        self._has_ended = True
        return await self._settled()

    async def observe(self, *observations: Observation) -> int:
        """Submits and waits until these and what was submitted before them are durable; returns the last seq.

        Raises what ended the station, if it has ended.
        """
        for observation in observations:
            self.submit(observation)
        return await self._wait_for(observations)

    async def settle(self) -> int:
        """Waits until all that board, service and chores have submitted is durable, what it led to at once included.

        Not for frames that wait: a CSMS may send without pause. Returns the last seq.
        """
        return await self._wait_for(())

    async def _wait_for(self, observations: Sequence[Observation]) -> int:
        if self._has_ended:
            raise asyncio.CancelledError("the station has ended")
        return await self._settled(observations)

    async def _settled(self, observations: Sequence[Observation] = ()) -> int:
        if self._failure is not None:
            raise self._failure
        settled: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((self._inbox.ticket(observations), settled))
        self._filled.set()
        return await settled

    async def advance(self, milliseconds: int) -> int:
        """Station time moves ahead (bench only): deadlines due in between fire in order, each at its own time."""
        await self.settle()
        until_ms = self.clock.at_ms() + milliseconds
        while (deadline := self.registry.next_deadline(self.state)) is not None and deadline.due_ms <= until_ms:
            self.clock.push(max(0, deadline.due_ms - self.clock.at_ms()))
            await self.settle()
        self.clock.push(max(0, until_ms - self.clock.at_ms()))
        return await self.settle()

    def trouble(self) -> str | None:
        """Why the station is not well, or None."""
        if self._failure is not None:
            return f"the loop has ended: {self._failure}"
        if self.log.failure is not None:
            return f"the log takes no writes: {self.log.failure}"
        if self._busy_since_ms is not None and self.clock.at_ms() - self._busy_since_ms > STUCK_AFTER_MS:
            return "the log has not answered for 30 s"
        return None

    # ---- the loop -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Runs until cancelled; raises StorageFailed when the storage fails, and never goes on after it."""
        try:
            while True:
                await self._wait()
                await self._round()
        except BaseException as error:
            self._failure = error
            for _, settled in self._waiting:
                if not settled.done():
                    settled.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
            raise

    async def _wait(self) -> None:
        deadline = self._next_deadline()
        if not self._inbox and not self._waiting:
            self._filled.clear()
            await self.clock.wait(self._filled, None if deadline is None else deadline.due_ms)
        if deadline is not None and deadline.due_ms <= self.clock.at_ms() and not self._is_winding_down:
            assert deadline != self._reached, f"{deadline} was reached and still is due: nobody has taken it"
            self._reached = deadline
            # Late is fine, early never: the observation carries its due time and happens now.
            self._inbox.put_first(DeadlineReached(name=deadline.name, key=deadline.key, due_ms=deadline.due_ms))

    async def _round(self) -> None:
        """Steps what is in the inbox, appends it as one, publishes it."""
        batch: list[Recorded] = []
        is_large = await self._take_all(batch)
        if batch:
            is_large = is_large or await self._company(batch)
            self._busy_since_ms = self.clock.at_ms()
            in_thread = is_large or len(batch) > LARGE_BATCH
            await self.log.append(batch, await asyncio.to_thread(encode_batch, batch) if in_thread else None)
            if any(isinstance(recorded.event, _CRITICAL) for recorded in batch):
                await self.log.witness()
            self._busy_since_ms = None
            self._publish(self._ahead, batch)
        is_read = self._ahead.outbox.must_read and not self._has_ended and await self._look_behind()
        if not is_read and not self._is_due():
            self._settle()
            is_quiet = not self._inbox and not any(isinstance(recorded.event, _CRITICAL) for recorded in batch)
            if self.books is not None and is_quiet and not self._is_winding_down and await self.books.are_due():
                await self._close_books(self.books)

    def _may_wait(self, batch: Sequence[Recorded]) -> bool:
        """Whether nobody waits for the batch, and nothing else is to be done with it."""
        if self._waiting or self._is_winding_down or self._ahead.outbox.must_read:
            return False
        return may_wait(self.state, self._ahead, batch)

    async def _company(self, batch: list[Recorded]) -> bool:
        """For a moment, what comes joins the batch; returns whether a large frame did."""
        is_large = False
        until_s = asyncio.get_running_loop().time() + MOMENT_S
        while not is_large and not self._inbox and len(batch) < ROUND_MAX and self._may_wait(batch):
            self._filled.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until_s):
                    await self._filled.wait()
            if not self._inbox:  # the moment is over, or somebody waits
                break
            is_large = await self._take_all(batch)
        return is_large

    async def _take_all(self, batch: list[Recorded]) -> bool:
        """Steps what waits, as far as one round goes; returns whether a large frame came last."""
        until_ms = self.clock.at_ms() + ROUND_MAX_MS
        for kind, count in self._inbox.take_dropped().items():
            await self._take(ObservationsDropped(kind=kind, count=count), batch)
        is_large = False
        for number in range(ROUND_MAX):
            # What came behind a large frame goes into a batch of its own; and no round holds up the loop for long. But each takes
            # something, however late it is: a deadline that is due must not be met untaken.
            if not self._inbox or is_large or (number and self.clock.at_ms() > until_ms):
                break
            observation = self._inbox.take()
            is_large = _is_large(observation)
            await self._take(observation, batch)
        return is_large

    async def _close_books(self, books: Books) -> None:
        """Nothing waits and nothing is due: the segment ends here, and the next one begins with the state as it is."""
        self._busy_since_ms = at_ms = self.clock.at_ms()
        event = await books.last_event(self._ahead, at_ms)
        if event is not None:
            batch: list[Recorded] = []
            await self._step(event, at_ms, batch)
            await self.log.append(batch)
            await self.log.witness()
            if len(batch) == 1 and not await books.close(event):  # else a rule had something to add: later
                LOGGER.warning("the segment of the log cannot be closed now, it goes on")
            self._publish(self._ahead, batch)
        self._busy_since_ms = None

    async def _take(self, observation: Observation, batch: list[Recorded]) -> None:
        at_ms = self.clock.at_ms()
        for before in self.read_before(self._ahead, observation, at_ms):
            await self._step(before, at_ms, batch)
        await self._step(observation, at_ms, batch)

    async def _step(self, observation: Observation, at_ms: int, batch: list[Recorded]) -> None:
        step = partial(kernel.step, self._ahead, at_ms=at_ms, registry=self.registry)
        if _is_large(observation):
            self._ahead, events = await asyncio.to_thread(lambda: step(_read(observation)))
        else:
            self._ahead, events = step(observation)
        batch.extend(events)

    def _publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        self.state = state
        for follower in self.followers:
            follower(state, batch)

    def _next_deadline(self) -> Deadline | None:
        if self._is_winding_down:
            return None
        if self._upcoming is None or self._upcoming[0] is not self._ahead:
            self._upcoming = self._ahead, self.registry.next_deadline(self._ahead)
        return self._upcoming[1]

    def _is_due(self) -> bool:
        deadline = self._next_deadline()
        return deadline is not None and deadline.due_ms <= self.clock.at_ms()

    def _settle(self) -> None:
        waiting, self._waiting = self._waiting, []
        for ticket, settled in waiting:
            if not self._inbox.is_settled(ticket):
                self._waiting.append((ticket, settled))
            elif not settled.done():
                settled.set_result(self.log.head.seq)

    async def _look_behind(self) -> bool:
        """What lies behind the window comes next. False without a file descriptor to read it with: a little later then."""
        try:
            self._inbox.put_first(await self._read_window())
        except OutOfDescriptors as error:
            self._shortage.say(str(error))
            asyncio.get_running_loop().call_later(AGAIN_S, self._filled.set)
            return False
        return True

    async def _read_window(self) -> OutboxWindowRead | OwedEventsLost:
        """The next queued transactional events behind the window, from the log; once there are no more, where some were lost."""
        outbox = self._ahead.outbox
        window = await read_window(self.log, outbox.window_end_seq, WINDOW_MAX - len(outbox.window))
        until = window.to_seq if window.count else outbox.last_owed_seq
        met = await gaps_between(self.log, outbox.window_end_seq, until)
        self._gaps += [gap for gap in met if gap not in self._gaps]
        if window.count:
            return window
        if not self._gaps:
            gaps = await gaps_between(self.log, await self.log.first_seq() - 1, outbox.last_owed_seq)
            self._gaps = list(without(gaps, await self.log.cut_out()))  # nothing that is queued was cut out
        while (lost := share_of(self._gaps, outbox)).count == 0:  # too small a gap to have a share
            self._gaps = self._gaps[1:]
        self._gaps = self._gaps[1:]
        return lost


async def read_window(log: EventLog, after_seq: int, count_max: int, to_seq: int | None = None) -> OutboxWindowRead:
    """The transactional events behind `after_seq`, at most `count_max`, at most up to `to_seq`; none if there are none."""
    found: list[Recorded] = []
    position = after_seq
    while len(found) < count_max and (rows := await log.read_rows(position, min(500, EVENTS_PER_OWED * count_max))):
        for row in rows:
            position = row.seq
            if to_seq is not None and row.seq > to_seq:
                return _window(after_seq, found)
            if row.type in _OWED_NAMES and len(found) < count_max:
                event = decode(row.type, row.version, row.payload)
                found.append(Recorded(seq=row.seq, cause=row.cause, at_ms=row.at_ms, utc_ms=row.utc_ms, event=event))
    return _window(after_seq, found)


def share_of(gaps: Sequence[tuple[int, int]], outbox: Outbox) -> OwedEventsLost:
    """How many of the queued events that cannot be read any more lay in the first gap.

    Exact where there is one gap. Of several each has its share by its size, and all together are exact.
    """
    if not gaps:
        return OwedEventsLost(after_seq=outbox.window_end_seq, count=outbox.beyond, to_seq=outbox.last_owed_seq)
    sizes = [last_seq - first_seq + 1 for first_seq, last_seq in gaps]
    count = max(outbox.beyond * sizes[0] // sum(sizes), outbox.beyond - sum(sizes[1:]))
    return OwedEventsLost(after_seq=gaps[0][0] - 1, count=count, to_seq=gaps[0][1])


async def gaps_between(log: EventLog, after_seq: int, to_seq: int) -> list[tuple[int, int]]:
    """The events behind `after_seq` up to `to_seq` that the log does not hold: from the first to the last of each gap."""
    gaps, position = list[tuple[int, int]](), after_seq
    while position < to_seq:
        rows = [row for row in await log.read_rows(position, 500) if row.seq <= to_seq]
        for row in rows:
            if row.seq != position + 1:
                gaps.append((position + 1, row.seq - 1))
            position = row.seq
        if not rows:
            gaps.append((position + 1, to_seq))
            position = to_seq
    return gaps


def _window(after_seq: int, found: Sequence[Recorded]) -> OutboxWindowRead:
    to_seq = found[-1].seq if found else after_seq
    return OutboxWindowRead(after_seq=after_seq, to_seq=to_seq, count=len(found), entries=tuple(found))


def _is_large(observation: Observation) -> bool:
    return isinstance(observation, FrameReceived) and len(observation.text) > LARGE_FRAME


def _read(observation: Observation) -> Observation:
    """A large frame with what was read of it."""
    assert isinstance(observation, FrameReceived), "no other observation is large"
    return replace(observation, read=exchange.read_large(observation.text))


def _nothing_before(state: StationState, observation: Observation, at_ms: int) -> Iterable[Observation]:
    return ()


def _nothing_foreseen(observation: Observation) -> None:
    return
