"""The proximity contact."""

import pytest

from devices.gpio.lines import Contact
from devices.gpio.proximity import ContactProximity, ResistorProximity
from devices.gpio.sections import ProximitySection
from devices.gpio.values import InputLine
from tests.unit.devices.gpio.hand_rack import HandRack

pytestmark = pytest.mark.asyncio


class Divider:
    """A resistor to protective earth under a pull-up, as a converter of 12 bits sees it."""

    full_scale = 4_095

    def __init__(self, pull_up_ohm: int) -> None:
        self.pull_up_ohm = pull_up_ohm
        self.ohm: int | None = None
        self.fails = False

    def read(self) -> int:
        if self.fails:
            raise OSError("no bus")
        return self.full_scale if self.ohm is None else self.full_scale * self.ohm // (self.ohm + self.pull_up_ohm)

    def close(self) -> None:
        self.fails = True


@pytest.mark.parametrize("pull_up_ohm", [330, 1_000, 4_700])
@pytest.mark.parametrize(("ohm", "rating_ma"), [(100, 63_000), (220, 32_000), (680, 20_000), (1_500, 13_000)])
@pytest.mark.parametrize("tolerance_percent", [97, 100, 103])
async def test_each_resistor_of_the_standard_is_known_within_its_tolerance(
    pull_up_ohm: int, ohm: int, rating_ma: int, tolerance_percent: int
) -> None:
    rig = HandRack()
    divider = Divider(pull_up_ohm)
    divider.ohm = ohm * tolerance_percent // 100
    poller = rig.rack.poller("a")
    ratings: list[int | None] = []
    driver = ResistorProximity(rig.rack, ProximitySection(pull_up_ohm=pull_up_ohm), poller, divider)  # type: ignore[arg-type]
    driver.on_rating(ratings.append)
    assert ratings == [rating_ma]
    driver.close()


async def test_a_plug_counts_once_it_has_lasted_and_a_bus_that_fails_changes_nothing() -> None:
    rig = HandRack()
    divider = Divider(1_000)
    poller = rig.rack.poller("a")
    ratings: list[int | None] = []
    driver = ResistorProximity(rig.rack, ProximitySection(period_ms=10, hold_ms=50), poller, divider)  # type: ignore[arg-type]
    driver.on_rating(ratings.append)
    poller.start()
    divider.ohm = 220
    await rig.timers.advance(40)
    divider.ohm = 680
    await rig.timers.advance(50)
    assert ratings == [None]
    await rig.timers.advance(20)
    assert ratings == [None, 20_000]
    divider.fails = True
    await rig.timers.advance(500)
    divider.fails, divider.ohm = False, None
    await rig.timers.advance(100)
    assert ratings == [None, 20_000, None]
    driver.close()
    await rig.timers.advance(100)
    assert len(ratings) == 3


async def test_a_short_is_no_cable() -> None:
    rig = HandRack()
    divider = Divider(1_000)
    divider.ohm = 0
    driver = ResistorProximity(rig.rack, ProximitySection(), rig.rack.poller("a"), divider)  # type: ignore[arg-type]
    ratings: list[int | None] = []
    driver.on_rating(ratings.append)
    assert (driver.resistance_ohm(), ratings) == (0, [None])
    driver.close()


async def test_a_contact_knows_one_rating() -> None:
    rig = HandRack()
    driver = ContactProximity(Contact(rig.rack, InputLine(pin="GPIO5", active="low")), 20_000)
    ratings: list[int | None] = []
    driver.on_rating(ratings.append)
    rig.put("GPIO5", False)
    await rig.timers.advance(100)
    assert ratings == [None, 20_000]
    driver.close()
