"""The copper world of the bench as values, and what hands can do to it.

Everything that lies outside the station's process is here: cables, vehicles, the position of the lock, planted faults, meter
registers, the emergency stop, mains, the network. Pure: a change gives a new value, or raises and changes nothing.
"""

import math
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from devices.bench.errors import InvalidControl, StillLocked
from devices.evccid import read_evccid

MICROWATT_SECONDS_PER_WH = 3_600_000_000
"""The register counts mA x mV x ms / 1000 = microwatt-seconds, so that integration is exact in integers."""
ID_TAG_LENGTH_MAX = 20
VEHICLE_CURRENT_MAX_MA = 80_000
REGISTER_MAX_WH = 10**11
CELSIUS_MIN, CELSIUS_MAX = -55, 125
CABLE_RATINGS_MA = (13_000, 20_000, 32_000, 63_000)

PLANTABLE_ERROR_CODES = (
    "ConnectorLockFailure",
    "EVCommunicationError",
    "GroundFailure",
    "HighTemperature",
    "InternalError",
    "OtherError",
    "OverCurrentFailure",
    "OverVoltage",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ReaderFailure",
    "ResetFailure",
    "UnderVoltage",
    "WeakSignal",
)
"""ChargePointErrorCode (7.6) without NoError and LocalListConflict, which no hardware reports."""

LETS_GO_MS = 50
LETS_GO_MAX_S = 10**9
CONTACTOR_DEFECTS = ("", "welded", "stuck")
MONITOR_DEFECTS = ("", "does not trip", "does not clear")


class PlantedFault(Struct, frozen=True, kw_only=True):
    """A fault or warning that the board reports until it is cleared."""

    error_code: str
    info: str
    vendor_error_code: str


class BenchSensor(Struct, frozen=True, kw_only=True):
    """A temperature sensor. None: it is silent."""

    temperature_dc: int | None


class Network(Struct, frozen=True, kw_only=True):
    """What a bench control did to the network: `silent` drops bytes both ways instead of refusing; `persist`: see `World`."""

    up: bool = True
    silent: bool = False
    persist: bool = False


class ConnectorWorld(Struct, frozen=True, kw_only=True):
    """The copper of one connector. `vehicle_*` describe the car that is plugged, or the next one; `vehicle_evccid` "": it tells none.

    `monitor` is the defect of a residual current monitor that can be tested, "" of a sound one; None: there is none.
    `vehicle_lets_go_ms` is how long it goes on drawing after the pilot went steady; None: for ever. One that `vehicle_sleeps` falls
    asleep when its offer ends: it stays in B however it is offered a current again, until the pilot is interrupted meanwhile.
    """

    connector_id: int
    ev_plugged: bool = False
    station_plugged: bool = False
    seated: bool = True
    cable_rating_ma: int = 32_000
    vehicle_ready: bool = True
    vehicle_max_current_ma: int = 16_000
    vehicle_phases: int = 3
    vehicle_lets_go_ms: int | None = LETS_GO_MS
    vehicle_soc_percent: int | None = None
    vehicle_evccid: str = ""
    vehicle_sleeps: bool = False
    vehicle_asleep: bool = False
    locked: bool = False
    lock_jammed: bool = False
    contactor_defect: str = ""
    meter_failed: bool = False
    register_uws: int = 0
    faults: tuple[PlantedFault, ...] = ()
    thermometer: BenchSensor | None = None
    monitor: str | None = None


class World(Struct, frozen=True, kw_only=True):
    """The copper of the whole station. `station_faults` are those of connector 0."""

    connectors: tuple[ConnectorWorld, ...]
    station_faults: tuple[PlantedFault, ...] = ()
    emergency_stop: bool = False
    mains: bool = True
    enclosure_open: bool = False
    limit_contact_closed: bool = False
    network: Network = Network()
    thermometer: BenchSensor | None = None

    def connector(self, connector_id: int) -> ConnectorWorld:
        """The connector `connector_id`, which must exist."""
        return self.connectors[connector_id - 1]

    def with_connector(self, changed: ConnectorWorld) -> "World":
        """This world with one connector exchanged."""
        connectors = tuple(changed if old.connector_id == changed.connector_id else old for old in self.connectors)
        return replace(self, connectors=connectors)


def energy_wh(connector: ConnectorWorld) -> int:
    """What the register shows: whole Wh, rounded down."""
    return connector.register_uws // MICROWATT_SECONDS_PER_WH


def new_connector(connector_id: int, *, fixed_cable: bool, max_current_ma: int) -> ConnectorWorld:
    """An untouched connector. The rating of its cable is the least of the standard's that carries the board's current."""
    rating_ma = next((rating for rating in CABLE_RATINGS_MA if rating >= max_current_ma), CABLE_RATINGS_MA[-1])
    return ConnectorWorld(
        connector_id=connector_id,
        station_plugged=fixed_cable,
        cable_rating_ma=max_current_ma if fixed_cable else rating_ma,
    )


def found_by_new_process(
    kept: World | None, connector_ids: tuple[int, ...], *, fixed_cable: bool, max_current_ma: int
) -> World:
    """The copper as a new process finds it: as it was left, on the connectors that the board has now.

    Mains is there, else there were no process; a network cut ended with the process that made it unless it persists.
    """
    fresh = tuple(new_connector(n, fixed_cable=fixed_cable, max_current_ma=max_current_ma) for n in connector_ids)
    if kept is None:
        return World(connectors=fresh)
    left: Mapping[int, ConnectorWorld] = {connector.connector_id: connector for connector in kept.connectors}
    connectors = tuple(left.get(new.connector_id, new) for new in fresh)
    if fixed_cable:
        connectors = tuple(
            replace(c, station_plugged=True, seated=True, locked=False, cable_rating_ma=max_current_ma)
            for c in connectors
        )
    network = kept.network if kept.network.persist else Network()
    return replace(kept, connectors=connectors, mains=True, network=network)


def plugged(connector: ConnectorWorld, *, ev: bool, station: bool, seated: bool) -> ConnectorWorld:
    """The cable pushed into the car and/or the socket. Pushing never pulls: what is in stays in, and seated if it was."""
    if station and not connector.station_plugged:
        connector = replace(connector, station_plugged=True, seated=seated)
    elif station and seated:
        connector = replace(connector, seated=True)
    return replace(connector, ev_plugged=connector.ev_plugged or ev)


def unplugged(connector: ConnectorWorld, *, ev: bool, station: bool, fixed_cable: bool) -> ConnectorWorld:
    """The reverse. A car that left is followed by one that is ready and tells no id. Raises `StillLocked`, then nothing has moved.

    With a fixed cable there is no socket end: `station` is ignored.
    """
    pulls_station = station and not fixed_cable and connector.station_plugged
    if pulls_station and connector.locked:
        raise StillLocked(connector.connector_id)
    if pulls_station:
        connector = replace(connector, station_plugged=False, seated=True)
    if ev and connector.ev_plugged:
        connector = replace(connector, ev_plugged=False, vehicle_ready=True, vehicle_evccid="", vehicle_asleep=False)
    return connector


def vehicle_changed(
    connector: ConnectorWorld,
    *,
    ready: bool | None,
    max_current_ma: int | None,
    phases: int | None,
    soc_percent: int | None,
    lets_go_s: float | None,
    sleeps: bool | None = None,
) -> ConnectorWorld:
    """What the car does now, or what the next one will; None leaves as it is, an infinite `lets_go_s` is never.

    Raises `InvalidControl`.
    """
    if max_current_ma is not None and not 0 <= max_current_ma <= VEHICLE_CURRENT_MAX_MA:
        raise InvalidControl(f"max_current_a is not between 0 and {VEHICLE_CURRENT_MAX_MA // 1000}")
    if phases is not None and phases not in (1, 2, 3):
        raise InvalidControl("phases is not 1, 2 or 3")
    if soc_percent is not None and not 0 <= soc_percent <= 100:
        raise InvalidControl("soc_percent is not between 0 and 100")
    lets_go_ms = connector.vehicle_lets_go_ms
    if lets_go_s is not None:
        if not (0 <= lets_go_s <= LETS_GO_MAX_S or lets_go_s == math.inf):
            raise InvalidControl(f"lets_go_s is neither between 0 and {LETS_GO_MAX_S} nor never")
        lets_go_ms = None if lets_go_s == math.inf else round(lets_go_s * 1000)
    return replace(
        connector,
        vehicle_ready=connector.vehicle_ready if ready is None else ready,
        vehicle_max_current_ma=connector.vehicle_max_current_ma if max_current_ma is None else max_current_ma,
        vehicle_phases=connector.vehicle_phases if phases is None else phases,
        vehicle_soc_percent=connector.vehicle_soc_percent if soc_percent is None else soc_percent,
        vehicle_lets_go_ms=lets_go_ms,
        vehicle_sleeps=connector.vehicle_sleeps if sleeps is None else sleeps,
        vehicle_asleep=connector.vehicle_asleep and sleeps is not False,
    )


def meter_changed(connector: ConnectorWorld, *, energy_wh: int | None, fail: bool | None) -> ConnectorWorld:
    """The register set (which also makes the meter readable unless `fail` says otherwise), or reading made to fail."""
    if energy_wh is None and fail is None:
        raise InvalidControl("neither energy_wh nor fail is given")
    if energy_wh is not None and not 0 <= energy_wh <= REGISTER_MAX_WH:
        raise InvalidControl(f"energy_wh is not between 0 and {REGISTER_MAX_WH}")
    if energy_wh is not None:
        connector = replace(connector, register_uws=energy_wh * MICROWATT_SECONDS_PER_WH)
    return replace(connector, meter_failed=bool(fail))


def check_tag(id_tag: str) -> None:
    """Raises `InvalidControl` unless it has 1 to 20 characters that are not all blanks."""
    if not 1 <= len(id_tag) <= ID_TAG_LENGTH_MAX:
        raise InvalidControl(f"id_tag has not 1 to {ID_TAG_LENGTH_MAX} characters")
    if not id_tag.strip():
        raise InvalidControl("id_tag is blank")


def with_evccid(connector: ConnectorWorld, evccid: str) -> ConnectorWorld:
    """The car that is plugged in tells this id. Raises `InvalidControl`."""
    try:
        told = read_evccid(evccid)
    except ValueError as error:
        raise InvalidControl(f"evccid {error}") from None
    if not connector.ev_plugged:
        raise InvalidControl("evccid belongs to a car, and none is plugged in")
    return replace(connector, vehicle_evccid=told)


def with_monitor(connector: ConnectorWorld, defect: str) -> ConnectorWorld:
    """There is a residual current monitor that can be tested. Raises `InvalidControl`."""
    if defect not in MONITOR_DEFECTS:
        raise InvalidControl(f"defect {defect!r} is not one of {MONITOR_DEFECTS}")
    return replace(connector, monitor=defect)


def thermometer(celsius: float | None, *, silent: bool) -> BenchSensor:
    """A sensor that says so, or that is silent. Raises `InvalidControl`."""
    if silent == (celsius is not None):
        raise InvalidControl("either celsius or silent is required")
    if celsius is not None and not CELSIUS_MIN <= celsius <= CELSIUS_MAX:
        raise InvalidControl(f"celsius is not between {CELSIUS_MIN} and {CELSIUS_MAX}")
    return BenchSensor(temperature_dc=None if celsius is None else round(celsius * 10))


def with_fault(faults: tuple[PlantedFault, ...], planted: PlantedFault) -> tuple[PlantedFault, ...]:
    """The faults with one more; one of the same code and vendor code is replaced. Raises `InvalidControl`."""
    if planted.error_code not in PLANTABLE_ERROR_CODES:
        raise InvalidControl(f"error_code {planted.error_code!r} is not one of {', '.join(PLANTABLE_ERROR_CODES)}")
    return (*(old for old in faults if fault_key(old) != fault_key(planted)), planted)


def fault_key(planted: PlantedFault) -> tuple[str, str]:
    """What distinguishes one fault of a connector from another."""
    return planted.error_code, planted.vendor_error_code
