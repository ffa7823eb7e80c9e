"""The motor lock: drives, attempts, jams, and what moves by hand."""

import pytest

from devices.gpio.lock import MotorLock
from devices.gpio.sections import LockSection
from devices.gpio.values import InputLine, OutputLine
from tests.unit.devices.gpio.hand_rack import HandRack

pytestmark = pytest.mark.asyncio

SECTION = LockSection(
    lock=OutputLine(pin="GPIO12"),
    unlock=OutputLine(pin="GPIO13"),
    locked=InputLine(pin="GPIO19", active="low"),
    drive_ms=600,
    attempts=3,
    pause_ms=400,
)


class Rig(HandRack):
    """A lock whose bolt the test moves, and what the motor did."""

    def __init__(self, *, feedback: bool = True) -> None:
        super().__init__()
        section = SECTION if feedback else LockSection(lock=SECTION.lock, unlock=SECTION.unlock)
        self.driver = MotorLock(self.rack, section)
        self.reported: list[tuple[bool, bool]] = []
        self.driver.on_position(lambda locked, jammed: self.reported.append((locked, jammed)))

    def bolt(self, *, locked: bool) -> None:
        self.put("GPIO19", not locked)

    @property
    def motor(self) -> str:
        return ("+" if self.high("GPIO12") else "") + ("-" if self.high("GPIO13") else "")

    async def watch(self, duration_ms: int) -> str:
        """What the motor does, in steps of 100 ms."""
        steps = ""
        for _ in range(duration_ms // 100):
            steps += self.motor or "0"
            await self.timers.advance(100)
        return steps


async def test_a_drive_that_reaches_its_end_is_answered_once() -> None:
    rig = Rig()
    assert rig.reported == [(False, False)]
    rig.driver.drive(True)
    rig.bolt(locked=True)
    assert await rig.watch(1_000) == "++++++0000"
    assert rig.reported[1:] == [(True, False)]
    rig.driver.drive(False)
    rig.bolt(locked=False)
    assert await rig.watch(1_000) == "------0000"
    assert rig.reported[2:] == [(False, False)]


async def test_a_bolt_that_does_not_move_is_tried_again_and_then_jammed() -> None:
    rig = Rig()
    rig.driver.drive(True)
    assert await rig.watch(3_000) == ("++++++0000" * 3)[:30]
    assert rig.reported[1:] == [(False, True)]
    assert rig.driver.jammed


async def test_a_second_attempt_that_reaches_its_end_is_no_jam() -> None:
    rig = Rig()
    rig.driver.drive(True)
    await rig.watch(1_100)
    rig.bolt(locked=True)
    await rig.watch(2_000)
    assert rig.reported[1:] == [(True, False)]


async def test_a_drive_takes_the_place_of_the_one_under_way() -> None:
    rig = Rig()
    rig.driver.drive(True)
    await rig.watch(300)
    rig.driver.drive(False)
    assert await rig.watch(1_000) == "------0000"
    assert rig.reported[1:] == [(False, False)]


async def test_a_bolt_that_is_moved_by_hand_is_reported_and_ends_a_jam() -> None:
    rig = Rig()
    rig.driver.drive(True)
    await rig.watch(3_000)
    rig.bolt(locked=True)
    await rig.watch(200)
    assert rig.reported[1:] == [(False, True), (True, False)]
    rig.bolt(locked=False)
    await rig.watch(200)
    assert rig.reported[3:] == [(False, False)]


async def test_a_jam_can_be_forgiven() -> None:
    rig = Rig()
    rig.driver.drive(True)
    await rig.watch(3_000)
    rig.driver.forgive()
    assert rig.reported[-1] == (False, False)


async def test_without_feedback_a_drive_is_believed() -> None:
    rig = Rig(feedback=False)
    rig.driver.drive(True)
    await rig.watch(1_000)
    assert rig.reported == [(False, False), (True, False)]
    assert rig.driver.locked


async def test_closing_stops_the_motor_where_it_is() -> None:
    rig = Rig()
    rig.driver.drive(True)
    await rig.watch(200)
    rig.driver.close()
    await rig.timers.advance(5_000)
    assert rig.reported == [(False, False)]
    assert rig.factory.pin("GPIO12").function == "input"


@pytest.mark.parametrize("feedback", [True, False])
async def test_a_bolt_under_way_is_heading_for_its_end(*, feedback: bool) -> None:
    """So a board that wants it back before it has arrived drives it back, also where its contact has not moved yet."""
    rig = Rig(feedback=feedback)
    assert rig.driver.heading is False
    rig.driver.drive(True)
    assert (rig.driver.locked, rig.driver.heading) == (False, True)
    rig.bolt(locked=True)
    await rig.watch(1_000)
    assert rig.driver.heading is True
