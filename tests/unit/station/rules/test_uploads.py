"""The steps of an upload: which follows, when, and what is reported of it."""

from eventstore.catalogue.maintenance import DiagnosticsRequested, DiagnosticsStatusQueued, DiagnosticsStepDecided
from eventstore.event import Event
from eventstore.value import replace
from projections.maintenance import UploadJob
from station.core.feature import Deadline, Events
from station.rules.uploads import advance_upload, is_same_upload, time_fault, upload_deadlines
from tests.given import UTC_2026_MS, station

REQUEST = DiagnosticsRequested(
    job=5,
    location="ftp://files.example/",
    file_name="x.zip",
    start_utc_ms=None,
    stop_utc_ms=None,
    retries=1,
    retry_interval_s=20,
)
ASKED = UploadJob(request=REQUEST)
AT_WORK = replace(ASKED, step="upload", attempt=1)


def queued(status: str) -> Event:
    return DiagnosticsStatusQueued(status=status)


def step(step: str, due_ms: int = 1_000) -> DiagnosticsStepDecided:
    return DiagnosticsStepDecided(job=5, step=step, due_ms=due_ms)


def follows(job: UploadJob | None, at_ms: int = 1_000) -> Events:
    return advance_upload(job, at_ms, queued, "UploadFailed")


def test_nothing_follows_from_no_upload_and_none_while_it_is_being_done() -> None:
    assert [follows(job) for job in (None, AT_WORK, replace(AT_WORK, interruptions=3))] == [(), (), ()]


def test_uploading_is_reported_before_the_first_try_and_uploaded_after_it() -> None:
    """Errata 3.31."""
    assert follows(ASKED) == (queued("Uploading"), step("upload"))
    assert follows(replace(AT_WORK, report="Uploaded")) == (queued("Uploaded"), step("done"))


def test_a_failed_try_is_followed_by_another_one_until_none_is_left() -> None:
    failed = replace(AT_WORK, report="PermissionDenied", retry_after_s=30)
    assert follows(failed) == (step("retry", 31_000),)
    waiting = replace(failed, step="retry", step_due_ms=31_000)
    assert follows(waiting, 30_999) == ()
    assert follows(waiting, 31_000) == (step("upload", 31_000),)
    assert list(upload_deadlines(waiting, "wait")) == [Deadline(due_ms=31_000, name="wait", key=5)]
    assert [list(upload_deadlines(job, "wait")) for job in (None, failed)] == [[], []]
    assert follows(replace(failed, attempt=2)) == (queued("PermissionDenied"), step("done"))


def test_an_upload_that_is_interrupted_too_often_has_failed() -> None:
    cut = replace(AT_WORK, interruptions=4)
    assert follows(cut) == (step("retry", 21_000),)
    assert follows(replace(cut, attempt=2)) == (queued("UploadFailed"), step("done"))


def test_a_request_for_the_same_place_and_time_repeats_the_one_under_way() -> None:
    assert is_same_upload(REQUEST, replace(REQUEST, job=6, file_name="y.zip", retries=9))
    assert not is_same_upload(REQUEST, replace(REQUEST, location="ftp://files.example/x"))
    assert not is_same_upload(REQUEST, replace(REQUEST, stop_utc_ms=1))


def test_nothing_was_recorded_in_the_future_nor_in_a_time_that_ends_before_it_begins() -> None:
    found = station().online()
    state, at_ms = found.state, found.at_ms
    now = UTC_2026_MS + at_ms
    assert [time_fault(state, start, stop, at_ms) for start, stop in ((None, 0), (now, None), (now, now))] == [""] * 3
    assert time_fault(state, now + 1, None, at_ms) == "the time asked for lies in the future"
    assert time_fault(state, now, now - 1, at_ms) == "the time asked for ends before it begins"
