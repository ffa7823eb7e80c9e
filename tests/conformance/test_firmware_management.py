"""Firmware Management (7.17): firmware and diagnostics."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.cases import case
from tests.conformance.rig import Rig, call
from tests.conformance.states import read_key
from tests.csms.frames import Frame, instant_of
from tests.daemon import free_port
from tests.file_servers import Protocol, bench_image, serve_files

PROTOCOL = pytest.mark.parametrize("protocol", ["ftp", "http"])


async def assert_transfers_by(rig: Rig, protocol: Protocol) -> None:
    """SupportedFileTransferProtocols names the protocol."""
    supported = (await read_key(rig, "SupportedFileTransferProtocols"))["value"]
    assert protocol.upper() in supported.split(",")


async def update_firmware(rig: Rig, location: str) -> None:
    """UpdateFirmware, due at once, without retries."""
    due = instant_of(rig.csms.utc() - timedelta(seconds=5))
    assert await rig.request("UpdateFirmware", location=location, retrieve_date=due, retries=0) == {}


def firmware_statuses(calls: list[Frame]) -> list[str]:
    """The FirmwareStatusNotifications, in order."""
    return [one.payload["status"] for one in calls if one.action == "FirmwareStatusNotification"]


@case("TC_044_1_CS")
@PROTOCOL
@pytest.mark.asyncio
async def test_tc_044_1_firmware_download_and_install(rig: Rig, tmp_path: Path, protocol: Protocol) -> None:
    """Downloading, Downloaded, Installing, the boot on the new version, Installed."""
    await assert_transfers_by(rig, protocol)
    async with serve_files(protocol, tmp_path / "files") as server:
        location = server.put("good.fwi", bench_image(model="Bench", version="9.9.9"))
        await update_firmware(rig, location)
        calls = await rig.gather(
            lambda calls: "Installed" in firmware_statuses(calls) and available_since_boot(calls, rig),
            "Installed, and every connector Available after the boot",
        )
    assert firmware_statuses(calls) == ["Downloading", "Downloaded", "Installing", "Installed"]
    (boot,) = [one for one in calls if one.action == "BootNotification"]
    assert boot.payload["firmwareVersion"] == "9.9.9"
    assert firmware_statuses([one for one in calls if one.order < boot.order])[-1] == "Installing"
    before = [one.payload["status"] for one in calls if one.action == "StatusNotification" and one.order < boot.order]
    assert set(before) <= {"Unavailable"}
    assert (await rig.api.state())["station"]["firmware_version"] == "9.9.9"


def available_since_boot(calls: list[Frame], rig: Rig) -> bool:
    """Whether the station and each connector reported Available, once each, after the BootNotification."""
    boots = [one.order for one in calls if one.action == "BootNotification"]
    told = sorted(
        one.payload["connectorId"]
        for one in calls
        if one.action == "StatusNotification"
        and boots
        and one.order > boots[0]
        and one.payload["status"] == "Available"
    )
    return told == list(range(rig.connector_count + 1))


@case("TC_044_2_CS")
@pytest.mark.parametrize("location", ["ftp refused", "ftp missing", "http missing", "unsupported scheme"])
@pytest.mark.asyncio
async def test_tc_044_2_firmware_download_failed(rig: Rig, tmp_path: Path, location: str) -> None:
    """DownloadFailed; the old firmware stays and the station is back in service."""
    before = (await rig.api.state())["station"]["firmware_version"]
    protocol: Protocol = "http" if location.startswith("http") else "ftp"
    async with serve_files(protocol, tmp_path / "files") as server:
        urls = {
            "ftp refused": f"ftp://127.0.0.1:{free_port()}/download_fail.fwi",
            "unsupported scheme": "gopher://127.0.0.1/download_fail.fwi",
        }
        await update_firmware(rig, urls.get(location, f"{server.url}/download_fail.fwi"))
        calls = await rig.gather(lambda calls: "DownloadFailed" in firmware_statuses(calls), "DownloadFailed")
    assert firmware_statuses(calls) in (["Downloading", "DownloadFailed"], ["DownloadFailed"])
    assert {one.action for one in calls} == {"FirmwareStatusNotification"}
    state = await rig.api.state()
    assert state["station"]["firmware_version"] == before
    assert {connector["status"] for connector in state["connectors"]} == {"Available"}
    await rig.quiet()


@case("TC_045_1_CS")
@PROTOCOL
@pytest.mark.asyncio
async def test_tc_045_1_get_diagnostics(rig: Rig, tmp_path: Path, protocol: Protocol) -> None:
    """The answer names a file, Uploading, Uploaded, and that file is on the server."""
    await assert_transfers_by(rig, protocol)
    async with serve_files(protocol, tmp_path / "files") as server:
        answer = await rig.request("GetDiagnostics", location=server.url)
        await rig.expect(
            call("DiagnosticsStatusNotification", status="Uploading"),
            call("DiagnosticsStatusNotification", status="Uploaded"),
        )
        assert server.received()[answer["fileName"]]
    await rig.quiet()
