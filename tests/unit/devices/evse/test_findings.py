"""What is wrong or doubtful about a board of controllers."""

import tomllib
from pathlib import Path

from devices.evse.findings import UNTRIED, machine_findings, table, wiring_findings
from devices.evse.wiring import EvseWiring, parse_wiring
from devices.findings import BoardFinding
from tests.unit.devices.evse.test_wiring import BUS, ONE, TCP


def parsed(text: str) -> EvseWiring:
    return parse_wiring(tomllib.loads(text), connectors=1, fixed_cable=True)


def said(found: tuple[BoardFinding, ...]) -> str:
    return "\n".join(map(str, found))


def test_an_untried_controller_without_failsafe_pin_and_mirror_says_so() -> None:
    text = said(wiring_findings(parsed(BUS + ONE)))
    for words in (
        UNTRIED,
        "no failsafe that can be armed",
        "no pin in its enable line",
        "no mirror contact",
        "readers: none",
    ):
        assert words in text
    assert "delivered with" not in text


def test_what_is_wired_is_not_missed() -> None:
    wired = ONE.replace('"evse-din"', '"evse-din"\nenable = "GPIO5"\nmirror = "GPIO6"')
    text = said(wiring_findings(parsed(BUS + wired + '[[readers]]\nkind = "serial"\ndevice = "/dev/x"\n')))
    for words in ("enable line", "mirror contact", "readers"):
        assert words not in text


def test_a_bus_with_another_speed_than_the_controllers_is_doubtful() -> None:
    text = said(wiring_findings(parsed(BUS + "baudrate = 19200\n" + ONE)))
    assert "EVSE-WB/EVSE-DIN is delivered with 9600 8N1, its bus is not set so" in text


def test_an_open_evse_never_falls_to_nothing_and_a_charx_has_a_reader() -> None:
    text = said(wiring_findings(parsed('[connector.1]\ncontroller = "openevse"\ndevice = "/dev/x"\n')))
    assert "falls to 6 A by itself, never to nothing" in text
    charx = '[connector.1]\ncontroller = "phoenix-charx"\nbus = "t"\n'
    assert "readers" not in said(wiring_findings(parsed(TCP + charx)))


def test_the_machine_lacks_what_is_not_there(tmp_path: Path) -> None:
    device = tmp_path / "tty"
    wiring = parsed(
        BUS.replace("/dev/ttyUSB0", str(device)) + ONE.replace('"evse-din"', '"evse-din"\nenable = "GPIO5"')
    )
    text = said(machine_findings(wiring, has_module=lambda name: False))
    for words in ("pymodbus is not installed", "serial is not installed", "gpiod is not installed", "is not there"):
        assert words in text
    device.touch()
    assert "may not be read" in said(machine_findings(wiring, has_module=lambda name: True, may_use=lambda path: False))
    assert machine_findings(wiring, has_module=lambda name: True, may_use=lambda path: True) == ()


def test_the_table_has_a_line_for_each_controller_meter_and_pin() -> None:
    wired = ONE.replace('"evse-din"', '"evse-din"\nenable = "GPIO5"')
    assert table(parsed(BUS + wired)).splitlines() == [
        "connector 1         EVSE-WB/EVSE-DIN    bus a, unit 1",
        "connector 1 meter   eastron-sdm72d-m-2  bus a, unit 2",
        "connector 1 enable  GPIO5               active high",
    ]
    charx = '[connector.1]\ncontroller = "phoenix-charx"\nbus = "t"\n'
    assert "unit 1, number 1" in table(parsed(TCP + charx))
