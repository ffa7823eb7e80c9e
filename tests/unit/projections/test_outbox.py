"""The outbox: lanes, window, attempts; whole stories stand in tests/scenarios/test_outbox.py."""

import pytest

from eventstore.catalogue.authorization import AuthorizeQueued
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.link import (
    CallDispatched,
    CallPrepared,
    CallSettled,
    CallShed,
    CallTimedOut,
    CallVoided,
    LinkClosed,
    OutboxWindowRead,
    OwedEventsLost,
)
from eventstore.catalogue.registration import (
    BootNotificationQueued,
    DataTransferQueued,
    HeartbeatQueued,
    RegistrationLost,
)
from eventstore.catalogue.transactions import MeterSampled, Moment, Sample
from eventstore.event import Event, Recorded
from eventstore.structure import to_plain
from eventstore.value import replace
from projections.clock import Clock
from projections.outbox import ACTIONS, FOLDS, TRANSACTIONAL, WINDOW_LOW, WINDOW_MAX, Outbox, Owed, owed_from
from station.wire.messages import MESSAGES

MOMENT = Moment(at_ms=1, boot=1, utc_ms=1)
SAMPLE = MeterSampled(
    connector_id=1, number=1, register_wh=5, sample=Sample(taken=MOMENT, context="Sample.Periodic", values=())
)
TRANSFER = DataTransferQueued(vendor_id="v", message_id=None, data=None)
HEARTBEAT = HeartbeatQueued(triggered=False)
AUTHORIZE = AuthorizeQueued(id_tag="A", connector_id=1, purpose="start")
CLOSED = LinkClosed(connection=1, reason="", entropy=0)
BOOT = StationBooted(
    boot=2,
    installation="1",
    software_version="0",
    firmware_version="0",
    offset_ms=0,
    clock_trusted=True,
    orderly=False,
)


def record(outbox: Outbox, event: Event, seq: int, at_ms: int = 0) -> Outbox:
    return FOLDS[type(event)](outbox, event, Recorded(seq=seq, cause=1, at_ms=at_ms, utc_ms=0, event=event), Clock())


def folded(outbox: Outbox, *events: Event, first_seq: int = 1) -> Outbox:
    for seq, event in enumerate(events, first_seq):
        outbox = record(outbox, event, seq)
    return outbox


def dispatched(owed_seq: int = 1, message_id: str = "m1", action: str = "MeterValues") -> CallDispatched:
    return CallDispatched(
        connection=1, message_id=message_id, action=action, lane="transaction", owed_seq=owed_seq, payload="{}"
    )


def settled(owed_seq: int = 1, message_id: str = "m1", outcome: str = "result", **facts: object) -> CallSettled:
    return CallSettled(
        message_id=message_id,
        action="MeterValues",
        lane="transaction",
        owed_seq=owed_seq,
        outcome=outcome,
        **facts,  # type: ignore[arg-type]  # facts of a settlement
    )


def timed_out(message_id: str = "m1", *, ends: bool = False) -> CallTimedOut:
    return CallTimedOut(
        message_id=message_id, action="MeterValues", lane="transaction", owed_seq=1, ends_entry=ends, retry_due_ms=90
    )


def test_every_owed_event_has_an_action_of_the_station_and_a_lane() -> None:
    assert all(MESSAGES[action].is_sent_by_station for action, _ in ACTIONS.values())
    assert {ACTIONS[kind][0] for kind in TRANSACTIONAL} == {"StartTransaction", "MeterValues", "StopTransaction"}


def test_a_triggered_message_goes_with_the_priority_lane() -> None:
    assert [Owed(seq=1, name="x", event=event).lane for event in (HEARTBEAT, HeartbeatQueued(triggered=True))] == [
        "heartbeat",
        "priority",
    ]
    assert Owed(seq=1, name="x", event=BootNotificationQueued(triggered=True)).lane == "priority"
    assert (Owed(seq=1, name="x", event=SAMPLE).number, Owed(seq=1, name="x", event=HEARTBEAT).number) == (1, None)


def test_the_transaction_lane_is_a_window_and_counts() -> None:
    outbox = folded(Outbox(), *[SAMPLE] * (WINDOW_MAX + 7))
    assert (len(outbox.window), outbox.beyond, outbox.window_end_seq) == (WINDOW_MAX, 7, WINDOW_MAX)
    assert (outbox.last_owed_seq, outbox.pending) == (WINDOW_MAX + 7, WINDOW_MAX + 7)
    assert not outbox.must_read


def drained_to(count: int, beyond: int = 100) -> Outbox:
    outbox = folded(Outbox(), *[SAMPLE] * (WINDOW_MAX + beyond))
    return replace(outbox, window=outbox.window[len(outbox.window) - count :])


def test_a_window_that_runs_low_must_be_read_on() -> None:
    assert not drained_to(WINDOW_LOW + 1).must_read
    assert drained_to(WINDOW_LOW).must_read
    assert not replace(drained_to(0), beyond=0).must_read


def read(after: int, *seqs: int, count: int | None = None) -> OutboxWindowRead:
    entries = tuple(Recorded(seq=seq, cause=1, at_ms=0, utc_ms=0, event=SAMPLE) for seq in seqs)
    return OutboxWindowRead(
        after_seq=after, to_seq=seqs[-1], count=len(seqs) if count is None else count, entries=entries
    )


def test_what_was_read_continues_the_window() -> None:
    outbox = record(drained_to(2), read(WINDOW_MAX, WINDOW_MAX + 1, WINDOW_MAX + 2), 999)
    assert [owed.seq for owed in outbox.window] == [WINDOW_MAX - 1, WINDOW_MAX, WINDOW_MAX + 1, WINDOW_MAX + 2]
    assert (outbox.beyond, outbox.window_end_seq) == (98, WINDOW_MAX + 2)


@pytest.mark.parametrize("event", [read(WINDOW_MAX - 1, WINDOW_MAX), read(WINDOW_MAX, WINDOW_MAX + 1, count=2)])
def test_what_does_not_continue_the_window_cannot_be_folded(event: OutboxWindowRead) -> None:
    with pytest.raises(ValueError, match="does not continue the window"):
        record(drained_to(2), event, 999)


def test_what_the_log_has_lost_is_given_up_so_that_the_rest_is_told() -> None:
    outbox = record(drained_to(2), OwedEventsLost(after_seq=WINDOW_MAX, count=100), 999)
    assert (outbox.beyond, outbox.given_up, outbox.window_end_seq) == (0, 100, WINDOW_MAX + 100)
    with pytest.raises(ValueError, match="said to be lost"):
        record(drained_to(2), OwedEventsLost(after_seq=WINDOW_MAX, count=3), 999)


def test_what_is_lost_in_one_place_is_given_up_and_what_lies_behind_it_is_still_read() -> None:
    lost = OwedEventsLost(after_seq=WINDOW_MAX, count=40, to_seq=WINDOW_MAX + 40)
    outbox = record(drained_to(2), lost, 999)
    assert (outbox.beyond, outbox.given_up, outbox.window_end_seq) == (60, 40, WINDOW_MAX + 40)
    assert record(outbox, read(WINDOW_MAX + 40, WINDOW_MAX + 41), 1_000).beyond == 59
    with pytest.raises(ValueError, match="said to be lost"):
        record(drained_to(2), replace(lost, count=101), 999)


def test_a_full_lane_pushes_nothing_out_and_what_is_shed_is_shed_by_an_event() -> None:
    boot = BootNotificationQueued(triggered=False)
    outbox = folded(Outbox(), *[TRANSFER] * 1_000, boot, AUTHORIZE, HEARTBEAT)
    assert len(outbox.calls) == 1_003
    assert [owed.event for owed in outbox.calls[-3:]] == [boot, AUTHORIZE, HEARTBEAT]
    shed = record(outbox, CallShed(action="DataTransfer", lane="notice", owed_seq=2, waiting=1_000), 1_004)
    assert [owed.seq for owed in shed.calls[:2]] == [1, 3]
    assert (len(shed.calls), shed.given_up) == (1_002, 1)


def test_an_attempt_freezes_its_payload_and_counts() -> None:
    outbox = folded(Outbox(), SAMPLE, dispatched())
    assert outbox.in_flight is not None
    (attempt,) = outbox.attempts
    assert (attempt.payload, attempt.message_ids, attempt.transmissions, attempt.failures) == ("{}", ("m1",), 1, 0)
    failed = folded(outbox, settled(outcome="error", ends_entry=False, retry_due_ms=70))
    (attempt,) = failed.attempts
    assert failed.in_flight is None
    assert (attempt.failures, attempt.retry_due_ms) == (1, 70)
    (attempt,) = folded(failed, dispatched(message_id="m2")).attempts
    assert (attempt.message_ids, attempt.transmissions, attempt.retry_due_ms) == (("m1", "m2"), 2, None)


def test_security_error_and_time_outs_do_not_count_as_failures() -> None:
    """OCPP-J errata 3.2, 3.8."""
    sent = folded(Outbox(), SAMPLE, dispatched())
    security = folded(sent, settled(outcome="error", error_code="SecurityError", ends_entry=False))
    assert (security.attempts[0].failures, security.attempts[0].retry_due_ms) == (0, None)
    late = folded(sent, timed_out())
    assert (late.attempts[0].failures, late.attempts[0].timeouts, late.attempts[0].retry_due_ms) == (0, 1, 90)
    assert late.in_flight is None


def test_only_the_answer_to_the_call_in_flight_ends_it() -> None:
    """OCPP-J 4.1.1."""
    twice = folded(Outbox(), SAMPLE, dispatched(), timed_out(), dispatched(message_id="m2"))
    settled_late = folded(twice, settled(message_id="m1"))
    assert settled_late.in_flight is not None
    assert (settled_late.window, settled_late.attempts) == ((), ())
    assert folded(settled_late, settled(message_id="m2", outcome="void")).in_flight is None


def test_an_answer_is_found_by_any_message_id_of_its_entry() -> None:
    twice = folded(Outbox(), SAMPLE, dispatched(), timed_out(), dispatched(message_id="m2"))
    assert twice.attempt_of("m1") == twice.attempt_of("m2") == twice.attempts[0]
    assert twice.attempt_of("m3") is None
    assert twice.entry(1) is not None
    assert twice.entry(2) is None


def test_what_was_given_up_is_counted() -> None:
    assert folded(Outbox(), SAMPLE, dispatched(), settled(outcome="given_up")).given_up == 1


def test_a_lost_link_keeps_what_matters_and_marks_what_was_unanswered() -> None:
    """OCPP-J 4.1.4, 4.9."""
    outbox = folded(Outbox(), SAMPLE, TRANSFER, AUTHORIZE, HEARTBEAT, BootNotificationQueued(triggered=True))
    outbox = folded(outbox, dispatched(), first_seq=9)
    after = record(outbox, CLOSED, 10)
    assert [owed.lane for owed in after.calls] == ["notice", "authorize"]
    assert after.in_flight is None
    assert (after.attempts[0].keep_id, len(after.window)) == (True, 1)
    assert not record(after, dispatched(), 11).attempts[0].keep_id


def test_a_lost_link_does_not_shorten_the_wait_of_a_failure() -> None:
    failed = folded(Outbox(), SAMPLE, dispatched(), settled(outcome="error", ends_entry=False, retry_due_ms=70), CLOSED)
    assert (failed.attempts[0].retry_due_ms, failed.attempts[0].keep_id, failed.attempts[0].failures) == (70, False, 1)


def test_a_boot_forgets_who_stood_at_the_reader() -> None:
    outbox = folded(Outbox(), SAMPLE, TRANSFER, AUTHORIZE, HEARTBEAT, BOOT)
    assert [owed.lane for owed in outbox.calls] == ["notice"]
    assert len(outbox.window) == 1


def test_a_lost_registration_drops_what_would_be_history() -> None:
    """4.9."""
    outbox = folded(Outbox(), TRANSFER, HEARTBEAT, AUTHORIZE, RegistrationLost(reason="x", retry_due_ms=1))
    assert [owed.lane for owed in outbox.calls] == ["notice", "authorize"]


AHEAD = CallPrepared(
    connection=1, message_id="m2", action="MeterValues", lane="transaction", owed_seq=2, payload='{"a":1}'
)


def test_a_prepared_call_is_kept_until_it_leaves_or_is_called_off() -> None:
    outbox = folded(Outbox(), SAMPLE, SAMPLE)
    prepared = folded(outbox, dispatched(), AHEAD, first_seq=3)
    assert prepared.prepared == AHEAD
    voided = record(prepared, CallVoided(message_id="m2", owed_seq=2), 9)
    assert (voided.prepared, voided.voided) == (None, AHEAD)
    left = record(record(prepared, settled(), 9), dispatched(2, "m2"), 10)
    assert (left.prepared, left.voided) == (None, None)


@pytest.mark.parametrize("voids", [False, True])
def test_a_prepared_call_that_may_have_left_with_the_link_goes_again_as_it_was(*, voids: bool) -> None:
    outbox = folded(folded(Outbox(), SAMPLE, SAMPLE), dispatched(), AHEAD, first_seq=3)
    if voids:
        outbox = record(outbox, CallVoided(message_id="m2", owed_seq=2), 8)
    after = record(outbox, CLOSED, 9)
    attempt = after.attempt_for(2)
    assert attempt is not None
    assert (attempt.payload, attempt.message_ids, attempt.keep_id) == (AHEAD.payload, ("m2",), True)
    assert after.prepared is None


def test_an_entry_comes_back_from_a_snapshot() -> None:
    owed = Owed(seq=3, name=SAMPLE.NAME, event=SAMPLE)
    assert owed_from(to_plain(owed)) == owed
