"""A reset under way, the firmware job, the uploads of diagnostics and of a log."""

import pytest

from eventstore.catalogue.lifecycle import StationBooted, StationStopping
from eventstore.catalogue.link import LinkClosed
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
    SignedFirmwareStatusQueued,
    SignedUpdateAnswered,
    SignedUpdateOffered,
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
OFFER = SignedUpdateOffered(
    job=1,
    request_id=7,
    location="x",
    retrieve_utc_ms=0,
    install_utc_ms=None,
    signing_certificate="PEM",
    signature="base64",
    retries=1,
    retry_interval_s=1,
    due_ms=9,
)
ANSWERED = SignedUpdateAnswered(job=1, request_id=7, status="Accepted")
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
    + [("idle", "idle", 0), ("signature", "signature", 1), ("scheduled", "scheduled", 0)],
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


def test_an_offer_waits_for_its_answer_and_ends_with_its_connection() -> None:
    """White paper, L01.FR.23."""
    offered = folded(Maintenance(), OFFER)
    assert (offered.offered, offered.jobs, offered.firmware) == (OFFER, 1, None)
    for end in (ANSWERED, BOOT, LinkClosed(connection=1, reason="lost", entropy=0)):
        assert folded(offered, end).offered is None
    assert folded(Maintenance(), LinkClosed(connection=1, reason="lost", entropy=0)) == Maintenance()


def test_a_job_is_signed_if_it_is_the_one_that_was_offered() -> None:
    accepted = folded(Maintenance(), OFFER, UPDATE, ANSWERED).firmware
    assert accepted is not None
    assert accepted.signed == OFFER
    plain = folded(Maintenance(), OFFER, replace(UPDATE, job=2)).firmware
    assert plain is not None
    assert plain.signed is None


def test_the_last_status_of_a_signed_update_outlives_its_job() -> None:
    """White paper, L01.FR.28 and L01.FR.29."""
    failed = SignedFirmwareStatusQueued(status="DownloadFailed", request_id=7)
    working = folded(Maintenance(), OFFER, UPDATE, ANSWERED, failed)
    assert working.firmware is not None
    assert working.firmware.status == "DownloadFailed"
    assert folded(working, firmware("done"), BOOT).signed_status == failed
    for other in (replace(failed, status="X", tries=2), replace(failed, status="X", triggered=True)):
        assert folded(working, other) == working
    assert folded(Maintenance(), failed).firmware is None


def test_the_digest_of_what_was_downloaded_stays_with_the_job() -> None:
    downloaded = replace(progressed("Downloaded"), sha256="abc")
    job = folded(Maintenance(), OFFER, UPDATE, firmware("download"), downloaded, firmware("signature")).firmware
    assert job is not None
    assert job.sha256 == "abc"
