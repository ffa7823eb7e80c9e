"""The hardware feature set: what the settings say that the station is made of, without opening any of it.

What software cannot know, such as a display or the way to the network, has no text: the maker fills it in.
"""

from collections.abc import Iterator, Mapping

from devices.protocols import Equipped, Planned
from eventstore.value import Value
from station.boards import module_of
from station.runtime.clock import SystemClock
from station.settings.loading import Settings

YES, NO = "yes", "no"
MEASURED: Mapping[str, str] = {
    "energy_wh": "energy",
    "power_w": "power",
    "current_ma": "current",
    "voltage_mv": "voltage",
    "frequency_mhz": "frequency",
    "temperature_dc": "temperature",
    "soc_percent": "state of charge",
}
"""The members of a meter reading, in the order in which they are named."""


class Fitting(Value, frozen=True, kw_only=True):
    """A line of the hardware feature set; `says` is "" where only the maker knows."""

    name: str
    says: str


class BenchPlan(Value, frozen=True, kw_only=True):
    """The bench as the settings describe it; the world that it keeps on disk is not looked at."""

    connector_ids: tuple[int, ...]
    has_lock: bool

    def measured(self) -> frozenset[str]:
        """See `Equipped.measured`."""
        from devices.bench.board import MEASURED as BY_BENCH

        return BY_BENCH

    def phase_rotations(self) -> Mapping[int, str]:
        """See `Equipped.phase_rotations`: nobody has wired a bench."""
        return {}


def planned(settings: Settings) -> Planned:
    """The board of the settings, unopened; raises SettingsError for a wiring that cannot be."""
    if settings.board_kind.simulated:
        numbers = tuple(range(1, settings.station.connectors + 1))
        return BenchPlan(connector_ids=numbers, has_lock=not settings.board.fixed_cable)
    return module_of(settings).make(settings, SystemClock().at_ms)


def hardware(settings: Settings, board: Planned) -> tuple[Fitting, ...]:
    """The hardware feature set, in the order of the table. Raises SettingsError for a wiring that cannot be."""
    lines = [*_connectors(settings, board), *_power(settings, board), *_fitted(settings), *_surroundings()]
    return tuple(Fitting(name=name, says=says) for name, says in lines)


def _connectors(settings: Settings, board: Planned) -> Iterator[tuple[str, str]]:
    yield "Connectors", str(len(board.connector_ids))
    yield "Fixed cable or socket", "fixed cable" if settings.board.fixed_cable else "socket"
    yield "Lock of the plug in the socket", YES if board.has_lock else NO
    yield "Lock opens when mains is lost", "" if board.has_lock else "no lock"


def _power(settings: Settings, board: Planned) -> Iterator[tuple[str, str]]:
    facts = settings.board
    yield "Supply of a connector", f"{facts.phases} x {facts.voltage_v} V, up to {facts.max_current_a} A"
    shared = f"{facts.supply_current_a} A per phase, shared"
    yield "Supply of the station", shared if facts.supply_current_a else "all connectors at once"
    measured = board.measured() if isinstance(board, Equipped) else frozenset()
    yield "Energy meter measures", ", ".join(text for member, text in MEASURED.items() if member in measured)
    seconds = facts.backup_power_s
    yield "Power of its own once mains is gone", f"{seconds:g} s" if seconds else NO


def _fitted(settings: Settings) -> Iterator[tuple[str, str]]:
    found = module_of(settings).fittings(settings)
    yield "Reader of identifications", found.readers
    yield "Emergency stop", found.emergency_stop
    yield "Contact of the enclosure", found.enclosure_contact
    yield "Watch of the mains", found.mains_watch
    yield "Fault contacts", found.fault_contacts
    yield "Lamp on the connector", found.lamps


def _surroundings() -> Iterator[tuple[str, str]]:
    """What no setting says."""
    for name in ("Network (Ethernet, Wi-Fi, cellular)", "Display", "Buttons for a local start or stop"):
        yield name, ""
