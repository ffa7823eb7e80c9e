"""Which meters are read before an observation is decided on, so that a start, a stop or a sample has a fresh register."""

from eventstore.catalogue.commissioning import CommissioningAnswered, CommissioningAsked
from eventstore.catalogue.hardware import (
    BoardOpened,
    ContactorObserved,
    EmergencyStopObserved,
    FaultCleared,
    FaultObserved,
    IdTagPresented,
    LockObserved,
    MainsObserved,
    PilotStateObserved,
    ProximityObserved,
    ResidualMonitorObserved,
    VehicleIdentified,
)
from eventstore.catalogue.lifecycle import DeadlineReached, StationStopping
from eventstore.catalogue.link import FrameReceived
from eventstore.event import Observation
from projections.station import StationState

# A sample, a start, a stop or a limit may follow from these at the connectors in use.
_AT_USED = frozenset(
    {
        EmergencyStopObserved,
        FaultObserved,
        IdTagPresented,
        LockObserved,
        MainsObserved,
        PilotStateObserved,
        ProximityObserved,
        ResidualMonitorObserved,
        StationStopping,
        VehicleIdentified,
    }
)
_DEADLINES_AT_USED = frozenset({"ask_again", "sample", "energy_check", "limits", "opened", "meter_check"})
_ANSWERS_AT_USED = frozenset({"Authorize", "StartTransaction"})


def meters_wanted(state: StationState, observation: Observation) -> tuple[int, ...]:
    """The connectors whose meter is read first."""
    match observation:
        case ContactorObserved(connector_id=number, closed=False) if state.transactions.on(number) is not None:
            return (number,)  # it may be the end of the transaction, or a pause: the register stands still from now on
        case CommissioningAsked(connector_id=number) | CommissioningAnswered(connector_id=number):
            return (number,) if state.connectors.has(number) and number else ()
        case BoardOpened() | DeadlineReached(name="aligned"):
            return _all(state)
        case DeadlineReached(name=name):
            return _used(state) if name in _DEADLINES_AT_USED else ()
        case FaultCleared():  # whatever it was: a meter that failed may answer again, also where nothing is plugged
            return tuple(connector.connector_id for connector in state.connectors.real if connector.meter_failed)
        case FrameReceived(text=text):
            if "TriggerMessage" in text:
                return _all(state)
            in_flight = state.outbox.in_flight
            is_call = text.lstrip().startswith("[2") or text.lstrip().startswith("[ 2")
            asked = in_flight is not None and in_flight.action in _ANSWERS_AT_USED
            return _used(state) if is_call or asked else ()
        case _:
            return _used(state) if type(observation) in _AT_USED else ()


def _all(state: StationState) -> tuple[int, ...]:
    return tuple(connector.connector_id for connector in state.connectors.real)


def _used(state: StationState) -> tuple[int, ...]:
    """Connectors with a transaction, an authorization or a cable."""
    return tuple(
        connector.connector_id
        for connector in state.connectors.real
        if connector.transaction_number is not None
        or connector.grant is not None
        or state.connectors.occupied(connector)
    )
