"""What is wrong with `[board.wiring]`, as errors of the settings: each with its line, table and key."""

from collections.abc import Iterable

from devices.kinds import Problem
from station.settings.lines import find_line
from station.settings.loading import Settings, SettingsError


def settings_error(settings: Settings, problems: Iterable[Problem]) -> SettingsError:
    """The error that names all of them."""
    places = ((find_line(settings.lines, problem.path), problem) for problem in problems)
    return SettingsError(
        tuple(
            f"{settings.source}: {problem}" if line is None else f"{settings.source}:{line}: {problem}"
            for line, problem in places
        )
    )
