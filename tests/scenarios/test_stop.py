"""What ends a transaction, and how it is told (4.10, 3.10, errata 3.5, 3.14, 3.79, 3.83, 3.89)."""

from typing import Any

import pytest

from eventstore.catalogue.authorization import AuthorizationDenied
from eventstore.catalogue.hardware import EmergencyStopObserved, MeterFailed
from eventstore.catalogue.lifecycle import SystemClockObserved
from station.rules import outputs
from tests.given import OTHER_TAG, TAG, UTC_2026_MS, StationUnderTest, answering, charging, station, utc

GROUP = {"idTagInfo": {"status": "Accepted", "parentIdTag": "GROUP"}}


def in_group(**settings: Any) -> StationUnderTest:
    """Charging by a tag whose parentIdTag is on record."""
    found = station(**settings)
    found.csms = answering(Authorize=GROUP)
    return charging(found).forget()


# By a tag


def test_the_tag_that_started_it_stops_it_without_a_question() -> None:
    """4.1, TC_068."""
    found = charging().forget()
    found.charge(250)
    found.advance(10)
    found.swipe(TAG)
    assert found.actions() == ["StopTransaction", "StatusNotification 1 Finishing"]
    assert found.sent("StopTransaction") == [
        {"transactionId": 9001, "idTag": TAG, "timestamp": utc(11), "meterStop": 1250, "reason": "Local"}
    ]
    assert not found.state.connectors[1].locked


def test_another_tag_does_nothing_and_is_not_asked_for() -> None:
    """TC_068: no parentIdTag is on record."""
    found = charging().forget()
    found.swipe(OTHER_TAG)
    assert found.actions() == []
    assert [event.reason for event in found.events(AuthorizationDenied)] == ["belongs to another tag"]


def test_a_tag_of_the_same_group_stops_it_after_an_authorize() -> None:
    """3.10."""
    found = in_group()
    found.swipe(OTHER_TAG)
    assert found.actions() == ["Authorize", "StopTransaction", "StatusNotification 1 Finishing"]
    assert found.sent("StopTransaction")[0]["idTag"] == OTHER_TAG


@pytest.mark.parametrize("info", [{"status": "Accepted"}, {"status": "Accepted", "parentIdTag": "X"}])
def test_a_tag_of_another_group_does_not_stop_it(info: dict[str, str]) -> None:
    """3.10."""
    found = in_group()
    found.csms = answering(Authorize={"idTagInfo": info})
    found.swipe(OTHER_TAG)
    assert found.actions() == ["Authorize"]
    assert found.status() == "Charging"


def test_a_blocked_tag_of_the_same_group_does_not_stop_it() -> None:
    found = in_group()
    found.csms = answering(Authorize={"idTagInfo": {"status": "Blocked", "parentIdTag": "GROUP"}})
    found.swipe(OTHER_TAG)
    assert found.status() == "Charging"


def test_a_known_member_of_the_group_stops_it_without_a_question() -> None:
    """Known from the list or the cache, online and offline."""
    for online in (True, False):
        found = in_group()
        entry = {"idTag": OTHER_TAG, **GROUP}
        found.ask("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [entry]})
        if not online:
            found.disconnect()
        found.swipe(OTHER_TAG)
        assert found.state.transactions.on(1) is None
        assert found.sent("Authorize") == []


def test_an_unknown_tag_cannot_stop_it_offline() -> None:
    found = in_group()
    found.disconnect()
    found.swipe(OTHER_TAG)
    assert found.status() == "Charging"


def test_the_parent_id_tag_itself_is_no_tag() -> None:
    """3.10: it is not compared with a presented one."""
    found = in_group()
    found.csms = answering(Authorize={"idTagInfo": {"status": "Accepted"}})
    found.swipe("GROUP")
    assert found.status() == "Charging"


def test_an_authorize_for_a_stop_that_stays_unanswered_stops_nothing() -> None:
    found = in_group()
    found.csms = answering(Authorize=None)
    found.swipe(OTHER_TAG)
    found.advance(30)
    assert found.status() == "Charging"


# By unplugging


def test_unplugging_the_vehicle_stops_it_and_unlocks_the_socket() -> None:
    """TC_005_1, 9.1.23, 9.1.33, 4.9."""
    found = charging().forget()
    found.unplug_car()
    stop = found.sent("StopTransaction")[0]
    assert stop["reason"] == "EVDisconnected"
    assert "idTag" not in stop
    told = found.sent("StatusNotification")[-1]
    assert (told["status"], told["errorCode"], told["info"]) == ("Finishing", "NoError", "EV side disconnected")
    assert not found.state.connectors[1].locked
    found.unplug()
    assert found.statuses() == ["Finishing", "Available"]


def test_the_socket_stays_locked_where_unlocking_on_disconnect_is_off() -> None:
    """TC_005_2: until the tag comes, or UnlockConnector."""
    for by_tag in (True, False):
        found = charging()
        found.configure(UnlockConnectorOnEVSideDisconnect=False)
        found.unplug_car()
        assert found.sent("StopTransaction")[0]["reason"] == "EVDisconnected"
        assert found.state.connectors[1].locked
        if by_tag:
            found.swipe()
        else:
            found.ask("UnlockConnector", {"connectorId": 1})
            assert found.answers[-1].payload == {"status": "Unlocked"}
        assert not found.state.connectors[1].locked
        found.unplug()
        assert found.status() == "Available"


def test_without_stop_on_disconnect_the_transaction_is_suspended_and_the_cable_locked() -> None:
    """4.9, 4.10: false has priority over unlocking."""
    found = charging().forget()
    found.configure(StopTransactionOnEVSideDisconnect=False)
    found.unplug_car()
    told = found.sent("StatusNotification")[-1]
    assert (told["status"], told["errorCode"], told["info"]) == ("SuspendedEV", "NoError", "EV side disconnected")
    assert found.sent("StopTransaction") == []
    assert found.state.connectors[1].locked
    assert not outputs.wanted(found.state, 1).outputs.contactor_closed
    found.pilot("C")
    assert found.status() == "Charging"
    assert "info" not in found.sent("StatusNotification")[-1]


def test_a_cable_pulled_out_of_the_socket_ends_it_whatever_is_configured() -> None:
    """2.2: a precondition has irrevocably ended."""
    found = charging()
    found.configure(StopTransactionOnEVSideDisconnect=False)
    found.unplug()
    assert found.sent("StopTransaction")[0]["reason"] == "EVDisconnected"
    assert found.status() == "Available"


def test_a_fixed_cable_that_leaves_the_vehicle_is_available_at_once() -> None:
    """C1."""
    found = charging(station(fixed_cable=True)).forget()
    found.unplug_car()
    assert found.sent("StopTransaction")[0]["reason"] == "EVDisconnected"
    assert found.statuses() == ["Available"]


def test_a_fixed_cable_reports_unlocking_as_false_and_not_to_be_changed() -> None:
    """Errata 3.83."""
    found = station(fixed_cable=True).online()
    answer = found.ask("GetConfiguration", {"key": ["UnlockConnectorOnEVSideDisconnect"]})
    assert answer is not None
    assert answer.payload is not None
    assert answer.payload["configurationKey"] == [
        {"key": "UnlockConnectorOnEVSideDisconnect", "readonly": True, "value": "false"}
    ]
    change = found.ask("ChangeConfiguration", {"key": "UnlockConnectorOnEVSideDisconnect", "value": "true"})
    assert change is not None
    assert change.payload == {"status": "Rejected"}


def test_a_short_circuit_of_the_pilot_is_no_disconnection() -> None:
    """4.9: the vehicle did not leave; nothing says that it did."""
    found = charging().forget()
    for pilot_state in ("E", "F"):
        found.pilot(pilot_state)
        assert found.status() == "SuspendedEV"
        assert not outputs.wanted(found.state, 1).outputs.contactor_closed
    assert found.sent("StopTransaction") == []
    assert "info" not in found.sent("StatusNotification")[-1]


# By faults and the emergency stop


def test_the_emergency_stop_stops_every_transaction() -> None:
    found = station(connectors=2).online()
    for number in (1, 2):
        found.plug(number)
        found.swipe(f"TAG{number}", number)
    found.forget()
    found.observe(EmergencyStopObserved(pressed=True))
    assert [stop["reason"] for stop in found.sent("StopTransaction")] == ["EmergencyStop", "EmergencyStop"]
    assert {found.status(number) for number in (0, 1, 2)} == {"Faulted"}
    found.observe(EmergencyStopObserved(pressed=False))
    assert [found.status(number) for number in (0, 1, 2)] == ["Available", "Finishing", "Finishing"]


def test_every_stop_carries_its_reason() -> None:
    """4.10; the others are tested where they belong."""
    found = charging()
    found.fault("GroundFailure")
    assert found.sent("StopTransaction")[0]["reason"] == "Other"


def test_a_stop_with_a_dead_meter_uses_the_last_stored_reading() -> None:
    """Never invented."""
    found = charging()
    for energy_wh in (400, 377):
        found.advance(55)
        found.charge(energy_wh)
    found.observe(MeterFailed(connector_id=1, reason="no answer"))
    assert found.state.transactions.on(1) is not None
    found.swipe()
    assert found.sent("StopTransaction")[0]["meterStop"] == 1777


# Finishing, and what comes after it


def test_finishing_lasts_until_the_cable_is_out() -> None:
    """C6, F1."""
    found = charging().forget()
    found.swipe()
    found.pilot("B")
    assert found.status() == "Finishing"
    found.unplug_car()
    assert found.status() == "Finishing"
    found.unplug()
    assert found.statuses() == ["Finishing", "Available"]


def test_a_tag_presented_while_finishing_begins_a_new_transaction() -> None:
    """F2."""
    found = charging().forget()
    found.swipe()
    found.swipe()
    assert found.statuses() == ["Finishing", "Preparing", "Charging"]
    assert len(found.sent("StartTransaction")) == 1


def test_no_later_sample_carries_the_id_of_a_stopped_transaction() -> None:
    """Errata 3.16, lessons."""
    found = charging(station(factory={"ClockAlignedDataInterval": "60"})).forget()
    found.swipe()
    found.advance(300)
    assert found.sent("MeterValues")
    assert all("transactionId" not in payload for payload in found.sent("MeterValues"))


# transactionData (errata 3.14, 3.89)


def test_without_stop_data_keys_a_stop_carries_no_meter_values() -> None:
    """Errata 3.14.5."""
    found = charging()
    found.advance(300)
    found.swipe()
    assert "transactionData" not in found.sent("StopTransaction")[0]


def test_transaction_data_has_begin_samples_and_end() -> None:
    """Errata 3.14 (3.16.6), 9.1.27."""
    keys = {"StopTxnSampledData": "Energy.Active.Import.Register,Voltage", "MeterValueSampleInterval": "60"}
    found = charging(station(factory=keys))
    found.charge(100)
    found.advance(150)
    found.charge(100)
    found.swipe()
    data = found.sent("StopTransaction")[0]["transactionData"]
    contexts = [value["sampledValue"][0]["context"] for value in data]
    assert contexts == ["Transaction.Begin", "Sample.Periodic", "Sample.Periodic", "Transaction.End"]
    assert [value["timestamp"] for value in data] == [utc(1), utc(61), utc(121), utc(151)]
    assert [value["sampledValue"][0]["value"] for value in data] == ["1000", "1100", "1100", "1200"]
    assert {item["measurand"] for item in data[0]["sampledValue"]} == {"Energy.Active.Import.Register", "Voltage"}


def test_clock_aligned_transaction_data() -> None:
    """9.1.25."""
    keys = {"StopTxnAlignedData": "Energy.Active.Import.Register", "ClockAlignedDataInterval": "900"}
    found = charging(station(factory={**keys, "MeterValueSampleInterval": "0"}))
    found.advance(2000)
    found.swipe()
    data = found.sent("StopTransaction")[0]["transactionData"]
    assert [value["timestamp"] for value in data] == [utc(1), utc(900), utc(1800), utc(2001)]
    assert data[1]["sampledValue"][0]["context"] == "Sample.Clock"


def test_too_much_transaction_data_is_thinned_in_the_middle() -> None:
    """Errata 3.89: begin and end are never dropped."""
    keys = {"StopTxnSampledData": "Energy.Active.Import.Register", "MeterValueSampleInterval": "10"}
    found = charging(station(factory=keys))
    found.advance(5_000)
    found.swipe()
    data = found.sent("StopTransaction")[0]["transactionData"]
    assert len(data) <= 100
    contexts = [value["sampledValue"][0]["context"] for value in data]
    assert (contexts[0], contexts[-1]) == ("Transaction.Begin", "Transaction.End")
    stamps = [value["timestamp"] for value in data]
    assert stamps == sorted(stamps)


def test_the_times_of_a_transaction_never_decrease_not_even_in_its_data() -> None:
    """Whatever the offset does."""
    keys = {"StopTxnSampledData": "Energy.Active.Import.Register"}
    found = charging(station(factory=keys))
    found.advance(120)
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS + 10_000, trusted=True))
    found.advance(60)
    found.swipe()
    stop = found.sent("StopTransaction")[0]
    stamps = [value["timestamp"] for value in stop["transactionData"]]
    assert stamps == sorted(stamps)
    told = [payload["meterValue"][0]["timestamp"] for payload in found.sent("MeterValues")]
    assert [*told, stop["timestamp"]] == sorted([*told, stop["timestamp"]])
    assert stop["timestamp"] >= stamps[-1]
