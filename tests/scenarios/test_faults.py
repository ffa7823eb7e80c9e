"""Faults and warnings: what they do to energy, status and transaction (4.9, 7.6)."""

import pytest

from eventstore.catalogue.authorization import AuthorizationEnded
from eventstore.catalogue.hardware import ContactorObserved, EmergencyStopObserved, LockObserved, MeterFailed
from station.rules import outputs
from tests.given import StationUnderTest, charging, station

ENDING = ("GroundFailure", "OverCurrentFailure")
PAUSING = (
    "HighTemperature",
    "OverVoltage",
    "UnderVoltage",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ConnectorLockFailure",
    "InternalError",
    "OtherError",
)
WARNINGS = ("ReaderFailure", "WeakSignal", "ResetFailure")


def closed(found: StationUnderTest, connector_id: int = 1) -> bool:
    return outputs.wanted(found.state, connector_id).outputs.contactor_closed


@pytest.mark.parametrize("error_code", ENDING)
def test_a_fault_that_ends_the_transaction(error_code: str) -> None:
    """Reason Other."""
    found = charging().forget()
    found.fault(error_code)
    assert not closed(found)
    assert [stop["reason"] for stop in found.sent("StopTransaction")] == ["Other"]
    told = found.sent("StatusNotification")[-1]
    assert (told["status"], told["errorCode"]) == ("Faulted", error_code)
    found.clear_fault(error_code)
    assert found.status() == "Finishing"
    assert not closed(found)


@pytest.mark.parametrize("error_code", PAUSING)
def test_a_fault_that_pauses_the_transaction(error_code: str) -> None:
    """It goes on, and energy returns when the fault clears."""
    found = charging().forget()
    found.fault(error_code)
    assert not closed(found)
    assert found.statuses() == ["Faulted"]
    assert found.sent("StopTransaction") == []
    found.clear_fault(error_code)
    assert found.statuses() == ["Faulted", "Charging"]
    assert closed(found)


@pytest.mark.parametrize("error_code", PAUSING)
@pytest.mark.parametrize("end", ["tag", "remote", "unplug"])
def test_a_paused_transaction_that_is_ended_meanwhile_does_not_return(error_code: str, end: str) -> None:
    found = charging().forget()
    found.fault(error_code)
    if end == "tag":
        found.swipe()
    elif end == "remote":
        found.ask("RemoteStopTransaction", {"transactionId": 9001})
    else:
        found.unplug()
    assert len(found.sent("StopTransaction")) == 1
    found.clear_fault(error_code)
    assert not closed(found)
    assert found.status() == ("Available" if end == "unplug" else "Finishing")


@pytest.mark.parametrize("error_code", WARNINGS)
def test_a_warning_is_reported_under_the_present_status(error_code: str) -> None:
    """4.9."""
    found = charging().forget()
    found.fault(error_code)
    told = found.sent("StatusNotification")[-1]
    assert (told["status"], told["errorCode"]) == ("Charging", error_code)
    assert closed(found)
    found.clear_fault(error_code)
    told = found.sent("StatusNotification")[-1]
    assert (told["status"], told["errorCode"]) == ("Charging", "NoError")


def test_a_communication_error_is_reported_only_where_the_standard_uses_it() -> None:
    """4.9: with Preparing, SuspendedEV, SuspendedEVSE and Finishing."""
    found = station().online().forget()
    found.fault("EVCommunicationError")
    assert found.actions() == []
    found.plug(pilot="B")
    found.swipe()
    found.pilot("C")
    found.swipe()
    told = [(payload["status"], payload["errorCode"]) for payload in found.sent("StatusNotification")]
    assert told == [
        ("Preparing", "EVCommunicationError"),
        ("SuspendedEV", "EVCommunicationError"),
        ("Charging", "NoError"),
        ("Finishing", "EVCommunicationError"),
    ]


def test_a_warning_does_not_stand_against_a_start() -> None:
    found = station().online()
    found.fault("WeakSignal", 0)
    found.fault("ReaderFailure")
    found.plug()
    found.swipe()
    assert found.status() == "Charging"


@pytest.mark.parametrize("error_code", [*ENDING, *PAUSING])
def test_a_faulted_connector_starts_nothing_and_its_authorization_ends(error_code: str) -> None:
    found = station().online()
    found.swipe()
    found.fault(error_code)
    assert [event.reason for event in found.events(AuthorizationEnded)] == [error_code]
    found.plug()
    found.swipe()
    assert found.state.transactions.on(1) is None


def test_two_faults_must_both_clear() -> None:
    found = charging()
    found.fault("OverVoltage")
    found.fault("HighTemperature")
    found.clear_fault("OverVoltage")
    assert found.status() == "Faulted"
    assert not closed(found)
    found.clear_fault("")
    assert found.status() == "Charging"


@pytest.mark.parametrize("fault", ["welded", "stuck"])
def test_a_contactor_that_does_not_obey_is_a_power_switch_failure(fault: str) -> None:
    """7.6."""
    found = charging().forget()
    found.observe(ContactorObserved(connector_id=1, closed=fault == "welded", fault=fault))
    told = found.sent("StatusNotification")[-1]
    assert (told["status"], told["errorCode"]) == ("Faulted", "PowerSwitchFailure")
    assert not closed(found)
    found.observe(ContactorObserved(connector_id=1, closed=False))
    assert found.status() == "Charging"


def test_a_meter_that_fails_while_charging_lets_the_transaction_go_on_without_samples() -> None:
    """Samples are left out, never repeated or invented."""
    found = charging().forget()
    found.advance(60)
    found.meter_works = False
    found.advance(120)
    assert len(found.sent("MeterValues")) == 1
    assert found.status() == "Faulted"
    found.meter_works = True
    found.advance(60)
    assert len(found.sent("MeterValues")) == 2
    assert found.status() == "Charging"


def test_a_fault_of_the_station_that_ends_transactions_ends_them_all() -> None:
    found = station(connectors=2).online()
    for number in (1, 2):
        found.plug(number)
        found.swipe(f"TAG{number}", number)
    found.fault("GroundFailure", 0)
    assert [stop["reason"] for stop in found.sent("StopTransaction")] == ["Other", "Other"]


def test_an_emergency_stop_leaves_the_station_faulted_until_it_is_released() -> None:
    found = charging().forget()
    found.observe(EmergencyStopObserved(pressed=True))
    assert not closed(found)
    told = {payload["connectorId"]: payload for payload in found.sent("StatusNotification")}
    assert {told[0]["errorCode"], told[1]["errorCode"]} == {"OtherError"}
    assert told[0]["info"] == "Emergency stop"
    found.unplug()
    found.plug()
    found.swipe()
    assert found.state.transactions.on(1) is None
    found.observe(EmergencyStopObserved(pressed=False))
    assert not closed(found)
    assert found.status(0) == "Available"


def test_an_emergency_stop_on_a_station_of_64_connectors_stops_them_all_at_once() -> None:
    """The largest batch there is."""
    found = station(connectors=64, max_current_ma=2_100_000).online()
    found.csms = None
    for number in range(1, 65):
        found.plug(number)
        found.ask("RemoteStartTransaction", {"connectorId": number, "idTag": f"TAG{number}"})
    assert len(found.state.transactions.active) == 64
    found.observe(EmergencyStopObserved(pressed=True))
    assert len(found.state.transactions.active) == 0
    assert {connector.status for connector in found.state.connectors.by_id} == {"Faulted"}


def test_a_lock_that_opens_by_itself_opens_the_contactor() -> None:
    found = charging()
    found.has_lock_feedback = False
    found.observe(LockObserved(connector_id=1, locked=False, jammed=False))
    assert not closed(found)
    found.observe(LockObserved(connector_id=1, locked=True, jammed=False))
    assert closed(found)


def test_observations_of_a_connector_that_is_not_there_change_nothing() -> None:
    found = station().online()
    before = found.state.connectors
    found.fault("OtherError", 7)
    found.clear_fault("OtherError", 7)
    found.plug(7)
    found.observe(ContactorObserved(connector_id=7, closed=True))
    found.observe(LockObserved(connector_id=7, locked=True, jammed=False), MeterFailed(connector_id=7, reason="x"))
    assert found.state.connectors == before
