"""Messages of the Core profile (OCPP 1.6 sections 4 and 5; fields in section 6)."""

from typing import Annotated

from eventstore.value import Value
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


class Authorize(Value, frozen=True, kw_only=True):
    """Authorize.req (6.1): may this id tag start or stop a transaction?"""

    id_tag: IdToken


class AuthorizeResponse(Value, frozen=True, kw_only=True):
    """Authorize.conf (6.2)."""

    id_tag_info: WireIdTagInfo


class BootNotification(Value, frozen=True, kw_only=True):
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


class BootNotificationResponse(Value, frozen=True, kw_only=True):
    """BootNotification.conf (6.4): interval in seconds, between heartbeats if accepted, else until the next BootNotification."""

    status: RegistrationStatus
    current_time: DateTime
    interval: DurationSeconds


class ChangeAvailability(Value, frozen=True, kw_only=True):
    """ChangeAvailability.req (6.7): connector 0 is the station with all its connectors."""

    connector_id: int
    type: AvailabilityType


class ChangeAvailabilityResponse(Value, frozen=True, kw_only=True):
    """ChangeAvailability.conf (6.8)."""

    status: AvailabilityStatus


class ChangeConfiguration(Value, frozen=True, kw_only=True):
    """ChangeConfiguration.req (6.9)."""

    key: CiString50Type
    value: CiString500Type


class ChangeConfigurationResponse(Value, frozen=True, kw_only=True):
    """ChangeConfiguration.conf (6.10)."""

    status: ConfigurationStatus


class ClearCache(Value, frozen=True, kw_only=True):
    """ClearCache.req (6.11)."""


class ClearCacheResponse(Value, frozen=True, kw_only=True):
    """ClearCache.conf (6.12)."""

    status: ClearCacheStatus


class DataTransfer(Value, frozen=True, kw_only=True):
    """DataTransfer.req (6.15): either side may send it. The data are the maker's business, an empty text too."""

    vendor_id: CiString255Type
    message_id: CiString50Type | None = None
    data: Annotated[str, Verbatim()] | None = None


class DataTransferResponse(Value, frozen=True, kw_only=True):
    """DataTransfer.conf (6.16). The data are the maker's business, an empty text too."""

    status: DataTransferStatus
    data: Annotated[str, Verbatim()] | None = None


class GetConfiguration(Value, frozen=True, kw_only=True):
    """GetConfiguration.req (6.23): without keys, or with none, all are meant."""

    key: tuple[CiString50Type, ...] | None = None


class GetConfigurationResponse(Value, frozen=True, kw_only=True):
    """GetConfiguration.conf (6.24)."""

    configuration_key: tuple[KeyValue, ...] | None = None
    unknown_key: tuple[CiString50Type, ...] | None = None


class Heartbeat(Value, frozen=True, kw_only=True):
    """Heartbeat.req (6.29)."""


class HeartbeatResponse(Value, frozen=True, kw_only=True):
    """Heartbeat.conf (6.30)."""

    current_time: DateTime


class MeterValues(Value, frozen=True, kw_only=True):
    """MeterValues.req (6.31)."""

    connector_id: int
    meter_value: Annotated[tuple[MeterValue, ...], AtLeast(1)]
    transaction_id: int | None = None


class MeterValuesResponse(Value, frozen=True, kw_only=True):
    """MeterValues.conf (6.32)."""


class RemoteStartTransaction(Value, frozen=True, kw_only=True):
    """RemoteStartTransaction.req (6.33)."""

    id_tag: IdToken
    connector_id: int | None = None
    charging_profile: WireChargingProfile | None = None


class RemoteStartTransactionResponse(Value, frozen=True, kw_only=True):
    """RemoteStartTransaction.conf (6.34)."""

    status: RemoteStartStopStatus


class RemoteStopTransaction(Value, frozen=True, kw_only=True):
    """RemoteStopTransaction.req (6.35)."""

    transaction_id: int


class RemoteStopTransactionResponse(Value, frozen=True, kw_only=True):
    """RemoteStopTransaction.conf (6.36)."""

    status: RemoteStartStopStatus


class Reset(Value, frozen=True, kw_only=True):
    """Reset.req (6.39)."""

    type: ResetType


class ResetResponse(Value, frozen=True, kw_only=True):
    """Reset.conf (6.40)."""

    status: ResetStatus


class StartTransaction(Value, frozen=True, kw_only=True):
    """StartTransaction.req (6.45): meter_start in Wh."""

    connector_id: int
    id_tag: IdToken
    meter_start: int
    timestamp: DateTime
    reservation_id: int | None = None


class StartTransactionResponse(Value, frozen=True, kw_only=True):
    """StartTransaction.conf (6.46)."""

    id_tag_info: WireIdTagInfo
    transaction_id: int


class StatusNotification(Value, frozen=True, kw_only=True):
    """StatusNotification.req (6.47)."""

    connector_id: int
    error_code: ChargePointErrorCode
    status: ChargePointStatus
    info: CiString50Type | None = None
    timestamp: DateTime | None = None
    vendor_id: CiString255Type | None = None
    vendor_error_code: CiString50Type | None = None


class StatusNotificationResponse(Value, frozen=True, kw_only=True):
    """StatusNotification.conf (6.48)."""


class StopTransaction(Value, frozen=True, kw_only=True):
    """StopTransaction.req (6.49): meter_stop in Wh; no id_tag if the station itself had to stop."""

    transaction_id: int
    timestamp: DateTime
    meter_stop: int
    id_tag: IdToken | None = None
    reason: Reason | None = None
    transaction_data: tuple[MeterValue, ...] | None = None


class StopTransactionResponse(Value, frozen=True, kw_only=True):
    """StopTransaction.conf (6.50)."""

    id_tag_info: WireIdTagInfo | None = None


class UnlockConnector(Value, frozen=True, kw_only=True):
    """UnlockConnector.req (6.53)."""

    connector_id: int


class UnlockConnectorResponse(Value, frozen=True, kw_only=True):
    """UnlockConnector.conf (6.54)."""

    status: UnlockStatus
