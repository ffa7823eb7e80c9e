"""Rules on transactions that several features share."""

from typing import Any

import pytest

from eventstore.catalogue.hardware import MeterFailed
from eventstore.catalogue.transactions import HeldFor, Moment, TransactionIdAssigned
from eventstore.value import replace
from projections.station import StationState
from projections.transactions import Transaction
from station.rules import transaction_rules
from station.rules.transaction_rules import (
    GIVEN_UP_ID,
    assign_transaction_id,
    refusal_to_serve,
    refusal_to_start,
    register_of,
    same_group,
    same_tag,
    stop_all,
    stop_now,
    wire_id,
)
from station.wire.enums import Reason
from tests.given import StationUnderTest, answering, charging, station


def test_the_table_of_what_ends_a_transaction_has_every_reason_once() -> None:
    """7.37."""
    rows = [line for line in (transaction_rules.__doc__ or "").splitlines() if line.startswith("    ")][1:]
    told = [line[57:73].strip() for line in rows if line[57:73].strip()]
    assert sorted(told) == sorted(reason.value for reason in Reason)


def running(found: StationUnderTest) -> Transaction:
    transaction = found.state.transactions.on(1)
    assert transaction is not None
    return transaction


def test_tags_compare_without_their_case() -> None:
    """Errata 3.73."""
    assert same_tag("aB1", "Ab1")
    assert not same_tag("AB1", "AB2")


@pytest.mark.parametrize(("one", "other", "same"), [("P", "p", True), ("P", "Q", False), (None, "P", False)])
def test_groups_are_the_same_only_if_both_are_known(one: str | None, other: str, *, same: bool) -> None:
    assert same_group(one, other) is same
    assert not same_group(None, None)


def test_what_a_station_refuses_as_a_whole() -> None:
    state = station().online().state
    assert refusal_to_serve(state) is None
    registration = state.registration
    refusals: dict[str, StationState] = {
        "never accepted by this CSMS": replace(state, registration=replace(registration, accepted_url="")),
        "rejected by the CSMS": replace(state, registration=replace(registration, status="Rejected")),
        "going down": replace(state, maintenance=replace(state.maintenance, stopping="SIGTERM")),
        "the disk is full": replace(state, boot=replace(state.boot, disk="critical")),
    }
    assert {reason: refusal_to_serve(refusing) for reason, refusing in refusals.items()} == {
        reason: reason for reason in refusals
    }


@pytest.mark.parametrize("status", ["Unknown", "Pending"])
def test_a_station_that_was_accepted_once_goes_on_without_an_answer(status: str) -> None:
    """As if offline."""
    state = station().online().state
    assert refusal_to_serve(replace(state, registration=replace(state.registration, status=status))) is None


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"transaction_number": 4}, "a transaction is running"),
        ({"availability": "Inoperative"}, "unavailable"),
        ({"scheduled_availability": "Inoperative"}, "unavailable"),
        ({"scheduled_availability": "Operative"}, None),
        ({"meter_failed": "dead"}, "PowerMeterFailure"),
        ({"emergency_stop": True}, "OtherError"),
    ],
)
def test_what_a_connector_refuses(facts: dict[str, Any], reason: str | None) -> None:
    state = station().online().state
    assert refusal_to_start(state, replace(state.connectors[1], **facts)) == reason


def test_the_first_id_binds_and_another_is_a_contradiction() -> None:
    found = station().online()
    found.csms = answering(StartTransaction=None)
    charging(found)
    assert assign_transaction_id(found.state, 1, 0) == (TransactionIdAssigned(number=1, transaction_id=0),)
    bound = charging().state
    assert assign_transaction_id(bound, 1, 9001) == ()
    assert assign_transaction_id(bound, 1, 5) == (TransactionIdAssigned(number=1, transaction_id=5, conflict=True),)
    assert assign_transaction_id(bound, 99, 5) == ()
    assert assign_transaction_id(bound, None, 5) == ()


def test_minus_one_is_for_a_start_that_was_given_up() -> None:
    """Errata 3.18."""
    found = station().online()
    found.csms = answering(StartTransaction=None)
    state = charging(found).state
    with pytest.raises(AssertionError):
        wire_id(state, 1)
    given_up = replace(state, transactions=state.transactions.changed(1, start_given_up=True))
    assert wire_id(given_up, 1) == GIVEN_UP_ID == -1
    late = replace(state, transactions=given_up.transactions.changed(1, transaction_id=8))
    assert wire_id(late, 1) == 8
    assert wire_id(state, None) is None
    assert wire_id(state, 77) is None


def test_the_register_to_stop_at() -> None:
    found = charging()
    found.charge(50)
    assert register_of(found.state, running(found)) == (1050, False)
    found.observe(MeterFailed(connector_id=1, reason="dead"))
    assert register_of(found.state, running(found)) == (1050, True)
    unread = replace(found.state, connectors=found.state.connectors.changed(1, reading=None))
    assert register_of(unread, replace(running(found), sampled_wh=1020)) == (1020, True)


def test_a_stop_says_when_why_who_and_how_much() -> None:
    found = charging()
    found.charge(70)
    moment = Moment(at_ms=3, boot=1, utc_ms=4)
    ended = stop_now(found.state, running(found), "Local", 5_000, id_tag="X", stopped=moment, hold=True)
    assert (ended.number, ended.connector_id, ended.reason, ended.id_tag) == (1, 1, "Local", "X")
    assert (ended.meter_stop_wh, ended.meter_stale, ended.stopped, ended.data) == (1070, False, moment, ())
    assert ended.held_for == HeldFor(id_tag="DEADBEEF", parent_id_tag=None)
    now = stop_now(found.state, running(found), "Remote", 5_000)
    assert (now.stopped, now.held_for) == (found.state.clock.moment(5_000), None)


def test_a_cable_is_held_only_where_there_is_a_lock() -> None:
    found = charging(station(fixed_cable=True))
    assert stop_now(found.state, running(found), "DeAuthorized", 5_000, hold=True).held_for is None


def test_every_running_transaction_is_stopped() -> None:
    found = station(connectors=2).online()
    for number in (1, 2):
        found.plug(number)
        found.swipe(f"TAG{number}", number)
    ended = stop_all(found.state, "HardReset", 5_000)
    assert [(event.connector_id, event.reason) for event in ended] == [(1, "HardReset"), (2, "HardReset")]  # type: ignore[attr-defined]  # stops
    assert stop_all(station().online().state, "HardReset", 5_000) == ()
