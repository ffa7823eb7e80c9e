"""The steps of an upload (5.9, errata 3.31; white paper, N01): "Uploading" once, then what it came to, once the last try has been made."""

from collections.abc import Callable, Iterator

from eventstore.catalogue.maintenance import DiagnosticsRequested, DiagnosticsStepDecided
from eventstore.event import Event
from projections.maintenance import UploadJob
from projections.station import StationState
from station.core.feature import Deadline, Events
from station.rules.transfers import wait_ms

INTERRUPTIONS_MAX = 3  # boots in the midst of one upload: after that it counts as failed

UPLOADING, UPLOADED = "Uploading", "Uploaded"


def time_fault(state: StationState, start_utc_ms: int | None, stop_utc_ms: int | None, at_ms: int) -> str:
    """Why nothing can have been recorded in the time asked for, for people; "" if something may have been."""
    if start_utc_ms is None:
        return ""
    if stop_utc_ms is not None and stop_utc_ms < start_utc_ms:
        return "the time asked for ends before it begins"
    in_future = state.clock.trusted and start_utc_ms > state.clock.utc_ms(at_ms)
    return "the time asked for lies in the future" if in_future else ""


def is_same_upload(known: DiagnosticsRequested, asked: DiagnosticsRequested) -> bool:
    """Whether the request only repeats the one under way, as of a CSMS that heard no answer."""
    return _asked_for(known) == _asked_for(asked)


def _asked_for(request: DiagnosticsRequested) -> tuple[object, ...]:
    return request.location, request.start_utc_ms, request.stop_utc_ms, request.log, request.request_id


def upload_deadlines(job: UploadJob | None, name: str) -> Iterator[Deadline]:
    """The next upload, after one that failed."""
    if job is not None and job.step == "retry":
        yield Deadline(due_ms=job.step_due_ms, name=name, key=job.request.job)


def advance_upload(job: UploadJob | None, at_ms: int, queue: Callable[[str], Event], failed: str) -> Events:
    """What follows for the upload under way: at most one step, and the status that goes with it.

    `queue` makes the event that queues a status, `failed` is the one of an upload that was interrupted too often.
    """
    if job is None:
        return ()
    if job.step == "":
        return (queue(UPLOADING), _step(job, "upload", at_ms))
    if job.step == "retry":
        return (_step(job, "upload", at_ms),) if at_ms >= job.step_due_ms else ()
    if job.report == UPLOADED:
        return (queue(UPLOADED), _step(job, "done", at_ms))
    if not job.report and job.interruptions <= INTERRUPTIONS_MAX:
        return ()
    if job.attempt > job.request.retries:
        return (queue(job.report or failed), _step(job, "done", at_ms))
    return (_step(job, "retry", at_ms + wait_ms(job.request.retry_interval_s, job.retry_after_s)),)


def _step(job: UploadJob, step: str, due_ms: int) -> DiagnosticsStepDecided:
    return DiagnosticsStepDecided(job=job.request.job, step=step, due_ms=due_ms)
