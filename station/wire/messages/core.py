"""Messages of the Core profile (OCPP 1.6 sections 4 and 5; fields in section 6)."""

from typing import Annotated

from eventstore.frozen import dataclass
from station.wire.enums import (
    AvailabilityStatus,
    AvailabilityType,
    ChargePointErrorCode,
    ChargePointStatus,
    ClearCacheStatus,
    ConfigurationStatus,
    DataTransferStatus,
    Reason,
    RegistrationStatus,
    RemoteStartStopStatus,
    ResetStatus,
    ResetType,
    UnlockStatus,
)
from station.wire.messages.types import KeyValue, MeterValue, WireChargingProfile, WireIdTagInfo
from station.wire.primitives import (
    AtLeast,
    CiString20Type,
    CiString25Type,
    CiString50Type,
    CiString255Type,
    CiString500Type,
    DateTime,
    DurationSeconds,
    IdToken,
    Verbatim,
)

__all__ = [
    "Authorize",
    "AuthorizeResponse",
    "BootNotification",
    "BootNotificationResponse",
    "ChangeAvailability",
    "ChangeAvailabilityResponse",
    "ChangeConfiguration",
    "ChangeConfigurationResponse",
    "ClearCache",
    "ClearCacheResponse",
    "DataTransfer",
    "DataTransferResponse",
    "GetConfiguration",
    "GetConfigurationResponse",
    "Heartbeat",
    "HeartbeatResponse",
    "MeterValues",
    "MeterValuesResponse",
    "RemoteStartTransaction",
    "RemoteStartTransactionResponse",
    "RemoteStopTransaction",
    "RemoteStopTransactionResponse",
    "Reset",
    "ResetResponse",
    "StartTransaction",
    "StartTransactionResponse",
    "StatusNotification",
    "StatusNotificationResponse",
    "StopTransaction",
    "StopTransactionResponse",
    "UnlockConnector",
    "UnlockConnectorResponse",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorize:
    """Authorize.req (6.1): may this id tag start or stop a transaction?"""

    id_tag: IdToken


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeResponse:
    """Authorize.conf (6.2)."""

    id_tag_info: WireIdTagInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class BootNotification:
    """BootNotification.req (6.3): the station presents itself."""

    charge_point_vendor: CiString20Type
    charge_point_model: CiString20Type
    charge_point_serial_number: CiString25Type | None = None
    charge_box_serial_number: CiString25Type | None = None
    firmware_version: CiString50Type | None = None
    iccid: CiString20Type | None = None
    imsi: CiString20Type | None = None
    meter_type: CiString25Type | None = None
    meter_serial_number: CiString25Type | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BootNotificationResponse:
    """BootNotification.conf (6.4): interval in seconds, between heartbeats if accepted, else until the next BootNotification."""

    status: RegistrationStatus
    current_time: DateTime
    interval: DurationSeconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAvailability:
    """ChangeAvailability.req (6.7): connector 0 is the station with all its connectors."""

    connector_id: int
    type: AvailabilityType


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAvailabilityResponse:
    """ChangeAvailability.conf (6.8)."""

    status: AvailabilityStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeConfiguration:
    """ChangeConfiguration.req (6.9)."""

    key: CiString50Type
    value: CiString500Type


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeConfigurationResponse:
    """ChangeConfiguration.conf (6.10)."""

    status: ConfigurationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearCache:
    """ClearCache.req (6.11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearCacheResponse:
    """ClearCache.conf (6.12)."""

    status: ClearCacheStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTransfer:
    """DataTransfer.req (6.15): either side may send it. The data are the maker's business, an empty text too."""

    vendor_id: CiString255Type
    message_id: CiString50Type | None = None
    data: Annotated[str, Verbatim()] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTransferResponse:
    """DataTransfer.conf (6.16). The data are the maker's business, an empty text too."""

    status: DataTransferStatus
    data: Annotated[str, Verbatim()] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetConfiguration:
    """GetConfiguration.req (6.23): without keys, or with none, all are meant."""

    key: tuple[CiString50Type, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetConfigurationResponse:
    """GetConfiguration.conf (6.24)."""

    configuration_key: tuple[KeyValue, ...] | None = None
    unknown_key: tuple[CiString50Type, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Heartbeat.req (6.29)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatResponse:
    """Heartbeat.conf (6.30)."""

    current_time: DateTime


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterValues:
    """MeterValues.req (6.31)."""

    connector_id: int
    meter_value: Annotated[tuple[MeterValue, ...], AtLeast(1)]
    transaction_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterValuesResponse:
    """MeterValues.conf (6.32)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteStartTransaction:
    """RemoteStartTransaction.req (6.33)."""

    id_tag: IdToken
    connector_id: int | None = None
    charging_profile: WireChargingProfile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteStartTransactionResponse:
    """RemoteStartTransaction.conf (6.34)."""

    status: RemoteStartStopStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteStopTransaction:
    """RemoteStopTransaction.req (6.35)."""

    transaction_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteStopTransactionResponse:
    """RemoteStopTransaction.conf (6.36)."""

    status: RemoteStartStopStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Reset.req (6.39)."""

    type: ResetType


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetResponse:
    """Reset.conf (6.40)."""

    status: ResetStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTransaction:
    """StartTransaction.req (6.45): meter_start in Wh."""

    connector_id: int
    id_tag: IdToken
    meter_start: int
    timestamp: DateTime
    reservation_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTransactionResponse:
    """StartTransaction.conf (6.46)."""

    id_tag_info: WireIdTagInfo
    transaction_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusNotification:
    """StatusNotification.req (6.47)."""

    connector_id: int
    error_code: ChargePointErrorCode
    status: ChargePointStatus
    info: CiString50Type | None = None
    timestamp: DateTime | None = None
    vendor_id: CiString255Type | None = None
    vendor_error_code: CiString50Type | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusNotificationResponse:
    """StatusNotification.conf (6.48)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTransaction:
    """StopTransaction.req (6.49): meter_stop in Wh; no id_tag if the station itself had to stop."""

    transaction_id: int
    timestamp: DateTime
    meter_stop: int
    id_tag: IdToken | None = None
    reason: Reason | None = None
    transaction_data: tuple[MeterValue, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTransactionResponse:
    """StopTransaction.conf (6.50)."""

    id_tag_info: WireIdTagInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockConnector:
    """UnlockConnector.req (6.53)."""

    connector_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockConnectorResponse:
    """UnlockConnector.conf (6.54)."""

    status: UnlockStatus
