"""What is wrong with the wiring, with its line."""

from devices.kinds import Problem
from station.boards.wiring_errors import settings_error
from tests.unit.station.boards.test_gpio import settings


def test_a_problem_has_the_line_of_its_key_and_one_without_a_line_the_file() -> None:
    found = settings('[board]\nkind = "gpio"\n[board.wiring]\npins = "lgpio"\n')
    problems = (
        Problem(path=("board", "wiring", "pins"), text="is none"),
        Problem(path=("elsewhere", "pins"), text="is none"),
    )
    assert settings_error(found, problems).problems == (
        "chargebox.toml:8: [board.wiring] pins: is none",
        "chargebox.toml: [elsewhere] pins: is none",
    )
