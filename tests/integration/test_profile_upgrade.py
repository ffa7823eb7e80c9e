"""The CSMS raises the security profile, on real sockets and the real daemon, with power cuts at each step (white paper, A05)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.csms.independent import CallError, Csms
from tests.csms.tls import Identity, issue, make_authority, server_context
from tests.daemon import Daemon
from tests.integration.stations import settings_for, until
from tests.integration.test_security_profiles import OLD_KEY, QUICKLY, key_file
from tests.integration.test_station_certificate import CPO, Authority, asked, give, shown

STEPS = ("answered", "disconnected", "tried")


class Rig:
    """A station and its CSMS, which has one port, and at any time talks TLS there or does not."""

    def __init__(self, csms: Csms, daemon: Daemon, directory: Path, authority: Identity) -> None:
        self.csms, self.daemon, self.authority = csms, daemon, authority
        self.server = server_context(issue(directory, authority))
        self.client_server = server_context(issue(directory, authority), client_authority=authority)

    async def talks(self, tls: ssl.SSLContext | None, password: bytes | None = OLD_KEY) -> None:
        """From now on; every link is closed."""
        await self.csms.go_down()
        self.csms.gate.tls, self.csms.gate.password = tls, password
        await self.csms.come_up()

    async def raise_to(self, profile: int) -> str:
        """What is answered."""
        return str(
            (await self.csms.request("ChangeConfiguration", key="SecurityProfile", value=str(profile)))["status"]
        )

    async def profile(self, in_force: int) -> Any:
        """Waits for a connection with this profile, and no trial."""
        return await until(
            self.daemon,
            lambda state: (
                state["security"]["profile"] == in_force
                and state["security"]["on_trial"] is None
                and state["link"]["up"]
                and state["outbox"]["in_flight"] is None
            ),
            f"profile {in_force}",
        )

    async def happened(self, kind: str, times: int = 1, **payload: Any) -> None:
        """Waits until so many of these are on record."""
        async with asyncio.timeout(40):
            while len(await self.found(kind, **payload)) < times:  # noqa: ASYNC110  # the daemon knows nothing of its test
                await asyncio.sleep(0.02)

    async def found(self, kind: str, **payload: Any) -> list[Any]:
        """The payloads of what is on record."""
        events = [event["payload"] for event in await self.daemon.api.events() if event["type"] == kind]
        return [event for event in events if payload.items() <= event.items()]

    def last_is_tls(self) -> bool:
        """Whether the last connection is one of TLS."""
        return self.csms.links[-1].socket.transport.get_extra_info("ssl_object") is not None


@asynccontextmanager
async def station(directory: Path, profile: int = 1, *, root: bool = True, own: bool = True) -> AsyncIterator[Rig]:
    """Connected with this profile, and with all that a higher one needs."""
    authority = make_authority(directory)
    client = issue(directory, authority, name="CB-0001", client=True)
    async with Csms(password=OLD_KEY if profile else None) as csms:
        files = {"client_certificate_file": str(client.certificate_file), "client_key_file": str(client.key_file)}
        files = files if own else {}
        files |= {"ca_file": str(authority.certificate_file)} if root else {}
        tables = {"security_profile": profile, "authorization_key_file": key_file(directory), **QUICKLY, **files}
        async with Daemon(directory, settings_for(csms.url, csms=tables)) as daemon:
            rig = Rig(csms, daemon, directory, authority)
            await rig.profile(profile)
            yield rig


@pytest.mark.asyncio
async def test_a_station_goes_up_from_none_to_client_certificates_and_never_down(tmp_path: Path) -> None:
    async with station(tmp_path, 0) as rig:
        for profile, tls, password in ((1, None, OLD_KEY), (2, rig.server, OLD_KEY), (3, rig.client_server, None)):
            assert await rig.raise_to(profile) == "Accepted"
            await rig.talks(tls, password)
            await rig.profile(profile)
            assert rig.last_is_tls() is (tls is not None)
            assert [await rig.raise_to(lower) for lower in range(profile + 1)] == ["Rejected"] * (profile + 1)
        assert await rig.found("SecurityProfileFallenBack") == []
        assert len(rig.csms.calls("BootNotification")) == 4

        # Whatever is offered: it is not connected with less any more, through restarts too.
        await rig.talks(None, None)
        failed = len(await rig.found("ConnectFailed"))
        await rig.happened("ConnectFailed", failed + 3)
        await rig.daemon.kill()
        await rig.daemon.start()
        await rig.happened("ConnectFailed", failed + 5)
        before = len(rig.csms.links)
        await rig.talks(rig.client_server, None)
        await rig.csms.connected(after=before)
        assert rig.last_is_tls()
        await rig.profile(3)


@pytest.mark.parametrize("offers", ["the new profile", "the old profile"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.asyncio
async def test_a_power_cut_at_any_step_leaves_a_station_that_connects_with_what_the_csms_offers(
    step: str, offers: str, tmp_path: Path
) -> None:
    """A05.FR.08: neither the old nor the new credentials are lost."""
    async with station(tmp_path) as rig:
        assert await rig.raise_to(2) == "Accepted"
        if step != "answered":
            await rig.csms.go_down()
            if step == "tried":
                await rig.happened("ConnectFailed", 2)
        await rig.daemon.kill()
        await rig.talks(rig.server if offers == "the new profile" else None)
        await rig.daemon.start()
        if offers == "the old profile" and not await rig.found("SecurityProfileProven"):
            await rig.profile(1)
            assert await rig.raise_to(2) == "Accepted", "it may be asked for again"
            await rig.talks(rig.server)
        await rig.profile(2)
        assert rig.last_is_tls()


@pytest.mark.asyncio
async def test_a_csms_with_a_wrong_chain_is_fallen_back_from_and_hears_why(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    async with station(tmp_path) as rig:
        assert await rig.raise_to(2) == "Accepted"
        await rig.talks(server_context(issue(stranger, make_authority(stranger, name="another authority"))))
        await rig.happened("TlsFailed", type="InvalidCentralSystemCertificate")
        await rig.happened("ConnectFailed", 4)
        await rig.talks(None)
        await rig.profile(1)
        notified = await rig.csms.expect("SecurityEventNotification", type="InvalidCentralSystemCertificate")
        assert "issuer" in notified.payload["techInfo"]
        assert len(await rig.found("TlsFailed", type="InvalidCentralSystemCertificate")) == 1


@pytest.mark.parametrize("missing", ["root", "station"])
@pytest.mark.asyncio
async def test_without_its_files_a_profile_is_rejected_and_the_link_stands(missing: str, tmp_path: Path) -> None:
    """A05.FR.03, A05.FR.04."""
    async with station(tmp_path, root=missing != "root", own=missing != "station") as rig:
        links = len(rig.csms.links)
        assert await rig.raise_to(3) == "Rejected"
        assert len(rig.csms.links) == links
        assert rig.csms.link is not None


@pytest.mark.asyncio
async def test_a_certificate_swapped_while_the_link_stands_counts_from_the_next_connection_on(tmp_path: Path) -> None:
    """TC_078: the good one comes back, and the CSMS hears what was wrong."""
    async with station(tmp_path) as rig:
        await rig.raise_to(2)
        await rig.talks(rig.server)
        await rig.profile(2)
        mallory = tmp_path / "mallory"
        mallory.mkdir()
        bad = issue(mallory, make_authority(mallory, name="another authority"))
        rig.server.load_cert_chain(bad.certificate_file, bad.key_file)
        assert (await rig.csms.request("GetConfiguration", key=["SecurityProfile"]))["configurationKey"]
        await rig.csms.hang_up()
        await rig.happened("TlsFailed", type="InvalidCentralSystemCertificate")
        handshakes = len(rig.csms.gate.handshakes)
        await rig.happened("ConnectFailed", len(await rig.found("ConnectFailed")) + 2)
        assert len(rig.csms.gate.handshakes) == handshakes
        await rig.talks(server_context(issue(tmp_path, rig.authority)))
        notified = await rig.csms.expect("SecurityEventNotification", type="InvalidCentralSystemCertificate")
        assert notified.payload["timestamp"]


@pytest.mark.asyncio
async def test_a_csms_without_the_extension_is_served_over_tls_as_well(tmp_path: Path) -> None:
    async with station(tmp_path) as rig:
        await rig.raise_to(2)
        rig.csms.always("SecurityEventNotification", CallError("NotImplemented"))
        await rig.talks(rig.server)
        await rig.profile(2)
        await rig.daemon.restart()
        await rig.profile(2)


@pytest.mark.asyncio
async def test_a_station_that_knows_nothing_gets_all_that_it_needs_over_ocpp_and_goes_up_to_client_certificates(
    tmp_path: Path,
) -> None:
    """Key, root and certificate come over the connection without any security; a cut in between loses none of them."""
    authority = Authority(tmp_path)
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url, csms=QUICKLY)) as daemon:
        rig = Rig(csms, daemon, tmp_path, authority.root)
        await rig.profile(0)
        assert [await rig.raise_to(profile) for profile in (1, 2, 3)] == ["Rejected"] * 3
        for key, value in (("AuthorizationKey", OLD_KEY.hex()), ("CpoName", CPO)):
            assert await csms.request("ChangeConfiguration", key=key, value=value) == {"status": "Accepted"}
        assert [await rig.raise_to(profile) for profile in (2, 3)] == ["Rejected"] * 2
        root = authority.root.certificate_file.read_text()
        kind = "CentralSystemRootCertificate"
        installed = await csms.request("InstallCertificate", certificate_type=kind, certificate=root)
        assert installed == {"status": "Accepted"}
        assert await rig.raise_to(3) == "Rejected"
        csms.always("SignCertificate", {"status": "Accepted"})
        await csms.request("ExtendedTriggerMessage", requested_message="SignChargePointCertificate")
        signed = authority.sign(await asked(csms))
        assert await give(csms, signed) == "Accepted"
        assert await rig.raise_to(3) == "Accepted"
        await daemon.kill()
        await rig.talks(authority.tls(), None)
        await daemon.start()
        await rig.profile(3)
        assert shown(csms) == signed.serial_number
