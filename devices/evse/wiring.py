"""The wiring of a board of controllers: from `[board.wiring]` to a plan that is whole, or all that is wrong with it."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from devices.evse.controller_map import ControllerMap, load_controller
from devices.evse.said import CURRENT_MIN_MA
from devices.evse.sections import OPEN_EVSE, ControllerSection, EvseSection
from devices.gpio.values import InputLine, OutputLine
from devices.gpio.wiring import ROOT, WiringError, bus_problems, connector_problems, reader_problems
from devices.kinds import KeyPath, Problem, Problems, read_table
from devices.modbus.register_map import MapError, load_map


class EvseWiring(Struct, frozen=True, kw_only=True):
    """The whole plan. `connectors` are 1 to n in order, `controllers` their maps; None: an OpenEVSE."""

    fixed_cable: bool
    phases: int
    voltage_v: int
    max_current_a: int
    section: EvseSection
    connectors: tuple[ControllerSection, ...]
    controllers: tuple[ControllerMap | None, ...] = ()

    @property
    def pins(self) -> tuple[str, ...]:
        """The pins that are used."""
        return tuple(line.pin for _, _, line in lines(self))

    @property
    def has_limit_contact(self) -> bool:
        """Whether the grid operator's contact is read, by a pin or by a controller."""
        by_controller = any(found is not None and found.contact is not None for found in self.controllers)
        return self.section.limit_contact is not None or by_controller

    def unit(self, number: int) -> int:
        """The bus address of a connector's controller."""
        found, section = self.controllers[number - 1], self.connectors[number - 1]
        return section.unit or (1 if found is None else found.unit)


def parse_wiring(
    raw: Mapping[str, object],
    *,
    connectors: int,
    fixed_cable: bool,
    phases: int = 3,
    voltage_v: int = 230,
    max_current_a: int = 32,
) -> EvseWiring:
    """The wiring that `[board.wiring]` says, for a station of `[station]` and `[board]`. Raises `WiringError`."""
    try:
        section = read_table(EvseSection, raw)
    except Problems as error:
        raise WiringError(tuple(problem.within(ROOT) for problem in error.found)) from error
    wanted = [str(number) for number in range(1, connectors + 1)]
    problems = [
        Problem(
            path=(*ROOT, "connector", name),
            text=f"does not exist: the station has connectors 1 to {connectors}",
        )
        for name in section.connector
        if name not in wanted
    ]
    problems += [
        Problem(path=(*ROOT, "connector", name), text="is required") for name in wanted if name not in section.connector
    ]
    found = tuple(section.connector[name] for name in wanted if name in section.connector)
    maps: list[ControllerMap | None] = []
    for number, each in enumerate(found, start=1):
        try:
            maps.append(None if each.controller == OPEN_EVSE else load_controller(each.controller))
        except MapError as error:
            problems.append(Problem(path=(*ROOT, "connector", str(number), "controller"), text=str(error)))
    wiring = EvseWiring(
        fixed_cable=fixed_cable,
        phases=phases,
        voltage_v=voltage_v,
        max_current_a=max_current_a,
        section=section,
        connectors=found,
        controllers=tuple(maps),
    )
    if not problems:
        problems = [*_contradictions(wiring), *_conflicts(wiring)]
    if problems:
        raise WiringError(tuple(problems))
    return wiring


def lines(wiring: EvseWiring) -> Iterator[tuple[KeyPath, str, InputLine | OutputLine]]:
    """Every line on a pin: its key, what it is in words, and the line."""
    for number, connector in enumerate(wiring.connectors, start=1):
        for name in ("enable", "mirror"):
            line = getattr(connector, name)
            if line is not None:
                yield (*ROOT, "connector", str(number), name), f"connector {number} {name}", line
    for number, fault in enumerate(wiring.section.faults, start=1):
        yield (*ROOT, "faults", str(number), "input"), f"fault {fault.error_code}", fault.input
    for number, reader in enumerate(wiring.section.readers, start=1):
        for name in ("data0", "data1"):
            line = getattr(reader, name)
            if line is not None:
                yield (*ROOT, "readers", str(number), name), f"reader {number} {name}", line
    for name in ("emergency_stop", "mains", "tamper", "limit_contact"):
        line = getattr(wiring.section, name)
        if line is not None:
            yield (*ROOT, name), name.replace("_", " "), line


def _contradictions(wiring: EvseWiring) -> Iterator[Problem]:
    """What no key is to blame for alone."""
    section, count = wiring.section, len(wiring.connectors)
    yield from bus_problems(section.bus)
    for number in range(1, count + 1):
        yield from _connector_problems(wiring, number)
    for number, fault in enumerate(section.faults, start=1):
        yield from connector_problems(fault, count, (*ROOT, "faults", str(number), "connector"))
    for number, reader in enumerate(section.readers, start=1):
        yield from reader_problems(reader, count, (*ROOT, "readers", str(number)))


def _connector_problems(wiring: EvseWiring, number: int) -> Iterator[Problem]:
    connector, found = wiring.connectors[number - 1], wiring.controllers[number - 1]
    path = (*ROOT, "connector", str(number))
    if found is None:
        if not connector.device:
            yield Problem(path=(*path, "device"), text="is required for openevse")
        if connector.bus:
            yield Problem(path=(*path, "bus"), text="an OpenEVSE has a serial line of its own: write device instead")
        quantities: tuple[str, ...] = ("energy_import_wh",)
    else:
        yield from _bus_problems(wiring, found, connector, path)
        quantities = found.quantities
        if connector.number > 1 and not found.stride:
            yield Problem(path=(*path, "number"), text=f"a {found.name} is one controller")
    if connector.failsafe_a > wiring.max_current_a:
        yield Problem(
            path=(*path, "failsafe_a"), text=f"must be at most [board] max_current_a ({wiring.max_current_a})"
        )
    if 0 < connector.failsafe_a < CURRENT_MIN_MA // 1_000:
        yield Problem(path=(*path, "failsafe_a"), text="must be 0, or the 6 A that a pilot can offer at least")
    if connector.silent_ms >= connector.failsafe_s * 1_000:
        yield Problem(path=(*path, "failsafe_s"), text=f"must be longer than silent_ms ({connector.silent_ms})")
    if connector.meter is None:
        if "energy_import_wh" not in quantities:
            name = connector.controller
            yield Problem(path=(*path, "meter"), text=f"is required: {name} does not measure energy")
        return
    if connector.meter.bus not in wiring.section.bus:
        yield Problem(path=(*path, "meter", "bus"), text=_no_bus(wiring, connector.meter.bus))
    try:
        load_map(connector.meter.map)
    except MapError as error:
        yield Problem(path=(*path, "meter", "map"), text=str(error))


def _bus_problems(
    wiring: EvseWiring, found: ControllerMap, connector: ControllerSection, path: KeyPath
) -> Iterator[Problem]:
    if connector.device:
        yield Problem(path=(*path, "device"), text="is for openevse: a controller on Modbus has a bus")
    bus = wiring.section.bus.get(connector.bus)
    if bus is None:
        yield Problem(path=(*path, "bus"), text=_no_bus(wiring, connector.bus))
    elif bus.kind not in found.kinds:
        yield Problem(path=(*path, "bus"), text=f"is {bus.kind}: a {found.name} speaks {' or '.join(found.kinds)}")


def _no_bus(wiring: EvseWiring, name: str) -> str:
    known = ", ".join(wiring.section.bus) or "none is declared"
    return f"{name!r} is no bus of [board.wiring.bus] ({known})" if name else f"is required ({known})"


def _conflicts(wiring: EvseWiring) -> Iterator[Problem]:
    """What is taken twice: pins, addresses on a bus, devices."""
    pins: dict[str, str] = {}
    for path, what, line in lines(wiring):
        if pins.setdefault(line.pin, what) != what:
            yield Problem(path=path, text=f"{line.pin} is taken by {pins[line.pin]}")
    places: dict[tuple[object, ...], str] = {}
    for name, bus in wiring.section.bus.items():
        place = (bus.device,) if bus.kind == "rtu" else (bus.host, bus.port)
        key = "device" if bus.kind == "rtu" else "host"
        if (first := places.setdefault(place, f"bus {name}")) != f"bus {name}":
            yield Problem(path=(*ROOT, "bus", name, key), text=f"is that of {first}: what hangs on it is one bus")
    for number, connector in enumerate(wiring.connectors, start=1):
        if connector.device and (first := places.setdefault((connector.device,), f"connector {number}")) != (
            f"connector {number}"
        ):
            yield Problem(path=(*ROOT, "connector", str(number), "device"), text=f"is that of {first}")
    yield from _address_conflicts(wiring)


def _address_conflicts(wiring: EvseWiring) -> Iterator[Problem]:
    controllers: dict[tuple[str, int, int], int] = {}
    units: dict[tuple[str, int], str] = {}
    for number, connector in enumerate(wiring.connectors, start=1):
        if wiring.controllers[number - 1] is None:
            continue
        unit = wiring.unit(number)
        path = (*ROOT, "connector", str(number), "unit" if connector.unit is not None else "bus")
        first = controllers.setdefault((connector.bus, unit, connector.number), number)
        if first != number:
            yield Problem(path=path, text=f"unit {unit} of bus {connector.bus} is the controller of connector {first}")
        units[connector.bus, unit] = f"the controller of connector {number}"
    for number, connector in enumerate(wiring.connectors, start=1):
        if (meter := connector.meter) is None:
            continue
        key = (*ROOT, "connector", str(number), "meter", "unit")
        what = f"the meter of connector {number}"
        if (taken := units.setdefault((meter.bus, meter.unit), what)) != what:
            yield Problem(path=key, text=f"unit {meter.unit} of bus {meter.bus} is {taken}")
