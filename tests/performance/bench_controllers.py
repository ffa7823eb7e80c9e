"""How long "off" takes on a bus of charging controllers, and how much of the bus they need: 1, 2 and 4 EVSE-DIN and a meter at 9600 baud.

    python tests/performance/bench_controllers.py

The line is a pair of pseudo-terminals that carry each byte in its time; the devices answer as soon as they have heard. Time to off is
from the call that takes energy away to the last byte of the write that does so, at moments all over the bus's round. With 4 it is the last of
all, told at once. Exits with 1 if one of three devices takes longer than the target.
"""

import asyncio
import statistics
import sys

from tests.unit.devices.evse.test_modbus_controller import Station, is_off, station

TARGET_MS = 250.0
ROUNDS = 60
PAUSE_S = 0.037
"""Walks through the round's phases."""


async def _off(found: Station, units: tuple[int, ...]) -> float:
    """From the call to the last byte of the last write, in ms."""
    assert found.bus_sim.line is not None
    loop = asyncio.get_running_loop()
    for unit in units:
        found.controllers[unit].want(10_000)
    for unit in units:
        await found.said(unit, 10_000)
    await asyncio.sleep(PAUSE_S * (loop.time() * 1_000 % 29))
    done: dict[int, float] = {}

    def watch(data: bytes, at_s: float) -> None:
        for unit in units:
            if is_off(data, unit):
                done.setdefault(unit, at_s)

    found.bus_sim.line.watch = watch
    began_s = loop.time()
    for unit in units:
        found.controllers[unit].want(0)
    for unit in units:
        await found.said(unit, 0)
    return (max(done.values()) - began_s) * 1_000


async def measure(count: int, *, together: bool) -> tuple[list[float], float]:
    """Times to off, and which part of the time the bus was busy while nothing happened."""
    units = tuple(range(1, count + 1))
    async with station(baudrate=9_600, units=units) as found:
        loop = asyncio.get_running_loop()
        began_s, busy_s = loop.time(), found.bus.busy_s
        await asyncio.sleep(5)
        load = (found.bus.busy_s - busy_s) / (loop.time() - began_s)
        times = [await _off(found, units if together else units[-1:]) for _ in range(ROUNDS)]
    return sorted(times), load


def main() -> int:
    """Prints the figures; returns the exit status."""
    missed = False
    print(f"{'devices on the bus':28} {'median ms':>10} {'p95 ms':>8} {'max ms':>8} {'bus busy':>9}")
    for count, together in ((1, False), (2, False), (4, False), (4, True)):
        times, load = asyncio.run(measure(count, together=together))
        name = f"{count} controllers, a meter{', all off' if together else ''}"
        p95 = times[len(times) * 95 // 100]
        missed |= count == 2 and times[-1] > TARGET_MS
        print(f"{name:28} {statistics.median(times):10.1f} {p95:8.1f} {times[-1]:8.1f} {load:9.0%}")
    print(f"target with three devices: <= {TARGET_MS:.0f} ms: {'MISSED' if missed else 'met'}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
