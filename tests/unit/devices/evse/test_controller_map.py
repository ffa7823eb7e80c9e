"""Controller maps: those that come along are whole, and one with a mistake is refused with its place."""

from pathlib import Path

import pytest

from devices.evse.controller_map import controller_names, load_controller, parse_controller
from devices.modbus.register_map import MapError

WHOLE = """
name = "A controller"
source = "this test"
[state]
function = "holding"
at = 1
letters = { 1 = "A", 2 = "B", 3 = "C" }
[current]
at = 2
step_ma = 1000
"""


@pytest.mark.parametrize("name", controller_names())
def test_every_map_says_where_it_is_from_and_that_it_is_untried(name: str) -> None:
    found = load_controller(name)
    assert found.source
    assert found.tried == ""
    assert {"A", "B", "C"} <= set(found.state.letters.values()) or found.state.text


def test_a_file_of_ones_own_is_a_map(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(WHOLE)
    assert load_controller(str(file)).name == "A controller"


def test_states_are_numbers_or_letters() -> None:
    found = parse_controller(WHOLE).state
    assert [found.state(word) for word in (1, 3, 4)] == ["A", "C", None]
    low = load_controller("phoenix-em-cp-pp-eth").state
    assert [low.state(word) for word in (0x0041, 0x4200, 0x0047)] == ["A", None, None]
    assert load_controller("phoenix-charx").state.state(0x4332) == "C"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("at = 2", "at = 70000"), "current.at: must be 0 to 65535, not 70000"),
        (("at = 2\n", ""), "current.at: is required"),
        (("step_ma = 1000", "step_ma = 0"), "current.step_ma: must be 1 to 1000, not 0"),
        (('3 = "C"', '3 = "X"'), "state.letters: 3 must be one of A, B, C, D, E, F"),
        (('3 = "C"', 'x = "C"'), "state.letters: x is no number of a register"),
        (("letters =", "leters ="), "state.leters: is no key of this table; did you mean letters?"),
        (('letters = { 1 = "A", 2 = "B", 3 = "C" }', ""), "state: must have either letters or text"),
        (("[current]", "[curent]"), "current: is required"),
        (('function = "holding"', 'function = "coil"'), 'state.function: must be "holding" or "input"'),
        (('name = "A controller"', "name = "), "is not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_key(change: tuple[str, str], message: str) -> None:
    with pytest.raises(MapError) as refused:
        parse_controller(WHOLE.replace(*change))
    assert message in str(refused.value)


def test_a_meter_with_a_wrong_register_is_named() -> None:
    meter = '[[meter]]\nfunction = "input"\n[meter.values]\npower_w = { at = 70000, type = "uint16" }\n'
    with pytest.raises(MapError, match=r"meter.1: power_w: at must be 0 to 65535"):
        parse_controller(WHOLE + meter)
    twice = '[[meter]]\nfunction = "input"\n[meter.values]\npower_w = { at = 7, type = "uint16" }\n'
    with pytest.raises(MapError, match="meter: has power_w twice"):
        parse_controller(WHOLE + twice + twice)


def test_a_controller_that_is_none_names_those_that_there_are() -> None:
    with pytest.raises(MapError, match=r"'evse-dim' is no controller; there are evse-din, heidelberg-ec, .*openevse"):
        load_controller("evse-dim")
    with pytest.raises(MapError, match="cannot be read"):
        load_controller("/nowhere/at-all.toml")
