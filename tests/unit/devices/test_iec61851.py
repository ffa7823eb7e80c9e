"""Pilot levels, duty cycles and cable ratings of IEC 61851-1."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.iec61851 import (
    DIODE_LIMIT_MV,
    cable_rating_ma_from_ohm,
    duty_permille_from_ma,
    ma_from_duty_permille,
    pilot_state_from_mv,
)

NOMINAL_MV = {"A": 12_000, "B": 9_000, "C": 6_000, "D": 3_000, "E": 0, "F": -12_000}
STATES = st.sampled_from("ABCDEF")


@pytest.mark.parametrize(
    ("current_ma", "duty_permille"),
    [
        (0, 1000),
        (5_999, 1000),
        (6_000, 100),
        (10_000, 166),
        (16_000, 266),
        (32_000, 533),
        (51_000, 850),
        (51_500, 850),
        (52_500, 850),
        (52_750, 851),
        (63_000, 892),
        (80_000, 960),
        (200_000, 960),
    ],
)
def test_a_current_is_offered_by_the_duty_below_it(current_ma: int, duty_permille: int) -> None:
    assert duty_permille_from_ma(current_ma) == duty_permille


@pytest.mark.parametrize(
    ("duty_permille", "current_ma"),
    [
        (0, 0),
        (50, 0),
        (79, 0),
        (80, 6_000),
        (99, 6_000),
        (100, 6_000),
        (266, 15_960),
        (850, 51_000),
        (851, 52_750),
        (960, 80_000),
        (970, 80_000),
        (971, 0),
        (1000, 0),
    ],
)
def test_a_duty_offers_the_current_of_the_standard(duty_permille: int, current_ma: int) -> None:
    assert ma_from_duty_permille(duty_permille) == current_ma


@given(st.integers(0, 100_000))
@settings(max_examples=200)
def test_never_more_is_offered_than_was_asked_and_little_less(current_ma: int) -> None:
    offered_ma = ma_from_duty_permille(duty_permille_from_ma(current_ma))
    assert offered_ma <= current_ma
    if 6_000 <= current_ma <= 51_000:
        assert current_ma - offered_ma < 60
    elif 52_750 <= current_ma <= 80_000:
        assert current_ma - offered_ma < 250


def test_every_duty_survives_the_way_to_ampere_and_back() -> None:
    for duty_permille in range(100, 961):
        assert duty_permille_from_ma(ma_from_duty_permille(duty_permille)) == duty_permille


@given(STATES, st.one_of(st.none(), STATES), st.integers(-999, 999), st.booleans(), st.integers(-990, 990))
@settings(max_examples=300)
def test_levels_within_the_standards_windows_are_classified_whatever_was_before(
    state: str, previous: str | None, noise_mv: int, alternates: bool, low_noise_mv: int
) -> None:
    high_mv = NOMINAL_MV[state] + noise_mv
    low_mv = -12_000 + low_noise_mv if alternates else high_mv
    assert pilot_state_from_mv(high_mv, low_mv, previous) == state


@given(
    st.sampled_from([("A", "B", 10_500), ("B", "C", 7_500), ("C", "D", 4_500), ("D", "E", 1_500), ("E", "F", -6_000)]),
    st.lists(st.integers(-299, 299), max_size=20),
    st.booleans(),
)
@settings(max_examples=100)
def test_noise_at_a_boundary_does_not_flicker(edge: tuple[str, str, int], noise: list[int], from_above: bool) -> None:
    upper, lower, boundary_mv = edge
    state = upper if from_above else lower
    for noise_mv in noise:
        level_mv = boundary_mv + noise_mv
        assert pilot_state_from_mv(level_mv, level_mv, state) == state


@pytest.mark.parametrize("high_mv", [9_000, 6_000, 3_000])
def test_an_alternating_line_without_the_vehicles_diode_is_an_error(high_mv: int) -> None:
    assert pilot_state_from_mv(high_mv, -high_mv, "C") == "E"
    assert pilot_state_from_mv(high_mv, -high_mv, None) == "E"


def test_the_diode_is_judged_with_hysteresis() -> None:
    assert pilot_state_from_mv(6_000, -10_300, "C") == "C"
    assert pilot_state_from_mv(6_000, -10_700, "E") == "E"
    assert pilot_state_from_mv(6_000, -10_900, "E") == "C"


def test_the_first_reading_of_all_is_held_to_the_diode_limit_itself() -> None:
    """Without a state before it there is no hysteresis: a vehicle without its diode is seen at once."""
    assert pilot_state_from_mv(6_000, DIODE_LIMIT_MV, None) == "C"
    assert pilot_state_from_mv(6_000, DIODE_LIMIT_MV + 1, None) == "E"


def test_a_steady_pilot_shows_no_diode() -> None:
    assert pilot_state_from_mv(6_100, 5_900, "B") == "C"


def test_a_short_to_earth_is_an_error_also_under_pwm() -> None:
    assert pilot_state_from_mv(0, -12_000, "C") == "E"
    assert pilot_state_from_mv(0, 0, "C") == "E"


@pytest.mark.parametrize(
    ("resistance_ohm", "rating_ma"),
    [(0, None), (59, None), (100, 63_000), (220, 32_000), (680, 20_000), (1_500, 13_000), (2_700, None), (10**6, None)],
)
def test_the_proximity_resistor_states_the_rating_of_the_cable(resistance_ohm: int, rating_ma: int | None) -> None:
    assert cable_rating_ma_from_ohm(resistance_ohm) == rating_ma


@given(st.sampled_from([(100, 63_000), (220, 32_000), (680, 20_000), (1_500, 13_000)]), st.integers(-25, 25))
@settings(max_examples=100)
def test_a_resistor_a_quarter_off_still_states_its_rating(nominal: tuple[int, int], percent: int) -> None:
    resistance_ohm, rating_ma = nominal
    assert cable_rating_ma_from_ohm(resistance_ohm * (100 + percent) // 100) == rating_ma
