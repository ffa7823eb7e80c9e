"""A progress bar on stderr, where a terminal is there and rich is installed; else silence."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

QUIET_STEPS = 30
"""What is done in fewer steps, each some thousand events, needs no bar."""
Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Tells nobody."""


class Bar:
    """Called with how far things are (done, total); `stop` takes it away, before anything else is printed."""

    def __init__(self, label: str, *, wanted: bool = True, quiet_steps: int = 0) -> None:
        self._label = label
        self._quiet_steps = quiet_steps
        self._is_over = not wanted or not sys.stderr.isatty()
        self._shown: Any = None
        self._task: Any = None

    def __call__(self, done: int, total: int) -> None:
        self._quiet_steps -= 1
        if self._is_over or self._quiet_steps >= 0:
            return
        if self._shown is None:
            self._start()
        if self._shown is not None:
            self._shown.update(self._task, completed=done, total=total)

    def _start(self) -> None:
        try:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        except ImportError:
            self._is_over = True
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._shown = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._shown.add_task(self._label, total=None)
        self._shown.start()

    def stop(self) -> None:
        """The bar goes, for good."""
        self._is_over = True
        if self._shown is not None:
            self._shown.stop()
            self._shown = None


@contextmanager
def bar(label: str, *, wanted: bool = True, quiet_steps: int = 0) -> Iterator[Bar]:
    """A bar for as long as this lasts, from the step after `quiet_steps` on."""
    found = Bar(label, wanted=wanted, quiet_steps=quiet_steps)
    try:
        yield found
    finally:
        found.stop()
