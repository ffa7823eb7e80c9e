import pytest

from eventstore.catalogue.link import CallAnswered
from eventstore.catalogue.smart_charging import ChargingProfileCleared, ChargingProfileInstalled
from station.features.smart_charging.decide import composite_of
from station.wire.schema import DEVIATIONS_MAX
from tests.unit.station.features.smart_charging.given_station import START_MS, Charge, wire


def periods(answer: dict) -> list[tuple[int, float]]:
    return [(each["startPeriod"], each["limit"]) for each in answer["chargingSchedule"]["chargingSchedulePeriod"]]


def test_an_accepted_profile_is_answered_and_installed_in_one_batch() -> None:
    charge = Charge()
    assert charge.sets(1, wire("TxDefaultProfile", (0, 6))) == "Accepted"
    kinds = [type(recorded.event) for recorded in charge.events]
    assert kinds.index(CallAnswered) < kinds.index(ChargingProfileInstalled)
    assert charge.installed() == [(1, 1)]


def test_a_profile_for_an_unknown_connector_is_an_error() -> None:
    charge = Charge()
    assert charge.sets(3, wire("TxDefaultProfile", (0, 6))) == "PropertyConstraintViolation"
    assert charge.sets(-1, wire("TxDefaultProfile", (0, 6))) == "PropertyConstraintViolation"
    assert charge.installed() == []


def test_a_value_out_of_range_is_an_error_that_names_it() -> None:
    charge = Charge()
    assert charge.sets(1, wire("TxDefaultProfile", (0, -1))) == "PropertyConstraintViolation"
    last = next(each.event for each in reversed(charge.events) if isinstance(each.event, CallAnswered))
    assert "chargingSchedulePeriod[0].limit" in last.description


def test_a_profile_that_cannot_be_accepted_is_rejected() -> None:
    charge = Charge()
    assert charge.sets(1, wire("ChargePointMaxProfile", (0, 6))) == "Rejected"
    assert charge.sets(1, wire("TxProfile", (0, 6), transactionId=1)) == "Rejected"
    assert charge.installed() == []


def test_a_unit_that_does_not_exist_is_an_error() -> None:
    assert Charge().sets(1, wire("TxDefaultProfile", (0, 6), unit="V")) == "PropertyConstraintViolation"


def test_the_same_id_replaces_wherever_it_is_installed() -> None:
    charge = Charge()
    charge.sets(1, wire("TxDefaultProfile", (0, 6)))
    charge.sets(2, wire("TxDefaultProfile", (0, 10), stackLevel=4))
    assert charge.installed() == [(2, 1)]


def test_the_same_purpose_and_level_replace_on_the_same_connector_only() -> None:
    charge = Charge()
    for profile_id, connector_id in ((1, 0), (2, 1), (3, 2), (4, 1)):
        charge.sets(connector_id, wire("TxDefaultProfile", (0, 6), chargingProfileId=profile_id))
    assert charge.installed() == [(0, 1), (2, 3), (1, 4)]


def test_profiles_outlive_a_restart() -> None:
    charge = Charge()
    charge.sets(0, wire("ChargePointMaxProfile", (0, 16)))
    charge.boot()
    assert periods(charge.composite(0)) == [(0, 16.0)]


@pytest.mark.parametrize(
    ("request_members", "left"),
    [
        ({}, []),
        ({"id": 2}, [1, 3, 4]),
        ({"id": 2, "connectorId": 0, "stackLevel": 9}, [1, 3, 4]),
        ({"connectorId": 1}, [1, 4]),
        ({"connectorId": 0}, [2, 3]),
        ({"chargingProfilePurpose": "TxDefaultProfile"}, [1]),
        ({"stackLevel": 1}, [1, 2]),
        ({"connectorId": 1, "stackLevel": 1}, [1, 2, 4]),
        ({"connectorId": 0, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1}, [1, 2, 3]),
    ],
)
def test_clearing_takes_what_matches_all_that_is_given(request_members: dict, left: list[int]) -> None:
    charge = Charge()
    charge.sets(0, wire("ChargePointMaxProfile", (0, 16), chargingProfileId=1))
    charge.sets(1, wire("TxDefaultProfile", (0, 16), chargingProfileId=2))
    charge.sets(1, wire("TxDefaultProfile", (0, 16), chargingProfileId=3, stackLevel=1))
    charge.sets(0, wire("TxDefaultProfile", (0, 16), chargingProfileId=4, stackLevel=1))
    assert charge.asks("ClearChargingProfile", request_members) == {"status": "Accepted"}
    assert sorted(profile_id for _, profile_id in charge.installed()) == left


def test_clearing_nothing_is_unknown() -> None:
    charge = Charge()
    assert charge.asks("ClearChargingProfile", {}) == {"status": "Unknown"}
    charge.sets(1, wire("TxDefaultProfile", (0, 16)))
    assert charge.asks("ClearChargingProfile", {"id": 2}) == {"status": "Unknown"}
    assert not any(isinstance(each.event, ChargingProfileCleared) for each in charge.events)


def test_the_composite_schedule_names_its_start_and_omits_start_schedule() -> None:
    charge = Charge()
    charge.now_ms = 10_400
    charge.sets(1, wire("TxDefaultProfile", (0, 6), (60, 10), schedule={"minChargingRate": 6.5}))
    assert charge.composite(1, chargingRateUnit="A") == {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": "2026-01-01T00:00:10.000Z",
        "chargingSchedule": {
            "duration": 300,
            "chargingRateUnit": "A",
            "minChargingRate": 6.5,
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 6.0, "numberPhases": 3},
                {"startPeriod": 50, "limit": 10.0, "numberPhases": 3},
            ],
        },
    }


def test_the_composite_schedule_of_a_connector_is_never_empty() -> None:
    charge = Charge()
    charge.plugs(1, 20_000)
    assert periods(charge.composite(1)) == [(0, 20.0)]
    assert periods(charge.composite(2)) == [(0, 32.0)]
    assert periods(charge.composite(0, chargingRateUnit="W")) == [(0, 22_080.0)]


def test_the_composite_schedule_of_a_transaction_has_its_profile() -> None:
    charge = Charge()
    charge.sets(0, wire("TxDefaultProfile", (0, 20)))
    charge.starts(1, 1, transaction_id=77)
    assert charge.sets(1, wire("TxProfile", (0, 8), chargingProfileId=2, transactionId=77)) == "Accepted"
    assert periods(charge.composite(1)) == [(0, 8.0)]
    assert periods(charge.composite(0)) == [(0, 8.0)]
    assert periods(charge.composite(2)) == [(0, 20.0)]


def test_an_unknown_connector_is_rejected_and_a_bad_unit_or_duration_is_an_error() -> None:
    charge = Charge()
    assert charge.composite(3) == {"status": "Rejected"}
    assert charge.composite(-1) == {"status": "Rejected"}
    assert charge.composite(1, chargingRateUnit="V") == "PropertyConstraintViolation"
    assert charge.composite(1, duration_s=-1) == "PropertyConstraintViolation"


def test_durations_of_nothing_and_of_millennia_are_answered() -> None:
    charge = Charge()
    daily = wire("TxDefaultProfile", (0, 6), (60, 10), chargingProfileKind="Recurring", recurrencyKind="Daily")
    charge.sets(1, daily)
    assert charge.composite(1, duration_s=0)["chargingSchedule"]["duration"] == 0
    longest = charge.composite(1, duration_s=10**12)["chargingSchedule"]
    assert 7 * 86_400 < longest["duration"] < 10**12


def test_a_rate_that_only_other_units_can_hold_is_answered_all_the_same() -> None:
    charge = Charge()
    assert charge.sets(1, wire("TxDefaultProfile", (0, 10**12), schedule={"minChargingRate": 10**12})) == "Accepted"
    assert charge.composite(1, chargingRateUnit="W")["chargingSchedule"]["minChargingRate"] == 10**12


def test_the_composite_schedule_is_at_hand_without_a_call() -> None:
    charge = Charge()
    found = composite_of(charge.state, 1, 60, None, 5_000)
    assert found is not None
    assert (found.from_utc_ms, found.unit, found.duration_s) == (START_MS + 5_000, "A", 60)
    assert composite_of(charge.state, 9, 60, None, 5_000) is None


def test_switched_off_it_answers_not_supported_and_has_no_keys() -> None:
    charge = Charge(profiles_off=("SmartCharging",))
    assert charge.sets(1, wire("TxDefaultProfile", (0, 6))) == "NotSupported"
    assert charge.asks("ClearChargingProfile", {}) == "NotSupported"
    assert charge.asks("GetCompositeSchedule", {"connectorId": 1, "duration": 60}) == "NotSupported"
    assert "ChargeProfileMaxStackLevel" not in charge.registry.config_keys


def test_it_declares_the_keys_of_the_profile() -> None:
    assert set(Charge().registry.config_keys) == {
        "ChargeProfileMaxStackLevel",
        "ChargingScheduleAllowedChargingRateUnit",
        "ChargingScheduleMaxPeriods",
        "ConnectorSwitch3to1PhaseSupported",
        "MaxChargingProfilesInstalled",
    }


@pytest.mark.parametrize(
    ("sent", "taken_ma"),
    [
        ("6.956521739130435", 6_900),
        ("6.000000000000001", 6_000),
        ("31.99", 31_900),
        ("8.05", 8_000),
        ("1.23456789e1", 12_300),
        ("6.9999999999999999", 7_000),  # the nearest double is 7.0
    ],
)
def test_a_limit_with_many_decimals_is_cut_down_to_one_and_reported_as_a_deviation(sent: str, taken_ma: int) -> None:
    charge = Charge()
    charge.starts(1, 1)
    assert charge.sets(1, wire("TxDefaultProfile", (0, float(sent)))) == "Accepted"
    assert charge.limits()[1] == taken_ma
    answer = charge.events[-1 - [isinstance(each.event, CallAnswered) for each in reversed(charge.events)].index(True)]
    assert isinstance(answer.event, CallAnswered)
    where = "csChargingProfiles.chargingSchedule.chargingSchedulePeriod[0].limit"
    many = float(sent) * 10 % 1 != 0
    assert answer.event.deviations == (
        (f"{where} has more than one digit after the point: taken as {taken_ma / 1000}",) if many else ()
    )


@pytest.mark.parametrize("sent", [10, 10.0, 6.1, 0, 0.0, -0.0])
def test_a_limit_of_at_most_one_decimal_deviates_from_nothing(sent: float) -> None:
    charge = Charge()
    charge.starts(1, 1)
    assert charge.sets(1, wire("TxDefaultProfile", (0, sent))) == "Accepted"
    assert charge.limits()[1] == int(sent * 1000)
    assert not any(each.event.deviations for each in charge.events if isinstance(each.event, CallAnswered))


@pytest.mark.parametrize("sent", [-0.01, -1e-300, -6.956521739130435, 1e300, 10**13, 1e12 + 0.5])
def test_many_decimals_excuse_no_limit_that_is_out_of_range(sent: float) -> None:
    charge = Charge()
    charge.starts(1, 1)
    assert charge.sets(1, wire("TxDefaultProfile", (0, sent))) == "PropertyConstraintViolation"
    assert charge.limits()[1] == 32_000


def test_watts_and_the_least_rate_are_cut_down_too() -> None:
    charge = Charge(phases=1)
    charge.starts(1, 1)
    schedule = {"minChargingRate": 1380.0499999999997}
    assert charge.sets(1, wire("TxDefaultProfile", (0, 1600.0000001), unit="W", schedule=schedule)) == "Accepted"
    (held,) = charge.state.charging_profiles.all
    assert held.profile.periods[0].limit_deci == 16_000
    assert held.profile.min_charging_rate_deci == 13_800
    assert charge.limits()[1] == 1600 * 1000 // 230


def test_the_decimals_of_a_whole_day_are_told_up_to_a_bound() -> None:
    charge = Charge()
    limits = [(900 * number, 6 + 1 / (number + 7)) for number in range(96)]
    assert charge.sets(1, wire("TxDefaultProfile", *limits)) == "Accepted"
    answer = next(each.event for each in charge.events if isinstance(each.event, CallAnswered))
    assert len(answer.deviations) == DEVIATIONS_MAX
    assert answer.deviations[-1].endswith("more")


def test_another_mistake_beside_many_decimals_is_the_error_of_the_call() -> None:
    charge = Charge()
    assert charge.sets(1, wire("TxDefaultProfile", (0, 6.95), bogus=1)) == "FormationViolation"
    assert charge.sets(1, wire("TxDefaultProfile", (0, 6.95), stackLevel="0")) == "TypeConstraintViolation"
    assert charge.installed() == []
