"""A station with several connectors and one reader (3.8, errata 3.20; contract of the reader)."""

from typing import Any

import pytest

from eventstore.catalogue.authorization import AuthorizationDenied, AuthorizationEnded
from tests.given import OTHER_TAG, TAG, StationUnderTest, answering, charging, station, utc

GROUP = {"idTagInfo": {"status": "Accepted", "parentIdTag": "GROUP"}}


def two(**settings: object) -> StationUnderTest:
    return station(connectors=2, **settings).online().forget()


def running(found: StationUnderTest) -> list[int]:
    return [transaction.connector_id for transaction in found.state.transactions.running()]


def test_connectors_are_numbered_from_one_without_a_gap() -> None:
    """3.8."""
    found = station(connectors=3).online()
    assert [payload["connectorId"] for payload in found.sent("StatusNotification")] == [0, 1, 2, 3]


def test_a_tag_starts_on_the_connector_that_waits_longest() -> None:
    found = two()
    found.plug(2)
    found.advance(1)
    found.plug(1)
    found.swipe()
    assert running(found) == [2]
    found.swipe(OTHER_TAG)
    assert running(found) == [1, 2]


def test_a_tag_without_a_cable_waits_for_the_next_one_that_is_plugged_in() -> None:
    found = two()
    found.swipe()
    assert (found.status(1), found.status(2)) == ("Available", "Available")
    assert running(found) == []
    found.plug(2)
    assert running(found) == [2]
    assert found.statuses(2) == ["Preparing", "Charging"]


def test_a_tag_presented_before_plugging_in_does_not_start_on_a_cable_that_was_left_behind() -> None:
    """Errata 3.20, its very case: two connectors, one reader."""
    timed_out, stopped = two(), charging(station(connectors=2))
    timed_out.plug(1)
    timed_out.advance(60)
    stopped.swipe()
    for found in (timed_out, stopped):
        assert found.status(1) == "Finishing"
        found.swipe(OTHER_TAG)
        assert running(found) == []
        found.plug(2)
        assert running(found) == [2]


def test_a_cable_that_was_left_behind_is_used_where_no_other_can_be_plugged_in() -> None:
    """4.9 F2."""
    found = two()
    found.plug(1)
    found.advance(60)
    found.plug(2)
    found.swipe(OTHER_TAG, 2)
    found.swipe()
    assert running(found) == [1, 2]


def test_a_remote_start_without_a_connector_does_not_take_a_cable_that_was_left_behind() -> None:
    """Errata 3.20, 5.11."""
    found = two()
    found.plug(1)
    found.advance(60)
    found.ask("RemoteStartTransaction", {"idTag": TAG})
    found.plug(2)
    assert running(found) == [2]


def test_a_tag_stops_its_own_transaction_before_one_of_its_group() -> None:
    """3.10."""
    found = station(connectors=2)
    found.csms = answering(Authorize={"idTagInfo": {"status": "Accepted", "parentIdTag": "GROUP"}})
    found.online()
    for number, id_tag in ((1, OTHER_TAG), (2, TAG)):
        found.plug(number)
        found.swipe(id_tag, number)
    found.swipe(TAG)
    assert running(found) == [1]


def test_a_waiting_tag_lapses_after_the_connection_time_out() -> None:
    """9.1.6."""
    found = two()
    found.swipe()
    found.advance(60)
    assert [event.reason for event in found.events(AuthorizationEnded)] == ["ConnectionTimeOut"]
    found.plug(1)
    assert running(found) == []


def test_a_waiting_tag_that_is_presented_again_is_taken_back() -> None:
    found = two()
    found.swipe()
    found.swipe()
    assert found.state.connectors.waiting is None
    found.plug(1)
    assert running(found) == []


def test_the_tag_of_a_transaction_stops_it_wherever_other_cables_wait() -> None:
    found = charging(station(connectors=3))
    found.plug(2)
    found.swipe()
    assert running(found) == []
    assert found.status(2) == "Preparing"


def test_a_member_of_the_group_stops_it_too_if_the_station_knows() -> None:
    """3.10."""
    found = station(connectors=2)
    found.csms = answering(Authorize={"idTagInfo": {"status": "Accepted", "parentIdTag": "GROUP"}})
    charging(found)
    entry = {"idTag": OTHER_TAG, "idTagInfo": {"status": "Accepted", "parentIdTag": "GROUP"}}
    found.ask("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]})
    found.swipe(OTHER_TAG)
    assert running(found) == []


def test_a_reader_of_one_connector_means_that_connector() -> None:
    found = two()
    found.plug(1)
    found.swipe(TAG, 2)
    assert running(found) == []
    found.plug(2)
    assert running(found) == [2]


def test_a_reader_of_a_connector_that_is_not_there_is_refused() -> None:
    found = two()
    found.swipe(TAG, 7)
    found.swipe(TAG, 0)
    assert [event.reason for event in found.events(AuthorizationDenied)] == ["no connector 7", "no connector 0"]


def test_a_fault_of_one_connector_leaves_the_others_alone() -> None:
    found = two()
    for number in (1, 2):
        found.plug(number)
        found.swipe(f"TAG{number}", number)
    found.fault("GroundFailure", 1)
    assert running(found) == [2]
    assert found.status(2) == "Charging"


def test_a_waiting_tag_is_not_given_to_a_faulted_connector() -> None:
    found = two()
    found.fault("OtherError", 1)
    found.swipe()
    found.plug(1)
    assert running(found) == []
    found.plug(2)
    assert running(found) == [2]


def test_each_connector_has_its_own_samples_and_register() -> None:
    found = two()
    found.csms = answering()
    for number in (1, 2):
        found.plug(number)
        found.swipe(f"TAG{number}", number)
    found.charge(10, 1)
    found.charge(20, 2)
    found.advance(60)
    values = {
        payload["connectorId"]: (payload["transactionId"], payload["meterValue"][0]["sampledValue"][0]["value"])
        for payload in found.sent("MeterValues")
    }
    assert values == {1: (9001, "1010"), 2: (9002, "2020")}


def of_the_group(**settings: Any) -> StationUnderTest:
    """A member of a group charges on the first of two connectors."""
    found = station(connectors=2, **settings)
    found.csms = answering(Authorize=GROUP)
    return charging(found).forget()


@pytest.mark.parametrize("plugged", [False, True])
def test_an_unknown_member_of_the_group_at_the_common_reader_is_asked_for_and_stops_it(plugged: bool) -> None:
    """3.10: only the answer to Authorize tells the group, so the tag starts nowhere before it has come."""
    found = of_the_group()
    if plugged:
        found.plug(2)
    found.forget()
    found.swipe(OTHER_TAG)
    assert found.actions()[:2] == ["Authorize", "StopTransaction"]
    assert found.sent("StopTransaction")[0]["idTag"] == OTHER_TAG
    assert found.sent("StartTransaction") == []
    assert found.state.connectors.waiting is None
    assert running(found) == []


def test_it_stops_it_also_where_every_other_connector_is_kept_for_somebody_else() -> None:
    """3.10: what stands against a start does not stand against a stop."""
    found = of_the_group()
    expiry = {"expiryDate": utc(3600), "idTag": "ELSE", "reservationId": 1}
    found.ask("ReserveNow", {"connectorId": 2, **expiry})
    found.swipe(OTHER_TAG)
    assert running(found) == []


@pytest.mark.parametrize("info", [{"status": "Accepted"}, {"status": "Accepted", "parentIdTag": "X"}])
def test_an_unknown_tag_of_no_or_another_group_starts_where_it_would_have(info: dict[str, str]) -> None:
    """3.10, and the contract of the reader."""
    found = of_the_group()
    found.csms = answering(Authorize={"idTagInfo": info})
    found.plug(2)
    found.swipe(OTHER_TAG)
    assert len(found.sent("Authorize")) == 1
    assert running(found) == [1, 2]


def test_an_unknown_member_of_the_group_releases_the_held_cable_of_its_group() -> None:
    """3.5.4, errata 3.5."""
    found = station(connectors=2)
    found.csms = answering(Authorize=GROUP, StartTransaction={"idTagInfo": {"status": "Blocked"}, "transactionId": 1})
    found.online()
    found.plug(1)
    found.swipe()
    assert found.state.connectors[1].locked
    found.swipe(OTHER_TAG)
    assert not found.state.connectors[1].locked


def test_the_group_of_an_unknown_tag_is_not_known_offline_so_it_starts_by_the_offline_rules() -> None:
    """3.5.4: what cannot be asked for is not guessed."""
    for allowed in ("true", "false"):
        found = of_the_group(factory={"AllowOfflineTxForUnknownId": allowed})
        found.plug(2)
        found.disconnect()
        found.swipe(OTHER_TAG)
        assert running(found) == ([1, 2] if allowed == "true" else [1])


def test_an_authorize_that_stays_unanswered_leaves_the_start_to_the_offline_rules() -> None:
    """3.5."""
    found = of_the_group(factory={"AllowOfflineTxForUnknownId": "true"})
    found.csms = answering(Authorize=None)
    found.plug(2)
    found.swipe(OTHER_TAG)
    assert running(found) == [1]
    found.advance(30)
    assert running(found) == [1, 2]


def test_a_blocked_member_of_the_group_neither_stops_nor_starts() -> None:
    found = of_the_group()
    found.csms = answering(Authorize={"idTagInfo": {"status": "Blocked", "parentIdTag": "GROUP"}})
    found.plug(2)
    found.swipe(OTHER_TAG)
    assert running(found) == [1]


def test_a_member_of_the_group_at_the_reader_of_a_connector_means_that_connector() -> None:
    """The contract of the reader."""
    found = of_the_group()
    found.plug(2)
    found.swipe(OTHER_TAG, 2)
    assert running(found) == [1, 2]
