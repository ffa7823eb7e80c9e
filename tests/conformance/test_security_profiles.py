"""Security: profiles and how both ends prove who they are (7.21)."""

import base64
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.conformance.cases import case
from tests.conformance.conftest import Boot
from tests.conformance.rig import Rig
from tests.csms.tls import issue, make_authority, server_context

PASSWORD, NEW_PASSWORD = b"0123456789abcdef", bytes.fromhex("4F43415F4F4354545F61646D696E5F74657374")
ECDSA = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"}
RSA = {"AES128-GCM-SHA256", "AES256-GCM-SHA384"}


class Pki:
    """The tool's authority, its server, and the station's certificate."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = make_authority(directory)
        self.station = issue(directory, self.authority, name="CB-0001", client=True)
        self.server = self._takes_any(server_context(issue(directory, self.authority)))

    def _takes_any(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """The tool takes every suite that it is offered."""
        context.set_ciphers("ALL")
        return context

    def for_profile(self, profile: int) -> ssl.SSLContext | None:
        """What the tool listens with."""
        if profile < 3:
            return self.server if profile == 2 else None
        return self._takes_any(server_context(issue(self.directory, self.authority), client_authority=self.authority))

    def settings(self, profile: int) -> dict[str, dict[str, Any]]:
        """A station with this profile, and all that a higher one needs."""
        key = self.directory / "authorization-key"
        key.write_bytes(PASSWORD)
        key.chmod(0o600)
        files = {
            "ca_file": self.authority.certificate_file,
            "client_certificate_file": self.station.certificate_file,
            "client_key_file": self.station.key_file,
            "authorization_key_file": key,
        }
        return {"csms": {"security_profile": profile} | {name: str(path) for name, path in files.items()}}


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


async def started(boot: Boot, pki: Pki, profile: int) -> Rig:
    password = PASSWORD if profile in (1, 2) else None
    return await boot(pki.settings(profile), password=password, tls=pki.for_profile(profile))


async def reset(rig: Rig) -> None:
    """The tool triggers a reset; what follows is a boot on a new connection."""
    await rig.request("Reset", type="Hard")
    await rig.expect_boot()


def basic(password: bytes) -> str:
    return "Basic " + base64.b64encode(b"CB-0001:" + password).decode()


def tls_of(rig: Rig) -> ssl.SSLObject:
    """The TLS of the last connection, as the tool sees it."""
    found = rig.csms.links[-1].socket.transport.get_extra_info("ssl_object")
    assert isinstance(found, ssl.SSLObject)
    return found


@case("TC_073_CS")
@pytest.mark.parametrize("profile", [1, 2])
@pytest.mark.asyncio
async def test_tc_073_update_basic_password(boot: Boot, pki: Pki, profile: int) -> None:
    """The station reconnects by itself with the new password, and back with the old one."""
    rig = await started(boot, pki, profile)
    for password in (NEW_PASSWORD, PASSWORD):
        links = len(rig.csms.links)
        rig.csms.gate.password = password
        answer = await rig.request("ChangeConfiguration", key="AuthorizationKey", value=password.hex().upper())
        assert answer == {"status": "Accepted"}
        await rig.csms.connected(after=links)
        assert rig.csms.gate.handshakes[-1].authorization == basic(password)
        await rig.quiet()


@case("TC_078_CS")
@pytest.mark.asyncio
async def test_tc_078_invalid_central_system_certificate(boot: Boot, pki: Pki, tmp_path: Path) -> None:
    """An invalid server certificate is refused, and reported once the good one is back."""
    rig = await started(boot, pki, 2)
    mallory = tmp_path / "mallory"
    mallory.mkdir()
    await offer(rig, server_context(issue(mallory, make_authority(mallory, name="another authority"))))
    before = len(rig.csms.gate.handshakes)
    await refused(rig)
    assert len(rig.csms.gate.handshakes) == before
    await offer(rig, pki.server)
    await rig.csms.expect("SecurityEventNotification", type="InvalidCentralSystemCertificate")


async def offer(rig: Rig, tls: ssl.SSLContext | None, password: bytes | None = PASSWORD) -> None:
    """The tool closes the connection and offers only this from now on, on the same port."""
    await rig.csms.go_down()
    rig.csms.gate.tls, rig.csms.gate.password = tls, password
    await rig.csms.come_up()


async def refused(rig: Rig) -> None:
    """The station has tried twice since, and did not connect."""

    async def failures() -> int:
        return sum(event["type"] == "ConnectFailed" for event in await rig.api.events())

    wanted = await failures() + 2
    while await failures() < wanted:
        await rig.api.clock(advance_s=60)
    assert not (await rig.api.state())["link"]["up"]


@case("TC_083_CS")
@pytest.mark.parametrize("profile", [1, 2])
@pytest.mark.asyncio
async def test_tc_083_upgrade_security_profile(boot: Boot, pki: Pki, profile: int) -> None:
    """The station reconnects with the higher profile, boots on it, and connects with no lower one any more."""
    rig = await started(boot, pki, profile)
    answer = await rig.request("ChangeConfiguration", key="SecurityProfile", value=str(profile + 1))
    assert answer == {"status": "Accepted"}
    password = PASSWORD if profile == 1 else None
    await offer(rig, pki.for_profile(profile + 1), password)
    await rig.expect_boot()
    assert tls_of(rig).version() in ("TLSv1.2", "TLSv1.3")
    assert (tls_of(rig).getpeercert() is not None) is (profile == 2)
    [key] = (await rig.request("GetConfiguration", key=["SecurityProfile"]))["configurationKey"]
    assert key == {"key": "SecurityProfile", "readonly": False, "value": str(profile + 1)}
    for lower in range(profile + 2):
        answer = await rig.request("ChangeConfiguration", key="SecurityProfile", value=str(lower))
        assert answer == {"status": "Rejected"}
    if profile == 1:
        await offer(rig, None)
        await refused(rig)
        links = len(rig.csms.links)
        await offer(rig, pki.server)
        await rig.csms.connected(after=links)
    await rig.quiet()


@case("TC_085_CS")
@pytest.mark.parametrize("profile", [1, 2])
@pytest.mark.asyncio
async def test_tc_085_basic_authentication(boot: Boot, pki: Pki, profile: int) -> None:
    """The header is Basic with the identity, which is the last segment of the URL, and the bytes of the password."""
    rig = await started(boot, pki, profile)
    await reset(rig)
    handshake = rig.csms.gate.handshakes[-1]
    assert handshake.authorization == basic(PASSWORD)
    assert handshake.path.rpartition("/")[2] == "CB-0001"


@case("TC_086_CS")
@pytest.mark.parametrize("profile", [2, 3])
@pytest.mark.asyncio
async def test_tc_086_tls_server_certificate(boot: Boot, pki: Pki, profile: int) -> None:
    """TLS 1.2 or newer with the suites of the white paper; a client certificate in profile 3 alone, Basic in profile 2 alone."""
    rig = await started(boot, pki, profile)
    await reset(rig)
    tls = tls_of(rig)
    assert tls.version() in ("TLSv1.2", "TLSv1.3")
    offered = {name for name, _, _ in tls.shared_ciphers() or ()}
    assert offered >= ECDSA
    assert offered >= RSA
    assert (tls.getpeercert() is not None) is (profile == 3)
    assert rig.csms.gate.handshakes[-1].authorization == (basic(PASSWORD) if profile == 2 else "")


@case("TC_087_CS")
@pytest.mark.asyncio
async def test_tc_087_tls_client_certificate(boot: Boot, pki: Pki) -> None:
    """The station's certificate: a strong key, a serial number, and the station's own serial number as its CN."""
    rig = await started(boot, pki, 3)
    await reset(rig)
    der = tls_of(rig).getpeercert(binary_form=True)
    assert der is not None
    shown = x509.load_der_x509_certificate(der)
    assert shown.serial_number > 0
    assert shown.public_key().key_size >= 224  # type: ignore[union-attr]
    [name] = shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    boots = rig.csms.calls("BootNotification")
    assert name.value == boots[-1].payload["chargePointSerialNumber"]
