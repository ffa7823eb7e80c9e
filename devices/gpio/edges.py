"""The edges of all input lines, handed over by one thread in the order in which they happened.

Each line has a queue of its own in the kernel, with a time on each edge. A Wiegand reader's bits come on two lines and only their order
says which they are: so all queues are emptied before anything is handed over, and the batch is put in order by the kernel's times.
"""

import logging
import os
import select
import threading
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

logger = logging.getLogger(__name__)

_LOOKS_MAX = 64
"""After so many looks a batch is handed over though edges still come: a line that oscillates must not hold up the others."""
_GONE = select.EPOLLHUP | select.EPOLLERR


class Edge(Struct, frozen=True, kw_only=True):
    """The line rose or fell at this time of the kernel's monotonic clock."""

    at_ns: int
    rising: bool


class EdgeLine(Protocol):
    """A line whose edges are waited for."""

    def take(self) -> Sequence[Edge]:
        """What the kernel has queued, oldest first; never blocks. Raises OSError when the line is gone."""
        ...

    def tell(self, edge: Edge) -> None:
        """Hand this edge over."""
        ...


class EdgeThread:
    """Waits for edges from the first line that is added until `close`. Lines come and go from any thread."""

    def __init__(self, *, threaded: bool = True) -> None:
        self._poll = select.epoll()
        self._lines: dict[int, EdgeLine] = {}
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll.register(self._wake, select.EPOLLIN)
        self._threaded = threaded
        self._thread: threading.Thread | None = None
        self._closing = False

    def add(self, descriptor: int, line: EdgeLine) -> None:
        """Wait for this line's edges too."""
        self._lines[descriptor] = line
        self._poll.register(descriptor, select.EPOLLIN)
        if self._threaded and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="gpio edges", daemon=True)
            self._thread.start()

    def remove(self, descriptor: int) -> None:
        """Wait for it no more; before its descriptor is closed. Not added is nothing to remove."""
        if self._lines.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def serve(self, timeout_s: float | None = 0) -> None:
        """Hand over what has come, after a wait of at most so long for the first edge; None: however long."""
        batch: list[tuple[Edge, EdgeLine]] = []
        ready = self._poll.poll(timeout_s)
        # Every edge from before the last look, which found nothing, is in the batch.
        for _ in range(_LOOKS_MAX):
            if not ready or self._closing:
                break
            for descriptor, event in ready:
                batch += self._taken(descriptor, event)
            ready = self._poll.poll(0)
        for edge, line in sorted(batch, key=lambda item: item[0].at_ns):
            try:
                line.tell(edge)
            except Exception:
                logger.exception("an edge could not be handed over")

    def close(self) -> None:
        """End the thread. A second call does nothing."""
        if self._closing:
            return
        self._closing = True
        os.eventfd_write(self._wake, 1)
        if self._thread is not None:
            self._thread.join(timeout=1)
        self._poll.close()
        os.close(self._wake)

    def _taken(self, descriptor: int, event: int) -> list[tuple[Edge, EdgeLine]]:
        line = self._lines.get(descriptor)
        if line is None:
            return []
        try:
            if event & _GONE and not event & select.EPOLLIN:
                raise OSError("the kernel has taken the chip away")
            return [(edge, line) for edge in line.take()]
        except OSError as error:
            logger.error("%s: no more edges: %s", line, error)
            self.remove(descriptor)
            return []

    def _run(self) -> None:
        while not self._closing:
            self.serve(None)
