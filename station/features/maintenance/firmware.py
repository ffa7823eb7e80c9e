"""The steps of a firmware update (5.19, errata 3.47 to 3.49).

"Downloading" is reported once, at the first try; "DownloadFailed" once the last one has failed. After the restart that
activates it, the new version itself says "Installed", once the CSMS has accepted it; if the old one comes up again, it says
"InstallationFailed".

A signed update (white paper, L01) takes the same way by messages of its own, which name the request. What it has more: its signature is
verified before anything else is done with the image, the installation may have a date, and the waits have a status too. An
image whose signature does not hold, or that is not the same any more when it is to be installed, never reaches the installer.
"""

from collections.abc import Callable, Iterator, Mapping

from eventstore.catalogue.maintenance import (
    FirmwareStatusQueued,
    FirmwareStepDecided,
    SignedFirmwareStatusQueued,
    TransferRefused,
)
from eventstore.event import Event
from projections.maintenance import FirmwareJob
from projections.outbox import NOTICE
from projections.station import StationState
from station.core.feature import Deadline, Events
from station.features.maintenance.messages import ONLY_SIGNED, REPLACEABLE
from station.rules.transfers import location_fault, wait_ms
from station.wire.enums import FirmwareStatus
from station.wire.security_enums import SignedFirmwareStatus

Status = FirmwareStatus | SignedFirmwareStatus

SETTLE_MAX_MS = 30_000
REBOOT_WAIT_MAX_MS = 600_000
INTERRUPTIONS_MAX = 3  # boots in the midst of one step: after that it counts as failed, or it might go on for ever

RETRIEVE, WAIT, INSTALL = "firmware_retrieve", "firmware_wait", "firmware_install"
UNVERIFIED = "InstallVerificationFailed"
_TIMED_STEPS = frozenset({"retry", "settle", "reboot"})


def firmware_deadlines(state: StationState) -> Iterator[Deadline]:
    """retrieveDate and installDateTime, by the calendar; the next download; the end of a wait before the restart."""
    job = state.maintenance.firmware
    if job is None:
        return
    if job.step == "":
        due_ms = state.clock.at_ms(job.request.retrieve_utc_ms)
        yield Deadline(due_ms=due_ms, name=RETRIEVE, key=job.request.job)
    elif job.step == "scheduled":
        yield Deadline(due_ms=state.clock.at_ms(_install_utc_ms(job)), name=INSTALL, key=job.request.job)
    elif job.step in _TIMED_STEPS:
        yield Deadline(due_ms=job.step_due_ms, name=WAIT, key=job.request.job)


def advance_firmware(state: StationState, at_ms: int) -> Events:
    """What follows for the update under way: at most one step, and the status that goes with it."""
    job = state.maintenance.firmware
    if job is None:
        return ()
    if job.signed is None and state.described.requires_signed_firmware and job.step in REPLACEABLE:
        return _refused(job, at_ms)
    return _ADVANCES[job.step](state, job, at_ms)


def _refused(job: FirmwareJob, at_ms: int) -> Events:
    """The settings have come to want signed firmware while an update without a signature was under way."""
    status = FirmwareStatus.INSTALLATION_FAILED if job.step == "idle" else FirmwareStatus.DOWNLOAD_FAILED
    return (TransferRefused(action="UpdateFirmware", reason=ONLY_SIGNED), *_step(job, "done", at_ms, status))


def _step(job: FirmwareJob, step: str, due_ms: int, *statuses: Status) -> Events:
    told = tuple(_queued(job, status) for status in statuses)
    return (*told, FirmwareStepDecided(job=job.request.job, step=step, due_ms=due_ms))


def _queued(job: FirmwareJob, status: Status) -> Event:
    if job.signed is None:
        return FirmwareStatusQueued(status=status.value)
    return SignedFirmwareStatusQueued(status=status.value, request_id=job.signed.request_id)


def _of_signed(job: FirmwareJob, status: Status) -> tuple[Status, ...]:
    """A status that only a signed update has."""
    return () if job.signed is None else (status,)


def _advance_request(state: StationState, job: FirmwareJob, at_ms: int) -> Events:
    if fault := location_fault(state, job.request.location):
        action = "UpdateFirmware" if job.signed is None else "SignedUpdateFirmware"
        refused = TransferRefused(action=action, reason=fault)
        return (refused, *_step(job, "done", at_ms, FirmwareStatus.DOWNLOAD_FAILED))
    if state.clock.utc_ms(at_ms) < job.request.retrieve_utc_ms:
        is_new = job.signed is not None and not job.status
        return (_queued(job, SignedFirmwareStatus.DOWNLOAD_SCHEDULED),) if is_new else ()
    return _step(job, "download", at_ms, FirmwareStatus.DOWNLOADING)


def _advance_retry(state: StationState, job: FirmwareJob, at_ms: int) -> Events:
    if at_ms < job.step_due_ms:
        return ()
    return _step(job, "download", at_ms, *_of_signed(job, FirmwareStatus.DOWNLOADING))


def _advance_download(state: StationState, job: FirmwareJob, at_ms: int) -> Events:
    if job.report == "Downloaded":
        step = "idle" if job.signed is None else "signature"
        return _step(job, step, at_ms, FirmwareStatus.DOWNLOADED)
    if not _has_failed(job, "DownloadFailed"):
        return ()
    if job.attempt > job.request.retries:
        return _step(job, "done", at_ms, FirmwareStatus.DOWNLOAD_FAILED)
    due_ms = at_ms + wait_ms(job.request.retry_interval_s, job.retry_after_s)
    return _step(job, "retry", due_ms, *_of_signed(job, SignedFirmwareStatus.DOWNLOAD_PAUSED))


def _advance_signature(state: StationState, job: FirmwareJob, at_ms: int) -> Events:
    if job.report == "SignatureVerified":
        verified = SignedFirmwareStatus.SIGNATURE_VERIFIED
        if state.clock.utc_ms(at_ms) >= _install_utc_ms(job):
            return _step(job, "idle", at_ms, verified)
        return _step(job, "scheduled", at_ms, verified, SignedFirmwareStatus.INSTALL_SCHEDULED)
    if job.report == "InvalidSignature":
        return _step(job, "done", at_ms, SignedFirmwareStatus.INVALID_SIGNATURE)
    return _unverified(job, at_ms) if _has_failed(job, UNVERIFIED) else ()


def _install_utc_ms(job: FirmwareJob) -> int:
    """installDateTime; without one it is as soon as possible."""
    asked = None if job.signed is None else job.signed.install_utc_ms
    return 0 if asked is None else asked


def _unverified(job: FirmwareJob, at_ms: int) -> Events:
    return _step(job, "done", at_ms, SignedFirmwareStatus.INSTALL_VERIFICATION_FAILED)


def _advance_scheduled(state: StationState, job: FirmwareJob, at_ms: int) -> Events:
    return _step(job, "idle", at_ms) if state.clock.utc_ms(at_ms) >= _install_utc_ms(job) else ()


def _advance_idle(state: StationState, job: FirmwareJob, at_ms: int) -> Events:
    """Wait until the transactions have ended (errata 3.49): a restart during the installation would only interrupt it."""
    leaving = state.maintenance.reset is not None or state.maintenance.stopping != ""
    if state.transactions.running() or leaving:
        return ()
    return _step(job, "install", at_ms, FirmwareStatus.INSTALLING)


def _advance_install(state: StationState, job: FirmwareJob, at_ms: int) -> Events:
    if job.report == "Installed":
        return _step(job, "activate", at_ms)
    if job.report == "Rebooting":
        rebooting = _of_signed(job, SignedFirmwareStatus.INSTALL_REBOOTING)
        return _step(job, "reboot", at_ms + REBOOT_WAIT_MAX_MS, *rebooting)
    if job.report == UNVERIFIED:
        return _unverified(job, at_ms)
    if job.interruptions and job.replaces != state.maintenance.firmware_version:
        # The installer itself rebooted the machine, and another version came up.
        return _step(job, "done", at_ms, FirmwareStatus.INSTALLED)
    return _failed_installation(job, at_ms) if _has_failed(job, "InstallationFailed") else ()


def _advance_activate(state: StationState, job: FirmwareJob, at_ms: int) -> Events:
    if job.report == "Activated":
        return _step(job, "settle", at_ms + SETTLE_MAX_MS)
    return _failed_installation(job, at_ms) if _has_failed(job, "ActivationFailed") else ()


def _advance_settle(state: StationState, job: FirmwareJob, at_ms: int) -> Events:
    """Before the restart "Installing" is sent, if the CSMS can be reached; else the new version will send it."""
    owed = any(call.lane == NOTICE for call in state.outbox.calls)
    if owed and state.online and at_ms < job.step_due_ms:
        return ()
    return _step(job, "restart", at_ms)


def _advance_restart(state: StationState, job: FirmwareJob, at_ms: int) -> Events:
    # A boot would have moved the job on: the restart was given up, and the old version is in service.
    return _failed_installation(job, at_ms) if state.maintenance.reset is None else ()


def _advance_reboot(state: StationState, job: FirmwareJob, at_ms: int) -> Events:
    return _step(job, "restart", at_ms) if at_ms >= job.step_due_ms else ()


def _advance_verify(state: StationState, job: FirmwareJob, at_ms: int) -> Events:
    if job.version not in ("", state.maintenance.firmware_version):
        return _failed_installation(job, at_ms)
    return _step(job, "done", at_ms, FirmwareStatus.INSTALLED)


def _failed_installation(job: FirmwareJob, at_ms: int) -> Events:
    return _step(job, "done", at_ms, FirmwareStatus.INSTALLATION_FAILED)


def _has_failed(job: FirmwareJob, report: str) -> bool:
    return job.report == report or job.interruptions > INTERRUPTIONS_MAX


_ADVANCES: Mapping[str, Callable[[StationState, FirmwareJob, int], Events]] = {
    "": _advance_request,
    "retry": _advance_retry,
    "download": _advance_download,
    "signature": _advance_signature,
    "scheduled": _advance_scheduled,
    "idle": _advance_idle,
    "install": _advance_install,
    "activate": _advance_activate,
    "settle": _advance_settle,
    "restart": _advance_restart,
    "reboot": _advance_reboot,
    "verify": _advance_verify,
}
