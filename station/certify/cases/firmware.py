"""Firmware Management: firmware and diagnostics."""

from datetime import timedelta

from station.certify.failing import equal, holds, one_of
from station.certify.functionalities import DIAGNOSTICS, FIRMWARE
from station.certify.images import bench_image
from station.certify.needs import BENCH_INSTALLER
from station.certify.payloads import instant_of
from station.certify.ports import FileProtocol, SeenFrame
from station.certify.registry import case, variant
from station.certify.rig import Rig, call
from station.certify.states import read_key

PROTOCOLS = (variant("ftp", protocol="ftp"), variant("http", protocol="http"))
VERSION = "9.9.9"


async def assert_transfers_by(rig: Rig, protocol: FileProtocol) -> None:
    """SupportedFileTransferProtocols names the protocol."""
    supported = (await read_key(rig, "SupportedFileTransferProtocols"))["value"]
    holds(f"{protocol.upper()} among the protocols", protocol.upper() in supported.split(","), supported)


async def update_firmware(rig: Rig, location: str) -> None:
    """UpdateFirmware, due at once, without retries."""
    due = instant_of(rig.csms.utc() - timedelta(seconds=5))
    await rig.answers({}, "UpdateFirmware", location=location, retrieve_date=due, retries=0)


def firmware_statuses(calls: list[SeenFrame]) -> list[str]:
    """The FirmwareStatusNotifications, in order."""
    return [one.payload["status"] for one in calls if one.action == "FirmwareStatusNotification"]


async def firmware_version_is(rig: Rig, wanted: str) -> None:
    """What the station says of itself."""
    equal("the firmware version", (await rig.state())["station"]["firmware_version"], wanted)


async def assert_all_available(rig: Rig) -> None:
    """The station and every connector are Available."""
    equal("the statuses", {each["status"] for each in (await rig.state())["connectors"]}, {"Available"})


@case(
    "TC_044_1_CS",
    "Firmware – download and install",
    FIRMWARE,
    BENCH_INSTALLER,
    clause="5.19",
    variants=PROTOCOLS,
)
async def firmware_download_and_install(rig: Rig, protocol: FileProtocol) -> None:
    """Downloading, Downloaded, Installing, the boot on the new version, Installed."""
    await assert_transfers_by(rig, protocol)
    async with rig.serve_files(protocol) as server:
        location = server.put("good.fwi", bench_image(model=rig.build.model, version=VERSION))
        await update_firmware(rig, location)
        calls = await rig.gather(
            lambda calls: "Installed" in firmware_statuses(calls) and available_since_boot(calls, rig),
            "Installed, and every connector Available after the boot",
        )
    equal("the statuses", firmware_statuses(calls), ["Downloading", "Downloaded", "Installing", "Installed"])
    boot = the_boot(calls)
    before = [one for one in calls if one.order < boot.order]
    equal("the last status before the boot", firmware_statuses(before)[-1], "Installing")
    reported = {one.payload["status"] for one in before if one.action == "StatusNotification"}
    holds("no status but Unavailable before the boot", reported <= {"Unavailable"}, reported)
    await firmware_version_is(rig, VERSION)


def the_boot(calls: list[SeenFrame]) -> SeenFrame:
    """The only BootNotification, which names the new version."""
    boots = [one for one in calls if one.action == "BootNotification"]
    equal("the version of each boot", [one.payload.get("firmwareVersion") for one in boots], [VERSION])
    return boots[0]


def available_since_boot(calls: list[SeenFrame], rig: Rig) -> bool:
    """Whether the station and each connector reported Available, once each, after the BootNotification."""
    boots = [one.order for one in calls if one.action == "BootNotification"]
    reported = sorted(
        one.payload["connectorId"]
        for one in calls
        if one.action == "StatusNotification"
        and boots
        and one.order > boots[0]
        and one.payload["status"] == "Available"
    )
    return reported == [0, *rig.connector_ids]


@case(
    "TC_044_2_CS",
    "Firmware – download failed",
    FIRMWARE,
    clause="5.19",
    variants=(
        variant("ftp refused", protocol="ftp", refused=True),
        variant("ftp missing", protocol="ftp"),
        variant("http missing", protocol="http"),
        variant("unsupported scheme", protocol="http", scheme="gopher"),
    ),
)
async def firmware_download_failed(rig: Rig, protocol: FileProtocol, refused: bool = False, scheme: str = "") -> None:
    """DownloadFailed; the old firmware stays and the station is back in service."""
    before = (await rig.state())["station"]["firmware_version"]
    async with rig.serve_files(protocol) as server:
        location = f"{server.url}/download_fail.fwi"
        if scheme:
            location = f"{scheme}://{location.partition('://')[2]}"
        calls = [] if refused else await fails_to_download(rig, location)
    if refused:  # nobody listens there any more
        calls = await fails_to_download(rig, location)
    one_of("the statuses", firmware_statuses(calls), (["Downloading", "DownloadFailed"], ["DownloadFailed"]))
    equal("the actions", {one.action for one in calls}, {"FirmwareStatusNotification"})
    await firmware_version_is(rig, before)
    await assert_all_available(rig)
    await rig.quiet()


async def fails_to_download(rig: Rig, location: str) -> list[SeenFrame]:
    """The download is given up; what the station sent meanwhile."""
    await update_firmware(rig, location)
    return await rig.gather(lambda calls: "DownloadFailed" in firmware_statuses(calls), "DownloadFailed")


@case("TC_045_1_CS", "Get diagnostics", DIAGNOSTICS, clause="5.9", variants=PROTOCOLS)
async def get_diagnostics(rig: Rig, protocol: FileProtocol) -> None:
    """The answer names a file, Uploading, Uploaded, and that file is on the server."""
    await assert_transfers_by(rig, protocol)
    async with rig.serve_files(protocol) as server:
        answer = await rig.request("GetDiagnostics", location=server.url)
        await rig.expect(
            call("DiagnosticsStatusNotification", status="Uploading"),
            call("DiagnosticsStatusNotification", status="Uploaded"),
        )
        received = server.received()
        holds(f"a file {answer['fileName']}", received.get(answer["fileName"]), sorted(received))
    await rig.quiet()
