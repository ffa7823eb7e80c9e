"""The job runner: does the steps of maintenance jobs that are work, and reports what came of them.

It is a reconciler. What is to be done stands in the state; each newly published state is compared with what is being done, and
work that the state no longer asks for is cancelled. So nothing needs to be handed over, neither between steps nor between
processes: a restarted daemon sees the same step and does it again, from where the files on the disk allow. One firmware job,
one upload of diagnostics and one of a log at a time, independent of each other.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from eventstore.catalogue.maintenance import DiagnosticsProgressed, FirmwareProgressed
from eventstore.directory import sync_directory
from eventstore.event import Observation
from eventstore.value import Value
from projections.maintenance import FirmwareJob, UploadJob
from projections.station import StationState
from station.runtime.diagnostics import DiagnosticsSource
from station.runtime.firmware_signing import FirmwareSigning
from station.runtime.installer import InstallationError, Installer
from station.runtime.location import TransferError, TransferFault
from station.runtime.partial_file import sha256_of
from station.runtime.secrets import SecretLostError
from station.runtime.transfer import Transfers

DETAIL_LENGTH_MAX = 500
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}\Z")
_FIRMWARE_FAILURES: Mapping[str, str] = {
    "download": "DownloadFailed",
    "signature": "InstallVerificationFailed",
    "install": "InstallationFailed",
    "activate": "ActivationFailed",
}
_EXPECTED = (TransferError, InstallationError, SecretLostError, OSError)

_log = logging.getLogger(__name__)

Submit = Callable[[Observation], object]
Reveal = Callable[[str], str]


class JobStep(Value, frozen=True, kw_only=True):
    """Where a job is; `is_work` tells whether the runner has something to do there."""

    job: int
    step: str
    attempt: int
    is_work: bool


class LaneWork(Protocol):
    """One kind of work: what is to be done there, the doing, and what is left over of it."""

    name: str

    def step(self, state: StationState) -> JobStep | None:
        """Where it is; None if there is nothing. Called for each state, from the event loop."""
        ...

    async def do(self, state: StationState) -> Observation:
        """Does the step that the state asks for; returns what came of it."""
        ...

    def tidy(self, step: JobStep | None) -> None:
        """Removes files that no step needs any more. Called in a thread, while nothing is done."""
        ...


class JobRunner:
    """Runs the jobs. `publish` tells it each new state, once durable; `submit` takes its observations.

    `reveal` makes of a location of the log one with its user and password, and raises SecretLostError. `more` is other work, a lane
    for each.
    """

    def __init__(
        self,
        *,
        directory: Path,
        firmware_bytes_max: int,
        installer: Installer,
        signing: FirmwareSigning,
        transfers: Transfers,
        diagnostics: DiagnosticsSource,
        submit: Submit,
        reveal: Reveal = str,
        more: Sequence[LaneWork] = (),
    ) -> None:
        self._firmware = _FirmwareWork(
            directory / "firmware", firmware_bytes_max, installer, signing, transfers, reveal
        )
        uploads = partial(_UploadWork, source=diagnostics, transfers=transfers, reveal=reveal)
        self._diagnostics = uploads(
            "diagnostics", directory / "diagnostics", lambda state: state.maintenance.diagnostics
        )
        self._log = uploads("log", directory / "logs", lambda state: state.maintenance.log)
        works: tuple[LaneWork, ...] = (self._firmware, self._diagnostics, self._log, *more)
        self._lanes = tuple(_Lane(work, submit) for work in works)

    def publish(self, state: StationState) -> None:
        """The state is now this; returns at once."""
        for lane in self._lanes:
            lane.publish(state)

    async def run(self) -> None:
        """Run until cancelled; a step under way is given up then, and the next process does it."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(lane.run(), name=f"{lane.name} jobs")


class _Lane:
    """One kind of job: at most one piece of work at a time."""

    def __init__(self, work: LaneWork, submit: Submit) -> None:
        self.name = work.name
        self._step = work.step
        self._do = work.do
        self._tidy = work.tidy
        self._submit = submit
        self._published: tuple[StationState, JobStep | None] | None = None
        self._changed = asyncio.Event()

    def publish(self, state: StationState) -> None:
        step = self._step(state)
        if self._published is None or self._published[1] != step:
            self._published = (state, step)
            self._changed.set()

    async def run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            assert self._published is not None, "only publishing wakes a lane"
            state, step = self._published
            with contextlib.suppress(OSError):  # files left over are looked for again at the next step
                await asyncio.to_thread(self._tidy, step)
            if step is not None and step.is_work:
                await self._work(state)

    async def _work(self, state: StationState) -> None:
        """Does the step, unless the state moves on; then it is cancelled."""
        work = asyncio.ensure_future(self._do(state))
        moved = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait((work, moved), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                self._submit(work.result())
        finally:
            for task in (work, moved):
                task.cancel()
            await asyncio.gather(work, moved, return_exceptions=True)


def _described(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return "".join(sign if sign.isprintable() else " " for sign in text)[:DETAIL_LENGTH_MAX]


def _explained(what: str, error: Exception) -> str:
    """The failure in words; one that is no server's, installer's or disk's fault is ours, and logged as such."""
    if isinstance(error, _EXPECTED):
        return _described(error)  # the event of its failure tells of it
    _log.error("%s failed unexpectedly", what, exc_info=error)
    return _described(error)


def _wait_asked_s(error: Exception) -> int:
    """How long the server of the file asked to be left alone."""
    return error.retry_after_s if isinstance(error, TransferError) else 0


class _FirmwareWork:
    """Download, verification, installation and activation of the image."""

    name = "firmware"

    def __init__(
        self,
        directory: Path,
        bytes_max: int,
        installer: Installer,
        signing: FirmwareSigning,
        transfers: Transfers,
        reveal: Reveal,
    ) -> None:
        self._signing = signing
        self._directory = directory
        self._reveal = reveal
        self._bytes_max = bytes_max
        self._installer = installer
        self._transfers = transfers

    def step(self, state: StationState) -> JobStep | None:
        job = state.maintenance.firmware
        if job is None:
            return None
        is_work = job.step in _FIRMWARE_FAILURES and not job.report
        return JobStep(job=job.request.job, step=job.step, attempt=job.attempt, is_work=is_work)

    async def do(self, state: StationState) -> Observation:
        job = state.maintenance.firmware
        assert job is not None, "there is work for a job only"
        try:
            return await self._done(job)
        except Exception as error:  # noqa: BLE001  # whatever it is, the job must go on
            detail = _explained(f"firmware {job.step}", error)
            return _firmware(job, _FIRMWARE_FAILURES[job.step], detail=detail, retry_after_s=_wait_asked_s(error))

    async def _done(self, job: FirmwareJob) -> Observation:
        if job.step == "download":
            name = _image_name(job)
            location = await asyncio.to_thread(self._reveal, job.request.location)
            sha256 = await self._transfers.download(location, self._directory / name, bytes_max=self._bytes_max)
            return _firmware(job, "Downloaded", file=name, sha256=sha256)
        if job.step == "signature":
            assert job.signed is not None, "no other job has this step"
            fault = await asyncio.to_thread(self._signing.signature_fault, job.signed, job.sha256)
            return _firmware(job, "InvalidSignature" if fault else "SignatureVerified", detail=fault)
        if job.step == "install":
            if job.signed is not None and (fault := await asyncio.to_thread(self._altered, job)):
                return _firmware(job, "InstallVerificationFailed", detail=fault)
            installation = await self._installer.install(self._directory / job.file)
            status = "Rebooting" if installation.reboots else "Installed"
            return _firmware(job, status, version=installation.version)
        await self._installer.activate(job.version)
        return _firmware(job, "Activated")

    def _altered(self, job: FirmwareJob) -> str:
        """Why the file on the disk is not the one whose signature was verified; "" if it is. It may have lain there for long."""
        try:
            same = sha256_of(self._directory / job.file) == job.sha256
        except OSError as error:
            return f"the image cannot be read: {error}"
        return "" if same else "the image on the disk is not the one whose signature was verified"

    def tidy(self, step: JobStep | None) -> None:
        _keep_only(self._directory, "" if step is None else f"{step.job}-")


def _firmware(
    job: FirmwareJob,
    status: str,
    *,
    detail: str = "",
    file: str = "",
    version: str = "",
    retry_after_s: int = 0,
    sha256: str = "",
) -> Observation:
    return FirmwareProgressed(
        job=job.request.job,
        status=status,
        attempt=job.attempt,
        detail=detail,
        file=file,
        version=version,
        retry_after_s=retry_after_s,
        sha256=sha256,
    )


def _image_name(job: FirmwareJob) -> str:
    """A name of our own; of the location only a harmless suffix is kept, which some installers go by."""
    suffix = _SUFFIX.search(job.request.location.partition("?")[0].partition("#")[0])
    return f"{job.request.job}-image{suffix[0] if suffix else ''}"


class _UploadWork:
    """The making and the upload of one kind of file, which is made once and kept until it has arrived."""

    def __init__(
        self,
        name: str,
        directory: Path,
        job_in: Callable[[StationState], UploadJob | None],
        *,
        source: DiagnosticsSource,
        transfers: Transfers,
        reveal: Reveal,
    ) -> None:
        self.name = name
        self._directory = directory
        self._job_in = job_in
        self._reveal = reveal
        self._source = source
        self._transfers = transfers

    def step(self, state: StationState) -> JobStep | None:
        job = self._job_in(state)
        if job is None:
            return None
        is_work = job.step == "upload" and not job.report
        return JobStep(job=job.request.job, step=job.step, attempt=job.attempt, is_work=is_work)

    async def do(self, state: StationState) -> Observation:
        job = self._job_in(state)
        assert job is not None, "there is work for a job only"
        try:
            await self._upload(job, state)
        except Exception as error:  # noqa: BLE001  # whatever it is, the job must go on
            return _uploaded(job, _upload_failure(job, error), _explained("upload", error), _wait_asked_s(error))
        return _uploaded(job, "Uploaded", "")

    async def _upload(self, job: UploadJob, state: StationState) -> None:
        name = job.request.file_name
        file = self._directory / f"{job.request.job}-{name}"
        if not await asyncio.to_thread(file.exists):
            if self._transfers.room_bytes(self._directory) <= 0:
                raise TransferError("the disk has no room for the file")
            await self._source.write(file, job.request, state)
        resume = job.attempt > 1 or job.interruptions > 0
        location = await asyncio.to_thread(self._reveal, job.request.location)
        await self._transfers.upload(file, location, name, resume=resume)

    def tidy(self, step: JobStep | None) -> None:
        _keep_only(self._directory, "" if step is None else f"{step.job}-")


def _upload_failure(job: UploadJob, error: Exception) -> str:
    """The status that says best why the upload failed; GetDiagnostics has one for all (4.4)."""
    if not job.request.log:
        return "UploadFailed"
    fault = error.fault if isinstance(error, TransferError) else TransferFault.OTHER
    return _LOG_FAILURES[fault]


_LOG_FAILURES: Mapping[TransferFault, str] = {
    TransferFault.OTHER: "UploadFailure",
    TransferFault.PROTOCOL: "BadMessage",
    TransferFault.PERMISSION: "PermissionDenied",
    TransferFault.UNSUPPORTED: "NotSupportedOperation",
}


def _uploaded(job: UploadJob, status: str, detail: str, retry_after_s: int = 0) -> Observation:
    return DiagnosticsProgressed(
        job=job.request.job, status=status, attempt=job.attempt, detail=detail, retry_after_s=retry_after_s
    )


def _keep_only(directory: Path, prefix: str) -> None:
    """Keep the files of the job under way and delete all others; "" is no job."""
    if not directory.is_dir():
        directory.mkdir(mode=0o700)
        sync_directory(directory.parent)  # a power cut would take it, and all that is in it
    for file in directory.iterdir():
        if not prefix or not file.name.startswith(prefix):
            file.unlink()
