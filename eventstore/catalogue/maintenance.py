"""Maintenance: resets (5.14), firmware updates (5.19) and diagnostics (5.9)."""

from typing import ClassVar

from eventstore.event import Decision, Observation


class ResetAccepted(Decision, frozen=True, kw_only=True):
    """The station will restart: `kind` Soft or Hard; at `due_ms` at the latest, whatever is still unanswered."""

    NAME: ClassVar[str] = "ResetAccepted"

    kind: str
    due_ms: int


class ResetDue(Decision, frozen=True, kw_only=True):
    """Everything that the restart waits for is done, or its time is up: the process is replaced now."""

    NAME: ClassVar[str] = "ResetDue"

    kind: str


class ResetFailed(Observation, frozen=True, kw_only=True):
    """The process could not be replaced; it is tried again by ResetRetries (9.1.22)."""

    NAME: ClassVar[str] = "ResetFailed"

    reason: str


class ResetAbandoned(Decision, frozen=True, kw_only=True):
    """ResetRetries are used up: the station goes on as it is."""

    NAME: ClassVar[str] = "ResetAbandoned"

    kind: str


class TransferRefused(Decision, frozen=True, kw_only=True):
    """Nothing will be fetched or sent for this CALL: `action` is what was asked, `reason` says which limit it met.

    GetLog is Rejected. OCPP 1.6 has no status for the others: GetDiagnostics is answered without a file name, UpdateFirmware is
    followed by DownloadFailed.
    """

    NAME: ClassVar[str] = "TransferRefused"

    action: str
    reason: str


class FirmwareUpdateRequested(Decision, frozen=True, kw_only=True):
    """UpdateFirmware was accepted: a job that survives restarts until it is Installed or has failed.

    `retries` is how often the download is tried again after the first time, `retry_interval_s` how long it waits then.
    """

    NAME: ClassVar[str] = "FirmwareUpdateRequested"

    job: int
    location: str
    retrieve_utc_ms: int
    retries: int
    retry_interval_s: int


class FirmwareProgressed(Observation, frozen=True, kw_only=True):
    """The job runner's report on the step it was asked for; `attempt` counts downloads from 1, `detail` is for people.

    "Downloaded" (as `file` of the storage directory) or "DownloadFailed"; "Installed" (the image is in place, a restart
    activates it), "Rebooting" (the same, and the installer reboots the machine) or "InstallationFailed"; "Activated" or
    "ActivationFailed". `version` is what the new firmware will call itself, "" if the installer does not say.
    `retry_after_s` is how long the server asked to be left alone, 0 if it did not (since version 2).

    Of a signed image also "SignatureVerified", "InvalidSignature", and "InstallVerificationFailed" if the file that is to be installed
    is not the one whose signature was verified. `sha256`, in hexadecimal, is that of the file which was downloaded.
    """

    NAME: ClassVar[str] = "FirmwareProgressed"
    VERSION: ClassVar[int] = 2

    job: int
    status: str
    attempt: int
    detail: str
    file: str = ""
    version: str = ""
    retry_after_s: int = 0
    sha256: str = ""


class FirmwareStatusQueued(Decision, frozen=True, kw_only=True):
    """FirmwareStatusNotification is queued (4.5); `tries` counts those of this status that nobody answered, and this."""

    NAME: ClassVar[str] = "FirmwareStatusQueued"

    status: str
    triggered: bool = False
    tries: int = 1


class FirmwareStepDecided(Decision, frozen=True, kw_only=True):
    """The next step of a firmware update.

    For the job runner: "download", "signature" (of a signed image, to be verified), "install", "activate". Of the station itself:
    "retry" (wait until `due_ms`), "scheduled" (wait for installDateTime), "idle" (wait for transactions to end), "settle" (deliver what is queued, until `due_ms` at the latest), "restart" (the
    process is to be replaced), "reboot" (the machine is, by `due_ms`), "done".
    """

    NAME: ClassVar[str] = "FirmwareStepDecided"

    job: int
    step: str
    due_ms: int


class SignedUpdateOffered(Decision, frozen=True, kw_only=True):
    """SignedUpdateFirmware came: its certificate is checked before it is answered (white paper, L01.FR.23).

    `signing_certificate` is PEM and `signature` base64, both as they came. `retries` and `retry_interval_s` as in
    FirmwareUpdateRequested, which follows under the same `job` if the request is accepted. Unanswered by `due_ms` it is rejected.
    """

    NAME: ClassVar[str] = "SignedUpdateOffered"

    job: int
    request_id: int
    location: str
    retrieve_utc_ms: int
    install_utc_ms: int | None
    signing_certificate: str
    signature: str
    retries: int
    retry_interval_s: int
    due_ms: int


class SigningCertificateChecked(Observation, frozen=True, kw_only=True):
    """What the certificate of an offered update is worth: `fault` says why no root vouches for it, "" if one does.

    It is valid from `not_before_utc_ms` to `not_after_utc_ms`, its root included; whether that is now is for the station to decide.
    `revoked`: the maker's revocation list names it. `subject` is its name, for people.
    """

    NAME: ClassVar[str] = "SigningCertificateChecked"

    job: int
    fault: str
    revoked: bool = False
    subject: str = ""
    not_before_utc_ms: int = 0
    not_after_utc_ms: int = 0


class SignedUpdateAnswered(Decision, frozen=True, kw_only=True):
    """What was answered to SignedUpdateFirmware (white paper, 6.18), and why."""

    NAME: ClassVar[str] = "SignedUpdateAnswered"

    job: int
    request_id: int
    status: str
    reason: str = ""


class SignedFirmwareStatusQueued(Decision, frozen=True, kw_only=True):
    """SignedFirmwareStatusNotification is queued (white paper, L01.FR.01); `tries` as in FirmwareStatusQueued.

    `request_id` is None only where no update is under way that has one (L01.FR.21).
    """

    NAME: ClassVar[str] = "SignedFirmwareStatusQueued"

    status: str
    request_id: int | None
    triggered: bool = False
    tries: int = 1


class DiagnosticsRequested(Decision, frozen=True, kw_only=True):
    """GetDiagnostics or GetLog was accepted: collect the log of that time as `file_name` and upload it (5.9; white paper, N01).

    `log` is the logType of GetLog, "" for GetDiagnostics; `request_id` is that of GetLog (both since version 2).
    """

    NAME: ClassVar[str] = "DiagnosticsRequested"
    VERSION: ClassVar[int] = 2

    job: int
    location: str
    file_name: str
    start_utc_ms: int | None
    stop_utc_ms: int | None
    retries: int
    retry_interval_s: int
    log: str = ""
    request_id: int | None = None


class DiagnosticsProgressed(Observation, frozen=True, kw_only=True):
    """The job runner's report, as the status says it: of GetDiagnostics "Uploaded" or "UploadFailed" (4.4), of GetLog "Uploaded" or why not
    (white paper, 6.19); `attempt` counts uploads from 1, `detail` is for people.

    `retry_after_s` is how long the server asked to be left alone, 0 if it did not (since version 2).
    """

    NAME: ClassVar[str] = "DiagnosticsProgressed"
    VERSION: ClassVar[int] = 2

    job: int
    status: str
    attempt: int
    detail: str
    retry_after_s: int = 0


class DiagnosticsStepDecided(Decision, frozen=True, kw_only=True):
    """The next step of a diagnostics upload: "upload" (for the job runner), "retry" (wait until `due_ms`) or "done"."""

    NAME: ClassVar[str] = "DiagnosticsStepDecided"

    job: int
    step: str
    due_ms: int


class DiagnosticsStatusQueued(Decision, frozen=True, kw_only=True):
    """DiagnosticsStatusNotification is queued (4.4); `tries` counts those of this status that nobody answered, and this."""

    NAME: ClassVar[str] = "DiagnosticsStatusQueued"

    status: str
    triggered: bool = False
    tries: int = 1
