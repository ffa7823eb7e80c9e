"""Messages of the FirmwareManagement profile (fields in OCPP 1.6 section 6)."""

from eventstore.frozen import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticsStatusNotification:
    """DiagnosticsStatusNotification.req (6.17)."""

    status: DiagnosticsStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticsStatusNotificationResponse:
    """DiagnosticsStatusNotification.conf (6.18)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareStatusNotification:
    """FirmwareStatusNotification.req (6.19)."""

    status: FirmwareStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareStatusNotificationResponse:
    """FirmwareStatusNotification.conf (6.20)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDiagnostics:
    """GetDiagnostics.req (6.25): retry_interval in seconds; the location is any text here, its use decides."""

    location: str
    retries: int | None = None
    retry_interval: DurationSeconds | None = None
    start_time: DateTime | None = None
    stop_time: DateTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetDiagnosticsResponse:
    """GetDiagnostics.conf (6.26): no file_name if there is nothing to upload."""

    file_name: CiString255Type | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFirmware:
    """UpdateFirmware.req (6.55): retry_interval in seconds; the location is any text here, its use decides."""

    location: str
    retrieve_date: DateTime
    retries: int | None = None
    retry_interval: DurationSeconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFirmwareResponse:
    """UpdateFirmware.conf (6.56)."""
