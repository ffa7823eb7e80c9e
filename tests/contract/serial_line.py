"""Two pseudo-terminals joined in the middle: a serial line that carries bytes as slowly as it is said to, both ways at once."""

import asyncio
import os
import pty
import tty
from collections import deque
from collections.abc import Callable


class SerialLine:
    """A line between `ours` and `theirs`, names of devices. `baudrate` 0: bytes pass at once; else each takes its ten bits."""

    def __init__(self, baudrate: int = 0) -> None:
        (left, theirs), (right, ours) = pty.openpty(), pty.openpty()
        for descriptor in (left, theirs, right, ours):
            tty.setraw(descriptor)
        self.theirs, self.ours = os.ttyname(theirs), os.ttyname(ours)
        self._ends = (theirs, ours)
        self._byte_s = 10 / baudrate if baudrate else 0.0
        self._loop = asyncio.get_running_loop()
        self._left, self._right = left, right
        self.watch: Callable[[bytes, float], None] = lambda data, at_s: None
        """Called with what has wholly passed from us to them, and when."""
        self._flows = {left: _Flow(), right: _Flow()}
        self._loop.add_reader(left, self._read, left, right)
        self._loop.add_reader(right, self._read, right, left)

    def close(self) -> None:
        """Both devices are gone."""
        for flow in self._flows.values():
            if flow.timer is not None:
                flow.timer.cancel()
        for descriptor in (self._left, self._right):
            self._loop.remove_reader(descriptor)
        for descriptor in (self._left, self._right, *self._ends):
            os.close(descriptor)

    def _read(self, source: int, target: int) -> None:
        try:
            data = os.read(source, 512)
        except OSError:
            return
        if not self._byte_s:
            self._deliver(source, target, data)
            return
        flow, now_s = self._flows[source], self._loop.time()
        flow.due_s = max(flow.due_s, now_s) + len(data) * self._byte_s
        flow.waiting.append((flow.due_s, data))
        if flow.timer is None:
            self._arm(source, target)

    def _arm(self, source: int, target: int) -> None:
        flow = self._flows[source]
        flow.timer = self._loop.call_at(flow.waiting[0][0], self._due, source, target) if flow.waiting else None

    def _due(self, source: int, target: int) -> None:
        _, data = self._flows[source].waiting.popleft()
        self._deliver(source, target, data)
        self._arm(source, target)

    def _deliver(self, source: int, target: int, data: bytes) -> None:
        if source == self._right:
            self.watch(data, self._loop.time())
        os.write(target, data)


class _Flow:
    """What is on its way in one direction."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.due_s = 0.0
        self.timer: asyncio.TimerHandle | None = None
