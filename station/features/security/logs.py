"""GetLog (white paper, N01): the security log or a diagnostics file is uploaded, and each status names the request it is for.

A second GetLog cancels the upload under way and is answered with AcceptedCanceled (N01.FR.11); of the cancelled one nothing more
is reported, since no status says that. A request that only repeats the one under way changes nothing. GetDiagnostics has an
upload of its own, and neither disturbs the other.
"""

from collections.abc import Iterator, Mapping

from eventstore.catalogue.maintenance import DiagnosticsRequested, TransferRefused
from eventstore.catalogue.security import LogStatusQueued
from projections.station import StationState
from station.core.feature import Deadline, Events, Rendered, Reply
from station.rules.transfers import file_name, interval_s, location_fault, tries_again
from station.rules.uploads import advance_upload, is_same_upload, time_fault, upload_deadlines
from station.wire.messages.security import GetLog, GetLogResponse, LogStatusNotification
from station.wire.security_enums import LogKind, LogStatus, UploadLogStatus

WAIT = "log_wait"
_SUFFIXES: Mapping[LogKind, str] = {LogKind.DIAGNOSTICS_LOG: ".zip", LogKind.SECURITY_LOG: "_security.jsonl"}


def decide_get_log(state: StationState, request: GetLog, at_ms: int) -> Reply:
    """The name of the file that will be uploaded.

    Rejected, without a name, if the location cannot be used or nothing can have been recorded in the time asked for.
    """
    oldest, latest = request.log.oldest_timestamp, request.log.latest_timestamp
    fault = location_fault(state, request.log.remote_location) or time_fault(state, oldest, latest, at_ms)
    if fault:
        refused = TransferRefused(action="GetLog", reason=fault)
        return Reply(GetLogResponse(status=LogStatus.REJECTED), (refused,))
    number = state.maintenance.jobs + 1
    asked = DiagnosticsRequested(
        job=number,
        location=request.log.remote_location,
        file_name=file_name(state, number, at_ms, _SUFFIXES[request.log_type]),
        start_utc_ms=oldest,
        stop_utc_ms=latest,
        retries=tries_again(request.retries),
        retry_interval_s=interval_s(request.retry_interval),
        log=request.log_type.value,
        request_id=request.request_id,
    )
    job = state.maintenance.log
    if job is not None and is_same_upload(job.request, asked):
        return Reply(GetLogResponse(status=LogStatus.ACCEPTED, filename=job.request.file_name))
    status = LogStatus.ACCEPTED if job is None else LogStatus.ACCEPTED_CANCELED
    return Reply(GetLogResponse(status=status, filename=asked.file_name), (asked,))


def log_deadlines(state: StationState) -> Iterator[Deadline]:
    """The next upload, after one that failed."""
    return upload_deadlines(state.maintenance.log, WAIT)


def advance_log(state: StationState, at_ms: int) -> Events:
    """What follows for the upload under way: at most one step, and the status that goes with it."""
    job = state.maintenance.log
    request_id = None if job is None else job.request.request_id

    def queue(status: str) -> LogStatusQueued:
        return LogStatusQueued(status=status, request_id=request_id)

    return advance_upload(job, at_ms, queue, UploadLogStatus.UPLOAD_FAILURE)


def render_log_status(state: StationState, event: LogStatusQueued, at_ms: int) -> Rendered:
    """LogStatusNotification.req (5.13)."""
    return Rendered(request=LogStatusNotification(status=UploadLogStatus(event.status), request_id=event.request_id))
