import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from station.demo.csms import Csms, Received

START = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-01-05T00:00:00Z"}


def link(csms: Csms) -> connect:
    return connect(f"{csms.url}/CB-DEMO", subprotocols=[Subprotocol("ocpp1.6")], proxy=None)


async def call(socket: ClientConnection, message_id: str, action: str, payload: Any) -> Any:
    await socket.send(json.dumps([2, message_id, action, payload]))
    answer = json.loads(await socket.recv())
    assert answer[:2] == [3, message_id]
    return answer[2]


@pytest.mark.asyncio
async def test_it_answers_every_call_and_records_it() -> None:
    async with Csms() as csms, link(csms) as socket:
        told: list[Received] = []
        csms.tell = told.append
        assert (await call(socket, "1", "BootNotification", {}))["status"] == "Accepted"
        assert (await call(socket, "2", "Authorize", {"idTag": "A"}))["idTagInfo"] == {"status": "Accepted"}
        assert "currentTime" in await call(socket, "3", "Heartbeat", {})
        assert await call(socket, "4", "MeterValues", {"connectorId": 1}) == {}
        assert await call(socket, "5", "DataTransfer", {"vendorId": "x"}) == {"status": "Accepted"}
    assert [each.action for each in told] == [each.action for each in csms.received]
    assert len(told) == 5


@pytest.mark.asyncio
async def test_a_repeated_start_keeps_its_transaction_id_on_another_connection() -> None:
    async with Csms() as csms:
        async with link(csms) as socket:
            first = await call(socket, "1", "StartTransaction", START)
            other = await call(socket, "2", "StartTransaction", START | {"connectorId": 2})
        async with link(csms) as socket:
            again = await call(socket, "1", "StartTransaction", START)
    assert (first["transactionId"], other["transactionId"], again["transactionId"]) == (9001, 9002, 9001)
    assert [(each.connection, each.repeated) for each in csms.received] == [(1, False), (1, False), (2, True)]


@pytest.mark.asyncio
async def test_what_is_no_call_is_passed_over() -> None:
    async with Csms() as csms, link(csms) as socket:
        for text in ("no json", "[]", '[3,"1",{}]', '[2,"1","Heartbeat"]'):
            await socket.send(text)
        assert "currentTime" in await call(socket, "1", "Heartbeat", {})
    assert len(csms.received) == 1
