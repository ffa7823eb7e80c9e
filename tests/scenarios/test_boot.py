"""BootNotification and registration (4.2, errata 3.22, 3.35; OCPP-J 5.4)."""

import itertools
from typing import Any

import pytest

from eventstore.catalogue.link import FrameIgnored
from station import VERSION
from tests.given import StationUnderTest, answering, station, utc


def boot_answer(status: str, interval: int = 60, **members: Any) -> dict[str, Any]:
    return {"status": status, "currentTime": utc(), "interval": interval, **members}


def times(found: StationUnderTest) -> list[int]:
    """When BootNotifications left, in seconds."""
    return [call.at_ms // 1000 for call in found.calls if call.action == "BootNotification"]


def told(status: str, interval: int = 60, **settings: Any) -> StationUnderTest:
    """Booted, and told this."""
    found = station(**settings).boot()
    found.csms = answering(BootNotification=boot_answer(status, interval))
    return found.connect()


def test_it_says_who_the_station_is() -> None:
    """6.3."""
    found = station(vendor="V" * 30, model="M", serial="S" * 30).online()
    assert found.sent("BootNotification") == [
        {
            "chargePointVendor": "V" * 20,
            "chargePointModel": "M",
            "chargePointSerialNumber": "S" * 25,
            "chargeBoxSerialNumber": "S" * 25,
            "firmwareVersion": VERSION,
        }
    ]


def test_accepted_reports_the_status_of_the_station_and_every_connector() -> None:
    """TC_001, errata 3.22."""
    found = station(connectors=3).online()
    assert found.actions() == ["BootNotification"] + [f"StatusNotification {number} Available" for number in range(4)]


def test_nothing_is_sent_before_the_answer() -> None:
    """4.2."""
    found = station().online()
    found.disconnect()
    found.plug()
    found.boot(pilots={1: "C"})
    found.forget()
    found.csms = answering(BootNotification=None)
    found.connect()
    found.swipe()
    found.advance(29)
    assert found.actions() == ["BootNotification"]


def test_a_reconnection_alone_sends_none() -> None:
    """OCPP-J 5.4."""
    found = station().online().forget()
    for _ in range(3):
        found.disconnect()
        found.connect()
    assert found.actions() == []


def test_an_accepted_interval_becomes_the_heartbeat_interval_and_outlives_a_restart() -> None:
    """4.2."""
    found = told("Accepted", 123)
    assert value_of(found, "HeartbeatInterval") == "123"
    found.boot()
    assert found.state.configuration.overrides["HeartbeatInterval"] == "123"


def test_an_accepted_interval_of_zero_keeps_the_heartbeat_interval() -> None:
    found = told("Accepted", 0, factory={"HeartbeatInterval": "44"})
    assert value_of(found, "HeartbeatInterval") == "44"


def value_of(found: StationUnderTest, key: str) -> str:
    answer = found.ask("GetConfiguration", {"key": [key]})
    assert answer is not None
    assert answer.payload is not None
    return str(answer.payload["configurationKey"][0]["value"])


# Pending


def test_pending_answers_calls_but_sends_nothing_of_its_own() -> None:
    """4.2, TC_002."""
    found = told("Pending", 60)
    found.plug()
    found.unplug()
    found.advance(59)
    assert found.actions() == ["BootNotification"]
    found.configure(MeterValueSampleInterval=30)
    assert value_of(found, "MeterValueSampleInterval") == "30"
    found.csms = answering()
    found.advance(1)
    assert times(found) == [1, 61]
    assert found.actions()[2:] == ["StatusNotification 0 Available", "StatusNotification 1 Available"]


def test_pending_sends_what_was_triggered() -> None:
    """4.2."""
    found = told("Pending", 60)
    found.ask("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1})
    found.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})
    assert found.actions() == ["BootNotification", "StatusNotification 1 Available", "Heartbeat"]


def test_a_triggered_boot_notification_may_go_before_the_interval_is_over() -> None:
    """4.2."""
    found = told("Pending", 600)
    found.advance(5)
    found.csms = answering()
    found.ask("TriggerMessage", {"requestedMessage": "BootNotification"})
    assert times(found) == [1, 6]
    assert found.state.registration.status == "Accepted"


def test_pending_changes_availability_at_once_and_tells_later() -> None:
    found = told("Pending", 60)
    answer = found.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    assert answer is not None
    assert answer.payload == {"status": "Accepted"}
    assert found.status() == "Unavailable"
    assert found.statuses() == []
    found.csms = answering()
    found.advance(60)
    assert found.statuses() == ["Unavailable"]


def test_calls_are_answered_before_the_first_answer_too() -> None:
    found = station().boot()
    found.csms = None
    found.connect()
    assert value_of(found, "NumberOfConnectors") == "1"


# Rejected


def test_rejected_is_silent_until_the_interval_ends() -> None:
    """4.2, TC_001."""
    found = told("Rejected", 60)
    for frame in ([2, "1", "GetConfiguration", {}], [2, "2", "Nonsense", {}], [2, "3", "Reset"], "rubbish"):
        found.receive(frame)
    found.advance(30)
    found.plug()
    found.advance(29)
    assert found.actions() == ["BootNotification"]
    assert found.answers == []
    assert len(found.events(FrameIgnored)) == 4
    found.csms = answering()
    found.advance(1)
    assert times(found) == [1, 61]
    assert found.statuses() == ["Preparing"]


def test_rejected_stays_silent_on_the_next_connection_too() -> None:
    """4.2: the interval counts, not the link."""
    found = told("Rejected", 600)
    found.disconnect()
    found.advance(10)
    found.connect()
    assert times(found) == [1]
    found.advance(590)
    assert times(found) == [1, 601]


def test_a_rejected_boot_notification_in_flight_still_answers_no_call() -> None:
    found = told("Rejected", 60)
    found.csms = None
    found.advance(60)
    found.receive([2, "1", "GetConfiguration", {}])
    assert found.answers == []


# No answer, or an error


@pytest.mark.parametrize("silence", [None, "InternalError", "SecurityError", "NotImplemented"])
def test_no_answer_or_an_error_tries_again_soon_then_ever_more_slowly(silence: str | None) -> None:
    """10 s, doubled each time, at most 5 min, with a jitter."""
    found = station().boot()
    found.csms = answering(BootNotification=silence)
    found.connect()
    found.advance(1_800)
    waits = [later - earlier - (30 if silence is None else 0) for earlier, later in itertools.pairwise(times(found))]
    for wait, least in zip(waits, (10, 20, 40, 80, 160, 250, 250), strict=False):
        assert least <= wait <= least * 1.2, waits
    assert len(waits) >= 7
    assert set(found.actions()) == {"BootNotification"}


def test_the_second_boot_notification_is_not_early_and_not_late() -> None:
    found = station().boot()
    found.csms = answering(BootNotification="InternalError")
    found.connect()
    due_ms = found.state.registration.boot_due_ms
    assert due_ms is not None
    found.advance((due_ms - found.at_ms - 1) / 1000)
    assert len(times(found)) == 1
    found.advance(0.001)
    assert len(times(found)) == 2


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_a_failed_try_waits_no_longer_than_the_interval_that_the_csms_gave(status: str) -> None:
    found = told(status, 4)
    found.csms = answering(BootNotification="InternalError")
    found.advance(12)
    assert times(found) == [1, 5, 9, 13]


def test_the_count_of_failures_begins_anew_with_an_answer_and_with_a_boot() -> None:
    found = station().boot()
    found.csms = answering(BootNotification="InternalError")
    found.connect()
    found.advance(100)
    assert found.state.registration.failures >= 3
    found.csms = answering()
    found.advance(100)
    assert (found.state.registration.status, found.state.registration.failures) == ("Accepted", 0)
    found.csms = answering(BootNotification="InternalError")
    found.boot()
    found.connect()
    assert found.state.registration.failures == 1


def test_a_new_connection_asks_at_once_again_where_the_last_try_was_not_answered() -> None:
    found = station().boot()
    found.csms = answering(BootNotification="InternalError")
    found.connect()
    found.advance(100)
    tried = len(times(found))
    found.disconnect()
    found.csms = answering()
    found.connect()
    assert len(times(found)) == tried + 1
    assert found.state.registration.status == "Accepted"


def test_a_new_connection_does_not_shorten_an_interval_that_the_csms_gave() -> None:
    """4.2."""
    found = told("Pending", 200)
    found.disconnect()
    found.connect()
    assert times(found) == [1]
    found.advance(201)
    assert len(times(found)) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"status": "Maybe", "currentTime": utc(), "interval": 1},
        {"status": "Accepted", "currentTime": "yesterday", "interval": 1},
        {"status": "Accepted", "interval": 1},
    ],
)
def test_a_malformed_answer_is_no_acceptance(answer: dict[str, Any]) -> None:
    found = station().boot()
    found.csms = answering(BootNotification=answer)
    found.connect()
    assert found.state.registration.status == "Unknown"
    found.csms = answering()
    found.advance(12)
    assert found.state.registration.status == "Accepted"


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_an_interval_of_zero_is_a_minute_and_a_jitter(status: str) -> None:
    """4.2: avoid flooding."""
    found = told(status, 0)
    found.advance(59)
    assert len(times(found)) == 1
    found.advance(11)
    assert len(times(found)) == 2


def test_the_jitter_differs_from_station_to_station_and_stays_within_its_bound() -> None:
    found = told("Pending", 0)
    due_ms = found.state.registration.boot_due_ms
    assert due_ms is not None
    assert 60_000 <= due_ms - found.at_ms < 70_000


def test_a_negative_or_endless_interval_does_not_silence_the_station_for_ever() -> None:
    for interval in (-5, 10**9):
        found = told("Pending", interval)
        found.advance(86_400)
        assert len(times(found)) >= 2


def test_a_lost_link_queues_the_unanswered_boot_notification_on_the_next_one() -> None:
    found = station().boot()
    found.csms = answering(BootNotification=None)
    found.connect()
    found.disconnect()
    found.advance(3)
    found.csms = answering()
    found.connect()
    assert times(found) == [1, 4]
    assert found.state.registration.status == "Accepted"


def test_extra_members_in_the_answer_are_recorded_and_do_no_harm() -> None:
    found = station().boot()
    found.csms = answering(BootNotification=boot_answer("Accepted", 60, heartbeatInterval=5))
    found.connect()
    assert found.state.registration.status == "Accepted"


# Heartbeat (4.6)


def beats(found: StationUnderTest) -> list[int]:
    return [call.at_ms // 1000 for call in found.calls if call.action == "Heartbeat"]


def test_heartbeats_come_after_the_accepted_interval_of_silence() -> None:
    """TC_001, 9.1.10."""
    found = told("Accepted", 20)
    found.advance(61)
    assert beats(found) == [21, 41, 61]


def test_another_message_counts_as_a_sign_of_life() -> None:
    """4.6."""
    found = told("Accepted", 20)
    found.advance(15)
    found.plug()
    found.advance(19)
    assert beats(found) == []
    found.advance(1)
    assert beats(found) == [36]


def test_a_changed_heartbeat_interval_acts_at_once() -> None:
    """Lessons on keys."""
    found = told("Accepted", 300)
    found.advance(50)
    found.configure(HeartbeatInterval=60)
    found.advance(10)
    assert beats(found) == [61]


def test_an_interval_of_zero_still_asks_for_the_time_once_a_day() -> None:
    """OCPP-J 5.3, 4.6."""
    found = told("Accepted", 0, factory={"HeartbeatInterval": "0"})
    found.advance(86_399)
    assert beats(found) == []
    found.advance(2)
    assert len(beats(found)) == 1


def test_a_heartbeat_that_is_not_answered_is_followed_by_the_next() -> None:
    found = told("Accepted", 100)
    found.csms = answering(Heartbeat=None)
    found.advance(201)
    assert beats(found) == [101, 201]
