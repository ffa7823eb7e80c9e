"""The commissioning test: the one that runs, or what came of the last one."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.commissioning import (
    CommissioningBegan,
    CommissioningEnded,
    CommissioningStepBegan,
    CommissioningStepEnded,
)
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from projections.clock import Clock


class StepResult(Value, frozen=True, kw_only=True):
    """What came of one step."""

    step: str
    found: str
    confirmed: bool
    passed: bool


class Commissioning(Value, frozen=True, kw_only=True):
    """Of connector `connector_id`, 0 if there was none. `step` is the one under way, "" between two; it is answered before `due_ms`.

    `ended` is why the last test ended, "" while one runs, `ended_ms` when, in station time.
    """

    connector_id: int = 0
    running: bool = False
    steps: tuple[str, ...] = ()
    step: str = ""
    due_ms: int = 0
    results: tuple[StepResult, ...] = ()
    ended: str = ""
    ended_ms: int = 0
    passed: bool = False

    def step_at(self, connector_id: int) -> str:
        """The step that is under way at a connector, "" if none is."""
        return self.step if self.running and self.connector_id == connector_id else ""


def _on_began(_before: Commissioning, event: CommissioningBegan, recorded: Recorded, _: Clock) -> Commissioning:
    return Commissioning(connector_id=event.connector_id, running=True, steps=event.steps)


def _on_step_began(known: Commissioning, event: CommissioningStepBegan, recorded: Recorded, _: Clock) -> Commissioning:
    return replace(known, step=event.step, due_ms=event.due_ms)


def _on_step_ended(known: Commissioning, event: CommissioningStepEnded, recorded: Recorded, _: Clock) -> Commissioning:
    result = StepResult(step=event.step, found=event.found, confirmed=event.confirmed, passed=event.passed)
    return replace(known, step="", due_ms=0, results=(*known.results, result))


def _on_ended(known: Commissioning, event: CommissioningEnded, recorded: Recorded, _: Clock) -> Commissioning:
    return replace(
        known, running=False, step="", due_ms=0, ended=event.reason, ended_ms=recorded.at_ms, passed=event.passed
    )


FOLDS: Mapping[type[Event], Callable[[Commissioning, Any, Recorded, Clock], Commissioning]] = {
    CommissioningBegan: _on_began,
    CommissioningStepBegan: _on_step_began,
    CommissioningStepEnded: _on_step_ended,
    CommissioningEnded: _on_ended,
}
