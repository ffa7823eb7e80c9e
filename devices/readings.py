"""What device drivers report and what they are commanded: frozen values, integers with the unit last in the name.

A reading states the level of one input at the moment it is reported; a driver reports it at `open` and whenever it changes.
`MeterReading` is the exception: it is asked for, see `protocols.StationBoard.read_meter`.
"""

from msgspec import Struct

CONTACTOR_SOUND = ""
CONTACTOR_WELDED = "welded"
CONTACTOR_STUCK = "stuck"

DUTY_STEADY_PERMILLE = 1000
"""Steady +12 V: no current is offered (IEC 61851-1, states x1)."""
DUTY_FAULT_PERMILLE = 0
"""Steady -12 V: state F, the station is not available (IEC 61851-1)."""


class PilotReading(Struct, frozen=True, kw_only=True):
    """The control pilot state "A" to "F" of IEC 61851-1, debounced."""

    connector_id: int
    pilot_state: str


class ProximityReading(Struct, frozen=True, kw_only=True):
    """The current rating that the cable's proximity resistor states (IEC 61851-1, annex B).

    None: no cable in the socket. A connector with a fixed cable reports its rating once, at open.
    """

    connector_id: int
    cable_rating_ma: int | None


class ContactorReading(Struct, frozen=True, kw_only=True):
    """The contactor's feedback contact. `fault` is "" (it obeys), "welded" (does not open) or "stuck" (does not close).
    `inferred`: no contact says so, it follows from what else is known.

    A fault stays reported until the board knows that it is gone, whatever is commanded meanwhile.
    """

    connector_id: int
    closed: bool
    fault: str
    inferred: bool = False


class LockReading(Struct, frozen=True, kw_only=True):
    """Where the connector lock is. `jammed`: the last drive did not reach its end. Every drive is answered by one reading.
    `inferred`: nothing reads the position, the lock is taken to be where it was sent.
    """

    connector_id: int
    locked: bool
    jammed: bool
    inferred: bool = False


class TagReading(Struct, frozen=True, kw_only=True):
    """An id tag at a reader. `connector_id` None: the reader serves the whole station."""

    id_tag: str
    connector_id: int | None


class FaultReading(Struct, frozen=True, kw_only=True):
    """A fault or warning that begins (`active`) or ends. Connector 0 is the station.

    `error_code` is a name of ChargePointErrorCode (7.6). A meter that does not answer is PowerMeterFailure; jammed locks and
    contactors that do not obey travel in their own readings instead.
    """

    connector_id: int
    error_code: str
    info: str
    vendor_error_code: str
    active: bool


class EmergencyStopReading(Struct, frozen=True, kw_only=True):
    """The emergency stop of the station. A board without one never reports it."""

    pressed: bool


class MainsReading(Struct, frozen=True, kw_only=True):
    """Whether the station is supplied by mains. A board that cannot measure it never reports it."""

    present: bool


class TamperReading(Struct, frozen=True, kw_only=True):
    """Whether the enclosure is open. A board without a contact for it never reports it."""

    open: bool


class VehicleIdReading(Struct, frozen=True, kw_only=True):
    """The id that the plugged vehicle tells of itself (EVCCID of ISO 15118: its hardware address), as `evccid.read_evccid` gives it.

    Reported once the vehicle has said it; that it is gone again follows from the pilot. A board that cannot hear it never reports it.
    """

    connector_id: int
    evccid: str


class LimitContactReading(Struct, frozen=True, kw_only=True):
    """The contact by which the grid operator dims the station, debounced. A board without one never reports it.

    Whether closed or open means dimmed is the station's setting.
    """

    closed: bool


MONITOR_UNTRIED = ""
MONITOR_PASSED = "passed"
MONITOR_FAILED = "failed"


class ResidualMonitorReading(Struct, frozen=True, kw_only=True):
    """The residual current monitor of a connector: MONITOR_UNTRIED at open, then the outcome of each test. `detail` says why it failed.

    A board without a monitor that can be tested never reports it.
    """

    connector_id: int
    outcome: str
    detail: str = ""


class TemperatureReading(Struct, frozen=True, kw_only=True):
    """A temperature in the station, in tenths of a degree Celsius, as it is believed. None: the sensor is silent.

    `connector_id` is the connector that it concerns, 0 all of them; `sensor` distinguishes several. A board reports one when it is open
    and when it is another by a degree (`temperature.belief`); one without sensors never does.
    """

    connector_id: int
    sensor: str
    temperature_dc: int | None


Reading = (
    PilotReading
    | ProximityReading
    | ContactorReading
    | LockReading
    | TagReading
    | FaultReading
    | EmergencyStopReading
    | MainsReading
    | TamperReading
    | VehicleIdReading
    | LimitContactReading
    | TemperatureReading
    | ResidualMonitorReading
)


class MeterReading(Struct, frozen=True, kw_only=True):
    """The energy meter of a connector. `energy_wh` is the raw register; the tuples are per phase, L1 first.

    None: the meter, or the vehicle for `soc_percent`, does not report it. `temperature_dc` is in tenths of a degree Celsius.
    `age_ms` is how long before it was handed out the meter said so.
    """

    connector_id: int
    energy_wh: int
    power_w: int | None
    current_ma: tuple[int, ...]
    voltage_mv: tuple[int, ...]
    frequency_mhz: int | None
    temperature_dc: int | None
    soc_percent: int | None
    age_ms: int = 0


class MeterUnavailable(Exception):  # noqa: N818  # a state of the meter, expected and handled
    """The meter of a connector cannot be read now; `reason` says why in words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ConnectorOutputs(Struct, frozen=True, kw_only=True):
    """What one connector should be doing.

    `duty_permille`: 1000 is steady +12 V (no offer), 0 is state F (-12 V), 80 to 970 is a PWM that offers a current
    (`iec61851.ma_from_duty_permille`). `offer_ma` is that current before it was rounded to a duty, for boards whose pilot is not ours;
    None: as the duty says. `phases`: how many may be energized. `indicator`: the status that the lamp shows.
    """

    contactor_closed: bool
    duty_permille: int
    locked: bool
    phases: int
    indicator: str
    offer_ma: int | None = None
