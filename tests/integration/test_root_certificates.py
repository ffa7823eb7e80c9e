"""Root certificates on the real daemon: a CSMS with an authority of its own, on TLS sockets (white paper, M03 to M05)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.csms.independent import Csms
from tests.csms.odd_certificates import certificate, ec_key, pem, private_pem
from tests.csms.tls import Identity, issue, make_authority, server_context
from tests.daemon import Daemon, Settings
from tests.integration.stations import settings_for

CSMS_ROOT, MANUFACTURER_ROOT = "CentralSystemRootCertificate", "ManufacturerRootCertificate"
QUICKLY = {"reconnect_min_s": 0.1, "reconnect_max_s": 0.2}


def authority(directory: Path, name: str) -> Identity:
    (directory / name).mkdir()
    return make_authority(directory / name, name=name)


def root_of(identity: Identity) -> str:
    return identity.certificate_file.read_text()


async def install(csms: Csms, text: str, use: str = CSMS_ROOT) -> str:
    return str((await csms.request("InstallCertificate", certificate_type=use, certificate=text))["status"])


async def ids(csms: Csms, use: str = CSMS_ROOT) -> list[Any]:
    answer = await csms.request("GetInstalledCertificateIds", certificate_type=use)
    found: list[Any] = answer.get("certificateHashData", [])
    assert answer["status"] == ("Accepted" if found else "NotFound")
    return found


async def connected(csms: Csms, after: int = 0) -> None:
    """A connection after the n-th is up."""
    async with asyncio.timeout(30):
        while len(csms.links) <= after or csms.link is None:  # noqa: ASYNC110  # the daemon knows nothing of its test
            await asyncio.sleep(0.05)


async def move(csms: Csms, identity: Identity) -> None:
    """The CSMS comes back with another certificate."""
    await csms.go_down()
    csms.gate.tls = server_context(identity)
    await csms.come_up()


def settings(csms: Csms, **more: Any) -> Settings:
    return settings_for(csms.url, csms={**QUICKLY, **more})


@pytest.mark.asyncio
async def test_a_root_that_was_installed_verifies_the_csms_and_outlives_the_process(tmp_path: Path) -> None:
    """The CSMS moves to another authority: the new root is brought over the old one, and can be used at once and after a kill."""
    old, new = authority(tmp_path, "old"), authority(tmp_path, "new")
    async with Csms(tls=server_context(issue(tmp_path / "old", old))) as csms:
        trusting = settings(csms, ca_file=str(old.certificate_file))
        async with Daemon(tmp_path, trusting) as daemon:
            await csms.expect("BootNotification")
            [maker] = await ids(csms)
            assert await install(csms, root_of(new)) == "Accepted"
            both = await ids(csms)
            assert len(both) == 2
            assert await csms.request("DeleteCertificate", certificate_hash_data=maker) == {"status": "Failed"}
            seen = len(csms.links)
            await move(csms, issue(tmp_path / "new", new))
            await connected(csms, seen)
            await daemon.kill()
            seen = len(csms.links)
            await daemon.start()
            await connected(csms, seen)
            assert await ids(csms) == both
            [used] = [each for each in both if each != maker]
            assert await csms.request("DeleteCertificate", certificate_hash_data=used) == {"status": "Failed"}
            assert await csms.request("DeleteCertificate", certificate_hash_data=maker) == {"status": "Accepted"}
            assert await ids(csms) == [used]


@pytest.mark.asyncio
async def test_with_the_additional_check_a_new_root_replaces_the_old_one_once_it_has_verified_a_connection(
    tmp_path: Path,
) -> None:
    """M05.FR.09 to 13, over two real handshakes: the CSMS first shows the old certificate once more, then the new one."""
    old = authority(tmp_path, "old")
    new_key = ec_key()
    signed = certificate("new", new_key, issuer=old.certificate, issuer_key=old.key)
    (tmp_path / "new").mkdir()
    new = Identity(
        certificate=signed, key=new_key, certificate_file=tmp_path / "new.pem", key_file=tmp_path / "new.key"
    )
    by_old, by_new = issue(tmp_path / "old", old), issue(tmp_path / "new", new)
    async with Csms(tls=server_context(by_old)) as csms:
        chosen = {
            **settings(csms, ca_file=str(old.certificate_file)),
            "config": {"AdditionalRootCertificateCheck": True},
        }
        async with Daemon(tmp_path, chosen):
            await csms.expect("BootNotification")
            assert await install(csms, pem(certificate("stranger"))) == "Rejected"
            assert await install(csms, pem(signed)) == "Accepted"
            assert len(await ids(csms)) == 2
            await csms.hang_up()
            await connected(csms, 1)  # by the fallback
            assert len(await ids(csms)) == 2
            await move(csms, by_new)
            await connected(csms, 2)
            async with asyncio.timeout(20):
                while len(await ids(csms)) == 2:  # noqa: ASYNC110  # the daemon knows nothing of its test
                    await asyncio.sleep(0.05)
            assert len(await ids(csms)) == 1


@pytest.mark.asyncio
async def test_what_is_no_root_is_answered_and_a_private_key_is_kept_nowhere(tmp_path: Path) -> None:
    """A key sent by mistake is on no disk and in no log, whatever it was wrapped in."""
    key = ec_key()
    secret = private_pem(key)
    body = secret.splitlines()[1]
    async with Csms() as csms:
        async with Daemon(tmp_path, settings(csms)) as daemon:
            await csms.expect("BootNotification")
            for text in (
                secret,
                pem(certificate(key=key)) + secret,
                body,
                "rubbish",
                pem(certificate(is_ca=False)),
                "".join(pem(certificate(f"root {number}", key)) for number in range(8)),
            ):
                assert await install(csms, text) == "Rejected"
            assert await ids(csms) == []
            assert await install(csms, pem(certificate(key=key)), MANUFACTURER_ROOT) == "Accepted"
            assert len(await ids(csms, MANUFACTURER_ROOT)) == 1
            await daemon.stop()
        texts = [path.read_bytes() for path in (tmp_path / "storage").rglob("*") if path.is_file()]
        assert not any(body.encode() in text for text in texts)
        assert body not in daemon.stderr_text()
