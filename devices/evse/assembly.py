"""From a wiring to drivers: which driver each table makes, and that all of them are closed if one cannot be made."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack

from msgspec import Struct

from devices.evse.controller_map import ControllerMap
from devices.evse.modbus_controller import FailsafeWish, ModbusController
from devices.evse.open_evse import QUANTITIES, OpenEvse
from devices.evse.point import ControlledConnector
from devices.evse.registers import ControllerPlace
from devices.evse.said import CURRENT_MIN_MA
from devices.evse.sections import ControllerSection
from devices.evse.wiring import EvseWiring
from devices.gpio.assembly import bus_line, new_reader
from devices.gpio.lines import Contact, OutputPin
from devices.gpio.rack import Rack
from devices.gpio.sections import FaultSection
from devices.gpio.values import InputLine
from devices.gpio.wiegand import WiegandReader
from devices.modbus.bus import BLOCK_MS, ModbusBus, registers_within
from devices.modbus.meter import MeterPlace, ModbusMeter, measured_by
from devices.modbus.register_map import REGISTERS_MAX, RegisterMap, load_map, named_map
from devices.readers.device_reader import DeviceReader

PauseMs = Callable[[int], Awaitable[None]]
OPEN_EVSE_PERIOD_MS = 500


class EvseDrivers(Struct, frozen=True, kw_only=True):
    """All drivers of a station; `readers` with the connector that each serves, None for the station."""

    points: dict[int, ControlledConnector]
    faults: tuple[tuple[FaultSection, Contact], ...]
    readers: tuple[tuple[int | None, WiegandReader | DeviceReader], ...]
    emergency_stop: Contact | None
    tamper: Contact | None
    mains: Contact | None
    limit_contact: Contact | None
    buses: tuple[ModbusBus, ...]
    open_evses: tuple[OpenEvse, ...]


def own_meter(found: ControllerMap | None) -> RegisterMap:
    """What a controller's own meter gives, as a register map whose registers the controller reads itself."""
    return named_map("OpenEVSE" if found is None else found.name, QUANTITIES if found is None else found.quantities)


def measured_by_own(found: ControllerMap | None, phases: int) -> frozenset[str]:
    """The members of `MeterReading` that a controller's own meter gives."""
    return measured_by(own_meter(found), phases)


def assemble(rack: Rack, wiring: EvseWiring, stack: ExitStack, pause_ms: PauseMs) -> EvseDrivers:
    """Make all drivers, pins inactive; `stack` closes them. Raises OSError or what the pin factory raises."""
    points = {n: _point(rack, wiring, n, stack, pause_ms) for n in range(1, len(wiring.connectors) + 1)}
    faults = tuple((fault, Contact(rack, fault.input, urgent=(True,))) for fault in wiring.section.faults)
    section = wiring.section
    stop = None if section.emergency_stop is None else Contact(rack, section.emergency_stop, urgent=(True,))
    mains, tamper, limit = (_contact(rack, line) for line in (section.mains, section.tamper, section.limit_contact))
    for contact in (*(contact for _, contact in faults), stop, mains, tamper, limit):
        if contact is not None:
            stack.callback(contact.close)
    readers = tuple((reader.connector or None, new_reader(rack, reader, pause_ms)) for reader in section.readers)
    for _, tag_reader in readers:
        stack.callback(tag_reader.close)
    buses = _buses(rack, wiring, points, pause_ms)
    open_evses = tuple(p.controller for p in points.values() if isinstance(p.controller, OpenEvse))
    for bus in buses:
        stack.callback(bus.close)
    for each in open_evses:
        stack.callback(each.close)
    return EvseDrivers(
        points=points,
        faults=faults,
        readers=readers,
        emergency_stop=stop,
        tamper=tamper,
        mains=mains,
        limit_contact=limit,
        buses=buses,
        open_evses=open_evses,
    )


def _contact(rack: Rack, line: InputLine | None) -> Contact | None:
    return None if line is None else Contact(rack, line)


def _point(rack: Rack, wiring: EvseWiring, number: int, stack: ExitStack, pause_ms: PauseMs) -> ControlledConnector:
    section = wiring.connectors[number - 1]
    enable = None if section.enable is None else OutputPin(rack.factory, section.enable)
    if enable is not None:
        stack.callback(enable.close)
    mirror = None
    if section.mirror is not None:
        mirror = Contact(rack, section.mirror)
        mirror.on_level(lambda _: None)  # the point asks for it
        stack.callback(mirror.close)
    meter = _meter(rack, wiring, number)
    stack.callback(meter.close)
    return ControlledConnector(
        number,
        _controller(rack, wiring, number, meter, pause_ms),
        meter,
        fixed_cable=wiring.fixed_cable,
        max_current_ma=wiring.max_current_a * 1_000,
        now_ms=rack.timers.now_ms,
        enable=enable,
        mirror=mirror,
    )


def _meter(rack: Rack, wiring: EvseWiring, number: int) -> ModbusMeter:
    section = wiring.connectors[number - 1]
    place = MeterPlace(
        connector_id=number,
        unit=wiring.unit(number) if section.meter is None else section.meter.unit,
        stale_ms=section.silent_ms if section.meter is None else section.meter.stale_ms,
        phases=wiring.phases,
        voltage_v=wiring.voltage_v,
        max_current_ma=wiring.max_current_a * 1_000,
    )
    found = own_meter(wiring.controllers[number - 1]) if section.meter is None else load_map(section.meter.map)
    return ModbusMeter(place, found, started_at_ms=rack.timers.now_ms())


def _controller(
    rack: Rack, wiring: EvseWiring, number: int, meter: ModbusMeter, pause_ms: PauseMs
) -> ModbusController | OpenEvse:
    section, found = wiring.connectors[number - 1], wiring.controllers[number - 1]
    own = meter if section.meter is None else None
    if found is None:
        return OpenEvse(
            section.device,
            section.baudrate,
            _failsafe(section, least_ma=CURRENT_MIN_MA),
            silent_ms=section.silent_ms,
            period_ms=OPEN_EVSE_PERIOD_MS,
            now_ms=rack.timers.now_ms,
            pause_ms=pause_ms,
            meter=own,
        )
    line = bus_line(wiring.section.bus[section.bus])
    return ModbusController(
        ControllerPlace(unit=wiring.unit(number), number=section.number),
        found,
        _failsafe(section, least_ma=0),
        silent_ms=section.silent_ms,
        longest=REGISTERS_MAX if line.kind == "tcp" else registers_within(line, BLOCK_MS),
        now_ms=rack.timers.now_ms,
        meter=own,
    )


def _failsafe(section: ControllerSection, *, least_ma: int) -> FailsafeWish:
    return FailsafeWish(timeout_ms=section.failsafe_s * 1_000, current_ma=max(section.failsafe_a * 1_000, least_ma))


def _buses(
    rack: Rack, wiring: EvseWiring, points: dict[int, ControlledConnector], pause_ms: PauseMs
) -> tuple[ModbusBus, ...]:
    buses = []
    for name, section in wiring.section.bus.items():
        controllers = tuple(
            point.controller
            for number, point in points.items()
            if wiring.connectors[number - 1].bus == name and isinstance(point.controller, ModbusController)
        )
        meters = tuple(
            point.meter
            for number, point in points.items()
            if (place := wiring.connectors[number - 1].meter) is not None and place.bus == name
        )
        if not controllers and not meters:
            continue
        bus = ModbusBus(
            bus_line(section), meters, now_ms=rack.timers.now_ms, pause_ms=pause_ms, controllers=controllers
        )
        for controller in controllers:
            controller.wake = _waking(bus)
        buses.append(bus)
    return tuple(buses)


def _waking(bus: ModbusBus) -> Callable[[bool], None]:
    return lambda hurry: bus.wake(hurry=hurry)
