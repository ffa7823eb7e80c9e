"""One contract for every `StationBoard`: the same scenarios, the same observations, on the bench, on pins, on controllers."""

from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from devices.interlock import initial_state, must_open, observe
from devices.readings import (
    ConnectorOutputs,
    ContactorReading,
    EmergencyStopReading,
    FaultReading,
    LimitContactReading,
    LockReading,
    MainsReading,
    PilotReading,
    ProximityReading,
    Reading,
    ResidualMonitorReading,
    TagReading,
    TamperReading,
    TemperatureReading,
)
from tests.contract.conftest import NewRig
from tests.contract.rigs import LOCK_MS, SETTLE_MS, GpioRig, MonitoredRig, Rig

pytestmark = pytest.mark.asyncio

IDLE = ConnectorOutputs(contactor_closed=False, duty_permille=1000, locked=False, phases=3, indicator="")
WAITING = replace(IDLE, locked=True)
CHARGING = replace(WAITING, contactor_closed=True, duty_permille=200)
LOCKED = LockReading(connector_id=1, locked=True, jammed=False)
UNLOCKED = LockReading(connector_id=1, locked=False, jammed=False)
CLOSED = ContactorReading(connector_id=1, closed=True, fault="")
OPEN = ContactorReading(connector_id=1, closed=False, fault="")
HOUR_MS = 3_600_000


def of(kind: type[Reading], readings: list[Reading]) -> list[Reading]:
    return [reading for reading in readings if isinstance(reading, kind)]


async def apply(rig: Rig, outputs: ConnectorOutputs, connector_id: int = 1, wait_ms: int = SETTLE_MS) -> None:
    rig.board.apply(connector_id, outputs)
    await rig.advance(wait_ms)


async def charge(rig: Rig) -> None:
    """A locked cable, a car that draws 12 A on three phases: 8,280 W."""
    await rig.plug()
    await apply(rig, WAITING, wait_ms=LOCK_MS)
    await apply(rig, CHARGING)
    rig.news()


def at_opening(rig: Rig) -> list[Reading]:
    """The first readings; a closed enclosure and an open contact may be among them, since not every board has them."""
    unsaid = (TamperReading(open=False), LimitContactReading(closed=False))
    return [reading for reading in rig.news() if reading not in unsaid]


async def test_opening_reports_every_input_once(rig: Rig) -> None:
    first = at_opening(rig)
    assert set(first) == {
        MainsReading(present=True),
        EmergencyStopReading(pressed=False),
        ProximityReading(connector_id=1, cable_rating_ma=None),
        UNLOCKED,
        OPEN,
        PilotReading(connector_id=1, pilot_state="A"),
    }
    assert len(first) == 6


async def test_nothing_is_reported_while_nothing_happens(rig: Rig) -> None:
    rig.news()
    await rig.advance(5_000)
    await apply(rig, IDLE)
    await apply(rig, IDLE)
    assert rig.news() == []


@pytest.mark.sees("rating")
@pytest.mark.parametrize("rating_ma", [13_000, 20_000, 32_000, 63_000])
async def test_a_plugged_cable_shows_its_rating_and_the_car_asks_for_energy(rig: Rig, rating_ma: int) -> None:
    rig.news()
    await rig.plug(rating_ma=rating_ma)
    news = rig.news()
    assert of(ProximityReading, news) == [ProximityReading(connector_id=1, cable_rating_ma=rating_ma)]
    assert of(PilotReading, news) == [PilotReading(connector_id=1, pilot_state="C")]
    assert len(news) == 2


@pytest.mark.sees("socket")
async def test_a_cable_in_the_socket_alone_brings_no_car(rig: Rig) -> None:
    rig.news()
    await rig.plug(ev=False)
    assert rig.news() == [ProximityReading(connector_id=1, cable_rating_ma=32_000)]
    await rig.plug()
    assert rig.news() == [PilotReading(connector_id=1, pilot_state="C")]


@pytest.mark.parametrize("duty_permille", [1000, 100, 267, 850, 960])
async def test_the_car_stops_asking_and_asks_again_whatever_is_offered(rig: Rig, duty_permille: int) -> None:
    await rig.plug()
    await apply(rig, replace(IDLE, duty_permille=duty_permille))
    rig.news()
    await rig.ready(False)
    await rig.ready(True)
    # A controller switches its contactor by itself as the vehicle asks; all else must not move.
    news = [reading for reading in rig.news() if not isinstance(reading, ContactorReading)]
    assert news == [PilotReading(connector_id=1, pilot_state="B"), PilotReading(connector_id=1, pilot_state="C")]


async def test_unplugging_leaves_neither_car_nor_cable(rig: Rig) -> None:
    await rig.plug()
    rig.news()
    await rig.unplug()
    assert set(rig.news()) == {
        PilotReading(connector_id=1, pilot_state="A"),
        ProximityReading(connector_id=1, cable_rating_ma=None),
    }


@pytest.mark.sees("state F")
async def test_state_f_shows_on_the_pilot(rig: Rig) -> None:
    await rig.plug()
    rig.news()
    await apply(rig, replace(IDLE, duty_permille=0))
    await apply(rig, IDLE)
    assert of(PilotReading, rig.news()) == [
        PilotReading(connector_id=1, pilot_state="F"),
        PilotReading(connector_id=1, pilot_state="C"),
    ]


async def test_the_lock_moves_when_another_position_is_wanted_and_answers_each_drive(rig: Rig) -> None:
    await rig.plug()
    rig.news()
    await apply(rig, WAITING, wait_ms=LOCK_MS)
    await apply(rig, WAITING, wait_ms=LOCK_MS)
    assert rig.news() == [LOCKED]
    rig.board.drive_lock(1, locked=True)
    await rig.advance(LOCK_MS)
    assert rig.news() == [LOCKED]
    await apply(rig, IDLE, wait_ms=LOCK_MS)
    assert rig.news() == [UNLOCKED]


@pytest.mark.sees("jam")
async def test_a_jam_is_reported_once_and_every_explicit_drive_is_answered(rig: Rig) -> None:
    await rig.plug()
    await apply(rig, WAITING, wait_ms=LOCK_MS)
    await rig.lock(jammed=True)
    rig.news()
    held = LockReading(connector_id=1, locked=True, jammed=True)
    await apply(rig, IDLE, wait_ms=LOCK_MS)
    await apply(rig, IDLE, wait_ms=LOCK_MS)
    assert rig.news() == [held]
    rig.board.drive_lock(1, locked=False)
    await rig.advance(LOCK_MS)
    assert rig.news() == [held]
    await rig.lock(jammed=False)
    rig.board.drive_lock(1, locked=False)
    await rig.advance(LOCK_MS)
    assert rig.news()[-1] == UNLOCKED


@pytest.mark.sees("jam")
async def test_a_jam_is_forgotten_with_the_cable_that_caused_it(rig: Rig) -> None:
    await rig.lock(jammed=True)
    await rig.plug()
    await apply(rig, WAITING, wait_ms=LOCK_MS)
    assert of(LockReading, rig.news())[-1] == LockReading(connector_id=1, locked=False, jammed=True)
    await apply(rig, IDLE, wait_ms=LOCK_MS)
    await rig.lock(jammed=False)
    await rig.unplug()
    assert of(LockReading, rig.news())[-1] == UNLOCKED


async def test_the_contactor_follows_and_answers_with_its_feedback(rig: Rig) -> None:
    await charge(rig)
    await apply(rig, WAITING)
    await apply(rig, CHARGING)
    assert of(ContactorReading, rig.news()) == [OPEN, CLOSED]


async def test_the_reflex_opens_and_the_same_outputs_close_again(rig: Rig) -> None:
    await charge(rig)
    rig.board.open_contactor(1)
    rig.board.open_contactor(7)
    await rig.advance(SETTLE_MS)
    assert rig.news() == [OPEN]
    await apply(rig, CHARGING)
    assert rig.news() == [CLOSED]


@pytest.mark.sees("contactor")
async def test_a_welded_contactor_stays_closed_and_says_so_until_it_is_open(rig: Rig) -> None:
    await charge(rig)
    await rig.contactor("welded")
    assert rig.news() == []
    await apply(rig, WAITING)
    welded = ContactorReading(connector_id=1, closed=True, fault="welded")
    assert rig.news() == [welded]
    await apply(rig, WAITING)
    assert rig.news() == []
    await rig.contactor("")
    assert of(ContactorReading, rig.news())[-1] == OPEN


@pytest.mark.sees("contactor")
async def test_a_stuck_contactor_stays_open_and_says_so_until_it_was_repaired(rig: Rig) -> None:
    await rig.plug()
    await apply(rig, WAITING, wait_ms=LOCK_MS)
    await rig.contactor("stuck")
    rig.news()
    await apply(rig, CHARGING)
    assert of(ContactorReading, rig.news()) == [ContactorReading(connector_id=1, closed=False, fault="stuck")]
    await apply(rig, WAITING)
    assert rig.news() == []
    await rig.contactor("")
    await rig.restart()
    assert of(ContactorReading, rig.news()) == [OPEN]


@pytest.mark.sees("three phases")
async def test_an_hour_of_charging_is_on_the_register(rig: Rig) -> None:
    await charge(rig)
    before_wh = rig.meter().energy_wh
    await rig.advance(HOUR_MS)
    after = rig.meter()
    assert after.energy_wh - before_wh == pytest.approx(8_280, abs=2)
    assert after.power_w == pytest.approx(8_280, rel=0.01)


async def test_the_car_draws_what_the_duty_offers(rig: Rig) -> None:
    await charge(rig)
    await apply(rig, replace(CHARGING, duty_permille=100))
    before_wh = rig.meter().energy_wh
    await rig.advance(HOUR_MS)
    assert rig.meter().energy_wh - before_wh == pytest.approx(4_140, abs=2)


async def test_a_fault_begins_and_ends(rig: Rig) -> None:
    rig.news()
    await rig.trip("GroundFailure", 1, active=True)
    await rig.trip("HighTemperature", 0, active=True)
    await rig.trip("GroundFailure", 1, active=False)
    await rig.trip("HighTemperature", 0, active=False)
    ground = FaultReading(connector_id=1, error_code="GroundFailure", info="", vendor_error_code="", active=True)
    heat = FaultReading(connector_id=0, error_code="HighTemperature", info="", vendor_error_code="", active=True)
    assert rig.news() == [ground, heat, replace(ground, active=False), replace(heat, active=False)]


async def test_emergency_stop_mains_enclosure_and_contact_are_reported_when_they_change(rig: Rig) -> None:
    rig.news()
    await rig.emergency_stop(pressed=True)
    await rig.emergency_stop(pressed=False)
    await rig.mains(present=False)
    await rig.mains(present=True)
    await rig.tamper(opened=True)
    await rig.tamper(opened=False)
    await rig.limit_contact(closed=True)
    await rig.limit_contact(closed=False)
    assert rig.news() == [
        EmergencyStopReading(pressed=True),
        EmergencyStopReading(pressed=False),
        MainsReading(present=False),
        MainsReading(present=True),
        TamperReading(open=True),
        TamperReading(open=False),
        LimitContactReading(closed=True),
        LimitContactReading(closed=False),
    ]


@pytest.mark.parametrize("id_tag", ["04A1B2", "DEADBEEF"])
async def test_a_tag_is_reported_as_it_is(rig: Rig, id_tag: str) -> None:
    rig.news()
    await rig.swipe(id_tag)
    assert rig.news() == [TagReading(id_tag=id_tag, connector_id=None)]


async def test_connectors_have_nothing_to_do_with_each_other(new_rig: NewRig) -> None:
    rig = await new_rig(connectors=2)
    await charge(rig)
    await rig.plug(2)
    assert {getattr(reading, "connector_id", None) for reading in rig.news()} == {2}
    await rig.advance(HOUR_MS)
    assert rig.meter(1).energy_wh == pytest.approx(8_280, abs=20)
    assert rig.meter(2).energy_wh == 0
    await rig.unplug(2)
    assert {getattr(reading, "connector_id", None) for reading in rig.news()} == {2}


@pytest.mark.sees("lock")
async def test_a_new_process_finds_the_copper_with_contactors_open(rig: Rig) -> None:
    await charge(rig)
    await rig.restart()
    assert set(at_opening(rig)) == {
        MainsReading(present=True),
        EmergencyStopReading(pressed=False),
        ProximityReading(connector_id=1, cable_rating_ma=32_000),
        LOCKED,
        OPEN,
        PilotReading(connector_id=1, pilot_state="C"),
    }


async def test_a_closed_board_reports_no_more(rig: Rig) -> None:
    await charge(rig)
    rig.board.close()
    rig.board.close()
    rig.news()
    rig.board.open_contactor(1)
    await rig.ready(False)
    await rig.swipe("DEADBEEF")
    assert rig.news() == []


async def test_a_closed_board_of_pins_stays_safe_whatever_it_is_told() -> None:
    rig = GpioRig("peak")
    await charge(rig)
    rig.board.close()
    rig.board.apply(1, CHARGING)
    rig.board.drive_lock(1, locked=False)
    await rig.settle()
    assert not rig.model.sockets[1].poles_closed
    assert rig.model.sockets[1].locked
    await rig.close()


# The reflex


class Guard:
    """The interlock at every reading, as whoever holds a board does it."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.state = initial_state(1, has_lock=True)
        self.opened: list[str] = []

    def look(self) -> None:
        for reading in self.rig.news():
            self.state = observe(self.state, reading)
            reason = must_open(self.state, 1)
            if reason is not None:
                self.opened.append(reason)
                self.rig.board.open_contactor(1)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda rig: rig.trip("GroundFailure", 1, active=True), "GroundFailure"),
        (lambda rig: rig.trip("HighTemperature", 0, active=True), "HighTemperature"),
        (lambda rig: rig.emergency_stop(pressed=True), "emergency stop"),
        (lambda rig: rig.mains(present=False), "no mains"),
        (lambda rig: rig.ready(False), "pilot state B"),
    ],
)
async def test_each_harm_opens_by_reflex(rig: Rig, harm: Callable[[Rig], Awaitable[None]], reason: str) -> None:
    guard = Guard(rig)
    await rig.plug()
    await apply(rig, WAITING, wait_ms=LOCK_MS)
    guard.look()
    guard.opened.clear()
    await apply(rig, CHARGING)
    guard.look()
    assert guard.opened == []
    await harm(rig)
    guard.look()
    await rig.advance(SETTLE_MS)
    guard.look()
    assert guard.opened[0] == reason
    assert rig.meter().energy_wh >= 0
    before_wh = rig.meter().energy_wh
    await rig.advance(HOUR_MS)
    assert rig.meter().energy_wh == before_wh


async def test_a_thermometer_says_how_warm_it_is_and_when_it_is_lost(warm_rig: Rig) -> None:
    """A thermistor and its converter are right to half a degree."""
    await warm_rig.warm(25.0)
    warm_rig.news()
    for celsius in (71.5, 90.0, -5.0):
        await warm_rig.warm(celsius)
        news = of(TemperatureReading, warm_rig.news())
        assert isinstance(news[-1], TemperatureReading)
        assert news[-1].temperature_dc == pytest.approx(celsius * 10, abs=5)
        assert news[-1].connector_id == 1
    await warm_rig.advance(60_000)
    assert warm_rig.news() == []
    await warm_rig.warm(None)
    assert [reading.temperature_dc for reading in warm_rig.news() if isinstance(reading, TemperatureReading)] == [None]


async def test_each_test_of_a_residual_current_monitor_is_answered_once(monitored_rig: MonitoredRig) -> None:
    await monitored_rig.monitor("")
    untried = ResidualMonitorReading(connector_id=1, outcome="")
    assert of(ResidualMonitorReading, monitored_rig.news()) == [untried]
    for _ in range(2):
        await monitored_rig.test_monitor()
        assert monitored_rig.news() == [ResidualMonitorReading(connector_id=1, outcome="passed")]
    for defect in ("does not trip", "does not clear"):
        await monitored_rig.monitor(defect)
        monitored_rig.news()
        await monitored_rig.test_monitor()
        (answer,) = of(ResidualMonitorReading, monitored_rig.news())
        assert isinstance(answer, ResidualMonitorReading)
        assert answer.outcome == "failed"
        assert answer.detail.startswith((f"it {defect}", f"it {defect.replace('does', 'did')} within"))
    await monitored_rig.monitor("")
    monitored_rig.news()
    await monitored_rig.test_monitor()
    assert of(ResidualMonitorReading, monitored_rig.news()) == [
        ResidualMonitorReading(connector_id=1, outcome="passed")
    ]
