"""A residual current monitor is tried before each session; one that fails its test gives no energy."""

import pytest

from eventstore.catalogue.authorization import AuthorizationEnded
from eventstore.catalogue.hardware import ResidualMonitorObserved
from eventstore.catalogue.transactions import TransactionStarted
from station.rules import outputs
from tests.given import StationUnderTest, station


def tried(found: StationUnderTest, outcome: str, detail: str = "") -> StationUnderTest:
    found.observe(ResidualMonitorObserved(connector_id=1, outcome=outcome, detail=detail))
    return found


def monitored(**description: object) -> StationUnderTest:
    return tried(station(**description).online(), "")


def wanted(found: StationUnderTest) -> outputs.Wanted:
    return outputs.wanted(found.state, 1)


def test_it_is_tried_before_the_session_and_before_the_contactor_closes() -> None:
    found = monitored().forget()
    assert not wanted(found).test
    found.plug()
    assert not wanted(found).test, "nobody is authorized"
    found.swipe()
    assert wanted(found).test
    assert (found.events(TransactionStarted), wanted(found).outputs.contactor_closed) == ([], False)
    tried(found, "passed")
    assert not wanted(found).test
    assert len(found.events(TransactionStarted)) == 1
    assert wanted(found).outputs.contactor_closed
    assert found.statuses() == ["Preparing", "Charging"]


def test_each_session_has_a_test_of_its_own() -> None:
    found = tried(monitored(), "passed")
    found.plug()
    found.swipe()
    assert wanted(found).test
    tried(found, "passed")
    found.swipe()
    assert found.state.transactions.on(1) is None
    found.swipe()
    assert (wanted(found).test, len(found.events(TransactionStarted))) == (True, 1)
    tried(found, "passed")
    assert len(found.events(TransactionStarted)) == 2


def test_a_failed_test_is_a_ground_failure_and_no_energy() -> None:
    found = monitored().forget()
    found.plug()
    found.swipe()
    tried(found, "failed", "it did not trip within 1000 ms")
    told = found.sent("StatusNotification")[-1]
    assert (told["status"], told["errorCode"]) == ("Faulted", "GroundFailure")
    assert [event.reason for event in found.events(AuthorizationEnded)] == ["GroundFailure"]
    assert (found.events(TransactionStarted), wanted(found).outputs.contactor_closed) == ([], False)
    found.swipe()
    assert (wanted(found).test, found.status()) == (False, "Faulted")


def test_a_failed_test_is_repeated_once_when_the_cable_is_out() -> None:
    found = monitored()
    found.plug()
    found.swipe()
    tried(found, "failed", "it did not trip")
    found.unplug()
    assert wanted(found).test
    tried(found, "failed", "it did not trip")
    assert not wanted(found).test
    found.plug()
    found.unplug()
    assert wanted(found).test
    tried(found, "passed")
    assert found.status() == "Available"
    found.plug()
    found.swipe()
    assert wanted(found).test, "what it passed without a cable is no test of this session"


def test_a_session_that_is_resumed_is_tried_before_energy_flows_again() -> None:
    found = monitored(power_loss_policy="resume")
    found.plug()
    found.swipe()
    tried(found, "passed")
    found.boot(pilots={1: "C"}, orderly=False)
    tried(found, "")
    assert found.state.transactions.on(1) is not None
    assert (wanted(found).test, wanted(found).outputs.contactor_closed) == (True, False)
    tried(found, "passed")
    assert wanted(found).outputs.contactor_closed


@pytest.mark.parametrize("fixed_cable", [False, True])
def test_a_station_without_a_monitor_waits_for_none(fixed_cable: bool) -> None:
    found = station(fixed_cable=fixed_cable).online()
    found.plug()
    found.swipe()
    assert (len(found.events(TransactionStarted)), wanted(found).test) == (1, False)


def test_without_a_card_a_failed_test_costs_one_authorization() -> None:
    found = tried(station(free_id_tags=("HOME",)).online(), "")
    found.plug()
    tried(found, "failed", "it did not clear")
    assert found.events(TransactionStarted) == []
    found.unplug()
    tried(found, "passed")
    found.plug()
    tried(found, "passed")
    assert len(found.events(TransactionStarted)) == 1
