"""What is wrong or doubtful about a board of controllers: by itself, and on this machine. No line is opened."""

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from devices.evse.controller_map import ControllerMap
from devices.evse.sections import ControllerSection
from devices.evse.wiring import EvseWiring, lines
from devices.findings import BoardFinding, error, warning

UNTRIED = "untried on copper by who wrote its map"


def wiring_findings(wiring: EvseWiring) -> tuple[BoardFinding, ...]:
    """What can be said of the wiring by itself."""
    found: list[BoardFinding] = []
    for number, (section, controller) in enumerate(zip(wiring.connectors, wiring.controllers, strict=True), start=1):
        found += _connector(wiring, f"connector.{number}", section, controller)
    if not wiring.section.readers and not any(each is not None and each.tag for each in wiring.controllers):
        found.append(warning("readers", "none: only the CSMS can start a transaction"))
    return tuple(found)


def _connector(
    wiring: EvseWiring, where: str, section: ControllerSection, controller: ControllerMap | None
) -> Iterator[BoardFinding]:
    name = "OpenEVSE" if controller is None else controller.name
    if controller is None or not controller.tried:
        yield warning(where, f"{name}: {UNTRIED}; try it before a vehicle is charged")
    if controller is None:
        yield warning(where, f"{name} falls to {max(6, section.failsafe_a)} A by itself, never to nothing")
    elif controller.failsafe is None:
        text = f"{name}: no failsafe that can be armed is known: set it up on the controller, and try it with doctor --failsafe"
        yield warning(where, text)
    if section.enable is None and (controller is None or controller.failsafe is None):
        yield warning(where, "no pin in its enable line: a controller that hears nothing is switched off by nobody")
    if section.mirror is None:
        yield warning(
            where, "no mirror contact: the contactor's position is inferred, a weld is found by current alone"
        )
    serial = None if controller is None else controller.serial
    bus = wiring.section.bus.get(section.bus)
    if serial is not None and bus is not None and bus.kind == "rtu":
        speed = (bus.baudrate, bus.parity, bus.stop_bits)
        if speed != (serial.baudrate, serial.parity, serial.stop_bits):
            yield warning(where, f"{name} is delivered with {serial}, its bus is not set so")


def machine_findings(
    wiring: EvseWiring,
    *,
    has_module: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None,
    may_use: Callable[[Path], bool] = lambda path: os.access(path, os.R_OK | os.W_OK),
) -> tuple[BoardFinding, ...]:
    """What this machine lacks."""
    found = [
        error("libraries", f"{name} is not installed, which {why} needs: pip install {source}")
        for name, source, why in _modules(wiring)
        if not has_module(name)
    ]
    for where, path in _device_files(wiring):
        if not path.exists():
            found.append(error(where, f"{path} is not there"))
        elif not may_use(path):
            found.append(error(where, f"{path} may not be read and written by this user"))
    return tuple(found)


def _modules(wiring: EvseWiring) -> Iterator[tuple[str, str, str]]:
    kinds = {bus.kind for bus in wiring.section.bus.values()}
    if kinds:
        yield "pymodbus", "'chargebox[modbus]'", "a controller or a meter on Modbus"
    if "rtu" in kinds:
        yield "serial", "'chargebox[modbus]'", "a serial bus"
    is_serial = any(reader.kind in {"serial", "pn532"} for reader in wiring.section.readers)
    if is_serial or any(each is None for each in wiring.controllers):
        yield "serialx", "'chargebox[readers]'", "a serial reader or an OpenEVSE"
    if any(True for _ in lines(wiring)):
        yield wiring.section.pins, "'chargebox[pi]'", "a pin"


def _device_files(wiring: EvseWiring) -> Iterator[tuple[str, Path]]:
    for name, bus in wiring.section.bus.items():
        if bus.kind == "rtu":
            yield f"bus.{name}", Path(bus.device)
    for number, connector in enumerate(wiring.connectors, start=1):
        if connector.device:
            yield f"connector.{number}", Path(connector.device)
    for number, reader in enumerate(wiring.section.readers, start=1):
        if reader.kind != "wiegand":
            yield f"readers.{number}", Path(reader.device)


def table(wiring: EvseWiring) -> str:
    """The wiring as text: a line for each controller, meter and pin."""
    rows = []
    for number, (section, controller) in enumerate(zip(wiring.connectors, wiring.controllers, strict=True), start=1):
        name = "OpenEVSE" if controller is None else controller.name
        place = section.device or f"bus {section.bus}, unit {wiring.unit(number)}"
        if controller is not None and controller.stride:
            place += f", number {section.number}"
        rows.append((f"connector {number}", name, place))
        meter = section.meter
        text = ("its own", "") if meter is None else (meter.map, f"bus {meter.bus}, unit {meter.unit}")
        rows.append((f"connector {number} meter", *text))
    rows += [(what, line.pin, f"active {line.active}") for _, what, line in lines(wiring)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows)
