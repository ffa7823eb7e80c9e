"""Messages of the security white paper, edition 3 (fields in its section 5): certificates, logs, security events, signed firmware."""

from typing import Annotated

from eventstore.frozen import dataclass
from station.wire.enums import (
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
    TriggerMessageStatus,
    UploadLogStatus,
)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateHashData:
    """Which certificate is meant (6.1): hashes in hexadecimal, the serial number likewise and without leading zeroes."""

    hash_algorithm: HashAlgorithm
    issuer_name_hash: CiString128Type
    issuer_key_hash: CiString128Type
    serial_number: CiString40Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """A signed firmware image (6.9): the certificate in PEM, the signature over the whole file in base64."""

    location: Text512
    retrieve_date_time: DateTime
    signing_certificate: Text5500
    signature: Text800
    install_date_time: DateTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogParameters:
    """Where a log is to be sent, and which time it is to cover (6.14)."""

    remote_location: Text512
    oldest_timestamp: DateTime | None = None
    latest_timestamp: DateTime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSigned:
    """CertificateSigned.req (5.1): the station's certificate, then sub-CA certificates, in PEM."""

    certificate_chain: Text10000


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSignedResponse:
    """CertificateSigned.conf (5.2)."""

    status: CertificateSignedStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteCertificate:
    """DeleteCertificate.req (5.3)."""

    certificate_hash_data: CertificateHashData


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteCertificateResponse:
    """DeleteCertificate.conf (5.4)."""

    status: DeleteCertificateStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedTriggerMessage:
    """ExtendedTriggerMessage.req (5.5)."""

    requested_message: ExtendedMessageTrigger
    connector_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedTriggerMessageResponse:
    """ExtendedTriggerMessage.conf (5.6)."""

    status: TriggerMessageStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class GetInstalledCertificateIds:
    """GetInstalledCertificateIds.req (5.7)."""

    certificate_type: CertificateUse


@dataclass(frozen=True, slots=True, kw_only=True)
class GetInstalledCertificateIdsResponse:
    """GetInstalledCertificateIds.conf (5.8); no list if there is none of that type."""

    status: GetInstalledCertificateStatus
    certificate_hash_data: Annotated[tuple[CertificateHashData, ...], AtLeast(1)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetLog:
    """GetLog.req (5.9): retry_interval in seconds."""

    log_type: LogKind
    request_id: int
    log: LogParameters
    retries: int | None = None
    retry_interval: DurationSeconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetLogResponse:
    """GetLog.conf (5.10): no filename if there is nothing to upload."""

    status: LogStatus
    filename: Text255 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallCertificate:
    """InstallCertificate.req (5.11): one root certificate in PEM."""

    certificate_type: CertificateUse
    certificate: Text5500


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallCertificateResponse:
    """InstallCertificate.conf (5.12)."""

    status: CertificateStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStatusNotification:
    """LogStatusNotification.req (5.13); the id is that of the GetLog.req that began the upload."""

    status: UploadLogStatus
    request_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStatusNotificationResponse:
    """LogStatusNotification.conf (5.14)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEventNotification:
    """SecurityEventNotification.req (5.15); the types are those of section 8, as 1.6 spells them."""

    type: Text50
    timestamp: DateTime
    tech_info: Text255 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEventNotificationResponse:
    """SecurityEventNotification.conf (5.16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignCertificate:
    """SignCertificate.req (5.17): a certificate signing request (RFC 2986) in PEM."""

    csr: Text5500


@dataclass(frozen=True, slots=True, kw_only=True)
class SignCertificateResponse:
    """SignCertificate.conf (5.18)."""

    status: GenericStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFirmwareStatusNotification:
    """SignedFirmwareStatusNotification.req (5.19); the id is that of the SignedUpdateFirmware.req."""

    status: SignedFirmwareStatus
    request_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFirmwareStatusNotificationResponse:
    """SignedFirmwareStatusNotification.conf (5.20)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUpdateFirmware:
    """SignedUpdateFirmware.req (5.21): retry_interval in seconds."""

    request_id: int
    firmware: Firmware
    retries: int | None = None
    retry_interval: DurationSeconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUpdateFirmwareResponse:
    """SignedUpdateFirmware.conf (5.22)."""

    status: SignedUpdateFirmwareStatus
