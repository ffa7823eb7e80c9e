"""Remote Trigger (5.17): first the answer, then the message, which tells the present."""

from typing import Any

import pytest

from eventstore.catalogue.hardware import FaultObserved, MeterFailed, MeterObserved
from eventstore.catalogue.lifecycle import ClockDisagreed
from station.rules.triggering import WAITING_MAX
from tests.scenarios.conftest import DESCRIBED, Sent, World, world

ACCEPTED, REJECTED, NOT_IMPLEMENTED = {"status": "Accepted"}, {"status": "Rejected"}, {"status": "NotImplemented"}
EVERY_MESSAGE = (
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
)
WITHOUT_CONNECTOR = ("DiagnosticsStatusNotification", "FirmwareStatusNotification", "Heartbeat")


def trigger(station: World, message: str, connector_id: int | None = None) -> Any:
    members = {} if connector_id is None else {"connectorId": connector_id}
    return station.request("TriggerMessage", requestedMessage=message, **members)


def triggered(station: World, message: str, connector_id: int | None = None) -> list[Sent]:
    """What is sent upon an Accepted trigger, which must be of that kind only."""
    mark = station.mark
    assert trigger(station, message, connector_id) == ACCEPTED
    sent = station.sent("", mark)
    assert {call.action for call in sent} == {message}
    return sent


def pending() -> World:
    """A station that the CSMS has told to wait (4.2)."""
    station = World(description=DESCRIBED)
    time = "2026-01-01T00:00:00Z"
    station.answers["BootNotification"] = {"status": "Pending", "currentTime": time, "interval": 600}
    return station.boot()


def charging() -> World:
    """A transaction on connector 1, known to the CSMS as 9001."""
    station = world()
    station.swipe("TAG", 1)
    station.plug(1)
    return station


@pytest.mark.parametrize("message", EVERY_MESSAGE)
def test_the_answer_comes_before_the_message(message: str) -> None:
    """5.17: SHALL first send the response; lesson of OCTT TC_054."""
    station = pending()
    mark = station.mark
    assert trigger(station, message) == ACCEPTED
    assert station.order(mark)[:2] == ["answer", message]


# BootNotification


def boot_answered(station: World, status: str, interval: int = 600) -> int:
    """A BootNotification is triggered and answered so; the mark from before it."""
    station.answers["BootNotification"] = {"status": status, "currentTime": station.utc(0), "interval": interval}
    mark = station.mark
    assert trigger(station, "BootNotification") == ACCEPTED
    assert len(station.sent("BootNotification", mark)) == 1
    return mark


def test_a_boot_notification_is_sent_once_the_station_is_accepted_too() -> None:
    """Errata 3.35 allows a refusal and demands none; the statuses follow, as after every acceptance (errata 3.22)."""
    station = world()
    mark = boot_answered(station, "Accepted", interval=77)
    assert station.order(mark)[:2] == ["answer", "BootNotification"]
    assert [call.payload["connectorId"] for call in station.sent("StatusNotification", mark)] == [0, 1, 2]
    assert station.state.registration.status == "Accepted"
    assert station.request("GetConfiguration", key=["HeartbeatInterval"])["configurationKey"][0]["value"] == "77"


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_the_answer_to_a_triggered_boot_notification_counts_like_any_other(status: str) -> None:
    """4.2: no more is sent before the interval has passed; what runs goes on and is told afterwards."""
    station = charging()
    mark = boot_answered(station, status)
    assert station.state.registration.status == status
    station.swipe("TAG", 1)
    station.wait(599)
    assert {call.action for call in station.sent("", mark)} == {"BootNotification"}
    del station.answers["BootNotification"]
    station.wait(1)
    assert len(station.sent("BootNotification", mark)) == 2
    assert station.state.registration.status == "Accepted"
    assert len(station.sent("StopTransaction", mark)) == 1


def test_the_time_in_the_answer_to_a_triggered_boot_notification_is_looked_at() -> None:
    """4.2: one that NTP keeps is not set, but the difference is on record."""
    station = world()
    station.answers["BootNotification"] = {"status": "Accepted", "currentTime": station.utc(3_600), "interval": 600}
    mark = station.mark
    assert trigger(station, "BootNotification") == ACCEPTED
    assert [event.difference_ms for event in station.found(ClockDisagreed, mark)] == [3_600_000]


@pytest.mark.parametrize("failure", ["CALLERROR", "no answer"])
def test_a_triggered_boot_notification_that_comes_to_nothing_loses_no_registration(failure: str) -> None:
    station = world()
    station.held.add("BootNotification")
    mark = station.mark
    assert trigger(station, "BootNotification") == ACCEPTED
    assert trigger(station, "BootNotification") == ACCEPTED  # the one on its way serves it
    if failure == "CALLERROR":
        station.station.answer_error("InternalError")
    else:
        station.wait(60)
    assert station.state.registration.status == "Accepted"
    assert len(station.sent("BootNotification", mark)) == 1
    assert triggered(station, "Heartbeat")


def test_no_second_boot_notification_falls_due_beside_a_triggered_one() -> None:
    """4.2, errata 3.40."""
    station = pending()
    station.held.add("BootNotification")
    station.wait(590)
    mark = station.mark
    assert trigger(station, "BootNotification") == ACCEPTED
    station.wait(15)
    station.late_answer("BootNotification", {"status": "Accepted", "currentTime": station.utc(0), "interval": 600})
    station.held.clear()
    station.wait(60)
    assert len(station.sent("BootNotification", mark)) == 1


def test_a_boot_notification_is_sent_at_once_while_pending() -> None:
    """4.2: the CSMS need not wait for the interval."""
    station = pending()
    del station.answers["BootNotification"]
    triggered_at = station.mark
    assert trigger(station, "BootNotification") == ACCEPTED
    assert station.sent("", triggered_at)[0].action == "BootNotification"
    assert station.state.registration.status == "Accepted"


def test_a_boot_notification_on_its_way_serves_the_trigger() -> None:
    """5.17: the message just sent may count; a second one would come after Accepted (errata 3.40)."""
    station = World(description=DESCRIBED, held={"BootNotification"}).boot()
    mark = station.mark
    assert trigger(station, "BootNotification") == ACCEPTED
    station.late_answer("BootNotification", {"status": "Accepted", "currentTime": station.utc(0), "interval": 600})
    assert station.sent("BootNotification", mark) == []


# Heartbeat


def test_a_heartbeat_is_sent() -> None:
    """5.17, 4.6."""
    assert triggered(world(), "Heartbeat") == [Sent(action="Heartbeat", payload={})]


# StatusNotification


def test_the_status_of_one_connector_is_sent() -> None:
    """5.17."""
    station = charging()
    (sent,) = triggered(station, "StatusNotification", 1)
    assert (sent.payload["connectorId"], sent.payload["status"]) == (1, station.status(1))
    assert sent.payload["timestamp"] == station.utc(0)
    (sent,) = triggered(station, "StatusNotification", 2)
    assert (sent.payload["connectorId"], sent.payload["status"]) == (2, "Available")


def test_connector_0_is_the_station_itself() -> None:
    """5.17."""
    (sent,) = triggered(world(), "StatusNotification", 0)
    assert (sent.payload["connectorId"], sent.payload["status"]) == (0, "Available")


def test_without_a_connector_the_station_and_each_connector_are_reported() -> None:
    """5.17."""
    station = world(connectors=3)
    station.plug(2)
    sent = triggered(station, "StatusNotification")
    assert [(call.payload["connectorId"], call.payload["status"]) for call in sent] == [
        (0, "Available"),
        (1, "Available"),
        (2, "Preparing"),
        (3, "Available"),
    ]


def test_a_triggered_status_carries_its_error() -> None:
    """4.9."""
    station = world()
    station.observe(FaultObserved(connector_id=1, error_code="GroundFailure", info="leak", vendor_error_code="E7"))
    (sent,) = triggered(station, "StatusNotification", 1)
    told = {key: sent.payload[key] for key in ("status", "errorCode", "info", "vendorErrorCode")}
    assert told == {"status": "Faulted", "errorCode": "GroundFailure", "info": "leak", "vendorErrorCode": "E7"}


def test_a_triggered_status_does_not_wait_for_the_minimum_duration() -> None:
    """9.1.20: the duration delays reports of changes, and the change is still reported when it has held."""
    station = world()
    station.configure("MinimumStatusDuration", "60")
    station.plug(1)
    (sent,) = triggered(station, "StatusNotification", 1)
    assert sent.payload["status"] == "Preparing"


# MeterValues


def test_meter_values_outside_a_transaction_have_the_context_trigger() -> None:
    """5.17, errata 3.46, OCTT TC_054."""
    station = world()
    (sent,) = triggered(station, "MeterValues", 1)
    assert sent.payload["connectorId"] == 1
    assert "transactionId" not in sent.payload
    (value,) = sent.payload["meterValue"]
    assert value["timestamp"] == station.utc(0)
    (sampled,) = value["sampledValue"]
    assert (sampled["value"], sampled["context"]) == ("1000", "Trigger")


def test_meter_values_are_the_most_recent_ones_of_all_measurands_configured() -> None:
    """Errata 3.46: MeterValuesSampledData."""
    station = world()
    station.configure("MeterValuesSampledData", "Energy.Active.Import.Register,Power.Active.Import")
    station.observe(MeterObserved(connector_id=1, energy_wh=1_234, power_w=3_680))
    (sent,) = triggered(station, "MeterValues", 1)
    sampled = sent.payload["meterValue"][0]["sampledValue"]
    assert [value["value"] for value in sampled] == ["1234", "3680"]


def test_an_empty_list_of_measurands_tells_the_register() -> None:
    """9.1.17, as in periodic MeterValues."""
    station = world()
    station.configure("MeterValuesSampledData", "")
    (sent,) = triggered(station, "MeterValues", 1)
    (sampled,) = sent.payload["meterValue"][0]["sampledValue"]
    assert (sampled["measurand"], sampled["value"]) == ("Energy.Active.Import.Register", "1000")


def test_meter_values_in_a_transaction_name_it() -> None:
    """4.7."""
    (sent,) = triggered(charging(), "MeterValues", 1)
    assert sent.payload["transactionId"] == 9001


def test_without_a_connector_each_one_with_a_meter_is_reported() -> None:
    """5.17: for all allowed connectorId values; there is no main meter, so none for connector 0."""
    station = world(connectors=3)
    station.observe(MeterFailed(connector_id=2, reason="silent"))
    sent = triggered(station, "MeterValues")
    assert [call.payload["connectorId"] for call in sent] == [1, 3]


@pytest.mark.parametrize("connector_id", [None, 1])
def test_meter_values_are_rejected_if_no_meter_can_be_read(connector_id: int | None) -> None:
    """5.17: no historic data."""
    station = world(connectors=1)
    station.observe(MeterFailed(connector_id=1, reason="silent"))
    mark = station.mark
    assert trigger(station, "MeterValues", connector_id) == REJECTED
    assert station.sent("MeterValues", mark) == []


def test_meter_values_of_connector_0_are_rejected() -> None:
    """5.17: there is no main meter."""
    assert trigger(world(), "MeterValues", 0) == REJECTED


# FirmwareStatusNotification, DiagnosticsStatusNotification


@pytest.mark.parametrize("message", ["FirmwareStatusNotification", "DiagnosticsStatusNotification"])
def test_a_station_that_does_nothing_of_the_kind_is_idle(message: str) -> None:
    """7.24, 7.25, OCTT TC_054."""
    (sent,) = triggered(world(), message)
    assert sent.payload == {"status": "Idle"}


def test_the_status_of_a_running_firmware_update_is_sent() -> None:
    """5.17, 7.25."""
    station = world()
    station.request("UpdateFirmware", location="https://files.example/image", retrieveDate=station.utc(60))
    assert triggered(station, "FirmwareStatusNotification")[0].payload == {"status": "Idle"}
    station.wait(60)
    assert triggered(station, "FirmwareStatusNotification")[0].payload == {"status": "Downloading"}


def test_the_status_of_a_running_upload_is_sent() -> None:
    """5.17, 7.24."""
    station = world()
    assert "fileName" in station.request("GetDiagnostics", location="https://files.example/")
    assert triggered(station, "DiagnosticsStatusNotification")[0].payload == {"status": "Uploading"}


@pytest.mark.parametrize("message", ["FirmwareStatusNotification", "DiagnosticsStatusNotification"])
def test_a_message_whose_profile_is_off_is_not_implemented(message: str) -> None:
    """5.17."""
    station = world(profiles_off=("FirmwareManagement",))
    mark = station.mark
    assert trigger(station, message) == NOT_IMPLEMENTED
    assert station.sent("", mark) == []


# What connectorId means


@pytest.mark.parametrize("connector_id", [-1, 3, 99])
@pytest.mark.parametrize("message", ["StatusNotification", "MeterValues"])
def test_a_connector_that_is_not_there_is_rejected(message: str, connector_id: int) -> None:
    """5.17."""
    station = world()
    mark = station.mark
    assert trigger(station, message, connector_id) == REJECTED
    assert station.sent("", mark) == []


@pytest.mark.parametrize("connector_id", [0, 1, 99])
@pytest.mark.parametrize("message", WITHOUT_CONNECTOR)
def test_a_connector_that_means_nothing_to_the_message_is_ignored(message: str, connector_id: int) -> None:
    """5.17: the requested message is leading."""
    assert len(triggered(world(), message, connector_id)) == 1


# When it is sent


@pytest.mark.parametrize("message", [message for message in EVERY_MESSAGE if message != "BootNotification"])
def test_triggered_messages_are_all_that_leaves_while_pending(message: str) -> None:
    """4.2: nothing is sent but what was triggered."""
    station = pending()
    station.plug(1)
    mark = station.mark
    assert trigger(station, message) == ACCEPTED
    assert {call.action for call in station.sent("", mark)} == {message}


def test_nothing_is_answered_or_sent_while_rejected() -> None:
    """4.2."""
    station = World(description=DESCRIBED)
    time = "2026-01-01T00:00:00Z"
    station.answers["BootNotification"] = {"status": "Rejected", "currentTime": time, "interval": 600}
    station.boot()
    mark = station.mark
    assert station.station.ask("TriggerMessage", {"requestedMessage": "Heartbeat"}) is None
    assert station.order(mark) == []


def test_a_triggered_message_goes_before_the_queue() -> None:
    """3.7: what the CSMS asks for now is not held up by what is queued."""
    station = world()
    station.held.add("StartTransaction")
    station.swipe("TAG", 1)
    station.plug(1)
    station.swipe("TAG", 1)
    mark = station.mark
    assert trigger(station, "Heartbeat") == ACCEPTED
    assert station.sent("", mark) == []
    station.late_answer("StartTransaction", {"transactionId": 9001, "idTagInfo": {"status": "Accepted"}})
    actions = [call.action for call in station.sent("", mark)]
    assert actions[0] == "Heartbeat"
    assert "StopTransaction" in actions


def test_a_triggered_message_is_gone_with_the_link() -> None:
    """5.17: current information only."""
    station = world()
    station.held.add("Heartbeat")
    assert trigger(station, "Heartbeat") == ACCEPTED
    assert trigger(station, "MeterValues", 1) == ACCEPTED
    station.disconnect()
    mark = station.mark
    station.connect()
    assert station.sent("MeterValues", mark) == []
    assert station.sent("Heartbeat", mark) == []


def test_triggers_that_the_csms_does_not_let_out_are_rejected_in_the_end() -> None:
    """5.17: it is up to the station; a queue without a bound would be none."""
    station = world()
    station.held.add("Heartbeat")
    answers = [trigger(station, "Heartbeat") for _ in range(WAITING_MAX + 2)]
    assert answers == [ACCEPTED] * WAITING_MAX + [REJECTED] * 2


# Not a trigger


def test_without_the_profile_it_is_a_call_error() -> None:
    """3.2, OCPP-J 4.2.3."""
    station = world(profiles_off=("RemoteTrigger",))
    answer = station.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    assert answer.error_code == "NotSupported"


@pytest.mark.parametrize(
    ("payload", "error_code"),
    [
        ({}, "ProtocolError"),
        ({"requestedMessage": "StartTransaction"}, "PropertyConstraintViolation"),
        ({"requestedMessage": "Heartbeat", "connectorId": "1"}, "TypeConstraintViolation"),
        ({"requestedMessage": "Heartbeat", "evseId": 1}, "FormationViolation"),
    ],
)
def test_a_malformed_request_is_a_call_error(payload: dict[str, Any], error_code: str) -> None:
    """OCPP-J 4.2.3; 5.17: StartTransaction and StopTransaction cannot be triggered."""
    station = world()
    mark = station.mark
    assert station.ask("TriggerMessage", payload).error_code == error_code
    assert station.sent("", mark) == []
