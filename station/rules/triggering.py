"""What the CSMS may trigger (5.17, and ExtendedTriggerMessage of the white paper): which message is queued, and what is answered.

The answer says whether the message will be sent; an event of its own, behind the answer in the same batch, queues the
message, and it is sent before all others. It reports the present, never history. A connectorId that means nothing to the
message is ignored; a missing one stands for every connector that has something to report.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from eventstore.catalogue.registration import BootNotificationQueued, HeartbeatQueued
from eventstore.catalogue.transactions import MeterValuesTriggered
from eventstore.event import Event
from projections.connector import Connector
from projections.outbox import PRIORITY
from projections.station import StationState
from station.core.feature import Events
from station.rules.measurands import METER_VALUES_SAMPLED_DATA, REGISTER, TRIGGER, sample
from station.rules.status import queue_status
from station.wire.enums import TriggerMessageStatus

Queue = Callable[[StationState, int | None, int], Iterable[Event]]
"""From the state, the connector and the moment to the events that queue a message; none if there is nothing to report."""

BOOT_NOTIFICATION = "BootNotification"
IDLE = "Idle"
WAITING_MAX = 64  # triggered messages that wait to be sent; more are rejected


def decide_trigger(
    state: StationState, requested: str, queues: Mapping[str, Queue], connector_id: int | None, at_ms: int
) -> tuple[TriggerMessageStatus, Events]:
    """Accepted and what queues the message; NotImplemented if `queues` has no such message; else Rejected.

    Rejected: there is no such connector, nothing to report, or too many triggered messages wait already. A
    BootNotification after acceptance is sent, which errata 3.35 leaves open, and its answer counts like any other.
    """
    if requested not in queues:
        return TriggerMessageStatus.NOT_IMPLEMENTED, ()
    if requested == BOOT_NOTIFICATION and _is_boot_queued(state):
        return TriggerMessageStatus.ACCEPTED, ()  # the one in flight reports the same (5.17)
    waiting = sum(owed.lane == PRIORITY for owed in state.outbox.calls)
    events = () if waiting >= WAITING_MAX else tuple(queues[requested](state, connector_id, at_ms))
    return TriggerMessageStatus.ACCEPTED if events else TriggerMessageStatus.REJECTED, events


def _is_boot_queued(state: StationState) -> bool:
    return any(owed.action == BOOT_NOTIFICATION for owed in state.outbox.calls)


def _boot_notification(state: StationState, connector_id: int | None, at_ms: int) -> Iterable[Event]:
    return (BootNotificationQueued(triggered=True),)


def _heartbeat(state: StationState, connector_id: int | None, at_ms: int) -> Iterable[Event]:
    return (HeartbeatQueued(triggered=True),)


def _meant(state: StationState, connector_id: int | None) -> tuple[Connector, ...]:
    """The connectors a request is about: all, the station included, if it names none; nothing if there is no such one."""
    if connector_id is None:
        return state.connectors.by_id
    return (state.connectors[connector_id],) if state.connectors.has(connector_id) else ()


def _statuses(state: StationState, connector_id: int | None, at_ms: int) -> Iterator[Event]:
    for connector in _meant(state, connector_id):
        if connector.status:  # not before the board has reported its inputs
            yield queue_status(state, connector, at_ms, triggered=True)


def _meter_values(state: StationState, connector_id: int | None, at_ms: int) -> Iterator[Event]:
    """The most recent measurements of MeterValuesSampledData (errata 3.46), of an empty one the register, as in periodic
    MeterValues; connector 0 has no meter."""
    measurands = METER_VALUES_SAMPLED_DATA.of(state) or (REGISTER,)
    for connector in _meant(state, connector_id):
        taken = sample(state, connector.connector_id, measurands, TRIGGER, state.clock.moment(at_ms))
        if taken is not None:
            yield MeterValuesTriggered(
                connector_id=connector.connector_id, number=connector.transaction_number, sample=taken
            )


QUEUES: Mapping[str, Queue] = {
    BOOT_NOTIFICATION: _boot_notification,
    "Heartbeat": _heartbeat,
    "MeterValues": _meter_values,
    "StatusNotification": _statuses,
}
"""The messages that both TriggerMessage and ExtendedTriggerMessage know, and that are always there."""
