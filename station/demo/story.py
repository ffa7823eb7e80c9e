"""The story: a car charges, the network is cut, the power is cut, and afterwards the CSMS knows everything, once and in order.

Each step is played on the real daemon through its bench controls and waits for what it must lead to. `pace` scales how long things
are left to go on; nothing else depends on it.
"""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Any

from eventstore.value import Value
from station.demo import ending
from station.demo.bench_service import DemoError
from station.demo.bench_station import BenchStation
from station.demo.books import Ledger, books_of_csms, books_of_log, differences
from station.demo.csms import Csms, Received
from station.demo.hands import ID_TAG, Hands, is_delivered
from station.demo.screen import Narrator, Screen, Speaker
from station.runtime.clock import StationClock, SystemClock

AGREED, DISAGREED = 0, 1


class Options(Value, frozen=True, kw_only=True):
    """How the story is shown: `keep` stays up afterwards, `pace` 1 is made for reading."""

    keep: bool = False
    pace: float = 1.0


async def play(screen: Screen, options: Options, csms: Csms | None = None) -> int:
    """Plays the story; 0 if log and CSMS agree, else 1. Whenever it is cancelled, no process is left."""
    clock = SystemClock()
    narrator = Narrator(screen, clock)
    with tempfile.TemporaryDirectory(prefix="chargebox-demo-", ignore_cleanup_errors=True) as directory:
        async with csms or Csms(clock) as listening:
            bench = BenchStation(Path(directory), listening.url)
            story = DemoStory(narrator, clock, listening, bench, options.pace)
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
    narrator.plain(f"The demonstration cannot go on: {error}", Speaker.BAD)
    if words := bench.last_words():
        narrator.plain(f"The station's last words:\n{words}")


def compare(narrator: Narrator, log: Ledger, csms: Ledger) -> int:
    """Shows both books; AGREED or DISAGREED."""
    found = differences(log, csms)
    for voice, text in ending.summary(log, csms, found, narrator.seconds):
        narrator.plain(text, voice)
    return DISAGREED if found else AGREED


class DemoStory:
    """The steps, in order. `tell` plays them all."""

    def __init__(self, narrator: Narrator, clock: StationClock, csms: Csms, bench: BenchStation, pace: float) -> None:
        self._narrator = narrator
        self._csms = csms
        self._bench = bench
        self._hands = Hands(narrator, clock, bench.service, pace)
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
        await self._hands.until(
            "the station to be accepted", lambda state: state["registration"]["status"] == "Accepted"
        )
        await self._hands.status("Available")
        await self._hands.pause(1)

    async def _charge(self) -> None:
        self._narrator.step("A driver plugs a car in.")
        await self._hands.plug()
        await self._hands.status("Preparing")
        await self._hands.pause(1)
        self._narrator.step(f"The driver holds the tag {ID_TAG} to the reader. The CSMS is asked, and agrees.")
        await self._hands.swipe()
        await self._hands.status("Charging")
        await self._hands.go_on(samples=5)

    async def _cut_network(self) -> None:
        self._narrator.step(
            "The network is cut. The station goes on charging, and keeps what the CSMS has not received."
        )
        await self._bench.service.control("network", up=False, persist=True)
        await self._hands.until("the link to be down", lambda state: not state["link"]["up"])
        await self._hands.go_on(samples=4)

    async def _charge_offline(self) -> None:
        self._narrator.step("The driver holds the tag to the reader again: the transaction is stopped, offline.")
        await self._hands.swipe()
        await self._hands.status("Finishing")
        await self._hands.take_cable()
        await self._hands.pause(1)
        self._narrator.step(
            "The same tag with another car. The station knows the tag, and starts a second transaction."
        )
        await self._hands.plug()
        await self._hands.swipe()
        await self._hands.status("Charging")
        await self._hands.go_on(samples=3)

    async def _cut_power(self) -> None:
        self._narrator.step(f"The power is cut: kill -9 {self._bench.pid}, in the middle of the transaction.")
        await self._bench.kill()
        await self._hands.pause(1)
        self._narrator.step("The power is back, the network is not. The station reads its log and starts again.")
        await self._bench.start()
        state = await self._hands.until("the transaction to be closed", _nothing_runs)
        closed = state["transactions"][-1]
        self._narrator.station(
            f"closes the interrupted transaction: {closed['reason']}, {closed['meter_stop_wh']} Wh on the register"
        )
        self._narrator.station(f"{state['outbox']['pending']} messages wait in the outbox, in order")
        await self._hands.pause(1.5)

    async def _deliver(self) -> None:
        self._narrator.step(
            "The network is back. What waits in the outbox is sent, oldest first, with the ids that the CSMS gave."
        )
        await self._bench.service.control("network", up=True)
        await self._hands.until("everything to be delivered", is_delivered)
        await self._hands.pause(1)
        self._narrator.step("The driver takes the cable.")
        await self._hands.take_cable()
        await self._hands.until("everything to be delivered", is_delivered)

    async def _compare(self) -> int:
        log = books_of_log(await self._bench.service.events())
        return compare(self._narrator, log, books_of_csms(self._csms.received))

    def _on_call(self, call: Received) -> None:
        self._narrator.csms(ending.described(call))


def _nothing_runs(state: Any) -> bool:
    return bool(state["transactions"]) and all(one["stopped_at"] for one in state["transactions"])
