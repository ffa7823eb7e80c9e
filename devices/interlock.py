"""The interlock: from readings alone, whether a contactor must be open. Pure.

It reads the levels that the board reported and nothing else: not what is authorized, not what is offered. Whoever closes a
contactor asks it first, and whoever gets a reading asks it again and opens at once where a reason has appeared (the reflex); both
only ever remove energy. It has no memory: when the reason is gone, the interlock allows closing.

Some reasons forbid the offer, too (`must_not_offer`): the pilot then goes steady with the contactor. What the vehicle says on
the pilot does not: one that waits in B may keep its offer, and it is the offer that it waits for.

An input that has not reported yet forbids closing, except those that a board may lack: mains, emergency stop, faults, and
the lock where the cable is fixed. Two faults are different if their (error code, vendor error code) differ, so that one of two
ending does not hide the other.
"""

from msgspec import Struct
from msgspec.structs import replace

from devices.readings import (
    CONTACTOR_SOUND,
    MONITOR_PASSED,
    ContactorReading,
    EmergencyStopReading,
    FaultReading,
    LimitContactReading,
    LockReading,
    MainsReading,
    PilotReading,
    ProximityReading,
    Reading,
    ResidualMonitorReading,
    TagReading,
    TamperReading,
    TemperatureReading,
    VehicleIdReading,
)

WARNINGS = (
    "NoError",
    "LocalListConflict",
    "EVCommunicationError",
    "ReaderFailure",
    "ResetFailure",
    "WeakSignal",
)
"""ChargePointErrorCode (7.6) that leaves the contactor alone; every other name, known or not, opens it."""

ENERGY_STATES = ("C", "D")

_OfConnector = PilotReading | ProximityReading | ContactorReading | LockReading | FaultReading | ResidualMonitorReading


class ConnectorInterlock(Struct, frozen=True, kw_only=True):
    """What the interlock knows of one connector. None: not reported yet, or no cable. `monitor` as of one that there need not be."""

    pilot_state: str | None = None
    cable_rating_ma: int | None = None
    locked: bool = False
    contactor_fault: str = CONTACTOR_SOUND
    faults: tuple[tuple[str, str], ...] = ()
    monitor: str = MONITOR_PASSED


class InterlockState(Struct, frozen=True, kw_only=True):
    """What the interlock knows of the station; `connectors` are 1..n in order."""

    has_lock: bool
    connectors: tuple[ConnectorInterlock, ...]
    faults: tuple[tuple[str, str], ...] = ()
    emergency_stop: bool = False
    mains: bool = True
    tops_dc: tuple[int | None, ...] = ()
    temperatures: tuple[TemperatureReading, ...] = ()


def initial_state(connectors: int, *, has_lock: bool, tops_dc: tuple[int | None, ...] = ()) -> InterlockState:
    """Nothing reported yet: every contactor must be open. `tops_dc` is above which temperature each one must be, if any."""
    return InterlockState(has_lock=has_lock, connectors=(ConnectorInterlock(),) * connectors, tops_dc=tops_dc)


def observe(state: InterlockState, reading: Reading) -> InterlockState:
    """The state after a reading. An id tag, a vehicle's id, an open enclosure and the contact for dimming change nothing."""
    match reading:
        case TagReading() | TamperReading() | VehicleIdReading() | LimitContactReading():
            return state
        case TemperatureReading():
            return replace(state, temperatures=_with_temperature(state.temperatures, reading))
        case EmergencyStopReading(pressed=pressed):
            return replace(state, emergency_stop=pressed)
        case MainsReading(present=present):
            return replace(state, mains=present)
        case FaultReading(connector_id=0):
            return replace(state, faults=_with_fault(state.faults, reading))
        case _:
            return _with_connector(state, reading)


def must_open(state: InterlockState, connector_id: int) -> str | None:
    """Why the contactor must be open, in words for people; None: the interlock has nothing against closing."""
    connector = state.connectors[connector_id - 1]
    if (reason := _fault(state, connector_id)) is not None:
        return reason
    if connector.pilot_state not in ENERGY_STATES:
        return f"pilot state {connector.pilot_state or 'unknown'}"
    return _loose(state, connector)


def must_not_offer(state: InterlockState, connector_id: int) -> str | None:
    """Why nothing may be offered, in words for people: each reason of `must_open` but what the vehicle says; None: none."""
    connector = state.connectors[connector_id - 1]
    return _fault(state, connector_id) or _loose(state, connector)


def _fault(state: InterlockState, connector_id: int) -> str | None:
    connector = state.connectors[connector_id - 1]
    if state.emergency_stop:
        return "emergency stop"
    if not state.mains:
        return "no mains"
    for error_code, _ in (*state.faults, *connector.faults):
        if error_code not in WARNINGS:
            return error_code
    if _is_too_hot(state, connector_id):
        return "too hot"
    return f"contactor {connector.contactor_fault}" if connector.contactor_fault else None


def _is_too_hot(state: InterlockState, connector_id: int) -> bool:
    top_dc = state.tops_dc[connector_id - 1] if connector_id <= len(state.tops_dc) else None
    said = (each.temperature_dc for each in state.temperatures if each.connector_id in (0, connector_id))
    return top_dc is not None and any(found is not None and found > top_dc for found in said)


def _with_temperature(
    known: tuple[TemperatureReading, ...], reading: TemperatureReading
) -> tuple[TemperatureReading, ...]:
    place = reading.connector_id, reading.sensor
    return (*(each for each in known if (each.connector_id, each.sensor) != place), reading)


def _loose(state: InterlockState, connector: ConnectorInterlock) -> str | None:
    if connector.cable_rating_ma is None:
        return "no cable"
    if state.has_lock and not connector.locked:
        return "not locked"
    if connector.monitor != MONITOR_PASSED:
        return f"residual current monitor {connector.monitor or 'not tried'}"
    return None


def _with_connector(state: InterlockState, reading: _OfConnector) -> InterlockState:
    position = reading.connector_id - 1
    assert 0 <= position < len(state.connectors), f"a reading of connector {reading.connector_id}, which does not exist"
    changed = _observed(state.connectors[position], reading)
    connectors = (*state.connectors[:position], changed, *state.connectors[position + 1 :])
    return replace(state, connectors=connectors)


def _observed(
    connector: ConnectorInterlock,
    reading: _OfConnector,
) -> ConnectorInterlock:
    match reading:
        case PilotReading(pilot_state=pilot_state):
            return replace(connector, pilot_state=pilot_state)
        case ProximityReading(cable_rating_ma=cable_rating_ma):
            return replace(connector, cable_rating_ma=cable_rating_ma)
        case ContactorReading(fault=fault):
            return replace(connector, contactor_fault=fault)
        case LockReading(locked=locked):
            return replace(connector, locked=locked)
        case ResidualMonitorReading(outcome=outcome):
            return replace(connector, monitor=outcome)
        case FaultReading():
            return replace(connector, faults=_with_fault(connector.faults, reading))


def _with_fault(faults: tuple[tuple[str, str], ...], reading: FaultReading) -> tuple[tuple[str, str], ...]:
    key = (reading.error_code, reading.vendor_error_code)
    others = tuple(fault for fault in faults if fault != key)
    return (*others, key) if reading.active else others
