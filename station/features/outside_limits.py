"""Outside limits: what a grid operator, an energy manager or silence limits the station to. Part of every station.

A rule puts in force what is to be in force (`station.rules.outside_limits`), one event for each change; the limits of the connectors
follow from that (`features.smart_charging.offering`). The deadline is when something that was said ends unless it is said again.
"""

from collections.abc import Iterator

from eventstore.catalogue.limits import StartsDelayed
from projections.outside_limits import LIMIT_LIFTED, OUTSIDE_LIMIT_DUE
from projections.station import StationState
from station.core.feature import TIME, Deadline, Events, Feature, Rule
from station.rules import outside_limits


def _keep_in_force(state: StationState, at_ms: int) -> Events:
    changed = outside_limits.changes(state, at_ms)
    waiting = outside_limits.lifted_together(state, changed, at_ms)
    return (*changed, StartsDelayed(connectors=waiting, why=LIMIT_LIFTED)) if waiting else changed


def _deadlines(state: StationState) -> Iterator[Deadline]:
    due_ms = outside_limits.due_ms(state)
    if due_ms is not None:
        yield Deadline(due_ms=due_ms, name=OUTSIDE_LIMIT_DUE)


FEATURE = Feature(
    name="outside limits",
    ocpp_profile="Core",
    rules=(Rule(decide=_keep_in_force, reads=("connectors", "outside_limits", TIME)),),
    deadlines=_deadlines,
)
