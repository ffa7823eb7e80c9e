"""The board against controllers that fail in every way that they do, in stepped time over a real line."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace

from devices.evse.said import DISOBEYS, IMPLAUSIBLE, REFUSES, RESTARTED, SILENT
from devices.readings import (
    ConnectorOutputs,
    ContactorReading,
    FaultReading,
    LimitContactReading,
    LockReading,
    MeterUnavailable,
    ProximityReading,
    Reading,
    TagReading,
    TemperatureReading,
    VehicleIdReading,
)
from tests.contract.controllers import SimController, SimOpenEvse
from tests.contract.evse_rig import EvseRig
from tests.contract.hand_time import until
from tests.contract.rigs import SETTLE_MS
from tests.unit.devices.evse.test_controller_map import WHOLE
from tests.unit.devices.modbus.meter_server import from_another_unit

pytestmark = pytest.mark.asyncio

IDLE = ConnectorOutputs(contactor_closed=False, duty_permille=1000, locked=False, phases=3, indicator="")
CHARGING = replace(IDLE, contactor_closed=True, duty_permille=200, locked=True)
SETTINGS = "silent_ms = 1000\nfailsafe_s = 4\n"
WITH_METER = WHOLE + '[[meter]]\nfunction = "input"\n[meter.values]\nenergy_import_wh = { at = 50, type = "uint32" }\n'
PATIENCE = 100
"""So many times something is waited for: an answer that a busy machine lost costs a round."""
QUICK_MS = 200
"""For answers that do not come."""
NewRig = Callable[..., Awaitable[EvseRig]]


@pytest_asyncio.fixture
async def new_rig() -> AsyncIterator[NewRig]:
    made: list[EvseRig] = []

    async def make(
        controller: str = "heidelberg-ec", settings: str = "", timeout_ms: int = 2_000, *, contact: bool = True
    ) -> EvseRig:
        rig = EvseRig(controller, settings=SETTINGS + settings)
        rig.has_contact = contact
        rig.timeout_ms = timeout_ms
        await rig.start()
        made.append(rig)
        return rig

    yield make
    for rig in made:
        await rig.close()


def sim(rig: EvseRig) -> SimController | SimOpenEvse:
    return rig.open_evses[1] if rig.open_evses else rig.sims[1]


async def charge(rig: EvseRig) -> None:
    await rig.plug()
    rig.board.apply(1, CHARGING)
    for _ in range(PATIENCE):
        await rig.settle()
        if rig.vehicles[1].current_ma == 12_000:
            break
    assert rig.vehicles[1].current_ma == 12_000
    rig.news()


class Guard:
    """What whoever holds a board does: an active fault takes energy away; when it is gone the same is wanted again."""

    def __init__(self, rig: EvseRig) -> None:
        self.rig = rig
        self.faults: dict[tuple[str, str], FaultReading] = {}
        self.seen: list[FaultReading] = []

    async def pass_time(self, duration_ms: int) -> None:
        for _ in range(max(1, duration_ms // SETTLE_MS)):
            await self.rig.advance(SETTLE_MS)
            self.look()

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(PATIENCE):
            if condition():
                return
            await self.pass_time(SETTLE_MS)
        raise AssertionError("it did not come")

    def look(self) -> None:
        was = bool(self.faults)
        for reading in self.rig.news():
            if isinstance(reading, FaultReading):
                key = (reading.error_code, reading.vendor_error_code)
                if reading.active:
                    self.faults[key] = reading
                    self.seen.append(reading)
                else:
                    self.faults.pop(key, None)
        if self.faults:
            self.rig.board.open_contactor(1)
            self.rig.board.withdraw_offer(1)
        elif was:
            self.rig.board.apply(1, CHARGING)


def silent(found: SimController | SimOpenEvse, on: bool) -> None:
    found.faults.silent = on


def refuses(found: SimController | SimOpenEvse, on: bool) -> None:
    found.faults.refuses = on


def lies(found: SimController | SimOpenEvse, on: bool) -> None:
    found.faults.state_word = 77 if on else None


def restarts(found: SimController | SimOpenEvse, on: bool) -> None:
    if on:
        found.boot()


@pytest.mark.parametrize("controller", ["heidelberg-ec", "openevse"])
@pytest.mark.parametrize(
    ("harm", "code"),
    [(silent, SILENT), (refuses, REFUSES), (lies, IMPLAUSIBLE), (restarts, RESTARTED)],
)
async def test_a_controller_that_cannot_be_relied_on_is_a_fault_and_charges_again_once_it_can(
    new_rig: NewRig, controller: str, harm: Callable[[SimController | SimOpenEvse, bool], None], code: str
) -> None:
    rig = await new_rig(controller, timeout_ms=QUICK_MS if harm is silent else 2_000)
    await charge(rig)
    guard = Guard(rig)
    harm(sim(rig), True)
    # An OpenEVSE that says what is no state has answered a command with nothing of use.
    expected = REFUSES if controller == "openevse" and code == IMPLAUSIBLE else code
    await guard.until(lambda: any(each.vendor_error_code == expected for each in guard.seen))
    shown = {(each.error_code, each.vendor_error_code) for each in guard.seen if each.error_code != "PowerMeterFailure"}
    assert shown == {("InternalError", expected)}
    harm(sim(rig), False)
    await guard.until(lambda: guard.faults == {} and rig.vehicles[1].current_ma == 12_000)


@pytest.mark.parametrize(("controller", "floor_ma"), [("heidelberg-ec", 0), ("openevse", 6_000)])
async def test_a_controller_that_hears_nothing_falls_to_its_failsafe_by_itself(
    new_rig: NewRig, controller: str, floor_ma: int
) -> None:
    rig = await new_rig(controller)
    await charge(rig)
    assert rig.board.points[0].controller.failsafe_ma == floor_ma
    rig.board.points[0].controller.hush(True)
    await rig.advance(3_000)
    sim(rig).settle()
    assert rig.vehicles[1].current_ma == 12_000
    await rig.advance(1_200)
    sim(rig).settle()
    assert rig.vehicles[1].current_ma == floor_ma


async def test_a_controller_that_restarts_does_not_charge_with_what_it_is_delivered_with(new_rig: NewRig) -> None:
    rig = await new_rig()
    await charge(rig)
    sim(rig).boot()
    assert rig.vehicles[1].current_ma == 13_000
    for _ in range(PATIENCE):
        await rig.advance(200)
        if rig.vehicles[1].current_ma == 0:
            break
    assert rig.vehicles[1].current_ma == 0  # it is told nothing while nobody has taken note
    assert any(isinstance(r, FaultReading) and r.vendor_error_code == RESTARTED for r in rig.news())


async def test_writes_that_are_lost_are_repeated_and_then_a_fault(new_rig: NewRig) -> None:
    rig = await new_rig()
    await rig.plug()
    rig.news()
    sim(rig).faults.loses_writes = True
    rig.board.apply(1, CHARGING)
    await rig.advance(200)
    assert [r for r in rig.news() if isinstance(r, FaultReading)] == []
    await rig.advance(1_200)
    (fault,) = (r for r in rig.news() if isinstance(r, FaultReading))
    assert (fault.vendor_error_code, fault.info[:34]) == (DISOBEYS, "does not do as it is commanded: 0 ")


async def test_an_answer_of_another_unit_is_none(new_rig: NewRig) -> None:
    rig = await new_rig(timeout_ms=QUICK_MS)
    await charge(rig)
    assert rig._bus is not None  # the line is the rig's
    guard, rig._bus.spoil = Guard(rig), from_another_unit("rtu")
    await guard.until(lambda: ("InternalError", SILENT) in guard.faults)
    assert "no answer from unit 1" in guard.faults["InternalError", SILENT].info


async def test_a_relay_that_stays_closed_is_welded_by_its_current_until_somebody_has_looked(new_rig: NewRig) -> None:
    rig = await new_rig()
    await charge(rig)
    await rig.contactor("welded")
    rig.board.apply(1, IDLE)
    await rig.advance(4_800)
    assert contactors(rig)[-1:] == []  # a vehicle has its time
    await rig.advance(1_200)
    welded = ContactorReading(connector_id=1, closed=True, fault="welded")
    assert contactors(rig) == [welded]
    await rig.contactor("")
    await rig.advance(10_000)
    assert contactors(rig) == []
    await rig.restart()
    assert contactors(rig)[-1] == ContactorReading(connector_id=1, closed=False, fault="")


async def test_a_vehicle_that_takes_more_than_it_is_offered_is_a_fault_after_its_time(new_rig: NewRig) -> None:
    rig = await new_rig()
    await charge(rig)
    rig.vehicles[1].greed_ma = 4_000
    await rig.advance(9_000)
    assert [r for r in rig.news() if isinstance(r, FaultReading)] == []
    await rig.advance(2_000)
    (fault,) = (r for r in rig.news() if isinstance(r, FaultReading))
    assert (fault.error_code, fault.vendor_error_code) == ("OverCurrentFailure", "CurrentAboveOffer")


async def test_positions_that_nothing_reads_are_marked_as_inferred(new_rig: NewRig) -> None:
    rig = await new_rig()
    raw: list[Reading] = rig._reported  # before the rig makes them alike
    assert all(r.inferred for r in raw if isinstance(r, ContactorReading | LockReading))
    assert any(isinstance(r, LockReading) for r in raw)


async def test_a_mirror_contact_says_where_the_contactor_is(new_rig: NewRig) -> None:
    rig = await new_rig(settings='mirror = "GPIO6"\n')
    socket = rig.vehicles[1].socket
    rig.factory.wire("GPIO6", lambda: socket.poles_closed)
    await charge(rig)
    rig.factory.settle()
    await rig.advance(SETTLE_MS)
    raw = [r for r in rig._reported if isinstance(r, ContactorReading)]
    assert raw == [ContactorReading(connector_id=1, closed=True, fault="")] or raw == []
    assert not any(r.inferred for r in raw)


async def test_the_pin_in_the_enable_line_falls_with_the_call_and_rises_with_an_offer_only(new_rig: NewRig) -> None:
    rig = await new_rig(settings='enable = "GPIO5"\n')
    assert not rig.factory.high("GPIO5")
    await charge(rig)
    assert rig.factory.high("GPIO5")
    rig.board.withdraw_offer(1)
    assert not rig.factory.high("GPIO5")


async def test_the_reflex_leaves_a_vehicle_alone_that_waits_with_its_offer(new_rig: NewRig) -> None:
    rig = await new_rig()
    await charge(rig)
    await rig.ready(False)
    rig.board.open_contactor(1)
    await rig.advance(SETTLE_MS)
    assert sim(rig).told_ma == 12_000
    await rig.ready(True)
    rig.board.open_contactor(1)
    await rig.advance(SETTLE_MS)
    assert sim(rig).told_ma == 0


async def test_a_limit_is_told_in_steps_of_the_controller_and_never_above_the_wiring(new_rig: NewRig) -> None:
    rig = await new_rig()
    await charge(rig)
    for offer_ma, told_ma in ((16_000, 16_000), (7_950, 7_900), (5_900, 0), (40_000, 32_000)):
        rig.board.apply(1, replace(CHARGING, offer_ma=offer_ma))
        await rig.advance(SETTLE_MS)
        assert sim(rig).told_ma == told_ma


async def test_a_card_at_the_controllers_own_reader_is_presented_once(new_rig: NewRig) -> None:
    rig = await new_rig("phoenix-charx")
    rig.news()
    for tag, presented in (
        ("04A1B2C3", True),
        ("04A1B2C3", False),
        ("", False),
        ("04:a1:b2:c3", True),
        ("X" * 20, True),
    ):
        rig.sims[1].tag = tag
        await rig.advance(400)
        tags = [r for r in rig.news() if isinstance(r, TagReading)]
        assert bool(tags) is presented
    assert tags == [TagReading(id_tag="X" * 20, connector_id=1)]


async def test_the_id_of_a_vehicle_is_told_each_time_that_it_is_plugged_in(new_rig: NewRig) -> None:
    rig = await new_rig("phoenix-charx")
    for evccid, told in (("00:11:22:33:44:55", ["001122334455"]), ("0" * 12, []), ("001122334455", ["001122334455"])):
        rig.sims[1].vehicle_id = evccid
        await rig.plug()
        await rig.advance(400)
        await rig.unplug()
        assert [r.evccid for r in rig.news() if isinstance(r, VehicleIdReading)] == told


async def test_the_grid_operators_contact_may_hang_on_a_controller(new_rig: NewRig, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    contact = '[contact]\nfunction = "input"\nat = 40\nclosed = 1\n'
    file.write_text(WITH_METER + contact)
    rig = await new_rig(str(file), contact=False)
    assert LimitContactReading(closed=False) in rig.news()
    rig.sims[1].kept["input", 40] = 1
    await rig.advance(SETTLE_MS)
    assert [r for r in rig.news() if isinstance(r, LimitContactReading)] == [LimitContactReading(closed=True)]


@pytest.mark.parametrize(("controller", "temperature_dc"), [("heidelberg-ec", 250), ("openevse", 310)])
async def test_a_controllers_own_temperature_is_reported(new_rig: NewRig, controller: str, temperature_dc: int) -> None:
    rig = await new_rig(controller)
    reading = TemperatureReading(connector_id=1, sensor="controller", temperature_dc=temperature_dc)
    assert [r for r in rig._reported if isinstance(r, TemperatureReading)] == [reading]


async def test_a_cable_is_taken_to_be_there_with_the_vehicle(new_rig: NewRig) -> None:
    rig = await new_rig()
    rig.news()
    await rig.plug()
    await rig.unplug()
    ratings = [r.cable_rating_ma for r in rig.news() if isinstance(r, ProximityReading)]
    assert ratings == [32_000, None]


async def test_an_open_evse_tells_its_own_faults_by_their_names(new_rig: NewRig) -> None:
    rig = await new_rig("openevse")
    rig.news()
    rig.open_evses[1].kept.fault = 0x06
    rig.open_evses[1].push()
    await rig.advance(SETTLE_MS)
    rig.open_evses[1].kept.fault = 0
    await rig.advance(SETTLE_MS)
    begun, ended = (r for r in rig.news() if isinstance(r, FaultReading))
    assert (begun.error_code, begun.active, ended.active) == ("GroundFailure", True, False)


async def test_closing_says_off_before_it_lets_go_of_the_line(new_rig: NewRig) -> None:
    for controller in ("heidelberg-ec", "openevse"):
        rig = await new_rig(controller)
        await charge(rig)
        rig.board.close()
        await rig.board.wait_closed()
        found = sim(rig)
        await until(lambda found=found: found.told_ma == 0)  # type: ignore[misc]  # the default binds it


async def test_a_meter_is_read_with_its_age_and_not_beyond_it(new_rig: NewRig) -> None:
    rig = await new_rig(timeout_ms=QUICK_MS)
    await charge(rig)
    assert rig.meter().current_ma == (12_000,) * 3
    sim(rig).faults.silent = True
    await rig.advance(2_000)
    with pytest.raises(MeterUnavailable, match="no answer from unit 1"):
        rig.meter()


def contactors(rig: EvseRig) -> list[ContactorReading]:
    return [r for r in rig.news() if isinstance(r, ContactorReading)]
