"""One connection of the real server: its deadlines, and that every error is JSON."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import h11
import pytest
import pytest_asyncio

from station.service import connections
from tests.unit.station.service.test_server import serving

SOON_S = 0.2
WITHIN_S = 60.0
"""Far more than any of this takes; nothing is measured."""


class Caller:
    """A client that says what it likes, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)

    async def heard(self, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """The next answer."""
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
        parser.send(h11.EndOfMessage())
        status, headers, body = 0, {}, b""
        async with asyncio.timeout(WITHIN_S):
            while True:
                event = parser.next_event()
                if event is h11.NEED_DATA:
                    parser.receive_data(await self.reader.read(65536))
                elif isinstance(event, h11.Response):
                    status = event.status_code
                    headers = {name.decode(): value.decode() for name, value in event.headers}
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    return status, headers, body

    async def refused(self, method: str = "GET") -> tuple[int, str]:
        """The status and the text of an error, which must be JSON; the connection ends with it."""
        status, headers, body = await self.heard(method)
        assert headers["content-type"] == "application/json", (status, body)
        document: Any = json.loads(body)
        assert list(document) == ["error"]
        return status, document["error"]

    async def ended(self) -> bytes:
        """What still comes until the other side ends it."""
        async with asyncio.timeout(WITHIN_S):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


class Service:
    """The address of a running server."""

    def __init__(self, url: str) -> None:
        self.port = int(url.rpartition(":")[2])

    @contextlib.asynccontextmanager
    async def call(self, *pieces: bytes) -> AsyncIterator[Caller]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        caller = Caller(reader, writer)
        caller.say(*pieces)
        try:
            yield caller
        finally:
            writer.transport.abort()


@pytest_asyncio.fixture
async def service(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Service]:
    async with serving(tmp_path) as (url, _):
        yield Service(url)
    assert [record for record in caplog.records if record.exc_info] == [], "nothing that is sent is a bug"


NO_HTTP = {
    "garbage": b"\x00\x01\x02\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60) + b"\r\n\r\n",
    "a missing Host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a bad header": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
    "a bad length": b"POST /bench/swipe HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST /bench/swipe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a bad target": b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.asyncio
@pytest.mark.parametrize("sent", [pytest.param(sent, id=name) for name, sent in NO_HTTP.items()])
async def test_what_is_no_http_is_refused_in_json(service: Service, sent: bytes) -> None:
    async with service.call(sent) as caller:
        status, text = await caller.refused()
        assert (status, "HTTP" in text) == (400, True)
        assert await caller.ended() == b""


@pytest.mark.asyncio
async def test_a_head_that_is_too_large_is_refused_in_json_while_it_comes(service: Service) -> None:
    filler = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(600))
    async with service.call(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", filler) as caller:
        assert (await caller.refused())[0] == 431


@pytest.mark.asyncio
async def test_a_coding_that_is_not_known_is_refused_in_json(service: Service) -> None:
    sent = b"POST /bench/swipe HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n"
    async with service.call(sent) as caller:
        assert (await caller.refused())[0] == 501


@pytest.mark.asyncio
@pytest.mark.parametrize("path", [b"/bench/swipe", b"/nothing", b"/healthz"])
async def test_a_bad_chunk_is_refused_in_json_or_the_answer_was_sent_before(service: Service, path: bytes) -> None:
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" % path
    async with service.call(head, b"zz\r\nnot a chunk\r\n") as caller:
        assert (await caller.refused("POST"))[0] in (400, 404, 405)
        await caller.ended()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("request_line", "expected"),
    [
        (b"OPTIONS * HTTP/1.1", 404),
        (b"OPTIONS /healthz HTTP/1.1", 405),
        (b"TRACE /healthz HTTP/1.1", 405),
        (b"CONNECT example.org:443 HTTP/1.1", 404),
        (b"GET http://127.0.0.1/nothing HTTP/1.1", 404),
        (b"BREW /api/state HTTP/1.1", 405),
        (b"PRI * HTTP/2.0", 404),
    ],
)
async def test_a_method_or_target_that_nothing_answers_is_refused_in_json(
    service: Service, request_line: bytes, expected: int
) -> None:
    async with service.call(request_line, b"\r\nHost: localhost\r\n\r\n") as caller:
        assert (await caller.refused())[0] == expected


@pytest.mark.asyncio
async def test_an_upgrade_is_not_taken_up_and_the_request_is_answered(service: Service) -> None:
    for protocol in (b"websocket", b"h2c"):
        asks = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n" % protocol
        async with service.call(asks) as caller:
            status, _, body = await caller.heard()
            assert (status, json.loads(body)) == (200, {"status": "ok"})


@pytest.mark.asyncio
async def test_a_head_request_has_the_head_of_the_answer_and_no_body(service: Service) -> None:
    for path, expected in ((b"/healthz", 200), (b"/nothing", 404)):
        async with service.call(b"HEAD %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path) as caller:
            status, headers, body = await caller.heard("HEAD")
            assert (status, headers["content-type"], body) == (expected, "application/json", b"")
            assert await caller.ended() == b""


@pytest.mark.asyncio
async def test_a_silent_connection_is_closed_without_a_word(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_S", SOON_S)
    async with service.call() as silent:
        assert await silent.ended() == b""
    async with service.call(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") as kept:
        assert (await kept.heard())[0] == 200
        assert await kept.ended() == b"", "an old answer keeps no connection open"


async def trickle(caller: Caller, piece: bytes) -> None:
    """Says something again and again, until nobody listens."""
    with contextlib.suppress(ConnectionError):
        while True:
            caller.say(piece)
            await caller.writer.drain()
            await asyncio.sleep(SOON_S / 10)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sent", "piece"),
    [
        pytest.param(b"GET /healthz HT", b"", id="half a line"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", b"", id="half a head"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n", id="a head without end"),
    ],
)
async def test_a_head_has_a_deadline_that_single_bytes_do_not_put_off(
    service: Service, monkeypatch: pytest.MonkeyPatch, sent: bytes, piece: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", SOON_S)
    async with service.call(sent) as caller:
        trickling = asyncio.create_task(trickle(caller, piece))
        status, text = await caller.refused()
        assert (status, "head" in text) == (408, True)
        trickling.cancel()
        await asyncio.gather(trickling, return_exceptions=True)


@pytest.mark.asyncio
async def test_a_body_has_a_deadline_that_single_bytes_do_not_put_off(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BODY_S", SOON_S)
    head = b"POST /bench/swipe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n{"
    async with service.call(head) as caller:
        trickling = asyncio.create_task(trickle(caller, b" "))
        status, text = await caller.refused("POST")
        assert (status, "body" in text) == (408, True)
        trickling.cancel()
        await asyncio.gather(trickling, return_exceptions=True)


@pytest.mark.asyncio
async def test_a_body_that_nobody_asked_for_keeps_no_connection_open(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BODY_S", SOON_S)
    async with service.call(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n") as caller:
        assert (await caller.heard())[0] == 200
        trickling = asyncio.create_task(trickle(caller, b" "))
        await caller.ended()
        trickling.cancel()
        await asyncio.gather(trickling, return_exceptions=True)


@pytest.mark.asyncio
async def test_an_answer_that_is_not_taken_is_cut(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "TAKEN_S", SOON_S)
    lost = asyncio.Event()
    real = connections.Connection.connection_lost

    def connection_lost(self: connections.Connection, exc: Exception | None) -> None:
        real(self, exc)
        lost.set()

    monkeypatch.setattr(connections.Connection, "connection_lost", connection_lost)
    asks = b"GET /api/events?limit=10000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with service.call() as caller:
        reading: Any = caller.writer.transport
        reading.pause_reading()
        for _ in range(400):
            caller.say(asks)
        async with asyncio.timeout(WITHIN_S):
            await lost.wait()


@pytest.mark.asyncio
async def test_requests_that_are_sent_together_are_answered_in_order(service: Service) -> None:
    asks = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with service.call(asks) as caller:
        answers = (await caller.ended()).decode()
        assert answers.index("200 OK") < answers.index("404 Not Found")
