"""ExtendedTriggerMessage (white paper, 5.5, 6.16): first the answer, then the message."""

from typing import Any

import pytest

from station.rules.triggering import WAITING_MAX
from tests.scenarios.conftest import World, world

ACCEPTED, REJECTED, NOT_IMPLEMENTED = {"status": "Accepted"}, {"status": "Rejected"}, {"status": "NotImplemented"}


def trigger(station: World, message: str, **members: Any) -> Any:
    return station.request("ExtendedTriggerMessage", requestedMessage=message, **members)


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ("BootNotification", 1),
        ("Heartbeat", 1),
        ("LogStatusNotification", 1),
        ("MeterValues", 2),
        ("StatusNotification", 3),
    ],
)
def test_the_answer_comes_first_then_the_message_for_all_connectors(message: str, sent: int) -> None:
    station = world()
    mark = station.mark
    assert trigger(station, message) == ACCEPTED
    assert station.order(mark)[0] == "answer"
    assert [call.action for call in station.sent("", mark)][:sent] == [message] * sent


def test_a_connector_is_the_one_meant_and_an_unknown_one_is_rejected() -> None:
    station = world()
    mark = station.mark
    assert trigger(station, "StatusNotification", connectorId=2) == ACCEPTED
    assert [call.payload["connectorId"] for call in station.sent("StatusNotification", mark)] == [2]
    assert trigger(station, "MeterValues", connectorId=3) == REJECTED


def test_a_message_without_a_use_case_here_is_not_implemented_and_one_that_nobody_knows_is_refused() -> None:
    """6.17."""
    station = world(profiles_off=("FirmwareManagement",))
    mark = station.mark
    assert trigger(station, "FirmwareStatusNotification") == NOT_IMPLEMENTED
    assert station.sent("", mark) == []
    answer = station.ask("ExtendedTriggerMessage", {"requestedMessage": "DiagnosticsStatusNotification"})
    assert answer.error_code == "PropertyConstraintViolation"


def test_the_status_of_a_log_names_its_request_and_idle_names_none() -> None:
    """N01.FR.12; 6.19: Idle only if triggered."""
    station = world()
    assert trigger(station, "LogStatusNotification") == ACCEPTED
    log = {"remoteLocation": "ftp://files.example/"}
    station.request("GetLog", logType="SecurityLog", requestId=7, log=log)
    mark = station.mark
    assert trigger(station, "LogStatusNotification") == ACCEPTED
    assert [call.payload for call in station.sent("LogStatusNotification", mark)] == [
        {"status": "Uploading", "requestId": 7}
    ]
    assert station.sent("LogStatusNotification")[0].payload == {"status": "Idle"}


def test_both_kinds_of_trigger_share_what_may_wait() -> None:
    station = world()
    station.held.add("Heartbeat")
    answers = [trigger(station, "Heartbeat") for _ in range(WAITING_MAX + 1)]
    assert answers == [ACCEPTED] * WAITING_MAX + [REJECTED]
    assert station.request("TriggerMessage", requestedMessage="Heartbeat") == REJECTED


def test_it_works_though_the_profile_of_trigger_message_is_off() -> None:
    station = world(profiles_off=("RemoteTrigger",))
    assert station.ask("TriggerMessage", {"requestedMessage": "Heartbeat"}).error_code == "NotSupported"
    assert trigger(station, "Heartbeat") == ACCEPTED
