"""What led to something, as the reason for it."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.hardware import (
    BoardOpened,
    EmergencyStopObserved,
    FaultObserved,
    IdTagPresented,
    LockObserved,
    MeterObserved,
    PilotStateObserved,
    ProximityObserved,
    ResidualMonitorObserved,
    VehicleIdentified,
)
from eventstore.catalogue.lifecycle import DeadlineReached, StationStopping
from eventstore.catalogue.link import FrameReceived
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.temperatures import TemperatureObserved
from eventstore.event import Event
from projections.outside_limits import OUTSIDE_LIMIT_DUE
from station.telling.wording import words
from station.wire.frames import CallFrame, FrameError, parse

TELL_WHY = frozenset(
    {
        "TransactionEnding",
        "TransactionStopped",
        "TransactionStarted",
        "AuthorizationEnded",
        "EnergyOfferEnded",
        "TransactionInvalidated",
        "UnlockRequested",
        "ConfigurationChanged",
        "AvailabilityChanged",
        "ReservationEnded",
        "ResetAccepted",
        "LockFailureFound",
        "LimitChanged",
    }
)
"""Events whose cause is worth showing."""

_PILOT = {
    "A": "the plug was pulled at the vehicle",
    "C": "the vehicle asked for energy",
    "D": "the vehicle asked for energy",
}
_BECAUSE: Mapping[type[Event], Callable[[Any], str]] = {
    PilotStateObserved: lambda cause: _PILOT.get(cause.pilot_state, f"the pilot went to {cause.pilot_state}"),
    ProximityObserved: lambda cause: (
        "the cable was taken out" if cause.cable_rating_ma is None else "a cable was put in"
    ),
    IdTagPresented: lambda cause: f"tag {cause.id_tag} was presented",
    ResidualMonitorObserved: lambda cause: f"the residual current monitor {cause.outcome or 'was read'}",
    VehicleIdentified: lambda cause: "the vehicle gave its id",
    TemperatureObserved: lambda cause: (
        f"a temperature sensor {'is silent' if cause.temperature_dc is None else 'says so'}"
    ),
    FaultObserved: lambda cause: f"of the fault {cause.error_code}",
    EmergencyStopObserved: lambda cause: "the emergency stop was pressed",
    LockObserved: lambda cause: (
        "the lock did not move" if cause.jammed else "the lock had closed" if cause.locked else "the lock had opened"
    ),
    StationStopping: lambda cause: f"the station was asked to end ({cause.why})",
    BoardOpened: lambda cause: "the station found it interrupted when it started again",
    DeadlineReached: lambda cause: f"the time for {cause.name.replace('_', ' ')} had come",
    FrameReceived: lambda cause: _because_of_frame(cause.text),
}


def because(cause: Event) -> str:
    """What an observation was, as the reason for something else; "" if that would say nothing."""
    known = _BECAUSE.get(type(cause))
    return "" if known is None else known(cause)


def reason(event: Event, cause: Event) -> str:
    """ "because the CSMS asked for it (Reset)", where the event's own words do not say so; "" if there is nothing to say."""
    if isinstance(event, LimitChanged) and isinstance(cause, DeadlineReached | MeterObserved):
        if isinstance(cause, DeadlineReached) and cause.name == OUTSIDE_LIMIT_DUE:
            return ""  # who fell silent is said with the limit
        return "as planned"  # by a schedule, or when others have let go of their share; the meter is only read first
    why = because(cause) if event.NAME in TELL_WHY else ""
    return f"because {why}" if why and f"because {why}" not in words(event) else ""


def _because_of_frame(text: str) -> str:
    try:
        frame = parse(text)
    except FrameError:
        return "of an unreadable frame"
    return f"the CSMS asked for it ({frame.action})" if isinstance(frame, CallFrame) else "of the CSMS's answer"
