"""Authorization online: who is asked for, in which order, and what the cache makes of it (3.5, 4.1, 5.4)."""

from typing import Any

import pytest

from eventstore.catalogue.authorization import AuthorizationDenied, AuthorizationEnded, AuthorizationGranted
from eventstore.catalogue.lifecycle import DeadlineReached
from projections.authorization import CACHE_MAX
from tests.given import OTHER_TAG, TAG, StationUnderTest, answering, station, utc

PRE_AUTHORIZE = {"LocalPreAuthorize": "true"}


def known(info: dict[str, Any] | None = None, **settings: Any) -> StationUnderTest:
    """Online, and the CSMS has given its word on the tag."""
    found = station(**settings).online()
    info = info or {"status": "Accepted"}
    found.csms = answering(Authorize={"idTagInfo": info})
    found.swipe()
    if info["status"] == "Accepted":
        found.swipe()
    found.csms = answering()
    return found.forget()


def clear_cache(found: StationUnderTest) -> str:
    answer = found.ask("ClearCache")
    assert answer is not None
    assert answer.payload is not None
    return str(answer.payload["status"])


def grants(found: StationUnderTest) -> list[str]:
    return [event.source for event in found.events(AuthorizationGranted)]


def test_an_unknown_tag_is_asked_for() -> None:
    """4.1, TC_003."""
    found = station().online().forget()
    found.plug()
    found.swipe()
    assert found.actions() == [
        "StatusNotification 1 Preparing",
        "Authorize",
        "StartTransaction",
        "StatusNotification 1 Charging",
    ]
    assert found.sent("Authorize") == [{"idTag": TAG}]
    assert grants(found) == ["CSMS"]


def test_a_known_tag_is_asked_for_too_unless_local_pre_authorize_is_on() -> None:
    """9.1.13."""
    found = known()
    found.swipe()
    assert found.sent("Authorize") == [{"idTag": TAG}]


def test_local_pre_authorize_starts_a_cached_tag_without_asking() -> None:
    """9.1.13, TC_007_1."""
    found = known(factory=PRE_AUTHORIZE)
    found.swipe()
    found.plug()
    assert found.actions() == [
        "StatusNotification 1 Preparing",
        "StartTransaction",
        "StatusNotification 1 Charging",
    ]
    assert grants(found)[-1] == "Cache"


@pytest.mark.parametrize("status", ["Blocked", "Expired", "Invalid", "ConcurrentTx"])
def test_a_tag_that_is_not_valid_in_the_cache_is_asked_for(status: str) -> None:
    """3.5.1."""
    found = known({"status": status}, factory=PRE_AUTHORIZE)
    found.swipe()
    assert found.sent("Authorize") == [{"idTag": TAG}]
    assert found.state.connectors[1].grant is not None


def test_a_cached_tag_whose_time_is_over_is_asked_for() -> None:
    """3.5.1: it counts as Expired."""
    found = known({"status": "Accepted", "expiryDate": utc(100)}, factory=PRE_AUTHORIZE)
    found.swipe()
    found.swipe()
    assert found.sent("Authorize") == []
    found.advance(100)
    found.swipe()
    assert found.sent("Authorize") == [{"idTag": TAG}]


@pytest.mark.parametrize("status", ["Blocked", "Expired", "Invalid", "ConcurrentTx"])
def test_a_refused_tag_leaves_the_status_as_it_was(status: str) -> None:
    """4.1, TC_023_4: no status and no StartTransaction follow, in either order of tag and plug."""
    for plugged_first in (True, False):
        found = station().online().forget()
        found.csms = answering(Authorize={"idTagInfo": {"status": status}})
        if plugged_first:
            found.plug()
            found.swipe()
        else:
            found.swipe()
            assert found.actions() == ["Authorize"]
            found.plug()
        assert sorted(found.actions()) == ["Authorize", "StatusNotification 1 Preparing"]
        assert [event.reason for event in found.events(AuthorizationDenied)] == [status]


@pytest.mark.parametrize("message", ["Authorize", "StartTransaction", "StopTransaction"])
def test_the_cache_follows_every_id_tag_info(message: str) -> None:
    """3.5.1, 4.1, 4.8, 4.10."""
    answers: dict[str, Any] = {"idTagInfo": {"status": "Blocked", "parentIdTag": "GROUP"}}
    if message == "StartTransaction":
        answers["transactionId"] = 3
    found = station().online()
    found.csms = answering(**{message: answers})
    found.plug()
    found.swipe()
    if message == "StopTransaction":
        found.swipe()
    info = found.state.authorization.cached(TAG.lower())
    assert info is not None
    assert (info.status, info.parent_id_tag) == ("Blocked", "GROUP")


def test_a_stop_answer_without_info_leaves_the_cache_alone() -> None:
    """4.10: idTagInfo is optional."""
    found = known()
    found.plug()
    found.swipe()
    found.swipe()
    assert found.state.authorization.cached(TAG) is not None


def test_a_full_cache_drops_what_is_not_valid_first_and_then_the_oldest() -> None:
    """3.5.1."""
    found = station().online()
    found.csms = answering(Authorize=lambda call: {"idTagInfo": {"status": info_of(call.payload["idTag"])}})

    def info_of(id_tag: str) -> str:
        return "Blocked" if id_tag == "BAD" else "Accepted"

    for id_tag in ["GOOD0", "BAD", *(f"GOOD{number}" for number in range(1, CACHE_MAX - 1))]:
        found.swipe(id_tag)
        if id_tag != "BAD":
            found.swipe(id_tag)
    assert len(found.state.authorization.cache) == CACHE_MAX
    found.swipe("NEW1")
    found.swipe("NEW1")
    assert found.state.authorization.cached("BAD") is None
    assert found.state.authorization.cached("GOOD0") is not None
    found.swipe("NEW2")
    assert found.state.authorization.cached("GOOD0") is None
    assert found.state.authorization.cached("GOOD1") is not None
    assert len(found.state.authorization.cache) == CACHE_MAX


def test_clear_cache_empties_it_and_the_tag_is_asked_for_again() -> None:
    """5.4, TC_061_1."""
    found = known(factory=PRE_AUTHORIZE)
    assert clear_cache(found) == "Accepted"
    found.swipe()
    assert found.sent("Authorize") == [{"idTag": TAG}]


def test_clear_cache_is_rejected_where_there_is_no_cache() -> None:
    """Errata 3.23."""
    found = known(factory={**PRE_AUTHORIZE, "AuthorizationCacheEnabled": "false"})
    assert clear_cache(found) == "Rejected"
    assert len(found.state.authorization.cache) == 0


def test_a_cache_that_is_switched_off_is_not_used() -> None:
    """9.1.2."""
    found = known(factory=PRE_AUTHORIZE)
    found.configure(AuthorizationCacheEnabled=False)
    found.swipe()
    assert found.sent("Authorize") == [{"idTag": TAG}]


def test_the_local_list_goes_before_the_cache_and_its_tags_are_never_cached() -> None:
    """3.5.3."""
    found = known(factory=PRE_AUTHORIZE)
    entry = {"idTag": TAG.lower(), "idTagInfo": {"status": "Blocked"}}
    found.ask("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]})
    assert found.state.authorization.cached(TAG) is None
    found.swipe()
    assert found.sent("Authorize") == [{"idTag": TAG}]
    assert found.state.authorization.cached(TAG) is None


def test_concurrent_tx_on_the_list_is_a_valid_tag() -> None:
    """3.5.2."""
    found = station(factory=PRE_AUTHORIZE).online().forget()
    entry = {"idTag": TAG, "idTagInfo": {"status": "ConcurrentTx"}}
    found.ask("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]})
    found.swipe()
    assert found.sent("Authorize") == []
    assert grants(found) == ["LocalList"]


def test_a_csms_that_contradicts_the_list_is_reported_so_on_connector_zero() -> None:
    """3.5.2: LocalListConflict."""
    found = station(factory=PRE_AUTHORIZE).online().forget()
    entry = {"idTag": TAG, "idTagInfo": {"status": "Accepted"}}
    found.ask("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]})
    found.csms = answering(StartTransaction={"idTagInfo": {"status": "Blocked"}, "transactionId": 3})
    found.plug()
    found.swipe()
    told = [payload for payload in found.sent("StatusNotification") if payload["errorCode"] == "LocalListConflict"]
    assert [payload["connectorId"] for payload in told] == [0]


@pytest.mark.parametrize("id_tag", ["", "X" * 21])
def test_what_is_no_id_tag_is_refused_without_a_question(id_tag: str) -> None:
    """7.28: at most 20 characters."""
    found = station().online().forget()
    found.swipe(id_tag)
    assert found.actions() == []
    assert [event.reason for event in found.events(AuthorizationDenied)] == ["no valid idTag"]


def test_a_tag_is_taken_as_any_text() -> None:
    """3.9: no presumption about its format."""
    found = station().online().forget()
    found.swipe("ab:c d-é_\"'/")
    assert found.sent("Authorize") == [{"idTag": "ab:c d-é_\"'/"}]


def test_a_tag_presented_again_while_it_is_being_asked_for_asks_once() -> None:
    found = station().online().forget()
    found.csms = answering(Authorize=None)
    found.swipe()
    found.swipe()
    found.swipe(OTHER_TAG)
    assert found.sent("Authorize") == [{"idTag": TAG}]


def test_a_second_presentation_takes_the_authorization_back_at_once() -> None:
    """4.9 B1."""
    found = station().online().forget()
    found.swipe()
    assert found.status() == "Preparing"
    found.swipe(TAG.lower())
    assert found.status() == "Available"
    assert [event.reason for event in found.events(AuthorizationEnded)] == ["Cancelled"]
    assert len(found.sent("Authorize")) == 1


def test_another_tag_does_not_take_over_what_is_authorized() -> None:
    found = station().online().forget()
    found.swipe()
    found.swipe(OTHER_TAG)
    grant = found.state.connectors[1].grant
    assert grant is not None
    assert grant.id_tag == TAG
    assert len(found.sent("Authorize")) == 1


def test_an_answer_that_comes_when_the_connector_can_no_longer_be_used_grants_nothing() -> None:
    found = station().online()
    found.csms = answering(Authorize=None)
    found.swipe()
    authorize = found.last("Authorize")
    found.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    found.answer({"idTagInfo": {"status": "Accepted"}}, call=authorize)
    assert [event.reason for event in found.events(AuthorizationDenied)] == ["unavailable"]
    assert found.status() == "Unavailable"


def test_an_authorization_ends_when_its_connector_becomes_unavailable() -> None:
    found = station().online()
    found.swipe()
    found.ask("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"})
    assert [event.reason for event in found.events(AuthorizationEnded)] == ["unavailable"]


# ConnectionTimeOut (9.1.6, errata 3.76, 3.87, 3.20)


def test_an_authorization_lapses_when_nobody_plugs_in_in_time() -> None:
    """TC_004_2, B1."""
    found = station(factory={"ConnectionTimeOut": "45"}).online().forget()
    found.swipe()
    found.advance(44)
    assert found.status() == "Preparing"
    found.advance(1)
    assert found.status() == "Available"
    assert found.statuses() == ["Preparing", "Available"]
    found.plug()
    assert found.sent("StartTransaction") == []


def test_a_tag_at_the_common_reader_is_good_until_its_own_time_is_over() -> None:
    """B1: a deadline that was set for an earlier tag takes nothing from the one that was presented since."""
    found = station(connectors=2, factory={"ConnectionTimeOut": "45"}).online()
    found.swipe()
    waiting_until_ms = found.at_ms + 45_000
    found.advance(44.999)
    assert found.events(AuthorizationEnded) == []
    found.observe(DeadlineReached(name="connection_timeout", key=0, due_ms=found.at_ms))
    assert found.events(AuthorizationEnded) == []
    found.advance(0.001)
    assert found.at_ms == waiting_until_ms
    assert [event.reason for event in found.events(AuthorizationEnded)] == ["ConnectionTimeOut"]


def test_a_cable_that_nobody_authorizes_in_time_is_finishing() -> None:
    """Errata 3.20, B6: another driver's tag must not start on it unawares."""
    found = station().online().forget()
    found.plug()
    found.advance(59.999)
    assert found.statuses() == ["Preparing"]
    found.advance(0.001)
    assert found.statuses() == ["Preparing", "Finishing"]
    found.unplug()
    assert found.status() == "Available"


def test_the_time_runs_from_the_beginning_of_preparing_not_from_the_tag() -> None:
    """Errata 3.76: the cable came first, the tag 50 s later, the vehicle never."""
    found = station().online().forget()
    found.plug(pilot="A")
    found.advance(50)
    found.swipe()
    found.advance(9.999)
    assert found.statuses() == ["Preparing"]
    found.advance(0.001)
    assert found.statuses() == ["Preparing", "Finishing"]
    assert [event.reason for event in found.events(AuthorizationEnded)] == ["ConnectionTimeOut"]


def test_a_tag_presented_at_a_timed_out_connector_starts_preparing_anew() -> None:
    """F2."""
    found = station().online().forget()
    found.plug()
    found.advance(70)
    found.swipe()
    assert found.statuses() == ["Preparing", "Finishing", "Preparing", "Charging"]


def test_a_refused_tag_at_a_timed_out_connector_gives_it_another_time_out() -> None:
    """F2, B6."""
    found = station().online().forget()
    found.csms = answering(Authorize={"idTagInfo": {"status": "Invalid"}})
    found.plug()
    found.advance(70)
    found.swipe()
    found.advance(59)
    assert found.status() == "Preparing"
    found.advance(1)
    assert found.status() == "Finishing"


def test_zero_switches_the_time_out_off() -> None:
    found = station(factory={"ConnectionTimeOut": "0"}).online()
    found.swipe()
    found.advance(86_400)
    assert found.status() == "Preparing"


def test_a_changed_time_out_acts_at_once() -> None:
    """5.3: Accepted means effective immediately."""
    found = station().online()
    found.swipe()
    found.configure(ConnectionTimeOut=5)
    found.advance(4.999)
    assert found.status() == "Preparing"
    found.advance(0.001)
    assert found.status() == "Available"


UNREADABLE: list[dict[str, Any]] = [
    {},
    {"idTagInfo": {}},
    {"idTagInfo": 5},
    {"idTagInfo": {"status": "Perhaps"}},
    {"idTagInfo": {"status": ""}},
]


@pytest.mark.parametrize("payload", UNREADABLE)
def test_an_answer_that_cannot_be_read_lets_no_unknown_tag_in(payload: dict[str, Any]) -> None:
    """9.1.1: AllowOfflineTxForUnknownId is for a station that is offline, and the link is up."""
    found = station(factory={"AllowOfflineTxForUnknownId": "true"})
    found.csms = answering(Authorize=payload)
    found.online()
    found.plug()
    found.swipe()
    assert [event.reason for event in found.events(AuthorizationDenied)] == ["Authorize was not answered"]
    assert found.sent("StartTransaction") == []


def test_a_frame_that_cannot_be_read_lets_none_in_either() -> None:
    found = station(factory={"AllowOfflineTxForUnknownId": "true"})
    found.csms = answering(Authorize=None)
    found.online()
    found.plug()
    found.swipe()
    found.receive(f'[3, "{found.last("Authorize").message_id}"]')
    assert found.sent("StartTransaction") == []
    assert found.state.outbox.in_flight is None


@pytest.mark.parametrize("payload", UNREADABLE)
@pytest.mark.parametrize("allowed", ["true", "false"])
def test_an_answer_that_cannot_be_read_counts_as_a_callerror_for_a_known_tag(
    payload: dict[str, Any], allowed: str
) -> None:
    """The offline rules decide by list and cache."""
    found = known(factory={"LocalAuthorizeOffline": allowed})
    found.csms = answering(Authorize=payload)
    found.plug()
    found.swipe()
    assert (found.status() == "Charging") is (allowed == "true")


@pytest.mark.parametrize("failure", ["InternalError", None])
def test_a_callerror_or_silence_leaves_it_to_the_offline_rules_of_unknown_tags(failure: str | None) -> None:
    found = station(factory={"AllowOfflineTxForUnknownId": "true"})
    found.csms = answering(Authorize=failure)
    found.online()
    found.plug()
    found.swipe()
    found.advance(30)
    assert found.status() == "Charging"
