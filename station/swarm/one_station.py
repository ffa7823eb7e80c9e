"""One complete station of a swarm: its parts as the daemon's composition root makes them, in a process with many others.

It has no HTTP service. Its resets and cuts of power end its parts and make new ones, as a process of its own would do it. What ends
it otherwise (a log that takes no writes) is kept as `failure`; the others go on.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast
from urllib.parse import quote

from devices.bench.board import BenchBoard
from devices.bench.errors import BenchRefusal, StillLocked
from eventstore.catalogue.authorization import AuthorizationDenied
from eventstore.catalogue.lifecycle import SystemClockObserved
from eventstore.catalogue.link import NetworkRestored
from eventstore.catalogue.transactions import TransactionStarted
from eventstore.errors import StorageError
from eventstore.event import Recorded
from eventstore.log import EventLog
from eventstore.threads import Threads
from eventstore.value import Value
from projections.station import StationState
from station.core.feature import Registry
from station.daemon import bootstrap, life
from station.daemon.bootstrap import Parts
from station.runtime.clock import SystemClock
from station.settings.loading import Settings
from station.swarm import plan
from station.swarm.figures import Figures, StationWatch
from station.swarm.plan import Act

LOGGER = logging.getLogger(__name__)
STOP = "Swarm"
BEGUN_POLL_S = 0.1


class FastClock(SystemClock):
    """The clock of a station that lives `speed` times as fast, from the calendar's moment `began_utc_ms` on, which was at `began` of the loop."""

    def __init__(self, speed: float, began_utc_ms: int, began: float) -> None:
        super().__init__(speed)
        self._fast = speed
        self._began_utc_ms = began_utc_ms
        self._began = began

    def system_utc_ms(self) -> int:
        """What a calendar says that runs as fast."""
        return self._began_utc_ms + round((asyncio.get_running_loop().time() - self._began) * 1000 * self._fast)


class Shared(Value, frozen=True, kw_only=True):
    """What the stations of one process have in common. `began_utc_ms` and `began` are the begin of the run, see FastClock."""

    threads: Threads
    registry: Registry
    figures: Figures
    speed: float
    began_utc_ms: int
    began: float


class SwarmStation:
    """`start`, then acts; `stop` in order, or `kill`."""

    def __init__(self, settings: Settings, shared: Shared) -> None:
        self.settings = settings
        self.failure = ""
        self._shared = shared
        self._watch = StationWatch(shared.figures, shared.speed)
        self._parts: Parts | None = None
        self._running: list[asyncio.Task[None]] = []
        self._guard: asyncio.Task[None] | None = None
        self._reset_due = asyncio.Event()
        self._awaited: set[int] = set()  # connectors at which somebody presented a tag, and no session has begun yet

    @property
    def state(self) -> StationState | None:
        """As it is durable; None while the station is off."""
        return None if self._parts is None else self._parts.station.state

    @property
    def is_on(self) -> bool:
        """Whether it has power."""
        return self._parts is not None

    async def start(self) -> None:
        """The station gets power. What fails is kept as `failure`."""
        assert self._parts is None, "it has been started"
        shared, self.failure = self._shared, ""
        clock: SystemClock = SystemClock()
        if shared.speed > 1:
            clock = FastClock(shared.speed, shared.began_utc_ms, shared.began)
        try:
            log = await EventLog.open(
                self.settings.storage.directory,
                identity=self.settings.station.identity,
                threads=shared.threads,
                reserve=False,
            )
        except (StorageError, OSError) as error:
            self._fail(error)
            return
        try:
            parts = await bootstrap.build(self.settings, clock, shared.registry, log, tells=False)
        except (StorageError, OSError) as error:
            await log.close()
            self._fail(error)
            return
        except BaseException:
            await log.close()
            raise
        self._parts = parts
        parts.station.followers += [self._watch.publish, self._follow]
        self._running = life.start(parts)
        self._guard = asyncio.get_running_loop().create_task(self._guarded(parts), name="guard")
        try:
            await life.go_to_work(parts)
            if shared.speed > 1:  # the CSMS lives at another pace: its time must not set this one back
                parts.station.submit(SystemClockObserved(utc_ms=clock.system_utc_ms(), trusted=True))
        except (StorageError, OSError) as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self.failure = str(error) or type(error).__name__
        self._shared.figures.counts["stations failed"] += 1
        LOGGER.error("%s: %s", self.settings.station.identity, self.failure)

    def _follow(self, state: StationState, batch: Sequence[Recorded]) -> None:
        for recorded in batch:
            event = recorded.event
            if isinstance(event, TransactionStarted):
                self._awaited.discard(event.connector_id)
            elif isinstance(event, AuthorizationDenied):  # nobody waits who was refused
                self._awaited -= {event.connector_id} if event.connector_id else set(self._awaited)
        if state.maintenance.reset is not None and state.maintenance.reset.due:
            self._reset_due.set()

    async def _guarded(self, parts: Parts) -> None:
        """Begins anew after a reset, and notes what ended the station."""
        reset = asyncio.ensure_future(self._reset_due.wait())
        try:
            await asyncio.wait({reset, *self._running}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reset.cancel()
        ended = next((task for task in self._running if task.done() and not task.cancelled()), None)
        if ended is not None and (error := ended.exception()) is not None:
            self._fail(error)
            parts.gateway.make_safe()
            await self._let_go(parts)
        elif self._reset_due.is_set():
            self._shared.figures.counts["resets"] += 1
            with contextlib.suppress(StorageError):
                await life.stop(parts, life.RESET)
            await self._let_go(parts)
            await self.start()

    async def _let_go(self, parts: Parts) -> None:
        self._parts, self._guard = None, None
        self._awaited.clear()
        self._reset_due.clear()
        self._watch.gone()
        await parts.link.close()
        with contextlib.suppress(StorageError):
            await life.wind_up(parts, self._running)

    async def _taken(self) -> Parts | None:
        """The parts, for whoever ends them; nobody else does."""
        parts, guard = self._parts, self._guard
        if parts is None or guard is None:
            return None
        guard.cancel()
        await asyncio.wait([guard])
        return self._parts

    async def stop(self) -> None:
        """The end in order: transactions are stopped, what can be delivered in two seconds is, the log ends with StationStopped."""
        parts = await self._taken()
        if parts is None:
            return
        try:
            await life.stop(parts, STOP)
        except StorageError as error:
            self._fail(error)
        await self._let_go(parts)

    async def kill(self) -> None:
        """The power goes at once: what is durable stays, nothing else is written."""
        parts = await self._taken()
        if parts is None:
            return
        parts.link.network(up=False)
        for task in self._running:
            task.cancel()
        await self._let_go(parts)

    # ---- hands ---------------------------------------------------------------------------------------------------

    async def act(self, act: Act) -> None:
        """What the plan has. At a station without power nobody can do anything; what a bench refuses is passed over."""
        if act.what == plan.POWER_CUT:
            self._shared.figures.counts["power cuts"] += 1
            await self.kill()
            return
        parts = self._parts
        if parts is None:
            return
        board = cast("BenchBoard", parts.board)
        with contextlib.suppress(BenchRefusal):
            if act.what == plan.NETWORK:
                self._network(parts, board, act.facts)
            else:
                if act.what == plan.SWIPE and not act.once_begun:
                    self._awaited.add(act.connector_id)
                _hand(board, act)

    async def begun(self, connector_id: int, within_s: float) -> None:
        """Waits for the session that a tag was presented for at a connector, but not for ever."""
        until = asyncio.get_running_loop().time() + within_s
        while connector_id in self._awaited and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110  # also ended by a cut
            await asyncio.sleep(BEGUN_POLL_S)

    @staticmethod
    def _network(parts: Parts, board: BenchBoard, facts: Mapping[str, bool]) -> None:
        board.network(facts["up"], silent=facts.get("silent", False), persist=True)
        parts.link.network(up=facts["up"], silent=facts.get("silent", False))
        if facts["up"]:
            parts.station.submit(NetworkRestored())

    def leave(self) -> None:
        """Whoever charges ends that and goes; the network is there. So that everything can be delivered."""
        parts = self._parts
        if parts is None:
            return
        board = cast("BenchBoard", parts.board)
        if not board.network_now.up:
            self._network(parts, board, {"up": True})
        board.emergency_stop(False)
        for transaction in parts.station.state.transactions.running():
            board.swipe(transaction.id_tag, transaction.connector_id)
        for connector_id in board.connector_ids:
            _hand(board, Act(at_s=0, what=plan.OUT, connector_id=connector_id))

    @property
    def is_idle(self) -> bool:
        """Whether no transaction runs, and nothing is left to be delivered; also while the station is off or has failed."""
        state = self.state
        return state is None or bool(self.failure) or not (state.transactions.running() or state.outbox.pending)


def _hand(board: BenchBoard, act: Act) -> None:
    connector_id, facts = act.connector_id, act.facts
    match act.what:
        case plan.READY:
            board.vehicle(connector_id, **facts)
        case plan.PLUG:
            if "ready" in facts:
                board.vehicle(connector_id, ready=facts["ready"])
            board.plug(connector_id)
        case plan.SWIPE:
            board.swipe(facts["id_tag"], connector_id or None)
        case plan.OUT:
            try:
                board.unplug(connector_id, ev=True, station=facts.get("station", True))
            except StillLocked:  # the socket holds its end: the vehicle drives off
                board.unplug(connector_id, ev=True, station=False)
        case plan.STOPPED_BY_HAND:
            board.emergency_stop(facts["pressed"])
        case plan.FAULT:
            board.fault(connector_id, **facts) if facts else board.clear_fault(connector_id)


def directory_of(root: Path, identity: str) -> Path:
    """Where a station of the swarm keeps everything: a directory whose name is its identity, percent-encoded."""
    return root / "stations" / quote(identity, safe="")
