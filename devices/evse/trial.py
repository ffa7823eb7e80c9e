"""A controller tried with nobody else on its bus: switched off by who finds it so, and its failsafe seen to act.

The trial lets a vehicle draw, stops talking to the controller and watches the current fall. With a meter of ours the fall is timed;
with the controller's own meter, asking is talking: then one look after the time tells whether it has fallen.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from devices.evse.board import EvseBoard
from devices.evse.point import ControlledConnector
from devices.evse.said import CURRENT_MIN_MA
from devices.evse.watch import FLOWS_FROM_MA
from devices.evse.wiring import EvseWiring
from devices.findings import BoardFinding, error, sound, warning
from devices.gpio.rack import Timers
from devices.protocols import BoardUnavailable

GATHERS_S = 15.0
DRAWS_WITHIN_S = 60.0
FALLS_WITHIN_S = 10.0
"""How long after its time the failsafe may take to be seen, vehicle and meter included."""
LOOK_S = 0.25
SAFE_S = 2.0

Wait = Callable[[float], Awaitable[None]]


class Bench(Struct, frozen=True, kw_only=True):
    """What a trial works with: how it waits, and what its time is in ms; `timers` stand in for the event loop's own."""

    wait: Wait
    now_ms: Callable[[], int]
    timers: Timers | None = None


def real_time() -> Bench:
    """The event loop's own time."""
    return Bench(wait=asyncio.sleep, now_ms=lambda: int(asyncio.get_running_loop().time() * 1_000))


async def make_safe(wiring: EvseWiring, factory: Any = None) -> tuple[str, ...]:
    """Tell every controller to offer nothing, and make every pin inactive; who did not confirm it, in words."""
    bench = real_time()
    board = EvseBoard(wiring, factory, station_time=bench.now_ms)
    try:
        board.open(lambda reading: None)
    except BoardUnavailable as refused:
        return (str(refused),)
    until_ms = bench.now_ms() + int(SAFE_S * 1_000)
    while bench.now_ms() < until_ms and not all(point.is_off for point in board.points):
        await bench.wait(0.02)
    refused_by = tuple(
        f"connector {point.connector_id}: its controller did not say that it is off"
        for point in board.points
        if not point.is_off
    )
    board.close()
    await board.wait_closed()
    return refused_by


async def try_failsafe(
    wiring: EvseWiring, tell: Callable[[str], None], factory: Any = None, bench: Bench | None = None
) -> tuple[BoardFinding, ...]:
    """Try it on every connector with a vehicle that draws; what was seen. `tell` says what goes on, and what to do. Nothing is offered
    at the end."""
    at = bench or real_time()
    board = EvseBoard(wiring, factory, station_time=at.now_ms, timers=at.timers)
    try:
        board.open(lambda reading: None)
    except BoardUnavailable as refused:
        return (error("board", str(refused)),)
    try:
        gathered: list[bool] = []
        board.when_gathered(lambda: gathered.append(True))
        await _until(at, lambda: bool(gathered), GATHERS_S)
        return tuple([await _tried(wiring, point, tell, at) for point in board.points])
    finally:
        board.close()
        await board.wait_closed()


async def _tried(
    wiring: EvseWiring, point: ControlledConnector, tell: Callable[[str], None], at: Bench
) -> BoardFinding:
    number, section = point.connector_id, wiring.connectors[point.connector_id - 1]
    where = f"connector.{number}"
    if point.trouble is not None:
        return error(where, f"its controller: {point.trouble.reason}")
    floor_ma = max(section.failsafe_a * 1_000, point.controller.failsafe_ma or 0)
    offer_ma = min(wiring.max_current_a * 1_000, max(CURRENT_MIN_MA, floor_ma + 4_000 if floor_ma else 0))
    tell(f"connector {number}: offers {offer_ma // 1_000} A; a vehicle must draw within {DRAWS_WITHIN_S:.0f} s")
    point.offer(offer_ma)
    if not await _until(
        at, lambda: (point.current_ma() or 0) >= max(FLOWS_FROM_MA, floor_ma + FLOWS_FROM_MA), DRAWS_WITHIN_S
    ):
        point.offer(0)
        return warning(where, "the failsafe was not tried: no current flowed that it could take away")
    before_ma = point.current_ma() or 0
    tell(
        f"connector {number}: {before_ma / 1_000:.1f} A flow; nothing is said to the controller for {section.failsafe_s} s"
    )
    point.controller.hush(True)
    began_ms = at.now_ms()
    fell_ms = await _watched(at, point, floor_ma, section.failsafe_s, is_ours=section.meter is not None)
    after_ma = point.current_ma()
    point.controller.hush(False)
    point.offer(0)
    if fell_ms is None:
        shown = "an unknown current flows" if after_ma is None else f"{after_ma / 1_000:.1f} A flow"
        return error(
            where,
            f"NO FAILSAFE: {shown} {(at.now_ms() - began_ms) / 1_000:.0f} s after the last word: a pin in the enable line is needed",
        )
    within = f"{fell_ms / 1_000:.1f} s" if section.meter is not None else f"less than {fell_ms / 1_000:.0f} s"
    return sound(
        where, f"the failsafe acts: from {before_ma / 1_000:.1f} A to {(after_ma or 0) / 1_000:.1f} A in {within}"
    )


async def _watched(
    at: Bench, point: ControlledConnector, floor_ma: int, failsafe_s: int, *, is_ours: bool
) -> int | None:
    """After how many ms the current had fallen; None if it did not."""
    began_ms = at.now_ms()

    def has_fallen() -> bool:
        current_ma = point.current_ma()
        return current_ma is not None and current_ma <= floor_ma + FLOWS_FROM_MA

    if is_ours:
        fell = await _until(at, has_fallen, failsafe_s + FALLS_WITHIN_S)
        return at.now_ms() - began_ms if fell else None
    await at.wait(failsafe_s + FALLS_WITHIN_S / 2)
    asked_ms = at.now_ms()
    heard = point.heard
    point.controller.hush(False)  # its first word tells how it was; only then it may take up again
    await _until(at, lambda: point.heard > heard, GATHERS_S)
    return asked_ms - began_ms if has_fallen() else None


async def _until(at: Bench, condition: Callable[[], bool], within_s: float) -> bool:
    """Whether it came true in time."""
    until_ms = at.now_ms() + int(within_s * 1_000)
    while not condition():
        if at.now_ms() >= until_ms:
            return False
        await at.wait(LOOK_S)
    return True
