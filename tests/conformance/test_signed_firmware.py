"""Signed firmware of the security extension (7.21)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.cases import case
from tests.conformance.conftest import Boot
from tests.conformance.rig import Rig
from tests.conformance.test_firmware_management import available_since_boot
from tests.csms.frames import Frame, instant_of
from tests.file_servers import Protocol, bench_image, serve_files
from tests.signed_images import Signer, ec_key, manufacturer, rsa_key, signing_certificate

ROOT = manufacturer()
IMAGE = bench_image(model="Bench", version="9.9.9")
NOTIFICATION = "SignedFirmwareStatusNotification"


async def signed_rig(boot: Boot, tmp_path: Path) -> Rig:
    """A station that knows the maker's root, and sends security events."""
    root = tmp_path / "maker.pem"
    root.write_text(ROOT.pem)
    return await boot({"security": {"manufacturer_root_file": str(root), "send_events": "always"}})


async def offer(rig: Rig, location: str, signer: Signer, signature: str, request_id: int = 123) -> dict[str, Any]:
    """SignedUpdateFirmware, due at once, without retries."""
    firmware = {
        "location": location,
        "retrieveDateTime": instant_of(rig.csms.utc() - timedelta(seconds=5)),
        "signingCertificate": signer.pem,
        "signature": signature,
    }
    return await rig.request("SignedUpdateFirmware", request_id=request_id, firmware=firmware, retries=0)


def statuses(calls: list[Frame]) -> list[str]:
    """The SignedFirmwareStatusNotifications, in order; all of them name the request."""
    told = [one.payload for one in calls if one.action == NOTIFICATION]
    assert {payload["requestId"] for payload in told} <= {123}
    return [payload["status"] for payload in told]


def security_events(rig: Rig) -> list[str]:
    return [one.payload["type"] for one in rig.csms.calls() if one.action == "SecurityEventNotification"]


@case("TC_080_CS")
@pytest.mark.parametrize(("protocol", "algorithm"), [("http", "ECDSA"), ("ftp", "RSA-PSS")])
@pytest.mark.asyncio
async def test_tc_080_secure_firmware_update(boot: Boot, tmp_path: Path, protocol: Protocol, algorithm: str) -> None:
    """Downloading, Downloaded, SignatureVerified, Installing, the boot on the new version, FirmwareUpdated, Installed."""
    rig = await signed_rig(boot, tmp_path)
    signer = signing_certificate(ROOT, key=ec_key() if algorithm == "ECDSA" else rsa_key())
    async with serve_files(protocol, tmp_path / "files") as server:
        location = server.put("good.fwi", IMAGE)
        assert await offer(rig, location, signer, signer.sign(IMAGE)) == {"status": "Accepted"}
        calls = await rig.gather(
            lambda calls: "Installed" in statuses(calls) and available_since_boot(calls, rig),
            "Installed, and every connector Available after the boot",
        )
    before_boot = ["Downloading", "Downloaded", "SignatureVerified", "Installing"]
    assert statuses(calls) == [*before_boot, "Installed"]
    (booted,) = [one for one in calls if one.action == "BootNotification"]
    assert booted.payload["firmwareVersion"] == "9.9.9"
    assert statuses([one for one in calls if one.order < booted.order]) == before_boot
    assert "FirmwareUpdated" in security_events(rig)
    assert (await rig.api.state())["station"]["firmware_version"] == "9.9.9"


@case("TC_080_CS")
@pytest.mark.asyncio
async def test_tc_080_invalid_certificate(boot: Boot, tmp_path: Path) -> None:
    """Another maker's certificate: InvalidCertificate, the security event, and nothing is fetched."""
    rig = await signed_rig(boot, tmp_path)
    stranger = signing_certificate(manufacturer("another maker"))
    async with serve_files("http", tmp_path / "files") as server:
        location = server.put("good.fwi", IMAGE)
        assert await offer(rig, location, stranger, stranger.sign(IMAGE)) == {"status": "InvalidCertificate"}
        await rig.quiet()
    assert security_events(rig)[-1] == "InvalidFirmwareSigningCertificate"


@case("TC_080_CS")
@pytest.mark.asyncio
async def test_tc_080_invalid_signature(boot: Boot, tmp_path: Path) -> None:
    """The signature of another file: Downloaded, InvalidSignature, the security event; the old firmware stays in service."""
    rig = await signed_rig(boot, tmp_path)
    signer = signing_certificate(ROOT)
    before = (await rig.api.state())["station"]["firmware_version"]
    async with serve_files("http", tmp_path / "files") as server:
        location = server.put("good.fwi", IMAGE)
        assert await offer(rig, location, signer, signer.sign(b"another")) == {"status": "Accepted"}
        calls = await rig.gather(lambda calls: "InvalidSignature" in statuses(calls), "InvalidSignature")
    assert statuses(calls) == ["Downloading", "Downloaded", "InvalidSignature"]
    assert {one.action for one in calls} == {NOTIFICATION}
    assert security_events(rig)[-1] == "InvalidFirmwareSignature"
    state = await rig.api.state()
    assert state["station"]["firmware_version"] == before
    assert {connector["status"] for connector in state["connectors"]} == {"Available"}
    await rig.quiet()
