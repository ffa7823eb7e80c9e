"""Enumerations of the security white paper, edition 3 (its section 6)."""

from enum import StrEnum


class CertificateStatus(StrEnum):
    """Status in InstallCertificate.conf (security white paper 6.3)."""

    ACCEPTED = "Accepted"
    FAILED = "Failed"
    REJECTED = "Rejected"


class CertificateUse(StrEnum):
    """What a root certificate is for (security white paper 6.4)."""

    CENTRAL_SYSTEM_ROOT_CERTIFICATE = "CentralSystemRootCertificate"
    MANUFACTURER_ROOT_CERTIFICATE = "ManufacturerRootCertificate"


class DeleteCertificateStatus(StrEnum):
    """Status in DeleteCertificate.conf (security white paper 6.7)."""

    ACCEPTED = "Accepted"
    FAILED = "Failed"
    NOT_FOUND = "NotFound"


class GetInstalledCertificateStatus(StrEnum):
    """Status in GetInstalledCertificateIds.conf (security white paper 6.11)."""

    ACCEPTED = "Accepted"
    NOT_FOUND = "NotFound"


class HashAlgorithm(StrEnum):
    """How the hashes of a CertificateHashData were made (security white paper 6.12)."""

    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"
