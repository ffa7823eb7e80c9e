"""What the CSMS may trigger, and what it is answered."""

import pytest

from eventstore.catalogue.connectors import StatusNotificationQueued
from eventstore.catalogue.registration import BootNotificationQueued, HeartbeatQueued
from projections.station import INITIAL
from station.rules.triggering import QUEUES, WAITING_MAX, decide_trigger
from station.wire.enums import TriggerMessageStatus
from tests.given import station
from tests.unit.station.owing import BOOT, HEARTBEAT, TRIGGERED, owing

ACCEPTED = TriggerMessageStatus.ACCEPTED


def test_a_message_is_queued_before_all_others() -> None:
    state = owing(HEARTBEAT)
    assert decide_trigger(state, "Heartbeat", QUEUES, None, 0) == (ACCEPTED, (HeartbeatQueued(triggered=True),))
    status, events = decide_trigger(state, "BootNotification", QUEUES, None, 0)
    assert (status, events) == (ACCEPTED, (BootNotificationQueued(triggered=True),))


def test_a_boot_notification_in_the_outbox_is_the_one_that_was_asked_for() -> None:
    """5.17."""
    assert decide_trigger(owing(BOOT), "BootNotification", QUEUES, None, 0) == (ACCEPTED, ())


def test_what_is_not_there_is_not_implemented() -> None:
    without = {name: queue for name, queue in QUEUES.items() if name != "Heartbeat"}
    found = decide_trigger(owing(), "Heartbeat", without, None, 0)
    assert found == (TriggerMessageStatus.NOT_IMPLEMENTED, ())


@pytest.mark.parametrize(("waiting", "answer"), [(WAITING_MAX - 1, "Accepted"), (WAITING_MAX, "Rejected")])
def test_no_more_wait_than_may(waiting: int, answer: str) -> None:
    assert decide_trigger(owing(*[TRIGGERED] * waiting), "Heartbeat", QUEUES, None, 0)[0] == answer


def test_nothing_to_report_is_rejected() -> None:
    """No such connector; a status before the board has reported its inputs."""
    state = station(connectors=2).online().state
    assert decide_trigger(state, "StatusNotification", QUEUES, 9, 0)[0] == TriggerMessageStatus.REJECTED
    assert decide_trigger(INITIAL, "StatusNotification", QUEUES, None, 0)[0] == TriggerMessageStatus.REJECTED


def test_a_connector_is_the_one_that_is_meant_and_none_is_all() -> None:
    state = station(connectors=2).online().state
    for connector_id, meant in ((2, [2]), (None, [0, 1, 2])):
        _, events = decide_trigger(state, "StatusNotification", QUEUES, connector_id, 0)
        assert [event.connector_id for event in events if isinstance(event, StatusNotificationQueued)] == meant
