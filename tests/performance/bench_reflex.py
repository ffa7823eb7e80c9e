"""How long the reflex takes on the gpio board: from a line's edge in the kernel's queue to the contactor's command.

    python tests/performance/bench_reflex.py

The path is the whole one: edge, bridge, event loop, debounce, interlock, contactor. The pins are ours on a kernel without
copper; what a real one adds before the edge is queued is not in it. The floor is what a bare `call_soon_threadsafe` takes in the same process: on a
machine that does other things, that is most of it. Exits with 1 if the 99th percentile exceeds both the target and twice the floor's.
"""

import asyncio
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from devices.gpio.board import GpioBoard
from devices.interlock import initial_state, must_open, observe
from devices.readings import ConnectorOutputs, Reading
from station.daemon.process import SWITCH_INTERVAL_S
from tests.contract.electrical import Model
from tests.contract.rigs import wiring

TARGET_MS = 5.0
ROUNDS = 150
CLOSED = ConnectorOutputs(contactor_closed=True, duty_permille=200, locked=True, phases=3, indicator="")
EDGES = {"residual current (faults)": "GPIO22", "emergency stop": "GPIO17", "over-temperature (station)": "GPIO23"}
CHUNK = 100_000


class Station:
    """A board with the interlock at every reading, as the gateway has it."""

    def __init__(self) -> None:
        plan = wiring("comparators")
        self.model = Model(plan)
        self.model.sockets[1].ev_plugged = self.model.sockets[1].station_plugged = True
        self.model.sockets[1].locked = True
        self.coil = plan.connectors[0].contactor.coil
        self.opened_ns = 0
        self.opened = asyncio.Event()
        self.cleared = asyncio.Event()
        self.state = initial_state(1, has_lock=True)
        loop = asyncio.get_running_loop()
        self.board = GpioBoard(
            plan, self.model.factory, station_time=lambda: int(loop.time() * 1_000), pwm_root=self.model.pwm.root
        )
        self.board.open(self.report)
        settle = self.model.factory.on_output

        def watch() -> None:
            if not self.model.factory.level(self.coil) and not self.opened_ns:
                self.opened_ns = time.perf_counter_ns()
                self.opened.set()
            settle()

        self.model.factory.on_output = watch

    def report(self, reading: Reading) -> None:
        self.state = observe(self.state, reading)
        if must_open(self.state, 1) is None:
            self.cleared.set()
        else:
            self.board.open_contactor(1)

    async def round_ms(self, pin: str) -> float:
        """One edge, in a thread; how long until the coil's pin was driven."""
        self.board.apply(1, CLOSED)
        await asyncio.sleep(0.01)  # a station at rest, not one that has just switched
        assert self.model.factory.level(self.coil)
        self.opened.clear()
        self.opened_ns = 0
        began: list[int] = []

        def trip() -> None:
            began.append(time.perf_counter_ns())
            self.model.factory.put(pin, True)

        await asyncio.to_thread(trip)
        await asyncio.wait_for(self.opened.wait(), timeout=5)
        self.cleared.clear()
        self.model.factory.put(pin, False)
        if must_open(self.state, 1) is not None:
            await asyncio.wait_for(self.cleared.wait(), timeout=5)
        return (self.opened_ns - began[0]) / 1e6


@contextmanager
def busy_thread() -> Iterator[None]:
    """Another thread that computes, as the parsing of a large list does."""
    stop = threading.Event()

    def compute() -> None:
        while not stop.is_set():
            sum(range(CHUNK))

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def nothing() -> Iterator[None]:
    yield


async def measure(pin: str, rounds: int = ROUNDS) -> list[float]:
    station = Station()
    try:
        return sorted([await station.round_ms(pin) for _ in range(rounds)])
    finally:
        station.board.close()


async def floor() -> list[float]:
    """A thread wakes the loop, and nothing else."""
    loop = asyncio.get_running_loop()
    times = []
    for _ in range(ROUNDS):
        done: asyncio.Future[int] = loop.create_future()

        def wake(done: asyncio.Future[int] = done) -> int:
            began = time.perf_counter_ns()
            loop.call_soon_threadsafe(lambda: done.set_result(time.perf_counter_ns()))
            return began

        began = await asyncio.to_thread(wake)
        times.append((await done - began) / 1e6)
        await asyncio.sleep(0.02)
    return sorted(times)


def p99(times: list[float]) -> float:
    return times[len(times) * 99 // 100]


def main() -> int:
    """Prints the figures of each input; returns the exit status."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)  # as the daemon does
    missed = False
    loads: dict[str, Callable[[], AbstractContextManager[None]]] = {"idle": nothing, "a thread computes": busy_thread}
    print(f"{'edge':28} {'beside it':18} {'median ms':>10} {'p99 ms':>8} {'max ms':>8}")
    for beside, load in loads.items():
        with load():
            bare = asyncio.run(floor())
            print(f"{'(floor)':28} {beside:18} {statistics.median(bare):10.3f} {p99(bare):8.3f} {bare[-1]:8.3f}")
            for name, pin in EDGES.items():
                times = asyncio.run(measure(pin))
                missed |= beside == "idle" and p99(times) > max(TARGET_MS, 2 * p99(bare))
                print(f"{name:28} {beside:18} {statistics.median(times):10.3f} {p99(times):8.3f} {times[-1]:8.3f}")
    print(f"target: p99 <= {TARGET_MS} ms, or twice the floor: {'MISSED' if missed else 'met'}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
