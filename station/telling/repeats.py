"""What repeats is logged once, then less and less often, with its count and the time since when.

Two kinds. A failure that repeats belongs to a run: its first times are logged, then one a minute at most, one in two minutes,
up to one an hour; a run ends when it is over, or when nothing of it has come for long. Of anything else `BURST` lines are
logged in `WINDOW_MS`; what is more is left out, and its last one is logged when the window is over. All of it is bounded by
the number of different keys, which the caller takes from what the station is made of, never from what others send.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from eventstore.value import Value
from station.telling.line import Line

QUIET_MIN_MS, QUIET_MAX_MS = 60_000, 3_600_000
CHANGED_MS = 10_000
"""A failure whose text differs from the last one logged waits at most this long."""
RUN_ENDS_MS = 2 * 3_600_000
"""Longer than the longest wait between two attempts: a CSMS may ask for an hour."""
BURST, WINDOW_MS = 20, 600_000


class Count(Value, frozen=True, kw_only=True):
    """How often something happened in its run, and since when."""

    times: int
    since_utc_ms: int


@dataclass(slots=True, kw_only=True)
class _Run:
    times: int
    since_utc_ms: int
    last_at_ms: int
    told_at_ms: int
    quiet_ms: int
    text: str


@dataclass(slots=True, kw_only=True)
class _Window:
    begins_at_ms: int
    times: int


@dataclass(slots=True, kw_only=True)
class Held:
    """A line that waits to be logged at `due_ms`: the last of `times` that were left out, from `since_utc_ms` to `utc_ms`."""

    line: Line
    times: int
    since_utc_ms: int
    utc_ms: int
    due_ms: int


class Repeats:
    """The repetitions of one story. Moments are station time, but for those that are shown."""

    def __init__(self) -> None:
        self._runs: dict[Hashable, _Run] = {}
        self._windows: dict[Hashable, _Window] = {}
        self._held: dict[Hashable, Held] = {}

    @property
    def is_holding(self) -> bool:
        """Whether any line waits to be logged."""
        return bool(self._held)

    def failed(self, key: Hashable, text: str, at_ms: int, utc_ms: int, *, free: int = 1) -> Count | None:
        """One more failure: how often by now if it is to be logged, else None. The first `free` ones always are."""
        run = self._runs.get(key)
        if run is None or at_ms - run.last_at_ms > RUN_ENDS_MS:
            run = self._runs[key] = _Run(
                times=0, since_utc_ms=utc_ms, last_at_ms=at_ms, told_at_ms=at_ms, quiet_ms=QUIET_MIN_MS, text=text
            )
        run.times += 1
        run.last_at_ms = at_ms
        is_free = run.times <= free
        quiet_ms = run.quiet_ms if text == run.text else min(run.quiet_ms, CHANGED_MS)
        if not is_free and at_ms - run.told_at_ms < quiet_ms:
            return None
        if not is_free and text == run.text:
            run.quiet_ms = min(2 * run.quiet_ms, QUIET_MAX_MS)
        run.told_at_ms = at_ms
        run.text = text
        return Count(times=run.times, since_utc_ms=run.since_utc_ms)

    def over(self, key: Hashable) -> Count | None:
        """The run is over: what it was, None if there was none."""
        run = self._runs.pop(key, None)
        return None if run is None else Count(times=run.times, since_utc_ms=run.since_utc_ms)

    def may_tell(self, key: Hashable, line: Line, at_ms: int, utc_ms: int) -> bool:
        """Whether this line is logged now; otherwise it is held, in the place of the one before it."""
        window = self._windows.get(key)
        if window is None or at_ms - window.begins_at_ms >= WINDOW_MS:
            window = self._windows[key] = _Window(begins_at_ms=at_ms, times=0)
        window.times += 1
        if window.times <= BURST:
            return True
        self.hold(key, line, utc_ms, window.begins_at_ms + WINDOW_MS)
        return False

    def hold(self, key: Hashable, line: Line, utc_ms: int, due_ms: int) -> None:
        """The line is logged at `due_ms`, unless it is dropped or another one takes its place."""
        before = self._held.get(key)
        times, since_utc_ms = (1, utc_ms) if before is None else (before.times + 1, before.since_utc_ms)
        self._held[key] = Held(line=line, times=times, since_utc_ms=since_utc_ms, utc_ms=utc_ms, due_ms=due_ms)

    def drop(self, key: Hashable) -> None:
        """What is held under this key need not be logged any more."""
        self._held.pop(key, None)

    def overdue(self, at_ms: int) -> Iterator[Held]:
        """What was held until now, each once."""
        for key in [key for key, held in self._held.items() if held.due_ms <= at_ms]:
            yield self._held.pop(key)
