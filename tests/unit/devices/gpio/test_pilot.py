"""The control pilot: what the level says, in time, with noise, without a diode, and when it cannot be read."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from devices.gpio.adc import CONVERSIONS_MIN
from devices.gpio.pilot import (
    IDLE_STALE_MS,
    REACTION_MAX_MS,
    STALE_MS,
    STEADY_CONVERSIONS,
    AdcSense,
    ComparatorSense,
    Pilot,
    reaction_ms,
)
from devices.gpio.sections import PilotSection
from devices.gpio.values import InputLine
from tests.unit.devices.gpio.hand_rack import HandRack

LEVELS_MV = {"A": 12_000, "B": 9_000, "C": 6_000, "D": 3_000, "E": 0, "F": -12_000}
PEAK = PilotSection(pin="GPIO18", sense="peak", adc="a", low_channel=2, idle_period_ms=100)
LINES = {
    "above_10500_mv": "GPIO5",
    "above_7500_mv": "GPIO6",
    "above_4500_mv": "GPIO12",
    "above_1500_mv": "GPIO13",
    "below_minus_10500_mv": "GPIO16",
}
COMPARATORS = PilotSection(
    pin="GPIO18",
    sense="comparators",
    hold_ms=40,
    **{name: InputLine(pin=pin, pull="none") for name, pin in LINES.items()},  # type: ignore[arg-type]  # by name
)


class Driven:
    """An output that only remembers."""

    def __init__(self) -> None:
        self.duty_permille = 1000

    def set_permille(self, duty_permille: int) -> int:
        self.duty_permille = duty_permille // 5 * 5
        return self.duty_permille

    def close(self) -> None:
        self.duty_permille = 1000


class Channel:
    """A converter of 12 bits from -15 V to 15 V."""

    full_scale = 4_095

    def __init__(self) -> None:
        self.level_mv = 12_000
        self.fails = False

    def read(self) -> int:
        if self.fails:
            raise OSError("no bus")
        return (self.level_mv + 15_000) * self.full_scale // 30_000

    def close(self) -> None:
        self.fails = True


class Rig(HandRack):
    """A pilot behind peak-holds whose levels the test sets."""

    def __init__(self, section: PilotSection = PEAK) -> None:
        super().__init__()
        self.high, self.low = Channel(), Channel()  # type: ignore[assignment]  # of the converter, not of a pin
        self.output = Driven()
        poller = self.rack.poller("a")
        channels: Any = (self.high, self.low)
        self.driver = Pilot(self.output, AdcSense(self.rack, section, poller, channels))
        self.states: list[str] = []
        self.failures: list[str | None] = []
        self.driver.on_failure(self.failures.append)
        self.driver.on_state(self.states.append)
        poller.start()

    def level(self, high_mv: int, low_mv: int | None = None) -> None:
        self.high.level_mv = high_mv  # type: ignore[attr-defined]
        self.low.level_mv = high_mv if low_mv is None else low_mv


@pytest.mark.asyncio
async def test_the_first_state_is_reported_and_then_each_that_lasts() -> None:
    rig = Rig()
    for state in "BCDCBA":
        rig.level(LEVELS_MV[state])
        await rig.timers.advance(250)
    assert "".join(rig.states) == "ABCDCBA"


@pytest.mark.asyncio
async def test_a_level_that_is_there_once_is_none() -> None:
    rig = Rig()
    rig.driver.set_duty(500)
    rig.level(6_000, -12_000)
    await rig.timers.advance(300)
    rig.level(0, -12_000)
    await rig.timers.advance(24)
    rig.level(6_000, -12_000)
    await rig.timers.advance(300)
    assert "".join(rig.states) == "AC"


@pytest.mark.asyncio
async def test_a_vehicle_that_stops_drawing_is_known_within_the_limit_of_the_standard() -> None:
    rig = Rig()
    rig.driver.set_duty(500)
    rig.level(6_000, -12_000)
    await rig.timers.advance(300)
    for after_ms in range(0, 25, 3):
        await rig.timers.advance(after_ms)
        rig.level(9_000, -12_000)
        await rig.timers.advance(reaction_ms(PEAK))
        assert rig.states[-1] == "B"
        rig.level(6_000, -12_000)
        await rig.timers.advance(300)
    assert reaction_ms(PEAK) <= REACTION_MAX_MS


@pytest.mark.asyncio
async def test_while_it_alternates_a_vehicle_without_a_diode_is_e() -> None:
    rig = Rig()
    rig.driver.set_duty(500)
    rig.level(6_000, -6_000)
    await rig.timers.advance(300)
    assert rig.states[-1] == "E"
    rig.level(6_000, -12_000)
    await rig.timers.advance(300)
    assert rig.states[-1] == "C"


@pytest.mark.asyncio
async def test_while_it_is_steady_the_negative_peak_says_nothing() -> None:
    rig = Rig()
    rig.level(9_000, 3_000)
    await rig.timers.advance(300)
    assert rig.states[-1] == "B"
    rig.driver.set_duty(0)
    rig.level(-12_000, -12_000)
    await rig.timers.advance(300)
    assert rig.states[-1] == "F"


@pytest.mark.asyncio
async def test_the_duty_is_what_is_really_set() -> None:
    rig = Rig()
    assert rig.driver.set_duty(267) == 265
    assert (rig.driver.duty_permille, rig.output.duty_permille) == (265, 265)
    rig.driver.close()
    assert rig.output.duty_permille == 1000


@pytest.mark.parametrize(
    ("duty_permille", "loaded", "stale_ms"),
    [(500, False, STALE_MS), (1_000, True, STALE_MS), (1_000, False, IDLE_STALE_MS)],
)
@pytest.mark.asyncio
async def test_a_level_that_cannot_be_read_is_a_failure_until_it_can(
    duty_permille: int, loaded: bool, stale_ms: int
) -> None:
    """Soon where it would offer a current or one may flow, later where it offers nothing."""
    rig = Rig()
    rig.driver.set_duty(duty_permille)
    rig.driver.watch(loaded=loaded)
    rig.level(12_000, 12_000 if duty_permille == 1_000 else -12_000)
    rig.high.fails = True  # type: ignore[attr-defined]
    await rig.timers.advance(stale_ms)
    assert rig.failures == []
    await rig.timers.advance(2 * STALE_MS)
    assert rig.failures == ["the pilot's level cannot be read"]
    rig.high.fails = False  # type: ignore[attr-defined]
    await rig.timers.advance(200)
    assert rig.failures[1:] == [None]
    rig.driver.close()
    await rig.timers.advance(5_000)
    assert rig.states == ["A"]
    assert len(rig.failures) == 2


@pytest.mark.asyncio
async def test_a_vehicle_that_is_to_let_go_is_looked_at_as_often_as_one_that_is_offered_a_current() -> None:
    """Annex A: 100 ms to open when it leaves C, though the pilot is steady already."""
    rig = Rig(replace(PEAK, period_ms=25, idle_period_ms=400))
    rig.level(6_000)
    await rig.timers.advance(1_000)
    rig.driver.watch(loaded=True)
    await rig.timers.advance(400)
    rig.level(9_000)
    await rig.timers.advance(100)
    assert rig.states[-1] == "B"
    rig.driver.watch(loaded=False)
    await rig.timers.advance(400)
    rig.level(12_000)
    await rig.timers.advance(100)
    assert rig.states[-1] == "B"
    await rig.timers.advance(1_000)
    assert rig.states[-1] == "A"


@pytest.mark.asyncio
async def test_a_steady_level_is_told_by_a_few_conversions_and_an_alternating_one_by_its_extremes() -> None:
    """The processor has other work while nothing is offered."""
    rig = Rig(replace(PEAK, sense="extremes", low_channel=None, idle_period_ms=250))
    channel: Any = rig.high
    read, counted = channel.read, [0]

    def count() -> int:
        counted[0] += 1
        return int(read())

    channel.read = count
    await rig.timers.advance(1_000)
    assert counted[0] <= 4 * STEADY_CONVERSIONS
    rig.driver.set_duty(500)
    await rig.timers.advance(300)
    assert counted[0] >= CONVERSIONS_MIN


@given(
    st.lists(st.tuples(st.sampled_from("ABCD"), st.booleans()), min_size=1, max_size=6),
    st.integers(-280, 280),
    st.integers(0, 2**31),
)
@settings(max_examples=25)
def test_noise_below_the_hysteresis_changes_no_state(steps: list[tuple[str, bool]], offset_mv: int, seed: int) -> None:
    """Levels of the table, each off by less than the standard's window, alternating or steady: that state and no other."""

    async def run() -> None:
        chance = random.Random(seed)
        rig = Rig()
        for state, alternates in steps:
            rig.driver.set_duty(500 if alternates else 1000)
            for _ in range(12):
                noise_mv = offset_mv + chance.randrange(-300, 301)
                rig.level(LEVELS_MV[state] + noise_mv, -12_000 + noise_mv if alternates else None)
                await rig.timers.advance(25)
            assert rig.states[-1] == state
        expected = "A" + "".join(state for state, _ in steps)
        assert "".join(rig.states) == "".join(
            state for position, state in enumerate(expected) if position == 0 or state != expected[position - 1]
        )

    asyncio.run(run())


def show(rig: HandRack, level_mv: int, *, negative: bool) -> None:
    for name, threshold_mv in zip(LINES, (10_500, 7_500, 4_500, 1_500), strict=False):
        rig.put(LINES[name], level_mv > threshold_mv)
    rig.put(LINES["below_minus_10500_mv"], negative)


@pytest.mark.asyncio
async def test_comparators_say_the_same() -> None:
    rig = HandRack()
    show(rig, 12_000, negative=False)
    driver = Pilot(Driven(), ComparatorSense(rig.rack, COMPARATORS))
    states: list[str] = []
    driver.on_failure(lambda reason: None)
    show(rig, 12_000, negative=False)
    driver.on_state(states.append)
    driver.set_duty(500)
    for state in "BCDCBAE":
        show(rig, LEVELS_MV[state], negative=True)
        await rig.timers.advance(100)
    show(rig, 6_000, negative=False)
    await rig.timers.advance(100)
    assert "".join(states) == "ABCDCBAE"
    driver.set_duty(0)
    show(rig, -12_000, negative=True)
    await rig.timers.advance(100)
    assert states[-1] == "F"
    driver.close()
    show(rig, 12_000, negative=False)
    await rig.timers.advance(500)
    assert states[-1] == "F"


@pytest.mark.asyncio
async def test_comparators_that_contradict_each_other_are_e() -> None:
    rig = HandRack()
    driver = Pilot(Driven(), ComparatorSense(rig.rack, replace(COMPARATORS, below_minus_10500_mv=None)))
    states: list[str] = []
    rig.put("GPIO5", True)
    driver.on_state(states.append)
    await rig.timers.advance(100)
    assert states == ["E"]
    driver.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("section", "beside", "at_most_ms"),
    [
        (PEAK, 0, 75),
        (replace(PEAK, sense="extremes"), 0, 75),
        (replace(PEAK, sense="extremes"), 1, 126),
        (replace(PEAK, period_ms=50), 0, 150),
        (replace(PEAK, hold_ms=60), 0, 125),
        (COMPARATORS, 0, 40),
    ],
)
async def test_the_reaction_is_the_sum_of_what_delays_it(section: PilotSection, beside: int, at_most_ms: int) -> None:
    assert reaction_ms(section, beside) == at_most_ms
