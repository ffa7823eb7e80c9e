"""The part of a swarm that one process runs, and how it is run to its end.

All that its process needs stands in a share, so that any process here or on another machine can run it, and so that one that was
killed can be run again: the logs of its stations say where they were.
"""

import asyncio
import contextlib
import ctypes
import itertools
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any

from eventstore.descriptors import raise_limit
from eventstore.threads import SharedThreads
from eventstore.value import Value
from station.daemon import bootstrap
from station.runtime.clock import SystemClock
from station.settings.loading import Settings, parse_settings
from station.swarm import plan
from station.swarm.figures import Figures
from station.swarm.identities import Identity
from station.swarm.one_station import Shared, SwarmStation, directory_of
from station.swarm.plan import Act
from station.swarm.scenario import Play, SwarmScenario

LOGGER = logging.getLogger(__name__)

THREADS = 8
OPENING_AT_ONCE = 16
DESCRIPTORS_EACH = 9
"""What a station takes at most at a time, socket and reading connection included."""
DESCRIPTORS_BESIDE = 200
POLL_S = 0.25
PATIENCE_S = 120.0
"""How long a driver waits for the session to begin before he does what ends one."""
TRIM_EVERY_S = 60


class Share(Value, frozen=True, kw_only=True):
    """Stations `first` and following of a swarm, where they keep their logs, and what they go through.

    `began_utc_ms` is when the run began: a share that is run again goes on in the middle of the plan. `url` is the CSMS's.
    """

    number: int
    first: int
    identities: tuple[Identity, ...]
    url: str
    directory: str
    scenario: SwarmScenario
    plays: tuple[tuple[Play, tuple[Act, ...]], ...]
    duration_s: float
    began_utc_ms: int


def settings_of(share: Share, identity: Identity) -> Settings:
    """What one of its stations is provisioned with."""
    return parse_settings(
        identity.settings(share.url, directory_of(Path(share.directory), identity.name), share.scenario), identity.name
    )


class Runner:
    """Runs a share. `tell` is called with its figures now and then, and at the end."""

    def __init__(self, share: Share, tell: Callable[[dict[str, Any]], None]) -> None:
        self._share = share
        self._tell = tell
        self._figures = Figures()
        self._stations: list[SwarmStation] = []
        self._acting: set[asyncio.Task[None]] = set()
        self._is_asked_to_end = asyncio.Event()

    def end(self) -> None:
        """Nothing more of the plan happens; what is queued is delivered, and the stations end in order."""
        self._is_asked_to_end.set()

    async def run(self) -> None:
        """To the end of the plan, or until `end`. Raises SettingsError, ValueError for what no station can be made of."""
        raise_limit(len(self._share.identities) * DESCRIPTORS_EACH + DESCRIPTORS_BESIDE)
        share, loop = self._share, asyncio.get_running_loop()
        went_s = max(0.0, (SystemClock().system_utc_ms() - share.began_utc_ms) / 1000) * share.scenario.speed
        all_settings = [settings_of(share, identity) for identity in share.identities]
        shared = Shared(
            threads=SharedThreads(THREADS),
            registry=bootstrap.make_registry(all_settings[0]),
            figures=self._figures,
            speed=share.scenario.speed,
            began_utc_ms=share.began_utc_ms + round(went_s * 1000),
            began=loop.time(),
        )
        self._stations = [SwarmStation(each, shared) for each in all_settings]
        telling = loop.create_task(self._telling(), name="figures")
        try:
            await self._live(went_s)
            await self._drain()
        finally:
            await self._stop()
            telling.cancel()
            await asyncio.wait([telling])
            self._say(done=True)

    # ---- the plan ------------------------------------------------------------------------------------------------

    async def _live(self, went_s: float) -> None:
        """Every station from its turn in the ramp on, until the end of the plan."""
        opening = asyncio.Semaphore(OPENING_AT_ONCE)
        began = asyncio.get_running_loop().time() - went_s / self._share.scenario.speed
        lives = [
            asyncio.create_task(self._life(index, station, began, opening), name="life of a station")
            for index, station in enumerate(self._stations)
        ]
        ended: asyncio.Task[Any] = asyncio.create_task(self._asked_to_end(), name="end")
        try:
            pending: set[asyncio.Task[Any]] = {ended, *lives}
            while len(pending) > 1 and not ended.done():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for each in done - {ended}:
                    each.result()
        finally:
            for each in (ended, *lives):
                each.cancel()
            await asyncio.gather(ended, *lives, return_exceptions=True)
            await asyncio.gather(*self._acting)

    async def _asked_to_end(self) -> None:
        await self._is_asked_to_end.wait()

    async def _whole(self, work: Coroutine[Any, Any, None]) -> None:
        """Waits for what must not be left half done, even if the plan ends meanwhile."""
        task = asyncio.get_running_loop().create_task(work)
        self._acting.add(task)
        task.add_done_callback(self._acting.discard)
        await asyncio.shield(task)

    async def _life(self, index: int, station: SwarmStation, began: float, opening: asyncio.Semaphore) -> None:
        share, loop = self._share, asyncio.get_running_loop()
        went_s = (loop.time() - began) * share.scenario.speed
        due_s = share.scenario.ramp_s * index / len(self._stations)
        await self._until(began, due_s)
        async with opening:
            await self._whole(station.start())
        late = max(0.0, loop.time() - began - max(due_s, went_s) / share.scenario.speed)
        acts = [act for act in self._acts(share.first + index) if act.at_s >= went_s]
        common = asyncio.create_task(self._common(station, [act for act in acts if act.is_common], began, opening))
        try:
            await self._hands(station, [act for act in acts if not act.is_common], began + late)
            await common
        finally:
            common.cancel()
        await self._until(began, share.duration_s)

    async def _until(self, began: float, at_s: float) -> None:
        await asyncio.sleep(max(0.0, began + at_s / self._share.scenario.speed - asyncio.get_running_loop().time()))

    async def _hands(self, station: SwarmStation, acts: Iterable[Act], began: float) -> None:
        """What people and vehicles do. Where this machine is late, they are: nobody hurries because of it."""
        speed = self._share.scenario.speed
        for act in acts:
            await self._until(began, act.at_s)
            if act.once_begun:
                await station.begun(act.connector_id, PATIENCE_S / speed)
            await self._whole(station.act(act))
            began = max(began, asyncio.get_running_loop().time() - act.at_s / speed)

    async def _common(
        self, station: SwarmStation, acts: Iterable[Act], began: float, opening: asyncio.Semaphore
    ) -> None:
        """What happens to many stations at the same moment."""
        for act in acts:
            await self._until(began, act.at_s)
            await self._whole(station.act(act))
            if act.what == plan.POWER_CUT and not station.failure:
                await self._until(began, act.at_s + act.facts["off_s"])
                async with opening:
                    await self._whole(station.start())

    def _acts(self, number: int) -> Iterator[Act]:
        found = plan.acts(self._share.scenario, number, self._share.plays)
        return itertools.takewhile(lambda act: act.at_s <= self._share.duration_s, found)

    # ---- the end -------------------------------------------------------------------------------------------------

    async def _drain(self) -> None:
        """Every driver goes; then the stations have some time to deliver what is queued."""
        loop = asyncio.get_running_loop()
        for station in self._stations:
            station.leave()
        until = loop.time() + self._share.scenario.drain_s / min(self._share.scenario.speed, 10)
        while loop.time() < until and not all(each.is_idle for each in self._stations):  # noqa: ASYNC110  # each has its own state
            await asyncio.sleep(POLL_S)

    async def _stop(self) -> None:
        at_once = asyncio.Semaphore(OPENING_AT_ONCE)

        async def stop(station: SwarmStation) -> None:
            async with at_once:
                await station.stop()

        await asyncio.gather(*(stop(station) for station in self._stations))

    # ---- figures -------------------------------------------------------------------------------------------------

    async def _telling(self) -> None:
        seconds = 0
        while True:
            await asyncio.sleep(1)
            self._say(done=False)
            seconds += 1
            if seconds % TRIM_EVERY_S == 0:
                _trim()

    def _say(self, *, done: bool) -> None:
        failed = {each.settings.station.identity: each.failure for each in self._stations if each.failure}
        self._tell({"share": self._share.number, "done": done, "failed": failed, **self._figures.plain()})


def _trim() -> None:
    """Gives back to the system what a thousand starts have left of the heap; not every C library can."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
