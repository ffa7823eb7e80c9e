"""Which CALL of ours leaves next, and when; whole stories stand in tests/scenarios/test_outbox.py."""

from typing import Any

import pytest

from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.link import CallDispatched, CallSettled
from eventstore.catalogue.registration import DataTransferQueued
from eventstore.event import Event
from eventstore.value import replace
from projections.station import StationState
from station.core import calls
from tests.given import StationUnderTest, answering, charging, station
from tests.unit.station.owing import AUTHORIZE, BOOT, HEARTBEAT, STATUS, TRANSFER, TRIGGERED, owing


def first(state: StationState) -> str | None:
    owed = calls.next_call(state, 10**9)
    return None if owed is None else owed.action


@pytest.mark.parametrize(
    ("events", "sample", "action"),
    [
        ((HEARTBEAT, STATUS, TRIGGERED, AUTHORIZE, BOOT), True, "BootNotification"),
        ((HEARTBEAT, STATUS, TRIGGERED, AUTHORIZE), True, "Authorize"),
        ((HEARTBEAT, STATUS, TRIGGERED), True, "Heartbeat"),
        ((HEARTBEAT, TRANSFER, STATUS), True, "StatusNotification"),
        ((HEARTBEAT, TRANSFER), True, "DataTransfer"),
        ((HEARTBEAT,), True, "MeterValues"),
        ((HEARTBEAT,), False, "Heartbeat"),
        ((), False, None),
    ],
)
def test_the_order_of_the_lanes(events: tuple[Event, ...], action: str | None, *, sample: bool) -> None:
    assert first(owing(*events, sample=sample)) == action


def test_a_sample_that_arose_on_this_connection_keeps_its_place_before_a_later_status() -> None:
    state = owing(STATUS, sample=True)
    window = (replace(state.outbox.window[0], seq=999), *state.outbox.window[1:])
    assert first(replace(state, outbox=replace(state.outbox, window=window))) == "MeterValues"
    window = (replace(state.outbox.window[0], seq=1_001), *state.outbox.window[1:])
    assert first(replace(state, outbox=replace(state.outbox, window=window))) == "StatusNotification"


@pytest.mark.parametrize(
    ("status", "events", "action"),
    [
        ("Unknown", (STATUS, AUTHORIZE), None),
        ("Unknown", (STATUS, TRIGGERED), "Heartbeat"),
        ("Pending", (STATUS, HEARTBEAT), None),
        ("Pending", (STATUS, TRIGGERED), "Heartbeat"),
        ("Rejected", (STATUS, TRIGGERED, AUTHORIZE), None),
        ("Rejected", (TRIGGERED, BOOT), "BootNotification"),
    ],
)
def test_before_the_acceptance(status: str, events: tuple[Event, ...], action: str | None) -> None:
    """4.2."""
    assert first(owing(*events, sample=True, status=status)) == action


@pytest.mark.parametrize("facts", [{"up": False}, {"close_wanted": True}])
def test_nothing_leaves_without_a_link_that_lasts(facts: dict[str, Any]) -> None:
    state = owing(BOOT, sample=True)
    assert first(replace(state, link=replace(state.link, **facts))) is None


def test_nothing_leaves_while_a_call_is_unanswered() -> None:
    """OCPP-J 4.1.1."""
    found = station().online()
    found.csms = answering(StatusNotification=None)
    found.plug(pilot="B")
    assert found.state.outbox.in_flight is not None
    assert calls.dispatch(found.state, found.at_ms, found.registry) == ()


def waiting_for_retry() -> StationUnderTest:
    found = charging()
    found.csms = answering(MeterValues="InternalError")
    found.advance(60)
    return found


def test_a_retry_waits_until_it_is_due() -> None:
    found = waiting_for_retry()
    due_ms = found.at_ms + 60_000
    assert [deadline.due_ms for deadline in calls.deadlines(found.state)] == [due_ms]
    assert calls.next_call(found.state, due_ms - 1) is None
    assert calls.next_call(found.state, due_ms) is not None


@pytest.mark.parametrize("facts", [{"up": False}, {"close_wanted": True}])
def test_a_retry_that_cannot_go_has_no_deadline(facts: dict[str, Any]) -> None:
    """A deadline that nobody can take would be due for ever."""
    state = waiting_for_retry().state
    assert list(calls.deadlines(replace(state, link=replace(state.link, **facts)))) == []


def test_a_time_out_is_of_the_transmission_in_flight_and_none_before() -> None:
    found = station().online()
    found.csms = answering(StartTransaction=None)
    found.plug()
    found.swipe()
    in_flight = found.state.outbox.in_flight
    assert in_flight is not None
    due_ms = in_flight.sent_ms + 30_000

    def is_due(due: int, key: int = in_flight.owed_seq, name: str = calls.CALL_TIMEOUT) -> bool:
        return calls.is_call_timeout(found.state, DeadlineReached(name=name, key=key, due_ms=due))

    assert is_due(due_ms)
    assert not is_due(due_ms - 1), "of an earlier transmission of the same entry"
    assert not is_due(due_ms, key=in_flight.owed_seq + 1)
    assert not is_due(due_ms, name="sample")


def test_the_message_timeout_is_a_key() -> None:
    """Errata 3.82."""
    found = station(factory={"MessageTimeout": "7"}).online()
    found.csms = answering(StatusNotification=None)
    found.plug(pilot="B")
    (deadline,) = calls.deadlines(found.state)
    assert deadline.due_ms == found.at_ms + 7_000


def test_a_first_dispatch_renders_and_a_repetition_does_not() -> None:
    found = waiting_for_retry()
    again = calls.dispatch(found.state, found.at_ms + 60_000, found.registry)
    (call,) = again
    assert isinstance(call, CallDispatched)
    assert call.payload == found.state.outbox.attempts[0].payload
    assert call.message_id not in found.state.outbox.attempts[0].message_ids


def test_what_cannot_be_rendered_is_given_up_with_the_reason() -> None:
    state = owing(DataTransferQueued(vendor_id="v" * 256, message_id=None, data=None))
    (settled,) = calls.dispatch(state, 1, station().registry)
    assert isinstance(settled, CallSettled)
    assert (settled.outcome, settled.ends_entry, settled.owed_seq) == ("given_up", True, 1_000)
    assert settled.description.startswith("cannot be sent: PayloadError")


def test_a_boot_notification_that_cannot_be_rendered_is_tried_again_later() -> None:
    found = station().boot()
    found.csms = None
    found.connect()
    assert found.state.outbox.in_flight is not None
    broken = replace(found.state.described, vendor=7)
    outbox = replace(found.state.outbox, in_flight=None, attempts=())
    state = replace(found.state, description=broken, outbox=outbox)
    assert [type(event).__name__ for event in calls.dispatch(state, 1, found.registry)] == [
        "CallSettled",
        "RegistrationLost",
    ]
