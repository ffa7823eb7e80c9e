"""The link over TLS (OCPP-J 6.2): the CSMS must be who it says, and the credentials go with the request for the upgrade."""

import asyncio
import base64
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from eventstore.catalogue.certificates import CsmsRootProven, RootsFound
from eventstore.catalogue.link import ConnectFailed, LinkClosed, LinkOpened
from eventstore.catalogue.security import TlsFailed
from eventstore.event import Observation
from projections.station import StationState
from station.runtime.clock import SystemClock
from station.runtime.link import CsmsLink
from station.runtime.secrets import Secrets
from station.settings.loading import parse_settings
from tests.csms.tls import BareServer, Identity, issue, make_authority, server_context
from tests.given import station

KEY = "0123456789abcdef0123"


class TlsCsms:
    """A CSMS on loopback that notes credentials, TLS version and wanted extensions of each connection."""

    def __init__(self) -> None:
        self.port = 0
        self.headers: list[str | None] = []
        self.versions: list[str] = []
        self.extensions: list[str | None] = []

    async def handle(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.headers.append(socket.request.headers.get("Authorization"))
        self.extensions.append(socket.request.headers.get("Sec-WebSocket-Extensions"))
        self.versions.append(socket.transport.get_extra_info("ssl_object").version())
        await socket.wait_closed()


@contextlib.asynccontextmanager
async def serving(context: ssl.SSLContext) -> AsyncIterator[TlsCsms]:
    csms = TlsCsms()
    options: dict[str, Any] = {"ssl": context, "subprotocols": [Subprotocol("ocpp1.6")]}
    async with serve(csms.handle, "127.0.0.1", 0, ping_interval=None, **options) as server:
        csms.port = server.sockets[0].getsockname()[1]
        yield csms


def link_to(
    csms: TlsCsms | BareServer, directory: Path, authority: Identity
) -> tuple[CsmsLink, "asyncio.Queue[Observation]"]:
    """A link of security profile 2 that trusts an authority, and what it tells."""
    key_file = directory / "key"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    text = (
        f'[station]\nidentity = "CB-1"\n[csms]\nurl = "wss://127.0.0.1:{csms.port}/ocpp"\nsecurity_profile = 2\n'
        f'ca_file = "{authority.certificate_file}"\nauthorization_key_file = "{key_file}"\n'
    )
    told: asyncio.Queue[Observation] = asyncio.Queue()
    secrets = Secrets(directory)
    return CsmsLink(parse_settings(text, "test"), SystemClock(), secrets, told.put_nowait, lambda: True), told


def knowing(utc_ms: int | None = None, *, trusted: bool = True) -> StationState:
    """A station that has booted by this time, or by that of this machine."""
    found = station(security_profile=2)
    found.offset_ms, found.trusted = time.time_ns() // 1_000_000 if utc_ms is None else utc_ms, trusted
    return found.boot().state


async def next_of(told: "asyncio.Queue[Observation]", kind: type[Observation]) -> Any:
    """The next observation, which must be of this kind; what is said of the roots is passed over, unless it is asked for."""
    async with asyncio.timeout(60):
        while isinstance(found := await told.get(), RootsFound | CsmsRootProven) and not isinstance(found, kind):
            pass
    assert isinstance(found, kind), found
    return found


@pytest.mark.asyncio
async def test_the_credentials_go_over_tls_to_a_csms_that_the_trust_anchor_vouches_for(tmp_path: Path) -> None:
    """OCPP-J 6.2.1, 6.2.2: TLS 1.2 at least; user name is the identity, password the bytes of the key."""
    authority = make_authority(tmp_path)
    async with serving(server_context(issue(tmp_path, authority))) as csms:
        link, told = link_to(csms, tmp_path, authority)
        link.publish(knowing(), ())
        [root] = (await next_of(told, RootsFound)).settings
        await next_of(told, LinkOpened)
        assert (await next_of(told, CsmsRootProven)).root == root.fingerprint
        assert csms.headers == ["Basic " + base64.b64encode(f"CB-1:{KEY}".encode()).decode()]
        assert csms.versions[0] in ("TLSv1.2", "TLSv1.3")
        assert csms.extensions == [None], "no compression is asked for (OCPP-J 5.1)"
        await link.close()
        await next_of(told, LinkClosed)


@pytest.mark.asyncio
async def test_a_csms_that_nobody_vouches_for_never_sees_the_credentials(tmp_path: Path) -> None:
    """OCPP-J 6.2.1: the certificate is what the CSMS is known by."""
    own, stranger = tmp_path / "own", tmp_path / "stranger"
    own.mkdir()
    stranger.mkdir()
    async with serving(server_context(issue(stranger, make_authority(stranger, name="another authority")))) as csms:
        link, told = link_to(csms, own, make_authority(own))
        link.publish(knowing(), ())
        await next_of(told, RootsFound)
        assert (await next_of(told, TlsFailed)).type == "InvalidCentralSystemCertificate"
        assert "certificate" in (await next_of(told, ConnectFailed)).reason.lower()
        assert csms.headers == []
        await link.close()
