"""The kinds of board as the settings make, judge and show them: one module for each, imported only where it is the station's."""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from devices.findings import BoardFinding
from devices.protocols import StationBoard
from station.settings.loading import Settings


class BoardModule(Protocol):
    """What the module of a kind has. All of it raises SettingsError for a wiring that cannot be."""

    def make(self, settings: Settings, station_time: Callable[[], int]) -> StationBoard:
        """The board, not opened; `station_time` gives the station time in ms."""
        ...

    def findings(self, settings: Settings) -> tuple[BoardFinding, ...]:
        """What the doctor says of it. No hardware is touched."""
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


def module_of(settings: Settings) -> BoardModule:
    """The module of the board that the settings name."""
    return cast("BoardModule", import_module(f"station.boards.{settings.board_kind.module}"))
