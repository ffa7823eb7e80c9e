"""What stands against charging: ChargePointErrorCodes that make a connector Faulted, and those that only warn (7.6).

Which codes block, which also end the transaction. EVCommunicationError is used with Preparing,
SuspendedEV, SuspendedEVSE and Finishing only, as a warning (4.9).
"""

from projections.connector import MONITOR_FAILED, Connector, Fault
from projections.station import StationState

BLOCKING = frozenset(
    {
        "GroundFailure",
        "HighTemperature",
        "OverCurrentFailure",
        "OverVoltage",
        "UnderVoltage",
        "PowerMeterFailure",
        "PowerSwitchFailure",
        "ConnectorLockFailure",
        "InternalError",
        "OtherError",
    }
)
WARNINGS = frozenset({"EVCommunicationError", "ReaderFailure", "WeakSignal", "ResetFailure"})
# These end the transaction; under the others it goes on, and energy returns when the fault clears.
ENDING = frozenset({"GroundFailure", "OverCurrentFailure"})

METER_FAULT = Fault(error_code="PowerMeterFailure")
LOCK_FAULT = Fault(error_code="ConnectorLockFailure")
UNLOCK_FAULT = Fault(error_code="ConnectorLockFailure", info="Lock does not open")
HEAT_FAULT = Fault(error_code="HighTemperature", info="Too hot")
MONITOR_FAULT = Fault(error_code="GroundFailure", info="Residual current monitor failed its test")
EMERGENCY_FAULT = Fault(error_code="OtherError", info="Emergency stop")
WELDED_FAULT = Fault(error_code="PowerSwitchFailure", info="Contactor welded")
STUCK_FAULT = Fault(error_code="PowerSwitchFailure", info="Contactor does not close")


def own_fault(connector: Connector) -> Fault | None:
    """The blocking fault of one connector (or of the station, 0), the longest known first, or None."""
    for fault in connector.faults:
        if fault.error_code in BLOCKING:
            return fault
    if connector.emergency_stop:
        return EMERGENCY_FAULT
    if connector.contactor_fault:
        return WELDED_FAULT if connector.contactor_fault == "welded" else STUCK_FAULT
    if connector.derating.overheated:
        return HEAT_FAULT
    if connector.monitor.outcome == MONITOR_FAILED:
        return MONITOR_FAULT
    if connector.lock_failed:
        return LOCK_FAULT
    if connector.stuck_locked:
        return UNLOCK_FAULT
    return METER_FAULT if connector.meter_failed else None


def blocking_fault(state: StationState, connector: Connector) -> Fault | None:
    """What makes the connector Faulted: a fault of the whole station, or its own."""
    return own_fault(state.connectors[0]) or own_fault(connector)


def warning(connector: Connector) -> Fault | None:
    """A condition that is reported under the present status (4.9), or None."""
    return next((fault for fault in connector.faults if fault.error_code not in BLOCKING), None)
