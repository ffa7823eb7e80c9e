"""`[board.wiring]` read for a board, and what is wrong with it as errors of the settings: each with its line, table and key."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from devices.kinds import Problem
from station.settings.lines import find_line
from station.settings.loading import Settings, SettingsError

W = TypeVar("W")


def settings_error(settings: Settings, problems: Iterable[Problem]) -> SettingsError:
    """The error that names all of them."""
    places = ((find_line(settings.lines, problem.path), problem) for problem in problems)
    return SettingsError(
        tuple(
            f"{settings.source}: {problem}" if line is None else f"{settings.source}:{line}: {problem}"
            for line, problem in places
        )
    )


def wired(settings: Settings, parse: Callable[..., W], has_limit_contact: Callable[[W], bool]) -> W:
    """The whole plan that `parse` makes of the table. Raises SettingsError with every problem."""
    from devices.gpio.wiring import WiringError

    board = settings.board
    try:
        wiring = parse(
            board.wiring,
            connectors=settings.station.connectors,
            fixed_cable=board.fixed_cable,
            phases=board.phases,
            voltage_v=board.voltage_v,
            max_current_a=board.max_current_a,
        )
    except WiringError as error:
        raise settings_error(settings, error.problems) from error
    if settings.limits.contact.dims_when and not has_limit_contact(wiring):
        path, text = ("limits", "contact", "dims_when"), "needs limit_contact in [board.wiring]: no contact is wired"
        raise settings_error(settings, [Problem(path=path, text=text)])
    return wiring
