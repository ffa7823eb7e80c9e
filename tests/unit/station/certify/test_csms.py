"""The CSMS that is built in, on links that a test plays."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from station.certify.csms import LaboratoryCsms
from station.certify.failing import CaseFailed, RunEnded
from station.certify.ports import CallRefused

pytestmark = pytest.mark.asyncio
HEARTBEAT = json.dumps([2, "h1", "Heartbeat", {}])


@pytest_asyncio.fixture
async def csms() -> AsyncIterator[LaboratoryCsms]:
    async with LaboratoryCsms("CB 1", both_open_s=0.05) as opened:
        yield opened


def link(csms: LaboratoryCsms, identity: str = "CB%201", **how: Any) -> connect:
    subprotocols = how.pop("subprotocols", ["ocpp1.6"])
    return connect(f"{csms.url()}/{identity}", subprotocols=subprotocols, proxy=None, **how)


async def asked(socket: ClientConnection, action: str, **payload: Any) -> Any:
    await socket.send(json.dumps([2, action, action, payload]))
    kind, message_id, answer = json.loads(await socket.recv())
    assert (kind, message_id) == (3, action)
    return answer


async def test_everything_is_accepted_and_recorded_in_order(csms: LaboratoryCsms) -> None:
    async with link(csms) as socket:
        assert (await asked(socket, "BootNotification", chargePointVendor="a", chargePointModel="b"))[
            "status"
        ] == "Accepted"
        first = await asked(
            socket, "StartTransaction", connectorId=1, idTag="A", meterStart=0, timestamp="2026-01-01T00:00:00Z"
        )
        assert first == {"transactionId": 1001, "idTagInfo": {"status": "Accepted"}}
        assert await asked(socket, "StatusNotification", connectorId=1, errorCode="NoError", status="Available") == {}
    shown = [(frame.order, frame.outbound, frame.kind, frame.action) for frame in csms.frames[:4]]
    assert shown == [
        (0, False, "call", "BootNotification"),
        (1, True, "result", "BootNotification"),
        (2, False, "call", "StartTransaction"),
        (3, True, "result", "StartTransaction"),
    ]
    assert csms.deviations == []


async def test_scripted_answers_are_used_up_before_the_standing_one(csms: LaboratoryCsms) -> None:
    csms.always("Authorize", {"idTagInfo": {"status": "Blocked"}})
    csms.answer(
        "Authorize", {"idTagInfo": {"status": "Invalid"}}, lambda payload: {"idTagInfo": {"status": payload["idTag"]}}
    )
    async with link(csms) as socket:
        answers = [await asked(socket, "Authorize", idTag="Expired") for _ in range(3)]
        csms.forget_answers()
        answers.append(await asked(socket, "Authorize", idTag="x"))
    assert [each["idTagInfo"]["status"] for each in answers] == ["Invalid", "Expired", "Blocked", "Accepted"]


async def test_a_call_has_the_standards_names_and_its_answer_comes_back(csms: LaboratoryCsms) -> None:
    async with link(csms) as socket:
        asking = asyncio.create_task(csms.request("ReserveNow", connector_id=1, id_tag="A", parent_id_tag=None))
        kind, message_id, action, payload = json.loads(await socket.recv())
        assert (kind, action, payload) == (2, "ReserveNow", {"connectorId": 1, "idTag": "A"})
        await socket.send(json.dumps([3, message_id, {"status": "Occupied"}]))
        assert await asking == {"status": "Occupied"}
        refused = asyncio.create_task(csms.request("ClearCache"))
        _, message_id, _, _ = json.loads(await socket.recv())
        await socket.send(json.dumps([4, message_id, "NotSupported", "", {}]))
        with pytest.raises(CallRefused) as refusal:
            await refused
    assert refusal.value.code == "NotSupported"


async def test_without_a_connection_nothing_can_be_asked(csms: LaboratoryCsms) -> None:
    with pytest.raises(CaseFailed, match="the station is not connected"):
        await csms.request("ClearCache")


@pytest.mark.parametrize(
    ("frame", "deviation"),
    [
        ("no json", "no frame of OCPP-J: 'no json'"),
        (json.dumps([2, "1", "Fly", {}]), "call of no known action"),
        (json.dumps([2, "1", "Authorize", {}]), "Authorize call: "),
        (json.dumps([2, "1", "Heartbeat", {"more": 1}]), "Heartbeat call: "),
    ],
)
async def test_what_breaks_the_standard_is_noted(csms: LaboratoryCsms, frame: str, deviation: str) -> None:
    async with link(csms) as socket:
        await socket.send(frame)
        await csms.until(lambda: csms.deviations, "a deviation")
    assert deviation in csms.deviations[0]


@pytest.mark.parametrize(
    ("identity", "how", "status"),
    [
        ("CB-2", {}, 404),
        ("CB%201/x", {}, 404),
        ("CB%201", {"subprotocols": ["ocpp2.0.1"]}, 400),
        ("CB%201", {"additional_headers": {"Authorization": "Basic eHg6eXk="}}, 401),
    ],
)
async def test_who_is_not_the_station_is_refused(
    csms: LaboratoryCsms, identity: str, how: dict[str, Any], status: int
) -> None:
    if status == 401:
        csms.secure(None, b"secret")
    with pytest.raises(InvalidStatus) as refusal:
        async with link(csms, identity, **how):
            pass
    assert refusal.value.response.status_code == status
    assert csms.link_count == 0


async def test_the_password_is_the_bytes_behind_the_identity(csms: LaboratoryCsms) -> None:
    csms.secure(None, b"secret")
    header = "Basic " + base64.b64encode(b"CB 1:secret").decode()
    async with link(csms, additional_headers={"Authorization": header}) as socket:
        await asked(socket, "Heartbeat")
    assert csms.authorizations == [header]
    assert csms.paths == ["/ocpp/CB%201"]


async def test_a_second_station_of_the_same_identity_ends_the_run(csms: LaboratoryCsms) -> None:
    async with link(csms), link(csms):
        with pytest.raises(RunEnded, match=r"another station connects as CB 1 from 127\.0\.0\.1"):
            await csms.until(lambda: False, "nothing")


async def test_a_station_that_comes_back_before_its_old_connection_is_gone_is_the_same(csms: LaboratoryCsms) -> None:
    async with link(csms) as old, link(csms) as new:
        await old.close()
        await asyncio.sleep(0.1)
        await asked(new, "Heartbeat")
    assert (csms.intrusion, csms.link_count) == ("", 2)


async def test_it_goes_down_and_comes_up_at_the_same_address(csms: LaboratoryCsms) -> None:
    url = csms.url()
    async with link(csms):
        await csms.go_down()
        assert not csms.is_linked
        with pytest.raises(OSError, match="Connect call failed"):
            async with link(csms):
                pass
        await csms.come_up()
    assert csms.url() == url
    async with link(csms) as socket:
        await asked(socket, "Heartbeat")


async def test_a_taken_address_is_an_error(csms: LaboratoryCsms) -> None:
    port = int(csms.url().rpartition(":")[2].partition("/")[0])
    with pytest.raises(OSError, match="address already in use"):
        async with LaboratoryCsms("CB-2", "127.0.0.1", port):
            pass


async def test_its_calendar_moves(csms: LaboratoryCsms) -> None:
    before = csms.utc()
    csms.advance(3600)
    assert 3600 <= (csms.utc() - before).total_seconds() < 3660
