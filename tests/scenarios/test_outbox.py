"""Transaction-related messages: strictly in order, tried until processed or given up, never lost (3.7, errata 3.18,
OCPP-J 4.1, OCPP-J errata 3.2 and 3.8)."""

import itertools
import json
from dataclasses import dataclass
from typing import Any

import pytest

from eventstore.catalogue.lifecycle import SystemClockObserved
from eventstore.catalogue.link import (
    CallDispatched,
    CallPrepared,
    CallSettled,
    CallShed,
    CallTimedOut,
    CallVoided,
    DataTransferRequested,
    FrameIgnored,
    FrameReceived,
    LinkCloseDecided,
    OutboxWindowRead,
    OwedEventsLost,
)
from eventstore.catalogue.registration import RegistrationLost
from eventstore.catalogue.transactions import (
    MeterSampled,
    TransactionConfirmed,
    TransactionIdAssigned,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Event
from projections.outbox import TRANSACTIONAL, WINDOW_MAX
from station.core.retention import needed_seq
from station.rules.shedding import DATA_TRANSFERS_MAX, STATUSES_MAX
from tests.given import OTHER_TAG, TAG, UTC_2026_MS, SentCall, StationUnderTest, answering, charging, station

OFFLINE_FOR_ALL = {"AllowOfflineTxForUnknownId": "true"}
REJECTED_START = {"idTagInfo": {"status": "Accepted"}}  # no transactionId


def started(says: Any = None, **settings: Any) -> StationUnderTest:
    """Charging, while the CSMS says this to StartTransaction (None: nothing at all)."""
    found = charging(station(**settings))
    found.forget()
    found.swipe()
    found.unplug()
    found.forget()
    found.csms = answering(StartTransaction=says)
    found.plug()
    found.swipe()
    assert found.status() == "Charging"
    return found


def ids(found: StationUnderTest, action: str) -> list[int | None]:
    return [payload.get("transactionId") for payload in found.sent(action)]


def start_times(found: StationUnderTest) -> list[int]:
    return [call.at_ms // 1000 for call in found.calls if call.action == "StartTransaction"]


# Failures to process (3.7.1, OCPP-J errata 3.2)


def test_a_callerror_is_tried_again_after_the_interval_times_the_transmissions_so_far() -> None:
    """3.7.1: 60 s, then 120 s, then the message is given up."""
    found = started("InternalError")
    begun = found.at_ms // 1000
    found.advance(59)
    assert start_times(found) == [begun]
    found.advance(1)
    assert start_times(found) == [begun, begun + 60]
    found.advance(119)
    assert len(start_times(found)) == 2
    found.advance(1)
    assert start_times(found) == [begun, begun + 60, begun + 180]
    found.advance(3600)
    assert len(start_times(found)) == 3
    assert [event.outcome for event in found.events(CallSettled) if event.action == "StartTransaction"][-3:] == [
        "error",
        "error",
        "given_up",
    ]


@pytest.mark.parametrize(("attempts", "sent"), [(1, 1), (2, 2), (5, 5)])
def test_transaction_message_attempts_says_how_often_a_message_is_submitted(attempts: int, sent: int) -> None:
    """9.1.31."""
    found = started("InternalError", factory={"TransactionMessageAttempts": str(attempts)})
    found.advance(7200)
    assert len(start_times(found)) == sent


def test_transaction_message_retry_interval_says_how_long_it_waits() -> None:
    """9.1.32."""
    found = started("GenericError", factory={"TransactionMessageRetryInterval": "7"})
    begun = found.at_ms // 1000
    found.advance(60)
    assert start_times(found) == [begun, begun + 7, begun + 21]


def test_a_retry_interval_of_zero_sends_at_once_and_still_ends() -> None:
    """9.1.32."""
    found = started("GenericError", factory={"TransactionMessageRetryInterval": "0"})
    assert len(start_times(found)) == 3


def test_a_retry_repeats_the_payload_bytes_under_a_new_message_id() -> None:
    """OCPP-J 4.1.4; whatever the clock does meanwhile, the CSMS can tell that it has seen it."""
    found = started("InternalError")
    found.advance(30)
    found.trusted = False
    found.observe(SystemClockObserved(utc_ms=UTC_2026_MS + 500_000_000, trusted=True))
    found.charge(700)
    found.advance(300)
    first, *more = [call for call in found.calls if call.action == "StartTransaction"]
    assert len(more) == 2
    assert {call.text for call in more} == {first.text}
    assert len({call.message_id for call in found.calls}) == len(found.calls)


def test_an_exhausted_start_silences_neither_its_samples_nor_its_stop() -> None:
    """Errata 3.18: they leave in order, with transactionId -1."""
    found = started("InternalError")
    found.advance(400)
    assert found.status() == "Charging"
    found.swipe()
    actions = [action for action in found.actions() if action.endswith(("Transaction", "MeterValues"))]
    assert actions[:3] == ["StartTransaction"] * 3
    assert actions[3:] == ["MeterValues"] * 6 + ["StopTransaction"]
    assert ids(found, "MeterValues") == [-1] * 6
    assert ids(found, "StopTransaction") == [-1]
    assert found.state.outbox.given_up == 1
    assert len(found.events(TransactionConfirmed)) == 2


def test_nothing_of_a_transaction_leaves_while_its_start_may_still_be_answered() -> None:
    """Errata 3.18: -1 is for a Start that was given up, and for nothing else."""
    found = started("InternalError")
    found.advance(70)
    found.swipe()
    assert found.sent("MeterValues") == []
    assert found.sent("StopTransaction") == []
    found.csms = answering()
    found.advance(200)
    assert ids(found, "MeterValues") == [9001]
    assert ids(found, "StopTransaction") == [9001]


def test_a_late_answer_to_a_given_up_start_binds_the_id_for_what_has_not_left() -> None:
    """Errata 3.18; a retry of what left with -1 repeats its bytes."""
    found = started("InternalError")
    answers = iter(["GenericError"])
    found.csms = answering(StartTransaction="InternalError", MeterValues=lambda call: next(answers, {}))
    found.advance(185)
    assert ids(found, "MeterValues") == [-1]
    found.answer({"idTagInfo": {"status": "Accepted"}, "transactionId": 77}, call=found.last("StartTransaction"))
    found.advance(70)
    assert ids(found, "MeterValues") == [-1, -1, 77, 77, 77]
    first, again = [call for call in found.calls if call.action == "MeterValues"][:2]
    assert first.text == again.text
    found.swipe()
    assert ids(found, "StopTransaction") == [77]


@pytest.mark.parametrize("transaction_id", [0, -1, -2_147_483_648, 2_147_483_647])
def test_any_transaction_id_of_the_csms_is_used_as_it_is(transaction_id: int) -> None:
    """Errata 3.54: zero and negative ids mean nothing special."""
    found = started({"idTagInfo": {"status": "Accepted"}, "transactionId": transaction_id})
    found.advance(60)
    assert ids(found, "MeterValues") == [transaction_id]
    answer = found.ask("RemoteStopTransaction", {"transactionId": transaction_id})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}
    assert ids(found, "StopTransaction") == [transaction_id]


def test_meter_values_that_the_csms_refuses_for_ever_are_given_up_and_the_next_one_goes() -> None:
    """3.7.1: one message must not block the rest."""
    found = charging().forget()
    found.csms = answering(MeterValues="InternalError")
    found.advance(600)
    found.csms = answering()
    found.swipe()
    found.advance(1000)
    assert found.state.outbox.pending == 0
    assert ids(found, "StopTransaction") == [9001]
    given_up = [event for event in found.events(CallSettled) if event.outcome == "given_up"]
    assert {event.action for event in given_up} == {"MeterValues"}


def test_a_stop_that_is_given_up_does_not_stand_in_the_way_of_later_sessions() -> None:
    """3.7.1, TransactionMessageAttempts."""
    found = charging().forget()
    found.csms = answering(StopTransaction="InternalError")
    found.swipe()
    found.unplug()
    found.advance(400)
    assert len(found.sent("StopTransaction")) == 3
    found.csms = answering()
    found.plug()
    found.swipe()
    found.swipe()
    assert len(found.sent("StartTransaction")) == 1
    assert len(found.sent("StopTransaction")) == 4
    assert len(found.events(TransactionConfirmed)) == 2


# What is no failure


def test_an_answer_under_a_strange_message_id_changes_nothing() -> None:
    """Wrong ids are none."""
    found = started(None)
    found.receive([3, "somebody-else", {}])
    found.receive([4, "somebody-else", "InternalError", "", {}])
    assert len(found.events(FrameIgnored)) == 2
    assert found.state.outbox.in_flight is not None
    found.answer({"idTagInfo": {"status": "Accepted"}, "transactionId": 5}, call=found.last("StartTransaction"))
    assert found.state.transactions.on(1).transaction_id == 5  # type: ignore[union-attr]  # it runs


def test_a_start_that_times_out_is_tried_for_ever() -> None:
    """Errata 3.82: unanswered is not refused; the waits grow to an hour at most."""
    found = started(None)
    found.csms = answering(StartTransaction=None, Heartbeat={"currentTime": "2026-01-01T00:00:00Z"})
    begun = found.at_ms // 1000
    found.advance(30)
    assert len(found.events(CallTimedOut)) == 1
    found.advance(60)
    assert start_times(found) == [begun, begun + 90]
    found.advance(30 + 120)
    assert start_times(found) == [begun, begun + 90, begun + 240]
    for _ in range(12):
        found.advance(4000)
        if found.state.link.close_wanted:
            found.disconnect("closed by us")
            found.connect()
    times = start_times(found)
    assert len(times) > 10
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= 30 + 3600 + 4000
    assert found.state.outbox.given_up == 0
    found.csms = answering()
    found.advance(4000)
    found.swipe()
    assert ids(found, "StopTransaction") == [9001]


def test_the_third_time_out_in_a_row_opens_the_link_anew() -> None:
    found = started(None)
    found.advance(30 + 60 + 30 + 120 + 29)
    assert found.events(LinkCloseDecided) == []
    found.advance(1)
    assert len(found.events(LinkCloseDecided)) == 1
    assert found.state.link.close_wanted
    found.disconnect("closed by us")
    found.csms = answering()
    found.connect()
    assert len(found.sent("StartTransaction")) == 4
    assert found.state.outbox.pending == 0


@pytest.mark.parametrize("is_cut", [False, True], ids=["lost link", "power cut"])
def test_what_waits_because_of_a_time_out_goes_at_once_on_the_next_connection(is_cut: bool) -> None:
    """The wait is for a live link; nothing has failed on the new one."""
    found = started(None)
    found.advance(30 + 60 + 30)  # the second time-out: 120 s to wait
    if is_cut:
        found.boot(pilots={1: "C"}, orderly=False)
    else:
        found.disconnect()
    found.csms = answering()
    found.connect()
    assert len(found.sent("StartTransaction")) == 3
    assert found.sent("StartTransaction")[2] == found.sent("StartTransaction")[0]


def test_what_waits_because_of_a_callerror_waits_on_the_next_connection_too() -> None:
    """3.7.1: TransactionMessageRetryInterval is about the message, not about the link."""
    found = started("InternalError")
    assert len(found.sent("StartTransaction")) == 1
    found.disconnect()
    found.csms = answering()
    found.connect()
    assert len(found.sent("StartTransaction")) == 1
    found.advance(60)
    assert len(found.sent("StartTransaction")) == 2


def test_an_answered_call_in_between_begins_the_count_of_time_outs_anew() -> None:
    """Three in a row."""
    replies: Any = iter([None, None, "InternalError", None, None])
    found = started("InternalError", factory={"TransactionMessageAttempts": "9"})
    found.csms = answering(StartTransaction=lambda call: next(replies, {"transactionId": 1, **REJECTED_START}))
    found.advance(1500)
    assert found.events(LinkCloseDecided) == []


def test_a_lost_link_repeats_the_call_under_the_same_message_id_on_the_next_connection() -> None:
    """OCPP-J 4.1.4: there the id is new; and it is no failure."""
    found = started(None)
    for _ in range(12):
        found.disconnect()
        found.advance(5)
        found.connect()
    sent = [call for call in found.calls if call.action == "StartTransaction"]
    assert len(sent) == 13
    assert len({call.message_id for call in sent}) == 1
    assert len({call.text for call in sent}) == 1
    assert found.state.outbox.given_up == 0
    assert found.state.outbox.attempts[0].failures == 0


def test_a_time_out_and_then_a_lost_link_gives_the_retry_a_new_message_id() -> None:
    """OCPP-J 4.1.4: a call that timed out is over; only one left unanswered by the link keeps its id."""
    found = started(None)
    found.advance(30)
    found.disconnect()
    found.connect()
    found.advance(60)
    first, again = [call for call in found.calls if call.action == "StartTransaction"]
    assert first.message_id != again.message_id
    assert first.text == again.text


def test_a_callerror_after_many_lost_links_still_leaves_attempts() -> None:
    """Transmissions make the wait longer, only failures use attempts up."""
    found = started(None)
    for _ in range(5):
        found.disconnect()
        found.connect()
    found.csms = answering(StartTransaction="InternalError")
    found.answer_error("InternalError", call=found.last("StartTransaction"))
    failed = found.at_ms // 1000
    found.advance(359)
    assert start_times(found)[-1] == failed
    found.advance(1)
    assert start_times(found)[-1] == failed + 360
    assert found.state.outbox.given_up == 0


# Answers that are not as they should be


@pytest.mark.parametrize("action", ["MeterValues", "StopTransaction"])
@pytest.mark.parametrize("payload", [{"idTagInfo": {}}, {"idTagInfo": "Accepted"}, {"nonsense": 1}])
def test_a_malformed_answer_settles_meter_values_and_stop_transaction(action: str, payload: dict[str, Any]) -> None:
    """Their answers say nothing that is needed."""
    found = charging().forget()
    found.csms = answering(**{action: payload})
    found.advance(60)
    found.swipe()
    found.advance(600)
    assert len(found.sent(action)) == 1
    assert found.state.outbox.pending == 0
    assert found.state.outbox.given_up == 0


@pytest.mark.parametrize("frame", [[3], ["3", "{id}"], [3, "{id}", []], [3, "{id}", "text"], [3, "{id}", {}, 1]])
def test_an_answer_that_is_no_frame_but_names_the_call_settles_it_as_malformed(frame: list[Any]) -> None:
    """OCPP-J 4.2.2: no other answer will come."""
    found = charging().forget()
    found.csms = answering(MeterValues=None)
    found.advance(60)
    call = found.last("MeterValues")
    found.csms = answering()
    named = "{id}" in frame and frame[0] == 3
    found.receive([call.message_id if item == "{id}" else item for item in frame])
    settled = [event for event in found.events(CallSettled) if event.message_id == call.message_id]
    assert [event.outcome for event in settled] == (["malformed"] if named else [])


@pytest.mark.parametrize("frame", [[4, "{id}"], [4, "{id}", 17], [4, "{id}", "InternalError", "", {}, 6]])
def test_a_callerror_of_the_wrong_shape_still_is_a_failure_to_process(frame: list[Any]) -> None:
    """OCPP-J errata 3.2."""
    found = charging().forget()
    found.csms = answering(MeterValues=None)
    found.advance(60)
    call = found.last("MeterValues")
    found.receive([call.message_id if item == "{id}" else item for item in frame])
    assert found.state.outbox.in_flight is None
    assert found.state.outbox.attempts[0].failures == 1
    assert found.state.outbox.window[0].seq == found.state.outbox.attempts[0].owed_seq


@pytest.mark.parametrize(
    "payload",
    [
        {},
        REJECTED_START,
        {"idTagInfo": {"status": "Accepted"}, "transactionId": "9"},
        {"idTagInfo": {"status": "Accepted"}, "transactionId": 1.5},
        {"idTagInfo": {"status": "Accepted"}, "transactionId": None},
        {"idTagInfo": {"status": "Accepted"}, "transactionId": True},
    ],
)
def test_a_start_answered_without_a_usable_transaction_id_has_failed(payload: dict[str, Any]) -> None:
    """It is tried again, and given up like any other."""
    found = started(payload)
    found.advance(3600)
    assert len(start_times(found)) == 3
    assert found.state.outbox.given_up == 1
    found.swipe()
    assert ids(found, "StopTransaction") == [-1]


@pytest.mark.parametrize("payload", [{"transactionId": 42}, {"transactionId": 42, "idTagInfo": {"status": "Fine"}}])
def test_a_start_answer_with_nothing_usable_but_its_id_binds_the_id(payload: dict[str, Any]) -> None:
    """The id is what counts."""
    found = started(payload)
    assert len(start_times(found)) == 1
    found.swipe()
    assert ids(found, "StopTransaction") == [42]


def test_unknown_members_and_null_for_optional_ones_are_dropped_and_recorded() -> None:
    """Answers are read leniently."""
    info = {"status": "Accepted", "parentIdTag": None, "mood": "good"}
    found = started({"idTagInfo": info, "transactionId": 8, "extra": [1, 2]})
    settled = [event for event in found.events(CallSettled) if event.action == "StartTransaction"][-1]
    assert settled.outcome == "result"
    assert len(settled.deviations) == 3
    assert found.state.transactions.on(1).transaction_id == 8  # type: ignore[union-attr]  # it runs


# SecurityError (OCPP-J errata 3.8)


def test_security_error_asks_for_a_new_boot_notification_and_counts_no_attempt() -> None:
    """Everything else waits for Accepted; then the message goes again, and every status is told (errata 3.22)."""
    replies = iter(["SecurityError"] * 4)
    found = started("SecurityError")
    begun = found.at_ms
    assert found.state.registration.status == "Unknown"
    assert not found.state.online
    found.csms = answering(StartTransaction=lambda call: next(replies, {"transactionId": 6, **REJECTED_START}))
    found.advance(299)
    assert found.sent("BootNotification") == []
    found.advance(5 * 300 + 2)
    assert len(found.sent("BootNotification")) == 5
    assert ids(found, "MeterValues")[0] == 6
    assert found.state.outbox.given_up == 0
    assert found.state.outbox.attempts == ()
    booted = next(index for index, call in enumerate(found.calls) if call.action == "BootNotification")
    assert all(call.action == "StartTransaction" or call.at_ms == begun for call in found.calls[1:booted])
    assert found.statuses()[-1] == "Charging"
    last_boot = max(index for index, call in enumerate(found.calls) if call.action == "BootNotification")
    told = [call.payload["connectorId"] for call in found.calls[last_boot:] if call.action == "StatusNotification"]
    assert sorted(told) == [0, 1]


def test_security_error_to_a_heartbeat_loses_the_registration_too() -> None:
    """OCPP-J errata 3.8."""
    found = station().online().forget()
    found.csms = answering(Heartbeat="SecurityError")
    found.advance(300)
    assert [event.reason for event in found.events(RegistrationLost)] == ["SecurityError (OCPP-J errata 3.8)"]
    assert found.actions() == [
        "Heartbeat",
        "BootNotification",
        "StatusNotification 0 Available",
        "StatusNotification 1 Available",
    ]


def test_a_status_that_waited_while_the_registration_was_lost_is_not_told_as_history() -> None:
    """4.9: after the acceptance only what is true then is told."""
    found = station().online().forget()
    found.csms = answering(Heartbeat="SecurityError", BootNotification=None)
    found.advance(300)
    found.plug(pilot="B")
    found.unplug()
    found.answer({"status": "Accepted", "currentTime": "2026-01-01T00:05:00Z", "interval": 300})
    assert found.statuses() == ["Available"]


# Late answers (OCPP-J 4.1.1)


def test_a_late_answer_settles_the_message_but_the_next_call_waits_for_the_one_in_flight() -> None:
    """OCPP-J 4.1.1."""
    found = started(None)
    first = found.last("StartTransaction")
    found.advance(90)
    second = found.last("StartTransaction")
    assert first.message_id != second.message_id
    found.answer({"transactionId": 5, **REJECTED_START}, call=first)
    assert found.state.transactions.on(1).transaction_id == 5  # type: ignore[union-attr]  # it runs
    assert found.sent("MeterValues") == []
    found.answer({"transactionId": 5, **REJECTED_START}, call=second)
    assert ids(found, "MeterValues") == [5]
    assert [event.conflict for event in found.events(TransactionIdAssigned)][-1] is False


def test_after_a_late_answer_the_call_in_flight_may_also_end_by_its_time_out() -> None:
    """OCPP-J 4.1.1."""
    found = started(None)
    first = found.last("StartTransaction")
    found.advance(90)
    found.answer({"transactionId": 5, **REJECTED_START}, call=first)
    found.csms = answering()
    found.advance(29)
    assert found.sent("MeterValues") == []
    found.advance(1)
    assert ids(found, "MeterValues") == [5, 5]
    assert len(found.sent("StartTransaction")) == 2


def test_a_second_different_transaction_id_is_a_contradiction_on_record_and_both_stop() -> None:
    """The first answer binds; a RemoteStop with either id is accepted."""
    for stop_id in (5, 6):
        found = started(None)
        first = found.last("StartTransaction")
        found.advance(90)
        second = found.last("StartTransaction")
        found.answer({"transactionId": 5, **REJECTED_START}, call=second)
        found.answer({"transactionId": 6, **REJECTED_START}, call=first)
        assert [(event.transaction_id, event.conflict) for event in found.events(TransactionIdAssigned)][-2:] == [
            (5, False),
            (6, True),
        ]
        answer = found.ask("RemoteStopTransaction", {"transactionId": stop_id})
        assert answer is not None
        assert answer.payload == {"status": "Accepted"}
        found.csms = answering()
        found.answer({}, call=found.last("MeterValues"))
        assert ids(found, "StopTransaction") == [5]


def test_another_transaction_id_after_the_transaction_is_settled_wholly_is_on_record_too() -> None:
    """The first answer binds, the contradiction is seen however late it comes."""
    found = charging()
    start = found.last("StartTransaction")
    found.swipe()
    assert found.events(TransactionConfirmed)
    before = found.state.transactions.confirmed
    for transaction_id in (9001, 77):
        found.answer({"transactionId": transaction_id, **REJECTED_START}, call=start)
    assert [(event.number, event.transaction_id, event.conflict) for event in found.events(TransactionIdAssigned)] == [
        (1, 9001, False),
        (1, 77, True),
    ]
    assert found.state.transactions.confirmed == before


def test_the_id_that_comes_after_a_given_up_transaction_is_settled_wholly_is_on_record_once() -> None:
    """Errata 3.18: nothing is left to be told under it."""
    found = started("InternalError", factory={"TransactionMessageAttempts": "1"})
    start = found.last("StartTransaction")
    found.csms = answering()
    found.swipe()
    assert ids(found, "StopTransaction") == [-1]
    for transaction_id in (5, 5, 6):
        found.answer({"transactionId": transaction_id, **REJECTED_START}, call=start)
    assert [(event.transaction_id, event.conflict) for event in found.events(TransactionIdAssigned)][-2:] == [
        (5, False),
        (6, True),
    ]


def test_a_late_callerror_counts_while_the_repetition_is_under_way() -> None:
    """OCPP-J errata 3.2: it is an answer to a transmission of this message."""
    found = started(None)
    first = found.last("StartTransaction")
    found.advance(90)
    found.answer_error("InternalError", call=first)
    assert found.state.outbox.in_flight is not None
    assert found.state.outbox.attempts[0].failures == 1
    found.answer({"transactionId": 5, **REJECTED_START}, call=found.last("StartTransaction"))
    found.swipe()
    found.advance(1)
    assert ids(found, "MeterValues") == [5]


def test_an_answer_that_comes_twice_is_ignored_the_second_time() -> None:
    found = charging()
    start = found.last("StartTransaction")
    before = found.state
    found.answer({"transactionId": 9001, **REJECTED_START}, call=start)
    assert found.state.transactions == before.transactions
    assert found.state.outbox == before.outbox


def test_one_call_at_a_time() -> None:
    """OCPP-J 4.1.1."""
    found = charging().forget()
    found.csms = None
    found.advance(60)
    found.swipe()
    found.unplug()
    found.swipe(OTHER_TAG)
    assert found.actions() == ["MeterValues"]
    found.answer({})
    assert found.actions() == ["MeterValues", "Authorize"]
    found.answer({"idTagInfo": {"status": "Invalid"}})
    assert found.actions()[2] == "StopTransaction"


# Order of what waits


def test_authorize_and_triggered_messages_go_before_the_queue() -> None:
    """3.7: customers are not kept waiting."""
    found = charging(station(connectors=2)).forget()
    found.disconnect()
    found.advance(600)
    found.csms = None
    found.connect()
    assert found.actions() == ["MeterValues"]
    found.swipe(OTHER_TAG, 2)
    found.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    found.answer({})
    assert found.actions()[-1] == "Authorize"
    found.answer({"idTagInfo": {"status": "Invalid"}})
    assert found.actions()[-1] == "Heartbeat"
    found.answer({"currentTime": "2026-01-01T00:00:00Z"})
    assert found.actions()[-1] == "MeterValues"


def test_a_waiting_retry_lets_other_messages_pass_but_no_transaction_message() -> None:
    """3.7: transaction-related messages keep their order."""
    found = started("InternalError", connectors=2)
    found.forget()
    found.swipe(OTHER_TAG, 2)
    assert found.actions() == ["Authorize", "StatusNotification 2 Preparing"]
    found.plug(2)
    assert found.status(2) in ("Charging", "SuspendedEVSE")
    assert found.sent("StartTransaction") == []
    found.csms = answering()
    found.advance(60)
    assert [payload["connectorId"] for payload in found.sent("StartTransaction")] == [1, 2]


def test_messages_of_two_transactions_keep_the_order_in_which_they_arose() -> None:
    """3.7."""
    found = charging(station(connectors=2, factory={"AllowOfflineTxForUnknownId": "true"}))
    found.disconnect()
    found.forget()
    found.plug(2)
    found.swipe(OTHER_TAG, 2)
    found.advance(60)
    found.swipe(TAG, 1)
    found.swipe(OTHER_TAG, 2)
    found.csms = answering()
    found.connect()
    found.advance(5)
    order = [
        (call.action, call.payload.get("transactionId", call.payload.get("connectorId")))
        for call in found.calls
        if call.action in ("StartTransaction", "MeterValues", "StopTransaction")
    ]
    assert order == [
        ("StartTransaction", 2),
        ("MeterValues", 9001),
        ("MeterValues", 9001),
        ("StopTransaction", 9001),
        ("StopTransaction", 9001),
    ]


# Bounded state, unbounded log


def test_thousands_of_queued_messages_leave_in_order_through_a_small_window() -> None:
    """The state holds a window and counts, the rest stands in the log."""
    found = charging().forget()
    found.disconnect()
    found.advance(60 * 1_200)
    assert found.state.outbox.pending == 1_200
    assert len(found.state.outbox.window) == WINDOW_MAX
    found.swipe()
    found.connect()
    found.advance(1)
    stamps = [payload["meterValue"][0]["timestamp"] for payload in found.sent("MeterValues")]
    assert len(stamps) == 1_200
    assert stamps == sorted(set(stamps))
    assert found.calls[-1].action == "StopTransaction" or found.actions()[-2] == "StopTransaction"
    assert found.state.outbox.pending == 0
    assert found.state.outbox.attempts == ()
    reads = found.events(OutboxWindowRead)
    assert sum(read.count for read in reads) == 1_200 + 1 - WINDOW_MAX


def test_a_restart_in_the_midst_of_a_long_queue_neither_loses_nor_repeats() -> None:
    """3.7, lessons on offline queues."""
    found = charging(station(power_loss_policy="resume")).forget()
    found.disconnect()
    found.advance(60 * 200)
    found.connect()
    sent: list[SentCall] = []
    found.csms = answering(MeterValues=lambda call: None if len(found.sent("MeterValues")) > 70 else {})
    found.advance(1)
    found.boot(pilots={1: "C"}, orderly=False)
    sent += [call for call in found.calls if call.action == "MeterValues"]
    found.csms = answering()
    found.connect()
    found.swipe()
    texts = [call.text for call in found.calls if call.action == "MeterValues"]
    assert len(set(texts)) == 200
    assert found.state.outbox.pending == 0
    unanswered = sent[-1]
    repeated = [call for call in found.calls if call.text == unanswered.text]
    assert len({call.message_id for call in repeated}) == 1


def test_status_messages_do_not_wait_for_what_the_outage_left_behind() -> None:
    """3.7, 4.9: the current status goes first, and once."""
    found = charging().forget()
    found.disconnect()
    found.advance(300)
    found.pilot("B")
    found.connect()
    assert found.actions() == ["StatusNotification 1 SuspendedEV", *["MeterValues"] * 5]


# What can never be sent


def test_an_entry_that_cannot_be_rendered_ends_on_record_and_holds_nothing_up() -> None:
    """What can never leave must not hold up what can."""
    found = station().online().forget()
    found.observe(DataTransferRequested(vendor_id="v" * 300, message_id=None, data=None))
    found.observe(DataTransferRequested(vendor_id="org.example", message_id=None, data=None))
    assert found.sent("DataTransfer") == [{"vendorId": "org.example"}]
    settled = [event for event in found.events(CallSettled) if event.outcome == "given_up"]
    assert [event.description.startswith("cannot be sent: PayloadError") for event in settled] == [True]
    assert found.state.outbox.pending == 0


def test_a_message_id_is_never_longer_than_36_characters_and_never_used_twice() -> None:
    """OCPP-J 4.1.4."""
    found = charging()
    found.advance(3600)
    found.disconnect()
    found.boot(pilots={1: "C"})
    found.connect()
    dispatched = found.events(CallDispatched)
    keys = [(event.connection, event.message_id) for event in dispatched]
    assert len(set(keys)) == len(keys)
    assert max(len(event.message_id) for event in dispatched) <= 36


def test_what_is_owed_of_a_profile_that_was_switched_off_meanwhile_is_told_yet() -> None:
    """They answer nothing new; what happened before has happened."""
    found = station().online()
    found.csms = answering(DiagnosticsStatusNotification=None)
    found.ask("GetDiagnostics", {"location": "ftp://127.0.0.1/"})
    assert found.state.outbox.pending == 1
    found.description = station(profiles_off=("FirmwareManagement",)).description
    found._registry = None
    found.boot()
    found.csms = answering()
    found.connect()
    assert len(found.sent("DiagnosticsStatusNotification")) == 2
    assert found.state.outbox.pending == 0


# Overlap: the next call recorded ahead


def backlog(samples: int = 5) -> StationUnderTest:
    """Charging, with so many samples owed from an outage; the CSMS has yet to answer the first."""
    found = charging().forget()
    found.overlaps = True
    found.disconnect()
    found.advance(60 * samples)
    found.csms = None
    found.connect()
    return found


def prepared(found: StationUnderTest) -> CallPrepared:
    ahead = found.state.outbox.prepared
    assert ahead is not None
    return ahead


def test_the_next_call_is_recorded_ahead_and_leaves_with_the_answer() -> None:
    found = backlog()
    ahead = prepared(found)
    assert len(found.calls) == 1
    found.answer({})
    assert (found.calls[1].message_id, found.calls[1].text) == (ahead.message_id, ahead.payload)
    assert prepared(found).message_id not in (ahead.message_id, found.calls[0].message_id)
    stamps = []
    while found.state.outbox.in_flight is not None:
        stamps.append(found.calls[-1].payload["meterValue"][0]["timestamp"])
        found.answer({})
    assert stamps == sorted(set(stamps))
    assert len(found.calls) == 5
    assert found.state.outbox.prepared is None


def test_nothing_is_recorded_ahead_of_a_start_whose_id_is_needed() -> None:
    found = station(factory=OFFLINE_FOR_ALL).online().forget()
    found.overlaps = True
    found.disconnect()
    found.plug()
    found.swipe()
    found.advance(120)
    found.csms = None
    found.connect()
    found.answer({})
    assert found.calls[-1].action == "StartTransaction"
    assert found.state.outbox.prepared is None


def test_a_call_that_failed_goes_before_what_was_recorded_after_it() -> None:
    """The transaction lane keeps its order."""
    found = backlog()
    ahead = prepared(found)
    found.answer_error("InternalError")
    assert found.state.outbox.prepared is None
    found.advance(59)
    assert [call.action for call in found.calls] == ["MeterValues"]
    found.advance(1)
    assert found.calls[1].text == found.calls[0].text
    found.answer({})
    assert found.calls[2].text == ahead.payload


def test_something_urgent_calls_it_off() -> None:
    found = backlog()
    ahead = prepared(found)
    found.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    assert [event.message_id for event in found.events(CallVoided)] == [ahead.message_id]
    found.answer({})
    assert found.calls[-1].action == "Heartbeat"
    found.answer({"currentTime": "2026-01-01T00:00:00Z"})
    assert found.calls[-1].text == ahead.payload


def test_one_that_was_called_off_after_it_had_left_is_the_call_in_flight() -> None:
    """The link acts on what is durable: it may not know yet that it was called off."""
    found = backlog()
    ahead = prepared(found)
    found.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    text = json.dumps([3, found.calls[0].message_id, {}])
    found.observe(FrameReceived(connection=found.state.link.connection, text=text, ahead=ahead.message_id))
    in_flight = found.state.outbox.in_flight
    assert in_flight is not None
    assert in_flight.message_id == ahead.message_id
    found.answer({}, call=found.calls[-1])
    assert found.calls[-1].action == "Heartbeat"
    assert [call.text for call in found.calls].count(ahead.payload) == 1


def test_a_lost_link_sends_what_may_have_left_again_with_the_same_bytes_and_id() -> None:
    """OCPP-J 4.1.4: the id is new on the next connection."""
    found = backlog()
    ahead = prepared(found)
    first = found.calls[0]
    found.disconnect()
    found.csms = answering()
    found.connect()
    assert [(call.message_id, call.text) for call in found.calls[1:3]] == [
        (first.message_id, first.text),
        (ahead.message_id, ahead.payload),
    ]
    assert found.state.outbox.pending == 0


def test_a_time_out_calls_it_off() -> None:
    found = backlog()
    found.advance(30)
    assert found.state.outbox.prepared is None
    assert len(found.calls) == 1
    found.advance(60)
    first, again = found.calls
    assert first.text == again.text
    assert first.message_id != again.message_id


# What a damaged segment has lost


@dataclass
class Damaged(StationUnderTest):
    """A station some of whose owed events can no longer be read from its log."""

    lost: tuple[type[Event], ...] = ()

    def _read_window(self) -> bool:
        outbox = self.state.outbox
        if not outbox.must_read:
            return False
        behind = [item for item in self.log[outbox.window_end_seq :] if isinstance(item.event, TRANSACTIONAL)]
        left = [item for item in behind if not isinstance(item.event, self.lost)][: WINDOW_MAX - len(outbox.window)]
        if left:
            read = OutboxWindowRead(
                after_seq=outbox.window_end_seq, to_seq=left[-1].seq, count=len(left), entries=tuple(left)
            )
            self.observe(read)
        else:
            self.observe(OwedEventsLost(after_seq=outbox.window_end_seq, count=outbox.beyond))
        return True


def told_after_a_loss(*lost: type[Event]) -> Damaged:
    """A long session, then a short one whose events of these kinds are lost; both were offline, and are delivered now."""
    found = Damaged(description=station(factory=OFFLINE_FOR_ALL).description, csms=answering(), lost=lost)
    found.online().disconnect()
    for minutes in (WINDOW_MAX + 5, 3):
        found.plug()
        found.swipe()
        found.advance(60 * minutes)
        found.swipe()
        found.unplug()
        found.advance(1)
    found.forget().connect()
    found.advance(1)
    return found


def test_a_transaction_whose_start_is_lost_is_reported_from_there_on_as_one_whose_start_was_given_up() -> None:
    """Errata 3.18: its samples and its end leave, in their order, with transactionId -1."""
    found = told_after_a_loss(TransactionStarted)
    assert ids(found, "MeterValues")[-3:] == [-1, -1, -1]
    assert ids(found, "StopTransaction") == [9001, -1]
    assert len(found.sent("StartTransaction")) == 1
    assert found.state.outbox.pending == 0
    assert found.state.outbox.given_up == 1
    assert len(found.state.transactions.by_number) == 0


def test_a_transaction_whose_end_is_lost_is_not_waited_for_for_ever() -> None:
    """Nothing of it is owed any more, so the log need not be kept for it."""
    found = told_after_a_loss(TransactionStopped)
    assert found.sent("StopTransaction") == []
    assert len(found.sent("StartTransaction")) == 2
    assert found.state.outbox.pending == 0
    assert len(found.state.transactions.by_number) == 0


def test_a_transaction_of_which_all_is_lost_is_not_waited_for_either() -> None:
    found = told_after_a_loss(TransactionStarted, MeterSampled, TransactionStopped)
    assert len(found.sent("StartTransaction")) == 1
    assert len(found.state.transactions.by_number) == 0
    assert needed_seq(found.state) == found.state.seq + 1


def test_a_full_queue_of_notices_does_not_keep_the_station_from_its_csms() -> None:
    """What makers queue while offline costs BootNotification nothing, and is sent afterwards."""
    found = station().boot()
    for number in range(DATA_TRANSFERS_MAX):
        found.observe(DataTransferRequested(vendor_id="org.example", message_id=None, data=str(number)))
    found.connect()
    assert found.actions()[0] == "BootNotification"
    assert found.state.registration.status == "Accepted"
    assert [item["data"] for item in found.sent("DataTransfer")] == [str(n) for n in range(DATA_TRANSFERS_MAX)]
    assert found.events(CallShed) == []


def test_what_is_shed_of_a_flood_is_on_record() -> None:
    found = station().boot()
    for number in range(2 * DATA_TRANSFERS_MAX + 3):
        found.observe(DataTransferRequested(vendor_id="org.example", message_id=None, data=str(number)))
    assert [event.action for event in found.events(CallShed)] == ["DataTransfer"] * 3
    assert found.state.outbox.given_up == 3
    found.connect()
    assert found.sent("DataTransfer")[0]["data"] == "3"


def test_a_connector_that_flaps_while_the_csms_is_silent_costs_the_other_one_no_status() -> None:
    found = station(connectors=2).online()
    found.csms = answering(StatusNotification=None)
    found.forget()
    found.plug(2)
    for _ in range(2 * STATUSES_MAX):
        found.plug(1)
        found.unplug(1)
    shed = found.events(CallShed)
    assert shed
    found.csms = answering()
    found.advance(61)
    told = [(item["connectorId"], item["status"]) for item in found.sent("StatusNotification")]
    assert (2, "Preparing") in told
    assert [status for number, status in told if number == 1][-1] == "Available"
    assert found.state.outbox.pending == 0
