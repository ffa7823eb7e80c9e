"""Work on the station itself: a reset under way, the firmware job, the uploads of diagnostics and of a log; jobs outlive restarts.

A job is at one step; `report` is what the job runner said of that step, `retry_after_s` how long the server asked to be left
alone then. Each new step begins without a report. A boot in
the midst of a step of the runner's leaves the step as it was, to be done again, and counts as an interruption.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.lifecycle import StationBooted, StationDescribed, StationStopping
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
from eventstore.value import Value, replace
from projections.clock import Clock
from projections.security import EXTENSION


class PendingReset(Value, frozen=True, kw_only=True):
    """A reset that was accepted: `due` once nothing holds it back any more, `failures` of replacing the process."""

    kind: str
    due_ms: int
    due: bool = False
    failures: int = 0


class FirmwareJob(Value, frozen=True, kw_only=True):
    """UpdateFirmware or SignedUpdateFirmware: what was asked for, the status queued last (`status`), and the step it is at.

    `step` is "" until the image may be retrieved, then as in FirmwareStepDecided, and "verify" after the boot that was
    to bring the new firmware. `attempt` counts downloads; `version` is what the new firmware should call itself, `replaces` what
    was in service when it began to be installed. `signed` is what SignedUpdateFirmware said, `sha256` what was downloaded.
    """

    request: FirmwareUpdateRequested
    signed: SignedUpdateOffered | None = None
    status: str = ""
    attempt: int = 0
    step: str = ""
    step_due_ms: int = 0
    report: str = ""
    file: str = ""
    version: str = ""
    replaces: str = ""
    sha256: str = ""
    interruptions: int = 0
    retry_after_s: int = 0


class UploadJob(Value, frozen=True, kw_only=True):
    """GetDiagnostics or GetLog: what was asked for, the status queued last (`status`), and the step it is at.

    `step` is "" at first, then as in DiagnosticsStepDecided. `attempt` counts uploads.
    """

    request: DiagnosticsRequested
    status: str = ""
    attempt: int = 0
    step: str = ""
    step_due_ms: int = 0
    report: str = ""
    interruptions: int = 0
    retry_after_s: int = 0


class Maintenance(Value, frozen=True, kw_only=True):
    """`stopping` is why the process was asked to end, "" while it runs on; `log` is the upload that GetLog asked for.

    `offered` is a SignedUpdateFirmware that is not answered yet; it ends with its connection, as its answer would. `signed_status` is
    what was last said of a signed update.
    """

    reset: PendingReset | None = None
    stopping: str = ""
    firmware: FirmwareJob | None = None
    offered: SignedUpdateOffered | None = None
    signed_status: SignedFirmwareStatusQueued | None = None
    diagnostics: UploadJob | None = None
    log: UploadJob | None = None
    jobs: int = 0
    firmware_version: str = ""
    software_version: str = ""


def _on_boot(maintenance: Maintenance, event: StationBooted, recorded: Recorded, _: Clock) -> Maintenance:
    return replace(
        maintenance,
        reset=None,
        stopping="",
        offered=None,
        firmware=_firmware_after_boot(maintenance.firmware),
        diagnostics=_upload_after_boot(maintenance.diagnostics),
        log=_upload_after_boot(maintenance.log),
        firmware_version=event.firmware_version,
        software_version=event.software_version,
    )


def _on_described(maintenance: Maintenance, event: StationDescribed, recorded: Recorded, _: Clock) -> Maintenance:
    # Nobody would take the jobs any further: connectors must not stay Unavailable for them.
    if "FirmwareManagement" in event.profiles_off:
        maintenance = replace(maintenance, firmware=None, diagnostics=None)
    return replace(maintenance, log=None) if EXTENSION in event.profiles_off else maintenance


def _firmware_after_boot(job: FirmwareJob | None) -> FirmwareJob | None:
    if job is None:
        return None
    if job.step in ("restart", "reboot"):
        return replace(job, step="verify")
    if job.step in ("download", "signature", "install", "activate"):
        return replace(job, interruptions=job.interruptions + 1)
    return job


def _upload_after_boot(job: UploadJob | None) -> UploadJob | None:
    if job is None or job.step != "upload":
        return job
    return replace(job, interruptions=job.interruptions + 1)


def _on_stopping(maintenance: Maintenance, event: StationStopping, recorded: Recorded, _: Clock) -> Maintenance:
    return replace(maintenance, stopping=event.why)


def _on_reset(maintenance: Maintenance, event: ResetAccepted, recorded: Recorded, _: Clock) -> Maintenance:
    return replace(maintenance, reset=PendingReset(kind=event.kind, due_ms=event.due_ms))


def _on_reset_due(maintenance: Maintenance, event: ResetDue, recorded: Recorded, _: Clock) -> Maintenance:
    reset = maintenance.reset
    return maintenance if reset is None else replace(maintenance, reset=replace(reset, due=True))


def _on_reset_abandoned(maintenance: Maintenance, event: ResetAbandoned, recorded: Recorded, _: Clock) -> Maintenance:
    return replace(maintenance, reset=None)


def _on_reset_failed(maintenance: Maintenance, event: ResetFailed, recorded: Recorded, _: Clock) -> Maintenance:
    reset = maintenance.reset
    if reset is None:
        return maintenance
    return replace(maintenance, reset=replace(reset, due=False, failures=reset.failures + 1))


def _on_firmware(maintenance: Maintenance, event: FirmwareUpdateRequested, recorded: Recorded, _: Clock) -> Maintenance:
    offered = maintenance.offered
    signed = offered if offered is not None and offered.job == event.job else None
    return replace(maintenance, jobs=event.job, firmware=FirmwareJob(request=event, signed=signed))


def _on_offered(maintenance: Maintenance, event: SignedUpdateOffered, recorded: Recorded, _: Clock) -> Maintenance:
    return replace(maintenance, jobs=event.job, offered=event)


def _on_offer_answered(
    maintenance: Maintenance, event: SignedUpdateAnswered, recorded: Recorded, _: Clock
) -> Maintenance:
    return replace(maintenance, offered=None)


def _on_link_closed(maintenance: Maintenance, event: LinkClosed, recorded: Recorded, _: Clock) -> Maintenance:
    return maintenance if maintenance.offered is None else replace(maintenance, offered=None)


def _on_firmware_step(
    maintenance: Maintenance, event: FirmwareStepDecided, recorded: Recorded, _: Clock
) -> Maintenance:
    job = maintenance.firmware
    if job is None or job.request.job != event.job:
        return maintenance
    if event.step == "done":
        return replace(maintenance, firmware=None)
    attempt = job.attempt + 1 if event.step == "download" else job.attempt
    stepped = replace(
        job, step=event.step, step_due_ms=event.due_ms, attempt=attempt, report="", retry_after_s=0, interruptions=0
    )
    if event.step == "install":
        stepped = replace(stepped, replaces=maintenance.firmware_version)
    if event.step == "restart":
        # The restart that activates is carried out, and tried again, like a reset that nothing holds back any more.
        return replace(maintenance, firmware=stepped, reset=PendingReset(kind="Soft", due_ms=event.due_ms, due=True))
    return replace(maintenance, firmware=stepped)


def _on_firmware_progress(
    maintenance: Maintenance, event: FirmwareProgressed, recorded: Recorded, _: Clock
) -> Maintenance:
    job = maintenance.firmware
    if job is None or job.request.job != event.job or job.attempt != event.attempt:
        return maintenance
    progressed = replace(
        job,
        report=event.status,
        file=event.file or job.file,
        version=event.version or job.version,
        sha256=event.sha256 or job.sha256,
        retry_after_s=event.retry_after_s,
    )
    return replace(maintenance, firmware=progressed)


def _on_firmware_status(
    maintenance: Maintenance, event: FirmwareStatusQueued, recorded: Recorded, _: Clock
) -> Maintenance:
    job = maintenance.firmware
    if job is None or event.triggered or event.tries > 1:
        return maintenance
    return replace(maintenance, firmware=replace(job, status=event.status))


def _on_signed_status(
    maintenance: Maintenance, event: SignedFirmwareStatusQueued, recorded: Recorded, _: Clock
) -> Maintenance:
    if event.triggered or event.tries > 1:
        return maintenance
    job = maintenance.firmware
    said = None if job is None else replace(job, status=event.status)
    return replace(maintenance, firmware=said, signed_status=event)


def _slot(maintenance: Maintenance, job: int) -> tuple[str, UploadJob | None]:
    """Which of the two uploads has this number, by the field that it is kept in."""
    uploads = (("diagnostics", maintenance.diagnostics), ("log", maintenance.log))
    return next(((slot, upload) for slot, upload in uploads if upload and upload.request.job == job), ("", None))


def _on_upload(maintenance: Maintenance, event: DiagnosticsRequested, recorded: Recorded, _: Clock) -> Maintenance:
    upload = UploadJob(request=event)
    if event.log:
        return replace(maintenance, jobs=event.job, log=upload)
    return replace(maintenance, jobs=event.job, diagnostics=upload)


def _on_upload_step(
    maintenance: Maintenance, event: DiagnosticsStepDecided, recorded: Recorded, _: Clock
) -> Maintenance:
    slot, job = _slot(maintenance, event.job)
    if job is None:
        return maintenance
    if event.step == "done":
        return replace(maintenance, **{slot: None})
    attempt = job.attempt + 1 if event.step == "upload" else job.attempt
    stepped = replace(
        job, step=event.step, step_due_ms=event.due_ms, attempt=attempt, report="", retry_after_s=0, interruptions=0
    )
    return replace(maintenance, **{slot: stepped})


def _on_upload_progress(
    maintenance: Maintenance, event: DiagnosticsProgressed, recorded: Recorded, _: Clock
) -> Maintenance:
    slot, job = _slot(maintenance, event.job)
    if job is None or job.attempt != event.attempt:
        return maintenance
    progressed = replace(job, report=event.status, retry_after_s=event.retry_after_s)
    return replace(maintenance, **{slot: progressed})


def _on_diagnostics_status(
    maintenance: Maintenance, event: DiagnosticsStatusQueued, recorded: Recorded, _: Clock
) -> Maintenance:
    job = maintenance.diagnostics
    if job is None or event.triggered or event.tries > 1:
        return maintenance
    return replace(maintenance, diagnostics=replace(job, status=event.status))


def _on_log_status(maintenance: Maintenance, event: LogStatusQueued, recorded: Recorded, _: Clock) -> Maintenance:
    job = maintenance.log
    if job is None or event.triggered or event.tries > 1:
        return maintenance
    return replace(maintenance, log=replace(job, status=event.status))


FOLDS: Mapping[type[Event], Callable[[Maintenance, Any, Recorded, Clock], Maintenance]] = {
    StationBooted: _on_boot,
    StationDescribed: _on_described,
    StationStopping: _on_stopping,
    ResetAccepted: _on_reset,
    ResetDue: _on_reset_due,
    ResetAbandoned: _on_reset_abandoned,
    ResetFailed: _on_reset_failed,
    FirmwareUpdateRequested: _on_firmware,
    FirmwareStepDecided: _on_firmware_step,
    FirmwareProgressed: _on_firmware_progress,
    FirmwareStatusQueued: _on_firmware_status,
    SignedUpdateOffered: _on_offered,
    SignedUpdateAnswered: _on_offer_answered,
    SignedFirmwareStatusQueued: _on_signed_status,
    LinkClosed: _on_link_closed,
    DiagnosticsRequested: _on_upload,
    DiagnosticsStepDecided: _on_upload_step,
    DiagnosticsProgressed: _on_upload_progress,
    DiagnosticsStatusQueued: _on_diagnostics_status,
    LogStatusQueued: _on_log_status,
}
