"""The whole station in this process while the date stands still: freezegun moves it, the event loop's own time goes on.

Everything is the daemon's own: SQLite log, link, jobs, upkeep, bench board; the CSMS beside it is the independent one. The date
moves from deadline to deadline, as the clock of a machine would pass them, so each happens at its own time.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory

from devices.bench.board import BenchBoard
from eventstore.event import Event, Recorded
from eventstore.log import EventLog
from projections.station import StationState
from station.daemon import bootstrap, life
from station.daemon.bootstrap import Parts
from station.runtime.clock import SystemClock
from station.settings.loading import load_settings
from tests.csms.independent import Csms
from tests.daemon import Settings, merged, to_toml

E = TypeVar("E", bound=Event)

STEP_S = 60.0
"""The date never moves by more at once: what waits without a deadline of the state (pings) is passed as well."""
WITHIN_S = 60.0
TAG = "DEADBEEF"
USUAL: Settings = {
    "station": {"identity": "CB-0001"},
    "service": {"listen": ""},
    "config": {"HeartbeatInterval": 86_400, "WebSocketPingInterval": 0, "ClockAlignedDataInterval": 0},
}


class FrozenStation:
    """The station, its CSMS, and the date."""

    def __init__(self, parts: Parts, csms: Csms, date: FrozenDateTimeFactory) -> None:
        self.parts = parts
        self.csms = csms
        self._date = date
        self._published: list[Event] = []

    @property
    def state(self) -> StationState:
        """As it is durable."""
        return self.parts.station.state

    @property
    def board(self) -> BenchBoard:
        """The simulated copper."""
        return cast("BenchBoard", self.parts.board)

    def limit_a(self) -> float | None:
        """What connector 1 may draw."""
        limit_ma = self.state.connectors[1].limit_ma
        return None if limit_ma is None else limit_ma / 1000

    async def settled(self) -> None:
        """What was submitted is durable, and no CALL of the station waits for its answer."""
        await self.parts.station.settle()
        await self.until(lambda: self.state.outbox.in_flight is None and not self.state.link.open_calls, "answers")
        await self.parts.station.settle()

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Waits for something that needs no date to move; AssertionError names what never came."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while not (value := condition()):  # noqa: ASYNC110  # the log, the link and the CSMS share no event
                    await asyncio.sleep(0.001)
        except TimeoutError:
            raise AssertionError(f"{what} did not come; the frames so far:\n{self.csms.tail()}") from None
        return value

    async def pass_time(self, seconds: float) -> None:
        """The date moves on; deadlines on the way are met one by one."""
        until_ms = self.parts.clock.at_ms() + round(seconds * 1000)
        await self.settled()
        while (left_ms := until_ms - self.parts.clock.at_ms()) > 0:
            deadline = self.parts.station.registry.next_deadline(self.state)
            due_ms = left_ms if deadline is None else max(0, deadline.due_ms - self.parts.clock.at_ms())
            self._date.tick(timedelta(milliseconds=min(left_ms, round(STEP_S * 1000), max(1, due_ms))))
            self.parts.clock.push(0)  # who waits looks at the time again
            await self.settled()

    async def pass_until(self, moment: str) -> None:
        """The date moves on to this moment of UTC."""
        then = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        await self.pass_time((then - datetime.now(UTC)).total_seconds())

    async def plug(self) -> None:
        """A car comes."""
        self.board.plug(1)
        await self.settled()

    async def swipe(self, id_tag: str = TAG) -> None:
        """A tag at the reader."""
        self.board.swipe(id_tag)
        await self.settled()

    async def charge(self) -> None:
        """A driver comes and charges."""
        await self.plug()
        await self.swipe()
        assert self.state.connectors[1].status == "Charging", self.csms.tail()

    def sent(self, action: str) -> list[dict[str, Any]]:
        """The payloads of the station's calls of an action."""
        return [frame.payload for frame in self.csms.calls(action)]

    def events(self, kind: type[E]) -> list[E]:
        """What was published of a kind since the start."""
        return [event for event in self._published if isinstance(event, kind)]

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """A follower of the station."""
        self._published += [recorded.event for recorded in batch]


@asynccontextmanager
async def frozen(directory: Path, at: str, *tables: Settings, **scripted: Any) -> AsyncIterator[FrozenStation]:
    """A station that was accepted at this moment of UTC; `scripted` are standing answers of its CSMS by action."""
    with freeze_time(at, real_asyncio=True) as date:
        async with Csms(heartbeat_interval_s=86_400) as csms:
            for action, answer in scripted.items():
                csms.always(action, answer)
            path = directory / "chargebox.toml"
            own: Settings = {"csms": {"url": csms.url}, "storage": {"directory": str(directory / "storage")}}
            path.write_text(to_toml(merged(USUAL, own, *tables)))
            settings = load_settings(path)
            log = await EventLog.open(settings.storage.directory, identity=settings.station.identity)
            parts = await bootstrap.build(settings, SystemClock(), bootstrap.make_registry(settings), log)
            found = FrozenStation(parts, csms, cast("FrozenDateTimeFactory", date))
            parts.station.followers.append(found.publish)
            running = life.start(parts)
            try:
                await life.go_to_work(parts)
                await found.until(
                    lambda: found.state.registration.answered_ms or found.sent("BootNotification"), "a boot"
                )
                await found.settled()
                yield found
                csms.assert_conforming()
            finally:
                await parts.link.close()
                await life.wind_up(parts, running)
