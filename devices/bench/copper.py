"""The copper of the bench at work: outputs in, levels out, energy counted in between.

`Copper` holds the `World` that outlives the process and, for each connector, what ends with it. Everything that can change the
power is preceded by `settle`, so that the power has been constant since the last one and integration is exact however far time
jumps. It neither reports nor keeps anything: that is the board's.
"""

from msgspec import Struct
from msgspec.structs import replace

from devices.bench.errors import UnknownConnector
from devices.bench.vehicle import draw_ma, pilot_state
from devices.bench.world import BenchSensor, ConnectorWorld, PlantedFault, World, energy_wh, fault_key
from devices.iec61851 import ma_from_duty_permille
from devices.readings import (
    CONTACTOR_SOUND,
    CONTACTOR_STUCK,
    CONTACTOR_WELDED,
    DUTY_STEADY_PERMILLE,
    MONITOR_FAILED,
    MONITOR_PASSED,
    MONITOR_UNTRIED,
    ConnectorOutputs,
    ContactorReading,
    EmergencyStopReading,
    FaultReading,
    LimitContactReading,
    LockReading,
    MainsReading,
    MeterReading,
    PilotReading,
    ProximityReading,
    Reading,
    ResidualMonitorReading,
    TamperReading,
    TemperatureReading,
    VehicleIdReading,
)

FREQUENCY_MHZ = 50_000
VEHICLE_STATES = ("B", "C", "D")
METER_SILENT = PlantedFault(error_code="PowerMeterFailure", info="the meter does not answer", vendor_error_code="")


class _Live(Struct, kw_only=True):
    """What of one connector ends with the process.

    `asked_back_at_ms` is when the pilot went steady before a vehicle that could draw, which goes on as `asked_back_permille` let it;
    `let_go` holds once it has stopped, until the contactor is open or it is offered a current again. `stirred`: it was asleep when
    an offer ended, and wakes at the next.
    """

    outputs: ConnectorOutputs
    settled_at_ms: int = 0
    asked_back_at_ms: int | None = None
    asked_back_permille: int = DUTY_STEADY_PERMILLE
    let_go: bool = False
    stirred: bool = False
    contact_closed: bool = False
    contactor_fault: str = CONTACTOR_SOUND
    drive_failed: bool = False
    drive_unanswered: bool = False
    shown: tuple[Reading, ...] = ()


class Copper:
    """A station's copper with `phases` phases of `voltage_v`; found with contactors open and pilots steady."""

    def __init__(
        self,
        world: World,
        *,
        has_lock: bool,
        phases: int,
        voltage_v: int,
        max_current_ma: int,
        has_limit_contact: bool = False,
    ) -> None:
        self.world = world
        self._has_lock = has_lock
        self._phases = phases
        self._voltage_v = voltage_v
        self._max_current_ma = max_current_ma
        self._live = {connector.connector_id: _new_live(connector, phases) for connector in world.connectors}
        unsaid = () if has_limit_contact else (LimitContactReading(closed=False),)
        self._shown_station: tuple[Reading, ...] = (TamperReading(open=False), *unsaid)
        self._shown_faults: dict[int, tuple[PlantedFault, ...]] = {}

    def connector(self, connector_id: int) -> ConnectorWorld:
        """The connector's part of the world. Raises `UnknownConnector`."""
        if connector_id not in self._live:
            raise UnknownConnector(connector_id)
        return self.world.connector(connector_id)

    def outputs(self, connector_id: int) -> ConnectorOutputs:
        """What the connector is commanded to do. Raises `UnknownConnector`."""
        self.connector(connector_id)
        return self._live[connector_id].outputs

    def settle(self, connector_id: int, at_ms: int) -> ConnectorWorld:
        """Count the energy up to `at_ms`; an earlier time than the last counts nothing. Raises `UnknownConnector`."""
        due_ms = self.lets_go_at_ms(connector_id)
        if due_ms is not None and due_ms <= at_ms:
            self._count(connector_id, due_ms)
            live = self._live[connector_id]
            live.asked_back_at_ms, live.let_go = None, True
        return self._count(connector_id, at_ms)

    def lets_go_at_ms(self, connector_id: int) -> int | None:
        """When the vehicle stops drawing that was asked to; None: it was not asked, or never stops. Raises `UnknownConnector`."""
        lets_go_ms = self.connector(connector_id).vehicle_lets_go_ms
        asked_at_ms = self._live[connector_id].asked_back_at_ms
        return None if asked_at_ms is None or lets_go_ms is None else asked_at_ms + lets_go_ms

    def _count(self, connector_id: int, at_ms: int) -> ConnectorWorld:
        connector = self.connector(connector_id)
        live = self._live[connector_id]
        elapsed_ms = at_ms - live.settled_at_ms
        if elapsed_ms <= 0:
            return connector
        live.settled_at_ms = at_ms
        power_mw = sum(self._draw_ma(connector_id)) * self._voltage_v
        if power_mw:
            connector = replace(connector, register_uws=connector.register_uws + power_mw * elapsed_ms)
            self.world = self.world.with_connector(connector)
        return connector

    def meter_reading(self, connector_id: int) -> MeterReading:
        """What the meter shows, as settled last."""
        connector = self.connector(connector_id)
        current_ma = self._draw_ma(connector_id)
        mains = self.world.mains
        return MeterReading(
            connector_id=connector_id,
            energy_wh=energy_wh(connector),
            power_w=sum(current_ma) * self._voltage_v // 1000,
            current_ma=current_ma,
            voltage_mv=(self._voltage_v * 1000 if mains else 0,) * self._phases,
            frequency_mhz=FREQUENCY_MHZ if mains else None,
            temperature_dc=None,
            soc_percent=connector.vehicle_soc_percent if connector.ev_plugged else None,
        )

    def residual_test(self, connector_id: int) -> tuple[Reading, ...]:
        """What a test of the residual current monitor comes to; nothing without one. Raises `UnknownConnector`."""
        defect = self.connector(connector_id).monitor
        if defect is None:
            return ()
        outcome, detail = (MONITOR_FAILED, f"it {defect}") if defect else (MONITOR_PASSED, "")
        return (ResidualMonitorReading(connector_id=connector_id, outcome=outcome, detail=detail),)

    def put_out(self, connector_id: int, outputs: ConnectorOutputs) -> None:
        """Set the outputs; the lock moves if another position is wanted than before and than it has."""
        live = self._live[connector_id]
        wants_drive = (
            outputs.locked != live.outputs.locked and outputs.locked != self.world.connector(connector_id).locked
        )
        before_permille = live.outputs.duty_permille
        live.outputs = outputs
        self.switch(connector_id)
        self._tell_vehicle(connector_id, before_permille)
        if wants_drive and self._has_lock:
            self.drive(connector_id, outputs.locked)

    def switch(self, connector_id: int) -> None:
        """The contactor follows its command unless a planted defect shows, which it then does until it is repaired."""
        live = self._live[connector_id]
        defect = self.world.connector(connector_id).contactor_defect
        closed = live.outputs.contactor_closed
        if closed and not live.contact_closed and defect == CONTACTOR_STUCK:
            live.contactor_fault = CONTACTOR_STUCK
        elif not closed and live.contact_closed and defect == CONTACTOR_WELDED:
            live.contactor_fault = CONTACTOR_WELDED
        else:
            live.contact_closed = closed
        if not live.contact_closed:
            if live.let_go or live.asked_back_at_ms is not None:
                self._fall_asleep(connector_id)
            live.asked_back_at_ms, live.let_go = None, False

    def _fall_asleep(self, connector_id: int) -> None:
        connector = self.world.connector(connector_id)
        if connector.vehicle_sleeps and not connector.vehicle_asleep:
            self.world = self.world.with_connector(replace(connector, vehicle_asleep=True))

    def _tell_vehicle(self, connector_id: int, before_permille: int) -> None:
        """What a vehicle makes of the pilot: it is offered a current (again), or asked to stop drawing; an interruption wakes it."""
        live, connector = self._live[connector_id], self.world.connector(connector_id)
        is_offered, was_offered = map(ma_from_duty_permille, (live.outputs.duty_permille, before_permille))
        if is_offered and live.stirred:
            self.world = self.world.with_connector(replace(connector, vehicle_asleep=False))
            live.stirred = False
        elif was_offered and not is_offered and not live.contact_closed:
            live.stirred = connector.vehicle_asleep
            self._fall_asleep(connector_id)
        if is_offered:
            live.asked_back_at_ms, live.let_go = None, False
        elif live.contact_closed and ma_from_duty_permille(before_permille):
            live.asked_back_at_ms, live.asked_back_permille = live.settled_at_ms, before_permille

    def repair_contactor(self, connector_id: int) -> None:
        """A fault that has shown is forgotten and the contactor follows its command anew."""
        self._live[connector_id].contactor_fault = CONTACTOR_SOUND
        self.switch(connector_id)

    def drive(self, connector_id: int, locked: bool) -> None:
        """One drive of the lock. It reaches its end if it is there already, or if neither jam nor half a plug is in the way."""
        live = self._live[connector_id]
        live.outputs = replace(live.outputs, locked=locked)
        connector = self.world.connector(connector_id)
        blocked = connector.lock_jammed or (locked and not connector.seated)
        live.drive_failed = connector.locked != locked and blocked
        live.drive_unanswered = True
        if not live.drive_failed:
            self.world = self.world.with_connector(replace(connector, locked=locked))

    def free_lock(self, connector_id: int) -> None:
        """What was in the way of the lock is gone, unless it is the jam itself."""
        if not self.world.connector(connector_id).lock_jammed:
            self._live[connector_id].drive_failed = False

    def retry_lock(self, connector_id: int) -> None:
        """Drive the lock to where it is wanted if it is not there."""
        wanted = self._live[connector_id].outputs.locked
        if self._has_lock and wanted != self.world.connector(connector_id).locked:
            self.drive(connector_id, wanted)

    def readings_due(self) -> tuple[Reading, ...]:
        """Every level that differs from what this returned last, and the answers of lock drives."""
        station: tuple[Reading, ...] = (
            MainsReading(present=self.world.mains),
            EmergencyStopReading(pressed=self.world.emergency_stop),
            TamperReading(open=self.world.enclosure_open),
            LimitContactReading(closed=self.world.limit_contact_closed),
            *_temperature(0, self.world.thermometer),
        )
        readings = [level for level in station if level not in self._shown_station]
        self._shown_station = station
        readings += self._fault_edges(0, self.world.station_faults)
        for connector in self.world.connectors:
            live = self._live[connector.connector_id]
            levels = self._levels(connector, live)
            answers = LockReading if live.drive_unanswered else ()
            readings += [level for level in levels if level not in live.shown or isinstance(level, answers)]
            live.shown, live.drive_unanswered = levels, False
            silent = (METER_SILENT,) if connector.meter_failed else ()
            readings += self._fault_edges(connector.connector_id, connector.faults + silent)
        return tuple(readings)

    def _draw_ma(self, connector_id: int) -> tuple[int, ...]:
        live = self._live[connector_id]
        outputs = live.outputs
        if live.asked_back_at_ms is not None:
            outputs = replace(outputs, duty_permille=live.asked_back_permille)
        return draw_ma(
            self.world.connector(connector_id),
            outputs,
            energized=live.contact_closed and self.world.mains and not live.let_go,
            board_phases=self._phases,
            board_max_current_ma=self._max_current_ma,
        )

    def _levels(self, connector: ConnectorWorld, live: _Live) -> tuple[Reading, ...]:
        n = connector.connector_id
        rating_ma = connector.cable_rating_ma if connector.station_plugged else None
        vehicle = replace(connector, vehicle_ready=connector.vehicle_ready and not live.let_go)
        lock = LockReading(connector_id=n, locked=connector.locked, jammed=live.drive_failed)
        pilot = PilotReading(connector_id=n, pilot_state=pilot_state(vehicle, live.outputs.duty_permille))
        told = VehicleIdReading(connector_id=n, evccid=connector.vehicle_evccid)
        tells = connector.vehicle_evccid != "" and pilot.pilot_state in VEHICLE_STATES
        return (
            ProximityReading(connector_id=n, cable_rating_ma=rating_ma),
            *((lock,) if self._has_lock else ()),
            ContactorReading(connector_id=n, closed=live.contact_closed, fault=live.contactor_fault),
            pilot,
            *((told,) if tells else ()),
            *_temperature(n, connector.thermometer),
            *(() if connector.monitor is None else (ResidualMonitorReading(connector_id=n, outcome=MONITOR_UNTRIED),)),
        )

    def _fault_edges(self, connector_id: int, active: tuple[PlantedFault, ...]) -> list[Reading]:
        shown = self._shown_faults.get(connector_id, ())
        self._shown_faults[connector_id] = active
        kept = {fault_key(fault) for fault in active}
        gone = [fault for fault in shown if fault_key(fault) not in kept]
        new = [fault for fault in active if fault not in shown]
        return [
            *(_fault_reading(connector_id, fault, active=False) for fault in gone),
            *(_fault_reading(connector_id, fault, active=True) for fault in new),
        ]


def _new_live(connector: ConnectorWorld, phases: int) -> _Live:
    outputs = ConnectorOutputs(
        contactor_closed=False,
        duty_permille=DUTY_STEADY_PERMILLE,
        locked=connector.locked,
        phases=phases,
        indicator="",
    )
    return _Live(outputs=outputs)


def _temperature(connector_id: int, found: BenchSensor | None) -> tuple[Reading, ...]:
    if found is None:
        return ()
    return (TemperatureReading(connector_id=connector_id, sensor="bench", temperature_dc=found.temperature_dc),)


def _fault_reading(connector_id: int, fault: PlantedFault, *, active: bool) -> FaultReading:
    return FaultReading(
        connector_id=connector_id,
        error_code=fault.error_code,
        info=fault.info,
        vendor_error_code=fault.vendor_error_code,
        active=active,
    )
