"""Doubt about one answer of a meter: what no meter of the wiring can show."""

import pytest

from devices.modbus.plausibility import what_cannot_be

PLAUSIBLE = {"voltage_l1_mv": 230_000, "voltage_l2_mv": 0, "frequency_mhz": 50_000, "energy_import_wh": 0}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"voltage_l1_mv": 0}, "no voltage on any phase"),
        ({"voltage_l1_mv": 400_000}, "voltages of 400000"),
        ({"voltage_l1_mv": -1}, "voltages of -1"),
        ({"frequency_mhz": 0}, "a frequency of 0"),
        ({"current_l1_ma": 130_000}, "currents of 130000"),
        ({"current_l1_ma": -31_000}, None),
        ({"energy_import_wh": -1}, "an energy register of -1"),
        ({"energy_import_wh": 10**12}, "an energy register"),
        ({"energy_import_wh": 10**400}, "an energy register of more than"),
        ({"power_w": 88_321}, "a power of 88321 W"),
        ({"power_w": -22_080}, None),
        ({"power_l1_w": 10**38}, "power_l1_w of more than"),
        ({"power_reactive_var": -(10**5000)}, "power_reactive_var of more than"),
        ({"temperature_dc": 2_001}, "a temperature of 2001"),
    ],
)
def test_what_cannot_be_is_named(change: dict[str, int], reason: str | None) -> None:
    found = what_cannot_be(PLAUSIBLE | change, phases=3, voltage_v=230, max_current_ma=32_000)
    assert (found or "None").startswith(str(reason))


def test_a_meter_that_tells_little_is_not_doubted_for_that() -> None:
    assert what_cannot_be({"energy_import_wh": 5}, phases=3, voltage_v=230, max_current_ma=32_000) is None
