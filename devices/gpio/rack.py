"""What all drivers of a board hang on: the pin factory, the timers, the way from foreign threads, and who polls.

Time is the station's (`now_ms`); a driver that must act later asks the timers. What gpiozero calls from its own threads is handed
over through the board's one bridge. Converters are read by a poller, which is a thread, because SPI blocks.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from devices.bridge import Bridge

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Job = Callable[[], None]


class Handle(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """It will not come."""
        ...


class Timers(Protocol):
    """The station time, and calls at a later one, on the event loop."""

    def now_ms(self) -> int:
        """The station time."""
        ...

    def call_at(self, at_ms: int, callback: Job) -> Handle:
        """Call it at that time; never before this returned."""
        ...


class LoopTimers:
    """Timers of an event loop whose station time is `station_time`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, station_time: Callable[[], int]) -> None:
        self._loop = loop
        self._station_time = station_time

    def now_ms(self) -> int:
        """See `Timers.now_ms`."""
        return self._station_time()

    def call_at(self, at_ms: int, callback: Job) -> Handle:
        """See `Timers.call_at`. At least 1 ms away, so that clocks that disagree make no busy loop."""
        return self._loop.call_later(max(1, at_ms - self._station_time()) / 1_000, callback)


async def pause(timers: Timers, duration_ms: int) -> None:
    """Wait so long by these timers."""
    done = asyncio.Event()
    handle = timers.call_at(timers.now_ms() + duration_ms, done.set)
    try:
        await done.wait()
    finally:
        handle.cancel()


class Pace(Protocol):
    """Time in microseconds within a poll, in the thread that polls."""

    def now_us(self) -> int:
        """A clock that never goes back."""
        ...

    def pause_us(self, duration_us: int) -> None:
        """Wait about so long."""
        ...


class Poller(Protocol):
    """Does blocking reads again and again, and hands over what they gave."""

    @property
    def pace(self) -> Pace:
        """For a read that takes its time."""
        ...

    def every(
        self, period_ms: Callable[[], int], take: Callable[[], Result], deliver: Callable[[Result | None], None]
    ) -> None:
        """From `start` on: `take` where it may block, every so often; `deliver` what it gave, None if it failed."""
        ...

    def start(self) -> None:
        """Begin."""
        ...

    def close(self) -> None:
        """End; nothing is delivered any more."""
        ...


class ThreadPoller:
    """A poller with a thread of its own. A read that raises is logged once in a row and delivers None."""

    def __init__(self, name: str, clock: Callable[[], float], hand_over: Callable[[Job], None]) -> None:
        self._name = name
        self._clock = clock
        self._hand_over = hand_over
        self._jobs: list[tuple[Callable[[], int], Job]] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def pace(self) -> Pace:
        """See `Poller.pace`: the thread's own."""
        return self

    def now_us(self) -> int:
        """See `Pace.now_us`."""
        return int(self._clock() * 1_000_000)

    def pause_us(self, duration_us: int) -> None:
        """See `Pace.pause_us`; returns at once when the poller was closed."""
        self._stop.wait(duration_us / 1_000_000)

    def every(
        self, period_ms: Callable[[], int], take: Callable[[], Result], deliver: Callable[[Result | None], None]
    ) -> None:
        """See `Poller.every`; only before `start`."""
        self._jobs.append((period_ms, self._job(take, deliver)))

    def start(self) -> None:
        """See `Poller.start`."""
        if self._jobs and self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """See `Poller.close`. Waits for a read that is under way."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def _run(self) -> None:
        due_us = [self.now_us()] * len(self._jobs)
        while not self._stop.is_set():
            position = min(range(len(due_us)), key=due_us.__getitem__)
            if (wait_us := due_us[position] - self.now_us()) > 0:
                self.pause_us(wait_us)
                continue
            period_ms, job = self._jobs[position]
            began_us = max(due_us[position], self.now_us() - 1_000)
            job()
            due_us[position] = max(began_us + period_ms() * 1_000, self.now_us() + 1_000)

    def _job(self, take: Callable[[], Result], deliver: Callable[[Result | None], None]) -> Job:
        failing = False

        def job() -> None:
            nonlocal failing
            try:
                result = take()
            except Exception as error:  # noqa: BLE001  # a converter may fail in any way; its driver reports it
                if not failing:
                    logger.error("%s: %r", self._name, error)
                failing = True
                self._hand_over(partial(deliver, None))
                return
            failing = False
            if not self._stop.is_set():
                self._hand_over(partial(deliver, result))

        return job


@dataclass(slots=True, kw_only=True)
class Rack:
    """What a board gives its drivers. `factory` is gpiozero's, named to every device that is made of it."""

    factory: Any
    timers: Timers
    bridge: Bridge[Job]
    reread_ms: int
    new_poller: Callable[[str], Poller]
    pollers: dict[str, Poller] = field(default_factory=dict)

    def hand_over(self, job: Job) -> None:
        """Do it on the event loop; from any thread."""
        self.bridge.put(job)

    def poller(self, name: str) -> Poller:
        """The poller of that name, one for each converter."""
        if name not in self.pollers:
            self.pollers[name] = self.new_poller(name)
        return self.pollers[name]
