"""Telling of what may happen again and again: at once the first time, then in one line for many."""

import logging
import time  # noqa: TID251  # how often a line is written; nothing that happens depends on it
from collections.abc import Callable

EVERY_S = 60.0


class Seldom:
    """One thing that may happen often. `say` writes a line at most every EVERY_S; the next one counts those left out."""

    def __init__(self, logger: logging.Logger, level: int, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._level = level
        self._now_s = now_s
        self._said_s: float | None = None
        self._left_out = 0

    def say(self, text: str) -> None:
        """It has happened again; `text` says what, and may change from time to time."""
        now_s = self._now_s()
        if self._said_s is not None and now_s - self._said_s < EVERY_S:
            self._left_out += 1
            return
        times = f" ({self._left_out} more times since this was last logged)" if self._left_out else ""
        self._said_s, self._left_out = now_s, 0
        self._logger.log(self._level, "%s%s", text, times)
