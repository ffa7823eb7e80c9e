"""The reflex of the real daemon: a fault opens the contactor whatever the log and the link are doing.

Nothing undurable is ever shown, so the evidence is the order of the log: with the reflex, the contactor's feedback is the next
thing that the board reports after the fault; without it, the feedback comes only once the fault is durable, behind whatever was
reported meanwhile.
"""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.csms.faulty import FaultyCsms
from tests.daemon import Daemon
from tests.integration.conftest import Pair
from tests.integration.stations import until

LIST_BYTES = 512 * 1024
LISTS = 2  # one still waits when the fault comes; more in one go would be read slowly (runtime/throttle)


@contextlib.contextmanager
def hanging_disk(storage: Path) -> Iterator[None]:
    """No append to the log comes to its end: somebody else holds the database (for less than the 5 s that SQLite waits)."""
    with closing(sqlite3.connect(storage / "chargebox.db", isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        yield
        stranger.execute("ROLLBACK")


async def reported(daemon: Daemon, code: str) -> None:
    """Waits until the bench has told the station of a fault: it keeps its world after that."""
    world = daemon.directory / "storage" / "bench.json"
    async with asyncio.timeout(60):
        while code not in world.read_text():  # noqa: ASYNC110  # the daemon knows nothing of its test
            await asyncio.sleep(0.01)


async def types_after(daemon: Daemon, seq: int) -> list[tuple[str, Any]]:
    return [(event["type"], event["payload"]) for event in await daemon.api.events(after=seq)]


def observed(events: list[tuple[str, Any]], *names: str) -> list[str]:
    """Of these kinds of event, the order."""
    return [name for name, _ in events if name in names]


async def charging(pair: Pair) -> int:
    """A running transaction that the CSMS knows of; the last seq."""
    await pair.started("A")
    await pair.transaction_id(5002)
    state = await until(
        pair.daemon,
        lambda state: state["connectors"][1]["contactor"] == "closed" and state["outbox"]["pending"] == 0,
        "charging",
    )
    return int(state["log"]["last_seq"])


async def ended_for_the_fault(pair: Pair, csms: FaultyCsms) -> None:
    """The CSMS was told, and the station stays well."""
    stop = await csms.expect("StopTransaction")
    assert stop.payload["reason"] == "Other"
    await until(pair.daemon, lambda state: state["connectors"][1]["contactor"] == "open", "the contactor to be open")
    assert (await pair.daemon.api.connector(1))["status"] == "Faulted"
    assert await pair.daemon.api.healthy()


@pytest.mark.asyncio
async def test_while_the_disk_hangs_a_fault_opens_the_contactor_and_nothing_is_told_before_it_is_durable(
    pair: Pair, csms: FaultyCsms
) -> None:
    seq = await charging(pair)
    calls = len(csms.calls())
    with hanging_disk(pair.daemon.directory / "storage"):
        fault = asyncio.create_task(pair.daemon.api.fault(1, "GroundFailure"))
        await reported(pair.daemon, "GroundFailure")
        marker = asyncio.create_task(pair.daemon.api.swipe("LATER", 1))
        state = await pair.daemon.api.state()
        assert state["connectors"][1]["contactor"] == "closed", "nothing is shown before it is durable"
        assert len(csms.calls()) == calls
        assert not fault.done()
    await fault
    await marker
    events = await types_after(pair.daemon, seq)
    order = observed(events, "FaultObserved", "ContactorObserved", "IdTagPresented")
    assert order == ["FaultObserved", "ContactorObserved", "IdTagPresented"]
    assert not dict(events)["ContactorObserved"]["closed"]
    await ended_for_the_fault(pair, csms)


def largest_list(version: int) -> str:
    """The largest SendLocalList that the station takes: 1,000 entries, 512 KiB."""
    entries = [
        {
            "idTag": f"TAG-{number:016d}",
            "idTagInfo": {
                "status": "Accepted",
                "expiryDate": "2099-12-31T23:59:59.000Z",
                "parentIdTag": f"GROUP-{number % 50:014d}",
            },
        }
        for number in range(1_000)
    ]
    payload = {"listVersion": version, "updateType": "Full", "localAuthorizationList": entries}
    text = json.dumps([2, f"list-{version}", "SendLocalList", payload])
    return text[:-1] + " " * (LIST_BYTES - len(text)) + "]"


@pytest.mark.asyncio
async def test_while_the_largest_lists_arrive_a_fault_opens_the_contactor(pair: Pair, csms: FaultyCsms) -> None:
    seq = await charging(pair)
    for version in range(1, LISTS + 1):
        await csms.send_text(largest_list(version))
    fault = asyncio.create_task(pair.daemon.api.fault(1, "GroundFailure"))
    await reported(pair.daemon, "GroundFailure")
    marker = asyncio.create_task(pair.daemon.api.swipe("LATER", 1))
    await csms.request("DataTransfer", vendor_id="org.example.behind-the-fault")
    await fault
    await marker
    await ended_for_the_fault(pair, csms)
    for version in range(1, LISTS + 1):
        answer = await csms.result_of(f"list-{version}", outbound=False)
        assert answer.payload == {"status": "Accepted"}
    events = await types_after(pair.daemon, seq)
    order = observed(events, "FaultObserved", "ContactorObserved", "IdTagPresented")
    assert order == ["FaultObserved", "ContactorObserved", "IdTagPresented"], "the contactor waited for the log"
    state = await pair.daemon.api.state()
    assert state["authorization"]["local_list_version"] == LISTS
    assert state["authorization"]["local_list_size"] == 1_000
