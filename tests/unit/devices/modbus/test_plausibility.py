"""Doubt about meters: nothing negative, nothing lost, nothing believed at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.modbus.plausibility import CONFIRMATIONS, SLACK_WH, Trust, judged, what_cannot_be

POWER_W = 22_000
PLAUSIBLE = {"voltage_l1_mv": 230_000, "voltage_l2_mv": 0, "frequency_mhz": 50_000, "energy_import_wh": 0}


def passed_on(registers: list[int], step_ms: int = 1_000) -> list[int]:
    trust, passed = Trust(), []
    for number, energy_wh in enumerate(registers):
        trust, reason = judged(trust, energy_wh, number * step_ms, max_power_w=POWER_W)
        if reason is None:
            passed.append(energy_wh)
    return passed


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
    ],
)
def test_what_cannot_be_is_named(change: dict[str, int], reason: str | None) -> None:
    found = what_cannot_be(PLAUSIBLE | change, voltage_v=230, max_current_ma=32_000)
    assert (found or "None").startswith(str(reason))


def test_a_meter_that_tells_little_is_not_doubted_for_that() -> None:
    assert what_cannot_be({"energy_import_wh": 5}, voltage_v=230, max_current_ma=32_000) is None


def test_a_register_that_counts_is_passed_on() -> None:
    assert passed_on([100, 100, 106, 112]) == [100, 100, 106, 112]


@pytest.mark.parametrize("odd", [0, 99, 10**9])
def test_one_odd_reading_changes_nothing(odd: int) -> None:
    assert passed_on([100, odd, 106, odd, odd, 112]) == [100, 106, 112]


@pytest.mark.parametrize("start", [0, 10**9])
def test_a_meter_that_was_reset_or_exchanged_is_believed_after_some_readings(start: int) -> None:
    registers = [50_000, start, start + 6, start + 12, start + 18]
    assert passed_on(registers) == [50_000, *registers[CONFIRMATIONS:]]


def test_readings_that_do_not_agree_with_each_other_are_never_believed() -> None:
    assert passed_on([50_000, 0, 9_000, 0, 9_000, 0, 9_000]) == [50_000]


def test_what_was_counted_during_a_long_silence_is_believed() -> None:
    trust, _ = judged(Trust(), 1_000, 0, max_power_w=POWER_W)
    hour_ms = 3_600_000
    assert judged(trust, 1_000 + POWER_W, hour_ms, max_power_w=POWER_W)[1] is None
    assert judged(trust, 1_000 + 2 * POWER_W, hour_ms, max_power_w=POWER_W)[1] is not None


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=40))
@settings(max_examples=100)
def test_a_fall_or_a_jump_is_only_passed_on_when_confirmed(registers: list[int]) -> None:
    trust, last_ms = Trust(), 0
    odd_run = 0
    for number, energy_wh in enumerate(registers):
        at_ms = number * 1_000
        before = trust.accepted_wh
        trust, reason = judged(trust, energy_wh, at_ms, max_power_w=POWER_W)
        if reason is not None:
            odd_run += 1
            continue
        if before is not None:
            rise_max_wh = SLACK_WH + POWER_W * 3 * (at_ms - last_ms) // 7_200_000
            assert 0 <= energy_wh - before <= rise_max_wh or odd_run >= CONFIRMATIONS - 1
        last_ms, odd_run = at_ms, 0
