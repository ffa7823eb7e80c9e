"""The wiring of a station with real pins: from `[board.wiring]` to a plan that is whole, or all that is wrong with it.

`parse_wiring` judges what the file says: kinds and bounds of each key, tables that must be there, names that must exist, pins used
twice. What depends on the machine it runs on is said by `findings`; `plan` and `picture` show the wiring to people.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from devices.gpio.sections import (
    AdcSection,
    BusSection,
    ConnectorSection,
    FaultSection,
    MeterSection,
    PilotSection,
    ProximitySection,
    ReaderSection,
    WatchdogSection,
    WiringSection,
)
from devices.gpio.values import InputLine, OutputLine
from devices.kinds import KeyPath, Problem, Problems, read_table
from devices.modbus.register_map import MapError, load_map
from devices.readers.pn532_reader import REPEAT_MS_MIN

ROOT = ("board", "wiring")
_PHASES_OF_ENABLES = {0: (), 1: ("L2 and L3",), 2: ("L2", "L3"), 3: ("L1", "L2", "L3")}


class WiringError(Exception):
    """The wiring cannot be used; the text has a line for each problem, with its table and key."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Wiring(Struct, frozen=True, kw_only=True):
    """The whole plan. `connectors` are 1 to n in order."""

    fixed_cable: bool
    phases: int
    voltage_v: int
    max_current_a: int
    section: WiringSection
    connectors: tuple[ConnectorSection, ...]

    @property
    def pins(self) -> str:
        """Who drives the pins."""
        return self.section.pins

    @property
    def adcs(self) -> Mapping[str, AdcSection]:
        """The ADCs by name."""
        return self.section.adc

    @property
    def buses(self) -> Mapping[str, BusSection]:
        """The meter buses by name."""
        return self.section.bus


class PinUse(Struct, frozen=True, kw_only=True):
    """One pin in one use. `owner` and `purpose` are words for people; `bus` names what may share the pin, else ""."""

    pin: str
    path: KeyPath
    owner: str
    purpose: str
    direction: str
    detail: str = ""
    bus: str = ""


def parse_wiring(
    raw: Mapping[str, object],
    *,
    connectors: int,
    fixed_cable: bool,
    phases: int = 3,
    voltage_v: int = 230,
    max_current_a: int = 32,
) -> Wiring:
    """The wiring that `[board.wiring]` says, for a station of `[station]` and `[board]`. Raises `WiringError`."""
    try:
        section = read_table(WiringSection, raw)
    except Problems as error:
        raise WiringError(tuple(problem.within(ROOT) for problem in error.found)) from error
    problems: list[Problem] = []
    wanted = [str(number) for number in range(1, connectors + 1)]
    for name in section.connector:
        if name not in wanted:
            path = (*ROOT, "connector", name)
            problems.append(Problem(path=path, text=f"does not exist: the station has connectors 1 to {connectors}"))
    missing = (name for name in wanted if name not in section.connector)
    problems += [Problem(path=(*ROOT, "connector", name), text="is required") for name in missing]
    wiring = Wiring(
        fixed_cable=fixed_cable,
        phases=phases,
        voltage_v=voltage_v,
        max_current_a=max_current_a,
        section=section,
        connectors=tuple(section.connector[name] for name in wanted if name in section.connector),
    )
    if not problems:
        problems += _contradictions(wiring)
    if not problems:
        problems += _conflicts(wiring)
    if problems:
        raise WiringError(tuple(problems))
    return wiring


def pin_uses(wiring: Wiring) -> Iterator[PinUse]:
    """Every use of a pin, in the order of the file's tables."""
    for name, adc in wiring.adcs.items():
        path = (*ROOT, "adc", name)
        bus = f"{adc.clock} {adc.mosi} {adc.miso}"
        for purpose, pin, shared in (
            ("clock", adc.clock, bus),
            ("mosi", adc.mosi, bus),
            ("miso", adc.miso, bus),
            ("select", adc.select, ""),
        ):
            yield PinUse(
                pin=pin,
                path=(*path, purpose),
                owner=f"ADC {name}",
                purpose=purpose,
                direction="SPI",
                detail=adc.chip,
                bus=shared,
            )
    for number, connector in enumerate(wiring.connectors, start=1):
        yield from _connector_uses(number, connector)
    for number, fault in enumerate(wiring.section.faults, start=1):
        owner = f"connector {fault.connector}" if fault.connector else "station"
        yield _line_use((*ROOT, "faults", str(number), "input"), owner, fault.error_code, fault.input)
    for number, reader in enumerate(wiring.section.readers, start=1):
        for purpose, line in (("data0", reader.data0), ("data1", reader.data1)):
            if line is not None:
                yield _line_use((*ROOT, "readers", str(number), purpose), f"reader {number}", purpose, line)
    section = wiring.section
    for purpose in ("emergency_stop", "mains", "tamper", "limit_contact"):
        contact = getattr(section, purpose)
        if contact is not None:
            yield _line_use((*ROOT, purpose), "station", purpose.replace("_", " "), contact)
    watchdog = wiring.section.watchdog
    if watchdog is not None and watchdog.pin is not None:
        yield _line_use((*ROOT, "watchdog", "pin"), "station", "watchdog", watchdog.pin)


def _connector_uses(number: int, connector: ConnectorSection) -> Iterator[PinUse]:
    path = (*ROOT, "connector", str(number))
    owner = f"connector {number}"
    pilot = connector.pilot
    detail = f"pwmchip{pilot.chip} channel {pilot.pwm_channel}, active {pilot.active}"
    yield PinUse(
        pin=pilot.pin, path=(*path, "pilot", "pin"), owner=owner, purpose="pilot", direction="PWM", detail=detail
    )
    for table, section in (
        ("pilot", connector.pilot),
        ("proximity", connector.proximity),
        ("contactor", connector.contactor),
        ("lock", connector.lock),
        ("indicator", connector.indicator),
        ("meter", connector.meter),
        ("residual_monitor", connector.residual_monitor),
    ):
        for name in () if section is None else section.__struct_fields__:
            yield from _line_uses((*path, table, name), owner, f"{table} {name}", getattr(section, name))


def _line_uses(path: KeyPath, owner: str, purpose: str, value: object) -> Iterator[PinUse]:
    if isinstance(value, InputLine | OutputLine):
        yield _line_use(path, owner, purpose, value)
    elif isinstance(value, tuple):
        for phases, line in zip(_PHASES_OF_ENABLES[len(value)], value, strict=True):
            yield _line_use(path, owner, f"{purpose} {phases}", line)


def _line_use(path: KeyPath, owner: str, purpose: str, line: InputLine | OutputLine) -> PinUse:
    detail = f"active {line.active}"
    direction = "out"
    if isinstance(line, InputLine):
        direction = "in"
        detail = f"{detail}, pull {line.pull}, held {line.hold_ms} ms"
    return PinUse(
        pin=line.pin, path=path, owner=owner, purpose=purpose.replace("_", " "), direction=direction, detail=detail
    )


def _conflicts(wiring: Wiring) -> Iterator[Problem]:
    taken: dict[str, PinUse] = {}
    for use in pin_uses(wiring):
        first = taken.setdefault(use.pin, use)
        if first is not use and not (use.bus and use.bus == first.bus and use.purpose == first.purpose):
            yield Problem(path=use.path, text=f"{use.pin} is taken by {first.owner} {first.purpose}")
    channels: dict[tuple[str, int], str] = {}
    for path, adc, channel in adc_uses(wiring):
        first_path = channels.setdefault((adc, channel), ".".join(path[2:]))
        if first_path != ".".join(path[2:]):
            yield Problem(path=path, text=f"channel {channel} of ADC {adc} is taken by {first_path}")
    outputs: dict[tuple[int, int], int] = {}
    for number, connector in enumerate(wiring.connectors, start=1):
        pilot = connector.pilot
        if outputs.setdefault((pilot.chip, pilot.pwm_channel), number) != number:
            path = (*ROOT, "connector", str(number), "pilot", "pwm_channel")
            yield Problem(path=path, text=f"is the PWM channel of connector {outputs[pilot.chip, pilot.pwm_channel]}")


def adc_uses(wiring: Wiring) -> Iterator[tuple[KeyPath, str, int]]:
    """Every use of a converter's channel: the key that says so, the converter's name, the channel."""
    for number, connector in enumerate(wiring.connectors, start=1):
        path = (*ROOT, "connector", str(number))
        pilot, proximity = connector.pilot, connector.proximity
        if pilot.sense != "comparators":
            yield (*path, "pilot", "channel"), pilot.adc, pilot.channel
        if pilot.sense == "peak" and pilot.low_channel is not None:
            yield (*path, "pilot", "low_channel"), pilot.adc, pilot.low_channel
        if proximity is not None and proximity.kind == "adc":
            yield (*path, "proximity", "channel"), proximity.adc, proximity.channel
        if connector.temperature is not None:
            yield (*path, "temperature", "channel"), connector.temperature.adc, connector.temperature.channel


def _contradictions(wiring: Wiring) -> Iterator[Problem]:
    """What no key is to blame for alone."""
    yield from bus_problems(wiring.buses)
    for number, connector in enumerate(wiring.connectors, start=1):
        path = (*ROOT, "connector", str(number))
        yield from _pilot_problems(wiring, connector.pilot, (*path, "pilot"))
        yield from _proximity_problems(wiring, connector.proximity, path)
        if connector.lock is None and not wiring.fixed_cable:
            yield Problem(path=(*path, "lock"), text="is required: a socket holds its plug while energy flows")
        if connector.lock is not None and wiring.fixed_cable:
            yield Problem(path=(*path, "lock"), text="a fixed cable has no lock")
        lamp = connector.indicator
        if lamp is not None and len({lamp.red.active, lamp.green.active, lamp.blue.active}) > 1:
            yield Problem(path=(*path, "indicator", "red"), text="must have the same active level as green and blue")
        yield from _meter_problems(wiring, connector.meter, (*path, "meter"))
        warm = connector.temperature
        if warm is not None:
            yield from _adc_problems(wiring, warm.adc, warm.channel, (*path, "temperature"))
    for number, fault in enumerate(wiring.section.faults, start=1):
        yield from connector_problems(fault, len(wiring.connectors), (*ROOT, "faults", str(number), "connector"))
    for number, reader in enumerate(wiring.section.readers, start=1):
        yield from reader_problems(reader, len(wiring.connectors), (*ROOT, "readers", str(number)))
    watchdog = wiring.section.watchdog
    if watchdog is not None:
        yield from _watchdog_problems(watchdog)


def _pilot_problems(wiring: Wiring, pilot: PilotSection, path: KeyPath) -> Iterator[Problem]:
    if pilot.sense == "comparators":
        for name in ("above_10500_mv", "above_7500_mv", "above_4500_mv", "above_1500_mv"):
            if getattr(pilot, name) is None:
                yield Problem(path=(*path, name), text="is required for comparators")
        return
    yield from _adc_problems(wiring, pilot.adc, pilot.channel, path)
    if pilot.low_channel is not None:
        yield from _adc_problems(wiring, pilot.adc, pilot.low_channel, path)
    if pilot.zero_mv == pilot.full_mv:
        yield Problem(path=(*path, "full_mv"), text="must differ from zero_mv")


def _proximity_problems(wiring: Wiring, proximity: ProximitySection | None, path: KeyPath) -> Iterator[Problem]:
    if proximity is None:
        if not wiring.fixed_cable:
            yield Problem(path=(*path, "proximity"), text="is required: a socket must know the cable's rating")
        return
    if wiring.fixed_cable:
        yield Problem(path=(*path, "proximity"), text="a fixed cable has no proximity contact")
    elif proximity.kind == "adc":
        yield from _adc_problems(wiring, proximity.adc, proximity.channel, (*path, "proximity"))
    elif proximity.contact is None:
        yield Problem(path=(*path, "proximity", "contact"), text="is required for contact")


def _adc_problems(wiring: Wiring, name: str, channel: int, path: KeyPath) -> Iterator[Problem]:
    if name not in wiring.adcs:
        known = ", ".join(wiring.adcs) or "none is declared"
        yield Problem(path=(*path, "adc"), text=f"{name!r} is no ADC of [board.wiring.adc] ({known})")
    elif channel > 3 and wiring.adcs[name].chip.endswith("04"):
        yield Problem(path=(*path, "channel"), text=f"{wiring.adcs[name].chip} has channels 0 to 3")


def _meter_problems(wiring: Wiring, meter: MeterSection, path: KeyPath) -> Iterator[Problem]:
    if meter.kind == "s0":
        if meter.pulse is None:
            yield Problem(path=(*path, "pulse"), text="is required for s0")
        return
    if meter.bus not in wiring.buses:
        known = ", ".join(wiring.buses) or "none is declared"
        yield Problem(path=(*path, "bus"), text=f"{meter.bus!r} is no bus of [board.wiring.bus] ({known})")
    if not meter.map:
        yield Problem(path=(*path, "map"), text="is required for modbus")
        return
    try:
        load_map(meter.map)
    except MapError as error:
        yield Problem(path=(*path, "map"), text=str(error))


def bus_problems(buses: Mapping[str, BusSection]) -> Iterator[Problem]:
    """What is wrong with the buses of a board."""
    for name, bus in buses.items():
        missing = "device" if bus.kind == "rtu" else "host"
        if not getattr(bus, missing):
            yield Problem(path=(*ROOT, "bus", name, missing), text=f"is required for {bus.kind}")


def reader_problems(reader: ReaderSection, connectors: int, path: KeyPath) -> Iterator[Problem]:
    """What is wrong with a reader of a board with so many connectors."""
    required: Mapping[str, tuple[str, ...]] = {"wiegand": ("data0", "data1")}
    for name in required.get(reader.kind, ("device",)):
        if not getattr(reader, name):
            yield Problem(path=(*path, name), text=f"is required for {reader.kind}")
    if reader.format == "rdm6300" and reader.kind != "serial":
        yield Problem(path=(*path, "format"), text="rdm6300 is a serial reader")
    if reader.kind == "pn532" and reader.format == "decimal":
        yield Problem(path=(*path, "format"), text="a pn532 gives the bytes of the UID: only hex")
    if reader.kind == "pn532" and reader.repeat_ms < REPEAT_MS_MIN:
        text = f"must be at least {REPEAT_MS_MIN} for pn532: a card that is held would be presented again and again"
        yield Problem(path=(*path, "repeat_ms"), text=text)
    yield from connector_problems(reader, connectors, (*path, "connector"))


def connector_problems(section: FaultSection | ReaderSection, connectors: int, path: KeyPath) -> Iterator[Problem]:
    """Whether what a contact or reader belongs to exists."""
    if section.connector > connectors:
        yield Problem(path=path, text=f"does not exist: the station has connectors 1 to {connectors}")


def _watchdog_problems(watchdog: WatchdogSection) -> Iterator[Problem]:
    path = (*ROOT, "watchdog")
    if watchdog.pin is None and not watchdog.device:
        yield Problem(path=(*path, "pin"), text="pin or device is required")
    if watchdog.device and watchdog.period_ms * 2 > watchdog.timeout_s * 1_000:
        yield Problem(path=(*path, "period_ms"), text=f"must be at most half of timeout_s ({watchdog.timeout_s})")
