"""The opening of the WebSocket: every address of the CSMS within one attempt, redirects, and what a refusal tells."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from station.runtime.dialing import Dialer
from station.runtime.tls import client_context
from station.runtime.websocket import (
    WebSocketTerms,
    hint_for,
    identity_doubled,
    open_websocket,
    refusal_status,
    wait_asked_s,
)
from station.settings.loading import parse_settings
from tests.csms.tls import issue, make_authority, server_context
from tests.names import Names, dull, swallowing

pytestmark = pytest.mark.asyncio
LATEST_S = 20


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    found = Names(monkeypatch)
    found.known["csms.test"] = ("127.0.0.2", "127.0.0.1")
    return found


class Csms:
    """What it was asked, and how it answers: `status` 0 opens."""

    def __init__(self, status: int = 0, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.headers = status, headers or {}
        self.seen: list[Request] = []
        self.port = 0

    def process(self, connection: ServerConnection, request: Request) -> Response | None:
        self.seen.append(request)
        if not self.status:
            return None
        return Response(self.status, HTTPStatus(self.status).phrase, Headers({"Content-Length": "0", **self.headers}))


@contextlib.asynccontextmanager
async def serving(csms: Csms, tls: ssl.SSLContext | None = None) -> AsyncIterator[Csms]:
    async def stay(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(
        stay,
        "127.0.0.1",
        0,
        subprotocols=[Subprotocol("ocpp1.6")],
        process_request=csms.process,
        ssl=tls,
    ) as server:
        csms.port = next(iter(server.sockets)).getsockname()[1]
        yield csms


def opening(tls: ssl.SSLContext | None = None, timeout_s: float = LATEST_S) -> WebSocketTerms:
    return WebSocketTerms(
        tls=tls, headers={"Authorization": "Basic eA=="}, timeout_s=timeout_s, options={"close_timeout": 1}
    )


async def opened(url: str, how: WebSocketTerms | None = None, dialer: Dialer | None = None) -> str:
    """The address that the open WebSocket leads to."""
    async with asyncio.timeout(2 * LATEST_S):
        connection = await open_websocket(url, how or opening(), dialer or Dialer())
    address = str(connection.remote_address[0])
    await connection.close()
    return address


async def test_a_csms_is_reached_though_its_first_address_swallows_packets(names: Names) -> None:
    async with serving(Csms()) as csms:
        with swallowing("127.0.0.2", csms.port):
            assert await opened(f"ws://csms.test:{csms.port}/ocpp/CB") == "127.0.0.1"
    assert csms.seen[0].headers["Host"] == f"csms.test:{csms.port}"


@pytest.mark.parametrize("hangs_up", [True, False])
async def test_a_csms_is_reached_though_its_first_address_says_no_word(names: Names, hangs_up: bool) -> None:
    dialer = Dialer()
    async with serving(Csms()) as csms, dull("127.0.0.2", csms.port, hangs_up=hangs_up) as taken:
        how = opening(timeout_s=3)
        url = f"ws://csms.test:{csms.port}/ocpp/CB"
        assert await opened(url, how, dialer) == "127.0.0.1"
        assert await opened(url, how, dialer) == "127.0.0.1"
    assert len(taken) == 1, "the next attempt begins with the address that is good"


async def test_one_handshake_is_under_way_at_a_time_and_each_address_gets_one(names: Names) -> None:
    async with serving(Csms()) as csms, dull("127.0.0.2", csms.port, hangs_up=True) as taken:
        names.known["csms.test"] = ("127.0.0.2", "127.0.0.2")
        with pytest.raises((OSError, EOFError, Exception)) as caught:
            await opened(f"ws://csms.test:{csms.port}/ocpp/CB")
    assert refusal_status(caught.value) == 0
    assert (len(taken), csms.seen) == (1, [])


async def test_what_answers_by_http_is_the_csms_and_no_other_address_is_asked(names: Names) -> None:
    names.known["csms.test"] = ("127.0.0.1", "127.0.0.2")
    async with serving(Csms(403)) as csms, dull("127.0.0.2", csms.port, hangs_up=True) as taken:
        with pytest.raises(InvalidStatus) as caught:
            await opened(f"ws://csms.test:{csms.port}/ocpp/CB")
    assert (refusal_status(caught.value), len(csms.seen), taken) == (403, 1, [])


async def test_the_certificate_is_checked_by_the_name_at_each_address(names: Names, tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    names.known["other.test"] = names.known["csms.test"]
    tls = server_context(issue(tmp_path, authority, name="csms.test"))
    trusting = opening(client_context(authority.certificate_file))
    async with serving(Csms(), tls) as csms, dull("127.0.0.2", csms.port, hangs_up=True):
        assert await opened(f"wss://csms.test:{csms.port}/ocpp", trusting) == "127.0.0.1"
        with pytest.raises(OSError):  # noqa: PT011  # the first address's failure is told
            await opened(f"wss://other.test:{csms.port}/ocpp", trusting)
        names.known["other.test"] = ("127.0.0.1",)
        with pytest.raises(ssl.SSLCertVerificationError):
            await opened(f"wss://other.test:{csms.port}/ocpp", trusting)
    assert len(csms.seen) == 1


@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_a_redirect_is_followed_and_another_origin_does_not_get_the_password(scheme: str) -> None:
    async with serving(Csms()) as target, serving(Csms(307)) as csms:
        csms.headers = {"Location": "/there"}
        with pytest.raises(ConnectionError, match="more than 10 times"):
            await opened(f"ws://127.0.0.1:{csms.port}/ocpp/CB")
        assert {request.headers.get("Authorization") for request in csms.seen} == {"Basic eA=="}
        csms.headers = {"Location": f"{scheme}://127.0.0.1:{target.port}/new/CB?x=1"}
        assert await opened(f"ws://127.0.0.1:{csms.port}/ocpp/CB") == "127.0.0.1"
    assert target.seen[0].path == "/new/CB?x=1"
    assert "Authorization" not in target.seen[0].headers


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("ftp://h/x", "the protocol 'ftp'"),
        ("http://127.0.0.1:1/x", "from wss to ws"),
        ("ws://127.0.0.1:1/x", "from wss to ws"),
    ],
)
async def test_a_redirect_leads_to_no_other_protocol_and_not_out_of_tls(
    tmp_path: Path, location: str, why: str
) -> None:
    authority = make_authority(tmp_path)
    tls = server_context(issue(tmp_path, authority))
    async with serving(Csms(302, {"Location": location}), tls) as csms:
        with pytest.raises(ConnectionError, match=why):
            await opened(f"wss://localhost:{csms.port}/ocpp", opening(client_context(authority.certificate_file)))


@pytest.mark.parametrize(
    ("status", "text", "asked_s"),
    [(503, "7", 7), (429, "7", 7), (503, "99999999999999", 3600), (503, "soon", 0), (404, "7", 0)],
)
async def test_retry_after_is_read_where_it_says_later(status: int, text: str, asked_s: int) -> None:
    async with serving(Csms(status, {"Retry-After": text})) as csms:
        with pytest.raises(InvalidStatus) as caught:
            await opened(f"ws://127.0.0.1:{csms.port}/ocpp")
    assert wait_asked_s(caught.value) == asked_s
    assert wait_asked_s(OSError()) == 0


@pytest.mark.parametrize(
    ("url", "doubled"),
    [
        ("ws://h/ocpp/CB%201", True),
        ("ws://h/ocpp/CB 1/?a=b".replace(" ", "%20"), True),
        ("ws://h/ocpp", False),
        ("ws://h", False),
    ],
)
async def test_a_url_that_ends_in_the_identity_is_hinted_at(url: str, doubled: bool) -> None:
    settings = parse_settings(f'[station]\nidentity="CB 1"\n[csms]\nurl="{url}"', "cb.toml")
    assert bool(identity_doubled(settings)) is doubled
    assert ("leave it out" in hint_for(settings, 404)) is doubled
    assert "password" in hint_for(settings, 401)
    assert hint_for(settings, 403)
    assert hint_for(settings, 500) == ""
