"""Lines: polarity, debouncing, lost edges, and random edge trains."""

import asyncio
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.debounce import DebounceRule
from devices.gpio.lines import Contact, InputPin, OutputPin, StableLevel
from devices.gpio.values import InputLine, OutputLine
from tests.contract.hand_time import HandTimers, drained
from tests.unit.devices.gpio.hand_rack import HandRack


@pytest.fixture
def loop_rack() -> Iterator[HandRack]:
    async def make() -> HandRack:
        return HandRack()

    with asyncio.Runner() as runner:
        yield runner.run(make())


@pytest.mark.parametrize("active", ["high", "low"])
def test_an_output_begins_inactive_and_ends_so(loop_rack: HandRack, active: str) -> None:
    pin = OutputPin(loop_rack.factory, OutputLine(pin="GPIO5", active=active))
    idle = active == "low"
    assert (loop_rack.high("GPIO5"), pin.active) == (idle, False)
    pin.set(True)
    assert (loop_rack.high("GPIO5"), pin.active) == (not idle, True)
    loop_rack.factory.pin("GPIO5").clear_states()
    pin.close()
    assert loop_rack.factory.pin("GPIO5").states[1].state == idle
    pin.set(True)
    pin.close()
    assert pin.active is False


@pytest.mark.parametrize("pull", ["up", "down", "none"])
@pytest.mark.parametrize("active", ["high", "low"])
def test_an_input_is_active_at_its_level_whatever_the_pull(loop_rack: HandRack, active: str, pull: str) -> None:
    pin = InputPin(loop_rack.factory, InputLine(pin="GPIO5", active=active, pull=pull))
    edges: list[bool] = []
    pin.on_edge(lambda active, age_ms: edges.append(active))
    for high in (True, False, True, False):
        loop_rack.put("GPIO5", high)
        assert pin.is_active() == (high == (active == "high"))
        if edges:
            assert edges[-1] == pin.is_active()
    assert len(edges) >= 3
    pin.close()
    pin.close()


@pytest.mark.asyncio
async def test_a_contact_reports_its_level_and_what_lasts() -> None:
    rig = HandRack()
    contact = Contact(rig.rack, InputLine(pin="GPIO5", active="low", hold_ms=20))
    levels: list[bool] = []
    assert contact.active is False
    contact.on_level(levels.append)
    for high in (False, True, False, True, False):
        rig.put("GPIO5", high)
        await drained()
    assert levels == [False]
    await rig.timers.advance(20)
    assert levels == [False, True]
    assert contact.active is True
    rig.put("GPIO5", True)
    await drained()
    rig.put("GPIO5", False)
    await rig.timers.advance(1_000)
    assert levels == [False, True]
    contact.close()
    assert levels == [False, True]


@pytest.mark.asyncio
async def test_an_urgent_level_counts_at_once() -> None:
    rig = HandRack()
    contact = Contact(rig.rack, InputLine(pin="GPIO5", active="high", hold_ms=500), urgent=(True,))
    rig.put("GPIO5", False)
    levels: list[bool] = []
    contact.on_level(levels.append)
    rig.put("GPIO5", True)
    await drained()
    assert levels == [False, True]
    rig.put("GPIO5", False)
    await rig.timers.advance(499)
    assert levels == [False, True]
    await rig.timers.advance(1)
    assert levels == [False, True, False]
    contact.close()


@pytest.mark.asyncio
async def test_a_lost_edge_is_repaired_by_reading_again() -> None:
    rig = HandRack(reread_ms=250)
    contact = Contact(rig.rack, InputLine(pin="GPIO5", active="high", hold_ms=20))
    levels: list[bool] = []
    contact.on_level(levels.append)
    rig.lose_edge("GPIO5", not rig.high("GPIO5"))
    await rig.timers.advance(250 + 20)
    assert levels == [True, False]
    contact.close()


@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.booleans()), max_size=30),
    st.integers(0, 50),
    st.integers(10, 300),
)
@settings(max_examples=80)
def test_whatever_the_edges_the_level_that_lasts_is_reported(
    train: list[tuple[int, bool, bool]], hold_ms: int, reread_ms: int
) -> None:
    """Edges at random times, some of which are lost: what is reported alternates, and ends with what is there."""
    timers = HandTimers()
    level = [False]
    reported: list[bool] = []
    rule: DebounceRule[bool] = DebounceRule(hold_ms=hold_ms, reread_ms=reread_ms)
    stable = StableLevel(rule, timers, lambda: level[0], reported.append)
    for wait_ms, value, is_seen in train:
        timers.advance_now(wait_ms)
        level[0] = value
        if is_seen:
            stable.see(value)
    timers.advance_now(reread_ms + hold_ms)
    assert reported[-1] == level[0] == stable.stable
    assert all(before != after for before, after in itertools.pairwise(reported))
    stable.close()
    timers.advance_now(1_000)
    stable.see(not level[0])
    assert reported[-1] == level[0]
