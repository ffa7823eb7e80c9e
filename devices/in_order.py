"""Readings in the order in which they came about, even if whoever receives one causes others."""

from collections import deque
from collections.abc import Callable, Iterable

from devices.readings import Reading


class InOrder:
    """What `report` causes in turn is reported after what is already waiting."""

    def __init__(self, report: Callable[[Reading], None]) -> None:
        self._report: Callable[[Reading], None] | None = report
        self._queue: deque[Reading] = deque()
        self._reporting = False

    def emit(self, readings: Iterable[Reading]) -> None:
        """Report them, at once or after what is being reported."""
        self._queue.extend(readings)
        if self._reporting:
            return
        self._reporting = True
        try:
            while self._queue and self._report is not None:
                self._report(self._queue.popleft())
        finally:
            self._reporting = False

    def close(self) -> None:
        """Report nothing more."""
        self._report = None
        self._queue.clear()
