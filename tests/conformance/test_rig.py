"""The test tool is as strict as it says: on links that are no station's."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect

from tests.conformance.rig import Rig, call, status
from tests.csms.independent import Csms
from tests.daemon import Daemon


@pytest_asyncio.fixture
async def bare(tmp_path: Path) -> AsyncIterator[tuple[Rig, ClientConnection]]:
    """A rig whose daemon was never started, and a bare link to its CSMS."""
    async with Csms() as csms:
        daemon = Daemon(tmp_path, {"station": {"connectors": 1}, "board": {}})
        url = f"{csms.url}/CB-0001"
        async with connect(url, subprotocols=["ocpp1.6"], proxy=None) as link:  # type: ignore[list-item]  # a NewType
            await csms.connected()
            yield Rig(daemon, csms), link
        await daemon.api.close()


async def report(link: ClientConnection, connector_id: int, state: str) -> None:
    payload = {"connectorId": connector_id, "errorCode": "NoError", "status": state}
    await link.send(json.dumps([2, f"{connector_id}{state}", "StatusNotification", payload]))


@pytest.mark.asyncio
async def test_calls_are_taken_in_order(bare: tuple[Rig, ClientConnection]) -> None:
    rig, link = bare
    for state in ("Preparing", "Charging"):
        await report(link, 1, state)
    with pytest.raises(AssertionError, match="expected StatusNotification"):
        await rig.expect(status(1, "Charging"))
    await rig.expect(status(1, "Charging"))


@pytest.mark.asyncio
async def test_named_calls_may_swap_and_no_other_may_come_between(bare: tuple[Rig, ClientConnection]) -> None:
    rig, link = bare
    for state in ("Charging", "Preparing", "Available"):
        await report(link, 1, state)
    first, second = await rig.expect_any_order(status(1, "Preparing"), status(1, "Charging", "SuspendedEV"))
    assert (first.payload["status"], second.payload["status"]) == ("Preparing", "Charging")
    with pytest.raises(AssertionError, match="expected Heartbeat"):
        await rig.expect_any_order(call("Heartbeat"), status(1, "Faulted"))


@pytest.mark.asyncio
async def test_answer_must_precede_what_it_causes(bare: tuple[Rig, ClientConnection]) -> None:
    rig, link = bare

    async def answer_late() -> None:
        _, message_id, _, _ = json.loads(await link.recv())
        await report(link, 1, "Unavailable")
        await link.send(json.dumps([3, message_id, {"status": "Accepted"}]))

    answering = asyncio.create_task(answer_late())
    with pytest.raises(AssertionError, match="came before the answer"):
        await rig.request("ChangeAvailability", connector_id=1, type="Inoperative")
    await answering


@pytest.mark.asyncio
async def test_request_refuses_to_pass_over_an_unexpected_call(bare: tuple[Rig, ClientConnection]) -> None:
    rig, link = bare
    await report(link, 1, "Faulted")
    await rig.csms.expect("StatusNotification")
    with pytest.raises(AssertionError, match="unexpected before ClearCache"):
        await rig.request("ClearCache")
