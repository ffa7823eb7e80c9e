"""Security events reach the CSMS: in order, behind all that is worth money, and in the end (white paper, A04)."""

from typing import Any

import pytest

from eventstore.catalogue.link import CallSettled, CallShed, ConnectFailed, FrameRefused, LinkCloseDecided
from eventstore.catalogue.security import SecurityEventRaised, TamperObserved, TlsFailed
from station.rules.shedding import SECURITY_EVENTS_MAX
from tests.given import StationUnderTest, answering, charging, station, utc

NOTIFICATION = "SecurityEventNotification"
OPENED, CLOSED = TamperObserved(open=True), TamperObserved(open=False)


def secured(**says: Any) -> StationUnderTest:
    """A station with the extension on, whose CSMS says these."""
    found = station(profiles_off=(), security_events="always")
    found.csms = answering(**says)
    return found


def tamper(found: StationUnderTest, times: int = 1) -> None:
    for _ in range(times):
        found.observe(OPENED, CLOSED)


def told(found: StationUnderTest) -> list[str]:
    return [sent["type"] for sent in found.sent(NOTIFICATION)]


def test_a_boot_is_told_once_the_station_is_accepted_and_behind_the_statuses() -> None:
    """Nothing before Accepted (4.2); the time is that of the boot."""
    found = secured(BootNotification=lambda call: None).boot()
    found.connect()
    assert found.actions() == ["BootNotification"]
    found.answer({"status": "Accepted", "currentTime": utc(1), "interval": 300})
    assert found.actions()[-1] == NOTIFICATION
    assert found.actions().index("StatusNotification 1 Available") < found.actions().index(NOTIFICATION)
    [sent] = found.sent(NOTIFICATION)
    assert sent["type"] == "StartupOfTheDevice"
    assert sent["timestamp"] == utc(1)
    assert sent["techInfo"].startswith("software ")


def test_the_extension_is_no_feature_profile() -> None:
    found = secured().online()
    answer = found.ask("GetConfiguration", {"key": ["SupportedFeatureProfiles"]})
    assert answer is not None
    assert answer.payload is not None
    assert "Security" not in answer.payload["configurationKey"][0]["value"]


@pytest.mark.parametrize("how", ["by profile", "never"])
def test_a_station_that_does_not_send_them_keeps_them_in_its_log(how: str) -> None:
    """Security profile 0, or the settings say so."""
    found = station(profiles_off=(), security_events=how).online()
    tamper(found)
    assert [event.type for event in found.events(SecurityEventRaised)] == [
        "StartupOfTheDevice",
        "TamperDetectionActivated",
    ]
    assert told(found) == []
    assert found.state.outbox.pending == 0


def test_from_security_profile_1_on_they_are_sent() -> None:
    found = station(profiles_off=(), security_events="by profile", security_profile=1).online()
    assert told(found) == ["StartupOfTheDevice"]


def test_with_the_extension_off_nothing_is_raised() -> None:
    found = station(profiles_off=("Security",)).online()
    tamper(found)
    assert found.events(SecurityEventRaised) == []
    assert told(found) == []


def test_what_happens_without_a_link_is_reported_with_its_own_time_when_it_is_back() -> None:
    """A04.FR.02."""
    found = secured().online()
    found.forget().disconnect()
    found.advance(10)
    tamper(found)
    found.advance(600)
    found.connect()
    [sent] = found.sent(NOTIFICATION)
    assert (sent["type"], sent["timestamp"]) == ("TamperDetectionActivated", utc(11))


def test_an_event_in_flight_when_the_link_is_lost_goes_again_with_its_message_id() -> None:
    found = secured(SecurityEventNotification=lambda call: None).online()
    first = found.calls[-1]
    assert first.action == NOTIFICATION
    found.disconnect()
    found.csms = answering()
    found.connect()
    again = [call for call in found.calls if call.action == NOTIFICATION][1]
    assert again.text == first.text


def test_events_survive_a_boot_until_they_are_confirmed() -> None:
    found = secured()
    found.boot()
    tamper(found)
    found.boot(orderly=False)
    found.connect()
    assert told(found) == ["StartupOfTheDevice", "TamperDetectionActivated", "StartupOfTheDevice"]


def test_transactions_go_before_security_events() -> None:
    """They are worth money, and a flood of events must not hold them up."""
    found = charging(secured()).forget()
    found.disconnect()
    tamper(found, 3)
    found.unplug()
    found.connect()
    assert found.actions().index("StopTransaction") < found.actions().index(NOTIFICATION)
    assert len(told(found)) == 3


@pytest.mark.parametrize("error_code", ["NotImplemented", "NotSupported"])
def test_a_csms_that_knows_none_of_it_gets_one_for_each_connection(error_code: str) -> None:
    found = secured(SecurityEventNotification=error_code).online()
    tamper(found, 3)
    assert told(found) == ["StartupOfTheDevice"]
    assert found.sent("Heartbeat") == []
    found.advance(301)
    assert len(found.sent("Heartbeat")) == 1  # nothing else waits for it
    assert told(found) == ["StartupOfTheDevice"]
    found.disconnect()
    found.connect()
    assert told(found) == ["StartupOfTheDevice"] * 2
    found.disconnect()
    found.csms = answering()
    found.connect()
    assert told(found)[2:] == ["StartupOfTheDevice"] + ["TamperDetectionActivated"] * 3


def test_an_event_that_the_csms_fails_on_is_tried_again_and_then_given_up() -> None:
    found = secured(SecurityEventNotification="InternalError").online()
    interval_s = 60
    assert len(told(found)) == 1
    found.advance(interval_s - 0.001)
    assert len(told(found)) == 1
    found.advance(0.001)
    assert len(told(found)) == 2
    found.advance(2 * interval_s)
    assert len(told(found)) == 3
    fates = [event.outcome for event in found.events(CallSettled) if event.action == NOTIFICATION]
    assert fates == ["error", "error", "given_up"]
    found.advance(3_600)
    assert len(told(found)) == 3


def test_a_csms_that_never_answers_one_is_asked_ever_more_seldom_and_keeps_its_link() -> None:
    found = secured(SecurityEventNotification=lambda call: None).online()
    found.advance(86_400)
    assert found.events(LinkCloseDecided) == []
    assert 24 <= len(told(found)) <= 60  # once an hour in the end
    assert set(told(found)) == {"StartupOfTheDevice"}


def test_events_that_no_csms_ever_takes_are_bounded_on_record_and_nothing_else_is_shed_for_them() -> None:
    found = secured(SecurityEventNotification="NotImplemented").online()
    tamper(found, SECURITY_EVENTS_MAX + 5)
    waiting = [owed for owed in found.state.outbox.calls if owed.lane == "security"]
    assert len(waiting) == SECURITY_EVENTS_MAX
    assert {event.lane for event in found.events(CallShed)} == {"security"}
    assert len(found.events(SecurityEventRaised)) == SECURITY_EVENTS_MAX + 6  # the log has them all


def test_frames_that_cannot_be_read_are_one_event_an_hour() -> None:
    found = secured().online()
    refused = FrameRefused(connection=1, reason="a binary frame")
    found.observe(*[refused] * 50)
    assert told(found) == ["StartupOfTheDevice", "InvalidMessages"]


def test_a_new_authorization_key_is_reported_without_the_key() -> None:
    """A01.FR.11, A01.FR.12."""
    found = secured().online()
    found.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": "fp:0123456789abcdef"})
    found.connect()
    [sent] = [each for each in found.sent(NOTIFICATION) if each["type"] == "ReconfigurationOfSecurityParameters"]
    assert sent["techInfo"] == "AuthorizationKey"


def test_a_csms_that_could_not_prove_itself_hears_of_it_once_it_can() -> None:
    """A00.FR.309: the event waits for the connection that it is about."""
    found = secured().online()
    found.forget().disconnect()
    for _ in range(3):
        found.observe(TlsFailed(type="InvalidTLSVersion", detail="tlsv1 alert protocol version"))
        found.observe(ConnectFailed(reason="TLS", entropy=0))
        found.advance(60)
    assert told(found) == []
    found.connect()
    [sent] = found.sent(NOTIFICATION)
    assert (sent["type"], sent["techInfo"]) == ("InvalidTLSVersion", "tlsv1 alert protocol version")


@pytest.mark.parametrize(("connection", "closes"), [(1, True), (0, False), (2, False)])
def test_a_connection_whose_certificate_turns_out_to_be_invalid_ends(connection: int, *, closes: bool) -> None:
    """A00.FR.310; with the extension off as well."""
    found = station().online()
    assert found.state.link.connection == 1
    found.observe(TlsFailed(type="InvalidCentralSystemCertificate", detail="expired", connection=connection))
    found.observe(TlsFailed(type="InvalidCentralSystemCertificate", detail="expired", connection=connection))
    assert len(found.events(LinkCloseDecided)) == int(closes)
