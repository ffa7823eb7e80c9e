"""What every integration test starts from: the daemon's settings, and the steps that drivers and time take."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.csms.record import Record
from tests.daemon import Daemon, Settings, merged

DELIVERY_S = 60.0

# Nothing runs by itself but what a test asks for; reconnecting is quick.
BASE: Settings = {
    "station": {"identity": "CB-0001", "connectors": 1},
    "csms": {"reconnect_min_s": 1, "reconnect_max_s": 1, "call_timeout_s": 10},
    "board": {"kind": "bench"},
    "config": {
        "HeartbeatInterval": 300,
        "MeterValueSampleInterval": 0,
        "ClockAlignedDataInterval": 0,
        "MinimumStatusDuration": 0,
        "WebSocketPingInterval": 0,
        "ConnectionTimeOut": 120,
        "LocalAuthorizeOffline": True,
    },
}


def settings_for(url: str, **tables: Any) -> Settings:
    """The base settings for a CSMS at this URL, with these tables over them."""
    return merged(BASE, {"csms": {"url": url}}, tables)


async def until(daemon: Daemon, condition: Callable[[Any], Any], what: str, *, within_s: float = DELIVERY_S) -> Any:
    """Wait for the projections to fulfil a condition; returns them."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + within_s
    while True:
        state = await daemon.api.state()
        if condition(state):
            return state
        assert loop.time() < deadline_s, f"waited {within_s} s for {what}: {state}"
        await asyncio.sleep(0.02)


def delivered(state: Any) -> bool:
    """Nothing is owed and no transaction is open."""
    outbox = state["outbox"]
    return state["link"]["up"] and not state["transactions"] and outbox["pending"] == 0 and outbox["in_flight"] is None


async def free_connector(daemon: Daemon) -> None:
    """The driver takes the cable, once the station lets go of it."""
    state = await until(daemon, lambda state: not state["connectors"][1]["locked"], "the cable to be unlocked")
    if state["connectors"][1]["plugged"]:
        await daemon.api.unplug(1)


async def start_transaction(daemon: Daemon, id_tag: str) -> None:
    """Plug and swipe, until the transaction is in the log."""
    await daemon.api.plug(1)
    await daemon.api.swipe(id_tag, 1)
    await until(
        daemon,
        lambda state: any(one["id_tag"] == id_tag and not one["stopped_at"] for one in state["transactions"]),
        f"a transaction of {id_tag}",
    )


async def end_transaction(daemon: Daemon, id_tag: str) -> None:
    """Swipe again and take the cable."""
    await daemon.api.swipe(id_tag, 1)
    await free_connector(daemon)


async def advance(daemon: Daemon, csms: Record[Any], seconds: int, *, step_s: int = 60) -> None:
    """Time goes on for both, in steps."""
    for _ in range(0, seconds, step_s):
        csms.advance(step_s)
        await daemon.api.clock(advance_s=step_s)
