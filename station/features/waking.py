"""Waking a vehicle that sleeps, where the station is set to do so. Part of every station.

Some vehicles fall asleep while nothing is offered for a while, and then miss that they are offered a current again: they stay in B,
and nothing charges. An interruption of the pilot wakes most of them. IEC 61851-1 allows a station to go steady and to offer anew at
any time (annex A: states x2 to x1 and back), so that is what is done: the pilot is steady for as long as a vehicle may take to
follow it, and then alternates again. The contactor is open all the while, because a vehicle in B draws nothing.

A vehicle that does not want to charge (its battery is full, its timer waits) looks the same. So it is tried a few times at most for each
offer, and not at all unless WakeUpAttempts says so.
"""

from collections.abc import Iterator

from eventstore.catalogue.connectors import PilotInterrupted
from eventstore.catalogue.lifecycle import DeadlineReached
from projections.connector import EV_RESPONSE_MS
from projections.station import StationState
from projections.waking import INTERRUPTED
from station.core.config_keys import Access, ConfigKey, Integer
from station.core.feature import Deadline, Events, Feature
from station.rules.outputs import is_offering

WAKE = "wake"
SILENT_MS = 60_000
"""How long a vehicle may say nothing to an offer before it is taken to be asleep; and again after each interruption."""

WAKE_UP_ATTEMPTS = ConfigKey(
    name="WakeUpAttempts",
    kind=Integer(minimum=0, maximum=10),
    access=Access.READ_WRITE,
    default=0,
    clause="ours",
    doc="How often the pilot is interrupted for 5 s to wake a vehicle that is offered a current and says nothing for 60 s; for each offer anew. 0: never.",
)


def _sleeps(state: StationState) -> Iterator[Deadline]:
    """When a vehicle is to be woken, by its connector: it stays in B, its contactor is open, and it is offered a current."""
    attempts = WAKE_UP_ATTEMPTS.of(state)
    for sleeper in state.waking.sleepers:
        if sleeper.awake or sleeper.until_ms is not None or sleeper.tries >= attempts:
            continue
        connector = state.connectors[sleeper.connector_id]
        if connector.pilot_state == "B" and not connector.contactor_closed and is_offering(state, connector):
            yield Deadline(due_ms=sleeper.since_ms + SILENT_MS, name=WAKE, key=sleeper.connector_id)


def _deadlines(state: StationState) -> Iterator[Deadline]:
    yield from _sleeps(state)
    for sleeper in state.waking.sleepers:
        if sleeper.until_ms is not None:
            yield Deadline(due_ms=sleeper.until_ms, name=INTERRUPTED, key=sleeper.connector_id)


def _on_deadline(state: StationState, event: DeadlineReached, at_ms: int) -> Events:
    if event.name != WAKE:
        return ()
    return tuple(
        PilotInterrupted(
            connector_id=due.key,
            attempt=1 + sum(each.tries for each in state.waking.sleepers if each.connector_id == due.key),
            until_ms=at_ms + EV_RESPONSE_MS,
        )
        for due in _sleeps(state)
        if due.key == event.key and due.due_ms <= at_ms
    )


FEATURE = Feature(
    name="waking",
    ocpp_profile="Core",
    observes={DeadlineReached: _on_deadline},
    deadlines=_deadlines,
    config_keys=(WAKE_UP_ATTEMPTS,),
)
