"""The rig is as strict as it says: on links that are no station's."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect

from station.certify.failing import CaseFailed
from station.certify.pki import Pki
from station.certify.rig import Rig, call, status
from tests.conformance.laboratory import PortCsms, rig_of
from tests.daemon import Daemon


@pytest_asyncio.fixture
async def bare(tmp_path: Path) -> AsyncIterator[tuple[Rig, ClientConnection]]:
    """A rig whose daemon was never started, and a bare link to its CSMS."""
    async with PortCsms() as csms:
        daemon = Daemon(tmp_path, {"station": {"identity": "CB-0001"}, "board": {}})
        url = f"{csms.url}/CB-0001"
        async with connect(url, subprotocols=["ocpp1.6"], proxy=None) as link:  # type: ignore[list-item]  # a NewType
            await csms.connected()
            yield rig_of(daemon, csms, lambda: Pki(tmp_path, serial="CB-0001")), link
        await daemon.api.close()


async def report(link: ClientConnection, connector_id: int, state: str) -> None:
    payload = {"connectorId": connector_id, "errorCode": "NoError", "status": state}
    await link.send(json.dumps([2, f"{connector_id}{state}", "StatusNotification", payload]))


@pytest.mark.asyncio
async def test_calls_are_taken_in_order(bare: tuple[Rig, ClientConnection]) -> None:
    rig, link = bare
    for state in ("Preparing", "Charging"):
        await report(link, 1, state)
    with pytest.raises(CaseFailed, match="expected StatusNotification"):
        await rig.expect(status(1, "Charging"))
    await rig.expect(status(1, "Charging"))


@pytest.mark.asyncio
async def test_named_calls_may_swap_and_no_other_may_come_between(bare: tuple[Rig, ClientConnection]) -> None:
    rig, link = bare
    for state in ("Charging", "Preparing", "Available"):
        await report(link, 1, state)
    first, second = await rig.expect_any_order(status(1, "Preparing"), status(1, "Charging", "SuspendedEV"))
    assert (first.payload["status"], second.payload["status"]) == ("Preparing", "Charging")
    with pytest.raises(CaseFailed, match="expected Heartbeat"):
        await rig.expect_any_order(call("Heartbeat"), status(1, "Faulted"))


@pytest.mark.asyncio
async def test_answer_must_precede_what_it_causes(bare: tuple[Rig, ClientConnection]) -> None:
    rig, link = bare

    async def answer_late() -> None:
        _, message_id, _, _ = json.loads(await link.recv())
        await report(link, 1, "Unavailable")
        await link.send(json.dumps([3, message_id, {"status": "Accepted"}]))

    answering = asyncio.create_task(answer_late())
    with pytest.raises(CaseFailed, match="the answer to ChangeAvailability before anything that it causes"):
        await rig.request("ChangeAvailability", connector_id=1, type="Inoperative")
    await answering


@pytest.mark.asyncio
async def test_request_refuses_to_pass_over_an_unexpected_call(bare: tuple[Rig, ClientConnection]) -> None:
    rig, link = bare
    await report(link, 1, "Faulted")
    await rig.csms.until(lambda: rig.calls("StatusNotification"), "the status")
    with pytest.raises(CaseFailed, match="nothing before ClearCache"):
        await rig.request("ClearCache")


@pytest.mark.asyncio
async def test_an_answer_of_another_status_fails_with_both(bare: tuple[Rig, ClientConnection]) -> None:
    rig, link = bare

    async def refuse() -> None:
        _, message_id, _, _ = json.loads(await link.recv())
        await link.send(json.dumps([3, message_id, {"status": "Rejected"}]))

    answering = asyncio.create_task(refuse())
    with pytest.raises(CaseFailed) as failure:
        await rig.accepted("ClearCache")
    await answering
    assert failure.value.expected == "the answer to ClearCache: {'status': 'Accepted'}"
    assert failure.value.seen == "{'status': 'Rejected'}"


@pytest.mark.asyncio
async def test_a_call_error_is_a_refusal_by_its_code(bare: tuple[Rig, ClientConnection]) -> None:
    rig, link = bare

    async def refuse() -> None:
        for _ in range(2):
            _, message_id, _, _ = json.loads(await link.recv())
            await link.send(json.dumps([4, message_id, "NotSupported", "", {}]))

    answering = asyncio.create_task(refuse())
    assert await rig.refused("ClearCache") == "NotSupported"
    with pytest.raises(CaseFailed, match="CALLERROR NotSupported"):
        await rig.accepted("ClearCache")
    await answering
