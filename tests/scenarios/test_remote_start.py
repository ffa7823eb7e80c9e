"""RemoteStartTransaction (5.11, errata 3.32, 9.1.3)."""

from typing import Any

import pytest

from tests.given import OTHER_TAG, TAG, StationUnderTest, answering, charging, station, utc

AUTHORIZING = {"AuthorizeRemoteTxRequests": "true"}


def remote_start(found: StationUnderTest, connector_id: int | None = 1, id_tag: str = TAG, **members: Any) -> str:
    request = {"idTag": id_tag, **members} | ({} if connector_id is None else {"connectorId": connector_id})
    answer = found.ask("RemoteStartTransaction", request)
    assert answer is not None
    return str(answer.payload["status"]) if answer.payload is not None else answer.error_code


def test_cable_first_then_remote_start() -> None:
    """TC_010."""
    found = station().online().forget()
    found.plug()
    assert remote_start(found) == "Accepted"
    assert found.actions() == [
        "StatusNotification 1 Preparing",
        "StartTransaction",
        "StatusNotification 1 Charging",
    ]
    assert found.sent("StartTransaction")[0]["idTag"] == TAG


def test_remote_start_first_then_the_cable() -> None:
    """TC_011_1."""
    found = station().online().forget()
    assert remote_start(found) == "Accepted"
    found.plug()
    assert found.actions() == [
        "StatusNotification 1 Preparing",
        "StartTransaction",
        "StatusNotification 1 Charging",
    ]


def test_a_remote_start_lapses_when_nobody_plugs_in() -> None:
    """TC_011_2."""
    found = station().online().forget()
    remote_start(found)
    found.advance(60)
    assert found.statuses() == ["Preparing", "Available"]
    found.plug()
    assert found.sent("StartTransaction") == []


def test_it_is_authorized_like_a_local_start_where_so_configured() -> None:
    """9.1.3, TC_061_2."""
    found = station(factory=AUTHORIZING).online().forget()
    found.plug()
    assert remote_start(found) == "Accepted"
    assert found.actions() == [
        "StatusNotification 1 Preparing",
        "Authorize",
        "StartTransaction",
        "StatusNotification 1 Charging",
    ]


def test_the_answer_does_not_wait_for_the_authorization() -> None:
    """Errata 3.32: Accepted means that it will be attempted; TC_023_5."""
    found = station(factory=AUTHORIZING).online().forget()
    found.csms = answering(Authorize={"idTagInfo": {"status": "Invalid"}})
    assert remote_start(found) == "Accepted"
    found.plug()
    assert found.sent("StartTransaction") == []
    assert found.statuses() == ["Preparing"]


def test_a_cached_tag_needs_no_authorize_with_local_pre_authorize() -> None:
    """TC_007_2."""
    found = charging(station(factory={**AUTHORIZING, "LocalPreAuthorize": "true"}))
    found.swipe()
    found.unplug()
    found.forget()
    remote_start(found)
    found.plug()
    assert found.sent("Authorize") == []
    assert len(found.sent("StartTransaction")) == 1


@pytest.mark.parametrize("connector_id", [0, -1, 2, 99])
def test_a_connector_that_cannot_start_is_rejected(connector_id: int) -> None:
    """TC_027."""
    found = station().online()
    assert remote_start(found, connector_id) == "Rejected"


def test_an_empty_tag_is_rejected() -> None:
    assert remote_start(station().online(), id_tag="") == "Rejected"


def test_a_running_transaction_is_in_the_way() -> None:
    """TC_026."""
    found = charging()
    assert remote_start(found, id_tag=OTHER_TAG) == "Rejected"


def test_an_authorization_that_waits_is_in_the_way() -> None:
    found = station().online()
    found.swipe()
    assert remote_start(found, id_tag=OTHER_TAG) == "Rejected"


def test_an_authorize_under_way_is_in_the_way() -> None:
    found = station().online()
    found.csms = answering(Authorize=None)
    found.swipe()
    assert remote_start(found, id_tag=OTHER_TAG) == "Rejected"


def test_an_unavailable_or_scheduled_or_faulted_connector_is_rejected() -> None:
    """5.2, 4.9."""
    unavailable, faulted = station().online(), station().online()
    unavailable.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    faulted.fault("OtherError")
    for found in (unavailable, faulted):
        assert remote_start(found) == "Rejected"


def test_a_cable_held_for_another_tag_is_in_the_way() -> None:
    """Errata 3.5."""
    found = station().online()
    found.csms = answering(StartTransaction={"idTagInfo": {"status": "Blocked"}, "transactionId": 3})
    found.plug()
    found.swipe()
    assert remote_start(found) == "Rejected"


def test_a_finishing_connector_starts_anew() -> None:
    """F2."""
    found = charging()
    found.swipe()
    found.forget()
    assert remote_start(found) == "Accepted"
    assert found.statuses() == ["Preparing", "Charging"]


def test_a_timed_out_connector_starts_anew() -> None:
    """F2."""
    found = station().online().forget()
    found.plug()
    found.advance(60)
    assert remote_start(found) == "Accepted"
    assert found.statuses() == ["Preparing", "Finishing", "Preparing", "Charging"]


def test_without_a_connector_the_one_that_is_plugged_in_longest_is_chosen() -> None:
    """5.11: the station is in control."""
    found = station(connectors=3).online().forget()
    found.plug(3)
    found.advance(1)
    found.plug(2)
    assert remote_start(found, None) == "Accepted"
    assert [payload["connectorId"] for payload in found.sent("StartTransaction")] == [3]


def test_without_a_connector_and_a_cable_the_first_free_one_is_chosen() -> None:
    found = station(connectors=2).online()
    found.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    assert remote_start(found, None) == "Accepted"
    assert found.status(2) == "Preparing"


def test_without_a_connector_that_could_start_it_is_rejected() -> None:
    found = station(connectors=2).online()
    found.ask("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"})
    assert remote_start(found, None) == "Rejected"


@pytest.mark.parametrize("status", ["Pending", None])
def test_before_the_acceptance_it_is_rejected(status: str | None) -> None:
    """4.2."""
    found = station().online()
    boot = None if status is None else {"status": status, "currentTime": utc(), "interval": 60}
    found.csms = answering(BootNotification=boot)
    found.boot()
    found.connect()
    assert remote_start(found) == "Rejected"


def test_a_foreign_reservation_is_in_the_way_and_the_own_one_is_used() -> None:
    """5.11, 5.13."""
    found = station().online().forget()
    request = {"connectorId": 1, "idTag": OTHER_TAG, "reservationId": 17, "expiryDate": utc(900)}
    found.ask("ReserveNow", request)
    assert remote_start(found) == "Rejected"
    assert remote_start(found, id_tag=OTHER_TAG) == "Accepted"
    found.plug()
    assert found.sent("StartTransaction")[0]["reservationId"] == 17


@pytest.mark.parametrize(
    ("payload", "error_code"),
    [
        ({}, "ProtocolError"),
        ({"idTag": 12}, "TypeConstraintViolation"),
        ({"idTag": "X" * 21}, "PropertyConstraintViolation"),
        ({"idTag": TAG, "connectorId": "1"}, "TypeConstraintViolation"),
        ({"idTag": TAG, "charger": 1}, "FormationViolation"),
    ],
)
def test_a_bad_request_is_an_error(payload: dict[str, Any], error_code: str) -> None:
    """OCPP-J 4.2.3."""
    answer = station().online().ask("RemoteStartTransaction", payload)
    assert answer is not None
    assert answer.error_code == error_code


def test_with_smart_charging_off_a_profile_is_ignored() -> None:
    """5.11."""
    found = station(profiles_off=("SmartCharging",)).online().forget()
    periods = [{"startPeriod": 0, "limit": 6}]
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": periods},
    }
    assert remote_start(found, chargingProfile=profile) == "Accepted"
    assert len(found.state.charging_profiles.all) == 0


RESERVED_FOR_FAMILY = {
    "connectorId": 1,
    "idTag": TAG,
    "parentIdTag": "FAMILY",
    "reservationId": 17,
    "expiryDate": utc(900),
}


def reserved_for_family(connectors: int = 1, asks: str = "false", **info: Any) -> StationUnderTest:
    """Connector 1 is reserved for a family; Authorize tells this of a tag that neither list nor cache knows."""
    found = station(connectors=connectors, factory={"AuthorizeRemoteTxRequests": asks})
    found.csms = answering(Authorize={"idTagInfo": {"status": "Accepted", **info}})
    found.online()
    found.ask("ReserveNow", RESERVED_FOR_FAMILY)
    found.plug()
    return found.forget()


@pytest.mark.parametrize("asks", ["false", "true"])
def test_a_tag_that_may_be_of_the_reserved_group_is_accepted_asked_about_and_starts(asks: str) -> None:
    """5.13, TC_053_2: whatever AuthorizeRemoteTxRequests says, only Authorize can tell the group."""
    found = reserved_for_family(asks=asks, parentIdTag="family")
    assert remote_start(found, id_tag=OTHER_TAG) == "Accepted"
    assert [payload["idTag"] for payload in found.sent("Authorize")] == [OTHER_TAG]
    assert found.sent("StartTransaction")[0]["reservationId"] == 17


@pytest.mark.parametrize("info", [{}, {"parentIdTag": "OTHERS"}, {"status": "Blocked", "parentIdTag": "FAMILY"}])
def test_it_does_not_start_if_the_group_does_not_agree(info: dict[str, Any]) -> None:
    found = reserved_for_family(**info)
    assert remote_start(found, id_tag=OTHER_TAG) == "Accepted"
    assert found.sent("StartTransaction") == []
    assert found.status() == "Reserved"


@pytest.mark.parametrize("parent", [None, "OTHERS", "FAMILY"])
def test_a_tag_whose_group_is_known_is_not_asked_about(parent: str | None) -> None:
    """5.13: list or cache may tell it; a listed tag without a group is asked about, for the CSMS may know more."""
    found = reserved_for_family()
    info = {"status": "Accepted"} if parent is None else {"status": "Accepted", "parentIdTag": parent}
    entries = [{"idTag": OTHER_TAG, "idTagInfo": info}]
    found.ask("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries})
    assert remote_start(found, id_tag=OTHER_TAG) == ("Rejected" if parent == "OTHERS" else "Accepted")
    assert len(found.sent("Authorize")) == (parent is None)
    assert len(found.sent("StartTransaction")) == (parent == "FAMILY")


def test_without_a_connector_id_one_that_is_kept_for_nobody_goes_before_one_kept_for_a_group() -> None:
    found = reserved_for_family(connectors=2, parentIdTag="FAMILY")
    assert remote_start(found, None, OTHER_TAG) == "Accepted"
    assert found.sent("Authorize") == []
    assert found.state.connectors[2].grant is not None


def test_without_a_connector_id_one_kept_for_a_group_is_asked_for_where_there_is_no_other() -> None:
    found = reserved_for_family(connectors=2, parentIdTag="FAMILY")
    found.fault("OtherError", 2)
    assert remote_start(found, None, OTHER_TAG) == "Accepted"
    assert found.sent("StartTransaction")[0]["connectorId"] == 1


def test_reserved_for_a_tag_alone_it_is_rejected() -> None:
    found = station().online()
    found.ask("ReserveNow", {key: value for key, value in RESERVED_FOR_FAMILY.items() if key != "parentIdTag"})
    assert remote_start(found.forget(), id_tag=OTHER_TAG) == "Rejected"
    assert found.sent("Authorize") == []
