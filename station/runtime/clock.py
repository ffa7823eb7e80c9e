"""The only place that reads clocks and waits.

Station time is one axis of integer milliseconds that never goes back: a base, given at boot from the log, plus the
monotonic clock. The bench may push it ahead. UTC is not read here but for the boot and when the board's clock is
asked; everybody else converts station time through the projected offset.
"""

import asyncio
import time
from contextlib import suppress
from typing import Protocol

TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


class StationClock(Protocol):
    """Station time and the system's calendar clock."""

    def at_ms(self) -> int:
        """Station time now."""
        ...

    def system_utc_ms(self) -> int:
        """What the board's calendar clock says now, true or not."""
        ...

    def is_synchronised(self) -> bool:
        """Whether the board's calendar clock is synchronised (NTP)."""
        ...

    async def wait(self, event: asyncio.Event, until_ms: int | None) -> None:
        """Waits until the event is set or station time has reached `until_ms` (None: for ever)."""
        ...

    async def sleep_until(self, until_ms: int) -> None:
        """Waits until station time has reached `until_ms`."""
        ...


class SystemClock:
    """The machine's own clocks. `begin` sets the base of station time once the log is read.

    With a `speed` above 1 station time runs so much faster (for stations that go through a week in an hour).
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._base_ms = 0
        self._speed = speed
        self._started = time.monotonic()
        self._waiting: set[asyncio.Timeout] = set()

    def begin(self, base_ms: int) -> None:
        """Station time is `base_ms` now, and goes on from there."""
        self._base_ms = base_ms
        self._started = time.monotonic()

    def push(self, milliseconds: int) -> None:
        """Station time jumps ahead (bench only); who waits is woken."""
        self._base_ms += milliseconds
        for waiting in self._waiting:
            if not waiting.expired():
                waiting.reschedule(0)  # its `wait` looks at the time again

    def at_ms(self) -> int:
        """Station time now."""
        return self._base_ms + int((time.monotonic() - self._started) * 1000 * self._speed)

    def system_utc_ms(self) -> int:
        """What the board's calendar clock says now."""
        return time.time_ns() // 1_000_000

    def is_synchronised(self) -> bool:
        """Whether the kernel holds the calendar clock for synchronised (adjtimex); False where it cannot be asked."""
        import ctypes  # here: a bench does not ask

        try:
            libc = ctypes.CDLL(None, use_errno=True)
            return int(libc.adjtimex(ctypes.create_string_buffer(512))) not in (-1, TIME_ERROR)
        except (OSError, AttributeError):
            return False

    async def wait(self, event: asyncio.Event, until_ms: int | None) -> None:
        """Waits until the event is set or station time has reached `until_ms` (None: for ever)."""
        while not event.is_set():
            remaining_s = None if until_ms is None else (until_ms - self.at_ms()) / 1000 / self._speed
            if remaining_s is not None and remaining_s <= 0:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(remaining_s) as waiting:
                    self._waiting.add(waiting)
                    try:
                        await event.wait()
                    finally:
                        self._waiting.discard(waiting)

    async def sleep_until(self, until_ms: int) -> None:
        """Waits until station time has reached `until_ms`."""
        await self.wait(asyncio.Event(), until_ms)
