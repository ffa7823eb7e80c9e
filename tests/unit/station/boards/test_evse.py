"""The board of controllers as the settings say it: read with their errors, judged, shown."""

import pytest

from station.boards import BoardModule, module_of
from station.boards.evse import read_wiring
from station.doctor.board import board_findings
from station.settings.loading import Settings, SettingsError, parse_settings
from tests.unit.devices.gpio.reference import HARDWARE
from tests.unit.station.boards.test_gpio import HEAD

BOARD = """[board]
kind = "evse"
fixed_cable = true
max_current_a = 16
[board.wiring.bus.a]
kind = "rtu"
device = "/dev/nowhere"
[board.wiring.connector.1]
controller = "evse-din"
bus = "a"
meter = { bus = "a", unit = 2, map = "eastron-sdm72d-m-2" }
"""


def settings(text: str = BOARD) -> Settings:
    return parse_settings(HEAD + text, "chargebox.toml")


def test_it_is_made_of_what_the_settings_say() -> None:
    module: BoardModule = module_of(settings())
    board = module.make(settings(), lambda: 0)
    assert (board.connector_ids, board.has_lock) == ((1,), False)


def test_its_doctor_says_what_is_untried_and_what_this_machine_lacks() -> None:
    found = "\n".join(map(str, module_of(settings()).findings(settings())))
    assert "untried on copper" in found
    assert "error: bus.a: /dev/nowhere is not there" in found
    assert "without contradiction" not in found


def test_a_sound_one_is_counted() -> None:
    found = settings(BOARD.replace('kind = "rtu"\ndevice = "/dev/nowhere"', 'kind = "tcp"\nhost = "10.0.0.8"'))
    assert str(module_of(found).findings(found)[-1]) == "ok: evse: 1 controllers are wired without contradiction"


def test_the_plan_has_a_line_for_each_part_and_no_picture() -> None:
    module = module_of(settings())
    assert "EVSE-WB/EVSE-DIN" in module.plan(settings())
    with pytest.raises(SettingsError, match="kind: has no picture"):
        module.picture(settings())


@pytest.mark.parametrize(
    ("right", "wrong", "told", "line"),
    [
        ('"evse-din"', '"evse-dim"', "[board.wiring.connector.1] controller: 'evse-dim' is no controller", "evse-dim"),
        ("unit = 2", "unit = 1", "[board.wiring.connector.1.meter] unit: unit 1 of bus a is", "unit = 1"),
        ("unit = 2", "unit = 999", "[board.wiring.connector.1.meter] unit: must be 1 to 247, not 999", "unit = 999"),
        ('bus = "a"\nm', 'bus = "b"\nm', "[board.wiring.connector.1] bus: 'b' is no bus", 'bus = "b"'),
    ],
)
def test_each_mistake_has_its_line_table_and_key(right: str, wrong: str, told: str, line: str) -> None:
    text = BOARD.replace(right, wrong)
    with pytest.raises(SettingsError) as refused:
        read_wiring(settings(text))
    (problem,) = refused.value.problems
    source, number, rest = problem.split(":", 2)
    assert source == "chargebox.toml"
    assert rest.strip().startswith(told)
    assert line in (HEAD + text).splitlines()[int(number) - 1]


def test_what_cannot_be_reached_is_said_when_it_is_to_be_made_safe() -> None:
    assert module_of(settings()).make_safe(settings()) == ("connector 1: its controller did not say that it is off",)


def test_the_document_shows_what_the_doctor_says_of_its_station() -> None:
    page = HARDWARE.read_text(encoding="utf-8").partition("## A station from bought parts")[2]
    shown = page.partition("says of them")[2].partition("```\n")[2].partition("```")[0].splitlines()
    text = page.partition("```toml\n")[2].partition("```")[0]
    found = [str(finding) for finding in board_findings(parse_settings(text, "chargebox.toml"))]
    # The devices are not plugged in here: what is in order is what the document adds.
    assert [line for line in found if line.startswith("warning")] == shown[:-1]
    assert shown[-1] == "ok       board: evse: 1 controllers are wired without contradiction"
