"""Looking at the real inputs once, for `chargebox doctor`, and making the outputs safe, for whoever starts and stops the daemon."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from devices.findings import BoardFinding
from devices.gpio.board import GpioBoard
from devices.gpio.findings import reading_findings
from devices.gpio.lines import OutputPin
from devices.gpio.pilot_output import SysfsPwm
from devices.gpio.wiring import Wiring
from devices.protocols import BoardUnavailable
from devices.readings import MeterReading, MeterUnavailable, ProximityReading, Reading

SETTLE_S = 3.0
"""Longer than a contactor, a debounced input and two polls of a meter take."""


async def probe(
    wiring: Wiring, factory: Any = None, *, wait: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> tuple[tuple[Reading, ...], tuple[BoardFinding, ...]]:
    """What an idle board reports within some seconds, and what is wrong with that. Outputs stay safe.

    Raises `BoardUnavailable`, above all while the daemon runs and has the pins.
    """
    loop = asyncio.get_running_loop()

    def now_ms() -> int:
        return int(loop.time() * 1_000)

    readings: list[Reading] = []
    board = GpioBoard(wiring, factory, station_time=now_ms)
    board.open(readings.append)
    try:
        await wait(SETTLE_S)
        meters: list[MeterReading | str] = []
        for connector_id in board.connector_ids:
            try:
                meters.append(board.read_meter(connector_id, now_ms()))
            except MeterUnavailable as error:
                meters.append(error.reason)
    finally:
        board.close()
        await board.wait_closed()
    judged = [r for r in readings if not (wiring.fixed_cable and isinstance(r, ProximityReading))]
    return tuple(readings), reading_findings(wiring, _last(judged), meters)


def make_safe(wiring: Wiring, factory: Any) -> tuple[str, ...]:
    """Open every contactor, stop every lock's motor and make every pilot steady, then release the pins; what refused, in words.

    For a service manager after the daemon died: the kernel's PWM and some back ends go on driving what a process left.
    """
    refused = []
    for number, connector in enumerate(wiring.connectors, start=1):
        motor = () if connector.lock is None else (connector.lock.lock, connector.lock.unlock)
        monitor = () if connector.residual_monitor is None else (connector.residual_monitor.test,)
        for line in (connector.contactor.coil, *connector.contactor.phase_enables, *motor, *monitor):
            try:
                OutputPin(factory, line).close()
            except Exception as error:  # noqa: BLE001  # the next output must be made safe all the same
                refused.append(f"connector {number}: {line.pin}: {error}")
        try:
            SysfsPwm(connector.pilot).close()
        except Exception as error:  # noqa: BLE001  # as above
            refused.append(f"connector {number}: pilot: {error}")
    return tuple(refused)


def _last(readings: list[Reading]) -> list[Reading]:
    """Of each kind and connector the last one."""
    kept = {(type(r), getattr(r, "connector_id", 0), getattr(r, "error_code", "")): r for r in readings}
    return list(kept.values())


__all__ = ["BoardUnavailable", "make_safe", "probe"]
