"""Messages of the security white paper, edition 3 (fields in its section 5)."""

from typing import Annotated

from eventstore.value import Value
from station.wire.enums import TriggerMessageStatus
from station.wire.primitives import (
    AtLeast,
    CiString40Type,
    CiString128Type,
    DateTime,
    DurationSeconds,
    Text50,
    Text255,
    Text512,
    Text800,
    Text5500,
    Text10000,
)
from station.wire.security_enums import (
    CertificateSignedStatus,
    CertificateStatus,
    CertificateUse,
    DeleteCertificateStatus,
    ExtendedMessageTrigger,
    GenericStatus,
    GetInstalledCertificateStatus,
    HashAlgorithm,
    LogKind,
    LogStatus,
    SignedFirmwareStatus,
    SignedUpdateFirmwareStatus,
    UploadLogStatus,
)

__all__ = [
    "CertificateHashData",
    "CertificateSigned",
    "CertificateSignedResponse",
    "DeleteCertificate",
    "DeleteCertificateResponse",
    "ExtendedTriggerMessage",
    "ExtendedTriggerMessageResponse",
    "Firmware",
    "GetInstalledCertificateIds",
    "GetInstalledCertificateIdsResponse",
    "GetLog",
    "GetLogResponse",
    "InstallCertificate",
    "InstallCertificateResponse",
    "LogParameters",
    "LogStatusNotification",
    "LogStatusNotificationResponse",
    "SecurityEventNotification",
    "SecurityEventNotificationResponse",
    "SignCertificate",
    "SignCertificateResponse",
    "SignedFirmwareStatusNotification",
    "SignedFirmwareStatusNotificationResponse",
    "SignedUpdateFirmware",
    "SignedUpdateFirmwareResponse",
]


class CertificateHashData(Value, frozen=True, kw_only=True):
    """Which certificate is meant (6.1): hashes in hexadecimal, the serial number likewise and without leading zeroes."""

    hash_algorithm: HashAlgorithm
    issuer_name_hash: CiString128Type
    issuer_key_hash: CiString128Type
    serial_number: CiString40Type


class CertificateSigned(Value, frozen=True, kw_only=True):
    """CertificateSigned.req (5.1): the station's certificate, then sub-CA certificates, in PEM."""

    certificate_chain: Text10000


class CertificateSignedResponse(Value, frozen=True, kw_only=True):
    """CertificateSigned.conf (5.2)."""

    status: CertificateSignedStatus


class DeleteCertificate(Value, frozen=True, kw_only=True):
    """DeleteCertificate.req (5.3)."""

    certificate_hash_data: CertificateHashData


class DeleteCertificateResponse(Value, frozen=True, kw_only=True):
    """DeleteCertificate.conf (5.4)."""

    status: DeleteCertificateStatus


class GetInstalledCertificateIds(Value, frozen=True, kw_only=True):
    """GetInstalledCertificateIds.req (5.7)."""

    certificate_type: CertificateUse


class GetInstalledCertificateIdsResponse(Value, frozen=True, kw_only=True):
    """GetInstalledCertificateIds.conf (5.8); no list if there is none of that type."""

    status: GetInstalledCertificateStatus
    certificate_hash_data: Annotated[tuple[CertificateHashData, ...], AtLeast(1)] | None = None


class InstallCertificate(Value, frozen=True, kw_only=True):
    """InstallCertificate.req (5.11): one root certificate in PEM."""

    certificate_type: CertificateUse
    certificate: Text5500


class InstallCertificateResponse(Value, frozen=True, kw_only=True):
    """InstallCertificate.conf (5.12)."""

    status: CertificateStatus


class LogParameters(Value, frozen=True, kw_only=True):
    """Where a log is to be sent, and which time it is to cover (6.14)."""

    remote_location: Text512
    oldest_timestamp: DateTime | None = None
    latest_timestamp: DateTime | None = None


class ExtendedTriggerMessage(Value, frozen=True, kw_only=True):
    """ExtendedTriggerMessage.req (5.5)."""

    requested_message: ExtendedMessageTrigger
    connector_id: int | None = None


class ExtendedTriggerMessageResponse(Value, frozen=True, kw_only=True):
    """ExtendedTriggerMessage.conf (5.6)."""

    status: TriggerMessageStatus


class GetLog(Value, frozen=True, kw_only=True):
    """GetLog.req (5.9): retry_interval in seconds; its use decides whether the location is one."""

    log_type: LogKind
    request_id: int
    log: LogParameters
    retries: int | None = None
    retry_interval: DurationSeconds | None = None


class GetLogResponse(Value, frozen=True, kw_only=True):
    """GetLog.conf (5.10): no filename if there is nothing to upload."""

    status: LogStatus
    filename: Text255 | None = None


class LogStatusNotification(Value, frozen=True, kw_only=True):
    """LogStatusNotification.req (5.13); the id is that of the GetLog.req that began the upload."""

    status: UploadLogStatus
    request_id: int | None = None


class LogStatusNotificationResponse(Value, frozen=True, kw_only=True):
    """LogStatusNotification.conf (5.14)."""


class SecurityEventNotification(Value, frozen=True, kw_only=True):
    """SecurityEventNotification.req (5.15); the types are those of section 8, as 1.6 spells them."""

    type: Text50
    timestamp: DateTime
    tech_info: Text255 | None = None


class SecurityEventNotificationResponse(Value, frozen=True, kw_only=True):
    """SecurityEventNotification.conf (5.16)."""


class SignedFirmwareStatusNotification(Value, frozen=True, kw_only=True):
    """SignedFirmwareStatusNotification.req (5.19); the id is that of the SignedUpdateFirmware.req."""

    status: SignedFirmwareStatus
    request_id: int | None = None


class SignedFirmwareStatusNotificationResponse(Value, frozen=True, kw_only=True):
    """SignedFirmwareStatusNotification.conf (5.20)."""


class Firmware(Value, frozen=True, kw_only=True):
    """A signed firmware image (6.9): the certificate in PEM, the signature over the whole file in base64."""

    location: Text512
    retrieve_date_time: DateTime
    signing_certificate: Text5500
    signature: Text800
    install_date_time: DateTime | None = None


class SignedUpdateFirmware(Value, frozen=True, kw_only=True):
    """SignedUpdateFirmware.req (5.21): retry_interval in seconds."""

    request_id: int
    firmware: Firmware
    retries: int | None = None
    retry_interval: DurationSeconds | None = None


class SignedUpdateFirmwareResponse(Value, frozen=True, kw_only=True):
    """SignedUpdateFirmware.conf (5.22)."""

    status: SignedUpdateFirmwareStatus


class SignCertificate(Value, frozen=True, kw_only=True):
    """SignCertificate.req (5.17): a certificate signing request (RFC 2986) in PEM."""

    csr: Text5500


class SignCertificateResponse(Value, frozen=True, kw_only=True):
    """SignCertificate.conf (5.18)."""

    status: GenericStatus
