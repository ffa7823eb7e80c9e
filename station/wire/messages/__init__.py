"""The 28 actions of OCPP 1.6 and those of its security white paper: for each the request and response class, who may send it, and its feature profile (3.2)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from eventstore.value import Value
from station.wire.messages import (
    core,
    firmware_management,
    local_auth_list,
    remote_trigger,
    reservation,
    security,
    smart_charging,
)

__all__ = ["MESSAGES", "MessagePair"]


class MessagePair(Value, frozen=True, kw_only=True):
    """An action's request and response class, who may send the request, and the feature profile as 9.1.29 spells it.

    The security extension is no feature profile: its actions say "Security".
    """

    request: type
    response: type
    ocpp_profile: str
    is_sent_by_csms: bool
    is_sent_by_station: bool


def _by_csms(request: type, response: type, ocpp_profile: str) -> MessagePair:
    return MessagePair(
        request=request, response=response, ocpp_profile=ocpp_profile, is_sent_by_csms=True, is_sent_by_station=False
    )


def _by_station(request: type, response: type, ocpp_profile: str) -> MessagePair:
    return MessagePair(
        request=request, response=response, ocpp_profile=ocpp_profile, is_sent_by_csms=False, is_sent_by_station=True
    )


_DATA_TRANSFER = MessagePair(
    request=core.DataTransfer,
    response=core.DataTransferResponse,
    ocpp_profile="Core",
    is_sent_by_csms=True,
    is_sent_by_station=True,
)

_PAIRS = (
    _by_station(core.Authorize, core.AuthorizeResponse, "Core"),
    _by_station(core.BootNotification, core.BootNotificationResponse, "Core"),
    _by_csms(core.ChangeAvailability, core.ChangeAvailabilityResponse, "Core"),
    _by_csms(core.ChangeConfiguration, core.ChangeConfigurationResponse, "Core"),
    _by_csms(core.ClearCache, core.ClearCacheResponse, "Core"),
    _DATA_TRANSFER,
    _by_csms(core.GetConfiguration, core.GetConfigurationResponse, "Core"),
    _by_station(core.Heartbeat, core.HeartbeatResponse, "Core"),
    _by_station(core.MeterValues, core.MeterValuesResponse, "Core"),
    _by_csms(core.RemoteStartTransaction, core.RemoteStartTransactionResponse, "Core"),
    _by_csms(core.RemoteStopTransaction, core.RemoteStopTransactionResponse, "Core"),
    _by_csms(core.Reset, core.ResetResponse, "Core"),
    _by_station(core.StartTransaction, core.StartTransactionResponse, "Core"),
    _by_station(core.StatusNotification, core.StatusNotificationResponse, "Core"),
    _by_station(core.StopTransaction, core.StopTransactionResponse, "Core"),
    _by_csms(core.UnlockConnector, core.UnlockConnectorResponse, "Core"),
    _by_station(
        firmware_management.DiagnosticsStatusNotification,
        firmware_management.DiagnosticsStatusNotificationResponse,
        "FirmwareManagement",
    ),
    _by_station(
        firmware_management.FirmwareStatusNotification,
        firmware_management.FirmwareStatusNotificationResponse,
        "FirmwareManagement",
    ),
    _by_csms(firmware_management.GetDiagnostics, firmware_management.GetDiagnosticsResponse, "FirmwareManagement"),
    _by_csms(firmware_management.UpdateFirmware, firmware_management.UpdateFirmwareResponse, "FirmwareManagement"),
    _by_csms(
        local_auth_list.GetLocalListVersion, local_auth_list.GetLocalListVersionResponse, "LocalAuthListManagement"
    ),
    _by_csms(local_auth_list.SendLocalList, local_auth_list.SendLocalListResponse, "LocalAuthListManagement"),
    _by_csms(reservation.CancelReservation, reservation.CancelReservationResponse, "Reservation"),
    _by_csms(reservation.ReserveNow, reservation.ReserveNowResponse, "Reservation"),
    _by_csms(smart_charging.ClearChargingProfile, smart_charging.ClearChargingProfileResponse, "SmartCharging"),
    _by_csms(smart_charging.GetCompositeSchedule, smart_charging.GetCompositeScheduleResponse, "SmartCharging"),
    _by_csms(smart_charging.SetChargingProfile, smart_charging.SetChargingProfileResponse, "SmartCharging"),
    _by_csms(remote_trigger.TriggerMessage, remote_trigger.TriggerMessageResponse, "RemoteTrigger"),
    _by_csms(security.CertificateSigned, security.CertificateSignedResponse, "Security"),
    _by_csms(security.DeleteCertificate, security.DeleteCertificateResponse, "Security"),
    _by_csms(security.GetInstalledCertificateIds, security.GetInstalledCertificateIdsResponse, "Security"),
    _by_csms(security.InstallCertificate, security.InstallCertificateResponse, "Security"),
    _by_csms(security.ExtendedTriggerMessage, security.ExtendedTriggerMessageResponse, "Security"),
    _by_csms(security.GetLog, security.GetLogResponse, "Security"),
    _by_station(security.LogStatusNotification, security.LogStatusNotificationResponse, "Security"),
    _by_station(security.SecurityEventNotification, security.SecurityEventNotificationResponse, "Security"),
    _by_station(
        security.SignedFirmwareStatusNotification, security.SignedFirmwareStatusNotificationResponse, "Security"
    ),
    _by_csms(security.SignedUpdateFirmware, security.SignedUpdateFirmwareResponse, "Security"),
    _by_station(security.SignCertificate, security.SignCertificateResponse, "Security"),
)

#: Action, as it stands in a CALL, to its messages. The name of a request class is its action.
MESSAGES: Final[Mapping[str, MessagePair]] = MappingProxyType({pair.request.__name__: pair for pair in _PAIRS})
