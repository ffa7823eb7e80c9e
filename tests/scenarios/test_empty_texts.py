"""An empty text is no value: what central systems send for what they do not know makes no family of strangers (3.10)."""

from typing import Any

import pytest

from eventstore.catalogue.authorization import (
    AuthorizationDenied,
    AuthorizationGranted,
    IdTagInfo,
    IdTagInfoReceived,
    LocalListEntry,
    LocalListReplaced,
)
from eventstore.catalogue.reservations import ReservationMade
from eventstore.catalogue.transactions import HeldFor, TransactionStopped
from tests.given import OTHER_TAG, TAG, UTC_2026_MS, StationUnderTest, answering, charging, station, utc

BLANKS = ["", " ", "\t \n"]
LATER_MS = UTC_2026_MS + 3_600_000


def said(**info: Any) -> dict[str, Any]:
    return {"idTagInfo": {"status": "Accepted", **info}}


def running(found: StationUnderTest) -> list[int]:
    return [transaction.connector_id for transaction in found.state.transactions.running()]


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("connectors", [1, 2])
def test_an_empty_parent_makes_no_group_of_strangers(blank: str, connectors: int) -> None:
    """3.10, 4.8: a stranger's tag stops nothing, and is not even asked for (TC_068)."""
    found = station(connectors=connectors)
    words = said(parentIdTag=blank, expiryDate=blank)
    found.csms = answering(Authorize=words, StartTransaction={**words, "transactionId": 1})
    charging(found)
    assert found.state.transactions.on(1) is not None
    assert found.state.transactions.on(1).parent_id_tag is None  # type: ignore[union-attr]  # asserted above
    found.forget().swipe(OTHER_TAG, 1)
    assert found.actions() == []
    assert running(found) == [1]
    found.swipe(TAG, 1)
    assert running(found) == []


def test_two_strangers_with_empty_parents_charge_side_by_side_at_a_common_reader() -> None:
    found = station(connectors=2)
    found.csms = answering(Authorize=said(parentIdTag=""))
    charging(found)
    found.plug(2)
    found.swipe(OTHER_TAG)
    assert running(found) == [1, 2]


@pytest.mark.parametrize("blank", BLANKS)
def test_a_stranger_gets_no_cable_that_was_kept_for_an_empty_parent(blank: str) -> None:
    """3.5.4, errata 3.5."""
    found = station()
    words = {"idTagInfo": {"status": "Blocked", "parentIdTag": blank}, "transactionId": 1}
    found.csms = answering(Authorize=said(parentIdTag=blank), StartTransaction=words)
    found.online()
    found.plug()
    found.swipe()
    assert found.state.connectors[1].held_for == HeldFor(id_tag=TAG, parent_id_tag=None)
    found.swipe(OTHER_TAG, 1)
    assert found.state.connectors[1].locked


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("connector_id", [0, 1])
def test_a_reservation_for_an_empty_parent_is_for_its_tag_alone(blank: str, connector_id: int) -> None:
    """5.13: nobody else uses it up, and nobody is asked for."""
    found = station()
    found.csms = answering(Authorize=said(parentIdTag=blank))
    found.online()
    request = {"connectorId": connector_id, "idTag": TAG, "reservationId": 7, "expiryDate": utc(900)}
    answer = found.ask("ReserveNow", {**request, "parentIdTag": blank})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}
    assert found.state.reservations.all[0].parent_id_tag is None
    found.forget().plug()
    found.swipe(OTHER_TAG, 1)
    assert found.sent("Authorize") == []
    assert running(found) == []
    found.swipe(TAG, 1)
    assert found.sent("StartTransaction")[0]["reservationId"] == 7


@pytest.mark.parametrize("kind", ["Full", "Differential"])
def test_an_entry_of_the_list_with_empty_texts_is_valid_without_end_or_group(kind: str) -> None:
    found = station().online()
    info = {"status": "Accepted", "parentIdTag": "", "expiryDate": " "}
    entries = [{"idTag": TAG, "idTagInfo": info}]
    answer = found.ask("SendLocalList", {"listVersion": 1, "updateType": kind, "localAuthorizationList": entries})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}
    assert found.state.authorization.listed(TAG) == IdTagInfo(status="Accepted")


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("kind", ["Full", "Differential"])
@pytest.mark.parametrize("deletes", [False, True])
def test_a_list_that_names_nobody_has_failed_and_changes_nothing(blank: str, kind: str, deletes: bool) -> None:
    found = station().online()
    entries: list[dict[str, Any]] = [{"idTag": TAG, "idTagInfo": {"status": "Accepted"}}]
    nobody = {"idTag": blank} if deletes else {"idTag": blank, "idTagInfo": {"status": "Accepted"}}
    request = {"listVersion": 1, "updateType": kind, "localAuthorizationList": [*entries, nobody]}
    answer = found.ask("SendLocalList", request)
    assert answer is not None
    assert answer.payload == {"status": "Failed"}
    assert found.state.authorization.list_version == 0
    assert not found.state.authorization.local_list


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("asks", ["true", "false"])
def test_a_remote_start_for_nobody_is_rejected(blank: str, asks: str) -> None:
    found = station(factory={"AuthorizeRemoteTxRequests": asks}).online()
    found.plug()
    found.forget()
    for members in ({}, {"connectorId": 1}):
        answer = found.ask("RemoteStartTransaction", {"idTag": blank, **members})
        assert answer is not None
        assert answer.payload == {"status": "Rejected"}
    assert found.sent("Authorize") == []
    assert running(found) == []


@pytest.mark.parametrize("blank", BLANKS)
def test_a_reservation_for_nobody_is_rejected_and_replaces_none(blank: str) -> None:
    found = station().online()
    request = {"connectorId": 1, "idTag": TAG, "reservationId": 7, "expiryDate": utc(900)}
    found.ask("ReserveNow", request)
    answer = found.ask("ReserveNow", {**request, "idTag": blank, "parentIdTag": "GROUP"})
    assert answer is not None
    assert answer.payload == {"status": "Rejected"}
    assert [held.id_tag for held in found.state.reservations.all] == [TAG]


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("connector_id", [None, 1])
def test_a_reader_that_reports_nothing_lets_nobody_start(blank: str, connector_id: int | None) -> None:
    found = station(factory={"AllowOfflineTxForUnknownId": "true"}).boot()
    found.plug()
    found.swipe(blank, connector_id)
    assert [event.reason for event in found.events(AuthorizationDenied)] == ["no valid idTag"]
    assert running(found) == []


def test_a_profile_with_empty_dates_holds_without_bounds() -> None:
    found = station().online()
    schedule = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8}],
        "startSchedule": "",
    }
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "recurrencyKind": "",
        "validFrom": "",
        "validTo": " ",
        "chargingSchedule": schedule,
    }
    answer = found.ask("SetChargingProfile", {"connectorId": 0, "csChargingProfiles": profile})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}
    found.plug()
    found.swipe()
    assert found.state.connectors[1].limit_ma == 8_000


def test_a_purpose_that_says_nothing_clears_no_profile() -> None:
    """5.3: an absent purpose means every one, and so must not come about by a slip."""
    found = station().online()
    answer = found.ask("ClearChargingProfile", {"chargingProfilePurpose": ""})
    assert answer is not None
    assert answer.error_code == "PropertyConstraintViolation"


# What a log of version 0.1.0 may hold ------------------------------------------------------------------------------


def test_an_empty_parent_in_an_old_cache_and_list_is_none() -> None:
    found = station(connectors=2, factory={"LocalPreAuthorize": "true"}).online()
    info = IdTagInfo(status="Accepted", parent_id_tag="")
    found.observe_decision(IdTagInfoReceived(id_tag=TAG, info=info, cache=True))
    found.observe_decision(LocalListReplaced(version=1, entries=(LocalListEntry(id_tag=OTHER_TAG, info=info),)))
    found.plug()
    found.swipe()
    found.swipe(OTHER_TAG, 1)
    assert running(found) == [1]
    found.plug(2)
    found.swipe(OTHER_TAG)
    assert running(found) == [1, 2]
    assert all(granted.parent_id_tag is None for granted in found.events(AuthorizationGranted))


def test_an_empty_parent_of_an_old_transaction_or_held_cable_is_none() -> None:
    found = station().online()
    found.observe_decision(
        AuthorizationGranted(connector_id=1, id_tag=TAG, parent_id_tag="", source="CSMS", reservation_id=None)
    )
    found.plug()
    assert running(found) == [1]
    found.csms = answering(Authorize=said(parentIdTag=""))
    found.forget().swipe(OTHER_TAG, 1)
    assert found.sent("Authorize") == []
    assert running(found) == [1]
    transaction = found.state.transactions.on(1)
    assert transaction is not None
    found.observe_decision(
        TransactionStopped(
            connector_id=1,
            number=transaction.number,
            reason="DeAuthorized",
            id_tag=None,
            meter_stop_wh=1000,
            stopped=transaction.started,
            held_for=HeldFor(id_tag=TAG, parent_id_tag=""),
        )
    )
    found.swipe(OTHER_TAG, 1)
    assert found.state.connectors[1].held_for is not None


def test_an_old_reservation_for_an_empty_parent_is_for_its_tag_alone() -> None:
    found = station().online()
    found.csms = answering(Authorize=said())
    found.observe_decision(
        ReservationMade(reservation_id=7, connector_id=1, id_tag=TAG, parent_id_tag="", expiry_utc_ms=LATER_MS)
    )
    found.forget().plug()
    found.swipe(OTHER_TAG, 1)
    assert found.sent("Authorize") == []
    assert running(found) == []
