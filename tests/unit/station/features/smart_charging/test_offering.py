import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from eventstore.catalogue.authorization import AuthorizationEnded
from eventstore.catalogue.lifecycle import ClockAdjusted, DecisionFailed
from eventstore.catalogue.smart_charging import LimitChanged, LimitsPlanned
from eventstore.catalogue.transactions import EnergyOfferEnded, TransactionResumed
from projections.station import INITIAL, evolve
from station.features.smart_charging.limits import DAY_MS
from station.wire.instants import format_utc_ms, parse_utc_ms
from tests.unit.station.features.smart_charging.given_station import START_MS, Charge, changes, granted, wire


def test_a_transaction_is_offered_the_stations_maximum_at_once() -> None:
    charge = Charge()
    assert changes(charge.starts(1, 1)) == [(1, 32_000)]
    assert charge.limits() == {1: 32_000, 2: 0}


def test_the_cable_limits_the_offer_also_when_it_comes_later() -> None:
    charge = Charge()
    charge.plugs(1, 20_000)
    assert changes(charge.starts(1, 1)) == [(1, 20_000)]
    assert changes(charge.plugs(1, 13_000)) == [(1, 13_000)]


def test_without_a_transaction_nothing_is_offered_and_nothing_is_planned() -> None:
    charge = Charge()
    charge.sets(0, wire("ChargePointMaxProfile", (0, 10), (60, 20)))
    assert charge.wait(3_600) == []
    assert not any(isinstance(each.event, LimitChanged | LimitsPlanned) for each in charge.events)


def test_a_default_profile_that_comes_during_a_transaction_counts_from_then_on() -> None:
    charge = Charge()
    charge.starts(1, 1)
    charge.sets(1, wire("TxDefaultProfile", (0, 10)))
    assert charge.limits()[1] == 10_000
    charge.sets(1, wire("TxDefaultProfile", (0, 16)))
    assert charge.limits()[1] == 16_000
    charge.asks("ClearChargingProfile", {})
    assert charge.limits()[1] == 32_000


def test_the_limit_follows_the_calendar_to_the_second() -> None:
    charge = Charge()
    charge.sets(0, wire("TxDefaultProfile", (0, 10), (60, 10), (120, 4), (180, 16)))
    charge.starts(1, 1)
    assert changes(charge.wait(119.999)) == []
    assert changes(charge.wait(0.001)) == [(1, 0)]
    assert changes(charge.wait(60)) == [(1, 16_000)]
    assert charge.state.charging_profiles.due_ms == 180_000 + 7 * 86_400_000


def test_a_change_is_not_missed_when_something_else_happens_first() -> None:
    charge = Charge()
    charge.sets(0, wire("TxDefaultProfile", (0, 10), (60, 16)))
    charge.starts(1, 1)
    charge.now_ms = 61_000
    assert changes(charge.plugs(2, 32_000)) == [(1, 16_000)]


def test_a_corrected_clock_moves_the_schedule() -> None:
    charge = Charge()
    charge.sets(0, wire("TxDefaultProfile", (0, 10), (3_600, 16)))
    charge.starts(1, 1)
    moved = ClockAdjusted(offset_ms=START_MS + 3_000_000, trusted=True, source="CSMS")
    assert changes(charge.told(moved)) == []
    assert changes(charge.wait(600)) == [(1, 16_000)]


BEGIN_AHEAD: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "startSchedule": lambda ahead: {"schedule": {"startSchedule": ahead}},
    "validFrom": lambda ahead: {"validFrom": ahead},
    "both": lambda ahead: {"validFrom": ahead, "schedule": {"startSchedule": ahead}},
    "Relative from validFrom on": lambda ahead: {"validFrom": ahead, "chargingProfileKind": "Relative"},
    "Recurring": lambda ahead: {
        "chargingProfileKind": "Recurring",
        "recurrencyKind": "Daily",
        "schedule": {"startSchedule": ahead},
    },
    "Recurring, the run of yesterday is over": lambda ahead: {
        "chargingProfileKind": "Recurring",
        "recurrencyKind": "Daily",
        "schedule": {"startSchedule": format_utc_ms(parse_utc_ms(ahead) - DAY_MS), "duration": 3_600},
    },
}


@pytest.mark.parametrize("purpose", ["TxDefaultProfile", "TxProfile", "ChargePointMaxProfile"])
@pytest.mark.parametrize("begins", BEGIN_AHEAD)
def test_a_profile_that_begins_up_to_a_minute_ahead_limits_from_its_receipt_on(purpose: str, begins: str) -> None:
    connector_id = 0 if purpose == "ChargePointMaxProfile" else 1
    for ahead_ms, at_once in ((1, True), (3_000, True), (60_000, True), (60_001, False), (61_000, False)):
        charge = Charge()
        charge.wait(1_000.4)
        charge.starts(1, 1)
        assert charge.sets(connector_id, wire(purpose, (0, 6))) == "Accepted"
        assert charge.limits()[1] == 6_000
        later = format_utc_ms(START_MS + charge.now_ms + ahead_ms)
        charge.sets(connector_id, wire(purpose, (0, 8), chargingProfileId=2, **BEGIN_AHEAD[begins](later)))
        expected = 8_000 if at_once else 32_000
        assert charge.limits()[1] == expected, ahead_ms
        assert charge.composite(1)["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == expected // 1_000
        assert [each for each in changes(charge.wait(70)) if each[1] != 8_000] == []
        assert charge.limits()[1] == 8_000


def test_what_begins_ahead_keeps_its_own_times_for_all_but_its_first_period() -> None:
    charge = Charge()
    charge.starts(1, 1)
    ahead = {"startSchedule": format_utc_ms(START_MS + 30_000), "duration": 120}
    assert charge.sets(1, wire("TxDefaultProfile", (0, 8), (60, 10), schedule=ahead)) == "Accepted"
    assert charge.limits()[1] == 8_000
    assert changes(charge.wait(89.999)) == []
    assert changes(charge.wait(0.001)) == [(1, 10_000)]
    assert changes(charge.wait(60)) == [(1, 32_000)]


def test_a_profile_that_is_valid_ahead_begins_with_the_period_that_is_in_force_then() -> None:
    charge = Charge()
    charge.starts(1, 1)
    later = format_utc_ms(START_MS + 30_000)
    assert charge.sets(1, wire("TxDefaultProfile", (0, 8), (20, 10), validFrom=later)) == "Accepted"
    assert charge.limits()[1] == 10_000
    assert changes(charge.wait(100)) == []


def test_the_profile_of_a_remote_start_that_begins_ahead_limits_the_transaction_from_its_start_on() -> None:
    for ahead_s, limit_ma in ((60, 8_000), (61, 32_000)):
        charge = Charge()
        schedule = {"startSchedule": format_utc_ms(START_MS + ahead_s * 1_000)}
        charge.remote_start(1, wire("TxProfile", (0, 8), schedule=schedule))
        charge.wait(20)
        charge.starts(1, 1)
        assert charge.limits()[1] == limit_ma
        charge.wait(60)
        assert charge.limits()[1] == 8_000


def test_a_clock_that_is_set_back_after_a_profile_came_leaves_no_hole() -> None:
    charge = Charge()
    charge.starts(1, 1)
    charge.sets(1, wire("TxDefaultProfile", (0, 8), schedule={"startSchedule": format_utc_ms(START_MS + 10_000)}))
    moved = ClockAdjusted(offset_ms=START_MS - 3_600_000, trusted=True, source="NTP")
    assert changes(charge.told(moved)) == []
    assert charge.limits()[1] == 8_000


def test_a_restart_does_not_forget_when_a_profile_came() -> None:
    charge = Charge()
    charge.sets(1, wire("TxDefaultProfile", (0, 8), schedule={"startSchedule": format_utc_ms(START_MS + 50_000)}))
    charge.wait(10)
    charge.boot()
    charge.starts(1, 1)
    assert charge.limits()[1] == 8_000


def test_a_profile_relative_to_the_transaction_begins_with_it() -> None:
    charge = Charge()
    charge.wait(1_000)
    charge.sets(0, wire("TxDefaultProfile", (0, 10), (60, 16), chargingProfileKind="Relative"))
    assert changes(charge.starts(1, 1)) == [(1, 10_000)]
    assert changes(charge.wait(60)) == [(1, 16_000)]


def test_two_transactions_share_and_the_second_waits_until_the_first_vehicle_has_followed() -> None:
    charge = Charge()
    charge.starts(1, 1)
    charge.wait(60)
    assert changes(charge.starts(2, 2)) == [(1, 16_000)]
    assert changes(charge.wait(4.999)) == []
    assert changes(charge.wait(0.001)) == [(2, 16_000)]
    assert charge.limits() == {1: 16_000, 2: 16_000}


def test_what_a_stopped_transaction_drew_is_free_after_its_vehicle_has_had_its_time() -> None:
    charge = Charge()
    charge.starts(1, 1)
    charge.starts(2, 2)
    charge.wait(10)
    assert changes(charge.stops(1)) == []
    assert changes(charge.wait(5)) == [(2, 32_000)]


def test_where_there_is_room_nobody_waits() -> None:
    charge = Charge()
    charge.sets(1, wire("TxDefaultProfile", (0, 10)))
    charge.starts(1, 1)
    assert changes(charge.starts(2, 2)) == [(2, 22_000)]


def test_when_not_both_can_have_six_amperes_the_newcomer_waits() -> None:
    charge = Charge()
    charge.sets(0, wire("ChargePointMaxProfile", (0, 10)))
    charge.starts(2, 1)
    assert changes(charge.starts(1, 2)) == []
    charge.wait(60)
    assert charge.limits() == {1: 0, 2: 10_000}
    charge.stops(1)
    assert changes(charge.wait(5)) == [(1, 10_000)]


def test_an_offer_that_ended_leaves_its_share_to_the_others() -> None:
    charge = Charge()
    charge.starts(1, 1)
    charge.starts(2, 2)
    charge.wait(10)
    ended = EnergyOfferEnded(connector_id=1, number=1, reason="Invalid")
    assert changes(charge.told(ended)) == [(1, 0)]
    assert changes(charge.wait(5)) == [(2, 32_000)]


def test_a_tx_profile_goes_with_its_transaction() -> None:
    charge = Charge()
    charge.starts(1, 1, transaction_id=9)
    assert charge.sets(1, wire("TxProfile", (0, 8), transactionId=9)) == "Accepted"
    assert charge.limits()[1] == 8_000
    charge.stops(1)
    assert charge.installed() == []


def test_the_profile_of_a_remote_start_waits_for_the_transaction_and_counts_from_its_first_moment() -> None:
    charge = Charge()
    charge.remote_start(1, wire("TxProfile", (0, 8)))
    assert charge.installed() == [(1, 1)]
    assert changes(charge.starts(1, 5)) == [(1, 8_000)]
    assert charge.state.charging_profiles.all[0].profile.transaction_number == 5


def test_a_profile_set_in_the_transaction_replaces_that_of_the_remote_start_at_the_same_level() -> None:
    charge = Charge()
    charge.remote_start(1, wire("TxProfile", (0, 8)))
    charge.starts(1, 5, transaction_id=3)
    charge.sets(1, wire("TxProfile", (0, 12), chargingProfileId=2, transactionId=3))
    charge.sets(1, wire("TxProfile", (0, 14), chargingProfileId=3, transactionId=3, stackLevel=1))
    assert charge.installed() == [(1, 2), (1, 3)]
    assert charge.limits()[1] == 14_000


def test_the_profile_of_a_remote_start_goes_with_its_authorization() -> None:
    charge = Charge()
    charge.remote_start(1, wire("TxProfile", (0, 8)))
    charge.told(AuthorizationEnded(connector_id=1, reason="ConnectionTimeOut"))
    assert charge.installed() == []
    charge.remote_start(1, wire("TxProfile", (0, 8)))
    charge.boot()
    assert charge.installed() == []


def test_an_authorization_on_another_connector_keeps_nothing_here() -> None:
    charge = Charge()
    charge.remote_start(1, wire("TxProfile", (0, 8)))
    charge.told(granted(2))
    assert charge.installed() == [(1, 1)]
    charge.starts(2, 6)
    assert charge.limits() == {1: 0, 2: 32_000}
    assert charge.state.charging_profiles.all[0].profile.transaction_number is None


def test_after_a_restart_nothing_is_offered_until_the_transaction_is_resumed() -> None:
    charge = Charge()
    charge.starts(1, 1, transaction_id=4)
    charge.sets(1, wire("TxProfile", (0, 8), transactionId=4))
    charge.boot()
    assert charge.limits()[1] == 0
    assert changes(charge.told(TransactionResumed(connector_id=1, number=1))) == [(1, 8_000)]


def test_switched_off_the_profiles_count_for_nothing_but_limits_are_kept() -> None:
    charge = Charge()
    charge.sets(0, wire("TxDefaultProfile", (0, 8)))
    off = Charge(profiles_off=("SmartCharging",))
    off.state, off.now_ms = charge.state, charge.now_ms
    off.boot()
    assert changes(off.starts(1, 1)) == [(1, 32_000)]
    assert off.remote_start(1, wire("TxProfile", (0, 8))) == ()


def phases(charge: Charge, connector_id: int = 1) -> int:
    return charge.state.connectors[connector_id].phases


def one_phase_later(unit: str, limit: float) -> dict:
    periods = [{"startPeriod": 0, "limit": limit}, {"startPeriod": 60, "limit": limit, "numberPhases": 1}]
    return wire("TxDefaultProfile", unit=unit, schedule={"chargingSchedulePeriod": periods})


def test_the_phases_of_a_transaction_are_chosen_at_its_start() -> None:
    charge = Charge()
    only = [{"startPeriod": 0, "limit": 16, "numberPhases": 1}]
    charge.sets(0, wire("TxDefaultProfile", schedule={"chargingSchedulePeriod": only}))
    charge.starts(1, 1)
    assert (charge.limits()[1], phases(charge)) == (16_000, 1)


def test_phases_stay_during_a_transaction_where_switching_is_not_supported() -> None:
    charge = Charge()
    charge.sets(0, one_phase_later("A", 16))
    charge.starts(1, 1)
    assert changes(charge.wait(60)) == []
    assert phases(charge) == 3


def test_a_limit_in_watts_is_spread_over_the_phases_that_stay() -> None:
    charge = Charge()
    charge.sets(0, one_phase_later("W", 7_360))
    assert changes(charge.starts(1, 1)) == [(1, 10_666)]
    assert changes(charge.wait(60)) == []
    charge.sets(0, one_phase_later("W", 4_140))
    assert charge.limits()[1] == 6_000


def test_phases_are_switched_by_a_pause_where_that_is_supported() -> None:
    charge = Charge(factory_values=(("ConnectorSwitch3to1PhaseSupported", "true"),))
    charge.sets(0, one_phase_later("A", 16))
    charge.starts(1, 1)
    assert changes(charge.wait(60)) == [(1, 0)]
    assert changes(charge.wait(4.999)) == []
    assert changes(charge.wait(0.001)) == [(1, 16_000)]
    assert phases(charge) == 1


@pytest.mark.parametrize("seed", range(12))
def test_what_may_be_drawn_never_exceeds_the_stations_limit_whatever_happens(seed: int) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    charge = Charge(
        connectors=3, factory_values=(("ConnectorSwitch3to1PhaseSupported", chance.choice(("true", "false"))),)
    )
    for number in range(1, 60):
        match chance.randrange(6):
            case 0 | 1:
                free = [each.connector_id for each in charge.state.connectors.real if each.transaction_number is None]
                if free:
                    charge.starts(chance.choice(free), number)
            case 2:
                running = charge.state.transactions.running()
                if running:
                    charge.stops(chance.choice(running).number)
            case 3:
                steps = sorted(chance.sample(range(1, 600), 4))
                start = charge.state.clock.utc_ms(charge.now_ms)
                limits = [(second, chance.randrange(0, 40)) for second in (0, *steps)]
                charge.sets(
                    0,
                    wire(
                        chance.choice(("TxDefaultProfile", "ChargePointMaxProfile")), *limits, chargingProfileId=number
                    ),
                )
                assert start >= START_MS
            case 4:
                charge.plugs(chance.choice((1, 2, 3)), chance.choice((None, 13_000, 32_000)))
            case _:
                charge.wait(chance.choice((0.5, 2, 7, 100)))
    assert not any(isinstance(each.event, DecisionFailed) for each in charge.events)
    assert_within_limit(charge)


def assert_within_limit(charge: Charge) -> None:
    """Replays the log: what all vehicles may draw after each batch, those told to draw less counted for 5 s more."""
    state = INITIAL
    peaks: list[tuple[int, int, int]] = []
    for index, recorded in enumerate(charge.events):
        before = {each.connector_id: each.limit_ma for each in state.connectors.real}
        state = evolve(state, recorded)
        peaks.extend(
            (each.connector_id, before[each.connector_id], recorded.at_ms + 5_000)
            for each in state.connectors.real
            if each.limit_ma < before.get(each.connector_id, 0)
        )
        last_of_batch = index + 1 == len(charge.events) or charge.events[index + 1].cause != recorded.cause
        if not last_of_batch:
            continue
        drawn_ma = {each.connector_id: each.limit_ma for each in state.connectors.real}
        assert sum(drawn_ma.values()) <= 32_000
        if isinstance(recorded.event, LimitsPlanned):
            rose = {
                each.event.connector_id
                for each in charge.events[: index + 1]
                if each.cause == recorded.cause and isinstance(each.event, LimitChanged) and each.event.limit_ma > 0
            }
            for connector_id, from_ma, until_ms in peaks:
                if recorded.at_ms < until_ms and connector_id not in rose:
                    drawn_ma[connector_id] = max(drawn_ma.get(connector_id, 0), from_ma)
            if rose:
                assert sum(drawn_ma.values()) <= 32_000, recorded
