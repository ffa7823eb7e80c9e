"""Security profiles on the wire (OCPP-J 6, errata 3.10): Basic, TLS with Basic, TLS with client certificates."""

import asyncio
import base64
import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.csms.independent import Csms
from tests.csms.tls import Identity, issue, make_authority, server_context
from tests.daemon import Daemon, Settings
from tests.file_servers import serve_files
from tests.integration.stations import delivered, end_transaction, settings_for, start_transaction, until

OLD_KEY = bytes.fromhex("4F43415F4F4354545F61646D696E5F74657374")
NEW_KEY = bytes.fromhex("FF00112233445566778899AABBCCDDEEFF000102")
QUICKLY = {"reconnect_min_s": 0.1, "reconnect_max_s": 0.2}


def key_file(directory: Path, key: bytes = OLD_KEY) -> str:
    """A file with the Basic password, as the settings name it."""
    file = directory / "authorization-key"
    file.write_text(f"hex:{key.hex()}\n")
    file.chmod(0o600)
    return str(file)


def secured(csms: Csms, profile: int, **more: Any) -> Settings:
    """Settings of a station with this security profile."""
    return settings_for(csms.url, csms={"security_profile": profile, **QUICKLY, **more})


async def refused(daemon: Daemon) -> str:
    """Waits for a failed attempt; its reason. The station works all the same."""

    async def reason() -> str:
        events = await daemon.api.events()
        return next((event["payload"]["reason"] for event in events if event["type"] == "ConnectFailed"), "")

    async with asyncio.timeout(20):
        while not await reason():  # noqa: ASYNC110  # the daemon knows nothing of its test
            await asyncio.sleep(0.05)
    await daemon.api.plug(1)
    assert await daemon.api.healthy()
    assert not (await daemon.api.state())["link"]["up"]
    return await reason()


async def served(daemon: Daemon, csms: Csms) -> None:
    """A whole session goes well."""
    await csms.expect("BootNotification")
    await start_transaction(daemon, "A")
    await end_transaction(daemon, "A")
    await until(daemon, delivered, "everything to be delivered")


# ---- profile 1: Basic ---------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_basic_credentials_are_the_identity_and_the_bytes_of_the_key(tmp_path: Path) -> None:
    """OCPP-J 6.2.2: the password is the key's bytes, not their hexadecimal digits."""
    async with Csms(password=OLD_KEY) as csms:
        async with Daemon(tmp_path, secured(csms, 1, authorization_key_file=key_file(tmp_path))) as daemon:
            await served(daemon, csms)
        expected = base64.b64encode(b"CB-0001:" + OLD_KEY).decode()
        assert {handshake.authorization for handshake in csms.gate.handshakes} == {f"Basic {expected}"}


@pytest.mark.asyncio
async def test_a_wrong_key_is_refused_until_the_csms_takes_it(tmp_path: Path) -> None:
    async with Csms(password=NEW_KEY) as csms:
        async with Daemon(tmp_path, secured(csms, 1, authorization_key_file=key_file(tmp_path))) as daemon:
            assert "401" in await refused(daemon)
            csms.gate.password = OLD_KEY
            await csms.expect("BootNotification")
        assert {handshake.status for handshake in csms.gate.handshakes} == {401, 101}


@pytest.mark.asyncio
async def test_without_a_security_profile_no_credentials_leave(tmp_path: Path) -> None:
    async with Csms() as csms:
        async with Daemon(tmp_path, secured(csms, 0, authorization_key_file=key_file(tmp_path))):
            await csms.expect("BootNotification")
        assert {handshake.authorization for handshake in csms.gate.handshakes} == {""}


def spellings(key: bytes) -> list[bytes]:
    """How a key could give itself away."""
    return [
        key,
        key.hex().encode(),
        key.hex().upper().encode(),
        base64.b64encode(b"CB-0001:" + key),
    ]


def leaks(name: str, data: bytes, key: bytes = NEW_KEY) -> list[str]:
    """Where in the data the key stands."""
    return [f"{name}: {spelling!r}" for spelling in spellings(key) if spelling in data]


@pytest.mark.asyncio
async def test_a_key_that_the_csms_sets_is_used_at_once_outlives_the_process_and_is_readable_nowhere(
    tmp_path: Path,
) -> None:
    """Errata 3.10: after Accepted the station reconnects with the new key by itself."""
    async with Csms(password=OLD_KEY) as csms, serve_files("http", tmp_path / "files") as files:
        settings = secured(csms, 1, authorization_key_file=key_file(tmp_path))
        async with Daemon(tmp_path, settings) as daemon:
            await csms.expect("BootNotification")
            csms.gate.password = NEW_KEY
            answer = await csms.request("ChangeConfiguration", key="AuthorizationKey", value=NEW_KEY.hex().upper())
            assert answer == {"status": "Accepted"}
            await csms.connected(after=1)
            assert [handshake.status for handshake in csms.gate.handshakes] == [101, 101], "the old key was used again"
            assert len(csms.calls("BootNotification")) == 1
            await daemon.restart()
            await csms.connected(after=2)
            assert [handshake.status for handshake in csms.gate.handshakes] == [101] * 3
            await until(daemon, delivered, "everything to be delivered")

            everything = await csms.request("GetConfiguration")
            asked = await csms.request("GetConfiguration", key=["AuthorizationKey"])
            for answer in (everything, asked):
                (shown,) = (item for item in answer["configurationKey"] if item["key"] == "AuthorizationKey")
                assert shown == {"key": "AuthorizationKey", "readonly": False}
            name = (await csms.request("GetDiagnostics", location=files.url))["fileName"]
            await csms.expect("DiagnosticsStatusNotification", status="Uploaded", within_s=20)
            with zipfile.ZipFile(io.BytesIO(files.received()[name])) as diagnostics:
                found = {member: diagnostics.read(member) for member in diagnostics.namelist()}
            found |= {
                "/api/state": (await daemon.api.call("GET", "/api/state")).content,
                "/api/events": repr(await daemon.api.events()).encode(),
                "/metrics": (await daemon.api.metrics()).encode(),
                "stderr": daemon.stderr_text().encode(),
            }
        storage = tmp_path / "storage"
        kept = {str(path.relative_to(storage)): path.read_bytes() for path in storage.rglob("*") if path.is_file()}
        secrets = {name: data for name, data in kept.items() if name.startswith("secrets/")}
        assert list(secrets.values()) == [NEW_KEY]
        for name, data in (found | kept).items():
            assert name in secrets or leaks(name, data) + leaks(name, data, OLD_KEY) == []


@pytest.mark.asyncio
async def test_a_value_that_is_no_key_is_rejected_and_the_old_one_holds(tmp_path: Path) -> None:
    async with Csms(password=OLD_KEY) as csms:
        async with Daemon(tmp_path, secured(csms, 1, authorization_key_file=key_file(tmp_path))) as daemon:
            await csms.expect("BootNotification")
            for value in ("", "0011", "zz" * 16, "00" * 21, "fp:0123456789abcdef"):
                answer = await csms.request("ChangeConfiguration", key="AuthorizationKey", value=value)
                assert answer == {"status": "Rejected"}, value
            await served_again(daemon, csms)
        assert len(csms.links) == 1


async def served_again(daemon: Daemon, csms: Csms) -> None:
    """A whole session goes well on a link that stands."""
    await start_transaction(daemon, "B")
    await end_transaction(daemon, "B")
    await csms.expect("StopTransaction")
    await until(daemon, delivered, "everything to be delivered")


# ---- profile 2: TLS -----------------------------------------------------------------------------------------------


def tls_settings(csms: Csms, directory: Path, authority: Identity, profile: int = 2, **more: Any) -> Settings:
    """Settings with the test's authority as trust anchor."""
    key = {"authorization_key_file": key_file(directory)} if profile == 2 else {}
    return secured(csms, profile, ca_file=str(authority.certificate_file), **key, **more)


@pytest.mark.asyncio
async def test_tls_with_the_right_authority_and_basic_credentials(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    async with Csms(password=OLD_KEY, tls=server_context(issue(tmp_path, authority))) as csms:
        assert csms.url.startswith("wss:")
        async with Daemon(tmp_path, tls_settings(csms, tmp_path, authority)) as daemon:
            await served(daemon, csms)


@pytest.mark.parametrize(
    ("trusted", "server", "said"),
    [
        ("another authority", {}, "issuer"),
        ("test authority", {"name": "csms.example"}, "localhost"),
        ("test authority", {"lasting": timedelta(hours=-1)}, "expired"),
    ],
    ids=["wrong authority", "wrong host name", "expired"],
)
@pytest.mark.asyncio
async def test_a_certificate_that_proves_nothing_is_refused_before_anything_is_said(
    tmp_path: Path, trusted: str, server: dict[str, Any], said: str
) -> None:
    authorities = {name: make_authority(tmp_path, name=name) for name in ("test authority", "another authority")}
    context = server_context(issue(tmp_path, authorities["test authority"], **server))
    async with Csms(password=OLD_KEY, tls=context) as csms:
        async with Daemon(tmp_path, tls_settings(csms, tmp_path, authorities[trusted])) as daemon:
            reason = await refused(daemon)
            assert "certificate" in reason.lower()
            assert said in reason
        assert csms.gate.handshakes == [], "the password must not reach whoever cannot prove who he is"


@pytest.mark.asyncio
async def test_a_ca_file_that_goes_while_the_station_runs_is_named_and_the_station_works_offline(
    tmp_path: Path,
) -> None:
    authority = make_authority(tmp_path)
    server = server_context(issue(tmp_path, authority))
    async with (
        Csms(password=OLD_KEY, tls=server) as csms,
        Daemon(tmp_path, tls_settings(csms, tmp_path, authority)) as daemon,
    ):
        await until(daemon, delivered, "the link")
        authority.certificate_file.rename(tmp_path / "moved.pem")
        await csms.hang_up()
        assert str(authority.certificate_file) in await refused(daemon)
        (tmp_path / "moved.pem").rename(authority.certificate_file)
        await until(daemon, delivered, "the link to open anew")


# ---- profile 3: client certificates -------------------------------------------------------------------------------


@pytest.mark.parametrize("issuer", ["test authority", "another authority"], ids=["known", "unknown"])
@pytest.mark.asyncio
async def test_a_client_certificate_opens_the_link_if_the_csms_knows_its_issuer(tmp_path: Path, issuer: str) -> None:
    authorities = {name: make_authority(tmp_path, name=name) for name in ("test authority", "another authority")}
    authority = authorities["test authority"]
    client = issue(tmp_path, authorities[issuer], name="CB-0001", client=True)
    context = server_context(issue(tmp_path, authority), client_authority=authority)
    async with Csms(tls=context) as csms:
        settings = tls_settings(
            csms,
            tmp_path,
            authority,
            profile=3,
            client_certificate_file=str(client.certificate_file),
            client_key_file=str(client.key_file),
        )
        async with Daemon(tmp_path, settings) as daemon:
            if issuer == "test authority":
                await served(daemon, csms)
                assert {handshake.authorization for handshake in csms.gate.handshakes} == {""}
            else:
                assert await refused(daemon)
                assert csms.gate.handshakes == []
