"""The story of a station in stepped time, as its journal would tell it."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from eventstore.catalogue import ALL
from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.hardware import EmergencyStopObserved, IdTagPresented, MainsObserved
from eventstore.catalogue.lifecycle import DiskSpaceObserved, StationStopped, StationStopping, SystemClockObserved
from eventstore.catalogue.link import ConnectFailed, FrameRefused
from eventstore.catalogue.maintenance import (
    FirmwareProgressed,
    FirmwareUpdateRequested,
    SignedUpdateAnswered,
    SignedUpdateOffered,
    SigningCertificateChecked,
)
from eventstore.event import Event, Recorded
from projections.station import INITIAL
from station.features.smart_charging.reasons import limit_reason
from station.telling.line import DEBUG, ERROR, INFO, WARNING, Line
from station.telling.repeats import BURST
from station.telling.shown import ordinal, shortened
from station.telling.story import Story
from tests.given import DESCRIPTION, OTHER_TAG, TAG, StationUnderTest, answering


@dataclass
class Told(StationUnderTest):
    """A station whose batches are told as they come."""

    journal: Story = field(default_factory=Story)
    lines: list[Line] = field(default_factory=list)

    def _record(self, observation: Any) -> None:
        before = len(self.log)
        super()._record(observation)
        self.lines += self.journal.tell(self.state, self.log[before:])

    def texts(self, since: int = 0) -> list[str]:
        return [line.text for line in self.lines[since:]]

    def fresh(self) -> list[str]:
        """What was told since this was asked last."""
        found = self.texts()
        self.lines.clear()
        return found


def online(**facts: Any) -> Told:
    found = Told(**facts)
    found.online()
    found.fresh()
    return found


def recorded(event: Event, seq: int = 1, at_ms: int = 0) -> Recorded:
    return Recorded(seq=seq, cause=seq, at_ms=at_ms, utc_ms=at_ms, event=event)


def test_a_boot_is_told_with_what_the_station_is_and_where_it_connects_to() -> None:
    found = Told()
    found.online()
    assert found.texts() == [
        "Boot 1 with software 0.2.0, firmware 0.2.0",
        "Station CB-0001, Chargebox Bench CB-0001, 1 connector, at most 32.0 A, CSMS ws://127.0.0.1:9000/ocpp",
        "Connecting to the CSMS at ws://127.0.0.1:9000/ocpp",
        "Connected to the CSMS (connection 1)",
        "Registered: the CSMS says Accepted, interval 5 min",
    ]
    assert {line.level for line in found.lines} == {INFO}


@pytest.mark.parametrize(
    ("orderly", "told", "level"),
    [
        (True, "after an orderly end (SIGTERM)", INFO),
        (False, "after an end without a word (the power went, or the machine restarted)", WARNING),
    ],
)
def test_a_boot_tells_why_the_last_run_ended(orderly: bool, told: str, level: int) -> None:
    found = Told(journal=Story(ended="SIGTERM" if orderly else ""))
    found.boots = 1
    found.boot(orderly=orderly)
    assert found.lines[0].text == f"Boot 2 with software 0.2.0, firmware 0.2.0, {told}"
    assert found.lines[0].level == level


def test_a_session_is_told_from_the_tag_to_the_energy() -> None:
    found = online()
    found.plug()
    found.swipe()
    for _ in range(60):
        found.advance(60)
        found.charge(50)
    found.pilot("B")
    found.pilot("C")
    found.swipe()
    found.pilot("B")
    found.unplug()
    assert found.texts() == [
        "Tag …BEEF presented",
        "Tag …BEEF authorized by the CSMS on connector 1",
        "Transaction 1 started on connector 1: tag …BEEF, authorized by the CSMS, register 1.000 kWh",
        "Limit on connector 1 is 32.0 A on 3 phases, for the new transaction",
        "The CSMS calls transaction 1 9001",
        "Suspended by the vehicle on connector 1 (SuspendedEV)",
        "Charging goes on on connector 1",
        "Tag …BEEF presented",
        "Transaction 1 ended on connector 1 by the presented tag, register 4.000 kWh; 3.000 kWh charged in 1 h",
        "Transaction 1 is settled with the CSMS",
    ]
    suspended = next(line for line in found.lines if "Suspended" in line.text)
    assert (suspended.connector_id, suspended.transaction_number) == (1, 1)


def test_a_refused_tag_is_information_with_the_reason() -> None:
    found = online(csms=answering(Authorize={"idTagInfo": {"status": "Blocked"}}))
    found.plug()
    found.swipe(OTHER_TAG)
    told = found.lines[-1]
    assert (told.level, told.text) == (INFO, "Tag …BABE REFUSED on connector 1: Blocked")


def test_a_lost_link_tells_when_it_is_tried_again_and_failures_are_folded() -> None:
    found = online()
    found.disconnect()
    assert found.fresh() == ["Connection 1 lost: reset by peer; next try in 750 ms"]
    found.advance(1)
    assert found.fresh() == ["Connecting to the CSMS"]
    for _ in range(13):
        found.observe(ConnectFailed(reason="refused", entropy=0))
        found.advance(60)
    assert found.texts() == [
        "Could not connect: refused; next try in 1 s",
        "Could not connect: refused; the 2nd time since 00:00, next try in 2 s",
        "Could not connect: refused; the 4th time since 00:00, next try in 8 s",
        "Could not connect: refused; the 8th time since 00:00, next try in 2 min 8 s",
    ]
    assert {line.level for line in found.lines} == {WARNING}
    assert found.lines[-1].times == 8
    found.fresh()
    found.connect()
    assert found.fresh()[0] == "Connected to the CSMS (connection 2), after 13 failed attempts since 00:00"


def test_a_link_that_is_lost_again_and_again_is_told_seldom_and_once_it_lasts() -> None:
    found = online()
    for _ in range(500):
        found.disconnect("dropped")
        found.advance(2)
        found.connect()
    told = found.fresh()
    assert len(told) < 30
    assert "Connection 33 lost: dropped; the 33rd time since 00:00, next try in 3 min 45 s" in told
    found.advance(300)
    assert [text for text in found.fresh() if "Conn" in text] == ["Connected to the CSMS (connection 501)"]


def test_after_the_station_was_told_to_end_nothing_is_tried_again() -> None:
    found = online()
    found.observe(StationStopping(why="SIGTERM"))
    found.disconnect("closed by the station")
    found.observe(StationStopped(why="SIGTERM"))
    assert found.texts() == [
        "Asked to end: SIGTERM",
        "Connection 1 lost: closed by the station",
        "Ended in order: SIGTERM",
    ]
    assert {line.level for line in found.lines} == {INFO}


def test_a_limit_tells_who_set_it() -> None:
    found = online(journal=Story(limit_reason=limit_reason))
    found.plug()
    found.swipe()
    found.fresh()
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}], "duration": 60}
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
    }
    found.ask("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile})
    found.advance(60)
    found.ask("ClearChargingProfile", {})
    assert found.texts() == [
        (
            "Limit on connector 1 is 10.0 A on 3 phases, by profile 1, period 1, set by the CSMS at 00:00, "
            "because the CSMS asked for it (SetChargingProfile)"
        ),
        "Limit on connector 1 is 32.0 A on 3 phases, as planned",
    ]


def test_a_pause_is_told_once_with_who_set_it() -> None:
    found = online()
    found.plug()
    found.swipe()
    found.fresh()
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 0.0}]}
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
    }
    found.ask("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile})
    found.pilot("B")
    assert found.fresh() == ["Energy suspended on connector 1, because the CSMS asked for it (SetChargingProfile)"]


def test_faults_are_errors_and_their_end_is_told() -> None:
    found = online()
    found.fault("GroundFailure")
    found.clear_fault("GroundFailure")
    assert [(line.level, line.text) for line in found.lines] == [
        (ERROR, "FAULT GroundFailure on connector 1"),
        (INFO, "Fault GroundFailure cleared on connector 1"),
    ]


def test_a_meter_that_fails_and_is_well_again_is_told() -> None:
    found = online()
    found.meter_works = False
    found.read_meter()
    found.meter_works = True
    found.charge(10)
    assert found.texts() == ["Meter UNREADABLE on connector 1: no answer", "The meter can be read again on connector 1"]


def test_mains_and_emergency_stop_are_told_when_they_are_not_as_usual() -> None:
    found = online()
    found.observe(EmergencyStopObserved(pressed=False), MainsObserved(present=True))
    assert found.fresh() == []
    found.observe(EmergencyStopObserved(pressed=True), EmergencyStopObserved(pressed=False))
    assert found.fresh() == ["EMERGENCY STOP pressed", "Emergency stop not pressed"]


def test_the_disk_is_told_when_its_level_changes() -> None:
    found = online()
    for level in ("ok", "low", "low", "critical", "ok"):
        found.observe(DiskSpaceObserved(level=level, free_bytes=64 << 20))
    assert [(line.level, line.text) for line in found.lines if "Disk" in line.text] == [
        (WARNING, "Disk space is low: 64 MiB free"),
        (ERROR, "Disk space is critical: 64 MiB free"),
        (INFO, "Disk space is ok: 64 MiB free"),
    ]


def test_a_configuration_key_is_told_with_who_changed_it_and_a_secret_by_its_name_alone() -> None:
    found = online()
    found.configure(HeartbeatInterval=60)
    assert found.fresh() == ["HeartbeatInterval is now '60', because the CSMS asked for it (ChangeConfiguration)"]
    changed = ConfigurationChanged(key="AuthorizationKey", value="fp:0123456789abcdef")
    (told,) = Story().tell(found.state, [recorded(changed, found.state.seq)])
    assert told.text == "AuthorizationKey is another one now"


def test_a_call_that_the_csms_refuses_again_and_again_is_folded() -> None:
    found = Told(csms=answering(StatusNotification="InternalError"))
    found.online()
    for _ in range(10):
        found.plug()
        found.advance(1)
        found.unplug()
        found.advance(1)
    told = [line for line in found.lines if "CALLERROR" in line.text]
    assert len(told) == 1
    assert told[0].level == WARNING


def test_updates_are_told_and_a_failed_one_is_a_warning() -> None:
    events = (
        FirmwareUpdateRequested(job=1, location="ftp://x/y", retrieve_utc_ms=0, retries=1, retry_interval_s=60),
        FirmwareProgressed(job=1, status="DownloadFailed", attempt=1, detail="no route"),
    )
    batch = [recorded(event, number) for number, event in enumerate(events, 1)]
    assert [(line.level, line.text) for line in Story().tell(INITIAL, batch)] == [
        (INFO, "Firmware update asked for: ftp://x/y"),
        (WARNING, "Firmware job 1: DownloadFailed (attempt 1): no route"),
    ]


def test_a_signed_update_is_told_from_the_offer_to_its_answer() -> None:
    offered = SignedUpdateOffered(
        job=1,
        request_id=7,
        location="ftp://user:secret@x/y",
        retrieve_utc_ms=0,
        install_utc_ms=None,
        signing_certificate="",
        signature="",
        retries=0,
        retry_interval_s=1,
        due_ms=1,
    )
    events = (
        offered,
        SigningCertificateChecked(job=1, fault="no root", subject=""),
        SignedUpdateAnswered(job=1, request_id=7, status="InvalidCertificate", reason="no root"),
        SignedUpdateAnswered(job=1, request_id=7, status="Accepted"),
        FirmwareProgressed(job=1, status="InvalidSignature", attempt=1, detail="of another file"),
    )
    batch = [recorded(event, number) for number, event in enumerate(events, 1)]
    told = [(line.level, line.text) for line in Story().tell(INITIAL, batch)]
    assert "secret" not in str(told)
    assert [level for level, _ in told] == [INFO, WARNING, INFO, WARNING]
    assert told[1:] == [
        (WARNING, "Signed firmware update 7 is answered InvalidCertificate: no root"),
        (INFO, "Signed firmware update 7 is answered Accepted"),
        (WARNING, "Firmware job 1: InvalidSignature (attempt 1): of another file"),
    ]


def test_a_flood_of_bad_frames_with_ever_other_reasons_is_a_few_lines() -> None:
    story, told = Story(), []
    for number in range(10_000):
        event = FrameRefused(connection=1, reason=f"reason {number}")
        told += story.tell(INITIAL, [recorded(event, number + 1, at_ms=number)])
    assert len(told) == 1


def test_a_flood_of_anything_else_is_bounded_and_what_was_left_out_is_said() -> None:
    story, told = Story(), []
    for number in range(10_000):
        event = IdTagPresented(id_tag=TAG, connector_id=1)
        told += story.tell(INITIAL, [recorded(event, number + 1, at_ms=number)])
    assert len(told) == BURST
    (last,) = story.tell(INITIAL, [recorded(DiskSpaceObserved(level="ok", free_bytes=1), 10_001, at_ms=600_000)])
    assert last.text == "Tag …BEEF presented on connector 1 (the last of 9980 lines like it since 00:00)"
    assert last.times == 9_980


def test_whole_tags_are_shown_where_the_settings_say_so() -> None:
    found = online(journal=Story(full_tags=True))
    found.swipe()
    assert found.texts()[0] == f"Tag {TAG} presented"


def test_no_tag_is_whole_in_anything_that_is_told() -> None:
    found = online(description=DESCRIPTION, journal=Story(details=True))
    found.plug()
    found.swipe()
    found.charge(100)
    found.ask(
        "ReserveNow", {"connectorId": 1, "expiryDate": "2026-01-02T00:00:00Z", "idTag": OTHER_TAG, "reservationId": 1}
    )
    found.swipe(OTHER_TAG)
    found.swipe()
    found.pilot("B")
    assert found.lines
    assert [line.text for line in found.lines if TAG in line.text or OTHER_TAG in line.text] == []


def test_details_are_told_to_a_developer_at_debug() -> None:
    plain, developer = online(), online(journal=Story(details=True))
    for found in (plain, developer):
        found.plug()
    assert plain.lines == []
    assert {line.level for line in developer.lines} == {DEBUG}
    assert "Pilot C on connector 1: the vehicle asks for energy" in developer.texts()


def test_a_meter_reading_is_never_a_line() -> None:
    found = online()
    found.plug()
    found.swipe()
    found.configure(MeterValueSampleInterval=10)
    found.fresh()
    for _ in range(100):
        found.charge(10)
        found.advance(10)
    assert found.fresh() == []


def test_every_line_of_a_json_record_names_its_event() -> None:
    found = online()
    found.plug()
    found.swipe()
    started = next(line for line in found.lines if line.type == "TransactionStarted")
    assert started.members() == {
        "seq": started.seq,
        "type": "TransactionStarted",
        "connector_id": 1,
        "transaction_number": 1,
    }
    assert found.log[started.seq - 1].event.NAME == "TransactionStarted"
    names = {kind.NAME for kind in ALL}
    assert {line.type for line in found.lines} <= names


@pytest.mark.parametrize(
    ("id_tag", "text"),
    [("DEADBEEF", "…BEEF"), ("04A1B2C3D4E5F6", "…E5F6"), ("ABCDEF", "…DEF"), ("AB", "…B"), ("A", "…"), ("", "…")],
)
def test_a_tag_is_shortened_to_its_end(id_tag: str, text: str) -> None:
    assert shortened(id_tag) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (14, "14th"), (22, "22nd"), (112, "112th")],
)
def test_ordinals(number: int, text: str) -> None:
    assert ordinal(number) == text


def test_a_clock_that_was_moved_by_more_than_clocks_drift_is_told() -> None:
    found = online(journal=Story(details=True))
    offset_ms = found.state.clock.offset_ms
    for moved_ms in (7_380_000, 7_380_500, 0):
        found.observe(SystemClockObserved(utc_ms=found.at_ms + offset_ms + moved_ms, trusted=True))
    told = [(line.level, line.text) for line in found.lines if line.type == "ClockAdjusted"]
    assert told == [
        (INFO, "Clock corrected by +2 h 3 min (NTP)"),
        (DEBUG, "Clock set by NTP"),
        (INFO, "Clock corrected by -2 h 3 min (NTP)"),
    ]
