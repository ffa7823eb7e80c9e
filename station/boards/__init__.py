"""The kinds of board as the settings make, judge and show them: one module for each, imported only where it is the station's."""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from devices.findings import BoardFinding
from devices.protocols import StationBoard
from eventstore.value import Value
from station.settings.loading import Settings


class Fittings(Value, frozen=True, kw_only=True):
    """What a board has beside its connectors, in words for people: "yes", "no" or of which kind; "" where it is not known."""

    readers: str = ""
    emergency_stop: str = ""
    enclosure_contact: str = ""
    mains_watch: str = ""
    fault_contacts: str = ""
    lamps: str = ""


class BoardModule(Protocol):
    """What the module of a kind has. All of it raises SettingsError for a wiring that cannot be."""

    def make(self, settings: Settings, station_time: Callable[[], int]) -> StationBoard:
        """The board, not opened; `station_time` gives the station time in ms."""
        ...

    def findings(self, settings: Settings) -> tuple[BoardFinding, ...]:
        """What the doctor says of it. No hardware is touched."""
        ...

    def fittings(self, settings: Settings) -> Fittings:
        """What it has beside its connectors. No hardware is touched."""
        ...

    def plan(self, settings: Settings) -> str:
        """The wiring as text, for people, with what is doubtful about it."""
        ...

    def picture(self, settings: Settings) -> str:
        """The wiring as SVG."""
        ...

    def make_safe(self, settings: Settings) -> tuple[str, ...]:
        """Take energy away, whatever a dead process left; what refused, a line each."""
        ...

    def try_failsafe(self, settings: Settings, tell: Callable[[str], None]) -> tuple[BoardFinding, ...]:
        """Stop talking to what switches the contactors and see whether the current falls; `tell` says what goes on meanwhile."""
        ...


def module_of(settings: Settings) -> BoardModule:
    """The module of the board that the settings name."""
    return cast("BoardModule", import_module(f"station.boards.{settings.board_kind.module}"))
