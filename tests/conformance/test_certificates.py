"""Certificates of the security extension (7.21)."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.ocsp import OCSPRequestBuilder

from tests.conformance.cases import case
from tests.conformance.conftest import Boot
from tests.conformance.rig import Rig, call
from tests.conformance.states import configure
from tests.csms.odd_certificates import DAY, certificate, pem
from tests.integration.test_station_certificate import CPO, SERIAL, Authority, connected, shown

KEY = b"0123456789abcdef"
CSMS_ROOT, MANUFACTURER_ROOT = "CentralSystemRootCertificate", "ManufacturerRootCertificate"


def hash_data(root: x509.Certificate) -> dict[str, str]:
    """As OCSP names a certificate (RFC 6960), which is how the tool computes it."""
    asked = OCSPRequestBuilder().add_certificate(root, root, hashes.SHA256()).build()
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": asked.issuer_name_hash.hex().upper(),
        "issuerKeyHash": asked.issuer_key_hash.hex().upper(),
        "serialNumber": f"{asked.serial_number:X}",
    }


async def secured(boot: Boot, authority: Authority, profile: int, **config: Any) -> Rig:
    """A station of security profile 2 or 3, with a certificate of its maker that lasts."""
    csms = authority.csms_settings(profile)
    if profile == 3:
        return await boot({"csms": csms, "config": config}, tls=authority.tls())
    key_file = authority.directory / "key"
    key_file.write_bytes(KEY)
    key_file.chmod(0o600)
    csms |= {"authorization_key_file": str(key_file)}
    return await boot({"csms": csms, "config": config}, tls=authority.tls(profile), password=KEY)


async def ids(rig: Rig, use: str) -> list[Any]:
    answer = await rig.request("GetInstalledCertificateIds", certificate_type=use)
    found: list[Any] = answer.get("certificateHashData", [])
    return found


@case("TC_074_CS")
@pytest.mark.asyncio
async def test_tc_074_update_station_certificate(boot: Boot, tmp_path: Path) -> None:
    """SignCertificate follows the trigger, with CpoName as O and the serial number as CN; the station comes back with the new certificate."""
    authority = Authority(tmp_path, lasting=60 * DAY)
    rig = await secured(boot, authority, 3)
    await configure(rig, CpoName=CPO)
    answer = await rig.request("ExtendedTriggerMessage", requested_message="SignChargePointCertificate")
    assert answer == {"status": "Accepted"}
    csr = str((await rig.expect(call("SignCertificate"))).payload["csr"])
    request = x509.load_pem_x509_csr(csr.encode())
    assert request.subject.rfc4514_string() == f"CN={SERIAL},O={CPO}"
    before = authority.maker.certificate.public_key()
    assert request.public_key() != before
    new, links = authority.sign(csr), len(rig.csms.links)
    answer = await rig.request("CertificateSigned", certificate_chain=pem(new))
    assert answer == {"status": "Accepted"}
    await connected(rig.csms, links)
    assert shown(rig.csms) == new.serial_number
    await rig.settled()
    await rig.quiet()


@case("TC_075_1_CS")
@pytest.mark.asyncio
async def test_tc_075_1_install_manufacturer_root(boot: Boot, tmp_path: Path) -> None:
    """What was installed is listed by the hashes that the tool computes itself."""
    await _install(await secured(boot, Authority(tmp_path, lasting=60 * DAY), 2), MANUFACTURER_ROOT)


@case("TC_075_2_CS")
@pytest.mark.asyncio
async def test_tc_075_2_install_csms_root(boot: Boot, tmp_path: Path) -> None:
    """What was installed is listed by the hashes that the tool computes itself."""
    await _install(await secured(boot, Authority(tmp_path, lasting=60 * DAY), 3), CSMS_ROOT)


async def _install(rig: Rig, use: str) -> None:
    root = certificate("tool root")
    answer = await rig.request("InstallCertificate", certificate_type=use, certificate=pem(root))
    assert answer == {"status": "Accepted"}
    assert hash_data(root) in await ids(rig, use)
    await rig.quiet()


@case("TC_076_CS")
@pytest.mark.asyncio
async def test_tc_076_delete_certificate(boot: Boot, tmp_path: Path) -> None:
    """A root that does not verify the connection is deleted by what the station listed; the one that does is not."""
    rig = await secured(boot, Authority(tmp_path, lasting=60 * DAY), 2)
    [in_use] = await ids(rig, CSMS_ROOT)
    await _install(rig, CSMS_ROOT)
    [other] = [each for each in await ids(rig, CSMS_ROOT) if each != in_use]
    assert await rig.request("DeleteCertificate", certificate_hash_data=other) == {"status": "Accepted"}
    assert await ids(rig, CSMS_ROOT) == [in_use]
    assert await rig.request("DeleteCertificate", certificate_hash_data=other) == {"status": "NotFound"}
    assert await rig.request("DeleteCertificate", certificate_hash_data=in_use) == {"status": "Failed"}
    await rig.quiet()


@case("TC_078_CS")
@pytest.mark.parametrize("kind", ["invalid", "expired"])
@pytest.mark.asyncio
async def test_tc_078_invalid_csms_root(boot: Boot, tmp_path: Path, kind: str) -> None:
    """An invalid or expired root is Rejected, and InvalidCentralSystemCertificate is reported."""
    rig = await secured(boot, Authority(tmp_path, lasting=60 * DAY), 2)
    begun = certificate("old").not_valid_before_utc
    bad = (
        certificate("bad", is_ca=False) if kind == "invalid" else certificate("old", begins=begun - 9 * DAY, ends=begun)
    )
    answer = await rig.request("InstallCertificate", certificate_type=CSMS_ROOT, certificate=pem(bad))
    assert answer == {"status": "Rejected"}

    def reported() -> list[Any]:
        events = rig.csms.calls("SecurityEventNotification")
        return [event for event in events if event.payload["type"] == "InvalidCentralSystemCertificate"]

    await rig.csms.until(reported, "the security event")
    assert len(reported()) == 1
    await rig.quiet()


@case("TC_087_CS")
@pytest.mark.asyncio
async def test_tc_087_client_certificate(boot: Boot, tmp_path: Path) -> None:
    """With security profile 3 a certificate with the serial number as CN is shown in a TLS of 1.2 at least, and no password."""
    authority = Authority(tmp_path, lasting=60 * DAY)
    rig = await secured(boot, authority, 3)
    await rig.power_cycle()
    await rig.expect_boot()
    assert rig.csms.link is not None
    tls = rig.csms.link.socket.transport.get_extra_info("ssl_object")
    assert tls.version() in ("TLSv1.2", "TLSv1.3")
    found = x509.load_der_x509_certificate(tls.getpeercert(binary_form=True))
    assert found.serial_number == authority.maker.certificate.serial_number > 0
    assert found.subject.rfc4514_string() == f"CN={SERIAL}"
    assert {handshake.authorization for handshake in rig.csms.gate.handshakes} == {""}
    await rig.quiet()
