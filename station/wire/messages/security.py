"""Messages of the security white paper, edition 3 (fields in its section 5)."""

from typing import Annotated

from eventstore.value import Value
from station.wire.primitives import (
    AtLeast,
    CiString40Type,
    CiString128Type,
    DateTime,
    Text50,
    Text255,
    Text5500,
)
from station.wire.security_enums import (
    CertificateStatus,
    CertificateUse,
    DeleteCertificateStatus,
    GetInstalledCertificateStatus,
    HashAlgorithm,
)

__all__ = [
    "CertificateHashData",
    "DeleteCertificate",
    "DeleteCertificateResponse",
    "GetInstalledCertificateIds",
    "GetInstalledCertificateIdsResponse",
    "InstallCertificate",
    "InstallCertificateResponse",
    "SecurityEventNotification",
    "SecurityEventNotificationResponse",
]


class CertificateHashData(Value, frozen=True, kw_only=True):
    """Which certificate is meant (6.1): hashes in hexadecimal, the serial number likewise and without leading zeroes."""

    hash_algorithm: HashAlgorithm
    issuer_name_hash: CiString128Type
    issuer_key_hash: CiString128Type
    serial_number: CiString40Type


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


class SecurityEventNotification(Value, frozen=True, kw_only=True):
    """SecurityEventNotification.req (5.15); the types are those of section 8, as 1.6 spells them."""

    type: Text50
    timestamp: DateTime
    tech_info: Text255 | None = None


class SecurityEventNotificationResponse(Value, frozen=True, kw_only=True):
    """SecurityEventNotification.conf (5.16)."""
