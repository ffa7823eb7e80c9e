"""From a presented tag to a granted authorization."""

from eventstore.catalogue.authorization import AuthorizationDenied, AuthorizationGranted, AuthorizeQueued
from eventstore.catalogue.connectors import PreparingRestarted
from projections.connector import Connector
from station.rules.authorizing import START, begin, conclude, grant, is_pending, refusal, usable_cables
from station.rules.identification import Ask, Denied, Granted, Source
from tests.given import OTHER_TAG, TAG, answering, charging, station

AT_MS = 9_000


def test_an_unknown_tag_online_is_asked_for() -> None:
    state = station().online().state
    assert begin(state, 1, TAG, AT_MS) == (AuthorizeQueued(id_tag=TAG, connector_id=1, purpose=START),)
    (asked,) = begin(state, 1, TAG, AT_MS, remote=True)
    assert isinstance(asked, AuthorizeQueued)
    assert asked.remote


def test_what_stands_against_a_start_is_said() -> None:
    found = charging()
    (denied,) = begin(found.state, 1, OTHER_TAG, AT_MS)
    assert denied == AuthorizationDenied(connector_id=1, id_tag=OTHER_TAG, reason="a transaction is running")
    assert refusal(found.state, 1) == "a transaction is running"
    assert refusal(found.state, None) is None


def test_one_question_at_a_time_per_connector() -> None:
    found = station(connectors=2).online()
    found.csms = answering(Authorize=None)
    found.swipe(TAG, 1)
    assert is_pending(found.state, 1)
    assert not is_pending(found.state, 2)
    assert begin(found.state, 1, OTHER_TAG, AT_MS) == ()
    assert begin(found.state, 2, OTHER_TAG, AT_MS) != ()


def test_each_verdict_has_its_event() -> None:
    state = station().online().state
    verdict = Granted(source=Source.CSMS, parent_id_tag="P")
    granted = AuthorizationGranted(connector_id=1, id_tag=TAG, parent_id_tag="P", source="CSMS")
    assert conclude(state, 1, TAG, verdict) == (granted,)
    assert grant(state, 1, TAG, verdict) == granted
    denied = AuthorizationDenied(connector_id=1, id_tag=TAG, reason="Blocked")
    assert conclude(state, 1, TAG, Denied(reason="Blocked")) == (denied,)


def test_a_question_at_a_timed_out_connector_begins_preparing_anew() -> None:
    """4.9 F2."""
    found = station().online()
    found.plug()
    found.advance(60)
    events = conclude(found.state, 1, TAG, Ask())
    assert [type(event) for event in events] == [PreparingRestarted, AuthorizeQueued]


def test_a_grant_names_the_reservation_that_it_uses() -> None:
    """5.13, 4.8."""
    found = station().online()
    request = {"connectorId": 1, "idTag": TAG, "reservationId": 17, "expiryDate": "2026-01-01T01:00:00Z"}
    found.ask("ReserveNow", request)
    assert grant(found.state, 1, TAG.lower(), Granted(source=Source.CACHE)).reservation_id == 17
    assert grant(found.state, 1, OTHER_TAG, Granted(source=Source.CACHE)).reservation_id is None
    (denied,) = begin(found.state, 1, OTHER_TAG, AT_MS)
    assert denied == AuthorizationDenied(connector_id=1, id_tag=OTHER_TAG, reason="Reserved")


def test_a_reservation_for_a_group_asks_for_a_tag_of_unknown_group() -> None:
    """5.13."""
    found = station().online()
    request = {"connectorId": 1, "idTag": TAG, "reservationId": 17, "expiryDate": "2026-01-01T01:00:00Z"}
    found.ask("ReserveNow", {**request, "parentIdTag": "FAMILY"})
    (asked,) = begin(found.state, 1, OTHER_TAG, AT_MS)
    assert isinstance(asked, AuthorizeQueued)


def test_a_cable_that_is_left_over_counts_only_where_there_is_no_other() -> None:
    """Errata 3.20."""
    fresh, finishing, timed_out = (
        Connector(connector_id=1),
        Connector(connector_id=2, finishing=True),
        Connector(connector_id=3, timed_out=True),
    )
    assert usable_cables([finishing, fresh, timed_out]) == [fresh]
    assert usable_cables([finishing, timed_out]) == [finishing, timed_out]
    assert usable_cables([]) == []
