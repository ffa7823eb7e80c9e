import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from station.service.access import Tokens
from station.service.context import ServiceContext
from station.service.server import GRACE_S, AddressTaken, Listener, ListenError, bind, serve
from station.settings.loading import Settings, SettingsError, parse_settings
from tests.unit.station.service.stations import served, settings_in


def listening_on(listen: str, token_file: str = "") -> Settings:
    text = f'[station]\nidentity="A"\n[csms]\nurl="ws://h"\n[service]\nlisten="{listen}"\ntoken_file="{token_file}"\n'
    return parse_settings(text, "cb.toml")


@contextlib.asynccontextmanager
async def serving(directory: Path, token: bytes | None = None) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    """The real server on a port of its own."""
    async with served(directory) as station:
        context = ServiceContext(
            station=station.station,
            board=station.board,
            link=station.link,
            settings=settings_in(directory),
            on_mains_lost=lambda: None,
        )
        bound = bind(listening_on("127.0.0.1:0"))
        assert bound is not None
        listener = Listener(socket=bound.socket, tokens=Tokens(acting=token))
        port, listens = listener.port, asyncio.Event()
        task = asyncio.create_task(serve(listener, context, on_listening=listens.set))
        await listens.wait()
        try:
            yield f"http://127.0.0.1:{port}", task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def test_a_taken_address_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(AddressTaken, match=listen):
            bind(listening_on(listen))


def test_an_address_is_taken_from_the_moment_it_is_bound() -> None:
    first = bind(listening_on("127.0.0.1:0"))
    assert first is not None
    settings = listening_on(f"127.0.0.1:{first.port}")
    with contextlib.closing(first), pytest.raises(AddressTaken):
        bind(settings)
    again = bind(settings)
    assert again is not None
    again.close()


def test_an_address_that_is_not_ours_is_named(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")
    with pytest.raises(ListenError, match=r"192\.0\.2\.1:80: Cannot assign") as caught:
        bind(listening_on("192.0.2.1:80", str(token)))
    assert not isinstance(caught.value, AddressTaken)


def test_an_empty_address_switches_the_service_off() -> None:
    assert bind(listening_on("")) is None


def test_a_token_file_that_is_missing_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="token_file"):
        bind(listening_on("127.0.0.1:0", str(tmp_path / "none")))


@pytest.mark.asyncio
async def test_it_answers_over_the_network_and_stops_when_cancelled(tmp_path: Path) -> None:
    async with serving(tmp_path) as (url, task):
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
            assert (await http.get("/healthz")).json() == {"status": "ok"}
            assert (await http.get("/api/state")).json()["log"]["last_seq"] > 0
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
            with pytest.raises(httpx2.ConnectError):
                await http.get("/healthz")


@pytest.mark.asyncio
async def test_it_can_be_stopped_before_anybody_asked(tmp_path: Path) -> None:
    async with serving(tmp_path) as (url, task):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        bound = bind(listening_on(url.removeprefix("http://")))
        assert bound is not None
        bound.close()


@pytest.mark.asyncio
async def test_a_request_that_never_ends_does_not_hold_up_the_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as (url, task):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"POST /bench/swipe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
            assert (await http.get("/healthz")).status_code == 200
        task.cancel()
        async with asyncio.timeout(GRACE_S + 5):
            with contextlib.suppress(asyncio.CancelledError):
                await task
        assert b"503" in await reader.readline()
        writer.transport.abort()
        assert caplog.records == []


@pytest.mark.asyncio
async def test_a_server_that_fails_gives_its_address_up_and_ends_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(tmp_path) as station:
        context = ServiceContext(
            station=station.station,
            board=None,
            link=station.link,
            settings=settings_in(tmp_path),
            on_mains_lost=lambda: None,
        )
        datagrams = socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM
        )  # readable, and nothing that a server can listen on
        datagrams.bind(("127.0.0.1", 0))
        datagrams.setblocking(False)
        task = asyncio.create_task(
            serve(Listener(socket=datagrams, tokens=Tokens()), context, on_listening=lambda: None)
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"?", datagrams.getsockname())
        async with asyncio.timeout(60):
            while datagrams.fileno() != -1:  # noqa: ASYNC110  # a closed socket announces itself to nobody
                await asyncio.sleep(0.01)
        assert not task.done()
        assert "the station goes on without it" in caplog.text
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.asyncio
async def test_it_leaves_the_signal_handlers_alone(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with serving(tmp_path) as (url, _), httpx2.AsyncClient(base_url=url, trust_env=False) as http:
        assert (await http.get("/healthz")).status_code == 200
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


@pytest.mark.asyncio
async def test_a_body_that_is_too_large_is_refused_while_it_comes(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 1024

    async with serving(tmp_path) as (url, _), httpx2.AsyncClient(base_url=url, trust_env=False) as http:
        response = await http.post("/bench/swipe", content=endless())
        assert (response.status_code, response.json()) == (413, {"error": "the body is larger than 65536 bytes"})
        assert (await http.get("/healthz")).status_code == 200


@pytest.mark.asyncio
async def test_with_a_token_nothing_is_served_without_it(tmp_path: Path) -> None:
    async with serving(tmp_path, b"s3cret") as (url, _), httpx2.AsyncClient(base_url=url, trust_env=False) as http:
        for path in ("/healthz", "/api/state", "/metrics", "/nothing"):
            response = await http.get(path)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
        headers = {"authorization": "Bearer s3cret", "host": "station.local"}
        assert (await http.get("/healthz", headers=headers)).status_code == 200


def test_importing_the_server_loads_no_web_framework() -> None:
    code = "import sys, station.service.server, station.service.context\n"
    code += "print([m for m in ('starlette', 'uvicorn', 'anyio', 'marshmallow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
