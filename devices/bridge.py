"""From foreign threads to the event loop: bounded, in order, drops counted.

GPIO callbacks and meter buses live in threads that are not ours. They put what they have here; the event loop delivers it. If the
loop does not keep up, the oldest goes: a driver reports levels, of which the latest counts, and reads its inputs again
periodically.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")

CAPACITY = 256


class Bridge(Generic[Item]):
    """Delivers on `loop` what any thread puts in, at most `capacity` at a time. To be built on the event loop's thread."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, deliver: Callable[[Item], None], capacity: int = CAPACITY
    ) -> None:
        assert capacity > 0, "a bridge that carries nothing"
        self._loop = loop
        self._deliver = deliver
        self._capacity = capacity
        self._lock = threading.Lock()
        self._waiting: deque[Item] = deque()
        self._woken = False
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many items were never delivered because the event loop was too slow."""
        return self._dropped

    def put(self, item: Item) -> None:
        """Hand over an item, from any thread; never waits for the event loop. After `close` it is ignored."""
        with self._lock:
            if self._closed:
                return
            if len(self._waiting) == self._capacity:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(item)
            if self._woken:
                return
            self._woken = True
            self._wake()

    def close(self) -> None:
        """Deliver nothing more; what still waits is forgotten."""
        with self._lock:
            self._closed = True
            self._waiting.clear()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._drain)
        except RuntimeError:  # the loop was closed before the bridge: nobody is left to deliver to
            self._closed = True
            self._waiting.clear()

    def _drain(self) -> None:
        """Deliver what waits now. What comes meanwhile wakes the loop anew, so that others get their turn."""
        with self._lock:
            items = tuple(self._waiting)
            self._waiting.clear()
            self._woken = False
        for item in items:
            if self._closed:
                return
            self._deliver(item)
