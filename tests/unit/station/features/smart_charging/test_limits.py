import random
from datetime import UTC, datetime

import pytest

from eventstore.catalogue.smart_charging import ChargingProfile, SchedulePeriod
from station.features.smart_charging.limits import (
    DAY_MS,
    HOUR_MS,
    WEEK_MS,
    Limit,
    Surroundings,
    deci_of,
    limit_of_current,
    limit_of_period,
    lower_of,
    ma_of,
    minimum_rate_mw6,
    stack_limit,
    sum_of,
)
from station.features.smart_charging.steps import Steps, at
from tests.unit.station.features.smart_charging.reference import (
    START_S,
    WEEK_S,
    plain_limit,
    random_profile,
    sampled_seconds,
)

THREE_PHASES = Surroundings(voltage_v=230, phases=3, max_current_ma=32_000)
ONE_PHASE = Surroundings(voltage_v=230, phases=1, max_current_ma=32_000)
START_MS = START_S * 1000


def utc_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def profile(*limits: tuple[int, int], **members: object) -> ChargingProfile:
    """A profile of (start_s, limit in A) periods, Absolute from START_MS on unless told otherwise."""
    given = {
        "charging_profile_id": 1,
        "stack_level": 0,
        "purpose": "TxDefaultProfile",
        "kind": "Absolute",
        "unit": "A",
        "start_schedule_utc_ms": START_MS,
        "periods": tuple(SchedulePeriod(start_s=start_s, limit_deci=limit * 10) for start_s, limit in limits),
    }
    return ChargingProfile(**{**given, **members})  # type: ignore[arg-type]  # members by name


def amperes(function: Steps[Limit | None], second: int) -> int | None:
    limit = at(function, second * 1000)
    return None if limit is None else ma_of(limit.phase_mw6, THREE_PHASES) // 1000


def spans(function: Steps[Limit | None]) -> list[tuple[int, int | None]]:
    """Seconds after START_MS and amperes of each step."""
    return [(start // 1000 - START_S, amperes(function, start // 1000)) for start in function.starts_ms]


def of(one: ChargingProfile, to_s: int, from_s: int = 0, since_s: int | None = None) -> list[tuple[int, int | None]]:
    since_ms = None if since_s is None else START_MS + since_s * 1000
    return spans(stack_limit((one,), START_MS + from_s * 1000, START_MS + to_s * 1000, since_ms, THREE_PHASES))


@pytest.mark.parametrize("seed", range(60))
def test_a_profile_limits_every_second_as_the_standard_says(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    one = random_profile(chance, 1, "TxDefaultProfile", 0)
    since_s = chance.choice((None, START_S - 4_000, START_S + 5))
    since_ms = None if since_s is None else since_s * 1000
    function = stack_limit((one,), START_MS, START_MS + WEEK_MS, since_ms, THREE_PHASES)
    changes = [start // 1000 for start in function.starts_ms]
    for second in sampled_seconds(chance, START_S, START_S + WEEK_S, changes, 60):
        expected = plain_limit(one, second, START_S if since_s is None else since_s, THREE_PHASES)
        found = at(function, second * 1000)
        assert (found is None) == (expected is None), second
        if found is not None and expected is not None:
            assert expected.amperes * 230 * 6_000 == found.phase_mw6, second
            assert expected.phases == found.phases, second


def test_the_last_period_holds_until_the_duration_ends() -> None:
    assert of(profile((0, 6), (60, 10), duration_s=300), to_s=400) == [(0, 6), (60, 10), (300, None)]


def test_without_a_duration_the_last_period_holds_for_ever() -> None:
    assert of(profile((0, 6), (60, 10)), to_s=100_000) == [(0, 6), (60, 10)]


def test_periods_beyond_the_duration_are_not_executed() -> None:
    assert of(profile((0, 6), (60, 10), (120, 16), duration_s=60), to_s=200) == [(0, 6), (60, None)]


def test_an_absolute_schedule_starts_with_its_start_schedule_and_may_have_begun_before() -> None:
    late = profile((0, 6), (60, 10), start_schedule_utc_ms=START_MS + 30_000)
    assert of(late, to_s=200) == [(0, None), (30, 6), (90, 10)]
    early = profile((0, 6), (60, 10), start_schedule_utc_ms=START_MS - 70_000, duration_s=100)
    assert of(early, to_s=200) == [(0, 10), (30, None)]


def test_an_absolute_schedule_without_start_schedule_begins_with_the_charging() -> None:
    open_start = profile((0, 6), (60, 10), start_schedule_utc_ms=None)
    assert of(open_start, to_s=200, since_s=-20) == [(0, 6), (40, 10)]
    assert of(open_start, to_s=200) == [(0, 6), (60, 10)]


def test_a_relative_schedule_begins_with_the_transaction_whatever_start_schedule_says() -> None:
    relative = profile((0, 6), (60, 10), kind="Relative", duration_s=120)
    assert of(relative, to_s=200, since_s=-50) == [(0, 6), (10, 10), (70, None)]


def test_a_relative_schedule_without_a_transaction_begins_now() -> None:
    assert of(profile((0, 6), (60, 10), kind="Relative"), from_s=500, to_s=700) == [(500, 6), (560, 10)]


def test_validity_begins_at_valid_from_and_ends_before_valid_to() -> None:
    bounded = profile((0, 6), valid_from_utc_ms=START_MS + 10_000, valid_to_utc_ms=START_MS + 20_000)
    assert of(bounded, to_s=30) == [(0, None), (10, 6), (20, None)]


def test_a_validity_that_ends_before_it_begins_limits_nothing() -> None:
    for kind in ("Absolute", "Relative", "Recurring"):
        never = profile(
            (0, 6),
            kind=kind,
            recurrency="Daily",
            valid_from_utc_ms=START_MS + 20_000,
            valid_to_utc_ms=START_MS + 10_000,
        )
        assert of(never, to_s=100_000) == [(0, None)]


def test_validity_does_not_move_the_start_of_the_schedule() -> None:
    assert of(profile((0, 6), (60, 10), valid_from_utc_ms=START_MS + 30_000), to_s=90) == [(0, None), (30, 6), (60, 10)]


def test_a_daily_schedule_restarts_every_24_hours_at_the_time_of_its_start_schedule() -> None:
    nightly = profile(
        (0, 16),
        kind="Recurring",
        recurrency="Daily",
        duration_s=8 * 3_600,
        start_schedule_utc_ms=START_MS - 100 * DAY_MS - 2 * HOUR_MS,
    )
    assert of(nightly, to_s=2 * 86_400) == [
        (0, 16),
        (6 * 3_600, None),
        (22 * 3_600, 16),
        (30 * 3_600, None),
        (46 * 3_600, 16),
    ]


def test_a_weekly_schedule_restarts_on_the_day_and_time_of_its_start_schedule() -> None:
    friday_noon = utc_ms("2025-11-14T12:00:00")
    weekly = profile(
        (0, 6), (3_600, 10), kind="Recurring", recurrency="Weekly", start_schedule_utc_ms=friday_noon, duration_s=7_200
    )
    function = stack_limit((weekly,), START_MS, START_MS + 2 * WEEK_MS, None, THREE_PHASES)
    first = utc_ms("2026-01-02T12:00:00") // 1000
    for week in (0, WEEK_S):
        assert [amperes(function, first + week + shift) for shift in (-1, 0, 3_599, 3_600, 7_199, 7_200)] == [
            None, 6, 6, 10, 10, None,
        ]  # fmt: skip


def test_a_recurring_schedule_does_not_run_before_its_start_schedule() -> None:
    future = profile((0, 6), kind="Recurring", recurrency="Daily", start_schedule_utc_ms=START_MS + 3 * DAY_MS)
    assert of(future, to_s=2 * 86_400) == [(0, None)]
    assert of(future, to_s=4 * 86_400)[:2] == [(0, None), (3 * 86_400, 6)]


def test_what_is_longer_than_the_recurrence_is_not_executed() -> None:
    long = profile((0, 6), (80_000, 10), (90_000, 16), kind="Recurring", recurrency="Daily", duration_s=200_000)
    assert of(long, to_s=3 * 86_400) == [
        (0, 6),
        (80_000, 10),
        (86_400, 6),
        (166_400, 10),
        (172_800, 6),
        (252_800, 10),
    ]


def test_a_recurring_schedule_without_duration_fills_its_recurrence() -> None:
    assert of(profile((0, 6), (50_000, 10), kind="Recurring", recurrency="Daily"), to_s=100_000) == [
        (0, 6),
        (50_000, 10),
        (86_400, 6),
    ]


@pytest.mark.parametrize(
    ("before", "day"),
    [
        ("2026-03-28", "2026-03-29"),
        ("2026-10-24", "2026-10-25"),
        ("2028-02-28", "2028-02-29"),
        ("2026-12-31", "2027-01-01"),
    ],
)
def test_summer_time_leap_days_and_the_turn_of_the_year_change_nothing(before: str, day: str) -> None:
    daily = profile(
        (0, 6), (3_600, 16), kind="Recurring", recurrency="Daily", duration_s=7_200,
        start_schedule_utc_ms=utc_ms("2025-06-01T01:30:00"),
    )  # fmt: skip
    from_ms = utc_ms(f"{before}T00:00:00")
    function = stack_limit((daily,), from_ms, from_ms + 3 * DAY_MS, None, THREE_PHASES)
    for hour, expected in (("01:29:59", None), ("01:30:00", 6), ("02:30:00", 16), ("03:29:59", 16), ("03:30:00", None)):
        assert amperes(function, utc_ms(f"{day}T{hour}") // 1000) == expected


def test_fractions_of_a_second_are_cut_off() -> None:
    assert of(profile((0, 6), start_schedule_utc_ms=START_MS + 10_999), to_s=60) == [(0, None), (10, 6)]


def test_a_schedule_that_does_not_start_with_zero_limits_nothing_before_its_first_period() -> None:
    assert of(profile((30, 6)), to_s=60) == [(0, None), (30, 6)]


def test_an_absent_number_of_phases_is_three() -> None:
    watts = profile((0, 0), unit="W")
    limit = limit_of_period(watts, SchedulePeriod(start_s=0, limit_deci=110_400), THREE_PHASES)
    assert (ma_of(limit.phase_mw6, THREE_PHASES), limit.phases) == (16_000, 3)


def test_watts_are_spread_over_the_phases_of_the_period() -> None:
    watts = profile((0, 0), unit="W")
    limit = limit_of_period(watts, SchedulePeriod(start_s=0, limit_deci=36_800, phases=1), THREE_PHASES)
    assert (ma_of(limit.phase_mw6, THREE_PHASES), limit.phases) == (16_000, 1)


def test_amperes_count_per_phase() -> None:
    limit = limit_of_period(profile((0, 0)), SchedulePeriod(start_s=0, limit_deci=160, phases=2), THREE_PHASES)
    assert (ma_of(limit.phase_mw6, THREE_PHASES), deci_of(limit, "W", THREE_PHASES)) == (16_000, 16 * 230 * 2 * 10)


@pytest.mark.parametrize("unit", ["A", "W"])
@pytest.mark.parametrize("surroundings", [ONE_PHASE, THREE_PHASES])
@pytest.mark.parametrize("phases", [None, 1, 2, 3])
def test_every_tenth_comes_back_as_it_was_given(unit: str, surroundings: Surroundings, phases: int | None) -> None:
    one = profile((0, 0), unit=unit)
    for limit_deci in (0, 1, 59, 60, 81, 59_999, 60_000, 73_601, 110_399):
        limit = limit_of_period(one, SchedulePeriod(start_s=0, limit_deci=limit_deci, phases=phases), surroundings)
        assert deci_of(limit, unit, surroundings) == limit_deci


def test_more_phases_than_the_station_has_do_not_change_the_limit() -> None:
    amps = limit_of_period(profile((0, 0)), SchedulePeriod(start_s=0, limit_deci=160, phases=3), ONE_PHASE)
    watts = limit_of_period(profile((0, 0), unit="W"), SchedulePeriod(start_s=0, limit_deci=36_800), ONE_PHASE)
    assert (ma_of(amps.phase_mw6, ONE_PHASE), amps.phases) == (16_000, 1)
    assert (ma_of(watts.phase_mw6, ONE_PHASE), watts.phases) == (16_000, 1)


def test_conversion_rounds_down_to_tenths() -> None:
    limit = limit_of_period(profile((0, 0), unit="W"), SchedulePeriod(start_s=0, limit_deci=60_000), THREE_PHASES)
    assert (deci_of(limit, "A", THREE_PHASES), ma_of(limit.phase_mw6, THREE_PHASES)) == (86, 8_695)


def test_the_lower_limit_satisfies_both_in_current_phases_and_power() -> None:
    three = limit_of_period(profile((0, 0)), SchedulePeriod(start_s=0, limit_deci=100), THREE_PHASES)
    one = limit_of_period(profile((0, 0)), SchedulePeriod(start_s=0, limit_deci=160, phases=1), THREE_PHASES)
    both = lower_of(three, one)
    assert both == lower_of(one, three)
    assert (ma_of(both.phase_mw6, THREE_PHASES), both.phases, deci_of(both, "W", THREE_PHASES)) == (10_000, 1, 23_000)


def test_the_profile_of_the_lower_limit_decides_or_the_other_one_if_it_has_none() -> None:
    high, low = profile((0, 20), charging_profile_id=1), profile((0, 10), charging_profile_id=2)
    high_limit = limit_of_period(high, high.periods[0], THREE_PHASES)
    low_limit = limit_of_period(low, low.periods[0], THREE_PHASES)
    assert lower_of(high_limit, low_limit).profile is low
    assert lower_of(high_limit, limit_of_current(6_000, THREE_PHASES)).profile is high


def test_several_connectors_add_up_per_phase_and_in_total() -> None:
    one = limit_of_period(profile((0, 0)), SchedulePeriod(start_s=0, limit_deci=160, phases=1), THREE_PHASES)
    together = sum_of((one, limit_of_current(10_000, THREE_PHASES)))
    assert ma_of(together.phase_mw6, THREE_PHASES) == 26_000
    assert deci_of(together, "W", THREE_PHASES) == (16 * 230 + 10 * 690) * 10
    assert sum_of((one,)) is one


def test_the_minimum_charging_rate_is_in_the_unit_of_its_profile() -> None:
    watts = profile((0, 7_000), unit="W", min_charging_rate_deci=55_200)
    limit = limit_of_period(watts, watts.periods[0], THREE_PHASES)
    assert ma_of(minimum_rate_mw6(limit, THREE_PHASES), THREE_PHASES) == 8_000
    assert minimum_rate_mw6(limit_of_current(16_000, THREE_PHASES), THREE_PHASES) == 0


@pytest.mark.parametrize("members", [{"voltage_v": 0}, {"phases": 0}, {"phases": 4}, {"max_current_ma": -1}])
def test_surroundings_that_no_station_has_are_refused(members: dict[str, int]) -> None:
    with pytest.raises(AssertionError):
        Surroundings(**{"voltage_v": 230, "phases": 3, "max_current_ma": 32_000, **members})
