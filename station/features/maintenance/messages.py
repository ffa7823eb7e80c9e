"""UpdateFirmware and GetDiagnostics to jobs, statuses to notifications, and the protocols that files travel by (9.5.1).

A second UpdateFirmware replaces the job, so that an operator can correct a location or a date; but not once the image is
being installed, which is not to be undone half way: then it changes nothing. A second GetDiagnostics always replaces the
upload. A replaced job ends without a notification: the statuses of OCPP 1.6 name no job, so the CSMS would take its end for that of
the new one. (OCPP 2.0.1 and the security white paper cancel the old one likewise: AcceptedCanceled.) A request that only
repeats the one under way, such as a CSMS sends whose first one timed out, changes nothing either, and is answered alike.
"""

from urllib.parse import urlsplit

from eventstore.catalogue.maintenance import (
    DiagnosticsRequested,
    DiagnosticsStatusQueued,
    FirmwareStatusQueued,
    FirmwareUpdateRequested,
    TransferRefused,
)
from eventstore.event import Event
from projections.outbox import Owed
from projections.station import StationState
from station.core.config_keys import Access, ConfigKey, Csl
from station.core.feature import Events, Failure, Rendered, Reply
from station.wire.enums import DiagnosticsStatus, FirmwareStatus
from station.wire.instants import format_utc_ms
from station.wire.messages.firmware_management import (
    DiagnosticsStatusNotification,
    FirmwareStatusNotification,
    GetDiagnostics,
    GetDiagnosticsResponse,
    UpdateFirmware,
    UpdateFirmwareResponse,
)

PROTOCOLS: tuple[str, ...] = ("FTP", "FTPS", "HTTP", "HTTPS")
LOCATION_LENGTH_MAX = 8_192  # what HTTP servers and clients bear; pre-signed URLs with a session token have some 2,500

RETRIES_DEFAULT = 3
RETRY_INTERVAL_DEFAULT_S = 60
RETRY_INTERVAL_MIN_S = 1  # a retryInterval of 0 must not become a busy loop
RETRY_INTERVAL_MAX_S = 7 * 86_400
RETRY_AFTER_MAX_S = 3_600  # no server of files holds a job up for longer
TELLING_TRIES_MAX = 3

SUPPORTED_FILE_TRANSFER_PROTOCOLS = ConfigKey(
    name="SupportedFileTransferProtocols",
    kind=Csl(allowed=lambda item: item in PROTOCOLS, items_max=len(PROTOCOLS)),
    access=Access.READ_ONLY,
    default=PROTOCOLS,
    clause="9.5.1 (errata 3.88)",
    doc="By which protocols firmware is downloaded and diagnostics are uploaded.",
)


def location_fault(state: StationState, location: str) -> str:
    """Why nothing can be transferred there, for people; "" if the location is a URL with a host, of a protocol on offer."""
    if len(location) > LOCATION_LENGTH_MAX:
        return f"the location has {len(location)} characters, more than {LOCATION_LENGTH_MAX}"
    try:
        parts = urlsplit(location)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "the location is not a URL"
    offered = SUPPORTED_FILE_TRANSFER_PROTOCOLS.of(state)
    if parts.scheme.upper() not in offered:
        return f"the protocol {parts.scheme[:20]!r} is not in SupportedFileTransferProtocols ({', '.join(offered)})"
    return "" if host else "the location names no host"


def wait_ms(retry_interval_s: int, retry_after_s: int) -> int:
    """How long to wait before the next try: what the CSMS asked for, or the file's server, whichever is longer."""
    return max(retry_interval_s, min(retry_after_s, RETRY_AFTER_MAX_S)) * 1000


def _retries(retries: int | None) -> int:
    """How often it is tried again after the first time: 0 is one try (errata 3.50), absent is our choice."""
    return RETRIES_DEFAULT if retries is None else max(0, retries)


def _retry_interval_s(seconds: int | None) -> int:
    wanted_s = RETRY_INTERVAL_DEFAULT_S if seconds is None else seconds
    return min(max(wanted_s, RETRY_INTERVAL_MIN_S), RETRY_INTERVAL_MAX_S)


def decide_update_firmware(state: StationState, request: UpdateFirmware, at_ms: int) -> Reply:
    """UpdateFirmware.conf says nothing (6.56); FirmwareStatusNotification reports what becomes of the update."""
    asked = FirmwareUpdateRequested(
        job=state.maintenance.jobs + 1,
        location=request.location,
        retrieve_utc_ms=request.retrieve_date,
        retries=_retries(request.retries),
        retry_interval_s=_retry_interval_s(request.retry_interval),
    )
    job = state.maintenance.firmware
    if job is not None and (job.step not in ("", "retry", "download", "idle") or _is_same_update(job.request, asked)):
        return Reply(UpdateFirmwareResponse())
    return Reply(UpdateFirmwareResponse(), (asked,))


def _is_same_update(known: FirmwareUpdateRequested, asked: FirmwareUpdateRequested) -> bool:
    return (known.location, known.retrieve_utc_ms) == (asked.location, asked.retrieve_utc_ms)


def decide_get_diagnostics(state: StationState, request: GetDiagnostics, at_ms: int) -> Reply:
    """The name of the file that will be uploaded.

    No name, and no upload, if the location cannot be used or nothing can have been recorded in the time asked for.
    """
    fault = location_fault(state, request.location) or _time_fault(state, request, at_ms)
    if fault:
        return Reply(GetDiagnosticsResponse(), (TransferRefused(action="GetDiagnostics", reason=fault),))
    number = state.maintenance.jobs + 1
    asked = DiagnosticsRequested(
        job=number,
        location=request.location,
        file_name=_file_name(state, number, at_ms),
        start_utc_ms=request.start_time,
        stop_utc_ms=request.stop_time,
        retries=_retries(request.retries),
        retry_interval_s=_retry_interval_s(request.retry_interval),
    )
    job = state.maintenance.diagnostics
    if job is not None and _is_same_upload(job.request, asked):
        return Reply(GetDiagnosticsResponse(file_name=job.request.file_name))
    return Reply(GetDiagnosticsResponse(file_name=asked.file_name), (asked,))


def _time_fault(state: StationState, request: GetDiagnostics, at_ms: int) -> str:
    start, stop = request.start_time, request.stop_time
    if start is None:
        return ""
    if stop is not None and stop < start:
        return "stopTime lies before startTime"
    in_future = state.clock.trusted and start > state.clock.utc_ms(at_ms)
    return "startTime lies in the future" if in_future else ""


def _is_same_upload(known: DiagnosticsRequested, asked: DiagnosticsRequested) -> bool:
    times = (known.start_utc_ms, known.stop_utc_ms)
    return known.location == asked.location and times == (asked.start_utc_ms, asked.stop_utc_ms)


def _file_name(state: StationState, job: int, at_ms: int) -> str:
    """One of its own for each job: identity, UTC and job number, made of letters, digits, "-", "_" and "."."""
    signs = (sign if sign.isascii() and sign.isalnum() else "-" for sign in state.described.identity)
    identity = "".join(signs).strip("-")
    utc = format_utc_ms(state.clock.utc_ms(at_ms))[:19].replace("-", "").replace(":", "")
    return f"{identity}_{utc}Z_{job}.zip"


def render_firmware_status(state: StationState, event: FirmwareStatusQueued, at_ms: int) -> Rendered:
    """FirmwareStatusNotification.req (6.19)."""
    return Rendered(request=FirmwareStatusNotification(status=FirmwareStatus(event.status)))


def render_diagnostics_status(state: StationState, event: DiagnosticsStatusQueued, at_ms: int) -> Rendered:
    """DiagnosticsStatusNotification.req (6.17)."""
    return Rendered(request=DiagnosticsStatusNotification(status=DiagnosticsStatus(event.status)))


def tell_firmware_again(state: StationState, owed: Owed, failure: Failure, at_ms: int) -> Events:
    """A status that got no answer in time is queued again, a few times, unless a later one has been queued since."""
    if not _may_tell_again(state, owed, failure) or not isinstance(owed.event, FirmwareStatusQueued):
        return ()
    return (FirmwareStatusQueued(status=owed.event.status, tries=owed.event.tries + 1),)


def tell_diagnostics_again(state: StationState, owed: Owed, failure: Failure, at_ms: int) -> Events:
    """The same for DiagnosticsStatusNotification."""
    if not _may_tell_again(state, owed, failure) or not isinstance(owed.event, DiagnosticsStatusQueued):
        return ()
    return (DiagnosticsStatusQueued(status=owed.event.status, tries=owed.event.tries + 1),)


def _may_tell_again(state: StationState, owed: Owed, failure: Failure) -> bool:
    event: Event = owed.event
    if failure.kind != "timeout" or getattr(event, "triggered", False):
        return False
    overtaken = any(other.seq > owed.seq and type(other.event) is type(event) for other in state.outbox.calls)
    return not overtaken and getattr(event, "tries", 1) < TELLING_TRIES_MAX
