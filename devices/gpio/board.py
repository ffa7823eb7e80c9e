"""A `StationBoard` of real pins: drivers by a wiring, what they report as readings, and the reflex.

Theory of operation. `open` makes the drivers with outputs safe, reports every input, and starts what polls. From then on everything
happens on the event loop: edges and measurements come over the one bridge, deadlines from the timers. A level is reported when it
differs from the one last reported; readings are in order even if `report` calls the board again. An output that the hardware
refuses is reported as a fault, never raised: what counts is that the contactor's fault opens it by other means.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from devices.bridge import Bridge
from devices.gpio.assembly import ConnectorDrivers, Drivers, assemble
from devices.gpio.factory import make_global, named_factory
from devices.gpio.meter_s0 import MEASURED
from devices.gpio.ntc_sensor import NAME as NTC
from devices.gpio.rack import Job, LoopTimers, Poller, Rack, ThreadPoller, Timers, pause
from devices.gpio.reporter import Reporter
from devices.gpio.sections import UNKNOWN_ROTATION, FaultSection
from devices.gpio.station_contacts import hear_station
from devices.gpio.watchdog import Feeding, new_watchdogs
from devices.gpio.wiring import Wiring
from devices.modbus.meter import ModbusMeter, measured_by
from devices.modbus.register_map import load_map
from devices.protocols import BoardUnavailable
from devices.readers.device_reader import DeviceReader
from devices.readings import (
    DUTY_STEADY_PERMILLE,
    MONITOR_UNTRIED,
    ConnectorOutputs,
    ContactorReading,
    LockReading,
    MeterReading,
    PilotReading,
    ProximityReading,
    Reading,
    ResidualMonitorReading,
    TagReading,
    TemperatureReading,
)

logger = logging.getLogger(__name__)

NewPoller = Callable[[str, asyncio.AbstractEventLoop, Callable[[Job], None]], Poller]


class BoardFacts(Protocol):
    """What `[board]` says of the copper."""

    @property
    def fixed_cable(self) -> bool: ...
    @property
    def phases(self) -> int: ...
    @property
    def voltage_v(self) -> int: ...
    @property
    def max_current_a(self) -> int: ...


def _thread_poller(name: str, loop: asyncio.AbstractEventLoop, hand_over: Callable[[Job], None]) -> Poller:
    return ThreadPoller(f"adc {name}", loop.time, hand_over)


class GpioBoard:
    """The board of a `wiring`. `pin_factory` None: the one that gpiozero has already, else the one that the wiring names.

    `station_time` gives the station time in ms. `timers` and `new_poller` stand in for the event loop's own and for threads,
    `pwm_root` for the kernel's PWM.
    """

    def __init__(
        self,
        wiring: Wiring,
        pin_factory: Any = None,
        *,
        station_time: Callable[[], int],
        loop: asyncio.AbstractEventLoop | None = None,
        timers: Timers | None = None,
        new_poller: NewPoller = _thread_poller,
        pwm_root: Path | None = None,
    ) -> None:
        self.connector_ids = tuple(range(1, len(wiring.connectors) + 1))
        self.has_lock = not wiring.fixed_cable
        self._wiring = wiring
        self._factory = pin_factory
        self._station_time = station_time
        self._loop = loop
        self._timers = timers
        self._new_poller = new_poller
        self._pwm_root = pwm_root
        self._stack = ExitStack()
        self._rack: Rack | None = None
        self._drivers: Drivers | None = None
        self._wanted_locked: dict[int, bool] = {}
        self._reporter: Reporter | None = None

    # The station's side

    def open(self, report: Callable[[Reading], None]) -> None:
        """See `StationBoard.open`. Raises `BoardUnavailable`; what was taken until then is released."""
        assert self._reporter is None, "the board is open already"
        self._reporter = Reporter(report)
        try:
            self._make()
            self._begin()
        except Exception as error:
            self.close()
            if isinstance(error, BoardUnavailable):
                raise
            raise BoardUnavailable(str(error) or repr(error)) from error

    def apply(self, connector_id: int, outputs: ConnectorOutputs) -> None:
        """See `StationBoard.apply`. What opens comes first, what closes last. A closed board stays safe."""
        drivers = self._of(connector_id)
        if self._rack is None:
            return
        if not outputs.contactor_closed:
            self._switch(connector_id, closed=False, phases=outputs.phases)
        if drivers.pilot.duty_permille != outputs.duty_permille:
            self._offer(connector_id, outputs.duty_permille)
        lock = drivers.lock
        if lock is not None:
            wanted_before = self._wanted_locked[connector_id]
            self._wanted_locked[connector_id] = outputs.locked
            if outputs.locked not in {wanted_before, lock.heading}:
                self._try(connector_id, "ConnectorLockFailure", lambda: lock.drive(outputs.locked))
        if outputs.contactor_closed:
            self._switch(connector_id, closed=True, phases=outputs.phases)
        if drivers.indicator is not None:
            drivers.indicator.show(outputs.indicator)

    def drive_lock(self, connector_id: int, locked: bool) -> None:
        """See `StationBoard.drive_lock`. Without a lock the answer is that nothing is locked."""
        lock = self._of(connector_id).lock
        if self._rack is None:
            return
        if lock is None:
            self._emit(LockReading(connector_id=connector_id, locked=False, jammed=False))
            return
        self._wanted_locked[connector_id] = locked
        self._try(connector_id, "ConnectorLockFailure", lambda: lock.drive(locked))

    def test_residual(self, connector_id: int) -> None:
        """See `ResidualTesting.test_residual`."""
        monitor = self._of(connector_id).monitor
        if self._rack is not None and monitor is not None:
            monitor.test()

    def open_contactor(self, connector_id: int) -> None:
        """See `StationBoard.open_contactor`. An unknown connector has no contactor to open."""
        if self._rack is None or self._drivers is None or connector_id not in self._drivers.connectors:
            return
        self._switch(connector_id, closed=False, phases=0)

    def withdraw_offer(self, connector_id: int) -> None:
        """See `StationBoard.withdraw_offer`. An unknown connector has no pilot."""
        if self._rack is None or self._drivers is None or connector_id not in self._drivers.connectors:
            return
        self._offer(connector_id, DUTY_STEADY_PERMILLE)

    def read_meter(self, connector_id: int, at_ms: int) -> MeterReading:
        """See `StationBoard.read_meter`."""
        return self._of(connector_id).meter.read(at_ms)

    def close(self) -> None:
        """See `StationBoard.close`. What still releases a device file is awaited by `wait_closed`."""
        if self._rack is None:
            self._reporter = None
            return
        for connector_id in self.connector_ids:
            self.open_contactor(connector_id)
            self.withdraw_offer(connector_id)
        if self._reporter is not None:
            self._reporter.close()
            self._reporter = None
        self._rack.bridge.close()
        rack, self._rack = self._rack, None
        for poller in rack.pollers.values():
            poller.close()
        try:
            self._stack.close()
        except Exception as error:  # noqa: BLE001  # everything was closed that can be; the outputs were made safe before
            logger.error("closing the board: %r", error)

    async def wait_closed(self) -> None:
        """Return when buses and readers have released their devices."""
        if self._drivers is None:
            return
        for bus in self._drivers.buses:
            await bus.wait_closed()
        for _, reader in self._drivers.readers:
            if isinstance(reader, DeviceReader):
                await reader.wait_closed()

    def measured(self) -> frozenset[str]:
        """See `Equipped.measured`."""
        meters = (connector.meter for connector in self._wiring.connectors)
        is_warm = any(connector.temperature is not None for connector in self._wiring.connectors)
        return frozenset({"temperature_dc"} if is_warm else ()).union(
            *(
                MEASURED if meter.kind == "s0" else measured_by(load_map(meter.map), self._wiring.phases)
                for meter in meters
            )
        )

    def phase_rotations(self) -> Mapping[int, str]:
        """See `Equipped.phase_rotations`."""
        rotations = enumerate((connector.phase_rotation for connector in self._wiring.connectors), start=1)
        return {number: rotation for number, rotation in rotations if rotation != UNKNOWN_ROTATION}

    def refused_reads(self) -> tuple[int, ...]:
        """See `ReaderCounts.refused_reads`."""
        return () if self._drivers is None else tuple(reader.refused for _, reader in self._drivers.readers)

    # Beyond the protocol

    @property
    def dropped(self) -> int:
        """How many edges and measurements were never delivered because the event loop was too slow."""
        return 0 if self._rack is None else self._rack.bridge.dropped

    def duty_permille(self, connector_id: int) -> int:
        """The duty that the pilot really has; what is offered follows from it."""
        return self._of(connector_id).pilot.duty_permille

    def measurands(self, connector_id: int, at_ms: int) -> Mapping[str, int]:
        """Everything that a Modbus meter gives, by the names of its register map; nothing from other meters."""
        meter = self._of(connector_id).meter
        return meter.measurands(at_ms) if isinstance(meter, ModbusMeter) else {}

    def set_light(self, intensity_percent: int, blink_repeat: int) -> None:
        """LightIntensity (9.1.11) and BlinkRepeat (9.1.1) for all lamps."""
        for drivers in self._all():
            if drivers.indicator is not None:
                drivers.indicator.set_light(intensity_percent, blink_repeat)

    def answer_tag(self, connector_id: int | None, accepted: bool) -> None:
        """Let the lamp of the connector, or all lamps, blink in answer to a tag."""
        for number, drivers in enumerate(self._all(), start=1):
            if drivers.indicator is not None and connector_id in {None, number}:
                drivers.indicator.answer(accepted)

    # Opening

    def _make(self) -> None:
        loop = self._loop or asyncio.get_running_loop()
        factory = named_factory(self._wiring.pins) if self._factory is None else self._factory
        make_global(factory)
        bridge: Bridge[Job] = Bridge(loop, lambda job: job())
        timers = self._timers or LoopTimers(loop, self._station_time)
        rack = Rack(
            factory=factory,
            timers=timers,
            bridge=bridge,
            reread_ms=self._wiring.section.reread_ms,
            new_poller=lambda name: self._new_poller(name, loop, bridge.put),
        )
        self._rack = rack
        self._drivers = assemble(rack, self._wiring, self._stack, partial(pause, timers), self._pwm_root)

    def _begin(self) -> None:
        assert self._rack is not None, "made before"
        assert self._drivers is not None, "made before"
        drivers = self._drivers
        for connector_id, connector in drivers.connectors.items():
            if connector.lock is not None:
                self._wanted_locked[connector_id] = connector.lock.locked
        hear_station(drivers, self._emit)
        for section, contact in drivers.faults:
            contact.on_level(partial(self._tripped, section))
        for connector_id in self.connector_ids:
            self._begin_connector(connector_id)
        for number, (served, reader) in enumerate(drivers.readers, start=1):
            if isinstance(reader, DeviceReader):
                reader.on_failure(partial(self._failed, served or 0, "ReaderFailure", f"reader {number}"))
            reader.on_tag(partial(self._read_tag, served))
        for poller in self._rack.pollers.values():
            poller.start()
        for bus in drivers.buses:
            bus.start()
        if self._wiring.section.watchdog is not None:
            watchdog = self._wiring.section.watchdog
            feeding = Feeding(self._rack, new_watchdogs(self._rack, watchdog), watchdog.period_ms)
            self._stack.callback(feeding.close)

    def _begin_connector(self, connector_id: int) -> None:
        drivers = self._of(connector_id)
        if drivers.proximity is None:
            rating_ma = self._wiring.max_current_a * 1_000
            self._emit(ProximityReading(connector_id=connector_id, cable_rating_ma=rating_ma))
        else:
            drivers.proximity.on_rating(partial(self._rated, connector_id))
        if drivers.lock is not None:
            drivers.lock.on_position(partial(self._locked, connector_id))
        drivers.contactor.on_feedback(partial(self._switched, connector_id))
        drivers.pilot.on_failure(partial(self._failed, connector_id, "InternalError", "pilot"))
        drivers.pilot.on_state(lambda state: self._emit(PilotReading(connector_id=connector_id, pilot_state=state)))
        drivers.meter.on_failure(partial(self._failed, connector_id, "PowerMeterFailure", ""))
        if drivers.monitor is not None:
            self._emit(ResidualMonitorReading(connector_id=connector_id, outcome=MONITOR_UNTRIED))
            drivers.monitor.on_change(partial(self._leaked, connector_id), partial(self._tested, connector_id))
        if drivers.temperature is not None:
            drivers.temperature.on_temperature(partial(self._warmed, connector_id))

    def _of(self, connector_id: int) -> ConnectorDrivers:
        assert self._drivers is not None, "the board is not open"
        assert connector_id in self._drivers.connectors, f"connector {connector_id} does not exist"
        return self._drivers.connectors[connector_id]

    def _all(self) -> tuple[ConnectorDrivers, ...]:
        return () if self._rack is None or self._drivers is None else tuple(self._drivers.connectors.values())

    # What drivers report

    def _emit(self, reading: Reading) -> None:
        if self._reporter is not None:
            self._reporter.emit(reading)

    def _emit_fault(
        self, connector_id: int, error_code: str, vendor_error_code: str, info: str, *, active: bool
    ) -> None:
        if self._reporter is not None:
            self._reporter.emit_fault(connector_id, error_code, vendor_error_code, info, active=active)

    def _leaked(self, connector_id: int, tripped: bool) -> None:
        self._emit_fault(connector_id, "GroundFailure", "monitor", "residual current", active=tripped)

    def _tested(self, connector_id: int, outcome: str, detail: str) -> None:
        self._emit(ResidualMonitorReading(connector_id=connector_id, outcome=outcome, detail=detail))

    def _warmed(self, connector_id: int, temperature_dc: int | None) -> None:
        self._emit(TemperatureReading(connector_id=connector_id, sensor=NTC, temperature_dc=temperature_dc))

    def _rated(self, connector_id: int, rating_ma: int | None) -> None:
        self._emit(ProximityReading(connector_id=connector_id, cable_rating_ma=rating_ma))
        lock = self._of(connector_id).lock
        if lock is None:
            return
        # A plug that moved may have freed the bolt: what could not be done before is done now.
        wanted = self._wanted_locked[connector_id]
        if lock.locked != wanted and (rating_ma is not None or not wanted):
            self._try(connector_id, "ConnectorLockFailure", lambda: lock.drive(wanted))
        elif lock.jammed:
            lock.forgive()

    def _locked(self, connector_id: int, locked: bool, jammed: bool) -> None:
        self._emit(LockReading(connector_id=connector_id, locked=locked, jammed=jammed))

    def _switched(self, connector_id: int, closed: bool, fault: str) -> None:
        self._emit(ContactorReading(connector_id=connector_id, closed=closed, fault=fault))

    def _read_tag(self, connector_id: int | None, uid: str) -> None:
        self._emit(TagReading(id_tag=uid, connector_id=connector_id))

    def _tripped(self, section: FaultSection, active: bool) -> None:
        self._emit_fault(section.connector, section.error_code, section.vendor_error_code, section.info, active=active)

    def _failed(self, connector_id: int, error_code: str, vendor_error_code: str, reason: str | None) -> None:
        self._emit_fault(connector_id, error_code, vendor_error_code, reason or "", active=reason is not None)

    # Driving what may refuse

    def _switch(self, connector_id: int, *, closed: bool, phases: int) -> None:
        contactor = self._of(connector_id).contactor
        self._of(connector_id).pilot.watch(loaded=closed)
        self._try(connector_id, "PowerSwitchFailure", lambda: contactor.set_closed(closed, phases))

    def _offer(self, connector_id: int, duty_permille: int) -> None:
        pilot = self._of(connector_id).pilot
        self._try(connector_id, "InternalError", lambda: pilot.set_duty(duty_permille))

    def _try(self, connector_id: int, error_code: str, drive: Callable[[], object]) -> None:
        try:
            drive()
        except Exception as error:  # noqa: BLE001  # pin back ends raise what they like; the reflex must go on
            logger.error("connector %d: an output refuses: %r", connector_id, error)
            self._emit_fault(connector_id, error_code, "output", str(error) or repr(error), active=True)
            return
        self._emit_fault(connector_id, error_code, "output", "", active=False)
