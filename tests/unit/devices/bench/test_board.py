"""The bench as a station board, and every bench control."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from devices.bench.board import BenchBoard
from devices.bench.errors import InvalidControl, StillLocked, UnknownConnector
from devices.bench.world import Network
from devices.interlock import initial_state, must_open, observe
from devices.readings import (
    ConnectorOutputs,
    ContactorReading,
    EmergencyStopReading,
    FaultReading,
    LockReading,
    MainsReading,
    MeterUnavailable,
    PilotReading,
    ProximityReading,
    Reading,
    TagReading,
)

IDLE = ConnectorOutputs(contactor_closed=False, duty_permille=1000, locked=False, phases=3, indicator="")
WAITING = replace(IDLE, locked=True)
CHARGING = replace(WAITING, contactor_closed=True, duty_permille=200)
LOCKED = LockReading(connector_id=1, locked=True, jammed=False)
UNLOCKED = LockReading(connector_id=1, locked=False, jammed=False)
JAMMED_OPEN = LockReading(connector_id=1, locked=False, jammed=True)
HOUR_MS = 3_600_000
ROOT = Path(__file__).resolve().parents[4]


class Rig:
    """A bench with a clock in the hand, and what it reported since `news` was last asked."""

    def __init__(self, directory: Path, *, connectors: int = 1, fixed_cable: bool = False, at_ms: int = 0) -> None:
        self.at_ms = at_ms
        self.reported: list[Reading] = []
        self.board = BenchBoard(directory, connectors, fixed_cable, 3, 230, 32, lambda: self.at_ms)
        self.board.open(self.reported.append)
        self.first = self.news()

    def news(self) -> list[Reading]:
        news = list(self.reported)
        self.reported.clear()
        return news

    def charge(self) -> None:
        """A locked cable, a car that draws 12 A on three phases: 8,280 W."""
        self.board.plug(1)
        self.board.apply(1, CHARGING)
        self.news()

    def energy_wh(self) -> int:
        return self.board.read_meter(1, self.at_ms).energy_wh


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


# Opening


def test_opening_reports_every_input_once(rig: Rig) -> None:
    assert rig.first == [
        MainsReading(present=True),
        EmergencyStopReading(pressed=False),
        ProximityReading(connector_id=1, cable_rating_ma=None),
        UNLOCKED,
        ContactorReading(connector_id=1, closed=False, fault=""),
        PilotReading(connector_id=1, pilot_state="A"),
    ]


def test_a_fixed_cable_reports_its_rating_at_open_and_no_lock(tmp_path: Path) -> None:
    rig = Rig(tmp_path, fixed_cable=True)
    assert rig.board.has_lock is False
    assert ProximityReading(connector_id=1, cable_rating_ma=32_000) in rig.first
    assert not any(isinstance(reading, LockReading) for reading in rig.first)
    rig.board.plug(1)
    assert rig.news() == [PilotReading(connector_id=1, pilot_state="C")]


def test_opening_reports_what_is_wrong_already(tmp_path: Path) -> None:
    old = Rig(tmp_path)
    old.board.fault(0, "OverVoltage")
    old.board.emergency_stop(pressed=True)
    old.board.meter(1, fail=True)
    first = Rig(tmp_path).first
    assert EmergencyStopReading(pressed=True) in first
    assert {(r.connector_id, r.error_code) for r in first if isinstance(r, FaultReading)} == {
        (0, "OverVoltage"),
        (1, "PowerMeterFailure"),
    }


# Cable and vehicle


def test_plugging_both_ends_brings_a_car_that_asks_for_energy(rig: Rig) -> None:
    rig.board.plug(1)
    assert rig.news() == [
        ProximityReading(connector_id=1, cable_rating_ma=32_000),
        PilotReading(connector_id=1, pilot_state="C"),
    ]


def test_a_cable_in_the_socket_alone_shows_its_rating_and_no_car(rig: Rig) -> None:
    rig.board.plug(1, ev=False, cable_rating_ma=20_000)
    assert rig.news() == [ProximityReading(connector_id=1, cable_rating_ma=20_000)]
    rig.board.plug(1, station=False)
    assert rig.news() == [PilotReading(connector_id=1, pilot_state="C")]


def test_plugging_again_what_is_plugged_changes_nothing(rig: Rig) -> None:
    rig.board.plug(1)
    rig.news()
    rig.board.plug(1)
    assert rig.news() == []


def test_the_car_stops_asking_and_asks_again(rig: Rig) -> None:
    rig.board.plug(1)
    rig.news()
    rig.board.vehicle(1, ready=False)
    rig.board.vehicle(1, ready=True, max_current_a=16.0, phases=3)
    assert rig.news() == [
        PilotReading(connector_id=1, pilot_state="B"),
        PilotReading(connector_id=1, pilot_state="C"),
    ]


def test_a_locked_socket_end_stays_in_and_so_does_everything_else(rig: Rig) -> None:
    rig.charge()
    with pytest.raises(StillLocked):
        rig.board.unplug(1)
    assert rig.news() == []
    rig.board.unplug(1, station=False)
    assert rig.news() == [PilotReading(connector_id=1, pilot_state="A")]


def test_an_unlocked_cable_comes_out(rig: Rig) -> None:
    rig.board.plug(1)
    rig.news()
    rig.board.unplug(1)
    assert rig.news() == [
        ProximityReading(connector_id=1, cable_rating_ma=None),
        PilotReading(connector_id=1, pilot_state="A"),
    ]


# Lock


def test_the_lock_moves_when_another_position_is_wanted(rig: Rig) -> None:
    rig.board.plug(1)
    rig.news()
    rig.board.apply(1, WAITING)
    rig.board.apply(1, WAITING)
    assert rig.news() == [LOCKED]
    rig.board.apply(1, IDLE)
    assert rig.news() == [UNLOCKED]


def test_a_cable_half_way_in_jams_the_lock_once_until_it_is_pushed_home(rig: Rig) -> None:
    rig.board.plug(1, seated=False)
    rig.news()
    rig.board.apply(1, WAITING)
    rig.board.apply(1, replace(WAITING, indicator="fault"))
    assert rig.news() == [JAMMED_OPEN]
    rig.board.plug(1)
    assert rig.news() == [LOCKED]


def test_unplugging_frees_a_lock_that_a_half_plug_had_jammed(rig: Rig) -> None:
    rig.board.plug(1, seated=False)
    rig.board.apply(1, WAITING)
    rig.board.apply(1, IDLE)
    rig.news()
    rig.board.unplug(1)
    assert UNLOCKED in rig.news()
    rig.board.plug(1)
    rig.news()
    rig.board.apply(1, WAITING)
    assert rig.news() == [LOCKED]


def test_each_new_wish_of_a_jammed_lock_is_answered(rig: Rig) -> None:
    rig.board.lock(1, jammed=True)
    for _ in range(2):
        rig.board.plug(1)
        rig.news()
        rig.board.apply(1, WAITING)
        assert rig.news() == [JAMMED_OPEN]
        rig.board.apply(1, IDLE)
        rig.board.unplug(1)


def test_a_jammed_lock_holds_the_cable_and_every_explicit_drive_is_answered(rig: Rig) -> None:
    rig.charge()
    rig.board.lock(1, jammed=True)
    rig.board.apply(1, WAITING)
    rig.news()
    held = LockReading(connector_id=1, locked=True, jammed=True)
    for _ in range(2):
        rig.board.drive_lock(1, locked=False)
        assert rig.news() == [held]
    with pytest.raises(StillLocked):
        rig.board.unplug(1)
    rig.board.lock(1, jammed=False)
    assert rig.news() == [UNLOCKED]


def test_driving_an_open_lock_open_is_answered(rig: Rig) -> None:
    rig.board.drive_lock(1, locked=False)
    assert rig.news() == [UNLOCKED]


def test_a_fixed_cable_answers_a_drive_with_nothing_locked(tmp_path: Path) -> None:
    rig = Rig(tmp_path, fixed_cable=True)
    rig.board.drive_lock(1, locked=True)
    assert rig.news() == [UNLOCKED]
    rig.board.apply(1, CHARGING)
    assert rig.news() == [ContactorReading(connector_id=1, closed=True, fault="")]


# Contactor


def test_the_contactor_follows_and_answers_with_its_feedback(rig: Rig) -> None:
    rig.charge()
    rig.board.apply(1, WAITING)
    rig.board.apply(1, CHARGING)
    assert [r.closed for r in rig.news() if isinstance(r, ContactorReading)] == [False, True]


def test_the_reflex_opens_and_takes_the_offer_back(rig: Rig) -> None:
    rig.charge()
    rig.board.open_contactor(1)
    rig.board.withdraw_offer(1)
    rig.board.withdraw_offer(7)
    assert rig.news() == [ContactorReading(connector_id=1, closed=False, fault="")]
    assert rig.board.read_meter(1, HOUR_MS).power_w == 0
    rig.board.open_contactor(1)
    rig.board.open_contactor(7)
    assert rig.news() == []


def test_after_the_reflex_the_same_outputs_close_it_again(rig: Rig) -> None:
    rig.charge()
    rig.board.open_contactor(1)
    rig.board.apply(1, CHARGING)
    assert rig.board.read_meter(1, 0).power_w == 8_280


def test_a_welded_contactor_stays_closed_and_says_so_until_repaired(rig: Rig) -> None:
    rig.charge()
    rig.board.contactor(1, "welded")
    assert rig.news() == []
    rig.board.open_contactor(1)
    welded = ContactorReading(connector_id=1, closed=True, fault="welded")
    assert rig.news() == [welded]
    rig.board.apply(1, CHARGING)
    rig.board.apply(1, WAITING)
    assert rig.news() == []
    rig.board.contactor(1, "")
    assert rig.news() == [ContactorReading(connector_id=1, closed=False, fault="")]


def test_a_stuck_contactor_stays_open_and_says_so_until_repaired(rig: Rig) -> None:
    rig.board.plug(1)
    rig.board.contactor(1, "stuck")
    rig.news()
    rig.board.apply(1, CHARGING)
    assert ContactorReading(connector_id=1, closed=False, fault="stuck") in rig.news()
    rig.board.apply(1, WAITING)
    assert rig.news() == []
    rig.board.contactor(1, "")
    assert rig.news() == [ContactorReading(connector_id=1, closed=False, fault="")]


def test_an_unknown_defect_is_refused(rig: Rig) -> None:
    with pytest.raises(InvalidControl, match="defect"):
        rig.board.contactor(1, "broken")


def test_state_f_shows_on_the_pilot(rig: Rig) -> None:
    rig.board.plug(1)
    rig.news()
    rig.board.apply(1, replace(IDLE, duty_permille=0))
    rig.board.apply(1, IDLE)
    assert rig.news() == [
        PilotReading(connector_id=1, pilot_state="F"),
        PilotReading(connector_id=1, pilot_state="C"),
    ]


# Meter


def test_an_hour_of_charging_is_on_the_register_though_time_jumped(rig: Rig) -> None:
    rig.board.vehicle(1, soc_percent=55)
    rig.charge()
    rig.at_ms += HOUR_MS
    reading = rig.board.read_meter(1, rig.at_ms)
    assert (reading.energy_wh, reading.power_w, reading.soc_percent) == (8_280, 8_280, 55)
    assert reading.current_ma == (12_000, 12_000, 12_000)
    assert reading.voltage_mv == (230_000, 230_000, 230_000)
    assert reading.frequency_mhz == 50_000


def test_times_between_are_read_in_order_after_a_jump(rig: Rig) -> None:
    rig.charge()
    registers = [rig.board.read_meter(1, at_ms).energy_wh for at_ms in (0, HOUR_MS // 4, HOUR_MS // 2, HOUR_MS)]
    assert registers == [0, 2_070, 4_140, 8_280]


def test_the_register_can_be_set_and_goes_on_from_there(rig: Rig) -> None:
    rig.charge()
    rig.at_ms += HOUR_MS
    rig.board.meter(1, energy_wh=120_000)
    assert rig.energy_wh() == 120_000
    rig.at_ms += HOUR_MS
    assert rig.energy_wh() == 128_280


def test_a_failing_meter_is_reported_and_cannot_be_read(rig: Rig) -> None:
    rig.board.meter(1, fail=True)
    assert [(r.error_code, r.active) for r in rig.news() if isinstance(r, FaultReading)] == [
        ("PowerMeterFailure", True)
    ]
    with pytest.raises(MeterUnavailable, match="does not answer"):
        rig.board.read_meter(1, 0)
    rig.board.meter(1, fail=False)
    assert [(r.error_code, r.active) for r in rig.news() if isinstance(r, FaultReading)] == [
        ("PowerMeterFailure", False)
    ]
    assert rig.energy_wh() == 0


def test_a_meter_that_fails_goes_on_counting(rig: Rig) -> None:
    rig.charge()
    rig.board.meter(1, fail=True)
    rig.at_ms += HOUR_MS
    rig.board.meter(1, fail=False)
    assert rig.energy_wh() == 8_280


def test_a_register_that_cannot_be_kept_is_not_handed_out(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.charge()
    rig.at_ms += HOUR_MS
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", _refuse)
        with pytest.raises(MeterUnavailable, match="no space"):
            rig.board.read_meter(1, rig.at_ms)
    assert rig.energy_wh() == 8_280


# Faults, tags and the rest of the station


def test_faults_begin_and_end(rig: Rig) -> None:
    rig.board.fault(1, "GroundFailure", info="6 mA", vendor_error_code="R1")
    rig.board.fault(0, "WeakSignal")
    rig.board.clear_fault(1)
    rig.board.clear_fault(0)
    assert rig.news() == [
        FaultReading(connector_id=1, error_code="GroundFailure", info="6 mA", vendor_error_code="R1", active=True),
        FaultReading(connector_id=0, error_code="WeakSignal", info="", vendor_error_code="", active=True),
        FaultReading(connector_id=1, error_code="GroundFailure", info="6 mA", vendor_error_code="R1", active=False),
        FaultReading(connector_id=0, error_code="WeakSignal", info="", vendor_error_code="", active=False),
    ]


def test_several_faults_of_a_connector_clear_together(rig: Rig) -> None:
    rig.board.fault(1, "GroundFailure")
    rig.board.fault(1, "HighTemperature")
    rig.board.fault(1, "HighTemperature")
    rig.board.clear_fault(1)
    rig.board.clear_fault(1)
    assert [(r.error_code, r.active) for r in rig.news() if isinstance(r, FaultReading)] == [
        ("GroundFailure", True),
        ("HighTemperature", True),
        ("GroundFailure", False),
        ("HighTemperature", False),
    ]


def test_clearing_what_was_planted_does_not_mend_the_meter(rig: Rig) -> None:
    rig.board.meter(1, fail=True)
    rig.board.fault(1, "PowerMeterFailure")
    rig.news()
    rig.board.clear_fault(1)
    assert not any(isinstance(r, FaultReading) and not r.active for r in rig.news())


def test_a_fault_that_no_hardware_reports_is_refused_and_nothing_happens(rig: Rig) -> None:
    for error_code in ("NoError", "LocalListConflict", "Rust"):
        with pytest.raises(InvalidControl, match=error_code):
            rig.board.fault(1, error_code)
    assert rig.news() == []


def test_a_tag_is_reported_with_or_without_a_connector(rig: Rig) -> None:
    rig.board.swipe("DEADBEEF")
    rig.board.swipe("DEADBEEF", 1)
    assert rig.news() == [
        TagReading(id_tag="DEADBEEF", connector_id=None),
        TagReading(id_tag="DEADBEEF", connector_id=1),
    ]


@pytest.mark.parametrize("id_tag", ["", "X" * 21, " ", "\t \n"])
def test_a_tag_that_ocpp_cannot_carry_is_refused(rig: Rig, id_tag: str) -> None:
    with pytest.raises(InvalidControl, match="id_tag"):
        rig.board.swipe(id_tag)


def test_emergency_stop_and_mains_are_reported_when_they_change(rig: Rig) -> None:
    rig.board.emergency_stop(pressed=True)
    rig.board.emergency_stop(pressed=True)
    rig.board.emergency_stop(pressed=False)
    rig.board.power(mains=False)
    rig.board.power(mains=True)
    assert rig.news() == [
        EmergencyStopReading(pressed=True),
        EmergencyStopReading(pressed=False),
        MainsReading(present=False),
        MainsReading(present=True),
    ]


def test_the_network_is_as_the_last_control_left_it(rig: Rig) -> None:
    assert rig.board.network_now == Network()
    rig.board.network(up=False, silent=True)
    assert rig.board.network_now == Network(up=False, silent=True)
    rig.board.network(up=True, silent=True, persist=True)
    assert rig.board.network_now == Network()


@pytest.mark.parametrize(
    "control",
    [
        lambda board: board.plug(2),
        lambda board: board.unplug(2),
        lambda board: board.vehicle(2, ready=True),
        lambda board: board.fault(2, "GroundFailure"),
        lambda board: board.clear_fault(2),
        lambda board: board.lock(2, jammed=True),
        lambda board: board.contactor(2, ""),
        lambda board: board.meter(2, fail=True),
        lambda board: board.swipe("DEADBEEF", 2),
        lambda board: board.plug(0),
        lambda board: board.apply(2, IDLE),
        lambda board: board.read_meter(2, 0),
    ],
)
def test_a_connector_that_does_not_exist_is_named(rig: Rig, control: Callable[[BenchBoard], None]) -> None:
    with pytest.raises(UnknownConnector, match="does not exist"):
        control(rig.board)
    assert rig.news() == []


def test_connectors_have_nothing_to_do_with_each_other(tmp_path: Path) -> None:
    rig = Rig(tmp_path, connectors=2)
    rig.charge()
    rig.board.plug(2)
    rig.board.fault(2, "GroundFailure")
    rig.board.meter(2, energy_wh=77)
    assert {r.connector_id for r in rig.news() if isinstance(r, (PilotReading, FaultReading))} == {2}
    rig.at_ms += HOUR_MS
    assert [rig.board.read_meter(n, rig.at_ms).energy_wh for n in (1, 2)] == [8_280, 77]


# The reflex


class Guard:
    """A report that holds the interlock and opens by reflex, and what each connector's contactor did."""

    def __init__(self, directory: Path) -> None:
        self.closed = False
        self.order: list[Reading] = []
        self.state = initial_state(1, has_lock=True)
        self.board = BenchBoard(directory, 1, False, 3, 230, 32, lambda: 0)
        self.board.open(self.report)
        self.board.plug(1)
        self.board.apply(1, WAITING)
        self.board.apply(1, CHARGING)

    def report(self, reading: Reading) -> None:
        self.order.append(reading)
        self.state = observe(self.state, reading)
        if isinstance(reading, ContactorReading):
            self.closed = reading.closed
        if must_open(self.state, 1) is not None:
            self.board.open_contactor(1)


@pytest.mark.parametrize(
    "harm",
    [
        lambda board: board.fault(1, "GroundFailure"),
        lambda board: board.fault(0, "HighTemperature"),
        lambda board: board.emergency_stop(pressed=True),
        lambda board: board.power(mains=False),
        lambda board: board.vehicle(1, ready=False),
        lambda board: board.unplug(1, station=False),
        lambda board: board.meter(1, fail=True),
        lambda board: board.drive_lock(1, locked=False),
    ],
)
def test_by_reflex_the_contactor_is_open_before_the_disk_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[BenchBoard], None]
) -> None:
    guard = Guard(tmp_path)
    assert guard.closed
    asked: list[bool] = []
    sync = os.fsync

    def watch(descriptor: int) -> None:
        asked.append(guard.closed)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    harm(guard.board)
    assert not guard.closed
    assert not any(asked)


def test_what_a_report_causes_is_reported_after_what_is_waiting(tmp_path: Path) -> None:
    guard = Guard(tmp_path)
    guard.order.clear()
    guard.board.unplug(1, station=False)
    assert guard.order == [
        PilotReading(connector_id=1, pilot_state="A"),
        ContactorReading(connector_id=1, closed=False, fault=""),
    ]


# What outlives the process


def test_a_new_process_finds_the_copper_as_it_was_left_with_contactors_open(tmp_path: Path) -> None:
    old = Rig(tmp_path)
    old.board.vehicle(1, max_current_a=8.0, phases=1)
    old.board.plug(1, cable_rating_ma=20_000)
    old.board.fault(1, "WeakSignal")
    old.board.apply(1, CHARGING)
    old.board.lock(1, jammed=True)
    old.at_ms += HOUR_MS
    assert old.energy_wh() == 1_840
    new = Rig(tmp_path, at_ms=10 * HOUR_MS)
    assert set(new.first) == {
        MainsReading(present=True),
        EmergencyStopReading(pressed=False),
        ProximityReading(connector_id=1, cable_rating_ma=20_000),
        LOCKED,
        ContactorReading(connector_id=1, closed=False, fault=""),
        PilotReading(connector_id=1, pilot_state="C"),
        FaultReading(connector_id=1, error_code="WeakSignal", info="", vendor_error_code="", active=True),
    }
    with pytest.raises(StillLocked):
        new.board.unplug(1)
    assert new.energy_wh() == 1_840


def test_where_the_lock_went_outlives_a_process_that_did_nothing_else(tmp_path: Path) -> None:
    old = Rig(tmp_path)
    old.board.plug(1)
    old.board.apply(1, WAITING)
    new = Rig(tmp_path)
    assert LOCKED in new.first
    new.board.apply(1, replace(WAITING, indicator="x"))
    assert new.news() == []


def test_a_network_cut_ends_with_its_process_unless_it_persists(tmp_path: Path) -> None:
    Rig(tmp_path).board.network(up=False)
    assert Rig(tmp_path).board.network_now == Network()
    Rig(tmp_path).board.network(up=False, persist=True)
    assert Rig(tmp_path).board.network_now == Network(up=False, persist=True)


def test_mains_are_back_when_a_new_process_lives_and_what_was_counted_is_there(tmp_path: Path) -> None:
    old = Rig(tmp_path)
    old.charge()
    old.at_ms += HOUR_MS
    old.board.power(mains=False)
    new = Rig(tmp_path)
    assert MainsReading(present=True) in new.first
    assert new.energy_wh() == 8_280


def test_a_closed_board_has_open_contactors_and_reports_no_more(rig: Rig, tmp_path: Path) -> None:
    rig.charge()
    rig.at_ms += HOUR_MS
    rig.board.close()
    rig.board.close()
    assert rig.news() == [ContactorReading(connector_id=1, closed=False, fault="")]
    rig.board.open_contactor(1)
    rig.board.swipe("DEADBEEF")
    assert rig.news() == []
    assert Rig(tmp_path).energy_wh() == 8_280


def test_a_full_disk_does_not_stop_the_bench_and_the_next_change_is_kept(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _refuse)
        patch.setattr(os, "pwrite", _refuse)
        rig.board.plug(1)
        rig.board.apply(1, WAITING)
    assert LOCKED in rig.news()
    rig.board.fault(1, "WeakSignal")
    new = Rig(tmp_path)
    assert LOCKED in new.first
    assert PilotReading(connector_id=1, pilot_state="C") in new.first


@given(
    st.lists(
        st.tuples(st.integers(0, HOUR_MS), st.sampled_from(["read", "apply", "open", "control", "kill"])), max_size=12
    )
)
@settings(max_examples=40)
def test_no_register_that_was_handed_out_is_ever_behind(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[int, str]]
) -> None:
    directory = tmp_path_factory.mktemp("bench")
    rig = Rig(directory)
    rig.charge()
    handed_out_wh = 0
    for wait_ms, turn in turns:
        rig.at_ms += wait_ms
        if turn == "read":
            handed_out_wh = rig.energy_wh()
        elif turn == "apply":
            rig.board.apply(1, CHARGING)
        elif turn == "open":
            rig.board.open_contactor(1)
        elif turn == "control":
            rig.board.fault(1, "WeakSignal")
        else:
            rig = Rig(directory, at_ms=rig.at_ms)
            assert rig.energy_wh() >= handed_out_wh
            rig.board.apply(1, CHARGING)


def test_a_real_kill_takes_nothing_back(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from devices.bench.board import BenchBoard
from devices.readings import ConnectorOutputs

board = BenchBoard(Path(sys.argv[1]), 1, False, 3, 230, 32, lambda: 0)
board.open(lambda reading: None)
board.plug(1)
board.apply(1, ConnectorOutputs(contactor_closed=True, duty_permille=200, locked=True, phases=3, indicator=""))
at_ms = 0
while True:
    at_ms += 1000
    print(board.read_meter(1, at_ms).energy_wh, flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        handed_out = [process.stdout.readline() for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        handed_out += process.stdout.readlines()
    whole_lines_wh = [int(line) for line in handed_out if line.endswith("\n")]
    new = Rig(tmp_path)
    assert new.energy_wh() >= whole_lines_wh[-1] >= 400
    assert LOCKED in new.first


def test_the_kept_world_is_readable_json(rig: Rig, tmp_path: Path) -> None:
    rig.board.plug(1)
    document = json.loads((tmp_path / "bench.json").read_text())
    assert document["connectors"][0]["ev_plugged"] is True


def _refuse(*_: object) -> int:
    raise OSError(errno.ENOSPC, "no space")
