"""Watchdogs: fed while the loop runs, and not a moment longer."""

import os
from pathlib import Path

import pytest

from devices.gpio.sections import WatchdogSection
from devices.gpio.values import OutputLine
from devices.gpio.watchdog import Feeding, KernelWatchdog, new_watchdogs
from tests.unit.devices.gpio.hand_rack import HandRack

pytestmark = pytest.mark.asyncio

PIN = OutputLine(pin="GPIO4")


async def test_a_circuit_gets_an_edge_at_each_feed_and_none_after_the_end() -> None:
    rig = HandRack()
    feeding = Feeding(rig.rack, new_watchdogs(rig.rack, WatchdogSection(pin=PIN)), 250)
    levels = [rig.high("GPIO4")]
    for _ in range(4):
        await rig.timers.advance(250)
        levels.append(rig.high("GPIO4"))
    assert levels == [True, False, True, False, True]
    feeding.close()
    await rig.timers.advance(1_000)
    assert rig.high("GPIO4") is False
    assert rig.factory.pin("GPIO4").function == "input"


async def test_the_kernels_watchdog_is_set_fed_and_disarmed(tmp_path: Path) -> None:
    device = tmp_path / "watchdog"
    device.touch()
    timeouts: list[int] = []
    watchdog = KernelWatchdog(str(device), 15, lambda descriptor, timeout_s: timeouts.append(timeout_s))
    rig = HandRack()
    feeding = Feeding(rig.rack, (watchdog,), 1_000)
    await rig.timers.advance(2_000)
    assert (timeouts, device.read_bytes()) == ([15], b"\0\0\0")
    feeding.close()
    watchdog.close()
    watchdog.feed()
    assert device.read_bytes() == b"\0\0\0V"


async def test_a_watchdog_that_is_none_is_an_error(tmp_path: Path) -> None:
    rig = HandRack()
    with pytest.raises(OSError, match="watchdog"):
        new_watchdogs(rig.rack, WatchdogSection(device=str(tmp_path / "watchdog")))
    device = tmp_path / "plain"
    os.close(os.open(device, os.O_CREAT))
    with pytest.raises(OSError, match="ioctl"):
        KernelWatchdog(str(device), 15)
