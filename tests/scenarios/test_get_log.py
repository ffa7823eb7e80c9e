"""GetLog and LogStatusNotification (white paper, N01) in stepped time."""

from collections.abc import Mapping
from typing import Any

import pytest

from eventstore.catalogue.maintenance import DiagnosticsProgressed, DiagnosticsRequested, TransferRefused
from projections.maintenance import UploadJob
from tests.scenarios.conftest import World, world

PLACE = "ftp://user:secret@files.example/logs"


def ask(
    station: World, request_id: int = 123, kind: str = "SecurityLog", place: str = PLACE, **members: Any
) -> Mapping[str, Any]:
    """GetLog; the payload of its answer."""
    times: dict[str, str] = {
        name: members.pop(name) for name in ("oldestTimestamp", "latestTimestamp") if name in members
    }
    log: dict[str, str] = {"remoteLocation": place, **times}
    return station.request("GetLog", logType=kind, requestId=request_id, log=log, **members)


def job_of(station: World) -> UploadJob:
    return station.upload(station.state.maintenance.log)


def report(station: World, status: str, *, retry_after_s: int = 0) -> None:
    station.report(job_of(station), status, retry_after_s=retry_after_s)


def told(station: World, since: int = 0) -> list[tuple[str, int | None]]:
    sent = station.sent("LogStatusNotification", since)
    return [(call.payload["status"], call.payload.get("requestId")) for call in sent]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("SecurityLog", "CB-0001_20260101T000001Z_1_security.jsonl"),
        ("DiagnosticsLog", "CB-0001_20260101T000001Z_1.zip"),
    ],
)
def test_the_answer_names_the_file_then_uploading_and_uploaded_name_the_request(kind: str, name: str) -> None:
    """N01.FR.01, 07, 08, 09."""
    station = world()
    mark = station.mark
    assert ask(station, kind=kind) == {"status": "Accepted", "filename": name}
    assert station.order(mark) == ["answer", "LogStatusNotification"]
    (asked,) = station.found(DiagnosticsRequested)
    assert (asked.log, asked.request_id, job_of(station).step) == (kind, 123, "upload")
    report(station, "Uploaded")
    assert told(station) == [("Uploading", 123), ("Uploaded", 123)]
    assert station.state.maintenance.log is None
    assert station.sent("DiagnosticsStatusNotification") == []


def test_the_times_asked_for_are_kept() -> None:
    """6.14."""
    station = world()
    station.wait(7_200)
    ask(station, oldestTimestamp=station.utc(-3_600), latestTimestamp=station.utc(-1_800))
    (asked,) = station.found(DiagnosticsRequested)
    assert asked.start_utc_ms is not None
    assert asked.stop_utc_ms == asked.start_utc_ms + 1_800_000


@pytest.mark.parametrize(("retries", "tries"), [({"retries": 0}, 1), ({"retries": 2}, 3), ({}, 4)])
def test_a_failing_upload_is_tried_again_and_then_the_reason_of_the_last_try_is_reported(
    retries: dict[str, Any], tries: int
) -> None:
    """N01.FR.10."""
    station = world()
    ask(station, retryInterval=20, **retries)
    for attempt in range(1, tries + 1):
        assert (job_of(station).step, job_of(station).attempt) == ("upload", attempt)
        report(station, "PermissionDenied" if attempt == tries else "UploadFailure")
        station.wait(19.999)
        assert attempt == tries or job_of(station).attempt == attempt
        station.wait(0.001)
    assert told(station) == [("Uploading", 123), ("PermissionDenied", 123)]
    assert station.state.maintenance.log is None


@pytest.mark.parametrize("place", ["sftp://files.example/", "nonsense", "http://", "ftp://h:port/"])
def test_a_location_that_cannot_be_used_is_rejected(place: str) -> None:
    station = world()
    assert ask(station, place=place) == {"status": "Rejected"}
    assert (told(station), station.state.maintenance.log) == ([], None)
    (refused,) = station.found(TransferRefused)
    assert (refused.action, bool(refused.reason)) == ("GetLog", True)


def test_a_time_in_which_nothing_was_recorded_is_rejected() -> None:
    """5.10: no filename when no logging information is available."""
    station = world()
    assert ask(station, oldestTimestamp=station.utc(60)) == {"status": "Rejected"}
    assert ask(station, oldestTimestamp=station.utc(-60), latestTimestamp=station.utc(-120)) == {"status": "Rejected"}


def test_a_location_of_more_than_512_characters_is_refused_by_the_schema() -> None:
    station = world()
    log = {"remoteLocation": "https://files.example/".ljust(513, "x")}
    answer = station.ask("GetLog", {"logType": "SecurityLog", "requestId": 1, "log": log})
    assert answer.error_code == "PropertyConstraintViolation"


def test_a_second_request_cancels_the_upload_and_is_answered_so() -> None:
    """N01.FR.11; what the cancelled upload comes to is nobody's business any more."""
    station = world()
    ask(station, 1, place="ftp://typo.example/")
    stale = job_of(station)
    answer = ask(station, 2)
    assert answer["status"] == "AcceptedCanceled"
    assert answer["filename"] != stale.request.file_name
    station.observe(DiagnosticsProgressed(job=stale.request.job, status="UploadFailure", attempt=1, detail=""))
    assert job_of(station).request.request_id == 2
    report(station, "Uploaded")
    assert told(station) == [("Uploading", 1), ("Uploading", 2), ("Uploaded", 2)]
    assert ask(station, 3)["status"] == "Accepted"


def test_the_same_request_once_more_changes_nothing_and_names_the_same_file() -> None:
    """A CSMS that heard no answer asks again."""
    station = world()
    first = ask(station)
    station.wait(10)
    assert ask(station) == first
    assert told(station) == [("Uploading", 123)]
    assert ask(station, kind="DiagnosticsLog")["status"] == "AcceptedCanceled"


def test_diagnostics_and_a_log_do_not_hinder_each_other() -> None:
    station = world()
    assert "fileName" in station.request("GetDiagnostics", location=PLACE)
    assert ask(station)["status"] == "Accepted"
    diagnostics = station.state.maintenance.diagnostics
    assert diagnostics is not None
    assert (diagnostics.step, job_of(station).step) == ("upload", "upload")
    report(station, "Uploaded")
    assert station.state.maintenance.diagnostics == diagnostics
    assert [call.payload for call in station.sent("DiagnosticsStatusNotification")] == [{"status": "Uploading"}]


def test_an_upload_goes_on_after_a_power_cut_and_nothing_is_reported_twice() -> None:
    station = world()
    name = ask(station)["filename"]
    station.off_for(60)
    assert (
        job_of(station).step,
        job_of(station).attempt,
        job_of(station).interruptions,
    ) == ("upload", 1, 1)
    assert job_of(station).request.file_name == name
    station.connect()
    report(station, "Uploaded")
    assert told(station) == [("Uploading", 123), ("Uploaded", 123)]


def test_a_wait_for_the_next_try_goes_on_after_a_power_cut() -> None:
    station = world()
    ask(station, retryInterval=300)
    report(station, "UploadFailure")
    station.off_for(60)
    assert job_of(station).step == "retry"
    station.connect()
    station.wait(240)
    assert (job_of(station).step, job_of(station).attempt) == ("upload", 2)


def test_an_upload_that_is_cut_again_and_again_counts_as_failed() -> None:
    station = world()
    ask(station, retries=0)
    for _ in range(4):
        station.off_for(5)
    station.connect()
    assert told(station) == [("Uploading", 123), ("UploadFailure", 123)]


def test_an_outcome_during_an_outage_is_reported_after_it_and_after_a_boot() -> None:
    station = world()
    ask(station)
    station.disconnect()
    report(station, "Uploaded")
    station.off_for(5)
    assert told(station) == [("Uploading", 123)]
    station.connect()
    assert told(station) == [("Uploading", 123), ("Uploaded", 123)]


def test_a_status_that_nobody_answers_is_reported_three_times_in_all_unless_a_later_one_of_its_request_follows() -> (
    None
):
    station = world()
    station.held.add("LogStatusNotification")
    ask(station, 1)
    ask(station, 2)
    station.wait(1_200)
    assert sorted(told(station)) == 3 * [("Uploading", 1)] + 3 * [("Uploading", 2)]


def test_a_log_is_uploaded_though_firmware_management_is_off() -> None:
    """The extension is no part of it; the key that names the protocols is there for both."""
    station = world(profiles_off=("FirmwareManagement",))
    found = station.request("GetConfiguration", key=["SupportedFileTransferProtocols"])["configurationKey"]
    assert found[0]["value"] == "FTP,FTPS,HTTP,HTTPS"
    ask(station)
    report(station, "Uploaded")
    assert told(station) == [("Uploading", 123), ("Uploaded", 123)]


def test_without_the_extension_nothing_of_it_is_supported_and_an_upload_under_way_ends() -> None:
    station = world()
    ask(station)
    station.off_for(5, profiles_off=("Security",))
    station.connect()
    assert station.state.maintenance.log is None
    log = {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": PLACE}}
    assert station.ask("GetLog", log).error_code == "NotSupported"
    assert station.ask("ExtendedTriggerMessage", {"requestedMessage": "Heartbeat"}).error_code == "NotSupported"
