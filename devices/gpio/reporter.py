"""From what drivers say to what is reported: each level once, in order, whoever calls whom."""

from collections.abc import Callable

from devices.in_order import InOrder
from devices.readings import (
    EmergencyStopReading,
    FaultReading,
    LimitContactReading,
    LockReading,
    MainsReading,
    Reading,
    ResidualMonitorReading,
    TagReading,
    TamperReading,
    TemperatureReading,
    VehicleIdReading,
)

INFO_LENGTH_MAX = 50  # info of StatusNotification: CiString50

_ANSWERS = TagReading | LockReading | VehicleIdReading | ResidualMonitorReading
"""What is reported though it says what was reported last."""


class Reporter:
    """Reports a reading unless it is what was reported last of its kind; tags, locks, the ids of vehicles and tests always."""

    def __init__(self, report: Callable[[Reading], None]) -> None:
        self._out = InOrder(report)
        self._shown: dict[tuple[object, ...], Reading] = {}

    def emit(self, reading: Reading) -> None:
        """Report it. What `report` causes in turn is reported after what is already waiting."""
        key = _key(reading)
        if self._shown.get(key) == reading and not isinstance(reading, _ANSWERS):
            return
        self._shown[key] = reading
        self._out.emit((reading,))

    def emit_fault(
        self, connector_id: int, error_code: str, vendor_error_code: str, info: str, *, active: bool
    ) -> None:
        """Report that a fault began or ended; the end of one that never began is not reported."""
        key = (FaultReading, connector_id, error_code, vendor_error_code)
        shown = self._shown.get(key)
        if shown is None and not active:
            return
        if isinstance(shown, FaultReading):
            info = shown.info
        self.emit(
            FaultReading(
                connector_id=connector_id,
                error_code=error_code,
                info=info[:INFO_LENGTH_MAX],
                vendor_error_code=vendor_error_code,
                active=active,
            )
        )
        if active:
            return
        del self._shown[key]
        # A log that knows faults by their code alone takes this for the end of all of them.
        self._out.emit(tuple(reading for other, reading in self._shown.items() if other[:3] == key[:3]))

    def close(self) -> None:
        """Report nothing more."""
        self._out.close()


def _key(reading: Reading) -> tuple[object, ...]:
    match reading:
        case FaultReading():
            return (FaultReading, reading.connector_id, reading.error_code, reading.vendor_error_code)
        case MainsReading() | EmergencyStopReading() | TamperReading() | LimitContactReading():
            return (type(reading),)
        case TemperatureReading():
            return (TemperatureReading, reading.connector_id, reading.sensor)
        case _:
            return (type(reading), reading.connector_id)
