"""Availability: ChangeAvailability (5.2).

On connector 0 it means the station and every connector. A connector with a running transaction changes when it ends
(Scheduled), and the station when the last one does.
"""

from eventstore.catalogue.connectors import (
    AvailabilityChanged,
    AvailabilityScheduled,
)
from projections.connector import Connector
from projections.station import StationState
from station.core.feature import Answer, Events, Feature, Reply, Rule
from station.wire.enums import AvailabilityStatus, AvailabilityType
from station.wire.messages.core import ChangeAvailability, ChangeAvailabilityResponse


def _change_availability(state: StationState, request: ChangeAvailability, at_ms: int) -> Reply:
    if not state.connectors.has(request.connector_id):
        return Reply(ChangeAvailabilityResponse(status=AvailabilityStatus.REJECTED))
    meant = state.connectors.by_id if request.connector_id == 0 else (state.connectors[request.connector_id],)
    events = [event for connector in meant for event in _change(state, connector, request.type)]
    scheduled = any(isinstance(event, AvailabilityScheduled) and event.availability for event in events)
    waiting = request.type == AvailabilityType.INOPERATIVE and any(_must_wait(state, connector) for connector in meant)
    status = AvailabilityStatus.SCHEDULED if scheduled or waiting else AvailabilityStatus.ACCEPTED
    return Reply(ChangeAvailabilityResponse(status=status), events)


def _must_wait(state: StationState, connector: Connector) -> bool:
    if connector.connector_id == 0:
        return bool(state.transactions.active)
    return connector.transaction_number is not None


def _change(state: StationState, connector: Connector, wanted: str) -> Events:
    """The events that bring one connector to the wanted availability, now or once its transaction ends."""
    wanted = str(wanted)
    number = connector.connector_id
    if connector.availability == wanted:
        if not connector.scheduled_availability:
            return ()
        return (AvailabilityScheduled(connector_id=number, availability=""),)
    if not _must_wait(state, connector):
        return (AvailabilityChanged(connector_id=number, availability=wanted),)
    if connector.scheduled_availability == wanted:
        return ()
    return (AvailabilityScheduled(connector_id=number, availability=wanted),)


def _apply_scheduled(state: StationState, at_ms: int) -> Events:
    return [
        AvailabilityChanged(connector_id=connector.connector_id, availability=connector.scheduled_availability)
        for connector in state.connectors.by_id
        if connector.scheduled_availability and not _must_wait(state, connector)
    ]


FEATURE = Feature(
    name="availability",
    ocpp_profile="Core",
    answers=(Answer(action="ChangeAvailability", decide=_change_availability),),
    rules=(Rule(decide=_apply_scheduled, reads=("connectors", "transactions")),),
)
