"""Reads that are no tag: counted, and logged now and then.

Otherwise a reader that is wired or set up wrongly would look like one that nobody uses.
"""

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)

TELL_MS = 60_000
"""The first is logged at once, the next ones at most this often: noise must not fill the log."""


class RefusedReads:
    """How often the reader `name` read something that is no tag. What it read is not logged."""

    def __init__(self, name: str, now_ms: Callable[[], int]) -> None:
        self.count = 0
        self._name = name
        self._now_ms = now_ms
        self._told = 0
        self._told_ms: int | None = None

    def refuse(self, what: str) -> None:
        """This was no card; `what` says so in words."""
        self.count += 1
        at_ms = self._now_ms()
        if self._told_ms is not None and at_ms - self._told_ms < TELL_MS:
            return
        untold = self.count - self._told - 1
        more = f" ({untold} more since this was said last)" if untold else ""
        logger.warning("reader %s: no card: %s%s", self._name, what, more)
        self._told, self._told_ms = self.count, at_ms
