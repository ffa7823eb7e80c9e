"""Requests to the service: an answer, or the JSON of an error; and afterwards it serves the next one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import orjson
import pytest

from station.service.access import Tokens
from station.service.context import ServiceContext
from station.service.server import Listener, bind, serve
from station.settings.loading import parse_settings
from tests.fuzz.engine import Target, both, fuzz_live
from tests.unit.station.service.stations import served, settings_in

KNOWN = {200, 400, 403, 404, 405, 406, 408, 409, 411, 413, 414, 415, 417, 422, 429, 431, 500, 501, 503, 505}
BODIES = (
    b"POST /bench/connectors/1/plug {}",
    b'POST /bench/tag {"idTag":"04A2B3C4","connector":1}',
    b'POST /bench/emergency-stop {"pressed":true}',
    b'POST /api/data-transfer {"vendorId":"org.example","messageId":"m","data":"x"}',
    b"GET /api/events?after=0&limit=10 ",
    b"GET /api/composite-schedule?connectorId=1&duration=600&unit=A ",
    b"GET /api/state ",
    b"GET /metrics ",
    b"GET /healthz ",
)
RAW = (
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n",
    b'POST /api/data-transfer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"vendorId":"a"}',
    b"POST /bench/tag HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{}  \r\n0\r\n\r\n",
    b"OPTIONS * HTTP/1.0\r\nHost: 127.0.0.1\r\nOrigin: http://localhost:3000\r\nConnection: keep-alive, Upgrade\r\nExpect: 100-continue\r\n\r\n",
)
WORDS = (
    b"HTTP/9.9",
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"%00",
    b"%ff",
    b"..%2f",
    b"?",
    b"#",
    b"Content-Length: 99999999999\r\n",
    b"Host: evil\r\n",
    b"{" * 40,
)


def as_request(content: bytes) -> tuple[str, str, bytes]:
    """Method, path and body of an input; a client of ours sends it, so the first two must be such as can be sent."""
    method, _, rest = content.partition(b" ")
    path, _, body = rest.partition(b" ")
    name = "".join(letter for letter in method.decode(errors="ignore") if letter.isascii() and letter.isalpha())[:12]
    return name or "GET", "/" + "".join(map(chr, (each for each in path if 32 < each < 127))).lstrip("/"), body


@both
@pytest.mark.asyncio
async def test_a_request_is_answered_or_refused_in_json(tmp_path: Path, long: bool) -> None:
    async with served(tmp_path) as station:

        async def check(content: bytes) -> None:
            method, path, body = as_request(content)
            try:
                response = await station.http.request(method, path, content=body)
            except httpx2.InvalidURL:
                return
            assert response.status_code in KNOWN - {500}, response.text
            if response.status_code >= 400 and method != "HEAD":
                assert isinstance(orjson.loads(response.content)["error"], str)

        await fuzz_live(Target(name="request", corpus=BODIES, check=len), check, tmp_path, long=long)
        assert (await station.http.get("/healthz")).status_code == 200


@contextlib.asynccontextmanager
async def listening(directory: Path) -> AsyncIterator[int]:
    """The real server; its port."""
    settings = '[station]\nidentity="A"\n[csms]\nurl="ws://h"\n[service]\nlisten="127.0.0.1:0"\n'
    async with served(directory) as station:
        context = ServiceContext(
            station=station.station,
            board=station.board,
            link=station.link,
            settings=settings_in(directory),
            on_mains_lost=lambda: None,
        )
        bound = bind(parse_settings(settings, "cb.toml"))
        assert bound is not None
        port, listens = bound.port, asyncio.Event()
        task = asyncio.create_task(
            serve(Listener(socket=bound.socket, tokens=Tokens()), context, on_listening=listens.set)
        )
        await listens.wait()
        try:
            yield port
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def spoken(port: int, content: bytes) -> bytes:
    """What comes back for these bytes and an end of what is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(content)
        await writer.drain()
        writer.write_eof()
        return await reader.read()
    except (ConnectionError, OSError):
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, OSError):
            await writer.wait_closed()


@both
@pytest.mark.asyncio
async def test_whatever_comes_over_a_socket_the_next_request_is_served(tmp_path: Path, long: bool) -> None:
    async with listening(tmp_path) as port:

        async def check(content: bytes) -> None:
            answer = await spoken(port, content)
            assert not answer or answer.startswith(b"HTTP/1.1 "), answer[:200]
            assert not answer.startswith(b"HTTP/1.1 500"), answer[:200]

        target = Target(name="socket", corpus=RAW, check=len, tokens=WORDS, cases=150)
        await fuzz_live(target, check, tmp_path, long=long)
        assert (await spoken(port, RAW[0])).startswith(b"HTTP/1.1 200")
