"""Smart Charging (3.13, 5.5, 5.7, 5.16) through the whole kernel: profiles in, limits and statuses out."""

from typing import Any

import pytest

from eventstore.catalogue.hardware import PilotStateObserved
from eventstore.catalogue.link import CallAnswered
from eventstore.catalogue.smart_charging import LimitChanged
from tests.scenarios.conftest import World, world

TAG = "TAG"
CHARGING, SUSPENDED_EVSE = "Charging", "SuspendedEVSE"


def profile(station: World, purpose: str, limits: dict[int, float], unit: str = "A", **members: Any) -> dict[str, Any]:
    """A profile with an Absolute schedule from now on."""
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "startSchedule": station.utc(0),
            "chargingRateUnit": unit,
            "chargingSchedulePeriod": [{"startPeriod": start, "limit": limit} for start, limit in limits.items()],
        },
        **members,
    }


def install(station: World, connector_id: int, wanted: dict[str, Any]) -> str:
    answer = station.request("SetChargingProfile", connectorId=connector_id, csChargingProfiles=wanted)
    return str(answer["status"])


def charge(station: World, connector_id: int = 1, tag: str = TAG) -> int:
    """A vehicle charges; the CSMS's id of the transaction."""
    station.plug(connector_id)
    station.swipe(tag, connector_id)
    station.observe(PilotStateObserved(connector_id=connector_id, pilot_state="C"))
    transaction = station.state.transactions.on(connector_id)
    assert transaction is not None
    assert transaction.transaction_id is not None
    return transaction.transaction_id


def limit_a(station: World, connector_id: int = 1) -> float:
    return station.state.connectors[connector_id].limit_ma / 1000


def periods(station: World, connector_id: int = 1, duration_s: int = 300, **members: Any) -> list[tuple[int, float]]:
    answer = station.request("GetCompositeSchedule", connectorId=connector_id, duration=duration_s, **members)
    assert answer["status"] == "Accepted"
    return [(each["startPeriod"], each["limit"]) for each in answer["chargingSchedule"]["chargingSchedulePeriod"]]


@pytest.mark.parametrize(("unit", "six"), [("A", 6), ("W", 6_000)])
def test_a_default_profile_shows_in_the_composite_schedule_without_a_transaction(unit: str, six: int) -> None:
    """5.7, OCTT TC_056."""
    station = world()
    assert install(station, 1, profile(station, "TxDefaultProfile", {0: six}, unit)) == "Accepted"
    assert periods(station, chargingRateUnit=unit) == [(0, six)]


def test_a_tx_profile_rules_its_transaction_and_ends_with_it() -> None:
    """3.13.1, OCTT TC_057."""
    station = world()
    transaction_id = charge(station)
    assert install(station, 1, profile(station, "TxProfile", {0: 8}, transactionId=transaction_id)) == "Accepted"
    assert limit_a(station) == 8
    station.swipe(TAG, 1)
    assert station.state.transactions.on(1) is None
    assert not station.state.charging_profiles.all


def test_a_pause_by_the_calendar_is_reported_as_suspended_by_the_station() -> None:
    """4.9, C5 and E3."""
    station = world()
    charge(station)
    mark = station.mark
    install(station, 0, profile(station, "ChargePointMaxProfile", {0: 16, 60: 0, 120: 10}))
    assert limit_a(station) == 16
    station.wait(60)
    assert station.statuses(1, mark) == [SUSPENDED_EVSE]
    station.wait(60)
    assert station.statuses(1, mark) == [SUSPENDED_EVSE, CHARGING]
    assert limit_a(station) == 10


def test_a_remote_start_with_a_profile_never_offers_more_than_it_allows() -> None:
    """5.16.2, OCTT TC_059."""
    station = world()
    station.plug(1)
    wanted = profile(station, "TxProfile", {0: 6})
    answer = station.request("RemoteStartTransaction", idTag=TAG, connectorId=1, chargingProfile=wanted)
    assert answer == {"status": "Accepted"}
    assert station.state.transactions.on(1) is not None
    assert [changed.limit_ma for changed in station.found(LimitChanged)] == [6_000]


def test_decimals_of_a_remote_starts_profile_are_cut_down_and_the_session_starts_limited() -> None:
    """7.14, errata 3.38: refused, the vehicle would not charge at all."""
    station = world()
    station.plug(1)
    wanted = profile(station, "TxProfile", {0: 1600 / 230, 60: 10})
    answer = station.request("RemoteStartTransaction", idTag=TAG, connectorId=1, chargingProfile=wanted)
    assert answer == {"status": "Accepted"}
    assert limit_a(station) == 6.9
    assert [len(answered.deviations) for answered in station.found(CallAnswered) if answered.deviations] == [1]


def test_a_profile_that_begins_a_moment_later_leaves_no_gap_at_full_current() -> None:
    """5.16.3: the profile before it is gone with its receipt."""
    station = world()
    charge(station)
    install(station, 1, profile(station, "TxDefaultProfile", {0: 6}))
    mark = station.mark
    later = profile(station, "TxDefaultProfile", {0: 8})
    later["chargingSchedule"]["startSchedule"] = station.utc(3)
    assert install(station, 1, later) == "Accepted"
    assert periods(station) == [(0, 8)]
    station.wait(10)
    assert [changed.limit_ma for changed in station.found(LimitChanged, mark)] == [8_000]


@pytest.mark.parametrize("authorizes", ["false", "true"])
def test_a_remote_start_that_leads_to_nothing_leaves_no_profile(authorizes: str) -> None:
    station = world()
    station.configure("AuthorizeRemoteTxRequests", authorizes)
    wanted = profile(station, "TxProfile", {0: 6})
    station.request("RemoteStartTransaction", idTag=TAG, connectorId=1, chargingProfile=wanted)
    assert len(station.state.charging_profiles.all) == 1
    station.wait(86_400)
    assert not station.state.charging_profiles.all


def test_a_remote_start_whose_tag_is_refused_leaves_no_profile() -> None:
    station = world()
    station.configure("AuthorizeRemoteTxRequests", "true")
    station.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    wanted = profile(station, "TxProfile", {0: 6})
    station.request("RemoteStartTransaction", idTag=TAG, connectorId=1, chargingProfile=wanted)
    assert not station.state.charging_profiles.all


def test_a_remote_start_waits_with_its_profile_for_the_answer_to_authorize() -> None:
    station = world()
    station.configure("AuthorizeRemoteTxRequests", "true")
    station.held.add("Authorize")
    wanted = profile(station, "TxProfile", {0: 6})
    station.request("RemoteStartTransaction", idTag=TAG, connectorId=1, chargingProfile=wanted)
    assert len(station.state.charging_profiles.all) == 1


def test_a_remote_start_with_a_profile_of_another_purpose_is_rejected() -> None:
    """OCTT TC_060."""
    station = world()
    wanted = profile(station, "TxDefaultProfile", {0: 6})
    answer = station.request("RemoteStartTransaction", idTag=TAG, connectorId=1, chargingProfile=wanted)
    assert answer == {"status": "Rejected"}
    assert station.state.connectors[1].grant is None


def test_two_vehicles_share_the_stations_limit_and_the_second_starts_when_the_first_has_made_room() -> None:
    station = world(supply_current_ma=32_000)
    charge(station, 1, "ONE")
    charge(station, 2, "TWO")
    assert (limit_a(station, 1), limit_a(station, 2)) == (16, 0)
    assert station.status(2) == SUSPENDED_EVSE
    station.wait(5)
    assert (limit_a(station, 1), limit_a(station, 2)) == (16, 16)
    assert station.status(2) == CHARGING


def test_without_smart_charging_a_transaction_charges_all_the_same() -> None:
    """The profile of a remote start is ignored (5.11)."""
    station = world(profiles_off=("SmartCharging",))
    station.plug(1)
    wanted = profile(station, "TxProfile", {0: 6})
    answer = station.request("RemoteStartTransaction", idTag=TAG, connectorId=1, chargingProfile=wanted)
    assert answer == {"status": "Accepted"}
    assert limit_a(station) == 32
    assert (
        station.ask("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": wanted}).error_code == "NotSupported"
    )


def test_an_offline_station_goes_on_by_its_profiles() -> None:
    """3.13.6."""
    station = world()
    charge(station)
    install(station, 1, profile(station, "TxDefaultProfile", {0: 16, 60: 8}))
    station.disconnect()
    station.wait(60)
    assert limit_a(station) == 8


def test_a_transaction_that_a_power_cut_ended_is_offered_nothing_more_and_takes_its_profile_along() -> None:
    """3.13.1; profiles of the other purposes stay (errata 3.37)."""
    station = world(power_loss_policy="stop")
    transaction_id = charge(station)
    install(station, 1, profile(station, "TxProfile", {0: 8}, transactionId=transaction_id))
    install(station, 1, profile(station, "TxDefaultProfile", {0: 10}, chargingProfileId=2))
    mark = station.mark
    station.off_for(30)
    assert station.state.transactions.on(1) is None
    assert [held.profile.purpose for held in station.state.charging_profiles.all] == ["TxDefaultProfile"]
    assert station.found(LimitChanged, mark) == []
