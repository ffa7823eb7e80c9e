"""Why a connector has its limit: the profile and the period that decide, the cable, the station, a share; nothing where that is not known."""

import pytest

from eventstore.catalogue.hardware import ProximityObserved
from projections.limit_reason import CABLE, PROFILE, SHARE, STATION, LimitReason
from station.features.smart_charging.reasons import limit_reason
from tests.scenarios.conftest import World, world
from tests.scenarios.test_smart_charging import charge, install, profile


def reason(station: World, connector_id: int = 1) -> LimitReason | None:
    return limit_reason(station.state, connector_id, station.at_ms)


def test_without_a_profile_it_is_the_station_or_the_cable() -> None:
    station = world()
    assert reason(station) is None
    charge(station)
    assert reason(station) == LimitReason(kind=STATION)
    thin = world()
    charge(thin)
    thin.observe(ProximityObserved(connector_id=1, cable_rating_ma=13_000))
    assert thin.state.connectors[1].limit_ma == 13_000
    assert reason(thin) == LimitReason(kind=CABLE)


def test_the_profile_that_prevails_is_named_with_its_period_and_when_it_was_set() -> None:
    station = world()
    transaction_id = charge(station)
    set_ms = station.state.clock.utc_ms(station.at_ms)
    wanted = profile(station, "TxProfile", {0: 16, 60: 6, 120: 0}, chargingProfileId=12, transactionId=transaction_id)
    assert install(station, 1, wanted) == "Accepted"
    for period, limit_a in enumerate((16, 6, 0), 1):
        assert station.state.connectors[1].limit_ma == limit_a * 1000
        found = reason(station)
        assert found is not None
        assert (found.kind, found.charging_profile_id, found.purpose, found.period) == (
            PROFILE,
            12,
            "TxProfile",
            period,
        )
        assert found.set_utc_ms is not None
        assert abs(found.set_utc_ms - set_ms) < 1_000
        station.wait(60)


def test_the_lower_of_two_profiles_decides_and_a_profile_above_the_station_does_not() -> None:
    station = world()
    charge(station)
    install(station, 0, profile(station, "TxDefaultProfile", {0: 20}, chargingProfileId=1))
    install(station, 0, profile(station, "ChargePointMaxProfile", {0: 10}, chargingProfileId=2))
    found = reason(station)
    assert found is not None
    assert (found.charging_profile_id, found.purpose) == (2, "ChargePointMaxProfile")
    high = world()
    charge(high)
    install(high, 0, profile(high, "TxDefaultProfile", {0: 63}))
    assert reason(high) == LimitReason(kind=STATION)


def test_what_two_share_is_called_a_share_of_what_limits_both() -> None:
    station = world(connectors=2)
    charge(station, 1)
    charge(station, 2, "OTHER")
    install(station, 0, profile(station, "ChargePointMaxProfile", {0: 20}, chargingProfileId=5))
    station.wait(30)
    assert [station.state.connectors[each].limit_ma for each in (1, 2)] == [10_000, 10_000]
    for connector_id in (1, 2):
        found = reason(station, connector_id)
        assert found is not None
        assert (found.kind, found.charging_profile_id, found.period) == (SHARE, 5, 1)


def test_a_limit_that_waits_for_another_vehicle_is_not_explained() -> None:
    station = world(connectors=2)
    charge(station, 1)
    install(station, 0, profile(station, "ChargePointMaxProfile", {0: 32}, chargingProfileId=5))
    charge(station, 2, "OTHER")  # the first one's vehicle may still draw what was taken from it
    if station.state.connectors[2].limit_ma == 0:
        assert reason(station, 2) is None
    station.wait(30)
    assert reason(station, 2) is not None


@pytest.mark.parametrize("connector_id", [0, 9])
def test_there_is_none_for_what_is_no_connector(connector_id: int) -> None:
    station = world()
    charge(station)
    assert reason(station, connector_id) is None
