"""Certificates of the security extension."""

from typing import Any

from station.certify.failing import equal, holds
from station.certify.functionalities import CERTIFICATES
from station.certify.needs import Secured
from station.certify.pki import DAY, Certified, hash_data, pem, root
from station.certify.registry import case, variant
from station.certify.rig import Rig, call
from station.certify.states import configure

CSMS_ROOT, MANUFACTURER_ROOT = "CentralSystemRootCertificate", "ManufacturerRootCertificate"
OPERATOR = "Power Inc"


async def ids(rig: Rig, use: str) -> list[Any]:
    """CertificateHashData of each installed root of that use."""
    answer = await rig.request("GetInstalledCertificateIds", certificate_type=use)
    found: list[Any] = answer.get("certificateHashData", [])
    return found


@case("TC_074_CS", "Update station certificate", CERTIFICATES, Secured(3), clause="white paper A02")
async def update_station_certificate(rig: Rig) -> None:
    """SignCertificate follows the trigger, with CpoName as O and the serial number as CN; the station comes back with the new certificate."""
    from cryptography import x509

    await configure(rig, CpoName=OPERATOR)
    await rig.accepted("ExtendedTriggerMessage", requested_message="SignChargePointCertificate")
    csr = str((await rig.expect(call("SignCertificate"))).payload["csr"])
    request = x509.load_pem_x509_csr(csr.encode())
    equal("the subject of the CSR", request.subject.rfc4514_string(), f"CN={rig.build.serial},O={OPERATOR}")
    before = rig.pki.station.certificate.public_key()
    holds("a new key", request.public_key() != before, "the key of the old certificate")
    new, links = rig.pki.sign(csr), rig.csms.link_count
    await rig.accepted("CertificateSigned", certificate_chain=pem(new))
    await rig.connected(after=links)
    der = rig.csms.tls().getpeercert(binary_form=True)
    shown = x509.load_der_x509_certificate(der).serial_number
    equal("the serial number of the certificate that is shown", shown, new.serial_number)
    await rig.settled()
    await rig.quiet()


@case("TC_075_1_CS", "Install ManufacturerRootCertificate", CERTIFICATES, Secured(2), clause="white paper M05")
async def install_manufacturer_root(rig: Rig) -> None:
    """What was installed is listed by the hashes that the laboratory computes itself."""
    await install(rig, MANUFACTURER_ROOT)


@case("TC_075_2_CS", "Install CentralSystemRootCertificate", CERTIFICATES, Secured(3), clause="white paper M05")
async def install_csms_root(rig: Rig) -> None:
    """What was installed is listed by the hashes that the laboratory computes itself."""
    await install(rig, CSMS_ROOT)


async def install(rig: Rig, use: str) -> Certified:
    """InstallCertificate Accepted, and listed; the root."""
    installed = root("laboratory root")
    await rig.accepted("InstallCertificate", certificate_type=use, certificate=installed.pem)
    listed, wanted = await ids(rig, use), hash_data(installed.certificate)
    holds(f"{wanted} among the installed ones", wanted in listed, listed)
    await rig.quiet()
    return installed


@case("TC_076_CS", "Delete certificate", CERTIFICATES, Secured(2), clause="white paper M04")
async def delete_certificate(rig: Rig) -> None:
    """A root that does not verify the connection is deleted by what the station listed; the one that does is not."""
    [in_use] = await ids(rig, CSMS_ROOT)
    await install(rig, CSMS_ROOT)
    [other] = [each for each in await ids(rig, CSMS_ROOT) if each != in_use]
    await rig.accepted("DeleteCertificate", certificate_hash_data=other)
    equal("the roots that are left", await ids(rig, CSMS_ROOT), [in_use])
    await rig.answers("NotFound", "DeleteCertificate", certificate_hash_data=other)
    await rig.answers("Failed", "DeleteCertificate", certificate_hash_data=in_use)
    await rig.quiet()


@case(
    "TC_078_CS",
    "Invalid CentralSystemCertificate event",
    CERTIFICATES,
    Secured(2),
    clause="white paper M05",
    variants=(variant("invalid root", expired=False), variant("expired root", expired=True)),
)
async def invalid_csms_root(rig: Rig, expired: bool) -> None:
    """An invalid or expired root is Rejected, and InvalidCentralSystemCertificate is reported."""
    begun = root("old").certificate.not_valid_before_utc
    bad = root("old", begins=begun - 9 * DAY, ends=begun) if expired else root("bad", is_ca=False)
    await rig.answers("Rejected", "InstallCertificate", certificate_type=CSMS_ROOT, certificate=bad.pem)
    await rig.until_reported("InvalidCentralSystemCertificate")
    equal("how often it is reported", rig.security_events().count("InvalidCentralSystemCertificate"), 1)
    await rig.quiet()
