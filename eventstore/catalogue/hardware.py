"""What the board reported: every edge and reading that anything was decided on."""

from typing import ClassVar

from eventstore.event import Observation


class BoardOpened(Observation, frozen=True, kw_only=True):
    """The board has reported every input once since the boot: what the copper looks like is known now."""

    NAME: ClassVar[str] = "BoardOpened"


class PilotStateObserved(Observation, frozen=True, kw_only=True):
    """The control pilot settled in a state of IEC 61851-1: "A" (no vehicle) to "F"."""

    NAME: ClassVar[str] = "PilotStateObserved"

    connector_id: int
    pilot_state: str


class ProximityObserved(Observation, frozen=True, kw_only=True):
    """A cable came into the socket (its rating in mA) or left it (None); a fixed cable reports its rating at boot."""

    NAME: ClassVar[str] = "ProximityObserved"

    connector_id: int
    cable_rating_ma: int | None


class ContactorObserved(Observation, frozen=True, kw_only=True):
    """The contactor's feedback; `fault` is "", "welded" (closed against command) or "stuck" (open against command).

    `inferred`: no contact says so; it follows from the pilot's state and the current.
    """

    NAME: ClassVar[str] = "ContactorObserved"
    VERSION: ClassVar[int] = 2

    connector_id: int
    closed: bool
    fault: str = ""
    inferred: bool = False


class LockObserved(Observation, frozen=True, kw_only=True):
    """The connector lock's feedback after a drive; `jammed` if it did not reach its end.

    `inferred`: nothing reads its position; it is taken to be where it was sent.
    """

    NAME: ClassVar[str] = "LockObserved"
    VERSION: ClassVar[int] = 2

    connector_id: int
    locked: bool
    jammed: bool
    inferred: bool = False


class MeterObserved(Observation, frozen=True, kw_only=True):
    """A reading of the connector's meter: the raw register, and what else the meter gives (per phase L1..L3)."""

    NAME: ClassVar[str] = "MeterObserved"

    connector_id: int
    energy_wh: int
    power_w: int | None = None
    current_ma: tuple[int, ...] = ()
    voltage_mv: tuple[int, ...] = ()
    frequency_mhz: int | None = None
    temperature_dc: int | None = None
    soc_percent: int | None = None


class MeterFailed(Observation, frozen=True, kw_only=True):
    """The meter cannot be read any more; the next MeterObserved ends that."""

    NAME: ClassVar[str] = "MeterFailed"

    connector_id: int
    reason: str


class IdTagPresented(Observation, frozen=True, kw_only=True):
    """An id tag was presented; `connector_id` if it is meant for one connector.

    `origin` says how: "reader", or "http" and "mqtt" for software beside the station.
    """

    NAME: ClassVar[str] = "IdTagPresented"
    VERSION: ClassVar[int] = 2

    id_tag: str
    connector_id: int | None
    origin: str = "reader"


class VehicleIdentified(Observation, frozen=True, kw_only=True):
    """The plugged vehicle gave its id (EVCCID, 12 or 16 hexadecimal digits). It proves nothing: any vehicle can give another's."""

    NAME: ClassVar[str] = "VehicleIdentified"

    connector_id: int
    evccid: str


class FaultObserved(Observation, frozen=True, kw_only=True):
    """A ChargePointErrorCode (7.6) holds on a connector; connector 0 is the whole station."""

    NAME: ClassVar[str] = "FaultObserved"

    connector_id: int
    error_code: str
    info: str = ""
    vendor_error_code: str = ""


class FaultCleared(Observation, frozen=True, kw_only=True):
    """The error code no longer holds; "" clears every fault that the board reported for the connector."""

    NAME: ClassVar[str] = "FaultCleared"

    connector_id: int
    error_code: str


class EmergencyStopObserved(Observation, frozen=True, kw_only=True):
    """The emergency stop was pressed or released."""

    NAME: ClassVar[str] = "EmergencyStopObserved"

    pressed: bool


class MainsObserved(Observation, frozen=True, kw_only=True):
    """Mains power went or came back; without it the station lives on its back-up power."""

    NAME: ClassVar[str] = "MainsObserved"

    present: bool


class ResidualMonitorObserved(Observation, frozen=True, kw_only=True):
    """A residual current monitor that can be tested is there (`outcome` ""), or was tried: "passed", or "failed" for what `detail` says."""

    NAME: ClassVar[str] = "ResidualMonitorObserved"

    connector_id: int
    outcome: str
    detail: str = ""


class LocalListStoreFailing(Observation, frozen=True, kw_only=True):
    """The next Local Authorization List that is sent cannot be stored, or (`failing` false) can be after all."""

    NAME: ClassVar[str] = "LocalListStoreFailing"

    failing: bool
