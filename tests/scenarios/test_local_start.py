"""Starting at the station: tag and cable in either order, the lock, the meter, and what stands against it (4.8, 4.9)."""

import pytest

from eventstore.catalogue.authorization import AuthorizationDenied
from eventstore.catalogue.hardware import MeterFailed, MeterObserved
from eventstore.catalogue.lifecycle import DiskSpaceObserved
from eventstore.catalogue.transactions import TransactionStarted
from station.rules import outputs
from tests.given import OTHER_TAG, TAG, StationUnderTest, answering, charging, station, utc


def may_start(found: StationUnderTest) -> bool:
    found.swipe()
    found.plug()
    return found.state.transactions.on(1) is not None


def test_plug_first_then_tag() -> None:
    """TC_003."""
    found = station().online().forget()
    found.energy_wh[1] = 4321
    found.read_meter()
    found.plug()
    found.advance(9)
    found.swipe()
    assert found.sent("StartTransaction") == [
        {"connectorId": 1, "idTag": TAG, "meterStart": 4321, "timestamp": utc(10)},
    ]
    assert found.statuses() == ["Preparing", "Charging"]


def test_tag_first_then_plug() -> None:
    """TC_004_1."""
    found = station().online().forget()
    found.swipe()
    found.plug()
    assert [action for action in found.actions() if "Status" in action] == [
        "StatusNotification 1 Preparing",
        "StatusNotification 1 Charging",
    ]
    assert len(found.sent("StartTransaction")) == 1


def test_a_vehicle_that_is_not_ready_begins_suspended() -> None:
    """B4, errata 3.55."""
    found = station().online().forget()
    found.swipe()
    found.plug(pilot="B")
    assert found.statuses() == ["Preparing", "SuspendedEV"]
    found.pilot("C")
    found.pilot("B")
    assert found.statuses() == ["Preparing", "SuspendedEV", "Charging", "SuspendedEV"]


def test_nothing_starts_before_the_vehicle_is_connected() -> None:
    """2.2: all preconditions must be met."""
    found = station().online().forget()
    found.swipe()
    found.plug(pilot="A")
    assert found.sent("StartTransaction") == []
    found.pilot("B")
    assert len(found.sent("StartTransaction")) == 1


def test_the_cable_is_locked_before_the_start_and_released_after_the_stop() -> None:
    """4.10."""
    found = station().online()
    found.has_lock_feedback = False
    found.plug()
    found.swipe()
    assert outputs.wanted(found.state, 1).outputs.locked
    assert found.events(TransactionStarted) == []
    assert not outputs.wanted(found.state, 1).outputs.contactor_closed
    found.has_lock_feedback = True
    found.read_meter()
    assert len(found.events(TransactionStarted)) == 1
    assert outputs.wanted(found.state, 1).outputs.contactor_closed
    found.swipe()
    assert not found.state.connectors[1].locked


def test_a_lock_that_does_not_close_is_a_connector_lock_failure_and_no_start() -> None:
    """TC_024."""
    found = station().online().forget()
    found.lock_moves = False
    found.swipe()
    found.plug()
    assert found.sent("StartTransaction") == []
    told = found.sent("StatusNotification")[-1]
    assert (told["status"], told["errorCode"]) == ("Faulted", "ConnectorLockFailure")
    assert found.statuses() == ["Preparing", "Faulted"]
    found.lock_moves = True
    found.unplug()
    assert found.status() == "Available"
    assert may_start(found)


def test_a_fixed_cable_needs_no_lock() -> None:
    found = station(fixed_cable=True).online().forget()
    assert may_start(found)
    assert not outputs.wanted(found.state, 1).outputs.locked


def test_a_meter_that_cannot_be_read_lets_nothing_start() -> None:
    """PowerMeterFailure, Faulted."""
    found = station().online().forget()
    found.observe(MeterFailed(connector_id=1, reason="no answer"))
    found.swipe()
    found.observe(MeterFailed(connector_id=1, reason="no answer"))
    assert found.status() == "Faulted"
    told = found.sent("StatusNotification")[-1]
    assert told["errorCode"] == "PowerMeterFailure"
    assert [event.reason for event in found.events(AuthorizationDenied)] == ["PowerMeterFailure"]
    found.observe(MeterObserved(connector_id=1, energy_wh=1000))
    assert found.status() == "Available"
    assert may_start(found)


@pytest.mark.parametrize(("level", "starts"), [("ok", True), ("low", True), ("critical", False)])
def test_a_full_disk_lets_nothing_start(level: str, starts: bool) -> None:
    """Lessons on storage: degrade, do not corrupt."""
    found = station().online()
    found.observe(DiskSpaceObserved(level=level, free_bytes=0))
    assert may_start(found) is starts


def test_a_full_disk_lets_a_running_transaction_go_on_and_stop() -> None:
    found = charging().forget()
    found.observe(DiskSpaceObserved(level="critical", free_bytes=0))
    assert found.status() == "Charging"
    found.swipe()
    assert len(found.sent("StopTransaction")) == 1


def test_an_unavailable_connector_starts_nothing() -> None:
    """5.2."""
    found = station().online()
    found.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    assert not may_start(found)
    assert found.sent("Authorize") == []


def test_a_reset_under_way_starts_nothing() -> None:
    """5.14."""
    found = station().online()
    found.ask("Reset", {"type": "Hard"})
    assert not may_start(found)


# StartTransaction.conf that is not Accepted (errata 3.17)


@pytest.mark.parametrize("status", ["Blocked", "Expired", "Invalid", "ConcurrentTx"])
def test_a_start_that_is_not_accepted_is_stopped_and_its_cable_held_for_the_same_tag_or_group(status: str) -> None:
    """Errata 3.17, 3.5."""
    info = {"status": status, "parentIdTag": "GROUP"}
    found = station().online().forget()
    found.csms = answering(
        Authorize={"idTagInfo": {"status": "Accepted", "parentIdTag": "GROUP"}},
        StartTransaction={"idTagInfo": info, "transactionId": 12},
    )
    found.plug()
    found.swipe()
    stop = found.sent("StopTransaction")[0]
    assert stop["reason"] == "DeAuthorized"
    assert "idTag" not in stop
    assert found.statuses()[-1] == "Finishing"
    assert found.state.connectors[1].locked
    found.csms = answering(Authorize={"idTagInfo": {"status": "Accepted", "parentIdTag": "OTHERS"}})
    found.swipe(OTHER_TAG)
    assert found.state.connectors[1].locked
    found.csms = answering(Authorize={"idTagInfo": {"status": "Accepted", "parentIdTag": "group"}})
    found.swipe("COLLEAGUE")
    assert not found.state.connectors[1].locked
    assert len(found.sent("StartTransaction")) == 1


def test_the_held_cable_opens_for_the_tag_itself_without_a_question() -> None:
    """Errata 3.5."""
    found = station().online().forget()
    found.csms = answering(StartTransaction={"idTagInfo": {"status": "Blocked"}, "transactionId": 12})
    found.plug()
    found.swipe()
    asked = len(found.sent("Authorize"))
    found.swipe(OTHER_TAG)
    assert found.state.connectors[1].locked
    found.swipe(TAG.lower())
    assert not found.state.connectors[1].locked
    assert len(found.sent("Authorize")) == asked


def test_the_held_cable_opens_by_unlock_connector() -> None:
    found = station().online()
    found.csms = answering(StartTransaction={"idTagInfo": {"status": "Blocked"}, "transactionId": 12})
    found.plug()
    found.swipe()
    found.ask("UnlockConnector", {"connectorId": 1})
    assert found.answers[-1].payload == {"status": "Unlocked"}
    assert found.state.connectors[1].held_for is None


def test_without_stop_on_invalid_id_only_the_energy_stops() -> None:
    """9.1.24, errata 3.17, C5."""
    found = station(factory={"StopTransactionOnInvalidId": "false"}).online().forget()
    found.csms = answering(StartTransaction={"idTagInfo": {"status": "Invalid"}, "transactionId": 12})
    found.plug()
    found.swipe()
    assert found.sent("StopTransaction") == []
    assert found.statuses()[-1] == "SuspendedEVSE"
    assert not outputs.wanted(found.state, 1).outputs.contactor_closed
    found.pilot("B")
    assert found.status() == "SuspendedEVSE"
    found.swipe()
    assert found.sent("StopTransaction")[0]["reason"] == "Local"


def test_max_energy_on_invalid_id_lets_the_vehicle_get_away() -> None:
    """9.1.14: so much from the answer on, checked in time whether samples are due or not."""
    keys = {"StopTransactionOnInvalidId": "false", "MaxEnergyOnInvalidId": "500", "MeterValueSampleInterval": "0"}
    found = station(factory=keys).online().forget()
    found.csms = answering(StartTransaction={"idTagInfo": {"status": "Invalid"}, "transactionId": 12})
    found.plug()
    found.swipe()
    assert found.status() == "Charging"
    for energy_wh in (200, 200, 99):
        found.charge(energy_wh)
        found.advance(30)
    assert found.status() == "Charging"
    found.energy_wh[1] += 1
    found.advance(2)
    assert found.status() == "SuspendedEVSE"
    assert found.sent("StopTransaction") == []


def test_max_energy_on_invalid_id_with_a_dead_meter_checks_on_without_haste() -> None:
    """9.1.14: a check every two seconds, no faster."""
    keys = {"StopTransactionOnInvalidId": "false", "MaxEnergyOnInvalidId": "500", "MeterValueSampleInterval": "0"}
    found = station(factory=keys).online()
    found.csms = answering(StartTransaction={"idTagInfo": {"status": "Invalid"}, "transactionId": 12})
    found.plug()
    found.swipe()
    found.observe(MeterFailed(connector_id=1, reason="no answer"))
    found.meter_works = False
    before = len(found.log)
    found.advance(20)
    assert len(found.log) - before <= 20


def test_a_transaction_that_has_ended_is_not_ended_again_by_its_late_refusal() -> None:
    """Errata 3.17: only if it is still ongoing."""
    found = station().online().forget()
    found.csms = answering(StartTransaction=None)
    found.plug()
    found.swipe()
    start = found.last("StartTransaction")
    found.swipe()
    found.csms = answering()
    found.answer({"idTagInfo": {"status": "Blocked"}, "transactionId": 4}, call=start)
    assert [stop["reason"] for stop in found.sent("StopTransaction")] == ["Local"]
