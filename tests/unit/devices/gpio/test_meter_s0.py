"""The pulse meter."""

import threading

import pytest

from devices.gpio.meter_s0 import PulseMeter
from devices.gpio.sections import MeterSection
from devices.gpio.values import InputLine
from tests.unit.devices.gpio.hand_rack import HandRack

pytestmark = pytest.mark.asyncio


class Rig(HandRack):
    def __init__(self, pulses_per_kwh: int = 1_000) -> None:
        super().__init__()
        section = MeterSection(
            kind="s0", pulse=InputLine(pin="GPIO26", active="low"), pulses_per_kwh=pulses_per_kwh, pulse_ms=30
        )
        self.driver = PulseMeter(self.rack, section, 1)
        self.driver.on_failure(lambda reason: None)

    def pulse(self) -> None:
        self.put("GPIO26", False)
        self.put("GPIO26", True)


async def test_each_pulse_is_a_part_of_a_kwh() -> None:
    rig = Rig(pulses_per_kwh=800)
    for _ in range(10):
        rig.timers.at_ms += 500
        rig.pulse()
    assert rig.driver.read(rig.timers.at_ms).energy_wh == 12


async def test_power_is_what_two_pulses_say_and_less_if_the_next_is_overdue() -> None:
    rig = Rig()
    assert rig.driver.read(0).power_w == 0
    for at_ms in (1_000, 2_000):
        rig.timers.at_ms = at_ms
        rig.pulse()
    assert rig.driver.read(2_000).power_w == 3_600
    assert rig.driver.read(3_000).power_w == 3_600
    assert rig.driver.read(12_000).power_w == 360


async def test_a_pulse_that_bounces_is_one() -> None:
    rig = Rig()
    for _ in range(5):
        rig.pulse()
        rig.timers.at_ms += 5
    rig.timers.at_ms += 30
    rig.pulse()
    assert rig.driver.read(100).energy_wh == 2


async def test_pulses_are_counted_while_the_loop_is_busy() -> None:
    rig = Rig()

    def meter() -> None:
        for _ in range(1_000):
            rig.timers.at_ms += 40
            rig.pulse()

    thread = threading.Thread(target=meter)
    thread.start()
    thread.join()
    assert rig.driver.read(rig.timers.at_ms).energy_wh == 1_000
    rig.driver.close()
