"""Signed firmware of the security extension."""

from datetime import timedelta

from station.certify.cases.certificates import MANUFACTURER_ROOT
from station.certify.cases.firmware import (
    VERSION,
    assert_all_available,
    available_since_boot,
    firmware_version_is,
    the_boot,
)
from station.certify.failing import equal, holds
from station.certify.functionalities import SIGNED_FIRMWARE
from station.certify.images import bench_image
from station.certify.needs import BENCH_INSTALLER, SECURITY_EVENTS
from station.certify.payloads import instant_of
from station.certify.pki import Certified, firmware_signer, root
from station.certify.ports import FileProtocol, SeenFrame
from station.certify.registry import case, variant
from station.certify.rig import Rig

NOTIFICATION = "SignedFirmwareStatusNotification"
REQUEST_ID = 123


async def maker_installed(rig: Rig) -> Certified:
    """The root of a maker, which the station trusts from now on."""
    maker = root("maker")
    await rig.accepted("InstallCertificate", certificate_type=MANUFACTURER_ROOT, certificate=maker.pem)
    return maker


def image_for(rig: Rig) -> bytes:
    """Firmware of a new version for the station."""
    return bench_image(model=rig.build.model, version=VERSION)


async def offer(rig: Rig, location: str, signer: Certified, signature: str, answer: str = "Accepted") -> None:
    """SignedUpdateFirmware, due at once, without retries, is answered so."""
    firmware = {
        "location": location,
        "retrieveDateTime": instant_of(rig.csms.utc() - timedelta(seconds=5)),
        "signingCertificate": signer.pem,
        "signature": signature,
    }
    await rig.answers(answer, "SignedUpdateFirmware", request_id=REQUEST_ID, firmware=firmware, retries=0)


def statuses(calls: list[SeenFrame]) -> list[str]:
    """The SignedFirmwareStatusNotifications, in order; all of them name the request."""
    reported = [one.payload for one in calls if one.action == NOTIFICATION]
    named = {payload.get("requestId") for payload in reported}
    holds("the id of the request in each status", named <= {REQUEST_ID}, named)
    return [payload["status"] for payload in reported]


@case(
    "TC_080_CS",
    "Secure firmware update",
    SIGNED_FIRMWARE,
    BENCH_INSTALLER,
    SECURITY_EVENTS,
    clause="white paper L01",
    variants=(
        variant("http, ECDSA", protocol="http", rsa=False),
        variant("ftp, RSA-PSS", protocol="ftp", rsa=True),
    ),
)
async def secure_firmware_update(rig: Rig, protocol: FileProtocol, rsa: bool) -> None:
    """Downloading, Downloaded, SignatureVerified, Installing, the boot on the new version, FirmwareUpdated, Installed."""
    signer = firmware_signer(await maker_installed(rig), rsa=rsa)
    image = image_for(rig)
    async with rig.serve_files(protocol) as server:
        await offer(rig, server.put("good.fwi", image), signer, signer.sign(image))
        calls = await rig.gather(
            lambda calls: "Installed" in statuses(calls) and available_since_boot(calls, rig),
            "Installed, and every connector Available after the boot",
        )
    before_boot = ["Downloading", "Downloaded", "SignatureVerified", "Installing"]
    equal("the statuses", statuses(calls), [*before_boot, "Installed"])
    boot = the_boot(calls)
    equal("those before the boot", statuses([one for one in calls if one.order < boot.order]), before_boot)
    events = rig.security_events()
    holds("FirmwareUpdated among the security events", "FirmwareUpdated" in events, events)
    await firmware_version_is(rig, VERSION)


@case(
    "TC_080_CS",
    "Secure firmware update",
    SIGNED_FIRMWARE,
    SECURITY_EVENTS,
    clause="white paper L01.FR.02",
    variants=(variant("invalid certificate"),),
)
async def invalid_signing_certificate(rig: Rig) -> None:
    """Another maker's certificate: InvalidCertificate, the security event, and nothing is fetched."""
    await maker_installed(rig)
    stranger = firmware_signer(root("another maker"))
    image = image_for(rig)
    async with rig.serve_files("http") as server:
        location = server.put("good.fwi", image)
        await offer(rig, location, stranger, stranger.sign(image), "InvalidCertificate")
        await rig.quiet()
    equal("the last security event", rig.security_events()[-1:], ["InvalidFirmwareSigningCertificate"])


@case(
    "TC_080_CS",
    "Secure firmware update",
    SIGNED_FIRMWARE,
    SECURITY_EVENTS,
    clause="white paper L01.FR.04",
    variants=(variant("invalid signature"),),
)
async def invalid_firmware_signature(rig: Rig) -> None:
    """The signature of another file: Downloaded, InvalidSignature, the security event; the old firmware stays in service."""
    signer = firmware_signer(await maker_installed(rig))
    before = (await rig.state())["station"]["firmware_version"]
    async with rig.serve_files("http") as server:
        location = server.put("good.fwi", image_for(rig))
        await offer(rig, location, signer, signer.sign(b"another"))
        calls = await rig.gather(lambda calls: "InvalidSignature" in statuses(calls), "InvalidSignature")
    equal("the statuses", statuses(calls), ["Downloading", "Downloaded", "InvalidSignature"])
    equal("the actions", {one.action for one in calls}, {NOTIFICATION})
    equal("the last security event", rig.security_events()[-1:], ["InvalidFirmwareSignature"])
    await firmware_version_is(rig, before)
    await assert_all_available(rig)
    await rig.quiet()
