"""Messages of the FirmwareManagement profile (fields in OCPP 1.6 section 6)."""

from eventstore.value import Value
from station.wire.enums import DiagnosticsStatus, FirmwareStatus
from station.wire.primitives import CiString255Type, DateTime, DurationSeconds

__all__ = [
    "DiagnosticsStatusNotification",
    "DiagnosticsStatusNotificationResponse",
    "FirmwareStatusNotification",
    "FirmwareStatusNotificationResponse",
    "GetDiagnostics",
    "GetDiagnosticsResponse",
    "UpdateFirmware",
    "UpdateFirmwareResponse",
]


class DiagnosticsStatusNotification(Value, frozen=True, kw_only=True):
    """DiagnosticsStatusNotification.req (6.17)."""

    status: DiagnosticsStatus


class DiagnosticsStatusNotificationResponse(Value, frozen=True, kw_only=True):
    """DiagnosticsStatusNotification.conf (6.18)."""


class FirmwareStatusNotification(Value, frozen=True, kw_only=True):
    """FirmwareStatusNotification.req (6.19)."""

    status: FirmwareStatus


class FirmwareStatusNotificationResponse(Value, frozen=True, kw_only=True):
    """FirmwareStatusNotification.conf (6.20)."""


class GetDiagnostics(Value, frozen=True, kw_only=True):
    """GetDiagnostics.req (6.25): retry_interval in seconds; the location is any text here, its use decides."""

    location: str
    retries: int | None = None
    retry_interval: DurationSeconds | None = None
    start_time: DateTime | None = None
    stop_time: DateTime | None = None


class GetDiagnosticsResponse(Value, frozen=True, kw_only=True):
    """GetDiagnostics.conf (6.26): no file_name if there is nothing to upload."""

    file_name: CiString255Type | None = None


class UpdateFirmware(Value, frozen=True, kw_only=True):
    """UpdateFirmware.req (6.55): retry_interval in seconds; the location is any text here, its use decides."""

    location: str
    retrieve_date: DateTime
    retries: int | None = None
    retry_interval: DurationSeconds | None = None


class UpdateFirmwareResponse(Value, frozen=True, kw_only=True):
    """UpdateFirmware.conf (6.56)."""
