"""From a wiring to drivers: which driver each table makes, and that all of them are closed if one cannot be made."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from msgspec import Struct

from devices.gpio.adc import AdcChannel
from devices.gpio.contactor import MirroredContactor
from devices.gpio.indicator import RgbIndicator
from devices.gpio.lines import Contact
from devices.gpio.lock import MotorLock
from devices.gpio.meter_s0 import PulseMeter
from devices.gpio.ntc_sensor import NtcSensor
from devices.gpio.pilot import AdcSense, ComparatorSense, Pilot
from devices.gpio.pilot_output import SysfsPwm
from devices.gpio.proximity import ContactProximity, ResistorProximity
from devices.gpio.rack import Rack
from devices.gpio.residual_monitor import ResidualMonitor
from devices.gpio.sections import (
    BusSection,
    ConnectorSection,
    FaultSection,
    PilotSection,
    ProximitySection,
    ReaderSection,
    TemperatureSection,
)
from devices.gpio.wiegand import WiegandReader
from devices.gpio.wiring import Wiring
from devices.modbus.bus import BusLine, ModbusBus
from devices.modbus.meter import MeterPlace, ModbusMeter
from devices.modbus.register_map import load_map
from devices.protocols import ProximityPilot
from devices.readers.device_reader import DeviceReader, ReaderDevice, Serve
from devices.readers.keyboard import serve_keyboard
from devices.readers.pn532_reader import serve_pn532
from devices.readers.serial_reader import serve_serial

PauseMs = Callable[[int], Awaitable[None]]
BAUDRATES: Mapping[str, int] = {"serial": 9_600, "pn532": 115_200}
"""What a reader has on a serial port unless the wiring says another."""


class ConnectorDrivers(Struct, frozen=True, kw_only=True):
    """The drivers of one connector. None: it has none of that kind."""

    pilot: Pilot
    contactor: MirroredContactor
    meter: PulseMeter | ModbusMeter
    proximity: ProximityPilot | None
    lock: MotorLock | None
    indicator: RgbIndicator | None
    temperature: NtcSensor | None
    monitor: ResidualMonitor | None


class Drivers(Struct, frozen=True, kw_only=True):
    """All drivers of a station; `readers` with the connector that each serves, None for the station."""

    connectors: dict[int, ConnectorDrivers]
    faults: tuple[tuple[FaultSection, Contact], ...]
    readers: tuple[tuple[int | None, WiegandReader | DeviceReader], ...]
    emergency_stop: Contact | None
    tamper: Contact | None
    mains: Contact | None
    limit_contact: Contact | None
    buses: tuple[ModbusBus, ...]


def assemble(rack: Rack, wiring: Wiring, stack: ExitStack, pause_ms: PauseMs, pwm_root: Path | None) -> Drivers:
    """Make all drivers, outputs safe; `stack` closes them. Raises OSError or what the pin factory raises."""
    sections = dict(enumerate(wiring.connectors, start=1))
    # Contactors first: whatever else fails, they have been commanded to open.
    contactors = {n: MirroredContactor(rack, section.contactor) for n, section in sections.items()}
    for contactor in contactors.values():
        stack.callback(contactor.close)
    meters = {n: _meter(rack, wiring, n, section) for n, section in sections.items()}
    for meter in meters.values():
        stack.callback(meter.close)
    connectors = {
        n: _connector(rack, wiring, section, stack, contactors[n], meters[n], pwm_root)
        for n, section in sections.items()
    }
    contacts = tuple((fault, Contact(rack, fault.input, urgent=(True,))) for fault in wiring.section.faults)
    stop_line, mains_line = wiring.section.emergency_stop, wiring.section.mains
    emergency_stop = None if stop_line is None else Contact(rack, stop_line, urgent=(True,))
    # Mains is not urgent: without it nothing flows anyway, and an optocoupler flickers with the mains' own period.
    mains = None if mains_line is None else Contact(rack, mains_line)
    tamper_line = wiring.section.tamper
    tamper = None if tamper_line is None else Contact(rack, tamper_line)
    limit_line = wiring.section.limit_contact
    limit_contact = None if limit_line is None else Contact(rack, limit_line)
    for contact in (*(contact for _, contact in contacts), emergency_stop, mains, tamper, limit_contact):
        if contact is not None:
            stack.callback(contact.close)
    readers = tuple((reader.connector or None, new_reader(rack, reader, pause_ms)) for reader in wiring.section.readers)
    for _, tag_reader in readers:
        stack.callback(tag_reader.close)
    buses = _buses(wiring, tuple(meters.values()), rack.timers.now_ms, pause_ms)
    for bus in buses:
        stack.callback(bus.close)
    return Drivers(
        connectors=connectors,
        faults=contacts,
        readers=readers,
        emergency_stop=emergency_stop,
        tamper=tamper,
        mains=mains,
        limit_contact=limit_contact,
        buses=buses,
    )


def _connector(
    rack: Rack,
    wiring: Wiring,
    section: ConnectorSection,
    stack: ExitStack,
    contactor: MirroredContactor,
    meter: PulseMeter | ModbusMeter,
    pwm_root: Path | None,
) -> ConnectorDrivers:
    output = SysfsPwm(section.pilot, pwm_root)
    stack.callback(output.close)
    pilot = Pilot(output, _sense(rack, wiring, section.pilot))
    stack.callback(pilot.close)
    proximity = None if section.proximity is None else _proximity(rack, wiring, section.proximity)
    lock = None if section.lock is None else MotorLock(rack, section.lock)
    indicator = None if section.indicator is None else RgbIndicator(rack, section.indicator)
    temperature = None if section.temperature is None else _thermistor(rack, wiring, section.temperature)
    monitor = None if section.residual_monitor is None else ResidualMonitor(rack, section.residual_monitor)
    for driver in (proximity, lock, indicator, temperature, monitor):
        if driver is not None:
            stack.callback(driver.close)
    return ConnectorDrivers(
        pilot=pilot,
        contactor=contactor,
        meter=meter,
        proximity=proximity,
        lock=lock,
        indicator=indicator,
        temperature=temperature,
        monitor=monitor,
    )


def _thermistor(rack: Rack, wiring: Wiring, section: TemperatureSection) -> NtcSensor:
    channel = AdcChannel(rack.factory, wiring.adcs[section.adc], section.channel)
    return NtcSensor(rack, section, rack.poller(section.adc), channel)


def _sense(rack: Rack, wiring: Wiring, pilot: PilotSection) -> AdcSense | ComparatorSense:
    if pilot.sense == "comparators":
        return ComparatorSense(rack, pilot)
    numbers = [pilot.channel]
    if pilot.sense == "peak" and pilot.low_channel is not None:
        numbers.append(pilot.low_channel)
    channels = tuple(AdcChannel(rack.factory, wiring.adcs[pilot.adc], number) for number in numbers)
    return AdcSense(rack, pilot, rack.poller(pilot.adc), channels)


def _proximity(rack: Rack, wiring: Wiring, proximity: ProximitySection) -> ProximityPilot:
    if proximity.kind == "adc":
        channel = AdcChannel(rack.factory, wiring.adcs[proximity.adc], proximity.channel)
        return ResistorProximity(rack, proximity, rack.poller(proximity.adc), channel)
    assert proximity.contact is not None, "the wiring was checked"
    return ContactProximity(Contact(rack, proximity.contact), proximity.cable_rating_a * 1_000)


def _meter(rack: Rack, wiring: Wiring, connector_id: int, section: ConnectorSection) -> PulseMeter | ModbusMeter:
    meter = section.meter
    if meter.kind == "s0":
        return PulseMeter(rack, meter, connector_id)
    place = MeterPlace(
        connector_id=connector_id,
        unit=meter.unit,
        stale_ms=meter.stale_ms,
        phases=wiring.phases,
        voltage_v=wiring.voltage_v,
        max_current_ma=wiring.max_current_a * 1_000,
    )
    return ModbusMeter(place, load_map(meter.map), started_at_ms=rack.timers.now_ms())


def _buses(
    wiring: Wiring, meters: tuple[PulseMeter | ModbusMeter, ...], now_ms: Callable[[], int], pause_ms: PauseMs
) -> tuple[ModbusBus, ...]:
    buses = []
    for name, bus in wiring.buses.items():
        names = [section.meter.bus for section in wiring.connectors]
        hung = tuple(m for m, on in zip(meters, names, strict=True) if on == name and isinstance(m, ModbusMeter))
        if hung:
            buses.append(ModbusBus(bus_line(bus), hung, now_ms=now_ms, pause_ms=pause_ms))
    return tuple(buses)


def bus_line(bus: BusSection) -> BusLine:
    """The line of a bus of the wiring."""
    return BusLine(
        kind=bus.kind,
        device=bus.device,
        baudrate=bus.baudrate,
        parity=bus.parity,
        stop_bits=bus.stop_bits,
        host=bus.host,
        port=bus.port,
        timeout_ms=bus.timeout_ms,
        period_ms=bus.period_ms,
    )


def new_reader(rack: Rack, reader: ReaderSection, pause_ms: PauseMs) -> WiegandReader | DeviceReader:
    """The driver of a reader of the wiring. Raises what the pin factory raises."""
    if reader.kind == "wiegand":
        return WiegandReader(rack, reader)
    place = ReaderDevice(
        device=reader.device,
        baudrate=reader.baudrate or BAUDRATES.get(reader.kind, 0),
        format=reader.format,
        uid_bytes=reader.uid_bytes,
        last_first=reader.reversed,
        repeat_ms=reader.repeat_ms,
    )
    serves: Mapping[str, Serve] = {
        "serial": serve_serial,
        "keyboard": partial(serve_keyboard),
        "pn532": partial(serve_pn532, pause_ms=pause_ms),
    }
    return DeviceReader(place, serves[reader.kind], now_ms=rack.timers.now_ms, pause_ms=pause_ms)
