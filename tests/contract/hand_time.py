"""Station time in the hand: timers that fire when the test moves time, and a poller without a thread."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

from devices.gpio.rack import Job, Pace


class Handle:
    """A call that is still to come."""

    def __init__(self, callback: Job) -> None:
        self.callback: Job | None = callback

    def cancel(self) -> None:
        self.callback = None


class HandTimers:
    """`Timers` whose time moves by `advance` only."""

    def __init__(self, at_ms: int = 0) -> None:
        self.at_ms = at_ms
        self._order = itertools.count()
        self._calls: list[tuple[int, int, Handle]] = []

    def now_ms(self) -> int:
        return self.at_ms

    def call_at(self, at_ms: int, callback: Job) -> Handle:
        handle = Handle(callback)
        heapq.heappush(self._calls, (max(at_ms, self.at_ms), next(self._order), handle))
        return handle

    async def advance(self, duration_ms: int) -> None:
        """Move time; what is due in between happens at its own time, and the event loop gets its turn after each."""
        until_ms = self.at_ms + duration_ms
        await drained()
        while self._calls and self._calls[0][0] <= until_ms:
            at_ms, _, handle = heapq.heappop(self._calls)
            if handle.callback is None:
                continue
            self.at_ms = max(self.at_ms, at_ms)
            handle.callback()
            await drained()
        self.at_ms = until_ms

    def advance_now(self, duration_ms: int) -> None:
        """The same without an event loop."""
        until_ms = self.at_ms + duration_ms
        while self._calls and self._calls[0][0] <= until_ms:
            at_ms, _, handle = heapq.heappop(self._calls)
            if handle.callback is not None:
                self.at_ms = max(self.at_ms, at_ms)
                handle.callback()
        self.at_ms = until_ms


class HandPoller:
    """A poller that reads on the event loop, by hand timers, at the pace of a model."""

    def __init__(self, timers: HandTimers, pace: Pace, hand_over: Callable[[Job], None]) -> None:
        self.pace = pace
        self._timers = timers
        self._hand_over = hand_over
        self._jobs: list[tuple[Callable[[], int], Job]] = []
        self._closed = False

    def every(self, period_ms: Callable[[], int], take: Callable[[], Any], deliver: Callable[[Any], None]) -> None:
        def job() -> None:
            try:
                result = take()
            except OSError:
                self._hand_over(partial(deliver, None))
                return
            self._hand_over(partial(deliver, result))

        self._jobs.append((period_ms, job))

    def start(self) -> None:
        for period_ms, job in self._jobs:
            self._timers.call_at(self._timers.now_ms() + period_ms(), partial(self._again, period_ms, job))

    def close(self) -> None:
        self._closed = True

    def _again(self, period_ms: Callable[[], int], job: Job) -> None:
        if not self._closed:
            job()
            self._timers.call_at(self._timers.now_ms() + period_ms(), partial(self._again, period_ms, job))


async def drained() -> None:
    """What foreign threads handed over, and what that caused, is done."""
    for _ in range(3):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool], within_s: float = 30) -> None:
    """Wait for something that another thread, process or device does. Raises AssertionError if it does not come."""
    for _ in range(int(within_s * 1_000)):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come")
