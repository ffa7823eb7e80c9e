"""The real daemon asks the energy back before it cuts it: what the log tells of pilot, contactor and stop."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.stations import advance, delivered, settings_for, start_transaction, until

DRAWN_W = 11_040


async def charging(daemon: Daemon, csms: Csms) -> int:
    """A vehicle draws; the last seq."""
    await start_transaction(daemon, "A")
    await csms.expect("StartTransaction", id_tag="A")
    state = await until(daemon, lambda state: state["connectors"][1]["power_w"] == DRAWN_W, "the vehicle to draw")
    return int(state["log"]["last_seq"])


async def what_happened(daemon: Daemon, after: int) -> list[Any]:
    """The events of pilot, contactor and transaction."""
    kinds = {"PilotStateObserved", "ContactorObserved", "TransactionEnding", "TransactionStopped", "EnergyAskedBack"}
    return [event for event in await daemon.api.events(after=after) if event["type"] in kinds]


def first(events: list[Any], kind: str, **payload: object) -> Any:
    return next(event for event in events if event["type"] == kind and payload.items() <= event["payload"].items())


@pytest.mark.asyncio
async def test_at_a_stop_the_vehicle_leaves_c_before_the_contactor_opens_and_the_register_is_taken_after(
    tmp_path: Path,
) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        seq = await charging(daemon, csms)
        await daemon.api.swipe("A", 1)
        connector = await daemon.api.connector(1)
        assert (connector["status"], connector["locked"]) == ("Finishing", False), "the control waits for what it did"
        events = await what_happened(daemon, seq)
        let_go = first(events, "PilotStateObserved", pilot_state="B")
        opened = first(events, "ContactorObserved", closed=False)
        stopped = first(events, "TransactionStopped")
        assert let_go["seq"] < opened["seq"] < stopped["seq"]
        await until(daemon, delivered, "the stop to be delivered")
        (stop,) = csms.calls("StopTransaction")
        assert stop.payload["meterStop"] == connector["energy_wh"]


@pytest.mark.asyncio
async def test_a_vehicle_that_never_lets_go_has_its_three_seconds_and_is_billed_for_them(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        await daemon.api.vehicle(1, lets_go_s="never")
        seq = await charging(daemon, csms)
        await daemon.api.swipe("A", 1)
        before = await daemon.api.connector(1)
        assert (before["contactor"], before["limit_a"], before["power_w"]) == ("closed", 0.0, DRAWN_W)
        await advance(daemon, csms, 3, step_s=3)
        await until(daemon, delivered, "the stop to be delivered")
        events = await what_happened(daemon, seq)
        opened = first(events, "ContactorObserved", closed=False)
        assert opened["at_ms"] - first(events, "TransactionEnding")["at_ms"] >= 3_000
        (stop,) = csms.calls("StopTransaction")
        after = await daemon.api.connector(1)
        assert stop.payload["meterStop"] == after["energy_wh"] >= before["energy_wh"] + 9


@pytest.mark.asyncio
async def test_a_kill_while_the_vehicle_lets_go_ends_it_for_the_reason_that_was_given(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        await daemon.api.vehicle(1, lets_go_s=3600)
        await charging(daemon, csms)
        await daemon.api.swipe("A", 1)
        await daemon.kill()
        await daemon.start()
        await until(daemon, delivered, "the stop to be delivered")
        (stop,) = csms.calls("StopTransaction")
        assert (stop.payload["reason"], stop.payload["idTag"]) == ("Local", "A")


@pytest.mark.asyncio
@pytest.mark.parametrize("policy", ["stop", "resume"])
@pytest.mark.parametrize("lets_go_s", [0.05, "never"])
async def test_an_orderly_end_asks_the_energy_back_and_is_bounded(
    tmp_path: Path, policy: str, lets_go_s: float | str
) -> None:
    settings = {"daemon": {"power_loss_policy": policy}}
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url, **settings)) as daemon:
        await daemon.api.vehicle(1, lets_go_s=lets_go_s)
        seq = await charging(daemon, csms)
        os.kill(daemon.pid, signal.SIGTERM)
        assert await daemon.exited() == 0
        stops = csms.calls("StopTransaction")
        assert [stop.payload["reason"] for stop in stops] == (["Reboot"] if policy == "stop" else [])
        await daemon.start()
        events = await daemon.api.events(after=seq)
        stopping = next(event for event in events if event["type"] == "StationStopping")
        opened = next(event for event in events if event["type"] == "ContactorObserved")
        pilots = [event["seq"] for event in events if event["type"] == "PilotStateObserved"]
        if lets_go_s == "never":
            assert opened["at_ms"] - stopping["at_ms"] >= 3_000
        else:
            assert stopping["seq"] < pilots[0] < opened["seq"]


@pytest.mark.asyncio
async def test_a_fault_meanwhile_opens_at_once(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        await daemon.api.vehicle(1, lets_go_s="never")
        seq = await charging(daemon, csms)
        await daemon.api.swipe("A", 1)
        await daemon.api.fault(1, "GroundFailure")
        events = [event["type"] for event in await daemon.api.events(after=seq)]
        fault, opened = events.index("FaultObserved"), events.index("ContactorObserved")
        assert fault < opened < events.index("TransactionStopped")
        assert "DeadlineReached" not in events[fault:opened]
        await until(daemon, delivered, "the stop to be delivered")
        (stop,) = csms.calls("StopTransaction")
        assert stop.payload["reason"] == "Local"
