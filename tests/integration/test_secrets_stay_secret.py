"""Each secret's every way out of the real daemon: the bytes of its storage, its service, a diagnostics file, stderr, and the wire."""

import asyncio
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.file_servers import serve_files
from tests.integration.stations import delivered, settings_for, until
from tests.integration.test_security_profiles import NEW_KEY, OLD_KEY, QUICKLY, key_file, spellings
from tests.unit.station.runtime.test_frame_secrets import BENT, HEX

BENT_KEY = bytes.fromhex(HEX)
PASSWORD = "hunter2-pass"


async def told(daemon: Daemon) -> dict[str, bytes]:
    """What people see of the daemon: its service and its stderr."""
    return {
        "/api/state": (await daemon.api.call("GET", "/api/state")).content,
        "/api/events": json.dumps(await daemon.api.events()).encode(),
        "/metrics": (await daemon.api.metrics()).encode(),
        "stderr": "\n".join(daemon.stderr).encode(),
    }


def stored(directory: Path, *, secrets: bool = False) -> dict[str, bytes]:
    """The files of the storage directory, without those that are for secrets."""
    storage = directory / "storage"
    names = {str(path.relative_to(storage)): path for path in storage.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in names.items() if secrets or not name.startswith("secrets/")}


async def bundle(csms: Csms, location: str, directory: Path) -> dict[str, bytes]:
    """The members of a diagnostics file that the station uploads."""
    name = (await csms.request("GetDiagnostics", location=location))["fileName"]
    await csms.expect("DiagnosticsStatusNotification", status="Uploaded", within_s=30)
    content = await asyncio.to_thread((directory / name).read_bytes)
    with zipfile.ZipFile(io.BytesIO(content)) as diagnostics:
        return {f"zip {member}": diagnostics.read(member) for member in diagnostics.namelist()}


def where(found: dict[str, bytes], *texts: bytes) -> list[str]:
    """Where one of the texts stands, in whatever case."""
    return [name for name, data in found.items() if any(text.lower() in data.lower() for text in texts)]


@pytest.mark.asyncio
async def test_a_key_in_a_frame_that_is_badly_formed_leaves_nowhere(tmp_path: Path) -> None:
    """Every bent frame in turn; whatever is answered must not repeat the key either."""
    async with Csms(password=OLD_KEY) as csms, serve_files("http", tmp_path / "files") as files:
        settings = settings_for(
            csms.url, csms={"security_profile": 1, "authorization_key_file": key_file(tmp_path, NEW_KEY), **QUICKLY}
        )
        csms.gate.password = NEW_KEY
        async with Daemon(tmp_path, settings) as daemon:
            await csms.expect("BootNotification")
            for number, frame in enumerate(BENT.values()):
                assert csms.link is not None
                await csms.link.socket.send(frame.replace("m-1", f"bent-{number}"))
            answer = await csms.request("ChangeConfiguration", key="BlinkRepeat", value="2")
            assert answer == {"status": "Accepted"}
            assert len(csms.links) == 1, "none of them was taken for a key"
            found = await bundle(csms, files.url, tmp_path / "files")
            await until(daemon, delivered, "everything to be delivered")
            found |= await told(daemon)
            found |= {f"frame {frame.order}": frame.text.encode() for frame in csms.frames if not frame.outbound}
        found |= stored(tmp_path, secrets=True)
        assert where(found, *spellings(BENT_KEY)[:2], BENT_KEY) == []
        assert b"(withheld)" in found["/api/events"]


def image(directory: Path) -> None:
    """Something to download, that will not be installed."""
    (directory / "image.bin").write_bytes(b"no image\n" * 1000)


async def download(csms: Csms, location: str) -> None:
    """The station downloads the image there, and refuses to install it."""
    await csms.request("UpdateFirmware", location=location, retrieve_date="2020-01-01T00:00:00Z")
    await csms.expect("FirmwareStatusNotification", status="Downloaded", within_s=30)
    await csms.expect("FirmwareStatusNotification", status="InstallationFailed", within_s=30)


@pytest.mark.asyncio
async def test_user_and_password_of_locations_work_and_leave_nowhere(tmp_path: Path) -> None:
    async with Csms() as csms, serve_files("ftp", tmp_path / "files") as files:
        await asyncio.to_thread(image, tmp_path / "files")
        async with Daemon(tmp_path, settings_for(csms.url)) as daemon:
            await csms.expect("BootNotification")
            assert "lab:secret@" in files.url
            await download(csms, f"{files.url}/image.bin")
            found = await bundle(csms, files.url, tmp_path / "files")
            await until(daemon, delivered, "everything to be delivered")
            found |= await told(daemon)
        found |= stored(tmp_path)
        assert where(found, b"lab:secret", b"bGFiOnNlY3JldA==") == []
        assert b"127.0.0.1" in found["/api/events"], "where it was is told"
        assert [name for name in stored(tmp_path, secrets=True) if name.endswith(".userinfo")] == []


@pytest.mark.asyncio
async def test_a_retry_after_a_restart_still_has_the_password(tmp_path: Path) -> None:
    async with Csms() as csms, serve_files("ftp", tmp_path / "files") as files:
        settings = settings_for(csms.url)
        async with Daemon(tmp_path, settings) as daemon:
            await csms.expect("BootNotification")
            location = f"{files.url}/image.bin"
            await csms.request(
                "UpdateFirmware", location=location, retrieve_date="2020-01-01T00:00:00Z", retries=50, retry_interval=1
            )
            await csms.expect("FirmwareStatusNotification", status="Downloading", within_s=30)
            await daemon.restart()
            assert where(stored(tmp_path) | await told(daemon), b"lab:secret") == []
            assert any(name.endswith(".userinfo") for name in stored(tmp_path, secrets=True))
            await asyncio.to_thread(image, tmp_path / "files")
            await csms.expect("FirmwareStatusNotification", status="Downloaded", within_s=60)


@pytest.mark.parametrize(
    "location",
    [
        f"ftp://user:{PASSWORD}@127.0.0.1:9/x",
        f"http://user:{PASSWORD}@127.0.0.1:9/x",
        f"https://{PASSWORD}@127.0.0.1:9/x",
        f"ftp://user:{PASSWORD}@@127.0.0.1:9/x",
        f"ftp://user:{PASSWORD}/more@127.0.0.1/x",
        f"user:{PASSWORD}@127.0.0.1/x",
        f"sftp://user:{PASSWORD}@127.0.0.1/x",
    ],
)
@pytest.mark.parametrize("action", ["UpdateFirmware", "GetDiagnostics"])
@pytest.mark.asyncio
async def test_a_password_in_a_location_that_leads_nowhere_is_told_nowhere(
    tmp_path: Path, action: str, location: str
) -> None:
    more: dict[str, Any] = {"retrieve_date": "2020-01-01T00:00:00Z"} if action == "UpdateFirmware" else {}
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        await csms.expect("BootNotification")
        answer = await csms.request(action, location=location, retries=0, **more)
        if action == "UpdateFirmware":
            await csms.expect("FirmwareStatusNotification", status="DownloadFailed", within_s=30)
        elif answer:
            await csms.expect("DiagnosticsStatusNotification", status="UploadFailed", within_s=30)
        await until(daemon, delivered, "everything to be delivered")
        found = await told(daemon)
        await daemon.stop()
        found |= stored(tmp_path)
        assert where(found, PASSWORD.encode()) == []


@pytest.mark.asyncio
async def test_a_password_that_a_log_of_the_version_before_holds_is_not_shown(tmp_path: Path) -> None:
    """As version 0.1.0 recorded it: in the frame, and in the job."""
    from eventstore.catalogue.maintenance import DiagnosticsRequested
    from tests.given import station
    from tests.replay_logs import write_log

    found = station().online()
    found.ask("GetDiagnostics", {"location": f"ftp://user:{PASSWORD}@127.0.0.1/"})
    assert found.events(DiagnosticsRequested)
    await asyncio.to_thread(write_log, found, tmp_path / "storage")
    async with Csms() as csms:
        settings = settings_for(csms.url, station={"identity": found.description.identity})
        csms.gate.identity = found.description.identity
        async with Daemon(tmp_path, settings) as daemon:
            await csms.connected()
            events = (await daemon.api.call("GET", "/api/events?limit=1000")).text
            assert "DiagnosticsRequested" in events
            assert PASSWORD not in events
