"""Vehicles that may sleep: which of them are offered a current and have said nothing since, and what was done to wake them.

A vehicle that is awake answers an offer within seconds, by asking for the energy. One that sleeps stays in B and says nothing at all:
whatever its pilot says after the offer began, it is awake.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.connectors import PilotInterrupted
from eventstore.catalogue.hardware import PilotStateObserved
from eventstore.catalogue.lifecycle import DeadlineReached, StationBooted
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.transactions import TransactionStopped
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from projections.clock import Clock
from projections.connector import CURRENT_MIN_MA

INTERRUPTED = "interrupted"
"""The deadline at which an interruption of the pilot is over; its key is the connector."""


class Sleeper(Value, frozen=True, kw_only=True):
    """A connector that is offered a current: since when the vehicle has said nothing to it.

    `awake` once the vehicle said something; `tries` how often it was to be woken since the offer began; `until_ms` is when the present
    interruption of the pilot ends, None without one.
    """

    connector_id: int
    since_ms: int
    awake: bool = False
    tries: int = 0
    until_ms: int | None = None


class Waking(Value, frozen=True, kw_only=True):
    """The connectors that are offered a current, in the order in which that began."""

    sleepers: tuple[Sleeper, ...] = ()

    def on(self, connector_id: int) -> Sleeper | None:
        """That of a connector; None if it is offered nothing."""
        return next((each for each in self.sleepers if each.connector_id == connector_id), None)

    def is_interrupted(self, connector_id: int) -> bool:
        """Whether the pilot is steady to wake the vehicle."""
        found = self.on(connector_id)
        return found is not None and found.until_ms is not None

    def without(self, connector_id: int) -> "Waking":
        """The same without this connector."""
        if self.on(connector_id) is None:
            return self
        return Waking(sleepers=tuple(each for each in self.sleepers if each.connector_id != connector_id))

    def changed(self, connector_id: int, **facts: Any) -> "Waking":
        """The same with other facts for one connector, if it is offered something."""
        sleepers = tuple(
            replace(each, **facts) if each.connector_id == connector_id else each for each in self.sleepers
        )
        return self if sleepers == self.sleepers else Waking(sleepers=sleepers)


def _on_limit(waking: Waking, event: LimitChanged, recorded: Recorded, _: Clock) -> Waking:
    if event.limit_ma < CURRENT_MIN_MA:
        return waking.without(event.connector_id)
    if waking.on(event.connector_id) is not None:
        return waking
    return Waking(sleepers=(*waking.sleepers, Sleeper(connector_id=event.connector_id, since_ms=recorded.at_ms)))


def _on_stopped(waking: Waking, event: TransactionStopped, recorded: Recorded, _: Clock) -> Waking:
    return waking.without(event.connector_id)


def _on_pilot(waking: Waking, event: PilotStateObserved, recorded: Recorded, _: Clock) -> Waking:
    return waking.changed(event.connector_id, awake=True, until_ms=None)


def _on_interrupted(waking: Waking, event: PilotInterrupted, recorded: Recorded, _: Clock) -> Waking:
    return waking.changed(event.connector_id, tries=event.attempt, until_ms=event.until_ms)


def _on_deadline(waking: Waking, event: DeadlineReached, recorded: Recorded, _: Clock) -> Waking:
    if event.name != INTERRUPTED:
        return waking
    return waking.changed(event.key, since_ms=recorded.at_ms, until_ms=None)


def _on_boot(waking: Waking, event: StationBooted, recorded: Recorded, _: Clock) -> Waking:
    return Waking()


FOLDS: Mapping[type[Event], Callable[[Waking, Any, Recorded, Clock], Waking]] = {
    StationBooted: _on_boot,
    LimitChanged: _on_limit,
    TransactionStopped: _on_stopped,
    PilotStateObserved: _on_pilot,
    PilotInterrupted: _on_interrupted,
    DeadlineReached: _on_deadline,
}
