"""The wiring: the example of the documentation, and every mistake with its table and key."""

from collections.abc import Callable
from typing import Any

import pytest

from devices.gpio.wiring import Wiring, WiringError, parse_wiring, pin_uses
from tests.contract.rigs import wiring
from tests.unit.devices.gpio.reference import parsed, reference_raw


def problems(raw: Any, **how: Any) -> list[str]:
    with pytest.raises(WiringError) as caught:
        parsed(raw, **how)
    assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def test_the_example_of_the_documentation_is_a_whole_wiring() -> None:
    example = parsed(reference_raw())
    assert isinstance(example, Wiring)
    assert len(example.connectors) == 1
    assert example.connectors[0].pilot.low_channel == 2
    assert len({use.pin for use in pin_uses(example)}) == 22


def test_nothing_at_all_lacks_its_connectors() -> None:
    assert problems({}, connectors=2) == [
        "[board.wiring.connector] 1: is required",
        "[board.wiring.connector] 2: is required",
    ]


def test_every_mistake_is_told_at_once() -> None:
    raw = reference_raw()
    raw["pinns"] = "x"
    raw["connector"]["1"]["pilot"]["channel"] = 9
    raw["connector"]["1"]["lock"]["lock"] = "GPIO99"
    del raw["connector"]["1"]["contactor"]["coil"]
    assert problems(raw) == [
        "[board.wiring] pinns: is no key of this table; did you mean pins?",
        "[board.wiring.connector.1.pilot] channel: must be 0 to 7, not 9",
        "[board.wiring.connector.1.contactor] coil: is required",
        "[board.wiring.connector.1.lock] lock: 'GPIO99' is no pin: write it as GPIO18, or any way gpiozero takes",
    ]


def connector(raw: Any) -> Any:
    return raw["connector"]["1"]


MISTAKES: list[tuple[Callable[[Any], object], str]] = [
    (lambda raw: raw.update(connector={"2": {}, "1": connector(raw)}), "connector.2.pilot]|connector.2] pilot: is required"),
    (lambda raw: raw["connector"].update({"2": connector(raw)}), "connector] 2: does not exist"),
    (lambda raw: connector(raw).pop("lock"), "connector.1] lock: is required"),
    (lambda raw: connector(raw).pop("proximity"), "connector.1] proximity: is required"),
    (lambda raw: connector(raw).pop("meter"), "connector.1] meter: is required"),
    (lambda raw: connector(raw)["pilot"].update(adc="b"), "pilot] adc: 'b' is no ADC of [board.wiring.adc] (a)"),
    (lambda raw: raw.update(adc={}), "pilot] adc: 'a' is no ADC of [board.wiring.adc] (none is declared)"),
    (lambda raw: raw["adc"]["a"].update(chip="MCP3204") or connector(raw)["pilot"].update(channel=5), "MCP3204 has channels 0 to 3"),
    (lambda raw: connector(raw)["pilot"].update(zero_mv=15_000), "pilot] full_mv: must differ from zero_mv"),
    (lambda raw: connector(raw)["pilot"].update(output="gpiozero"), 'pilot] output: "gpiozero" is no longer offered (only pigpio made its PWM'),
    (lambda raw: connector(raw)["pilot"].update(output="pwm"), 'pilot] output: must be "sysfs", not the text "pwm"'),
    (lambda raw: raw.update(pins="pigpio"), 'wiring] pins: "pigpio" is no longer offered (it never ran on a Pi 5, and Debian 13 has none): write pins = "gpiod"'),
    (lambda raw: raw.update(pins="rpigpio"), 'wiring] pins: must be "gpiod" or "lgpio", not the text "rpigpio"'),
    (lambda raw: connector(raw)["pilot"].update(sense="comparators"), "pilot] above_10500_mv: is required for comparators"),
    (lambda raw: connector(raw)["pilot"].update(channel=1), "proximity] channel: channel 1 of ADC a is taken by connector.1.pilot.channel"),
    (lambda raw: connector(raw)["proximity"].update(kind="contact"), "proximity] contact: is required for contact"),
    (lambda raw: connector(raw)["meter"].update(bus="x"), "meter] bus: 'x' is no bus of [board.wiring.bus] (meters)"),
    (lambda raw: connector(raw)["meter"].update(map="sdm"), "meter] map: 'sdm' is no register map; there are abb-b23"),
    (lambda raw: connector(raw)["meter"].pop("map"), "meter] map: is required for modbus"),
    (lambda raw: connector(raw)["meter"].update(kind="s0"), "meter] pulse: is required for s0"),
    (lambda raw: raw["bus"]["meters"].pop("device"), "bus.meters] device: is required for rtu"),
    (lambda raw: raw["bus"]["meters"].update(kind="tcp"), "bus.meters] host: is required for tcp"),
    (lambda raw: raw["readers"][0].pop("data1"), "readers.1] data1: is required for wiegand"),
    (lambda raw: raw["readers"][0].update(kind="serial"), "readers.1] device: is required for serial"),
    (lambda raw: raw["readers"][0].update(format="rdm6300"), "readers.1] format: rdm6300 is a serial reader"),
    (lambda raw: raw["readers"][0].update(connector=2), "readers.1] connector: does not exist"),
    (lambda raw: raw["readers"][0].update(kind="pn532"), "readers.1] device: is required for pn532"),
    (
        lambda raw: raw["readers"][0].update(kind="pn532", device="/dev/serial0", format="decimal"),
        "readers.1] format: a pn532 gives the bytes of the UID: only hex",
    ),
    (
        lambda raw: raw["readers"][0].update(kind="pn532", device="/dev/serial0", repeat_ms=599),
        "readers.1] repeat_ms: must be at least 600 for pn532",
    ),
    (lambda raw: raw["faults"][0].update(connector=2), "faults.1] connector: does not exist"),
    (lambda raw: raw["faults"][0].update(error_code="NoError"), 'faults.1] error_code: must be "GroundFailure" or'),
    (lambda raw: raw.update(watchdog={}), "watchdog] pin: pin or device is required"),
    (lambda raw: raw["watchdog"].update(period_ms=9_000), "watchdog] period_ms: must be at most half of timeout_s"),
    (lambda raw: connector(raw)["indicator"].update(red={"pin": 21, "active": "low"}), "indicator] red: must have the same active level"),
    (lambda raw: raw.update(mains="BOARD12"), "mains: GPIO18 is taken by connector 1 pilot"),
    (lambda raw: raw.update(mains="GPIO8"), "mains: GPIO8 is taken by ADC a select"),
    (lambda raw: connector(raw)["contactor"].update(mirror=16), "mirror: GPIO16 is taken by connector 1 contactor coil"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "text"), MISTAKES, ids=[text for _, text in MISTAKES])
def test_each_mistake_is_told_with_table_and_key(mistake: Callable[[Any], object], text: str) -> None:
    raw = reference_raw()
    mistake(raw)
    told = problems(raw)
    assert any(part in line for part in text.split("|") for line in told), told
    assert all(line.startswith("[board.wiring") for line in told)


def test_a_fixed_cable_has_neither_lock_nor_proximity() -> None:
    assert problems(reference_raw(), fixed_cable=True) == [
        "[board.wiring.connector.1] proximity: a fixed cable has no proximity contact",
        "[board.wiring.connector.1] lock: a fixed cable has no lock",
    ]
    raw = reference_raw()
    del connector(raw)["lock"], connector(raw)["proximity"]
    assert parsed(raw, fixed_cable=True).fixed_cable


def test_two_converters_share_the_bus_but_not_the_select_line() -> None:
    raw = reference_raw()
    raw["adc"]["b"] = {"select": "GPIO14"}
    assert set(parsed(raw).adcs) == {"a", "b"}
    raw["adc"]["b"] = {"select": "GPIO8"}
    assert problems(raw) == ["[board.wiring.adc.b] select: GPIO8 is taken by ADC a select"]
    raw["adc"]["b"] = {"select": "GPIO14", "mosi": "GPIO15"}
    assert problems(raw)[0] == "[board.wiring.adc.b] clock: GPIO11 is taken by ADC a clock"


def test_two_pilots_need_two_pwm_channels() -> None:
    raw = reference_raw()
    second = reference_raw()["connector"]["1"]
    raw["connector"]["2"] = second
    assert any("pwm_channel: is the PWM channel of connector 1" in line for line in problems(raw, connectors=2))


def test_two_connectors_on_one_header() -> None:
    assert len(wiring("peak", connectors=2).connectors) == 2


def test_what_is_no_table_is_told() -> None:
    with pytest.raises(WiringError, match=r"\[board\] wiring: must be a table"):
        parse_wiring("x", connectors=1, fixed_cable=False)  # type: ignore[arg-type]  # a file may say anything
