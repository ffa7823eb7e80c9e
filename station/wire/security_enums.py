"""Enumerations of the security white paper, edition 3 (its section 6); what messages of OCPP 1.6 share stands in `enums`."""

from enum import StrEnum


class CertificateSignedStatus(StrEnum):
    """Status in CertificateSigned.conf (security white paper 6.2)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


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


class GenericStatus(StrEnum):
    """Status in SignCertificate.conf (security white paper 6.10)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class GetInstalledCertificateStatus(StrEnum):
    """Status in GetInstalledCertificateIds.conf (security white paper 6.11)."""

    ACCEPTED = "Accepted"
    NOT_FOUND = "NotFound"


class HashAlgorithm(StrEnum):
    """How the hashes of a CertificateHashData were made (security white paper 6.12)."""

    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"


class LogKind(StrEnum):
    """Which log GetLog.req asks for (security white paper 6.13, LogEnumType)."""

    DIAGNOSTICS_LOG = "DiagnosticsLog"
    SECURITY_LOG = "SecurityLog"


class LogStatus(StrEnum):
    """Status in GetLog.conf (security white paper 6.15)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    ACCEPTED_CANCELED = "AcceptedCanceled"


class ExtendedMessageTrigger(StrEnum):
    """What ExtendedTriggerMessage.req asks for (security white paper 6.16, MessageTriggerEnumType)."""

    BOOT_NOTIFICATION = "BootNotification"
    LOG_STATUS_NOTIFICATION = "LogStatusNotification"
    FIRMWARE_STATUS_NOTIFICATION = "FirmwareStatusNotification"
    HEARTBEAT = "Heartbeat"
    METER_VALUES = "MeterValues"
    SIGN_CHARGE_POINT_CERTIFICATE = "SignChargePointCertificate"
    STATUS_NOTIFICATION = "StatusNotification"


class UploadLogStatus(StrEnum):
    """Status in LogStatusNotification.req (security white paper 6.19)."""

    BAD_MESSAGE = "BadMessage"
    IDLE = "Idle"
    NOT_SUPPORTED_OPERATION = "NotSupportedOperation"
    PERMISSION_DENIED = "PermissionDenied"
    UPLOADED = "Uploaded"
    UPLOAD_FAILURE = "UploadFailure"
    UPLOADING = "Uploading"


class SignedFirmwareStatus(StrEnum):
    """Status in SignedFirmwareStatusNotification.req (security white paper 6.8, FirmwareStatusEnumType)."""

    DOWNLOADED = "Downloaded"
    DOWNLOAD_FAILED = "DownloadFailed"
    DOWNLOADING = "Downloading"
    DOWNLOAD_SCHEDULED = "DownloadScheduled"
    DOWNLOAD_PAUSED = "DownloadPaused"
    IDLE = "Idle"
    INSTALLATION_FAILED = "InstallationFailed"
    INSTALLING = "Installing"
    INSTALLED = "Installed"
    INSTALL_REBOOTING = "InstallRebooting"
    INSTALL_SCHEDULED = "InstallScheduled"
    INSTALL_VERIFICATION_FAILED = "InstallVerificationFailed"
    INVALID_SIGNATURE = "InvalidSignature"
    SIGNATURE_VERIFIED = "SignatureVerified"


class SignedUpdateFirmwareStatus(StrEnum):
    """Status in SignedUpdateFirmware.conf (security white paper 6.18, UpdateFirmwareStatusEnumType)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    ACCEPTED_CANCELED = "AcceptedCanceled"
    INVALID_CERTIFICATE = "InvalidCertificate"
    REVOKED_CERTIFICATE = "RevokedCertificate"
