"""UpdateFirmware and GetDiagnostics to jobs, statuses to notifications.

A second UpdateFirmware replaces the job, so that an operator can correct a location or a date; but not once the image is
being installed, which is not to be undone half way: then it changes nothing. A second GetDiagnostics always replaces the
upload. A replaced job ends without a notification: the statuses of OCPP 1.6 name no job, so the CSMS would take its end for that of
the new one. (OCPP 2.0.1 and the security white paper cancel the old one likewise: AcceptedCanceled.) A request that only
repeats the one under way, such as a CSMS sends whose first one timed out, changes nothing either, and is answered alike.
"""

from eventstore.catalogue.maintenance import (
    DiagnosticsRequested,
    DiagnosticsStatusQueued,
    FirmwareStatusQueued,
    FirmwareUpdateRequested,
    TransferRefused,
)
from projections.maintenance import FirmwareJob
from projections.station import StationState
from station.core.feature import Refusal, Rendered, Reply
from station.rules.transfers import file_name, interval_s, location_fault, tries_again
from station.rules.uploads import is_same_upload, time_fault
from station.wire.enums import DiagnosticsStatus, FirmwareStatus
from station.wire.frames import ErrorCode
from station.wire.messages.firmware_management import (
    DiagnosticsStatusNotification,
    FirmwareStatusNotification,
    GetDiagnostics,
    GetDiagnosticsResponse,
    UpdateFirmware,
    UpdateFirmwareResponse,
)

ONLY_SIGNED = "only signed firmware is taken: SignedUpdateFirmware"
REPLACEABLE = frozenset({"", "retry", "download", "signature", "scheduled", "idle"})
"""The steps of a firmware job at which another may take its place: the image is not being installed yet."""


def decide_update_firmware(state: StationState, request: UpdateFirmware, at_ms: int) -> Reply:
    """UpdateFirmware.conf says nothing (6.56); FirmwareStatusNotification reports what becomes of the update.

    NotSupported where the settings want firmware to be signed (white paper, L01.FR.20).
    """
    if state.described.requires_signed_firmware:
        return Reply(Refusal(error_code=ErrorCode.NOT_SUPPORTED, description=ONLY_SIGNED))
    asked = FirmwareUpdateRequested(
        job=state.maintenance.jobs + 1,
        location=request.location,
        retrieve_utc_ms=request.retrieve_date,
        retries=tries_again(request.retries),
        retry_interval_s=interval_s(request.retry_interval),
    )
    job = state.maintenance.firmware
    if job is not None and (job.step not in REPLACEABLE or _is_same_update(job, asked)):
        return Reply(UpdateFirmwareResponse())
    return Reply(UpdateFirmwareResponse(), (asked,))


def _is_same_update(job: FirmwareJob, asked: FirmwareUpdateRequested) -> bool:
    known = job.request.location, job.request.retrieve_utc_ms
    return job.signed is None and known == (asked.location, asked.retrieve_utc_ms)


def decide_get_diagnostics(state: StationState, request: GetDiagnostics, at_ms: int) -> Reply:
    """The name of the file that will be uploaded.

    No name, and no upload, if the location cannot be used or nothing can have been recorded in the time asked for.
    """
    fault = location_fault(state, request.location) or time_fault(state, request.start_time, request.stop_time, at_ms)
    if fault:
        return Reply(GetDiagnosticsResponse(), (TransferRefused(action="GetDiagnostics", reason=fault),))
    number = state.maintenance.jobs + 1
    asked = DiagnosticsRequested(
        job=number,
        location=request.location,
        file_name=file_name(state, number, at_ms, ".zip"),
        start_utc_ms=request.start_time,
        stop_utc_ms=request.stop_time,
        retries=tries_again(request.retries),
        retry_interval_s=interval_s(request.retry_interval),
    )
    job = state.maintenance.diagnostics
    if job is not None and is_same_upload(job.request, asked):
        return Reply(GetDiagnosticsResponse(file_name=job.request.file_name))
    return Reply(GetDiagnosticsResponse(file_name=asked.file_name), (asked,))


def render_firmware_status(state: StationState, event: FirmwareStatusQueued, at_ms: int) -> Rendered:
    """FirmwareStatusNotification.req (6.19)."""
    return Rendered(request=FirmwareStatusNotification(status=FirmwareStatus(event.status)))


def render_diagnostics_status(state: StationState, event: DiagnosticsStatusQueued, at_ms: int) -> Rendered:
    """DiagnosticsStatusNotification.req (6.17)."""
    return Rendered(request=DiagnosticsStatusNotification(status=DiagnosticsStatus(event.status)))
