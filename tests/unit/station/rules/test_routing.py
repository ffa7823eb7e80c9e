"""Which connector a tag at the common reader means."""

from eventstore.catalogue.authorization import AuthorizationPostponed
from station.rules.routing import choose, may_be_of_a_group, of_group, plugged_meanwhile, user
from tests.given import OTHER_TAG, TAG, StationUnderTest, answering, charging, station

AT_MS = 9_000
FAMILY = {"idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}}


def of_the_family(**says: object) -> StationUnderTest:
    found = station(connectors=2)
    found.csms = answering(Authorize=FAMILY, **says)
    return charging(found)


def test_the_only_connector_is_meant_whatever_holds_there() -> None:
    assert choose(charging().state, OTHER_TAG, AT_MS) == 1


def test_the_tags_own_connector_is_meant_before_any_other() -> None:
    found = of_the_family()
    found.plug(2)
    assert choose(found.state, TAG, AT_MS) == 1
    assert choose(found.state, OTHER_TAG, AT_MS) == 2


def test_who_waits_to_be_asked_about_again_keeps_his_connector() -> None:
    found = station(connectors=2).online()
    found.plug(1)
    found.plug(2)
    waits = AuthorizationPostponed(id_tag=TAG, connector_id=1, purpose="start", parent_id_tag=None, due_ms=None)
    state = found.observe_decision(waits).state
    assert choose(state, TAG.lower(), AT_MS) == 1
    assert choose(state, OTHER_TAG, AT_MS) == 2


def test_only_the_csms_can_tell_where_a_group_charges_or_may_be_named_yet() -> None:
    assert may_be_of_a_group(of_the_family().state, 2, OTHER_TAG, AT_MS)
    assert may_be_of_a_group(charging(station(connectors=2)).state, 2, OTHER_TAG, AT_MS) is False
    found = station(connectors=2)
    found.csms = answering(StartTransaction=None)
    charging(found)
    assert may_be_of_a_group(found.state, 2, OTHER_TAG, AT_MS)
    assert not may_be_of_a_group(found.state, 1, TAG, AT_MS)


def test_the_connector_of_a_group_is_found_by_its_user() -> None:
    found = of_the_family()
    used = of_group(found.state, "family")
    assert used is not None
    assert used.connector_id == 1
    assert user(found.state, used) == found.state.transactions.on(1)
    assert of_group(found.state, "OTHERS") is None
    assert of_group(found.state, None) is None


def test_a_cable_plugged_in_meanwhile_is_the_one_that_waited_longest_and_is_kept_for_nobody() -> None:
    found = station(connectors=3).online()
    assert plugged_meanwhile(found.state, TAG, None) is None
    found.plug(2)
    found.at_ms += 1
    found.plug(1)
    assert plugged_meanwhile(found.state, TAG, None) == 2
    found.fault("OtherError", 2)
    assert plugged_meanwhile(found.state, TAG, None) == 1
