import random
from collections.abc import Mapping

import pytest

from eventstore.catalogue.smart_charging import ChargingProfile, SchedulePeriod
from eventstore.value import replace
from station.features.smart_charging.composite import (
    PERIODS_COMPUTED_MAX,
    Charging,
    Composite,
    Offer,
    Situation,
    composite_connector,
    composite_station,
    connector_limit,
    next_change_ms,
    offers,
)
from station.features.smart_charging.limits import DAY_MS, HOUR_MS, WEEK_MS, Surroundings
from station.features.smart_charging.sharing import Wish, share
from station.features.smart_charging.steps import at
from tests.unit.station.features.smart_charging.reference import (
    START_S,
    WEEK_S,
    board,
    connector_limit_at,
    lowest,
    random_situation,
    sampled_seconds,
    station_limit_at,
    station_max,
    transaction_limit,
)

START_MS = START_S * 1000
THREE_PHASES = Surroundings(voltage_v=230, phases=3, max_current_ma=32_000)
ONE_TRANSACTION = (Charging(connector_id=1, transaction_number=7, since_utc_ms=START_MS),)
TWO_TRANSACTIONS = (*ONE_TRANSACTION, Charging(connector_id=2, transaction_number=8, since_utc_ms=START_MS + 1_000))


def profile(purpose: str, *limits: tuple[int, int], **members: object) -> ChargingProfile:
    """A profile of (start_s, limit in A) periods, Absolute from START_MS on unless told otherwise."""
    given = {
        "charging_profile_id": 1,
        "stack_level": 0,
        "purpose": purpose,
        "kind": "Absolute",
        "unit": "A",
        "start_schedule_utc_ms": START_MS,
        "periods": tuple(SchedulePeriod(start_s=start_s, limit_deci=limit * 10) for start_s, limit in limits),
        "transaction_number": 7 if purpose == "TxProfile" else None,
    }
    return ChargingProfile(**{**given, **members})  # type: ignore[arg-type]  # members by name


def station(
    profiles: Mapping[int, tuple[ChargingProfile, ...]] | None = None,
    charging: tuple[Charging, ...] = (),
    **more: object,
) -> Situation:
    return Situation(surroundings=THREE_PHASES, profiles=profiles or {}, charging=charging, **more)  # type: ignore[arg-type]


def amperes(composite: Composite) -> list[tuple[int, float]]:
    return [(period.start_s, period.limit_deci / 10) for period in composite.periods]


def value_at(composite: Composite, second: int) -> SchedulePeriod:
    elapsed_s = second - composite.from_utc_ms // 1000
    return [period for period in composite.periods if period.start_s <= elapsed_s][-1]


# Against the reference: random stacks, sampled seconds over a week.


@pytest.mark.parametrize("seed", range(40))
def test_a_connectors_composite_holds_in_every_second(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    situation = random_situation(chance)
    situation = replace(situation, charging=situation.charging[:1])
    connector_id, unit = chance.choice((1, 2)), chance.choice("AW")
    composite = composite_connector(situation, connector_id, START_MS + 700, WEEK_S, unit)
    to_s = START_S + composite.duration_s
    changes = [START_S + period.start_s for period in composite.periods]
    for second in sampled_seconds(chance, START_S, to_s, changes, 25):
        expected = connector_limit_at(situation, connector_id, second, START_S)
        amount = expected.amperes if unit == "A" else expected.watts(situation.surroundings.voltage_v)
        found = value_at(composite, second)
        assert (found.limit_deci, found.phases) == (int(amount * 10), expected.phases), second


@pytest.mark.parametrize("seed", range(100, 130))
def test_the_stations_composite_holds_in_every_second(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    situation = random_situation(chance)
    unit = chance.choice("AW")
    composite = composite_station(situation, START_MS, WEEK_S, unit)
    to_s = START_S + composite.duration_s
    changes = [START_S + period.start_s for period in composite.periods]
    for second in sampled_seconds(chance, START_S, to_s, changes, 25):
        expected = int(station_limit_at(situation, second, START_S, unit) * 10)
        assert value_at(composite, second).limit_deci == expected, second


@pytest.mark.parametrize("seed", range(200, 230))
def test_sharing_transactions_hold_the_share_of_every_second(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    situation = replace(random_situation(chance), charging=TWO_TRANSACTIONS)
    to_ms = START_MS + 2 * DAY_MS
    limits = {connector_id: connector_limit(situation, connector_id, START_MS, to_ms) for connector_id in (1, 2)}
    changes = [start // 1000 for start in (*limits[1].starts_ms, *limits[2].starts_ms)]
    volt_mw6 = situation.surroundings.voltage_v * 6
    for second in sampled_seconds(chance, START_S, to_ms // 1000, changes, 15):
        now = offers(situation, second * 1000)
        cap = lowest(station_max(situation, second, START_S), board(situation))
        assert sum(offer.limit_ma for offer in now.values()) <= cap.amperes * 1000
        for connector_id, offer in now.items():
            alone = connector_limit_at(situation, connector_id, second, START_S)
            limit_ma = at(limits[connector_id], second * 1000).phase_mw6 // volt_mw6
            assert offer.limit_ma == (limit_ma if limit_ma >= 6_000 else 0) <= alone.amperes * 1000
            assert offer.phases == alone.phases


@pytest.mark.parametrize("seed", range(300, 320))
def test_shares_are_those_of_the_wishes_in_that_second(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    situation = random_situation(chance)
    bare = {
        key: tuple(replace(each, min_charging_rate_deci=None) for each in value)
        for key, value in situation.profiles.items()
    }
    situation = replace(situation, charging=TWO_TRANSACTIONS, profiles=bare)
    for second in (START_S, START_S + 5_000, START_S + 90_000):
        cap = lowest(station_max(situation, second, START_S), board(situation))
        wishes = [
            Wish(
                connector_id=each.connector_id,
                transaction_number=each.transaction_number,
                limit_ma=int(
                    lowest(
                        transaction_limit(situation, each.connector_id, second, START_S),
                        board(situation, each.connector_id),
                    ).amperes
                    * 1000
                ),
            )
            for each in TWO_TRANSACTIONS
        ]
        found = {connector_id: offer.limit_ma for connector_id, offer in offers(situation, second * 1000).items()}
        assert found == share(int(cap.amperes * 1000), wishes)


@pytest.mark.parametrize("seed", range(400, 420))
def test_the_next_change_is_a_change_and_there_is_none_before_it(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    situation = replace(random_situation(chance), charging=chance.choice((ONE_TRANSACTION, TWO_TRANSACTIONS)))
    at_ms = START_MS + chance.randrange(0, DAY_MS)
    change_ms = next_change_ms(situation, at_ms)
    if not any(situation.profiles.values()):
        assert change_ms is None
        return
    assert change_ms is not None
    now = offers(situation, at_ms)
    assert all(offers(situation, chance.randrange(at_ms, change_ms)) == now for _ in range(20))
    assert offers(situation, change_ms - 1) == now
    if change_ms < at_ms + WEEK_MS:
        assert offers(situation, change_ms) != now


# Clause by clause.


def test_a_connector_without_profiles_may_draw_the_stations_maximum() -> None:
    composite = composite_connector(station(), 1, START_MS, 3_600)
    assert (composite.unit, composite.duration_s, amperes(composite)) == ("A", 3_600, [(0, 32.0)])
    assert composite.min_charging_rate_deci is None


def test_a_cable_limits_its_connector_only() -> None:
    situation = station(own_ma={1: 13_000})
    assert amperes(composite_connector(situation, 1, START_MS, 60)) == [(0, 13.0)]
    assert amperes(composite_connector(situation, 2, START_MS, 60)) == [(0, 32.0)]


def test_without_a_transaction_the_default_profile_shows_as_if_charging_began_now() -> None:
    default = profile("TxDefaultProfile", (0, 6), (60, 10), kind="Relative", duration_s=120)
    composite = composite_connector(station({1: (default,)}), 1, START_MS + 500_999, 300)
    assert composite.from_utc_ms == START_MS + 500_000
    assert amperes(composite) == [(0, 6.0), (60, 10.0), (120, 32.0)]


def test_the_highest_level_that_covers_the_moment_prevails_and_the_lower_ones_come_back() -> None:
    low = profile("TxDefaultProfile", (0, 20), stack_level=0)
    high = profile("TxDefaultProfile", (0, 6), stack_level=3, duration_s=60)
    future = profile("TxDefaultProfile", (0, 10), stack_level=5, valid_from_utc_ms=START_MS + 100_000)
    composite = composite_connector(station({0: (low, future), 1: (high,)}), 1, START_MS, 200)
    assert amperes(composite) == [(0, 6.0), (60, 20.0), (100, 10.0)]


def test_at_equal_level_the_connectors_own_default_profile_wins_on_that_connector_only() -> None:
    situation = station({0: (profile("TxDefaultProfile", (0, 20)),), 1: (profile("TxDefaultProfile", (0, 25)),)})
    assert amperes(composite_connector(situation, 1, START_MS, 60)) == [(0, 25.0)]
    assert amperes(composite_connector(situation, 2, START_MS, 60)) == [(0, 20.0)]


def test_a_higher_default_profile_of_the_station_prevails_over_the_connectors_own() -> None:
    situation = station(
        {0: (profile("TxDefaultProfile", (0, 20), stack_level=1),), 1: (profile("TxDefaultProfile", (0, 25)),)}
    )
    assert amperes(composite_connector(situation, 1, START_MS, 60)) == [(0, 20.0)]


def test_a_tx_profile_overrules_the_default_profile_even_when_it_allows_more() -> None:
    situation = station(
        {0: (profile("TxDefaultProfile", (0, 6), stack_level=9),), 1: (profile("TxProfile", (0, 16)),)}, ONE_TRANSACTION
    )
    assert amperes(composite_connector(situation, 1, START_MS, 60)) == [(0, 16.0)]


def test_a_tx_profile_of_another_transaction_counts_for_nothing() -> None:
    foreign = profile("TxProfile", (0, 6), transaction_number=6)
    assert amperes(composite_connector(station({1: (foreign,)}, ONE_TRANSACTION), 1, START_MS, 60)) == [(0, 32.0)]
    assert amperes(composite_connector(station({1: (foreign,)}), 1, START_MS, 60)) == [(0, 32.0)]


def three_purposes(*, default_comes_back: bool) -> Situation:
    """The stack of the certification case for three purposes, installed at START_MS + 10 s."""
    station_profile = profile("ChargePointMaxProfile", (0, 10), duration_s=86_400)
    default = profile("TxDefaultProfile", (0, 6), (60, 10), (120, 8), (180, 15), (260, 8), duration_s=300)
    own = profile("TxProfile", (0, 8), (50, 11), (140, 16), (200, 6), (240, 12), duration_s=260)
    return station(
        {0: (station_profile,), 1: (default, own)}, ONE_TRANSACTION, tx_default_after_tx_profile=default_comes_back
    )


def test_three_purposes_combine_to_their_minimum_and_equal_neighbours_merge() -> None:
    composite = composite_connector(three_purposes(default_comes_back=False), 1, START_MS + 10_000, 400, "A")
    assert amperes(composite) == [(0, 8.0), (40, 10.0), (190, 6.0), (230, 10.0)]


def test_the_default_profile_comes_back_after_the_tx_profile_only_if_so_set() -> None:
    composite = composite_connector(three_purposes(default_comes_back=True), 1, START_MS + 10_000, 400, "A")
    assert amperes(composite) == [(0, 8.0), (40, 10.0), (190, 6.0), (230, 10.0), (250, 8.0), (290, 10.0)]


def test_the_unit_is_the_one_asked_for_else_the_deciding_profiles_else_amperes() -> None:
    watts = profile("TxDefaultProfile", (0, 11_040), unit="W")
    high = profile("ChargePointMaxProfile", (0, 20))
    situation = station({0: (high,), 1: (watts,)})
    assert composite_connector(situation, 1, START_MS, 60).unit == "W"
    assert amperes(composite_connector(situation, 1, START_MS, 60)) == [(0, 11_040.0)]
    assert amperes(composite_connector(situation, 1, START_MS, 60, "A")) == [(0, 16.0)]
    assert composite_connector(situation, 2, START_MS, 60).unit == "A"
    assert composite_connector(station(), 1, START_MS, 60).unit == "A"
    assert amperes(composite_connector(station(), 1, START_MS, 60, "W")) == [(0, 22_080.0)]


def test_the_deciding_profile_is_the_first_that_decides_in_the_window() -> None:
    later = profile("TxDefaultProfile", (0, 11_040), unit="W", valid_from_utc_ms=START_MS + 30_000)
    composite = composite_connector(station({1: (later,)}), 1, START_MS, 60)
    assert (composite.unit, amperes(composite)) == ("W", [(0, 22_080.0), (30, 11_040.0)])


def test_the_minimum_charging_rate_of_the_deciding_profile_is_told_in_the_unit_of_the_answer() -> None:
    default = profile("TxDefaultProfile", (0, 11_040), unit="W", min_charging_rate_deci=41_400)
    situation = station({1: (default,)})
    assert composite_connector(situation, 1, START_MS, 60).min_charging_rate_deci == 41_400
    assert composite_connector(situation, 1, START_MS, 60, "A").min_charging_rate_deci == 60


def test_limits_are_rounded_down_to_tenths_and_merged_after_that() -> None:
    periods = tuple(SchedulePeriod(start_s=start_s, limit_deci=limit) for start_s, limit in ((0, 60_000), (60, 59_990)))
    default = profile("TxDefaultProfile", unit="W", periods=periods)
    assert amperes(composite_connector(station({1: (default,)}), 1, START_MS, 120, "A")) == [(0, 8.6)]
    assert len(composite_connector(station({1: (default,)}), 1, START_MS, 120, "W").periods) == 2


def test_a_change_of_phases_alone_is_a_period_of_its_own() -> None:
    periods = (SchedulePeriod(start_s=0, limit_deci=160, phases=1), SchedulePeriod(start_s=60, limit_deci=160))
    composite = composite_connector(station({1: (profile("TxDefaultProfile", periods=periods),)}), 1, START_MS, 120)
    assert [(period.start_s, period.phases) for period in composite.periods] == [(0, 1), (60, 3)]


def test_the_station_without_transactions_shows_its_maximum() -> None:
    assert amperes(composite_station(station(), START_MS, 60)) == [(0, 32.0)]
    capped = station({0: (profile("ChargePointMaxProfile", (0, 20), (30, 40)),)})
    assert amperes(composite_station(capped, START_MS, 60)) == [(0, 20.0), (30, 32.0)]


def test_the_station_sums_its_transactions_within_the_charge_point_max_profile() -> None:
    defaults = {1: (profile("TxDefaultProfile", (0, 6), (60, 10)),), 2: (profile("TxDefaultProfile", (0, 8)),)}
    cap = {0: (profile("ChargePointMaxProfile", (0, 16)),)}
    assert amperes(composite_station(station(defaults, TWO_TRANSACTIONS), START_MS, 120)) == [(0, 14.0), (60, 18.0)]
    both = station({**defaults, **cap}, TWO_TRANSACTIONS)
    assert amperes(composite_station(both, START_MS, 120)) == [(0, 14.0), (60, 16.0)]
    assert amperes(composite_station(replace(both, charging=ONE_TRANSACTION), START_MS, 120)) == [(0, 6.0), (60, 10.0)]


def test_the_power_of_connectors_on_different_phases_adds_up_exactly() -> None:
    one_phase = (SchedulePeriod(start_s=0, limit_deci=100, phases=1),)
    defaults = {1: (profile("TxDefaultProfile", periods=one_phase),), 2: (profile("TxDefaultProfile", (0, 8)),)}
    composite = composite_station(station(defaults, TWO_TRANSACTIONS), START_MS, 60, "W")
    assert amperes(composite) == [(0, 10.0 * 230 + 8.0 * 690)]


def test_a_charge_point_max_profile_relative_to_the_charging_begins_with_the_oldest_transaction() -> None:
    cap = profile("ChargePointMaxProfile", (0, 10), (60, 20), kind="Relative")
    later = replace(TWO_TRANSACTIONS[1], since_utc_ms=START_MS + 40_000)
    situation = station({0: (cap,)}, (ONE_TRANSACTION[0], later))
    assert amperes(composite_station(situation, START_MS + 50_000, 60)) == [(0, 10.0), (10, 20.0)]


def test_connectors_that_share_show_their_share_as_it_changes() -> None:
    cap = profile("ChargePointMaxProfile", (0, 20), (60, 10), (120, 16))
    situation = station({0: (cap,)}, TWO_TRANSACTIONS)
    assert amperes(composite_connector(situation, 1, START_MS, 180)) == [(0, 10.0), (120, 8.0)]
    assert amperes(composite_connector(situation, 2, START_MS, 180)) == [(0, 10.0), (60, 0.0), (120, 8.0)]


def test_a_limit_below_six_amperes_is_shown_as_it_is_but_nothing_is_offered() -> None:
    situation = station({1: (profile("TxDefaultProfile", (0, 4)),)}, TWO_TRANSACTIONS)
    assert amperes(composite_connector(situation, 1, START_MS, 60)) == [(0, 4.0)]
    assert offers(situation, START_MS) == {1: Offer(limit_ma=0, phases=3), 2: Offer(limit_ma=32_000, phases=3)}
    alone = replace(situation, charging=ONE_TRANSACTION)
    assert amperes(composite_connector(alone, 1, START_MS, 60)) == [(0, 4.0)]
    assert offers(alone, START_MS) == {1: Offer(limit_ma=0, phases=3)}


def test_a_transaction_whose_minimum_charging_rate_does_not_fit_waits() -> None:
    cap = profile("ChargePointMaxProfile", (0, 16))
    default = profile("TxDefaultProfile", (0, 32), min_charging_rate_deci=120)
    situation = station({0: (cap,), 2: (default,)}, TWO_TRANSACTIONS)
    assert {key: offer.limit_ma for key, offer in offers(situation, START_MS).items()} == {1: 16_000, 2: 0}


def test_nothing_is_offered_and_nothing_changes_without_a_transaction() -> None:
    situation = station({0: (profile("ChargePointMaxProfile", (0, 10), (60, 20)),)})
    assert offers(situation, START_MS) == {}
    assert next_change_ms(situation, START_MS) is None


def test_nothing_changes_without_a_profile() -> None:
    assert next_change_ms(station({0: ()}, ONE_TRANSACTION), START_MS) is None


def test_a_change_that_another_profile_hides_is_none() -> None:
    cap = profile("ChargePointMaxProfile", (0, 10))
    default = profile("TxDefaultProfile", (0, 16), (60, 20), (120, 8))
    assert next_change_ms(station({0: (cap,), 1: (default,)}, ONE_TRANSACTION), START_MS) == START_MS + 120_000


def test_a_change_more_than_a_week_away_is_looked_for_again_in_a_week() -> None:
    default = profile("TxDefaultProfile", (0, 16), (2 * WEEK_S, 20))
    assert next_change_ms(station({1: (default,)}, ONE_TRANSACTION), START_MS) == START_MS + WEEK_MS


def test_a_window_too_long_to_work_out_is_cut_and_says_so() -> None:
    hourly = tuple(SchedulePeriod(start_s=3_600 * hour, limit_deci=60 + hour) for hour in range(24))
    daily = profile("TxDefaultProfile", kind="Recurring", recurrency="Daily", periods=hourly)
    years_s = 50 * 365 * 86_400
    composite = composite_connector(station({1: (daily,)}), 1, START_MS, years_s)
    assert WEEK_S <= composite.duration_s < years_s
    assert WEEK_S // 3_600 <= len(composite.periods) <= PERIODS_COMPUTED_MAX
    assert composite_connector(station(), 1, START_MS, years_s).duration_s == years_s


def test_a_window_may_begin_in_the_middle_of_everything() -> None:
    default = profile("TxDefaultProfile", (0, 6), (3_600, 10), kind="Recurring", recurrency="Daily", duration_s=7_200)
    composite = composite_connector(station({1: (default,)}), 1, START_MS + 9 * DAY_MS + HOUR_MS // 2, 7_200)
    assert amperes(composite) == [(0, 6.0), (1_800, 10.0), (5_400, 32.0)]
