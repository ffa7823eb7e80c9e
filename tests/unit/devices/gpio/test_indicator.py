"""The lamp: words, light, answers to tags."""

import pytest

from devices.gpio.indicator import LOOKS, RgbIndicator
from devices.gpio.sections import IndicatorSection
from devices.gpio.values import OutputLine
from station.wire.enums import ChargePointStatus
from tests.unit.devices.gpio.hand_rack import HandRack

pytestmark = pytest.mark.asyncio

PINS = ("GPIO5", "GPIO6", "GPIO12")


class Rig(HandRack):
    def __init__(self, *, dimmable: bool = True) -> None:
        super().__init__()
        red, green, blue = (OutputLine(pin=pin) for pin in PINS)
        section = IndicatorSection(red=red, green=green, blue=blue, dimmable=dimmable)
        self.driver = RgbIndicator(self.rack, section)

    @property
    def colour(self) -> tuple[float, ...]:
        return tuple(round(float(self.factory.pin(pin).state), 2) for pin in PINS)

    async def watch(self, duration_ms: int, step_ms: int) -> list[tuple[float, ...]]:
        seen = []
        for _ in range(duration_ms // step_ms):
            await self.timers.advance(step_ms // 2)
            seen.append(self.colour)
            await self.timers.advance(step_ms - step_ms // 2)
        return seen


async def test_every_status_of_the_standard_has_a_look() -> None:
    assert {status.value for status in ChargePointStatus} <= set(LOOKS)


async def test_a_word_is_shown_and_an_unknown_one_as_a_fault() -> None:
    rig = Rig()
    rig.driver.show("Available")
    assert rig.colour == (0, 1, 0)
    rig.driver.show("whatever")
    assert await rig.watch(1_000, 250) == [(1, 0, 0), (0, 0, 0)] * 2
    rig.driver.show("")
    assert await rig.watch(1_000, 250) == [(0, 0, 0)] * 4
    rig.driver.close()
    rig.driver.close()


async def test_light_intensity_dims_what_is_shown() -> None:
    rig = Rig()
    rig.driver.show("Available")
    rig.driver.set_light(40, 3)
    assert rig.colour == (0, 0.4, 0)
    rig.driver.set_light(250, 3)
    assert rig.colour == (0, 1, 0)
    rig.driver.set_light(-5, 3)
    assert rig.colour == (0, 0, 0)


async def test_a_lamp_that_cannot_be_dimmed_is_on_or_off() -> None:
    rig = Rig(dimmable=False)
    rig.driver.set_light(40, 3)
    rig.driver.show("Reserved")
    assert rig.colour == (1, 1, 0)


@pytest.mark.parametrize(("accepted", "colour"), [(True, (0, 1, 0)), (False, (1, 0, 0))])
async def test_a_tag_is_answered_as_often_as_blink_repeat_says(accepted: bool, colour: tuple[int, ...]) -> None:
    rig = Rig()
    rig.driver.show("Charging")
    rig.driver.set_light(100, 2)
    rig.driver.answer(accepted)
    rig.driver.show("Finishing")
    assert await rig.watch(1_500, 300) == [colour, (0, 0, 0), colour, (0, 0, 0), (0, 1, 1)]


async def test_without_repeats_nothing_blinks() -> None:
    rig = Rig()
    rig.driver.show("Charging")
    rig.driver.set_light(100, 0)
    rig.driver.answer(True)
    assert await rig.watch(600, 300) == [(0, 0, 1)] * 2
