"""The contactor with its mirror contact, and the switching of phases."""

import pytest

from devices.gpio.contactor import MirroredContactor
from devices.gpio.sections import ContactorSection
from devices.gpio.values import InputLine, OutputLine
from tests.contract.hand_time import drained
from tests.unit.devices.gpio.hand_rack import HandRack

pytestmark = pytest.mark.asyncio

COIL = OutputLine(pin="GPIO5")
MIRROR = InputLine(pin="GPIO6", active="low")
ENABLES = tuple(OutputLine(pin=pin) for pin in ("GPIO12", "GPIO13", "GPIO16"))


class Rig(HandRack):
    """A contactor whose poles the test moves."""

    def __init__(self, *, mirror: bool = True, enables: int = 0, found_closed: bool = False) -> None:
        super().__init__()
        section = ContactorSection(
            coil=COIL, mirror=MIRROR if mirror else None, phase_enables=ENABLES[:enables], phase_pause_ms=1_000
        )
        self.driver = MirroredContactor(self.rack, section)
        self.reported: list[tuple[bool, str]] = []
        self.put("GPIO6", found_closed)
        self.driver.on_feedback(lambda closed, fault: self.reported.append((closed, fault)))

    async def poles(self, *, closed: bool) -> None:
        self.put("GPIO6", closed)
        await self.timers.advance(50)

    @property
    def coil(self) -> bool:
        return self.high("GPIO5")

    @property
    def enabled(self) -> str:
        return "".join(str(n) for n, line in enumerate(ENABLES, start=1) if self.high(line.pin))


async def test_it_follows_the_mirror_and_not_the_command() -> None:
    rig = Rig()
    rig.driver.set_closed(True, 3)
    assert (rig.coil, rig.reported) == (True, [(False, "")])
    await rig.poles(closed=True)
    assert rig.reported[1:] == [(True, "")]
    rig.driver.set_closed(False, 3)
    assert rig.coil is False
    await rig.poles(closed=False)
    assert rig.reported[2:] == [(False, "")]
    await rig.timers.advance(1_000)
    assert len(rig.reported) == 3


async def test_poles_that_do_not_close_are_stuck_until_they_are_seen_closed() -> None:
    rig = Rig()
    rig.driver.set_closed(True, 3)
    await rig.timers.advance(200)
    assert rig.reported[1:] == [(False, "stuck")]
    rig.driver.set_closed(False, 3)
    await rig.timers.advance(1_000)
    assert rig.reported[2:] == []
    rig.driver.set_closed(True, 3)
    await rig.poles(closed=True)
    assert rig.reported[2:] == [(True, "")]


async def test_poles_that_do_not_open_are_welded_until_they_are_seen_open() -> None:
    rig = Rig()
    rig.driver.set_closed(True, 3)
    await rig.poles(closed=True)
    rig.driver.set_closed(False, 3)
    await rig.timers.advance(200)
    assert rig.reported[2:] == [(True, "welded")]
    await rig.poles(closed=False)
    assert rig.reported[3:] == [(False, "")]


async def test_poles_that_are_closed_when_the_daemon_starts_are_welded() -> None:
    rig = Rig(found_closed=True)
    await rig.timers.advance(300)
    assert rig.reported == [(True, ""), (True, "welded")]


async def test_poles_that_drop_out_by_themselves_are_reported_at_once_and_then_stuck() -> None:
    rig = Rig()
    rig.driver.set_closed(True, 3)
    await rig.poles(closed=True)
    await rig.timers.advance(1_000)
    await rig.poles(closed=False)
    assert rig.reported[2:] == [(False, "")]
    await rig.timers.advance(200)
    assert rig.reported[3:] == [(False, "stuck")]


async def test_opening_before_the_check_is_no_fault() -> None:
    rig = Rig()
    rig.driver.set_closed(True, 3)
    await rig.timers.advance(100)
    rig.driver.set_closed(False, 3)
    await rig.timers.advance(1_000)
    assert rig.reported == [(False, "")]


async def test_without_a_mirror_it_is_believed() -> None:
    rig = Rig(mirror=False)
    rig.driver.set_closed(True, 3)
    rig.driver.set_closed(True, 3)
    rig.driver.set_closed(False, 3)
    assert rig.reported == [(False, ""), (True, ""), (False, "")]


@pytest.mark.parametrize(
    ("enables", "by_phases"),
    [(0, {1: "", 3: ""}), (1, {1: "", 3: "1"}), (2, {1: "", 2: "1", 3: "12"}), (3, {1: "1", 2: "12", 3: "123"})],
)
async def test_phases_are_enabled_before_the_coil(enables: int, by_phases: dict[int, str]) -> None:
    for phases, enabled in by_phases.items():
        rig = Rig(enables=enables)
        rig.driver.set_closed(True, phases)
        assert (rig.coil, rig.enabled) == (True, enabled)
        rig.driver.set_closed(False, phases)
        assert (rig.coil, rig.enabled) == (False, "")


async def test_other_phases_are_enabled_with_open_poles_and_after_a_pause() -> None:
    rig = Rig(enables=3)
    rig.driver.set_closed(True, 3)
    await rig.poles(closed=True)
    rig.driver.set_closed(True, 1)
    assert (rig.coil, rig.enabled) == (False, "")
    await rig.poles(closed=False)
    rig.driver.set_closed(True, 1)
    await rig.timers.advance(900)
    assert rig.coil is False
    await rig.timers.advance(100)
    assert (rig.coil, rig.enabled) == (True, "1")
    assert "stuck" not in str(rig.reported)


async def test_opening_during_the_pause_stays_open() -> None:
    rig = Rig(enables=3)
    rig.driver.set_closed(True, 3)
    await rig.poles(closed=True)
    rig.driver.set_closed(True, 1)
    rig.driver.set_closed(False, 1)
    await rig.poles(closed=False)
    await rig.timers.advance(5_000)
    assert rig.coil is False


async def test_welded_poles_get_no_other_phases() -> None:
    rig = Rig(enables=3)
    rig.driver.set_closed(True, 3)
    await rig.poles(closed=True)
    rig.driver.set_closed(True, 1)
    await rig.timers.advance(5_000)
    assert rig.reported[-1] == (True, "welded")
    assert (rig.coil, rig.enabled) == (False, "")


async def test_the_same_command_again_changes_nothing() -> None:
    rig = Rig(enables=3)
    rig.driver.set_closed(True, 3)
    rig.factory.pin("GPIO5").clear_states()
    rig.driver.set_closed(True, 3)
    await rig.poles(closed=True)
    rig.driver.set_closed(True, 3)
    assert len(rig.factory.pin("GPIO5").states) == 1


async def test_closing_the_driver_opens_and_reports_no_more() -> None:
    rig = Rig(enables=3)
    rig.driver.set_closed(True, 3)
    await rig.poles(closed=True)
    rig.driver.set_closed(True, 1)
    count = len(rig.reported)
    rig.driver.close()
    rig.driver.close()
    await rig.timers.advance(5_000)
    await drained()
    assert len(rig.reported) == count
    assert rig.factory.pin("GPIO5").function == "input"
