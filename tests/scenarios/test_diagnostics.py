"""GetDiagnostics and DiagnosticsStatusNotification (5.9, 4.4, errata 3.31 and 3.50) in stepped time."""

from typing import Any

import pytest

from eventstore.catalogue.maintenance import DiagnosticsProgressed, DiagnosticsRequested, TransferRefused
from projections.maintenance import UploadJob
from tests.scenarios.conftest import World, world

PLACE = "ftp://user:secret@files.example/diagnostics"


def ask(station: World, location: str = PLACE, **members: Any) -> str | None:
    """GetDiagnostics; the file name in its answer, if there is one."""
    name = station.request("GetDiagnostics", location=location, **members).get("fileName")
    assert name is None or isinstance(name, str)
    return name


def job_of(station: World) -> UploadJob:
    return station.upload(station.state.maintenance.diagnostics)


def report(station: World, status: str, *, retry_after_s: int = 0) -> None:
    station.report(job_of(station), status, retry_after_s=retry_after_s)


def told(station: World, since: int = 0) -> list[str]:
    return [call.payload["status"] for call in station.sent("DiagnosticsStatusNotification", since)]


def test_the_answer_names_the_file_then_uploading_and_uploaded_are_reported() -> None:
    """5.9, errata 3.31."""
    station = world()
    mark = station.mark
    name = ask(station)
    assert name == "CB-0001_20260101T000001Z_1.zip"
    assert station.order(mark) == ["answer", "DiagnosticsStatusNotification"]
    assert job_of(station).step == "upload"
    report(station, "Uploaded")
    assert told(station) == ["Uploading", "Uploaded"]
    assert station.state.maintenance.diagnostics is None


def test_a_file_name_is_harmless_whatever_the_identity() -> None:
    """6.26."""
    station = world(identity="../ä b/../CB:1")
    name = ask(station)
    assert name == "b----CB-1_20260101T000001Z_1.zip"


def test_the_times_asked_for_are_kept() -> None:
    """6.25."""
    station = world()
    station.wait(7_200)
    ask(station, startTime=station.utc(-3_600), stopTime=station.utc(-1_800))
    (asked,) = station.found(DiagnosticsRequested)
    assert asked.start_utc_ms is not None
    assert asked.stop_utc_ms == asked.start_utc_ms + 1_800_000


@pytest.mark.parametrize(("retries", "tries"), [({"retries": 0}, 1), ({"retries": 2}, 3), ({}, 4)])
def test_a_failing_upload_is_tried_once_more_than_it_has_retries(retries: dict[str, Any], tries: int) -> None:
    """Errata 3.50, lesson 40: Uploading, then UploadFailed, once each."""
    station = world()
    ask(station, retryInterval=20, **retries)
    for attempt in range(1, tries + 1):
        assert (job_of(station).step, job_of(station).attempt) == (
            "upload",
            attempt,
        )
        report(station, "UploadFailed")
        station.wait(19.999)
        assert attempt == tries or job_of(station).attempt == attempt
        station.wait(0.001)
    assert told(station) == ["Uploading", "UploadFailed"]
    assert station.state.maintenance.diagnostics is None


@pytest.mark.parametrize("location", ["sftp://files.example/", "nonsense", "http://", "file:///etc/", "ftp://h:port/"])
def test_no_file_is_named_for_a_location_that_cannot_be_used(location: str) -> None:
    """5.9: nothing will be uploaded, so no name and no status."""
    station = world()
    assert ask(station, location) is None
    assert (told(station), station.state.maintenance.diagnostics) == ([], None)
    (refused,) = station.found(TransferRefused)
    assert (refused.action, bool(refused.reason)) == ("GetDiagnostics", True)


def test_a_location_of_8192_characters_is_taken_and_a_longer_one_refused_with_the_limit() -> None:
    """Pre-signed URLs are long."""
    longest = "https://files.example/put?signature=".ljust(8_192, "x")
    assert ask(world(), longest)
    station = world()
    assert ask(station, longest + "x") is None
    assert [event.reason for event in station.found(TransferRefused)] == [
        "the location has 8193 characters, more than 8192"
    ]


@pytest.mark.parametrize(("asked_s", "wait_s"), [(0, 20), (21, 21), (3_600, 3_600), (90_000, 3_600)])
def test_a_retry_waits_for_the_server_that_asks_for_time_but_not_for_ever(asked_s: int, wait_s: int) -> None:
    """RFC 9110, 10.2.3: Retry-After."""
    station = world()
    ask(station, retryInterval=20)
    report(station, "UploadFailed", retry_after_s=asked_s)
    station.wait(wait_s - 1)
    assert job_of(station).step == "retry"
    station.wait(1)
    assert (job_of(station).step, job_of(station).retry_after_s) == (
        "upload",
        0,
    )


def test_no_file_is_named_for_a_time_in_which_nothing_was_recorded() -> None:
    """5.9: it lies in the future, or ends before it begins."""
    station = world()
    assert ask(station, startTime=station.utc(60)) is None
    assert ask(station, startTime=station.utc(-60), stopTime=station.utc(-120)) is None
    assert told(station) == []
    reasons = [event.reason for event in station.found(TransferRefused)]
    assert reasons == ["the time asked for lies in the future", "the time asked for ends before it begins"]


def test_an_upload_goes_on_after_a_power_cut_and_nothing_is_told_twice() -> None:
    """8.2."""
    station = world()
    name = ask(station)
    station.off_for(60)
    assert (job_of(station).step, job_of(station).attempt) == ("upload", 1)
    assert job_of(station).request.file_name == name
    station.connect()
    report(station, "Uploaded")
    assert told(station) == ["Uploading", "Uploaded"]


def test_an_upload_that_is_cut_again_and_again_counts_as_failed() -> None:
    """4.4: a file that kills the station must not do so for ever."""
    station = world()
    ask(station, retries=0)
    for _ in range(4):
        station.off_for(5)
    station.connect()
    assert told(station) == ["Uploading", "UploadFailed"]


def test_an_outcome_during_an_outage_is_reported_after_it() -> None:
    """Lesson 40."""
    station = world()
    ask(station)
    station.disconnect()
    report(station, "Uploaded")
    assert told(station) == ["Uploading"]
    station.connect()
    assert told(station) == ["Uploading", "Uploaded"]


def test_a_second_request_replaces_the_upload() -> None:
    """One job at a time; as AcceptedCanceled of the white paper."""
    station = world()
    first = ask(station, "ftp://typo.example/")
    stale = job_of(station)
    second = ask(station)
    assert first != second
    station.observe(DiagnosticsProgressed(job=stale.request.job, status="UploadFailed", attempt=1, detail=""))
    assert job_of(station).request.file_name == second
    report(station, "Uploaded")
    assert told(station) == ["Uploading", "Uploading", "Uploaded"]


def test_the_same_request_once_more_names_the_same_file() -> None:
    """A CSMS that heard no answer asks again."""
    station = world()
    name = ask(station)
    station.wait(10)
    assert ask(station) == name
    assert told(station) == ["Uploading"]


def test_a_status_that_nobody_answers_is_reported_again_three_times_in_all() -> None:
    """4.4: a link that swallowed a status does not lose it."""
    station = world()
    station.held.add("DiagnosticsStatusNotification")
    ask(station)
    station.wait(600)
    assert told(station) == 3 * ["Uploading"]


def test_an_upload_and_an_update_do_not_hinder_each_other() -> None:
    """5.9, 5.19."""
    station = world()
    ask(station)
    station.request("UpdateFirmware", location="http://files.example/x", retrieveDate=station.utc(0))
    update = station.state.maintenance.firmware
    assert update is not None
    assert {job_of(station).request.job, update.request.job} == {1, 2}


def test_a_trigger_tells_uploading_or_idle() -> None:
    """4.4: Idle only on trigger."""
    station = world()
    mark = station.mark
    station.request("TriggerMessage", requestedMessage="DiagnosticsStatusNotification")
    assert told(station, mark) == ["Idle"]
    ask(station)
    mark = station.mark
    station.request("TriggerMessage", requestedMessage="DiagnosticsStatusNotification")
    assert told(station, mark) == ["Uploading"]


def test_with_the_profile_off_nothing_of_it_is_supported() -> None:
    """Ruling on profiles that are switched off."""
    station = world(profiles_off=("FirmwareManagement",))
    assert station.ask("GetDiagnostics", {"location": PLACE}).error_code == "NotSupported"
