"""The commissioning test: an operator tries lock, contactor, meter and lamp of a connector. Part of every station.

Theory of operation
    CommissioningAsked begins it, if nothing stands against it (`station.rules.commissioning`). Each step changes what is wanted of the board
    (`station.rules.outputs`) and waits for the operator's answer; then what the board says and what the operator says are on
    record together, and the next step begins. It ends after the last one, when it is asked to, when a step is not answered in
    STEP_MS, and at once when a vehicle, an authorization or anything else comes that stands against it. Then nothing of it is left in
    what is wanted of the board. A process that ends meanwhile ends it too: the next boot says so.
"""

from collections.abc import Iterator

from eventstore.catalogue.commissioning import (
    CommissioningAnswered,
    CommissioningAsked,
    CommissioningBegan,
    CommissioningEnded,
    CommissioningRefused,
    CommissioningStepBegan,
    CommissioningStepEnded,
    CommissioningStopAsked,
)
from eventstore.catalogue.lifecycle import DeadlineReached
from projections.station import StationState
from station.core.feature import Deadline, Events, Feature, Rule
from station.rules.commissioning import ASKED, DONE, NO_STEP, TIME, found_at, obstacle, refusal, steps_of

STEP_MS = 120_000
DEADLINE = "commissioning"


def _on_asked(state: StationState, event: CommissioningAsked, at_ms: int) -> Events:
    reason = refusal(state, event.connector_id)
    if reason is not None:
        return (CommissioningRefused(connector_id=event.connector_id, reason=reason),)
    return (CommissioningBegan(connector_id=event.connector_id, steps=steps_of(state)),)


def _on_answered(state: StationState, event: CommissioningAnswered, at_ms: int) -> Events:
    place, step = event.connector_id, event.step
    if not step or state.commissioning.step_at(place) != step:
        return (CommissioningRefused(connector_id=place, reason=NO_STEP),)
    board = found_at(state.connectors[place], step)
    passed = board.as_wanted and event.confirmed
    return (
        CommissioningStepEnded(
            connector_id=place, step=step, found=board.found, confirmed=event.confirmed, passed=passed
        ),
    )


def _on_stop_asked(state: StationState, event: CommissioningStopAsked, at_ms: int) -> Events:
    return (_ended(state, ASKED),) if state.commissioning.running else ()


def _on_deadline(state: StationState, event: DeadlineReached, at_ms: int) -> Events:
    known = state.commissioning
    is_due = event.name == DEADLINE and known.running and known.step != "" and at_ms >= known.due_ms
    return (_ended(state, TIME),) if is_due else ()


def _ended(state: StationState, reason: str) -> CommissioningEnded:
    known = state.commissioning
    passed = reason == DONE and all(result.passed for result in known.results)
    return CommissioningEnded(connector_id=known.connector_id, reason=reason, passed=passed)


def _go_on(state: StationState, at_ms: int) -> Events:
    """The end, where something stands against it, or else the next step."""
    known = state.commissioning
    if not known.running:
        return ()
    reason = obstacle(state, known.connector_id)
    if reason is not None:
        return (_ended(state, reason),)
    if known.step:
        return ()
    if len(known.results) == len(known.steps):
        return (_ended(state, DONE),)
    step = known.steps[len(known.results)]
    return (CommissioningStepBegan(connector_id=known.connector_id, step=step, due_ms=at_ms + STEP_MS),)


def _deadlines(state: StationState) -> Iterator[Deadline]:
    known = state.commissioning
    if known.running and known.step:
        yield Deadline(due_ms=known.due_ms, name=DEADLINE, key=known.connector_id)


FEATURE = Feature(
    name="commissioning",
    ocpp_profile="Core",
    observes={
        CommissioningAsked: _on_asked,
        CommissioningAnswered: _on_answered,
        CommissioningStopAsked: _on_stop_asked,
        DeadlineReached: _on_deadline,
    },
    rules=(Rule(decide=_go_on, reads=("commissioning", "connectors", "maintenance")),),
    deadlines=_deadlines,
)
