"""The story: a car charges, the network is cut, the power is cut, and afterwards the CSMS knows everything, once and in order.

Each step is played on the real daemon through its bench controls and waits for what it must lead to. `pace` scales how long things
are left to go on; nothing else depends on it.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from eventstore.frozen import dataclass
from station.demo import ending
from station.demo.bench_station import BenchStation, DemoError
from station.demo.books import books_of_csms, books_of_log, differences
from station.demo.csms import Csms, Received
from station.demo.screen import Narrator, Screen, Voice
from station.runtime.clock import Clock, SystemClock

AGREED, DISAGREED = 0, 1
WAIT_S = 15
LOOK_EVERY_S = 0.1
ID_TAG = "DEADBEEF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the story is told: `keep` stays up afterwards, `pace` 1 is made for reading."""

    keep: bool = False
    pace: float = 1.0


async def play(screen: Screen, options: Options, csms: Csms | None = None) -> int:
    """Plays the story; 0 if log and CSMS agree, else 1. Whenever it is cancelled, no process is left."""
    clock = SystemClock()
    narrator = Narrator(screen, clock)
    with tempfile.TemporaryDirectory(prefix="chargebox-demo-", ignore_cleanup_errors=True) as directory:
        async with csms or Csms(clock) as listening:
            bench = BenchStation(Path(directory), listening.url)
            story = Story(narrator, clock, listening, bench, options.pace)
            try:
                status = await story.tell()
                if options.keep:
                    await _stay(narrator, listening, bench)
            except DemoError as error:
                _explain(narrator, error, bench)
                return DISAGREED
            finally:
                screen.live("")
                await bench.close()
    return status


async def _stay(narrator: Narrator, csms: Csms, bench: BenchStation) -> None:
    """Until it is cancelled, which here is the wanted end."""
    for text in ending.addresses(csms, bench):
        narrator.plain(text)
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


def _explain(narrator: Narrator, error: DemoError, bench: BenchStation) -> None:
    narrator.plain("")
    narrator.plain(f"The demonstration cannot go on: {error}", Voice.BAD)
    if words := bench.last_words():
        narrator.plain(f"The station's last words:\n{words}")


class Story:
    """The steps, in order. `tell` plays them all."""

    def __init__(self, narrator: Narrator, clock: Clock, csms: Csms, bench: BenchStation, pace: float) -> None:
        self._narrator = narrator
        self._clock = clock
        self._csms = csms
        self._bench = bench
        self._pace = pace
        csms.tell = self._on_call

    async def tell(self) -> int:
        """Plays the story; 0 if log and CSMS agree, else 1. Raises DemoError if it cannot go on."""
        for chapter in (self._boot, self._charge, self._cut_network, self._charge_offline, self._cut_power):
            await chapter()
        await self._deliver()
        return await self._compare()

    # ---- chapters -----------------------------------------------------------------------------------------------

    async def _boot(self) -> None:
        self._narrator.step("A CSMS listens, and a station with a simulated board is switched on.")
        await self._bench.start()
        await self._until("the station to be accepted", lambda state: state["registration"]["status"] == "Accepted")
        await self._status("Available")
        await self._pause(1)

    async def _charge(self) -> None:
        self._narrator.step("A driver plugs a car in.")
        await self._plug()
        await self._status("Preparing")
        await self._pause(1)
        self._narrator.step(f"The driver holds the tag {ID_TAG} to the reader. The CSMS is asked, and agrees.")
        await self._bench.control("swipe", id_tag=ID_TAG, connector_id=1)
        await self._status("Charging")
        await self._go_on(samples=5)

    async def _cut_network(self) -> None:
        self._narrator.step("The network is cut. The station goes on charging, and keeps what it owes to the CSMS.")
        await self._bench.control("network", up=False, persist=True)
        await self._until("the link to be down", lambda state: not state["link"]["up"])
        await self._go_on(samples=4)

    async def _charge_offline(self) -> None:
        self._narrator.step("The driver holds the tag to the reader again: the transaction is stopped, offline.")
        await self._bench.control("swipe", id_tag=ID_TAG, connector_id=1)
        await self._status("Finishing")
        await self._take_cable()
        await self._pause(1)
        self._narrator.step(
            "The same tag with another car. The station knows the tag, and starts a second transaction."
        )
        await self._plug()
        await self._bench.control("swipe", id_tag=ID_TAG, connector_id=1)
        await self._status("Charging")
        await self._go_on(samples=3)

    async def _cut_power(self) -> None:
        self._narrator.step(f"The power is cut: kill -9 {self._bench.pid}, in the middle of the transaction.")
        await self._bench.kill()
        await self._pause(1)
        self._narrator.step("The power is back, the network is not. The station reads its log and starts again.")
        await self._bench.start()
        state = await self._until("the transaction to be closed", _nothing_runs)
        closed = state["transactions"][-1]
        self._narrator.station(
            f"closes the interrupted transaction: {closed['reason']}, {closed['meter_stop_wh']} Wh on the register"
        )
        self._narrator.station(f"{state['outbox']['pending']} messages wait in the outbox, in order")
        await self._pause(1.5)

    async def _deliver(self) -> None:
        self._narrator.step("The network is back. What is owed leaves, oldest first, with the ids that the CSMS gave.")
        await self._bench.control("network", up=True)
        await self._until("everything to be delivered", _is_delivered)
        await self._pause(1)
        self._narrator.step("The driver takes the cable.")
        await self._take_cable()
        await self._until("everything to be delivered", _is_delivered)

    async def _compare(self) -> int:
        log = books_of_log(await self._bench.events())
        csms = books_of_csms(self._csms.received)
        found = differences(log, csms)
        for voice, text in ending.summary(log, csms, found, self._narrator.seconds):
            self._narrator.plain(text, voice)
        return DISAGREED if found else AGREED

    # ---- what they are made of ----------------------------------------------------------------------------------

    async def _plug(self) -> None:
        await self._bench.control("connectors/1/plug")
        await self._bench.control("connectors/1/vehicle", max_current_a=32)

    async def _take_cable(self) -> None:
        await self._until("the lock to open", lambda state: not state["connectors"][1]["locked"])
        await self._bench.control("connectors/1/unplug")
        await self._status("Available")

    async def _status(self, wanted: str) -> None:
        """Waits for connector 1 to have the status; says so where the CSMS cannot."""
        state = await self._until(
            f"connector 1 to be {wanted}", lambda state: state["connectors"][1]["status"] == wanted
        )
        if not state["link"]["up"]:
            self._narrator.station(f"connector 1 is {wanted}")

    async def _go_on(self, *, samples: int) -> None:
        """Charges on until that many more samples were taken, scaled by the pace, with a line that lives."""
        wanted = max(1, round(samples * self._pace))
        seen = (await self._bench.state())["log"]["last_seq"]
        while wanted > 0:
            state = await self._bench.state()
            shown = _charging(state)
            self._narrator.live(shown)
            fresh = await self._bench.events(after=seen)
            seen = fresh[-1]["seq"] if fresh else seen
            taken = sum(event["type"] == "MeterSampled" for event in fresh)
            wanted -= taken
            if taken and not state["link"]["up"]:
                self._narrator.station(shown)
            await self._wait(LOOK_EVERY_S)
        self._narrator.live("")

    async def _until(self, what: str, holds: Callable[[Any], bool]) -> Any:
        """Waits for the station's state to fulfil a condition; returns it. Raises DemoError after WAIT_S."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not holds(state := await self._bench.state()):
                    await self._wait(LOOK_EVERY_S)
        except TimeoutError:
            raise DemoError(f"waited {WAIT_S} s for {what}") from None
        return state

    async def _pause(self, seconds: float) -> None:
        """Time to read."""
        await self._wait(seconds * self._pace)

    def _wait(self, seconds: float) -> Awaitable[None]:
        return self._clock.sleep_until(self._clock.at_ms() + int(seconds * 1000))

    def _on_call(self, call: Received) -> None:
        self._narrator.csms(ending.described(call))


def _charging(state: Any) -> str:
    connector = state["connectors"][1]
    running = next(one for one in state["transactions"] if one["number"] == connector["transaction_number"])
    energy_wh = connector["energy_wh"] - running["meter_start_wh"]
    where = "" if state["link"]["up"] else f", offline, {state['outbox']['pending']} in the outbox"
    return f"charging with {(connector['power_w'] or 0) / 1000:.1f} kW, {energy_wh} Wh so far{where}"


def _nothing_runs(state: Any) -> bool:
    return bool(state["transactions"]) and all(one["stopped_at"] for one in state["transactions"])


def _is_delivered(state: Any) -> bool:
    return state["link"]["up"] and not state["outbox"]["pending"] and not state["transactions"]
