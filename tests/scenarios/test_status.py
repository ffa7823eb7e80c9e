"""StatusNotification: what a connector's facts amount to, and what the CSMS hears of it (4.9, errata 3.19 to 3.22)."""

import itertools
from typing import Any

import pytest

from eventstore.catalogue.hardware import FaultCleared, FaultObserved
from station.rules.status import TRANSITIONS
from tests.given import StationUnderTest, answering, charging, station, utc


def told(found: StationUnderTest) -> dict[str, Any]:
    return found.sent("StatusNotification")[-1]


def test_a_status_is_reported_with_the_time_of_the_report() -> None:
    """6.47."""
    found = station().online().forget()
    found.advance(41)
    found.plug(pilot="B")
    assert found.sent("StatusNotification") == [
        {"connectorId": 1, "errorCode": "NoError", "status": "Preparing", "timestamp": utc(42)}
    ]


def test_the_whole_session_as_the_chart_has_it() -> None:
    """A2, B3, C4, D3, C6, F1."""
    found = station().online().forget()
    found.plug(pilot="B")
    found.swipe()
    found.pilot("C")
    found.pilot("B")
    found.pilot("C")
    found.swipe()
    found.unplug()
    assert found.statuses() == [
        "Preparing",
        "SuspendedEV",
        "Charging",
        "SuspendedEV",
        "Charging",
        "Finishing",
        "Available",
    ]


def test_a_plug_that_is_withdrawn_is_available_again() -> None:
    """B1."""
    found = station().online().forget()
    found.plug(pilot="B")
    found.unplug()
    assert found.statuses() == ["Preparing", "Available"]


def test_suspended_by_the_evse_goes_before_suspended_by_the_vehicle() -> None:
    """4.9."""
    found = station(factory={"StopTransactionOnInvalidId": "false"}).online().forget()
    found.csms = answering(StartTransaction={"idTagInfo": {"status": "Invalid"}, "transactionId": 1})
    found.plug(pilot="B")
    found.swipe()
    assert found.statuses()[-1] == "SuspendedEVSE"


def test_unavailable_while_preparing_passes_through_finishing() -> None:
    """Preparing may not become Unavailable (no B8): B6, F8."""
    found = station().online().forget()
    found.plug(pilot="B")
    found.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    assert found.statuses() == ["Preparing", "Finishing", "Unavailable"]


def test_a_fault_returns_to_what_was_before() -> None:
    """I1 to I8."""
    found = station().online()
    for prepare, status in (
        (lambda: None, "Available"),
        (lambda: found.plug(pilot="B"), "Preparing"),
        (found.swipe, "SuspendedEV"),
        (lambda: found.pilot("C"), "Charging"),
        (found.swipe, "Finishing"),
        (found.unplug, "Available"),
        (lambda: found.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}), "Unavailable"),
    ):
        prepare()
        found.forget()
        found.fault("HighTemperature")
        found.clear_fault("HighTemperature")
        assert found.statuses() == ["Faulted", status]


def test_the_station_itself_knows_three_statuses() -> None:
    """4.9: connector 0."""
    found = station().online().forget()
    found.plug()
    found.swipe()
    assert found.statuses(0) == []
    found.ask("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"})
    found.swipe()
    found.fault("OtherError", 0)
    found.clear_fault("OtherError", 0)
    found.ask("ChangeAvailability", {"connectorId": 0, "type": "Operative"})
    assert found.statuses(0) == ["Unavailable", "Faulted", "Unavailable", "Available"]


def test_a_fault_of_the_station_makes_every_connector_faulted() -> None:
    """SetChargePointFaulted."""
    found = station(connectors=2).online().forget()
    found.fault("OtherError", 0)
    assert [found.statuses(number) for number in (0, 1, 2)] == [["Faulted"]] * 3


def test_info_and_the_vendors_error_code_travel_within_their_lengths() -> None:
    """6.47: CiString50; vendorId says whose code it is."""
    found = station().online().forget()
    fault = FaultObserved(connector_id=1, error_code="OtherError", info="i" * 80, vendor_error_code="v" * 80)
    found.observe(fault)
    assert told(found)["info"] == "i" * 50
    assert told(found)["vendorErrorCode"] == "v" * 50
    assert told(found)["vendorId"] == "Chargebox"


def test_a_changed_error_under_the_same_status_is_told() -> None:
    found = station().online().forget()
    found.fault("OtherError")
    found.observe(FaultObserved(connector_id=1, error_code="HighTemperature"))
    found.observe(FaultCleared(connector_id=1, error_code="OtherError"))
    assert [(payload["status"], payload["errorCode"]) for payload in found.sent("StatusNotification")] == [
        ("Faulted", "OtherError"),
        ("Faulted", "HighTemperature"),
    ]


# MinimumStatusDuration (9.1.20)


def test_with_a_minimum_duration_of_zero_no_status_is_left_out() -> None:
    """9.1.20, lessons on statuses."""
    found = station().online().forget()
    for _ in range(5):
        found.plug(pilot="B")
        found.unplug()
    assert found.statuses() == ["Preparing", "Available"] * 5


def test_a_status_that_does_not_last_is_not_reported() -> None:
    """9.1.20."""
    found = station(factory={"MinimumStatusDuration": "10"}).online().forget()
    found.plug(pilot="B")
    found.advance(9)
    found.unplug()
    found.advance(60)
    assert found.statuses() == []
    found.plug(pilot="B")
    found.advance(10)
    assert found.statuses() == ["Preparing"]
    assert told(found)["timestamp"] == utc(1 + 9 + 60 + 10)


def test_each_change_begins_the_minimum_duration_anew() -> None:
    found = station(factory={"MinimumStatusDuration": "10"}).online().forget()
    found.plug(pilot="B")
    found.advance(6)
    found.swipe()
    found.advance(6)
    found.pilot("C")
    found.advance(9)
    assert found.statuses() == []
    found.advance(1)
    assert found.statuses() == ["Charging"]


def test_the_statuses_after_a_boot_do_not_wait() -> None:
    """Errata 3.22."""
    found = station(factory={"MinimumStatusDuration": "600"}).online()
    assert found.statuses() == ["Available"]


def test_a_triggered_status_does_not_wait() -> None:
    """5.17, lessons on statuses."""
    found = station(factory={"MinimumStatusDuration": "600"}).online().forget()
    found.plug(pilot="B")
    found.ask("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1})
    assert found.statuses() == ["Preparing"]
    found.advance(60 + 600)
    assert found.statuses() == ["Preparing", "Finishing"]


def test_a_changed_minimum_duration_acts_at_once() -> None:
    found = station(factory={"MinimumStatusDuration": "600"}).online().forget()
    found.plug(pilot="B")
    found.configure(MinimumStatusDuration=0)
    assert found.statuses() == ["Preparing"]


# The order


def test_statuses_leave_in_the_order_of_the_events() -> None:
    """4.9."""
    found = station(connectors=2).online().forget()
    found.csms = None
    found.plug(1, "B")
    found.plug(2, "B")
    found.unplug(1)
    while found.state.outbox.in_flight is not None:
        found.answer({})
    assert found.actions() == [
        "StatusNotification 1 Preparing",
        "StatusNotification 2 Preparing",
        "StatusNotification 1 Available",
    ]


def test_start_and_stop_stay_in_order_with_the_statuses_around_them() -> None:
    found = station().online().forget()
    found.plug()
    found.swipe()
    found.swipe()
    assert found.actions() == [
        "StatusNotification 1 Preparing",
        "Authorize",
        "StartTransaction",
        "StatusNotification 1 Charging",
        "StopTransaction",
        "StatusNotification 1 Finishing",
    ]


@pytest.mark.parametrize("error", ["InternalError", "NotSupported", None])
def test_a_status_that_is_refused_or_unanswered_is_not_repeated_while_it_stays(error: str | None) -> None:
    found = station().online().forget()
    found.csms = answering(StatusNotification=error)
    found.plug(pilot="B")
    found.advance(50)
    assert found.statuses() == ["Preparing"]


def test_every_status_that_was_reported_follows_the_chart() -> None:
    """4.9, a day in the life of a connector."""
    found = charging(station(factory={"ConnectionTimeOut": "20"}))
    found.swipe()
    found.fault("OverVoltage")
    found.clear_fault("OverVoltage")
    found.swipe()
    found.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    found.unplug()
    found.ask("ChangeAvailability", {"connectorId": 1, "type": "Operative"})
    found.plug(pilot="B")
    found.advance(30)
    found.swipe()
    found.swipe()
    statuses = found.statuses()
    assert all(after in TRANSITIONS[before] for before, after in itertools.pairwise(statuses)), statuses
