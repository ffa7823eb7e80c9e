import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from station.doctor.csms import csms_findings
from station.doctor.findings import Finding, Level
from station.settings.loading import Settings, parse_settings
from tests.csms.tls import issue, make_authority, server_context
from tests.daemon import free_port
from tests.names import Names, swallowing


def at(url: str, **csms: Any) -> Settings:
    """The settings of a station whose CSMS is there."""
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in csms.items())
    return parse_settings(f'[station]\nidentity="CB 1"\n[csms]\nurl="{url}"\n{lines}', "cb.toml")


async def look(settings: Settings, *, running: bool = False, timeout_s: float = 3) -> list[Finding]:
    return [finding async for finding in csms_findings(settings, running=running, timeout_s=timeout_s)]


async def _quiet(connection: ServerConnection) -> None:
    await connection.wait_closed()


@contextlib.asynccontextmanager
async def csms(
    *, subprotocols: Any = ("ocpp1.6",), status: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Any]:
    """A CSMS that opens WebSockets, or answers with an HTTP status; yields its port and the requests it saw."""
    seen: list[Request] = []

    def process(connection: ServerConnection, request: Request) -> Response | None:
        seen.append(request)
        return connection.respond(HTTPStatus(status), "") if status else None

    async with serve(_quiet, "127.0.0.1", 0, subprotocols=subprotocols, process_request=process, ssl=tls) as server:
        yield next(iter(server.sockets)).getsockname()[1], seen


@pytest.mark.asyncio
async def test_a_csms_that_opens_is_well_and_sees_the_identity_and_the_password(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"hex:00ff\n")
    async with csms() as (port, seen):
        settings = at(f"ws://127.0.0.1:{port}/ocpp", security_profile=1, authorization_key_file=str(key))
        found = await look(settings)
    assert [finding.level for finding in found] == [Level.OK, Level.OK]
    assert seen[0].path == "/ocpp/CB%201"
    assert seen[0].headers["Authorization"] == "Basic Q0IgMToA/w=="


@pytest.mark.asyncio
async def test_while_a_daemon_runs_its_identity_is_not_used_twice() -> None:
    async with csms() as (port, seen):
        found = await look(at(f"ws://127.0.0.1:{port}/ocpp"), running=True)
    assert [finding.level for finding in found] == [Level.OK, Level.OK]
    assert "not tried" in found[-1].text
    assert [request for request in seen if "websocket" in request.headers.get("Upgrade", "")] == []


@pytest.mark.asyncio
async def test_nobody_there_is_a_warning() -> None:
    (finding,) = await look(at(f"ws://127.0.0.1:{free_port()}/ocpp"))
    assert (finding.level, "cannot be reached" in finding.text) == (Level.WARNING, True)
    (finding,) = await look(at("ws://no-such-host.invalid/ocpp"))
    assert finding.level is Level.WARNING


@pytest.mark.asyncio
async def test_a_host_that_keeps_silent_is_a_warning_in_time() -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError):
                await reader.read()
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await look(at(f"ws://127.0.0.1:{port}/ocpp"), timeout_s=0.2)
        await asyncio.sleep(0)  # both ends hear of it
    assert (found[-1].level, "not opened" in found[-1].text) == (Level.WARNING, True)


@pytest.mark.asyncio
@pytest.mark.parametrize(("status", "says"), [(401, "Basic password"), (404, "path or identity"), (503, "operator")])
async def test_a_refusal_is_a_fault_that_says_where_to_look(status: int, says: str) -> None:
    async with csms(status=status) as (port, _):
        found = await look(at(f"ws://127.0.0.1:{port}/ocpp"))
    assert (found[-1].level, f"HTTP {status}" in found[-1].text, says in found[-1].advice) == (Level.FAULT, True, True)


@pytest.mark.asyncio
async def test_an_endpoint_without_the_subprotocol_is_a_fault() -> None:
    async with csms(subprotocols=None) as (port, _):
        found = await look(at(f"ws://127.0.0.1:{port}/ocpp"))
    assert (found[-1].level, "subprotocol" in found[-1].text) == (Level.FAULT, True)


@pytest.mark.asyncio
async def test_certificates_are_checked_as_the_link_does(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    other = make_authority(tmp_path, name="another authority")
    server = server_context(issue(tmp_path, authority))
    async with csms(tls=server) as (port, _):
        url = f"wss://localhost:{port}/ocpp"
        found = await look(at(url, ca_file=str(authority.certificate_file)))
        assert [finding.level for finding in found] == [Level.OK] * len(found)
        assert found[-2].text.startswith("TLSv1.")
        found = await look(at(url, ca_file=str(other.certificate_file)))
        assert (found[-1].level, "certificate is not accepted" in found[-1].text) == (Level.FAULT, True)
        found = await look(at(f"wss://127.0.0.1:{port}/ocpp", ca_file=str(tmp_path / "none")))
        assert found[-1].level is Level.FAULT


@pytest.mark.asyncio
async def test_a_port_without_tls_is_a_fault() -> None:
    async with csms() as (port, _):
        found = await look(at(f"wss://127.0.0.1:{port}/ocpp"))
    assert (found[-1].level, found[-1].text.startswith("TLS fails")) == (Level.FAULT, True)


@pytest.mark.asyncio
async def test_a_csms_whose_first_address_is_dead_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    Names(monkeypatch).known["csms.test"] = ("127.0.0.2", "127.0.0.1")
    async with csms() as (port, _):
        with swallowing("127.0.0.2", port):
            found = await look(at(f"ws://csms.test:{port}/ocpp"), timeout_s=20)
    assert [finding.level for finding in found] == [Level.OK, Level.OK, Level.OK]
    assert "127.0.0.2, 127.0.0.1" in found[0].text


@pytest.mark.asyncio
async def test_a_url_that_ends_in_the_identity_is_a_warning_and_its_query_is_withheld() -> None:
    async with csms(status=404) as (port, seen):
        found = await look(at(f"ws://127.0.0.1:{port}/ocpp/CB%201?token=abc"))
    assert seen[0].path == "/ocpp/CB%201/CB%201?token=abc"
    assert (found[0].level, "leave it out" in found[0].advice) == (Level.WARNING, True)
    assert (found[-1].level, "leave it out" in found[-1].advice) == (Level.FAULT, True)
    assert "abc" not in "".join(f"{finding.text}{finding.advice}" for finding in found)
