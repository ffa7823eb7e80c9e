"""A valid CALL of each action that a CSMS may send."""

from typing import Any

_PERIODS = [{"startPeriod": 0, "limit": 16.0, "numberPhases": 3}, {"startPeriod": 600, "limit": 8.1}]
_SCHEDULE = {"duration": 3600, "chargingRateUnit": "A", "chargingSchedulePeriod": _PERIODS, "minChargingRate": 6.0}


def _profile(number: int, purpose: str, **more: Any) -> dict[str, Any]:
    facts = {"chargingProfileId": number, "stackLevel": 1, "chargingProfilePurpose": purpose}
    return {**facts, "chargingProfileKind": "Relative", "chargingSchedule": _SCHEDULE, **more}


_DAILY = {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily", "validTo": "2027-01-01T00:00:00Z"}
_DATED = {**_SCHEDULE, "startSchedule": "2026-01-01T00:00:00Z"}
_TAGS = [{"idTag": "A1", "idTagInfo": {"status": "Accepted", "expiryDate": "2027-01-01T00:00:00Z"}}, {"idTag": "B2"}]
_LOG = {"remoteLocation": "ftp://user:secret@files.example/log", "oldestTimestamp": "2026-01-01T00:00:00Z"}
_FIRMWARE = {"location": "https://files.example/fw", "retrieveDateTime": "2026-01-01T00:00:00Z"}

REQUESTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("CancelReservation", {"reservationId": 7}),
    ("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}),
    ("ChangeConfiguration", {"key": "MeterValuesSampledData", "value": "Voltage,Power.Active.Import"}),
    ("ChangeConfiguration", {"key": "ConnectionTimeOut", "value": "60"}),
    ("ClearCache", {}),
    ("ClearChargingProfile", {"id": 3, "connectorId": 1, "chargingProfilePurpose": "TxProfile", "stackLevel": 1}),
    ("DataTransfer", {"vendorId": "org.example", "messageId": "m", "data": "{}"}),
    ("GetCompositeSchedule", {"connectorId": 1, "duration": 3600, "chargingRateUnit": "W"}),
    ("GetConfiguration", {"key": ["HeartbeatInterval", "AuthorizationKey"]}),
    (
        "GetDiagnostics",
        {"location": "ftp://files.example/in", "retries": 2, "retryInterval": 60, "stopTime": "2026-01-01T00:00:00Z"},
    ),
    ("GetLocalListVersion", {}),
    ("RemoteStartTransaction", {"connectorId": 1, "idTag": "A1", "chargingProfile": _profile(4, "TxProfile")}),
    ("RemoteStopTransaction", {"transactionId": 9001}),
    (
        "ReserveNow",
        {"connectorId": 1, "expiryDate": "2026-01-01T01:00:00Z", "idTag": "A1", "parentIdTag": "P", "reservationId": 7},
    ),
    ("Reset", {"type": "Soft"}),
    ("SendLocalList", {"listVersion": 5, "updateType": "Full", "localAuthorizationList": _TAGS}),
    ("SendLocalList", {"listVersion": 6, "updateType": "Differential", "localAuthorizationList": _TAGS}),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": _profile(1, "TxProfile", transactionId=9001)}),
    (
        "SetChargingProfile",
        {
            "connectorId": 0,
            "csChargingProfiles": _profile(2, "ChargePointMaxProfile", chargingSchedule=_DATED, **_DAILY),
        },
    ),
    ("SetChargingProfile", {"connectorId": 0, "csChargingProfiles": _profile(3, "TxDefaultProfile")}),
    ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1}),
    ("UnlockConnector", {"connectorId": 1}),
    ("UpdateFirmware", {**_FIRMWARE, "retries": 1}),
    ("ExtendedTriggerMessage", {"requestedMessage": "LogStatusNotification"}),
    ("GetLog", {"logType": "DiagnosticsLog", "requestId": 1, "log": _LOG}),
    (
        "InstallCertificate",
        {"certificateType": "CentralSystemRootCertificate", "certificate": "-----BEGIN CERTIFICATE-----"},
    ),
    (
        "DeleteCertificate",
        {
            "certificateHashData": {
                "hashAlgorithm": "SHA256",
                "issuerNameHash": "00",
                "issuerKeyHash": "00",
                "serialNumber": "1",
            }
        },
    ),
    ("GetInstalledCertificateIds", {"certificateType": "CentralSystemRootCertificate"}),
    ("CertificateSigned", {"certificateChain": "-----BEGIN CERTIFICATE-----"}),
    (
        "SignedUpdateFirmware",
        {"requestId": 1, "firmware": {**_FIRMWARE, "signingCertificate": "x", "signature": "eA=="}},
    ),
)
