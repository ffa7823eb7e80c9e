"""Residual current monitors: what the last test of each came to, as a fact of its connector."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.authorization import AuthorizationGranted
from eventstore.catalogue.hardware import PilotStateObserved, ResidualMonitorObserved
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.transactions import TransactionStopped
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.clock import Clock
from projections.connector import MONITOR_FAILED, MONITOR_PASSED, Connectors, Monitor


def _on_observed(connectors: Connectors, event: ResidualMonitorObserved, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    connector = connectors[event.connector_id]
    retried = event.outcome == MONITOR_FAILED and not connectors.occupied(connector)
    return connectors.changed(event.connector_id, monitor=Monitor(wired=True, outcome=event.outcome, retried=retried))


def _on_session(
    connectors: Connectors, event: AuthorizationGranted | TransactionStopped, recorded: Recorded, _: Clock
) -> Connectors:
    """A test that was passed counts for one session."""
    if event.connector_id is None or not connectors.has(event.connector_id):
        return connectors
    monitor = connectors[event.connector_id].monitor
    if monitor.outcome != MONITOR_PASSED:
        return connectors
    return connectors.changed(event.connector_id, monitor=replace(monitor, outcome=""))


def _on_pilot(connectors: Connectors, event: PilotStateObserved, recorded: Recorded, _: Clock) -> Connectors:
    """The next one to unplug is another occasion to repeat a failed test."""
    if not connectors.has(event.connector_id) or not connectors[event.connector_id].connected:
        return connectors
    monitor = connectors[event.connector_id].monitor
    return (
        connectors.changed(event.connector_id, monitor=replace(monitor, retried=False))
        if monitor.retried
        else connectors
    )


def _on_boot(connectors: Connectors, event: StationBooted, recorded: Recorded, _: Clock) -> Connectors:
    return replace(connectors, by_id=tuple(replace(each, monitor=Monitor()) for each in connectors.by_id))


FOLDS: Mapping[type[Event], Callable[[Connectors, Any, Recorded, Clock], Connectors]] = {
    StationBooted: _on_boot,
    ResidualMonitorObserved: _on_observed,
    AuthorizationGranted: _on_session,
    TransactionStopped: _on_session,
    PilotStateObserved: _on_pilot,
}
