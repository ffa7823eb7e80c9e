"""The group of a tag, whoever tells it: for the transaction, for the cable that is kept, and at the common reader (3.10)."""

from typing import Any

import pytest

from eventstore.catalogue.authorization import IdTagInfo, IdTagInfoReceived
from tests.given import OTHER_TAG, TAG, StationUnderTest, answering, station

FAMILY = {"status": "Accepted", "parentIdTag": "FAMILY"}
NOBODY_ELSE = {"status": "Accepted"}


def running(found: StationUnderTest) -> list[int]:
    return [transaction.connector_id for transaction in found.state.transactions.running()]


def parent(found: StationUnderTest, connector_id: int = 1) -> str | None:
    transaction = found.state.transactions.on(connector_id)
    assert transaction is not None
    return transaction.parent_id_tag


def remotely_started(connectors: int = 1, start: dict[str, Any] | None = None, **says: Any) -> StationUnderTest:
    """A transaction of TAG on connector 1 that was started remotely: only StartTransaction.conf tells its group."""
    found = station(connectors=connectors)
    found.csms = answering(**{"StartTransaction": {"idTagInfo": start or FAMILY, "transactionId": 1}, **says})
    found.online()
    found.plug()
    answer = found.ask("RemoteStartTransaction", {"idTag": TAG, "connectorId": 1})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}
    return found.forget()


def listing(found: StationUnderTest, id_tag: str, info: dict[str, Any], version: int = 1, kind: str = "Full") -> None:
    entries = [{"idTag": id_tag, "idTagInfo": info}]
    answer = found.ask("SendLocalList", {"listVersion": version, "updateType": kind, "localAuthorizationList": entries})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}


def test_a_card_of_the_family_stops_a_session_that_was_started_remotely() -> None:
    """3.10, 4.8, TC_069."""
    found = remotely_started(Authorize={"idTagInfo": {**FAMILY, "parentIdTag": "family"}})
    found.swipe(OTHER_TAG, 1)
    assert found.actions()[:2] == ["Authorize", "StopTransaction"]
    stop = found.sent("StopTransaction")[0]
    assert (stop["idTag"], stop.get("reason", "Local")) == (OTHER_TAG, "Local")


@pytest.mark.parametrize("info", [NOBODY_ELSE, {"status": "Accepted", "parentIdTag": "OTHERS"}])
def test_a_stranger_does_not_stop_it(info: dict[str, Any]) -> None:
    found = remotely_started(Authorize={"idTagInfo": info})
    found.swipe(OTHER_TAG, 1)
    assert running(found) == [1]


def test_the_family_stops_it_after_a_power_cut_too() -> None:
    """What was told is in the log."""
    found = station(power_loss_policy="resume")
    says = {"StartTransaction": {"idTagInfo": FAMILY, "transactionId": 1}, "Authorize": {"idTagInfo": FAMILY}}
    found.csms = answering(**says)
    found.online()
    found.plug()
    found.ask("RemoteStartTransaction", {"idTag": TAG, "connectorId": 1})
    found.disconnect()
    found.boot(pilots={1: "C"}, orderly=False)
    assert parent(found) == "FAMILY"
    found.connect()
    found.swipe(OTHER_TAG, 1)
    assert running(found) == []


@pytest.mark.parametrize("plugged", [False, True])
def test_at_a_common_reader_the_family_stops_the_first_session_instead_of_starting_a_second(plugged: bool) -> None:
    found = remotely_started(connectors=2, Authorize={"idTagInfo": FAMILY})
    if plugged:
        found.plug(2)
    found.swipe(OTHER_TAG)
    assert running(found) == []
    assert found.sent("StartTransaction") == []
    assert found.state.connectors.waiting is None


def test_a_listed_card_of_the_family_stops_it_offline() -> None:
    found = remotely_started(connectors=2)
    listing(found, OTHER_TAG, FAMILY)
    found.plug(2)
    found.disconnect()
    found.swipe(OTHER_TAG)
    assert running(found) == []


def test_the_family_is_known_although_its_card_came_before_the_answer_to_the_start() -> None:
    """The card is asked about while StartTransaction is under way: both answers together tell what it means."""
    found = station(connectors=2)
    found.csms = answering(StartTransaction=None, Authorize={"idTagInfo": FAMILY})
    found.online()
    found.plug()
    found.ask("RemoteStartTransaction", {"idTag": TAG, "connectorId": 1})
    found.plug(2)
    found.swipe(OTHER_TAG)
    assert running(found) == [1]
    found.answer({"idTagInfo": FAMILY, "transactionId": 1}, call=found.last("StartTransaction"))
    assert running(found) == []


def test_a_card_of_nobody_starts_where_it_would_have_although_the_answer_to_the_start_is_open() -> None:
    found = station(connectors=2)
    found.csms = answering(StartTransaction=None)
    found.online()
    found.plug()
    found.ask("RemoteStartTransaction", {"idTag": TAG, "connectorId": 1})
    found.plug(2)
    found.swipe(OTHER_TAG)
    found.answer({"idTagInfo": FAMILY, "transactionId": 1}, call=found.last("StartTransaction"))
    assert running(found) == [1, 2]


@pytest.mark.parametrize("status", ["Blocked", "Invalid", "Expired"])
def test_a_cable_that_is_kept_after_deauthorized_is_released_by_the_family(status: str) -> None:
    """3.5.4, errata 3.5: also by the group that the very answer names."""
    found = remotely_started(start={**FAMILY, "status": status}, Authorize={"idTagInfo": FAMILY})
    held = found.state.connectors[1].held_for
    assert held is not None
    assert held.parent_id_tag == "FAMILY"
    listing(found, OTHER_TAG, {**FAMILY, "parentIdTag": "Family"})
    found.swipe(OTHER_TAG, 1)
    assert found.sent("Authorize") == []
    assert not found.state.connectors[1].locked


def test_a_stranger_does_not_get_that_cable() -> None:
    found = remotely_started(start={**FAMILY, "status": "Blocked"}, Authorize={"idTagInfo": NOBODY_ELSE})
    found.swipe(OTHER_TAG, 1)
    assert found.state.connectors[1].locked


def test_stop_transaction_may_tell_the_group_that_the_cable_is_kept_for() -> None:
    """The DeAuthorized stop carries no tag, so its answer is about the one that started; only its group is taken."""
    found = station(connectors=2)
    found.csms = answering(
        StartTransaction={"idTagInfo": {"status": "Blocked"}, "transactionId": 1},
        StopTransaction={"idTagInfo": FAMILY},
        Authorize={"idTagInfo": FAMILY},
    )
    found.online()
    found.plug()
    found.ask("RemoteStartTransaction", {"idTag": TAG, "connectorId": 1})
    cached = found.state.authorization.cached(TAG)
    assert cached is not None
    assert cached.status == "Blocked"
    found.plug(2)
    found.swipe(OTHER_TAG)
    assert not found.state.connectors[1].locked
    assert running(found) == []


@pytest.mark.parametrize("kind", ["Full", "Differential"])
def test_the_list_may_tell_the_group_while_the_session_runs(kind: str) -> None:
    found = remotely_started(start=NOBODY_ELSE, Authorize={"idTagInfo": FAMILY})
    listing(found, TAG.lower(), FAMILY, kind=kind)
    assert parent(found) == "FAMILY"
    found.swipe(OTHER_TAG, 1)
    assert running(found) == []


def test_whatever_says_the_group_last_counts() -> None:
    found = remotely_started()
    assert parent(found) == "FAMILY"
    listing(found, TAG, {**FAMILY, "parentIdTag": "OTHERS"})
    assert parent(found) == "OTHERS"


@pytest.mark.parametrize("info", [{"status": "Accepted"}, {"status": "Accepted", "parentIdTag": " "}])
def test_an_answer_that_leaves_the_group_out_takes_none_away(info: dict[str, Any]) -> None:
    """Many central systems tell it in Authorize.conf alone."""
    found = station()
    found.csms = answering(Authorize={"idTagInfo": FAMILY}, StartTransaction={"idTagInfo": info, "transactionId": 1})
    found.online()
    found.plug()
    found.swipe()
    assert parent(found) == "FAMILY"
    listing(found, TAG, info)
    assert parent(found) == "FAMILY"


def test_the_group_of_an_authorization_that_waits_for_its_cable_goes_into_the_transaction() -> None:
    found = station()
    found.csms = answering(StartTransaction=None)
    found.online()
    found.ask("RemoteStartTransaction", {"idTag": TAG, "connectorId": 1})
    listing(found, TAG, FAMILY)
    found.plug()
    assert parent(found) == "FAMILY"


def test_the_group_of_a_tag_that_waits_for_the_next_cable_is_told_too() -> None:
    found = station(connectors=2).online()
    found.swipe()
    found.observe_decision(
        IdTagInfoReceived(id_tag=TAG, info=IdTagInfo(status="Accepted", parent_id_tag="FAMILY"), cache=False)
    )
    waiting = found.state.connectors.waiting
    assert waiting is not None
    assert waiting.parent_id_tag == "FAMILY"


def test_a_late_answer_to_the_start_tells_the_group_and_nothing_else() -> None:
    found = station(factory={"TransactionMessageAttempts": "1"})
    found.csms = answering(StartTransaction="InternalError", Authorize={"idTagInfo": FAMILY})
    found.online()
    found.plug()
    found.ask("RemoteStartTransaction", {"idTag": TAG, "connectorId": 1})
    found.answer(
        {"idTagInfo": {**FAMILY, "status": "Blocked"}, "transactionId": 1}, call=found.last("StartTransaction")
    )
    assert parent(found) == "FAMILY"
    assert running(found) == [1]
    assert found.state.authorization.cached(TAG) is None


def test_a_listed_card_of_which_the_list_names_no_group_is_asked_about() -> None:
    """Many lists carry no parents; the CSMS may know more (3.10). Offline nobody can be asked."""
    found = remotely_started(Authorize={"idTagInfo": FAMILY})
    listing(found, OTHER_TAG, NOBODY_ELSE)
    found.disconnect()
    found.swipe(OTHER_TAG, 1)
    assert running(found) == [1]
    found.forget().connect()
    found.swipe(OTHER_TAG, 1)
    assert [payload["idTag"] for payload in found.sent("Authorize")] == [OTHER_TAG]
    assert running(found) == []


def test_a_card_of_the_family_that_charges_elsewhere_stops_it_all_the_same() -> None:
    """7.2: ConcurrentTx matters to a start only."""
    busy = {"idTagInfo": {**FAMILY, "status": "ConcurrentTx"}}
    for connectors, reader in ((1, 1), (2, 1), (2, None)):
        found = remotely_started(connectors=connectors, Authorize=busy)
        found.swipe(OTHER_TAG, reader)
        assert running(found) == [], (connectors, reader)


def test_a_card_of_the_family_that_charges_elsewhere_releases_the_cable_all_the_same() -> None:
    busy = {"idTagInfo": {**FAMILY, "status": "ConcurrentTx"}}
    found = remotely_started(start={**FAMILY, "status": "Blocked"}, Authorize=busy)
    found.swipe(OTHER_TAG, 1)
    assert not found.state.connectors[1].locked


def test_a_cable_plugged_in_before_the_answer_came_is_the_next_one() -> None:
    """A tag at the common reader that waits for a cable: the answer to Authorize may take longer than the driver."""
    found = station(connectors=2)
    found.csms = answering(Authorize=None)
    found.online()
    found.swipe()
    found.plug(2)
    found.advance(3)
    found.answer({"idTagInfo": NOBODY_ELSE}, call=found.last("Authorize"))
    assert running(found) == [2]
