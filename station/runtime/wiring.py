"""The wiring of a gpio board as the settings say it: read with the settings' own errors, shown, and its outputs made safe."""

from typing import TYPE_CHECKING

from devices.protocols import BoardUnavailable
from station.settings.lines import find_line
from station.settings.loading import Settings, SettingsError

if TYPE_CHECKING:
    from devices.gpio.wiring import Wiring


def read_wiring(settings: Settings) -> "Wiring":
    """`[board.wiring]` as a whole plan. Raises SettingsError with every problem, each with its line, table and key."""
    from devices.gpio.wiring import WiringError, parse_wiring

    board = settings.board
    if board.kind != "gpio":
        raise settings.error("board", "kind", 'has no wiring: only "gpio" has one')
    try:
        return parse_wiring(
            board.wiring,
            connectors=settings.station.connectors,
            fixed_cable=board.fixed_cable,
            phases=board.phases,
            voltage_v=board.voltage_v,
            max_current_a=board.max_current_a,
        )
    except WiringError as error:
        places = ((find_line(settings.lines, problem.path), problem) for problem in error.problems)
        raise SettingsError(
            tuple(
                f"{settings.source}: {problem}" if line is None else f"{settings.source}:{line}: {problem}"
                for line, problem in places
            )
        ) from error


def wiring_table(wiring: "Wiring") -> str:
    """The plan as text."""
    from devices.gpio.plan import plan, table

    return table(plan(wiring))


def wiring_picture(wiring: "Wiring", title: str) -> str:
    """The plan as SVG."""
    from devices.gpio.picture import picture

    return picture(wiring, title)


def wiring_doubts(wiring: "Wiring") -> tuple[str, ...]:
    """What is wrong or doubtful about it alone, a line each."""
    from devices.gpio.findings import wiring_findings

    return tuple(str(finding) for finding in wiring_findings(wiring))


def make_outputs_safe(wiring: "Wiring") -> tuple[str, ...]:
    """Contactors open, pilots steady, whatever a dead process left; what refused, a line each."""
    from devices.gpio.factory import named_factory
    from devices.gpio.probe import make_safe

    try:
        return make_safe(wiring, named_factory(wiring.pins))
    except BoardUnavailable as error:
        return (str(error),)
