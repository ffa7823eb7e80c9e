"""The call after the one in flight may be recorded ahead, and leave as soon as the answer to that has arrived: so the
answer and the next call do not wait for the disk in between (3.7, OCPP-J 4.1.1)."""

import json
from typing import Any

from eventstore.catalogue.authorization import AuthorizeQueued
from eventstore.catalogue.link import CallPrepared, CallVoided, FrameReceived
from eventstore.event import Event
from tests.given import StationUnderTest, accepting, charging, station


def queued(samples: int = 3) -> StationUnderTest:
    """A silent CSMS: Start confirmed, several samples owed, the first of them in flight."""
    found = charging(station(factory={"MeterValueSampleInterval": "10", "TransactionMessageRetryInterval": "10"}))
    found.csms = None
    found.advance(10 * samples + 1)
    return found


def prepared_of(found: StationUnderTest) -> CallPrepared:
    prepared = found.state.outbox.prepared
    assert prepared is not None
    return prepared


def receive_ahead(found: StationUnderTest, frame: list[Any], ahead: str) -> list[Event]:
    return found.observe(FrameReceived(connection=found.state.link.connection, text=json.dumps(frame), ahead=ahead))


def test_the_call_after_the_one_in_flight_is_recorded_ahead_and_does_not_leave_yet() -> None:
    found = queued()
    prepared = prepared_of(found)
    assert prepared.action == "MeterValues"
    assert prepared.message_id not in [call.message_id for call in found.calls]
    assert found.state.outbox.in_flight is not None


def test_a_call_that_left_ahead_is_in_flight_with_the_bytes_and_the_id_recorded() -> None:
    found = queued()
    prepared, first = prepared_of(found), found.calls[-1]
    receive_ahead(found, [3, first.message_id, {}], prepared.message_id)
    sent = found.deliveries[-1]
    assert (sent.message_id, sent.payload, sent.owed_seq) == (
        prepared.message_id,
        prepared.payload,
        prepared.owed_seq,
    )
    assert found.state.outbox.in_flight is not None
    assert found.state.outbox.in_flight.message_id == prepared.message_id
    assert prepared_of(found).owed_seq > prepared.owed_seq


def test_a_prepared_call_that_the_link_did_not_send_leaves_in_its_turn_under_its_id() -> None:
    found = queued()
    prepared = prepared_of(found)
    found.answer({})
    assert found.calls[-1].message_id == prepared.message_id


def test_nothing_is_recorded_ahead_of_the_answer_to_a_start() -> None:
    found = charging(station(factory={"MeterValueSampleInterval": "10"}))
    found.forget().disconnect()
    found.swipe()
    found.unplug()
    found.plug()
    found.swipe()
    found.advance(21)
    found.csms = lambda call: None if call.action == "StartTransaction" else accepting(call)
    found.connect()
    assert found.calls[-1].action == "StartTransaction"
    assert found.state.outbox.prepared is None


def test_a_callerror_to_the_call_in_flight_voids_the_prepared_one() -> None:
    found = queued()
    prepared = prepared_of(found)
    found.answer_error("InternalError")
    assert found.state.outbox.prepared is None
    assert [event.message_id for event in found.events(CallVoided)] == [prepared.message_id]
    assert found.calls[-1].message_id != prepared.message_id


def test_an_authorize_that_comes_up_voids_the_prepared_call_and_goes_first() -> None:
    found = queued()
    found.observe_decision(AuthorizeQueued(id_tag="STRANGER", connector_id=1, purpose="stop"))
    found.advance(0.001)
    found.read_meter()
    assert found.state.outbox.prepared is None
    found.answer({})
    assert found.calls[-1].action == "Authorize"


def test_a_voided_call_that_had_already_left_is_the_one_in_flight() -> None:
    found = queued()
    prepared, first = prepared_of(found), found.calls[-1]
    found.observe_decision(AuthorizeQueued(id_tag="STRANGER", connector_id=1, purpose="stop"))
    found.read_meter()
    assert found.state.outbox.voided is not None
    receive_ahead(found, [3, first.message_id, {}], prepared.message_id)
    assert found.deliveries[-1].message_id == prepared.message_id
    assert found.state.outbox.voided is None
    found.answer({})
    assert found.calls[-1].action == "Authorize"


def test_a_prepared_call_that_a_lost_link_may_have_carried_goes_again_with_the_same_bytes_and_id() -> None:
    found = queued()
    prepared, first = prepared_of(found), found.calls[-1]
    found.disconnect()
    found.forget()
    found.csms = accepting
    found.connect()
    assert [call.message_id for call in found.calls if call.action == "MeterValues"][:2] == [
        first.message_id,
        prepared.message_id,
    ]
    again = next(call for call in found.calls if call.message_id == prepared.message_id)
    assert again.text == prepared.payload


def test_a_prepared_call_survives_a_power_cut_with_its_bytes_and_id() -> None:
    found = queued()
    prepared = prepared_of(found)
    found.forget()
    found.csms = accepting
    found.boot(pilots={1: "C"}, orderly=False).connect()
    again = next(call for call in found.calls if call.message_id == prepared.message_id)
    assert again.text == prepared.payload


def starting() -> StationUnderTest:
    """StartTransaction is in flight, and the status that follows it waits."""
    found = charging(station())
    found.unplug()
    found.plug()
    found.forget()
    found.csms = lambda call: None if call.action == "StartTransaction" else accepting(call)
    found.swipe()
    assert found.calls[-1].action == "StartTransaction"
    return found


def test_the_status_behind_a_start_is_recorded_ahead_for_it_does_not_need_the_answer() -> None:
    found = starting()
    prepared, first = prepared_of(found), found.calls[-1]
    assert prepared.action == "StatusNotification"
    answer = {"idTagInfo": {"status": "Accepted"}, "transactionId": 7}
    receive_ahead(found, [3, first.message_id, answer], prepared.message_id)
    sent = found.deliveries[-1]
    assert (sent.message_id, sent.payload, sent.owed_seq) == (
        prepared.message_id,
        prepared.payload,
        prepared.owed_seq,
    )
    assert [each.transaction_id for each in found.state.transactions.running()] == [7]


def test_a_status_that_was_recorded_ahead_ends_with_the_link_as_any_status() -> None:
    found = starting()
    prepared = prepared_of(found)
    found.disconnect()
    assert found.state.outbox.prepared is None
    assert found.state.outbox.attempt_for(prepared.owed_seq) is None
    found.forget()
    found.csms = accepting
    found.connect()
    assert prepared.message_id not in [call.message_id for call in found.calls]
    assert found.statuses()[-1] == "Charging"
    assert found.state.outbox.pending == 0


def test_a_status_that_was_recorded_ahead_is_called_off_when_registration_is_lost() -> None:
    found = starting()
    prepared, first = prepared_of(found), found.calls[-1]
    found.answer_error("SecurityError", first)
    assert prepared.message_id in [event.message_id for event in found.events(CallVoided)]
    found.csms = accepting
    found.advance(400)
    assert found.state.outbox.pending == 0
