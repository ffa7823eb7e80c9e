"""Virtual time: an event loop whose clock jumps to the next timer whenever nothing is left to do.

Nothing waits and nothing runs beside the loop: no sockets, no threads. So a run depends on its seed alone, and an hour
passes in the time that its work takes. A loop with nothing left to do and no timer is stuck for ever: that is an error.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from station.runtime.clock import SystemClock

T = TypeVar("T")

NOTHING_TO_WATCH: Mapping[Any, selectors.SelectorKey] = {}


class StuckError(AssertionError):
    """Everybody waits for something that cannot come."""


class _TimeSelector(selectors.BaseSelector):
    """Watches nothing; waiting makes the time pass. (The loop's own wake-up pipe never rings without threads.)"""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.next_due_s: float | None = None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise StuckError("nothing is left to do, and nothing is due")
        if timeout > 0:
            self.now_s += timeout
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return NOTHING_TO_WATCH


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `now_ms` is the time since its beginning in whole milliseconds."""

    def __init__(self) -> None:
        self._virtual = _TimeSelector()
        super().__init__(self._virtual)
        self.slow_callback_duration = 1e9
        self.failure: BaseException | None = None

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What a callback raises, or a task that nobody waits for: it ends the run."""
        self.failure = self.failure or context.get("exception") or AssertionError(str(context))

    def run_in_executor(  # type: ignore[override]  # no thread: it is done at once, which is one order of many
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # for whoever waits
            done.set_exception(error)
        return done

    def time(self) -> float:
        return self._virtual.now_s

    @property
    def now_ms(self) -> int:
        """Milliseconds since the loop began."""
        return round(self._virtual.now_s * 1000)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end in virtual time; tasks that it leaves behind are cancelled."""
    loop = VirtualLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            return runner.run(main)
        finally:
            if loop.failure is not None:
                raise loop.failure


def virtual_loop() -> VirtualLoop:
    """The loop that runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


class VirtualClock(SystemClock):
    """The clocks of a simulated machine: `error_ms` is how far its calendar clock is off."""

    def __init__(self, true_utc_ms: int, error_ms: int = 0, *, synchronised: bool = True) -> None:
        super().__init__()
        self._true_utc_ms = true_utc_ms
        self._error_ms = error_ms
        self._synchronised = synchronised
        self._begun_ms = virtual_loop().now_ms

    def begin(self, base_ms: int) -> None:
        self._base_ms = base_ms
        self._begun_ms = virtual_loop().now_ms

    def at_ms(self) -> int:
        return self._base_ms + virtual_loop().now_ms - self._begun_ms

    def system_utc_ms(self) -> int:
        return max(0, self._true_utc_ms + virtual_loop().now_ms + self._error_ms)

    def is_synchronised(self) -> bool:
        return self._synchronised
