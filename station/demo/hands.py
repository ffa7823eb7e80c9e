"""The driver's hands at connector 1 of a bench station, and the eyes that see what comes of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from station.demo.bench_service import BenchService, DemoError
from station.demo.screen import Narrator
from station.runtime.clock import StationClock

WAIT_S = 15
LOOK_EVERY_S = 0.1
ID_TAG = "DEADBEEF"


class Hands:
    """Every call waits for what it must lead to, and raises DemoError if that does not come. `pace` scales time to read."""

    def __init__(self, narrator: Narrator, clock: StationClock, service: BenchService, pace: float) -> None:
        self._narrator = narrator
        self._clock = clock
        self._service = service
        self._pace = pace

    async def plug(self) -> None:
        """A car is plugged in, and takes 32 A."""
        await self._service.control("connectors/1/plug")
        await self._service.control("connectors/1/vehicle", max_current_a=32)

    async def swipe(self) -> None:
        """The driver's tag is held to the reader."""
        await self._service.control("swipe", id_tag=ID_TAG, connector_id=1)

    async def take_cable(self) -> None:
        """The driver takes the cable once it is let go."""
        await self.until("the lock to open", lambda state: not state["connectors"][1]["locked"])
        await self._service.control("connectors/1/unplug")
        await self.status("Available")

    async def status(self, wanted: str) -> None:
        """Waits for connector 1 to have the status; says so where the CSMS cannot."""
        state = await self.until(
            f"connector 1 to be {wanted}", lambda state: state["connectors"][1]["status"] == wanted
        )
        if not state["link"]["up"]:
            self._narrator.station(f"connector 1 is {wanted}")

    async def go_on(self, *, samples: int) -> None:
        """Charges on until that many more samples were taken, scaled by the pace, with a line that lives."""
        wanted = max(1, round(samples * self._pace))
        seen = (await self._service.state())["log"]["last_seq"]
        while wanted > 0:
            state = await self._service.state()
            shown = charging(state)
            self._narrator.live(shown)
            fresh = await self._service.events(after=seen)
            seen = fresh[-1]["seq"] if fresh else seen
            taken = sum(event["type"] == "MeterSampled" for event in fresh)
            wanted -= taken
            if taken and not state["link"]["up"]:
                self._narrator.station(shown)
            await self._wait(LOOK_EVERY_S)
        self._narrator.live("")

    async def until(self, what: str, holds: Callable[[Any], bool], within_s: float = WAIT_S) -> Any:
        """Waits for the station's state to fulfil a condition; returns it. Raises DemoError when it takes longer."""
        try:
            async with asyncio.timeout(within_s):
                while not holds(state := await self._service.state()):
                    await self._wait(LOOK_EVERY_S)
        except TimeoutError:
            raise DemoError(f"waited {within_s:g} s for {what}") from None
        return state

    async def pause(self, seconds: float) -> None:
        """Time to read."""
        await self._wait(seconds * self._pace)

    def _wait(self, seconds: float) -> Awaitable[None]:
        return self._clock.sleep_until(self._clock.at_ms() + int(seconds * 1000))


def charging(state: Any) -> str:
    """What connector 1 does, in a line; a transaction runs there."""
    connector = state["connectors"][1]
    running = next(one for one in state["transactions"] if one["number"] == connector["transaction_number"])
    energy_wh = connector["energy_wh"] - running["meter_start_wh"]
    where = "" if state["link"]["up"] else f", offline, {state['outbox']['pending']} in the outbox"
    return f"charging with {(connector['power_w'] or 0) / 1000:.1f} kW, {energy_wh} Wh so far{where}"


def is_delivered(state: Any) -> bool:
    """Whether the CSMS has received everything."""
    return state["link"]["up"] and not state["outbox"]["pending"] and not state["transactions"]
