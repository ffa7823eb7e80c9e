"""A reset under way, the firmware job, the uploads of diagnostics and of a log."""

import pytest

from eventstore.catalogue.lifecycle import StationBooted, StationStopping
from eventstore.catalogue.maintenance import (
    DiagnosticsProgressed,
    DiagnosticsRequested,
    DiagnosticsStatusQueued,
    DiagnosticsStepDecided,
    FirmwareProgressed,
    FirmwareStatusQueued,
    FirmwareStepDecided,
    FirmwareUpdateRequested,
    ResetAbandoned,
    ResetAccepted,
    ResetDue,
    ResetFailed,
)
from eventstore.catalogue.security import LogStatusQueued
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.clock import Clock
from projections.maintenance import FOLDS, Maintenance, PendingReset

BOOT = StationBooted(
    boot=2,
    installation="1",
    software_version="2.0",
    firmware_version="3.0",
    offset_ms=0,
    clock_trusted=True,
    orderly=True,
)
UPDATE = FirmwareUpdateRequested(job=1, location="x", retrieve_utc_ms=0, retries=1, retry_interval_s=1)
UPLOAD = DiagnosticsRequested(
    job=2, location="x", file_name="f", start_utc_ms=None, stop_utc_ms=None, retries=1, retry_interval_s=1
)

LOG = replace(UPLOAD, job=3, log="SecurityLog", request_id=7)


def folded(maintenance: Maintenance, *events: Event) -> Maintenance:
    for event in events:
        recorded = Recorded(seq=1, cause=1, at_ms=0, utc_ms=0, event=event)
        maintenance = FOLDS[type(event)](maintenance, event, recorded, Clock())
    return maintenance


def firmware(step: str) -> FirmwareStepDecided:
    return FirmwareStepDecided(job=1, step=step, due_ms=5)


def diagnostics(step: str) -> DiagnosticsStepDecided:
    return DiagnosticsStepDecided(job=2, step=step, due_ms=5)


def progressed(status: str, attempt: int = 1, job: int = 1) -> FirmwareProgressed:
    return FirmwareProgressed(job=job, status=status, attempt=attempt, detail="", file="image", version="9")


def test_a_reset_from_its_acceptance_to_the_boot() -> None:
    """5.14."""
    accepted = folded(Maintenance(), ResetAccepted(kind="Soft", due_ms=70))
    assert accepted.reset == PendingReset(kind="Soft", due_ms=70)
    due = folded(accepted, ResetDue(kind="Soft"))
    assert due.reset == PendingReset(kind="Soft", due_ms=70, due=True)
    failed = folded(due, ResetFailed(reason="x"))
    assert failed.reset == PendingReset(kind="Soft", due_ms=70, failures=1)
    assert folded(failed, ResetAbandoned(kind="Soft")).reset is None
    assert folded(due, BOOT).reset is None
    for event in (ResetDue(kind="Soft"), ResetFailed(reason="x")):
        assert folded(Maintenance(), event) == Maintenance()


def test_a_process_that_was_asked_to_end_is_stopping_until_the_next_boot() -> None:
    stopping = folded(Maintenance(), StationStopping(why="SIGTERM"))
    assert stopping.stopping == "SIGTERM"
    booted = folded(stopping, BOOT)
    assert (booted.stopping, booted.software_version, booted.firmware_version) == ("", "2.0", "3.0")


def test_each_step_of_a_firmware_job_begins_without_a_report() -> None:
    job = folded(Maintenance(), UPDATE, firmware("download"), progressed("Downloaded")).firmware
    assert job is not None
    assert (job.step, job.attempt, job.report, job.file, job.version) == ("download", 1, "Downloaded", "image", "9")
    job = folded(Maintenance(), UPDATE, firmware("download"), progressed("Downloaded"), firmware("idle")).firmware
    assert job is not None
    assert (job.step, job.report, job.file) == ("idle", "", "image")


@pytest.mark.parametrize("event", [progressed("Downloaded", attempt=2), progressed("Downloaded", job=9)])
def test_a_report_of_another_attempt_or_job_changes_nothing(event: Event) -> None:
    before = folded(Maintenance(), UPDATE, firmware("download"))
    assert folded(before, event) == before
    assert folded(Maintenance(), event) == Maintenance()


@pytest.mark.parametrize(
    ("step", "after", "interruptions"),
    [("download", "download", 1), ("install", "install", 1), ("restart", "verify", 0), ("reboot", "verify", 0)]
    + [("idle", "idle", 0)],
)
def test_a_boot_interrupts_or_completes_the_step_it_falls_into(step: str, after: str, interruptions: int) -> None:
    job = folded(Maintenance(), UPDATE, firmware(step), BOOT).firmware
    assert job is not None
    assert (job.step, job.interruptions) == (after, interruptions)


def test_the_restart_that_activates_is_carried_out_like_a_reset() -> None:
    restarting = folded(Maintenance(), UPDATE, firmware("restart"))
    assert restarting.reset is not None
    assert restarting.reset.due


def test_a_job_that_is_done_is_gone() -> None:
    assert folded(Maintenance(), UPDATE, firmware("done")).firmware is None
    assert folded(Maintenance(), UPLOAD, diagnostics("done")).diagnostics is None
    other = replace(firmware("done"), job=7)
    assert folded(Maintenance(), UPDATE, other).firmware is not None


def test_only_a_status_of_the_jobs_own_is_what_the_csms_was_told() -> None:
    """4.4, 4.5."""
    job = folded(Maintenance(), UPDATE, FirmwareStatusQueued(status="Downloading")).firmware
    assert job is not None
    assert job.status == "Downloading"
    for event in (FirmwareStatusQueued(status="X", triggered=True), FirmwareStatusQueued(status="X", tries=2)):
        again = folded(Maintenance(), UPDATE, FirmwareStatusQueued(status="Downloading"), event).firmware
        assert again == job
    upload = folded(Maintenance(), UPLOAD, DiagnosticsStatusQueued(status="Uploading")).diagnostics
    assert upload is not None
    assert upload.status == "Uploading"


def test_a_diagnostics_job_counts_its_uploads_and_its_interruptions() -> None:
    uploading = folded(Maintenance(), UPLOAD, diagnostics("upload"))
    done = folded(uploading, DiagnosticsProgressed(job=2, status="Uploaded", attempt=1, detail="")).diagnostics
    assert done is not None
    assert (done.attempt, done.report) == (1, "Uploaded")
    booted = folded(uploading, BOOT).diagnostics
    assert booted is not None
    assert (booted.step, booted.interruptions) == ("upload", 1)
    assert folded(uploading, DiagnosticsProgressed(job=2, status="Uploaded", attempt=4, detail="")) == uploading


def test_an_upload_is_found_by_its_number_and_the_other_one_stays_as_it_is() -> None:
    """White paper, N01."""
    both = folded(Maintenance(), UPLOAD, LOG)
    upload = both.diagnostics
    assert upload is not None
    step = DiagnosticsStepDecided(job=3, step="upload", due_ms=5)
    working = folded(both, LogStatusQueued(status="Uploading", request_id=7), step)
    assert working.log is not None
    assert (working.diagnostics, working.log.status, working.log.step) == (upload, "Uploading", "upload")
    for event in (
        LogStatusQueued(status="X", request_id=7, triggered=True),
        LogStatusQueued(status="X", request_id=7, tries=2),
        DiagnosticsStepDecided(job=9, step="upload", due_ms=5),
    ):
        assert folded(working, event) == working
    reported = folded(working, DiagnosticsProgressed(job=3, status="PermissionDenied", attempt=1, detail=""), BOOT).log
    assert reported is not None
    assert (reported.report, reported.interruptions) == ("PermissionDenied", 1)
    assert folded(working, replace(step, step="done")).log is None
    assert folded(Maintenance(), LogStatusQueued(status="Uploading", request_id=7)) == Maintenance()
