from typing import Any

from station.views.schedule import HOURS_24_S, STEPS_MAX, schedule_view
from tests.given import UTC_2026_MS, StationUnderTest, charging, station

FROM_MS = UTC_2026_MS + 1_000


def install(under_test: StationUnderTest, periods: list[tuple[int, float]], **members: Any) -> None:
    schedule = {
        "chargingRateUnit": "A",
        "startSchedule": "2026-01-01T00:00:01Z",
        "chargingSchedulePeriod": [{"startPeriod": start, "limit": limit} for start, limit in periods],
    }
    profile = {
        "chargingProfileId": 12,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": schedule,
        **members,
    }
    answer = under_test.ask("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}


def test_without_a_profile_the_station_limits_the_whole_day() -> None:
    shown = schedule_view(station().online().state, 1_000)
    assert (shown["from_ms"], shown["to_ms"]) == (FROM_MS, FROM_MS + HOURS_24_S * 1_000)
    assert shown["connectors"] == [{"connector_id": 1, "limit": [[FROM_MS, 32_000]], "is_charging": False}]
    assert shown["profiles"] == []


def test_a_profile_is_shown_by_itself_and_in_what_holds() -> None:
    under_test = charging()
    install(under_test, [(0, 40.0), (3_600, 10.0)])
    shown = schedule_view(under_test.state, 1_000)
    (connector,) = shown["connectors"]
    assert connector["is_charging"] is True
    assert connector["limit"] == [[FROM_MS, 32_000], [FROM_MS + 3_600_000, 10_000]]
    (profile,) = shown["profiles"]
    assert (profile["charging_profile_id"], profile["purpose"], profile["connector_id"]) == (12, "TxDefaultProfile", 1)
    assert profile["curve"] == [[FROM_MS, 40_000], [FROM_MS + 3_600_000, 10_000]]


def test_where_a_profile_says_nothing_its_curve_has_a_gap() -> None:
    under_test = station().online()
    install(under_test, [(0, 16.0)], validTo="2026-01-01T01:00:01Z")
    (profile,) = schedule_view(under_test.state, 1_000)["profiles"]
    assert profile["curve"] == [[FROM_MS, 16_000], [FROM_MS + 3_600_000, None]]


def test_a_curve_has_a_bound() -> None:
    under_test = station(factory={"ChargingScheduleMaxPeriods": "24"}).online()
    install(under_test, [(60 * n, 10.0 + n % 2) for n in range(24)])
    shown = schedule_view(under_test.state, 1_000)
    assert all(len(curve) <= STEPS_MAX for curve in (shown["profiles"][0]["curve"], shown["connectors"][0]["limit"]))
