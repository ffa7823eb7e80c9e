"""The station's own certificate on the real daemon: a CSMS with an authority of its own, on TLS sockets (white paper, A02, A03)."""

import asyncio
import contextlib
import shutil
import ssl
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.csms.independent import Csms
from tests.csms.odd_certificates import DAY, certificate, ec_key, pem
from tests.csms.tls import issue, make_authority, server_context
from tests.daemon import ROOT, Daemon, Settings
from tests.integration.stations import settings_for

SERIAL, CPO = "CB-0001", "Power Inc"
QUICKLY = {"reconnect_min_s": 0.1, "reconnect_max_s": 0.2}
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs openssl: as root, apt-get install openssl"
)


class Authority:
    """The CSMS with the authority that signs for its stations, and the certificates that stations showed."""

    def __init__(self, directory: Path, *, lasting: timedelta = timedelta(days=20)) -> None:
        self.directory = directory
        self.root = make_authority(directory, name="cpo")
        self.server = issue(directory, self.root)
        self.maker = issue(directory, self.root, name=SERIAL, client=True, lasting=lasting)

    def csms_settings(self, profile: int = 3) -> dict[str, Any]:
        """What the station is told of both."""
        own = {
            "client_certificate_file": str(self.maker.certificate_file),
            "client_key_file": str(self.maker.key_file),
        }
        trusting = {"security_profile": profile, "ca_file": str(self.root.certificate_file)}
        return {**trusting, **own} if profile == 3 else trusting

    def settings(self, csms: Csms, **more: Any) -> Settings:
        """A station of security profile 3 that belongs to the operator."""
        return settings_for(csms.url, csms={**QUICKLY, **self.csms_settings(), **more}, config={"CpoName": CPO})

    def tls(self, profile: int = 3) -> ssl.SSLContext:
        """With security profile 3 a client certificate of this authority is wanted."""
        return server_context(self.server, client_authority=self.root if profile == 3 else None)

    def sign(self, csr: str, **how: Any) -> x509.Certificate:
        """What the CSR asks for, as an authority gives it."""
        request = x509.load_pem_x509_csr(csr.encode())
        assert request.is_signature_valid
        named: dict[str, Any] = {"name": request.subject, "public_key": request.public_key(), "is_ca": False} | how
        issuer = {"issuer": self.root.certificate, "issuer_key": self.root.key}
        return certificate(**{**issuer, **named})


def shown(csms: Csms) -> int:
    """The serial number of the certificate that the station shows on the present connection."""
    assert csms.link is not None
    found = csms.link.socket.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(found).serial_number


@contextlib.asynccontextmanager
async def running(tmp_path: Path, **more: Any) -> AsyncIterator[tuple[Authority, Csms, Daemon]]:
    authority = Authority(tmp_path)
    async with Csms(tls=authority.tls()) as csms:
        csms.always("SignCertificate", {"status": "Accepted"})
        async with Daemon(tmp_path, authority.settings(csms, **more)) as daemon:
            await csms.expect("BootNotification")
            yield authority, csms, daemon


async def connected(csms: Csms, after: int) -> None:
    """A connection after the n-th is up."""
    async with asyncio.timeout(30):
        while len(csms.links) <= after or csms.link is None:  # noqa: ASYNC110  # the daemon knows nothing of its test
            await asyncio.sleep(0.05)


async def asked(csms: Csms) -> str:
    """The CSR of the station: the certificate of its maker ends within a month, so it asks at once (A03)."""
    return str((await csms.expect("SignCertificate")).payload["csr"])


async def give(csms: Csms, *chain: x509.Certificate) -> str:
    """CertificateSigned with these; the answer's status."""
    text = "".join(pem(each) for each in chain)
    return str((await csms.request("CertificateSigned", certificate_chain=text))["status"])


@needs_openssl
@pytest.mark.asyncio
async def test_a_new_certificate_is_used_at_once_and_after_a_kill_and_its_key_never_leaves(tmp_path: Path) -> None:
    """A02, A03, TC_074: OpenSSL's command line agrees with the request."""
    async with running(tmp_path) as (authority, csms, daemon):
        assert shown(csms) == authority.maker.certificate.serial_number
        csr = await asked(csms)
        (tmp_path / "request.pem").write_text(csr)
        command = "openssl req -in request.pem -verify -noout -subject -nameopt RFC2253 -text"
        run = partial(subprocess.run, cwd=tmp_path, capture_output=True, text=True, check=True)
        checked = await asyncio.to_thread(run, command.split())
        assert "verify OK" in checked.stdout + checked.stderr
        assert f"subject=CN={SERIAL},O={CPO}" in checked.stdout
        assert "prime256v1" in checked.stdout
        new = authority.sign(csr)
        assert await give(csms, new) == "Accepted"
        await connected(csms, 1)
        assert shown(csms) == new.serial_number
        await daemon.kill()
        await daemon.start()
        await connected(csms, 2)
        assert shown(csms) == new.serial_number
        await daemon.stop()
        files = [path for path in (tmp_path / "storage" / "certificates").iterdir() if path.suffix == ".key"]
        [key_file] = files
        assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
        secret = key_file.read_text().splitlines()[1].encode()
        elsewhere = [path for path in (tmp_path / "storage").rglob("*") if path.is_file() and path != key_file]
        assert not any(secret in path.read_bytes() for path in elsewhere)
        assert secret.decode() not in daemon.stderr_text()


@pytest.mark.asyncio
async def test_a_certificate_that_the_csms_refuses_gives_way_to_the_one_before(tmp_path: Path) -> None:
    """A02.FR.10: the root that was sent with it convinces the station, and not the CSMS."""
    async with running(tmp_path) as (authority, csms, daemon):
        key = ec_key()
        stranger = certificate("stranger", key)
        new = authority.sign(await asked(csms), issuer=stranger, issuer_key=key)
        assert await give(csms, new, stranger) == "Accepted"
        await connected(csms, 1)
        assert shown(csms) == authority.maker.certificate.serial_number
        refusals = [event for event in await daemon.api.events() if event["type"] == "StationCertificateRefused"]
        assert len(refusals) == 1
        events = [call.payload["type"] for call in csms.calls("SecurityEventNotification")]
        assert "InvalidChargePointCertificate" not in events


@pytest.mark.asyncio
async def test_a_chain_with_a_sub_authority_is_shown_whole_whatever_its_order(tmp_path: Path) -> None:
    async with running(tmp_path) as (authority, csms, _):
        key = ec_key()
        between = certificate("between", key, issuer=authority.root.certificate, issuer_key=authority.root.key)
        new = authority.sign(await asked(csms), issuer=between, issuer_key=key)
        assert await give(csms, authority.root.certificate, between, new) == "Accepted"
        await connected(csms, 1)
        assert shown(csms) == new.serial_number


@pytest.mark.asyncio
async def test_a_bad_certificate_is_rejected_and_reported_and_the_good_one_is_taken_after_it(tmp_path: Path) -> None:
    """A02.FR.06, FR.07."""
    async with running(tmp_path) as (authority, csms, daemon):
        csr = await asked(csms)
        good, other = authority.sign(csr), ec_key()
        bad: dict[str, tuple[x509.Certificate, ...]] = {
            "a key that this station does not have": (authority.sign(csr, public_key=other.public_key()),),
            "not the serial number": (authority.sign(csr, name="CB-0002"),),
            "not CpoName": (authority.sign(csr, name=SERIAL),),
            "expired": (authority.sign(csr, begins=datetime.now(UTC) - 9 * DAY, ends=datetime.now(UTC) - DAY),),
            "no root": (authority.sign(csr, issuer=certificate("nobody", other), issuer_key=other),),
            "11 certificates": (good, *(certificate(f"root {number}", other) for number in range(10))),
        }
        for reason, chain in bad.items():
            assert await give(csms, *chain) == "Rejected", reason
        for text in ("", "rubbish", "A" * 10_000, pem(good)[:-30], pem(good).replace("-----END CERTIFICATE-----", "")):
            assert (await csms.request("CertificateSigned", certificate_chain=text))["status"] == "Rejected"
        concluded = [
            each["payload"] for each in await daemon.api.events() if each["type"] == "CertificateCheckConcluded"
        ]
        for reason, event in zip(bad, concluded, strict=False):
            assert reason in event["reason"]
        await csms.until(
            lambda: [
                call
                for call in csms.calls("SecurityEventNotification")
                if call.payload["type"] == "InvalidChargePointCertificate"
            ],
            "the security event",
        )
        assert await give(csms, good) == "Accepted"
        await connected(csms, 1)
        assert shown(csms) == good.serial_number


@pytest.mark.asyncio
async def test_after_the_log_is_lost_the_files_are_found_and_used(tmp_path: Path) -> None:
    """The log names nothing any more; what was on the disk beside it is the only way to the CSMS."""
    async with running(tmp_path) as (authority, csms, daemon):
        new = authority.sign(await asked(csms))
        assert await give(csms, new) == "Accepted"
        await connected(csms, 1)
        await daemon.stop()
        for path in (tmp_path / "storage").glob("chargebox.db*"):
            path.unlink()
        for path in (tmp_path / "storage").glob("snapshot-*"):
            path.unlink()
        await daemon.start()
        await connected(csms, 2)
        assert shown(csms) == new.serial_number


@pytest.mark.asyncio
async def test_a_station_of_profile_3_gets_its_first_certificate_on_the_makers_line(tmp_path: Path) -> None:
    """Its settings name none: key pair and request are made on the station, and its first start takes what came back."""
    authority = Authority(tmp_path)
    async with Csms(tls=authority.tls()) as csms:
        trusting = {"security_profile": 2, "ca_file": str(authority.root.certificate_file)}
        daemon = Daemon(tmp_path / "station", settings_for(csms.url, csms={**QUICKLY, **trusting}))
        settings_file = str(daemon.write_settings())

        async def chargebox(*words: str) -> str:
            command = [sys.executable, "-m", "station.cli", "certificates", *words, "--settings", settings_file]
            run = partial(subprocess.run, cwd=ROOT, capture_output=True, text=True, check=True)
            return str((await asyncio.to_thread(run, command)).stdout)

        new = authority.sign(await chargebox("request", "--organisation", CPO))
        (tmp_path / "signed.pem").write_text(pem(new))
        await chargebox("import", str(tmp_path / "signed.pem"), "--use", "station")
        daemon.settings["csms"]["security_profile"] = 3
        async with daemon:
            await csms.expect("BootNotification")
            assert shown(csms) == new.serial_number
        assert CPO in await chargebox("list")
