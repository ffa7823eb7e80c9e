"""The real daemon on a harmed log, with a CSMS that answers: what it is told of the sessions that were, and of one that ran."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventstore.database import DATABASE_NAME, open_reader
from tests.csms.frames import Frame
from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.stations import advance, delivered, end_transaction, settings_for, start_transaction, until
from tests.logs import execute_behind_its_back
from tests.reliability.test_damage import BLOCK, block_of, flip

ONLINE, OFFLINE, RUNNING = ("A", "B"), ("C", "D"), "E"
ANOTHER_DRIVERS_WH = 50_000

Harm = Callable[[bytes, int], bytes]

# What happens to the bytes of the database, given where an event's payload lies in them, and to which event.
HARMS: dict[str, tuple[str, Harm]] = {
    "one bit of a stop that was told": ("TransactionStopped", lambda content, at: flip(at + 20, 0)(content)),
    "the page with a stop that was told": (
        "TransactionStopped",
        lambda content, at: block_of(at, bytes(BLOCK))(content),
    ),
    "one bit of a start that was told": ("TransactionStarted", lambda content, at: flip(at + 20, 0)(content)),
    "one bit of the first boot": ("StationBooted", lambda content, at: flip(at + 20, 0)(content)),
    "the page with the first boot": ("StationBooted", lambda content, at: block_of(at, bytes(BLOCK))(content)),
}


def harmed(database: Path, kind: str, harm: Harm) -> None:
    """Harm the last event of this kind that is told already, or the first of all."""
    with closing(open_reader(database)) as connection:
        rows = connection.execute("SELECT payload FROM event WHERE type = ? ORDER BY seq", (kind,)).fetchall()
    payload = rows[min(len(rows), len(ONLINE)) - 1][0].encode()
    content = database.read_bytes()
    assert content.count(payload) == 1, f"where is {kind}?"
    database.write_bytes(harm(content, content.index(payload)))


def energies(events: list[dict[str, Any]]) -> dict[str, int]:
    """What flowed by tag, as the whole log has it; of the one that ran, what was sampled."""
    started = {
        event["payload"]["number"]: event["payload"] for event in events if event["type"] == "TransactionStarted"
    }
    flowed = {}
    for event in events:
        payload = event["payload"]
        register = {"TransactionStopped": "meter_stop_wh", "MeterSampled": "register_wh"}.get(event["type"])
        if register is not None and payload["number"] in started:
            start = started[payload["number"]]
            flowed[start["id_tag"]] = payload[register] - start["meter_start_wh"]
    return flowed


def billed(frames: list[Frame], ids: dict[int, Frame]) -> dict[str, set[int]]:
    """What the CSMS bills by tag; more than one amount where stops of one transaction differ."""
    amounts: dict[str, set[int]] = {}
    for frame in frames:
        if frame.action == "StopTransaction":
            start = ids[frame.payload["transactionId"]].payload
            amounts.setdefault(start["idTag"], set()).add(frame.payload["meterStop"] - start["meterStart"])
    return amounts


def ids_given(csms: Csms) -> dict[int, Frame]:
    calls = {frame.message_id: frame for frame in csms.calls("StartTransaction")}
    answers = [f for f in csms.frames if f.outbound and f.kind == "result" and f.action == "StartTransaction"]
    return {answer.payload["transactionId"]: calls[answer.message_id] for answer in answers}


async def live(daemon: Daemon, csms: Csms) -> dict[str, int]:
    """Two sessions that are told, two offline, and one that runs when the process is killed; what flowed."""
    await until(daemon, delivered, "the boot")
    for id_tag in ONLINE:
        await start_transaction(daemon, id_tag)
        await advance(daemon, csms, 120)
        await end_transaction(daemon, id_tag)
    await until(daemon, delivered, "what is owed")
    await daemon.api.network(False, persist=True)
    for id_tag in OFFLINE:
        await start_transaction(daemon, id_tag)
        await advance(daemon, csms, 180)
        await end_transaction(daemon, id_tag)
    await start_transaction(daemon, RUNNING)
    await advance(daemon, csms, 240)
    flowed = energies(await daemon.api.events())
    await daemon.kill()
    return flowed


@pytest.mark.timeout(300)
@pytest.mark.asyncio
async def test_a_daemon_on_a_harmed_log_bills_nobody_twice_and_tells_what_is_whole(tmp_path: Path) -> None:
    async with Csms() as csms:
        settings = settings_for(csms.url, config={"MeterValueSampleInterval": 60, "AllowOfflineTxForUnknownId": True})
        async with Daemon(tmp_path / "before", settings) as daemon:
            flowed = await live(daemon, csms)
            storage = tmp_path / "before" / "storage"
            execute_behind_its_back(storage)  # all of it in the database, none in a WAL
        assert set(flowed) == {*ONLINE, *OFFLINE, RUNNING}
        assert min(flowed.values()) > 0
        for name, (kind, harm) in HARMS.items():
            place = tmp_path / name.replace(" ", "-")
            shutil.copytree(tmp_path / "before", place)
            harmed(place / "storage" / DATABASE_NAME, kind, harm)
            first = len(csms.frames)
            async with Daemon(place, settings) as daemon:
                await daemon.api.meter(1, energy_wh=ANOTHER_DRIVERS_WH)
                await daemon.api.network(True)
                await until(daemon, delivered, "what is owed")
                events = await daemon.api.events()
            assert any(event["type"] == "LogSalvaged" for event in events), name
            told = billed([frame for frame in csms.frames[first:] if not frame.outbound], ids_given(csms))
            for id_tag, amounts in told.items():
                assert len(amounts) == 1, f"{name}: {id_tag} is told with {amounts}"
                assert max(amounts) <= flowed[id_tag], f"{name}: {id_tag} is billed with {amounts}, of {flowed[id_tag]}"
            assert not set(told) & set(ONLINE), f"{name}: told again: {told}"
            assert {*OFFLINE, RUNNING} <= set(told), f"{name}: never told: {told}"
