"""What a frame comes to, decision by decision; whole stories stand in tests/scenarios/test_outbox.py and test_bad_frames.py."""

import json
from typing import Any

import pytest

from eventstore.catalogue.link import CallAnswered, CallDeferred, CallSettled, FrameIgnored, FrameReceived
from eventstore.catalogue.registration import RegistrationLost
from eventstore.catalogue.transactions import TransactionIdAssigned
from eventstore.event import Event
from eventstore.value import replace
from station.core import exchange
from station.core.exchange import read_large
from station.wire.enums import UnlockStatus
from station.wire.messages.core import UnlockConnectorResponse
from tests.given import StationUnderTest, answering, charging, station


def receive(found: StationUnderTest, frame: Any, connection: int | None = None) -> list[Event]:
    """The decisions on a frame, not yet recorded."""
    connection = found.state.link.connection if connection is None else connection
    text = frame if isinstance(frame, str) else json.dumps(frame)
    observation = FrameReceived(connection=connection, text=text)
    return list(exchange.receive(found.state, observation, found.at_ms, found.registry))


def waiting(action: str = "StartTransaction") -> StationUnderTest:
    """The CSMS owes the answer to this action."""
    found = station().online()
    found.csms = answering(**{action: None})
    found.plug()
    found.swipe()
    if action == "MeterValues":
        found.advance(60)
    return found


def in_flight(found: StationUnderTest) -> str:
    assert found.state.outbox.in_flight is not None
    return found.state.outbox.in_flight.message_id


def test_a_call_is_answered_before_what_follows_from_it() -> None:
    events = receive(station().online(), [2, "m", "ClearCache", {}])
    assert [type(event).__name__ for event in events] == ["CallAnswered", "CacheCleared"]
    assert events[0] == CallAnswered(connection=1, message_id="m", action="ClearCache", payload='{"status":"Accepted"}')


def test_a_deferred_call_is_on_record_until_it_is_answered() -> None:
    (deferred, *_) = receive(station().online(), [2, "m", "UnlockConnector", {"connectorId": 1}])
    assert deferred == CallDeferred(
        connection=1, message_id="m", action="UnlockConnector", connector_id=1, due_ms=1_000 + 5_000
    )
    answered = exchange.answered(1, "m", "UnlockConnector", UnlockConnectorResponse(status=UnlockStatus.UNLOCKED))
    assert answered.payload == '{"status":"Unlocked"}'


@pytest.mark.parametrize("connection", [0, 2])
def test_a_frame_of_another_connection_is_ignored(connection: int) -> None:
    (ignored,) = receive(station().online(), [2, "m", "ClearCache", {}], connection)
    assert isinstance(ignored, FrameIgnored)


def test_a_frame_without_a_link_is_ignored() -> None:
    found = station().online()
    found.disconnect()
    (ignored,) = receive(found, [2, "m", "ClearCache", {}])
    assert isinstance(ignored, FrameIgnored)


def test_a_result_settles_its_entry_and_says_what_it_deviates_in() -> None:
    found = waiting("MeterValues")
    (settled,) = receive(found, [3, in_flight(found), {"mood": "good"}])
    assert isinstance(settled, CallSettled)
    assert (settled.outcome, settled.ends_entry, settled.late, settled.number) == ("result", True, False, 1)
    assert settled.deviations == ("mood is unknown",)


def test_an_error_with_attempts_left_keeps_its_entry_and_says_when_it_goes_again() -> None:
    """3.7.1."""
    found = waiting("MeterValues")
    (settled,) = receive(found, [4, in_flight(found), "InternalError", "d" * 300, {}])
    assert isinstance(settled, CallSettled)
    assert (settled.outcome, settled.error_code, settled.ends_entry) == ("error", "InternalError", False)
    assert settled.retry_due_ms == found.at_ms + 60_000
    assert len(settled.description) == 255


def test_an_error_without_attempts_left_gives_up() -> None:
    """9.1.31."""
    found = waiting("MeterValues")
    attempts = tuple(replace(attempt, failures=2, transmissions=3) for attempt in found.state.outbox.attempts)
    found.state = replace(found.state, outbox=replace(found.state.outbox, attempts=attempts))
    (settled,) = receive(found, [4, in_flight(found), "InternalError", "", {}])
    assert isinstance(settled, CallSettled)
    assert (settled.outcome, settled.ends_entry, settled.retry_due_ms) == ("given_up", True, None)


def test_an_error_to_a_message_that_is_not_transaction_related_ends_it() -> None:
    found = waiting("Authorize")
    events = receive(found, [4, in_flight(found), "InternalError", "", {}])
    assert isinstance(events[0], CallSettled)
    assert (events[0].outcome, events[0].ends_entry) == ("error", True)


def test_security_error_loses_the_registration_without_counting() -> None:
    """OCPP-J errata 3.8."""
    found = waiting("MeterValues")
    settled, lost = receive(found, [4, in_flight(found), "SecurityError", "", {}])
    assert isinstance(settled, CallSettled)
    assert (settled.outcome, settled.ends_entry, settled.retry_due_ms) == ("error", False, None)
    assert isinstance(lost, RegistrationLost)
    assert lost.retry_due_ms == 1_000 + 300_000, "not before the interval that the last acceptance gave"


def test_the_answer_to_a_start_binds_its_id() -> None:
    found = waiting()
    payload = {"idTagInfo": {"status": "Accepted"}, "transactionId": 5}
    events = receive(found, [3, in_flight(found), payload])
    assert TransactionIdAssigned(number=1, transaction_id=5) in events


def test_an_answer_to_an_earlier_transmission_is_marked_late() -> None:
    found = waiting()
    first = in_flight(found)
    found.advance(90)
    payload = {"idTagInfo": {"status": "Accepted"}, "transactionId": 5}
    settled = receive(found, [3, first, payload])[0]
    assert isinstance(settled, CallSettled)
    assert settled.late


def test_after_a_late_answer_the_answer_to_the_call_in_flight_ends_it_and_may_contradict() -> None:
    """OCPP-J 4.1.1."""
    found = waiting()
    first = in_flight(found)
    found.advance(90)
    found.receive([3, first, {"idTagInfo": {"status": "Accepted"}, "transactionId": 5}])
    events = receive(found, [3, in_flight(found), {"idTagInfo": {"status": "Accepted"}, "transactionId": 6}])
    assert [getattr(event, "outcome", None) for event in events] == ["void", None]
    assert events[1] == TransactionIdAssigned(number=1, transaction_id=6, conflict=True)
    (void,) = receive(found, [4, in_flight(found), "InternalError", "", {}])
    assert isinstance(void, CallSettled)
    assert void.outcome == "void"


def test_a_malformed_late_answer_to_a_start_is_ignored() -> None:
    found = charging()
    start = found.last("StartTransaction").message_id
    (ignored,) = receive(found, [3, start, {}])
    assert isinstance(ignored, FrameIgnored)


def test_an_apology_is_for_calls_only() -> None:
    found = station().online()
    frames = ['[2,"m","Reset",{}]', '[3,"m",{}]', '[2,"m"', "x"]
    apologies = [list(exchange.apologize(found.state, FrameReceived(connection=1, text=text))) for text in frames]
    assert [len(apology) for apology in apologies] == [1, 0, 0, 0]


def test_a_large_frame_that_was_read_beforehand_comes_to_the_same() -> None:
    """The worker thread's reading is a cache of what the text says."""
    text = '[2,"x","SendLocalList",{"listVersion":1,"updateType":"Full","localAuthorizationList":[]}]'
    outcomes = []
    for read in (None, read_large(text)):
        found = station().online()
        connection = found.state.link.connection
        found.observe(FrameReceived(connection=connection, text=text, read=read))
        outcomes.append((found.answers[-1], found.state))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("text", ['[2,"x"', '[2,"x","Nonsense",{}]', '[2,"x","Reset",{"type":"Warm"}]', '[3,"y",{}]'])
def test_a_large_frame_with_a_fault_is_answered_as_any_other(text: str) -> None:
    outcomes = []
    for read in (None, read_large(text)):
        found = station().online()
        found.observe(FrameReceived(connection=found.state.link.connection, text=text, read=read))
        outcomes.append((found.answers, found.state))
    assert outcomes[0] == outcomes[1]
