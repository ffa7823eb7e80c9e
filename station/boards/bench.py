"""The simulated board: nothing is wired, and nothing can be wrong with it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from devices.findings import BoardFinding, sound
from station.boards import Fittings
from station.settings.loading import Settings

if TYPE_CHECKING:
    from devices.bench.board import BenchBoard


def make(settings: Settings, station_time: Callable[[], int]) -> "BenchBoard":
    """See `BoardModule.make`; its world lies in the storage directory."""
    from devices.bench.board import BenchBoard

    return BenchBoard(
        settings.storage.directory,
        connectors=settings.station.connectors,
        fixed_cable=settings.board.fixed_cable,
        phases=settings.board.phases,
        voltage_v=settings.board.voltage_v,
        max_current_a=settings.board.max_current_a,
        station_time=station_time,
        has_limit_contact=bool(settings.limits.contact.dims_when),
    )


def findings(settings: Settings) -> tuple[BoardFinding, ...]:
    """See `BoardModule.findings`."""
    return (sound("bench", f"{settings.station.connectors} simulated connectors"),)


def fittings(settings: Settings) -> Fittings:
    """See `BoardModule.fittings`: all of it but a lamp can be played."""
    played = "simulated"
    return Fittings(
        readers=played,
        emergency_stop=played,
        enclosure_contact=played,
        mains_watch=played,
        fault_contacts=played,
        lamps="no",
    )


def plan(settings: Settings) -> str:
    """See `BoardModule.plan`: there is none."""
    _refuse(settings)


def picture(settings: Settings) -> str:
    """See `BoardModule.picture`: there is none."""
    _refuse(settings)


def make_safe(settings: Settings) -> tuple[str, ...]:
    """See `BoardModule.make_safe`: there is nothing to be made safe."""
    _refuse(settings)


def try_failsafe(settings: Settings, tell: Callable[[str], None]) -> tuple[BoardFinding, ...]:
    """See `BoardModule.try_failsafe`: nothing is there that could fail."""
    raise settings.error("board", "kind", "has no failsafe to try: it is simulated")


def _refuse(settings: Settings) -> NoReturn:
    raise settings.error("board", "kind", "has no wiring: it is simulated")
