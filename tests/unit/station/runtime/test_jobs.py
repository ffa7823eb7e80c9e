"""The job runner: what the state asks for is done, reported, cancelled, and done again after a restart."""

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from eventstore.catalogue.lifecycle import StationDescribed
from eventstore.catalogue.maintenance import DiagnosticsProgressed, FirmwareProgressed, SigningCertificateChecked
from eventstore.chain import Head, Row
from eventstore.commitments import Commitments
from eventstore.event import Observation
from eventstore.value import replace
from station.runtime.certificate_files import CertificateFiles
from station.runtime.diagnostics import DiagnosticsSource
from station.runtime.dialing import anywhere
from station.runtime.firmware_signing import FirmwareSigning
from station.runtime.installer import BenchInstaller, Installation, InstallationError, Installer
from station.runtime.jobs import JobRunner
from station.runtime.location import TransferLimits
from station.runtime.maker_roots import MakerRoots
from station.runtime.signing_certificate_work import SigningCertificateWork
from station.runtime.transfer import Transfers
from station.settings.loading import parse_settings
from tests.file_servers import bench_image
from tests.given import DESCRIPTION, StationUnderTest
from tests.signed_images import Signer, manufacturer, signing_certificate
from tests.unit.station.runtime.transfer_servers import HttpFiles, http_files

IMAGE = bench_image(model="Bench", version="9.9.9")
ROOT = manufacturer()
SIGNER = signing_certificate(ROOT)
SECURED = replace(DESCRIPTION, profiles_off=())
SETTINGS = '[station]\nidentity = "CB-0001"\n[csms]\nurl = "ws://127.0.0.1:9000/ocpp"\n'

pytestmark = pytest.mark.asyncio


class EmptyLog:
    """A log without events."""

    head = Head(seq=0, digest=b"\0" * 32)

    async def commitments_from(self, seq: int) -> Commitments:
        return Commitments()

    async def cut_out(self) -> Sequence[tuple[int, int]]:
        return ()

    async def read_rows(self, after: int, limit: int) -> Sequence[Row]:
        return []


class Rig:
    """A station in stepped time and a job runner that works for it."""

    def __init__(
        self,
        directory: Path,
        installer: Installer | None = None,
        transfers: Transfers | None = None,
        described: StationDescribed = DESCRIPTION,
    ) -> None:
        self.directory = directory
        self.requests = 0
        self.station = StationUnderTest(description=described).online()
        self._roots = MakerRoots(directory.parent / "maker.pem", CertificateFiles(directory))
        signing = FirmwareSigning()
        self.observations: asyncio.Queue[Observation] = asyncio.Queue()
        self.runner = JobRunner(
            directory=directory,
            firmware_bytes_max=1_000_000,
            installer=installer or BenchInstaller(directory, model="Bench"),
            signing=signing,
            transfers=transfers or Transfers(judge=anywhere, limits=TransferLimits(stall_s=5, reserve_bytes=0)),
            diagnostics=DiagnosticsSource(log=EmptyLog(), settings=parse_settings(SETTINGS, "test")),
            submit=self.observations.put_nowait,
            more=(SigningCertificateWork(signing, self._roots),),
        )

    def publish(self) -> None:
        self.runner.publish(self.station.state)

    def ask(self, action: str, **payload: object) -> dict[str, object]:
        answer = self.station.ask(action, payload)
        assert answer is not None
        assert answer.payload is not None
        self.publish()
        return answer.payload

    def get_log(self, location: str, kind: str = "SecurityLog", **members: object) -> object:
        """GetLog; the name of the file."""
        self.requests += 1
        log = {"remoteLocation": location}
        answer = self.ask("GetLog", logType=kind, requestId=self.requests, log=log, **members)
        return answer["filename"]

    def update(self, location: str, **members: object) -> None:
        self.ask("UpdateFirmware", location=location, retrieveDate="2026-01-01T00:00:00Z", **members)

    def offer(self, location: str, signer: Signer, signature: str, **members: object) -> None:
        """SignedUpdateFirmware; the answer comes once the certificate is checked."""
        (self.directory.parent / "maker.pem").write_text(ROOT.pem)
        news = self._roots.look(self.station.state.certificates)
        assert news is not None
        self.station.observe(news)
        firmware = {"location": location, "retrieveDateTime": "2026-01-01T00:00:00Z"}
        firmware |= {"signingCertificate": signer.pem, "signature": signature}
        self.station.receive([2, "offer", "SignedUpdateFirmware", {"requestId": 7, "firmware": firmware, **members}])
        self.publish()

    async def next(self) -> Observation:
        """The runner's next report, which the station takes."""
        async with asyncio.timeout(60):
            observation = await self.observations.get()
        self.station.observe(observation)
        self.publish()
        return observation

    async def reports(self, count: int) -> list[str]:
        found = [await self.next() for _ in range(count)]
        assert all(isinstance(one, FirmwareProgressed | DiagnosticsProgressed) for one in found)
        return [one.status for one in found if isinstance(one, FirmwareProgressed | DiagnosticsProgressed)]

    def files(self, kind: str) -> list[str]:
        folder = self.directory / kind
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@asynccontextmanager
async def rig(
    directory: Path,
    installer: Installer | None = None,
    transfers: Transfers | None = None,
    described: StationDescribed = DESCRIPTION,
) -> AsyncIterator[Rig]:
    found = Rig(directory, installer, transfers, described)
    async with running(found):
        yield found


@asynccontextmanager
async def running(found: Rig) -> AsyncIterator[None]:
    found.publish()
    task = asyncio.create_task(found.runner.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@contextmanager
def served(content: bytes = IMAGE) -> Iterator[HttpFiles]:
    with http_files(content) as files:
        yield files


async def test_an_image_is_downloaded_installed_and_activated(tmp_path: Path) -> None:
    async with rig(tmp_path) as found:
        with served() as files:
            found.update(files.url("images/new.fwi?token=1"))
            assert await found.reports(3) == ["Downloaded", "Installed", "Activated"]
        assert found.station.state.maintenance.reset is not None
        assert found.files("firmware") == ["1-image.fwi"]
        assert BenchInstaller(tmp_path, model="Bench").firmware_version("0.1.0") == "9.9.9"


@pytest.mark.parametrize("path", ["../../etc/passwd", "a%2F..%2Fb", "x.fw%00i", "", "x." + 40 * "y", ".bashrc/"])
async def test_no_name_of_a_peers_becomes_a_file_name(tmp_path: Path, path: str) -> None:
    async with rig(tmp_path / "storage", BenchInstaller(tmp_path, model="Other")) as found:
        (tmp_path / "storage").mkdir()
        with served() as files:
            found.update(files.url(path), retries=0)
            await found.next()
        assert os.listdir(tmp_path) == ["storage"]  # noqa: PTH208


async def test_a_download_that_fails_is_reported_with_its_reason_and_tried_again(tmp_path: Path) -> None:
    async with rig(tmp_path) as found:
        with served() as files:
            files.status, files.refusal_headers = 404, {"Retry-After": "4"}
            found.update(files.url(), retries=1, retryInterval=10)
            failed = await found.next()
            assert isinstance(failed, FirmwareProgressed)
            assert (failed.status, failed.attempt, failed.retry_after_s) == ("DownloadFailed", 1, 4)
            assert "HTTP status 404" in failed.detail
            files.status = 200
            found.station.advance(10)
            found.publish()
            again = await found.next()
            assert isinstance(again, FirmwareProgressed)
            assert (again.status, again.attempt) == ("Downloaded", 2)


async def test_a_bad_image_is_reported_and_removed(tmp_path: Path) -> None:
    async with rig(tmp_path) as found:
        with served(b"no image") as files:
            found.update(files.url())
            assert await found.reports(2) == ["Downloaded", "InstallationFailed"]
        await tidied(found, "firmware")


async def tidied(found: Rig, kind: str) -> None:
    """Waits until nothing of that kind is left."""
    async with asyncio.timeout(60):
        while found.files(kind):  # noqa: ASYNC110  # files tell nobody that they are gone
            await asyncio.sleep(0.01)


async def test_work_that_the_state_no_longer_asks_for_is_cancelled(tmp_path: Path) -> None:
    with served() as slow, served() as files:
        slow.silent = threading.Event()
        async with rig(tmp_path) as found:
            found.update(slow.url())
            assert await asyncio.to_thread(slow.asked.wait, 10)
            found.update(files.url())
            first = await found.next()
            assert isinstance(first, FirmwareProgressed)
            assert (first.job, first.status) == (2, "Downloaded")


async def test_a_restarted_runner_goes_on_with_the_same_step(tmp_path: Path) -> None:
    with served() as files:
        async with rig(tmp_path) as first:
            files.cut_after = 1000
            first.update(files.url(), retries=1, retryInterval=1)
            assert await first.reports(1) == ["DownloadFailed"]
            state = first.station
        files.cut_after = None
        second = Rig(tmp_path)
        second.station = state
        state.disconnect()
        state.boot()
        state.advance(10)
        async with running(second):
            assert await second.reports(1) == ["Downloaded"]
            assert files.requests[-1].headers["Range"] == "bytes=1000-"


class StubbornInstaller:
    """An installer that does not do what it should."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def install(self, image: Path) -> Installation:
        if self.error is not None:
            raise self.error
        return Installation(version="2", reboots=True)

    async def activate(self, version: str) -> None:
        raise InstallationError("never")

    def firmware_version(self, software_version: str) -> str:
        return software_version


@pytest.mark.parametrize("error", [InstallationError("no\nline"), OSError("disk"), KeyError("our own bug")])
async def test_whatever_an_installer_raises_is_a_failed_installation(tmp_path: Path, error: Exception) -> None:
    async with rig(tmp_path, StubbornInstaller(error)) as found:
        with served() as files:
            found.update(files.url())
            assert await found.reports(1) == ["Downloaded"]
            failed = await found.next()
        assert isinstance(failed, FirmwareProgressed)
        assert failed.status == "InstallationFailed"
        assert failed.detail.isprintable()


async def test_an_installer_that_reboots_the_machine_is_told_so(tmp_path: Path) -> None:
    async with rig(tmp_path, StubbornInstaller()) as found:
        with served() as files:
            found.update(files.url())
            assert await found.reports(2) == ["Downloaded", "Rebooting"]
        job = found.station.state.maintenance.firmware
        assert job is not None
        assert (job.step, job.version) == ("reboot", "2")


async def test_diagnostics_are_made_and_uploaded_under_the_name_in_the_answer(tmp_path: Path) -> None:
    async with rig(tmp_path) as found:
        with served() as files:
            name = found.ask("GetDiagnostics", location=files.url("logs"))["fileName"]
            assert await found.reports(1) == ["Uploaded"]
            assert files.requests[-1].path == f"/logs/{name}"
            assert files.requests[-1].body[:2] == b"PK"
        await tidied(found, "diagnostics")


async def test_an_upload_that_fails_sends_the_same_file_again(tmp_path: Path) -> None:
    async with rig(tmp_path) as found:
        with served() as files:
            files.statuses, files.refusal_headers = {"PUT": 500}, {"Retry-After": "4"}
            found.ask("GetDiagnostics", location=files.url("logs"), retries=1, retryInterval=10)
            failed = await found.next()
            assert isinstance(failed, DiagnosticsProgressed)
            assert (failed.status, failed.attempt, failed.detail.endswith("HTTP status 500")) == (
                "UploadFailed",
                1,
                True,
            )
            assert failed.retry_after_s == 4
            files.statuses = {}
            found.station.advance(10)
            found.publish()
            assert await found.reports(1) == ["Uploaded"]
            assert files.requests[0].body == files.requests[1].body


async def test_a_full_disk_gets_no_diagnostics_file(tmp_path: Path) -> None:
    transfers = Transfers(judge=anywhere, free_bytes=lambda directory: 1_000)
    async with rig(tmp_path, transfers=transfers) as found:
        with served() as files:
            found.ask("GetDiagnostics", location=files.url("logs"), retries=0)
            failed = await found.next()
        assert isinstance(failed, DiagnosticsProgressed)
        assert (failed.status, failed.detail) == ("UploadFailed", "the disk has no room for the file")
        assert files.requests == []


async def test_a_log_is_uploaded_under_the_name_in_the_answer_and_a_failure_says_what_it_can(tmp_path: Path) -> None:
    """White paper, N01.FR.02, N01.FR.10."""
    async with rig(tmp_path, described=replace(DESCRIPTION, profiles_off=())) as found:
        with served() as files:
            files.statuses = {"PUT": 403}
            name = found.get_log(files.url("logs"), retries=1, retryInterval=10)
            assert await found.reports(1) == ["PermissionDenied"]
            files.statuses = {}
            found.station.advance(10)
            found.publish()
            assert await found.reports(1) == ["Uploaded"]
            assert [request.path for request in files.requests] == [f"/logs/{name}"] * 2
            assert files.requests[-1].headers["Content-Type"] == "application/jsonl"
            assert files.requests[-1].body == files.requests[0].body
            assert files.requests[-1].body.startswith(b'{"security_log":1,')
        await tidied(found, "logs")


@pytest.mark.parametrize(
    ("answer", "status"),
    [(400, "BadMessage"), (401, "PermissionDenied"), (405, "NotSupportedOperation"), (500, "UploadFailure")],
)
async def test_what_the_server_of_a_log_says_is_passed_on(tmp_path: Path, answer: int, status: str) -> None:
    """White paper, 6.19."""
    async with rig(tmp_path, described=replace(DESCRIPTION, profiles_off=())) as found:
        with served() as files:
            files.statuses = {"PUT": answer, "POST": answer}
            found.get_log(files.url("logs"), retries=0)
            assert await found.reports(1) == [status]


async def test_a_new_get_log_cancels_the_upload_under_way(tmp_path: Path) -> None:
    """White paper, N01.FR.11; the new one is for the diagnostics (N01.FR.04)."""
    async with rig(tmp_path, described=replace(DESCRIPTION, profiles_off=())) as found:
        with served() as silent, served() as files:
            silent.held_back = threading.Event()
            found.get_log(silent.url("logs"))
            assert await asyncio.to_thread(silent.asked.wait, 10)
            name = found.get_log(files.url("logs"), "DiagnosticsLog")
            first = await found.next()
            silent.held_back.set()
            assert isinstance(first, DiagnosticsProgressed)
            assert (first.job, first.status) == (2, "Uploaded")
            assert files.requests[-1].path == f"/logs/{name}"
            assert files.requests[-1].body[:2] == b"PK"


async def test_both_kinds_of_job_run_side_by_side(tmp_path: Path) -> None:
    async with rig(tmp_path) as found:
        with served() as files:
            found.update(files.url())
            found.ask("GetDiagnostics", location=files.url("logs"))
            assert sorted(await found.reports(4)) == ["Activated", "Downloaded", "Installed", "Uploaded"]


async def test_a_storage_directory_that_takes_nothing_is_a_failed_download(tmp_path: Path) -> None:
    (tmp_path / "storage").write_text("in the way")
    async with rig(tmp_path / "storage") as found:
        with served() as files:
            found.update(files.url(), retries=0)
            assert await found.reports(1) == ["DownloadFailed"]


# Signed images


async def checked(found: Rig) -> str:
    """What the check of the certificate found."""
    observation = await found.next()
    assert isinstance(observation, SigningCertificateChecked)
    return observation.fault


async def test_a_signed_image_is_checked_downloaded_verified_and_installed(tmp_path: Path) -> None:
    async with rig(tmp_path, described=SECURED) as found:
        with served() as files:
            found.offer(files.url("new.fwi"), SIGNER, SIGNER.sign(IMAGE))
            assert await checked(found) == ""
            assert await found.reports(4) == ["Downloaded", "SignatureVerified", "Installed", "Activated"]
    job = found.station.state.maintenance.firmware
    assert job is not None
    assert job.sha256 == hashlib.sha256(IMAGE).hexdigest()
    assert found.station.answers[-1].payload == {"status": "Accepted"}


async def test_a_certificate_without_a_root_is_answered_and_nothing_is_fetched(tmp_path: Path) -> None:
    stranger = signing_certificate(manufacturer("stranger"))
    async with rig(tmp_path, described=SECURED) as found:
        with served() as files:
            found.offer(files.url("new.fwi"), stranger, stranger.sign(IMAGE))
            assert "no installed root" in await checked(found)
            assert files.requests == []
    assert found.station.answers[-1].payload == {"status": "InvalidCertificate"}


@pytest.mark.parametrize("spoilt", ["the image", "the signature", "its end", "no base64"])
async def test_an_image_that_is_not_what_was_signed_never_reaches_the_installer(tmp_path: Path, spoilt: str) -> None:
    class Never:
        async def install(self, image: Path) -> Installation:
            raise AssertionError("it was not verified")

        async def activate(self, version: str) -> None: ...

        def firmware_version(self, software_version: str) -> str:
            return ""

    image = {"the image": IMAGE.replace(b"f", b"F", 1), "its end": IMAGE[:-1]}.get(spoilt, IMAGE)
    signature = {"the signature": SIGNER.sign(b"another"), "no base64": "?"}.get(spoilt, SIGNER.sign(IMAGE))
    async with rig(tmp_path, Never(), described=SECURED) as found:
        with served(image) as files:
            found.offer(files.url("new.fwi"), SIGNER, signature)
            assert await checked(found) == ""
            assert await found.reports(2) == ["Downloaded", "InvalidSignature"]
    assert found.station.state.maintenance.firmware is None


@pytest.mark.parametrize("how", ["altered", "gone"])
async def test_an_image_that_changed_on_the_disk_since_it_was_verified_is_not_installed(
    tmp_path: Path, how: str
) -> None:
    async with rig(tmp_path, described=SECURED) as found:
        found.station.plug()
        found.station.swipe()
        with served() as files:
            found.offer(files.url("new.fwi"), SIGNER, SIGNER.sign(IMAGE))
            assert await checked(found) == ""
            assert await found.reports(2) == ["Downloaded", "SignatureVerified"]
        image = tmp_path / "firmware" / found.files("firmware")[0]
        image.write_bytes(IMAGE + b"x") if how == "altered" else image.unlink()
        found.station.unplug()
        found.publish()
        assert await found.reports(1) == ["InstallVerificationFailed"]
    assert BenchInstaller(tmp_path, model="Bench").firmware_version("0.1.0") == "0.1.0"


@pytest.mark.parametrize("step", ["download", "signature"])
async def test_a_signed_image_is_verified_whole_after_a_restart(tmp_path: Path, step: str) -> None:
    """The first part came to another process."""
    found = Rig(tmp_path, described=SECURED)
    with served() as files:
        async with running(found):
            if step == "download":
                files.cut_after = len(IMAGE) // 2
            found.offer(files.url("new.fwi"), SIGNER, SIGNER.sign(IMAGE), retries=1, retryInterval=1)
            assert await checked(found) == ""
            assert await found.reports(1) == ["DownloadFailed" if step == "download" else "Downloaded"]
        files.cut_after = None
        found.station.advance(1)
        again = Rig(tmp_path, described=SECURED)
        again.station = found.station
        async with running(again):
            if step == "download":
                assert await again.reports(1) == ["Downloaded"]
                assert files.requests[-1].headers["Range"]
            assert await again.reports(3) == ["SignatureVerified", "Installed", "Activated"]
