"""The steps of a diagnostics upload (5.9, errata 3.31): "Uploading" once, then "Uploaded" or, after the last try, "UploadFailed"."""

from collections.abc import Iterator

from eventstore.catalogue.maintenance import DiagnosticsStatusQueued, DiagnosticsStepDecided
from projections.maintenance import DiagnosticsJob
from projections.station import StationState
from station.core.feature import Deadline, Events
from station.features.maintenance.messages import wait_ms
from station.wire.enums import DiagnosticsStatus

INTERRUPTIONS_MAX = 3  # boots in the midst of one upload: after that it counts as failed

WAIT = "diagnostics_wait"


def diagnostics_deadlines(state: StationState) -> Iterator[Deadline]:
    """The next upload, after one that failed."""
    job = state.maintenance.diagnostics
    if job is not None and job.step == "retry":
        yield Deadline(due_ms=job.step_due_ms, name=WAIT, key=job.request.job)


def advance_diagnostics(state: StationState, at_ms: int) -> Events:
    """What follows for the upload under way: at most one step, and the status that goes with it."""
    job = state.maintenance.diagnostics
    if job is None:
        return ()
    if job.step == "":
        return _step(job, "upload", at_ms, DiagnosticsStatus.UPLOADING)
    if job.step == "retry":
        return _step(job, "upload", at_ms) if at_ms >= job.step_due_ms else ()
    if job.report == "Uploaded":
        return _step(job, "done", at_ms, DiagnosticsStatus.UPLOADED)
    if job.report != "UploadFailed" and job.interruptions <= INTERRUPTIONS_MAX:
        return ()
    if job.attempt > job.request.retries:
        return _step(job, "done", at_ms, DiagnosticsStatus.UPLOAD_FAILED)
    return _step(job, "retry", at_ms + wait_ms(job.request.retry_interval_s, job.retry_after_s))


def _step(job: DiagnosticsJob, step: str, due_ms: int, *statuses: DiagnosticsStatus) -> Events:
    told = tuple(DiagnosticsStatusQueued(status=status) for status in statuses)
    return (*told, DiagnosticsStepDecided(job=job.request.job, step=step, due_ms=due_ms))
