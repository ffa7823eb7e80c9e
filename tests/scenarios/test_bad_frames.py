"""What a CSMS may get wrong: bad frames, bad payloads, wrong answers (OCPP-J 4)."""

import json
from typing import Any

import pytest

from eventstore.catalogue.lifecycle import DecisionFailed
from eventstore.catalogue.link import FrameIgnored, FrameReceived, FrameRefused
from station.wire.messages import MESSAGES
from tests.given import StationUnderTest, charging, station


def errors(found: StationUnderTest) -> list[tuple[str, str]]:
    return [(answer.message_id, answer.error_code) for answer in found.answers]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "{}",
        "null",
        "[]",
        "[2]",
        "[2,7]",
        '["2","1","Reset",{}]',
        "[1.0]",
        "[" * 2000,
        '[2,"1"',
        "[true]",
    ],
)
def test_what_cannot_be_answered_is_ignored_on_record(text: str) -> None:
    found = station().online().forget()
    found.receive(text)
    assert found.answers == []
    assert len(found.events(FrameIgnored)) == 1


@pytest.mark.parametrize("message_type", [0, 1, 5, 6, 99, -2])
def test_an_unknown_message_type_is_ignored(message_type: int) -> None:
    """OCPP-J 4.1.3."""
    found = station().online().forget()
    found.receive([message_type, "1", "Reset", {"type": "Hard"}])
    assert found.answers == []
    assert found.state.maintenance.reset is None


@pytest.mark.parametrize(
    ("frame", "error_code"),
    [
        ([2, "m", "Reset"], "FormationViolation"),
        ([2, "m", "Reset", {}, 1], "FormationViolation"),
        ([2, "m", 5, {}], "FormationViolation"),
        ([2, "m", "Reset", [1]], "FormationViolation"),
        ([2, "m", "Reset", "Hard"], "FormationViolation"),
        ([2, "m", "Frobnicate", {}], "NotImplemented"),
        ([2, "m", "reset", {"type": "Hard"}], "NotImplemented"),
        ([2, "m", "Authorize", {"idTag": "A"}], "NotSupported"),
        ([2, "m", "Reset", {}], "ProtocolError"),
        ([2, "m", "Reset", None], "ProtocolError"),
        ([2, "m", "Reset", {"type": "Hard", "why": 1}], "FormationViolation"),
        ([2, "m", "Reset", {"type": 1}], "TypeConstraintViolation"),
        ([2, "m", "Reset", {"type": None}], "TypeConstraintViolation"),
        ([2, "m", "Reset", {"type": "hard"}], "PropertyConstraintViolation"),
        ([2, "m" * 37, "Reset", {"type": "Hard"}], "GenericError"),
    ],
)
def test_each_mistake_in_a_call_has_its_error_code(frame: list[Any], error_code: str) -> None:
    """OCPP-J 4.2.3."""
    found = station().online().forget()
    found.receive(frame)
    assert errors(found) == [(frame[1], error_code)]
    assert found.answers[0].description
    assert found.state.maintenance.reset is None


def test_a_call_without_payload_may_say_null() -> None:
    """OCPP-J 4.2.1."""
    found = station().online().forget()
    found.receive([2, "1", "ClearCache", None])
    assert found.answers[0].payload == {"status": "Accepted"}


def test_the_answer_carries_the_message_id_whatever_it_holds() -> None:
    """OCPP-J 4.1.4."""
    found = station().online().forget()
    for message_id in ("", 'a"b', "ü", "x" * 36):
        found.receive([2, message_id, "ClearCache", {}])
    assert [answer.message_id for answer in found.answers] == ["", 'a"b', "ü", "x" * 36]
    assert {answer.error_code for answer in found.answers} == {""}


def test_the_same_message_id_may_come_again_once_it_was_answered() -> None:
    """OCPP-J 4.2.3: only one that is still being handled is in the way."""
    found = station().online().forget()
    for _ in range(2):
        found.receive([2, "1", "ClearCache", {}])
    assert [answer.error_code for answer in found.answers] == ["", ""]


def test_an_answer_is_never_answered() -> None:
    """OCPP-J 4.2.2, lessons."""
    found = station().online().forget()
    for frame in ([3, "x"], [3, "x", 7], [4, "x"], [3, "x", {}], [4, "x", "GenericError", "", {}]):
        found.receive(frame)
    assert found.answers == []


def test_a_frame_that_could_not_be_read_is_on_record_without_its_bytes() -> None:
    found = station().online().forget()
    found.observe(FrameRefused(connection=1, reason="too large"))
    assert found.state.link.up


def test_a_call_on_a_closed_connection_is_not_handled() -> None:
    found = station().online().forget()
    found.observe(FrameReceived(connection=7, text=json.dumps([2, "1", "Reset", {"type": "Hard"}])))
    assert found.answers == []
    assert found.state.maintenance.reset is None


def test_every_call_of_the_csms_with_an_empty_payload_is_answered() -> None:
    """No CALL stays without an answer."""
    found = charging().forget()
    actions = [action for action, pair in MESSAGES.items() if pair.is_sent_by_csms]
    for action in actions:
        found.receive([2, action, action, {}])
    assert sorted(answer.message_id for answer in found.answers) == sorted(actions)
    assert found.events(DecisionFailed) == []


@pytest.mark.parametrize("value", [None, True, 0, -1, 2**40, 1.5, "", "x", "9" * 600, [], {}, [[]], {"a": {}}])
def test_every_member_of_every_call_survives_every_kind_of_value(value: Any) -> None:
    """Never a crash, always an answer."""
    found = charging(station(factory={"ResetRetries": "0"}))
    members = {
        "ChangeAvailability": ("connectorId", "type"),
        "ChangeConfiguration": ("key", "value"),
        "DataTransfer": ("vendorId", "messageId", "data"),
        "GetConfiguration": ("key",),
        "RemoteStartTransaction": ("idTag", "connectorId", "chargingProfile"),
        "RemoteStopTransaction": ("transactionId",),
        "UnlockConnector": ("connectorId",),
        "ReserveNow": ("connectorId", "expiryDate", "idTag", "reservationId"),
        "SendLocalList": ("listVersion", "updateType", "localAuthorizationList"),
        "TriggerMessage": ("requestedMessage", "connectorId"),
        "GetCompositeSchedule": ("connectorId", "duration", "chargingRateUnit"),
    }
    for action, names in members.items():
        found.forget()
        found.receive([2, action, action, dict.fromkeys(names, value)])
        assert [answer.message_id for answer in found.answers] == [action]
