"""The reflex on limits: what a limit takes away is taken away though the disk hangs.

A limit is obeyed once it is on record. While the log does not answer, what was reported meanwhile, and what is due meanwhile because
nothing was heard, goes through the same step, but nothing of that is recorded: only what it lowers is done, a lower duty or a
steady pilot. When the log answers again, it takes everything in, in order, and what it comes to then holds.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.limits import (
    LimitContactObserved,
    OutsideLimitReported,
    SiteMeterFailed,
    SiteMeterObserved,
)
from eventstore.event import Observation, Recorded
from projections.station import StationState
from station.core import kernel
from station.core.feature import Deadline, Registry
from station.features import outside_limits
from station.features.smart_charging import offering
from station.rules.outputs import is_offering

PATIENCE_MS = 250
"""How long the log may take before the reflex acts."""
DEADLINES_MAX = 8
"""So many deadlines of limits are looked at in one reflex; the next one sees the others."""
KINDS = (OutsideLimitReported, LimitContactObserved, SiteMeterObserved, SiteMeterFailed)


class Alarm(Protocol):
    """What was asked for and may be called off."""

    def cancel(self) -> None: ...


def on_loop(delay_ms: int, act: Callable[[], None]) -> Alarm | None:
    """Calls back on the running event loop; None in stepped time, where there is no disk to wait for."""
    try:
        return asyncio.get_running_loop().call_later(delay_ms / 1000, act)
    except RuntimeError:
        return None


class LimitReflex:
    """Foresees what limits come to. `cap` has each connector offer at most so many mA, from now until the next call."""

    def __init__(
        self,
        state: StationState,
        registry: Registry,
        now_ms: Callable[[], int],
        cap: Callable[[Mapping[int, int]], None],
        later: Callable[[int, Callable[[], None]], Alarm | None] = on_loop,
    ) -> None:
        self._state = state
        self._registry = registry
        self._now_ms = now_ms
        self._cap = cap
        self._later = later
        self._pending: list[tuple[int, Observation]] = []  # each with when it was submitted
        self._alarm: Alarm | None = None
        self._acts = False

    def foresee(self, observation: Observation) -> None:
        """Something was submitted; if it limits and is not on record in time, it is obeyed all the same."""
        if isinstance(observation, KINDS):
            self._pending = [held for held in self._pending if _subject(held[1]) != _subject(observation)]
            self._pending.append((self._now_ms(), observation))
            self._wait(self._state)

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """What is on record now; to be called before the board is commanded."""
        self._state = state
        taken = {id(recorded.event) for recorded in batch}
        self._pending = [held for held in self._pending if id(held[1]) not in taken]
        if self._acts:
            self._act()
        else:
            self._wait(state)

    def _wait(self, state: StationState, after_ms: int | None = None) -> None:
        """Acts when something of limits waits for too long; of what falls due only what does behind `after_ms`."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        dues = [deadline.due_ms for deadline in _deadlines(state)]
        if after_ms is None:
            dues += [submitted_ms for submitted_ms, _ in self._pending]
        due_ms = min((due for due in dues if after_ms is None or due > after_ms), default=None)
        if due_ms is not None:
            self._alarm = self._later(max(0, due_ms - self._now_ms() + PATIENCE_MS), self._act)

    def _act(self) -> None:
        """Has the connectors offer no more than what is foreseen."""
        state, at_ms = self._state, self._now_ms()
        foreseen = self.foreseen(at_ms)
        self._acts = foreseen is not state
        self._cap(
            {
                connector.connector_id: connector.limit_ma if is_offering(foreseen, connector) else 0
                for connector in foreseen.connectors.real
            }
            if self._acts
            else {}
        )
        self._wait(foreseen, at_ms if self._acts else None)

    def foreseen(self, at_ms: int) -> StationState:
        """The state as it would be now if the log had answered; the present one where nothing of limits waits."""
        state = self._state
        for _, observation in self._pending:
            state, _ = kernel.step(state, observation, at_ms, self._registry)
        for _ in range(DEADLINES_MAX):
            due = min((each for each in _deadlines(state) if each.due_ms <= at_ms), default=None)
            if due is None:
                break
            reached = DeadlineReached(name=due.name, key=due.key, due_ms=due.due_ms)
            state, _ = kernel.step(state, reached, at_ms, self._registry)
        return state


def _subject(observation: Observation) -> tuple[type[Observation], str]:
    """What a newer report replaces."""
    kind = SiteMeterObserved if isinstance(observation, SiteMeterFailed) else type(observation)
    return kind, getattr(observation, "source", "")


def _deadlines(state: StationState) -> list[Deadline]:
    found = [] if outside_limits.FEATURE.deadlines is None else [*outside_limits.FEATURE.deadlines(state)]
    return [*found, *offering.deadlines(state)]
