"""Security: profiles, and how both ends prove who they are."""

import base64
import ssl
from typing import Any
from urllib.parse import unquote

from station.certify.failing import equal, holds, one_of
from station.certify.functionalities import SECURITY
from station.certify.needs import Secured
from station.certify.pki import NEW_PASSWORD, PASSWORD
from station.certify.registry import case, variant
from station.certify.rig import Rig

ECDSA = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"}
RSA = {"AES128-GCM-SHA256", "AES256-GCM-SHA384"}
TLS_VERSIONS = {"TLSv1.2", "TLSv1.3"}


def on_profiles(*profiles: int) -> tuple[Any, ...]:
    """A variant for each security profile."""
    return tuple(variant(f"profile {profile}", Secured(profile), profile=profile) for profile in profiles)


async def reset(rig: Rig) -> None:
    """The laboratory triggers a reset; what follows is a boot on a new connection."""
    await rig.accepted("Reset", type="Hard")
    await rig.expect_boot()


def basic(rig: Rig, password: bytes) -> str:
    """The header that proves the identity with a password."""
    return "Basic " + base64.b64encode(rig.build.identity.encode() + b":" + password).decode()


def tls_of(rig: Rig) -> ssl.SSLObject:
    """The TLS of the last connection, as the CSMS sees it."""
    found = rig.csms.tls()
    holds("a connection with TLS", isinstance(found, ssl.SSLObject), found)
    assert isinstance(found, ssl.SSLObject)
    return found


async def offer(rig: Rig, context: ssl.SSLContext | None, password: bytes | None = PASSWORD) -> None:
    """The CSMS closes the connection and offers only this from now on, at the same address."""
    await rig.csms.go_down()
    rig.csms.secure(context, password)
    await rig.csms.come_up()


async def not_connected(rig: Rig) -> None:
    """The station has tried twice since, and did not connect."""

    async def failures() -> int:
        return sum(event["type"] == "ConnectFailed" for event in await rig.reading.events())

    wanted = await failures() + 2
    while await failures() < wanted:
        await rig.hands.wait(60)
    equal("a connection", (await rig.state())["link"]["up"], False)


@case("TC_073_CS", "Update Basic password", SECURITY, clause="white paper A01", variants=on_profiles(1, 2))
async def update_basic_password(rig: Rig, profile: int) -> None:
    """The station reconnects by itself with the new password, and back with the old one."""
    for password in (NEW_PASSWORD, PASSWORD):
        links = rig.csms.link_count
        rig.csms.secure(rig.pki.context(profile), password)
        await rig.accepted("ChangeConfiguration", key="AuthorizationKey", value=password.hex().upper())
        await rig.connected(after=links)
        equal("the Authorization header", rig.csms.authorizations[-1], basic(rig, password))
        await rig.quiet()


@case(
    "TC_078_CS",
    "Invalid CentralSystemCertificate event",
    SECURITY,
    Secured(2),
    clause="white paper A00.FR.309",
    variants=(variant("server"),),
)
async def invalid_central_system_certificate(rig: Rig) -> None:
    """An invalid server certificate is refused, and reported once the good one is back."""
    await offer(rig, rig.pki.context(2, rig.pki.stranger()))
    before = len(rig.csms.authorizations)
    await not_connected(rig)
    equal("connection attempts that reached HTTP", len(rig.csms.authorizations), before)
    await offer(rig, rig.pki.context(2))
    await rig.until_reported("InvalidCentralSystemCertificate")


@case("TC_083_CS", "Upgrade security profile", SECURITY, clause="white paper A05", variants=on_profiles(1, 2))
async def upgrade_security_profile(rig: Rig, profile: int) -> None:
    """The station reconnects with the higher profile, boots on it, and connects with no lower one any more."""
    await rig.accepted("ChangeConfiguration", key="SecurityProfile", value=str(profile + 1))
    await offer(rig, rig.pki.context(profile + 1), rig.pki.password(profile + 1))
    await rig.expect_boot()
    one_of("the version of TLS", tls_of(rig).version(), TLS_VERSIONS)
    equal("whether a client certificate was shown", tls_of(rig).getpeercert() is not None, profile == 2)
    [key] = (await rig.request("GetConfiguration", key=["SecurityProfile"]))["configurationKey"]
    equal("SecurityProfile", key, {"key": "SecurityProfile", "readonly": False, "value": str(profile + 1)})
    for lower in range(profile + 2):
        await rig.answers("Rejected", "ChangeConfiguration", key="SecurityProfile", value=str(lower))
    if profile == 1:
        await offer(rig, None)
        await not_connected(rig)
        links = rig.csms.link_count
        await offer(rig, rig.pki.context(2))
        await rig.connected(after=links)
    await rig.quiet()


@case("TC_085_CS", "Basic authentication valid", SECURITY, clause="white paper A00.FR.203", variants=on_profiles(1, 2))
async def basic_authentication(rig: Rig, profile: int) -> None:
    """The header is Basic with the identity, which is the last segment of the URL, and the bytes of the password."""
    await reset(rig)
    equal("the Authorization header", rig.csms.authorizations[-1], basic(rig, PASSWORD))
    equal("the last segment of the path", unquote(rig.csms.paths[-1].rpartition("/")[2]), rig.build.identity)


@case(
    "TC_086_CS", "TLS server certificate valid", SECURITY, clause="white paper A00.FR.306", variants=on_profiles(2, 3)
)
async def tls_server_certificate(rig: Rig, profile: int) -> None:
    """TLS 1.2 or newer with the suites of the white paper; a client certificate in profile 3 alone, Basic in profile 2 alone."""
    await reset(rig)
    tls = tls_of(rig)
    one_of("the version of TLS", tls.version(), TLS_VERSIONS)
    offered = {name for name, _, _ in tls.shared_ciphers() or ()}
    equal("suites of the white paper that are missing", sorted((ECDSA | RSA) - offered), [])
    equal("whether a client certificate was shown", tls.getpeercert() is not None, profile == 3)
    equal("the Authorization header", rig.csms.authorizations[-1], basic(rig, PASSWORD) if profile == 2 else "")


@case(
    "TC_087_CS",
    "TLS client certificate valid",
    SECURITY,
    Secured(3),
    clause="white paper A00.FR.402",
    variants=(variant("after a reset", cycles=False), variant("after a power cycle", cycles=True)),
)
async def tls_client_certificate(rig: Rig, cycles: bool) -> None:
    """The station's certificate: a strong key, a serial number, the station's own serial number as its CN; and no password."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    if cycles:
        await rig.hands.power_cycle()
        await rig.expect_boot()
    else:
        await reset(rig)
    one_of("the version of TLS", tls_of(rig).version(), TLS_VERSIONS)
    der = tls_of(rig).getpeercert(binary_form=True)
    holds("a client certificate", der, der)
    assert der is not None
    certificate = x509.load_der_x509_certificate(der)
    own = rig.pki.station.certificate.serial_number
    equal("the serial number of the certificate", certificate.serial_number, own)
    bits = certificate.public_key().key_size  # type: ignore[union-attr]
    holds("a key of 224 bits at least", bits >= 224, bits)
    [name] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    boot = rig.calls("BootNotification")[-1]
    equal("the CN of the certificate", name.value, boot.payload["chargePointSerialNumber"])
    equal("the subject", certificate.subject.rfc4514_string(), f"CN={rig.build.serial}")
    equal("the Authorization headers", set(rig.csms.authorizations), {""})
    await rig.quiet()
