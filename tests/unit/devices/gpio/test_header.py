"""The pin header by gpiozero's names."""

import pytest

from devices.gpio.header import canonical_pin, header_number, header_pins


@pytest.mark.parametrize("name", ["GPIO18", "18", 18, "BCM18", "BOARD12", "J8:12", "WPI1"])
def test_every_name_of_gpiozeros_is_the_same_pin(name: str | int) -> None:
    assert canonical_pin(name) == "GPIO18"


@pytest.mark.parametrize("name", ["BOARD6", "GND", "3V3"])
def test_power_is_no_gpio(name: str) -> None:
    with pytest.raises(ValueError, match="not a GPIO"):
        canonical_pin(name)


@pytest.mark.parametrize("name", ["GPIO99", "X1", "", 99])
def test_what_is_not_there_is_refused(name: str | int) -> None:
    with pytest.raises(ValueError, match="is no pin"):
        canonical_pin(name)


def test_a_compute_module_has_lines_beyond_the_header() -> None:
    assert canonical_pin("GPIO40") == "GPIO40"
    assert header_number("GPIO40") is None


def test_the_header_has_40_pins_and_four_with_pwm() -> None:
    assert [pin.number for pin in header_pins()] == list(range(1, 41))
    assert {pin.name for pin in header_pins() if pin.has_pwm} == {"GPIO12", "GPIO13", "GPIO18", "GPIO19"}
    assert header_number("GPIO18") == 12
