"""The board of real pins: its wiring read with the settings' own errors, judged, shown, and its outputs made safe."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from devices.findings import ERROR, BoardFinding, sound
from devices.protocols import BoardUnavailable
from station.boards import Fittings
from station.boards.wiring_errors import wired
from station.settings.loading import Settings

if TYPE_CHECKING:
    from devices.gpio.board import GpioBoard
    from devices.gpio.wiring import Wiring


def read_wiring(settings: Settings) -> "Wiring":
    """`[board.wiring]` as a whole plan. Raises SettingsError with every problem, each with its line, table and key."""
    from devices.gpio.wiring import parse_wiring

    return wired(settings, parse_wiring, lambda wiring: wiring.section.limit_contact is not None)


def make(settings: Settings, station_time: Callable[[], int]) -> "GpioBoard":
    """See `BoardModule.make`."""
    from devices.gpio.board import GpioBoard

    return GpioBoard(read_wiring(settings), station_time=station_time)


def findings(settings: Settings) -> tuple[BoardFinding, ...]:
    """See `BoardModule.findings`: the wiring by itself, and on this machine."""
    from devices.gpio.findings import machine_findings, wiring_findings

    wiring = read_wiring(settings)
    found = (*wiring_findings(wiring), *machine_findings(wiring))
    if any(finding.level == ERROR for finding in found):
        return found
    return (*found, sound("gpio", f"{len(wiring.connectors)} connectors are wired without contradiction"))


def fittings(settings: Settings) -> Fittings:
    """See `BoardModule.fittings`: what the wiring names."""
    wiring = read_wiring(settings)
    section = wiring.section
    return Fittings(
        readers=", ".join(dict.fromkeys(reader.kind for reader in section.readers)) or "no",
        emergency_stop="no" if section.emergency_stop is None else "yes",
        enclosure_contact="no" if section.tamper is None else "yes",
        mains_watch="no" if section.mains is None else "yes",
        fault_contacts=", ".join(dict.fromkeys(fault.error_code for fault in section.faults)) or "no",
        lamps="yes" if any(connector.indicator for connector in wiring.connectors) else "no",
    )


def plan(settings: Settings) -> str:
    """See `BoardModule.plan`: a line for each pin."""
    from devices.gpio.findings import wiring_findings
    from devices.gpio.plan import plan as pins_of
    from devices.gpio.plan import table

    wiring = read_wiring(settings)
    return "\n".join((table(pins_of(wiring)), *map(str, wiring_findings(wiring))))


def picture(settings: Settings) -> str:
    """See `BoardModule.picture`."""
    from devices.gpio.picture import picture as drawn

    return drawn(read_wiring(settings), settings.station.identity)


def make_safe(settings: Settings) -> tuple[str, ...]:
    """See `BoardModule.make_safe`: contactors open, pilots steady."""
    from devices.gpio.factory import named_factory
    from devices.gpio.probe import make_safe as opened

    wiring = read_wiring(settings)
    try:
        return opened(wiring, named_factory(wiring.pins))
    except BoardUnavailable as error:
        return (str(error),)


def try_failsafe(settings: Settings, tell: Callable[[str], None]) -> tuple[BoardFinding, ...]:
    """See `BoardModule.try_failsafe`: the coil's supply has its own, which no command of ours can try."""
    raise settings.error(
        "board", "kind", "has a watchdog in the coil's supply: pull the pin that feeds it, and see the contactor open"
    )
