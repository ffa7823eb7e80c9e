"""The test tools themselves: both CSMSs against small clients that are not the product."""

import asyncio
import json
import ssl
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aioftp
import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.csms import faulty
from tests.csms.faulty import FaultyCsms
from tests.csms.frames import utc_of, violations
from tests.csms.independent import CallError, Csms
from tests.csms.tls import issue, make_authority, server_context
from tests.daemon import merged, to_toml
from tests.file_servers import Protocol, bench_image, serve_files

STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
START = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}


async def dial(url: str, identity: str = "CB-0001", **options: Any) -> ClientConnection:
    """A bare station's link."""
    return await connect(
        f"{url}/{identity}",
        subprotocols=["ocpp1.6"],  # type: ignore[list-item]  # a NewType of str
        proxy=None,
        ping_interval=None,
        **options,
    )


async def exchange(socket: ClientConnection, message_id: str, action: str, payload: Any) -> Any:
    """Send a CALL, return the next frame."""
    await socket.send(json.dumps([2, message_id, action, payload]))
    return json.loads(await socket.recv())


@pytest.mark.asyncio
async def test_independent_csms_answers_by_default_and_by_script() -> None:
    async with Csms() as csms, await dial(csms.url) as socket:
        boot = await exchange(socket, "1", "BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"})
        assert boot[2]["status"] == "Accepted"
        assert abs((utc_of(boot[2]["currentTime"]) - csms.utc()).total_seconds()) < 5
        assert (await exchange(socket, "2", "StartTransaction", START))[2]["transactionId"] == 1001
        assert (await exchange(socket, "3", "StartTransaction", START))[2]["transactionId"] == 1002
        csms.answer("Authorize", {"idTagInfo": {"status": "Blocked"}}, CallError("InternalError", "no"))
        assert (await exchange(socket, "4", "Authorize", {"idTag": "A"}))[2] == {"idTagInfo": {"status": "Blocked"}}
        assert (await exchange(socket, "5", "Authorize", {"idTag": "A"}))[:3] == [4, "5", "InternalError"]
        assert (await exchange(socket, "6", "Authorize", {"idTag": "A"}))[2] == {"idTagInfo": {"status": "Accepted"}}
        await exchange(socket, "7", "StatusNotification", STATUS)
        frame = await csms.expect("StatusNotification", connector_id=1, status="Charging")
        assert frame.payload == STATUS
        csms.assert_conforming()


@pytest.mark.asyncio
async def test_independent_csms_sends_requests_and_reports_call_errors() -> None:
    async with Csms() as csms, await dial(csms.url) as socket:
        await csms.connected()
        request = asyncio.create_task(csms.request("RemoteStartTransaction", connector_id=1, id_tag="A"))
        _, message_id, action, payload = json.loads(await socket.recv())
        assert (action, payload) == ("RemoteStartTransaction", {"connectorId": 1, "idTag": "A"})
        await socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
        assert await request == {"status": "Accepted"}
        request = asyncio.create_task(csms.request("ClearCache"))
        _, message_id, _, _ = json.loads(await socket.recv())
        await socket.send(json.dumps([4, message_id, "NotSupported", "", {}]))
        with pytest.raises(CallError, match="NotSupported"):
            await request


@pytest.mark.asyncio
async def test_independent_csms_records_deviations_from_the_schemas() -> None:
    async with Csms() as csms, await dial(csms.url) as socket:
        await exchange(socket, "1", "StatusNotification", STATUS | {"status": "Busy"})
        await exchange(socket, "2", "StatusNotification", STATUS | {"timestamp": "2026-01-01 00:00"})
        with pytest.raises(AssertionError) as caught:
            csms.assert_conforming()
        assert "'Busy' is not one of" in str(caught.value)
        assert "no instant with a zone" in str(caught.value)


@pytest.mark.asyncio
async def test_independent_csms_checks_path_subprotocol_and_password() -> None:
    async with Csms(password=b"secret") as csms:
        with pytest.raises(InvalidStatus):
            await dial(csms.url)
        with pytest.raises(InvalidStatus):
            await dial(csms.url, "another")
        header = {"Authorization": "Basic Q0ItMDAwMTpzZWNyZXQ="}
        await (await dial(csms.url, additional_headers=header)).close()
        csms.gate.refuse_with = 503
        with pytest.raises(InvalidStatus):
            await dial(csms.url, additional_headers=header)
        assert [one.status for one in csms.gate.handshakes] == [401, 404, 101, 503]


@pytest.mark.asyncio
async def test_independent_csms_comes_back_on_its_port() -> None:
    async with Csms() as csms:
        socket = await dial(csms.url)
        await csms.connected()
        await csms.go_down()
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        with pytest.raises(ConnectionRefusedError):
            await dial(csms.url)
        await csms.come_up()
        await (await dial(csms.url)).close()


@pytest.mark.asyncio
async def test_independent_csms_speaks_tls(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    client = ssl.create_default_context(cafile=str(authority.certificate_file))
    async with Csms(tls=server_context(issue(tmp_path, authority))) as csms:
        assert csms.url.startswith("wss://")
        async with await dial(csms.url, ssl=client) as socket:
            assert (await exchange(socket, "1", "Heartbeat", {}))[0] == 3


@pytest.mark.asyncio
async def test_faulty_csms_follows_its_script() -> None:
    async with FaultyCsms() as csms, await dial(csms.url) as socket:
        csms.script(
            "Heartbeat",
            faulty.error("InternalError"),
            faulty.text("not json"),
            faulty.wrong_message_id(),
            faulty.doubled(),
            faulty.dripped(),
            faulty.payload(7),
        )
        assert (await exchange(socket, "1", "Heartbeat", {}))[2] == "InternalError"
        await socket.send('[2,"2","Heartbeat",{}]')
        assert await socket.recv() == "not json"
        assert (await exchange(socket, "3", "Heartbeat", {}))[1] != "3"
        first = await exchange(socket, "4", "Heartbeat", {})
        assert json.loads(await socket.recv()) == first
        assert (await exchange(socket, "5", "Heartbeat", {}))[1] == "5"
        assert (await exchange(socket, "6", "Heartbeat", {}))[2] == 7
        csms.always("Heartbeat", faulty.told_time(timedelta(days=-400)))
        told = (await exchange(socket, "7", "Heartbeat", {}))[2]["currentTime"]
        assert (csms.utc() - utc_of(told)).days == 400


@pytest.mark.asyncio
async def test_faulty_csms_holds_loses_and_cuts() -> None:
    async with FaultyCsms() as csms:
        socket = await dial(csms.url)
        csms.script("Heartbeat", faulty.lost(), faulty.held(), faulty.cut_mid_answer())
        await socket.send('[2,"1","Heartbeat",{}]')
        await socket.send('[2,"2","Heartbeat",{}]')
        await csms.until(lambda: csms.held, "the held call")
        await csms.release("Heartbeat")
        assert json.loads(await socket.recv())[1] == "2"
        await socket.send('[2,"3","Heartbeat",{}]')
        with pytest.raises(ConnectionClosed):
            await socket.recv()


def test_schemas_take_decimals_and_both_spellings_of_celsius() -> None:
    limit = {"startPeriod": 0, "limit": 8.1}
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [limit]}
    frame = json.loads(json.dumps({"status": "Accepted", "chargingSchedule": schedule}), parse_float=Decimal)
    assert violations("GetCompositeSchedule", "result", frame) == []
    for unit in ("Celsius", "Celcius"):
        values = [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "1", "unit": unit}]}]
        assert violations("MeterValues", "call", {"connectorId": 1, "meterValue": values}) == []


@pytest.mark.parametrize("protocol", ["ftp", "http"])
@pytest.mark.asyncio
async def test_file_servers_give_and_take(tmp_path: Path, protocol: Protocol) -> None:
    image = bench_image(model="Bench", version="2")
    async with serve_files(protocol, tmp_path / "files") as server:
        location = server.put("image.fwi", image)
        if protocol == "http":
            async with httpx2.AsyncClient(trust_env=False) as client:
                assert (await client.get(location)).content == image
                assert (await client.get(f"{server.url}/missing")).status_code == 404
                await client.put(f"{server.url}/up.log", content=b"up")
        else:
            port = int(server.url.rpartition(":")[2])
            async with aioftp.Client.context("127.0.0.1", port, "lab", "secret") as client:
                async with client.upload_stream("up.log") as stream:
                    await stream.write(b"up")
                async with client.download_stream("image.fwi") as stream:
                    assert await stream.read() == image
        assert server.received() == {"image.fwi": image, "up.log": b"up"}


def test_settings_are_layered_and_written_as_toml() -> None:
    layered = merged({"a": {"x": 1, "y": True}}, {"a": {"x": "é"}, "b": {}})
    assert to_toml(layered) == '[a]\nx = "é"\ny = true\n[b]\n'
