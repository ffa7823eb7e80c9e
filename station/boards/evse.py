"""The board of charging controllers that one can buy: its wiring read with the settings' own errors, judged, shown, switched off."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from devices.findings import ERROR, BoardFinding, sound
from station.boards import Fittings
from station.boards.wiring_errors import wired
from station.settings.loading import Settings

if TYPE_CHECKING:
    from devices.evse.board import EvseBoard
    from devices.evse.wiring import EvseWiring


def read_wiring(settings: Settings) -> "EvseWiring":
    """`[board.wiring]` as a whole plan. Raises SettingsError with every problem, each with its line, table and key."""
    from devices.evse.wiring import parse_wiring

    return wired(settings, parse_wiring, lambda wiring: wiring.has_limit_contact)


def make(settings: Settings, station_time: Callable[[], int]) -> "EvseBoard":
    """See `BoardModule.make`."""
    from devices.evse.board import EvseBoard

    return EvseBoard(read_wiring(settings), station_time=station_time)


def findings(settings: Settings) -> tuple[BoardFinding, ...]:
    """See `BoardModule.findings`: the wiring by itself, and on this machine."""
    from devices.evse.findings import machine_findings, wiring_findings

    wiring = read_wiring(settings)
    found = (*wiring_findings(wiring), *machine_findings(wiring))
    if any(finding.level == ERROR for finding in found):
        return found
    return (*found, sound("evse", f"{len(wiring.connectors)} controllers are wired without contradiction"))


def fittings(settings: Settings) -> Fittings:
    """See `BoardModule.fittings`: what the wiring names, and the readers of the controllers."""
    wiring = read_wiring(settings)
    section = wiring.section
    own = ("controller" for found in wiring.controllers if found is not None and found.tag is not None)
    return Fittings(
        readers=", ".join(dict.fromkeys((*(reader.kind for reader in section.readers), *own))) or "no",
        emergency_stop="no" if section.emergency_stop is None else "yes",
        enclosure_contact="no" if section.tamper is None else "yes",
        mains_watch="no" if section.mains is None else "yes",
        fault_contacts=", ".join(dict.fromkeys(fault.error_code for fault in section.faults)) or "no",
        lamps="no",
    )


def plan(settings: Settings) -> str:
    """See `BoardModule.plan`: a line for each controller, meter and pin."""
    from devices.evse.findings import table, wiring_findings

    wiring = read_wiring(settings)
    return "\n".join((table(wiring), *map(str, wiring_findings(wiring))))


def picture(settings: Settings) -> str:
    """See `BoardModule.picture`: there is none of wires that the controllers bring."""
    raise settings.error("board", "kind", "has no picture: leave --svg out for its table")


def make_safe(settings: Settings) -> tuple[str, ...]:
    """See `BoardModule.make_safe`: every controller is commanded to offer nothing."""
    from devices.evse.trial import make_safe as told

    return asyncio.run(told(read_wiring(settings)))


def try_failsafe(settings: Settings, tell: Callable[[str], None]) -> tuple[BoardFinding, ...]:
    """Stop talking to each controller while a vehicle draws, and say whether the current falls. `tell` says what goes on."""
    from devices.evse.trial import try_failsafe as tried

    return asyncio.run(tried(read_wiring(settings), tell))
