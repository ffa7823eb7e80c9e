"""The copper world as values, and what hands do to it."""

import math
from typing import Any

import pytest
from msgspec.structs import replace

from devices.bench.errors import InvalidControl, StillLocked
from devices.bench.world import (
    ConnectorWorld,
    Network,
    PlantedFault,
    World,
    energy_wh,
    found_by_new_process,
    meter_changed,
    new_connector,
    plugged,
    unplugged,
    vehicle_changed,
    with_fault,
)

EMPTY = ConnectorWorld(connector_id=1)
PLUGGED = replace(EMPTY, ev_plugged=True, station_plugged=True)


def planted(error_code: str, vendor_error_code: str = "", info: str = "") -> PlantedFault:
    return PlantedFault(error_code=error_code, info=info, vendor_error_code=vendor_error_code)


def test_a_cable_goes_in_at_the_ends_that_were_named() -> None:
    assert plugged(EMPTY, ev=True, station=True, seated=True) == PLUGGED
    assert plugged(EMPTY, ev=False, station=True, seated=True) == replace(EMPTY, station_plugged=True)
    assert plugged(EMPTY, ev=True, station=False, seated=True) == replace(EMPTY, ev_plugged=True)


def test_a_plug_half_way_in_can_be_pushed_home_but_not_pulled_by_pushing() -> None:
    half = plugged(EMPTY, ev=True, station=True, seated=False)
    assert half == replace(PLUGGED, seated=False)
    home = plugged(half, ev=False, station=True, seated=True)
    assert home == PLUGGED
    assert plugged(home, ev=True, station=True, seated=False) == PLUGGED


def test_unplugging_a_locked_socket_end_moves_nothing() -> None:
    locked = replace(PLUGGED, locked=True)
    with pytest.raises(StillLocked, match="connector 1 is locked"):
        unplugged(locked, ev=True, station=True, fixed_cable=False)
    assert unplugged(locked, ev=True, station=False, fixed_cable=False) == replace(locked, ev_plugged=False)


def test_a_lock_that_holds_nothing_keeps_nobody_from_unplugging_the_car() -> None:
    locked = replace(EMPTY, ev_plugged=True, locked=True)
    assert unplugged(locked, ev=True, station=True, fixed_cable=False).ev_plugged is False


def test_a_fixed_cable_does_not_come_out_of_the_station() -> None:
    assert unplugged(PLUGGED, ev=True, station=True, fixed_cable=True) == replace(PLUGGED, ev_plugged=False)


def test_the_next_car_is_ready_again() -> None:
    asleep = replace(PLUGGED, vehicle_ready=False)
    assert unplugged(asleep, ev=True, station=True, fixed_cable=False) == EMPTY


def test_what_is_told_of_the_car_before_it_comes_holds_for_it() -> None:
    told = vehicle_changed(EMPTY, ready=False, max_current_ma=None, phases=None, soc_percent=None, lets_go_s=None)
    assert plugged(told, ev=True, station=True, seated=True).vehicle_ready is False


def test_what_is_not_told_of_the_car_stays() -> None:
    small = vehicle_changed(EMPTY, ready=None, max_current_ma=8_000, phases=1, soc_percent=40, lets_go_s=2)
    assert (
        vehicle_changed(small, ready=None, max_current_ma=None, phases=None, soc_percent=None, lets_go_s=None) == small
    )


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ({"max_current_ma": -1}, "max_current_a"),
        ({"max_current_ma": 80_001}, "max_current_a"),
        ({"phases": 0}, "phases"),
        ({"phases": 4}, "phases"),
        ({"soc_percent": 101}, "soc_percent"),
        ({"lets_go_s": -0.1}, "lets_go_s"),
        ({"lets_go_s": 1e10}, "lets_go_s"),
        ({"lets_go_s": math.nan}, "lets_go_s"),
    ],
)
def test_an_impossible_car_is_refused(told: dict[str, Any], what: str) -> None:
    silent = {"ready": None, "max_current_ma": None, "phases": None, "soc_percent": None, "lets_go_s": None}
    with pytest.raises(InvalidControl, match=what):
        vehicle_changed(EMPTY, **{**silent, **told})


@pytest.mark.parametrize(("lets_go_s", "lets_go_ms"), [(0, 0), (0.05, 50), (90, 90_000), (math.inf, None)])
def test_how_long_a_car_takes_to_let_go_stays_with_the_connector(lets_go_s: float, lets_go_ms: int | None) -> None:
    assert EMPTY.vehicle_lets_go_ms == 50
    slow = vehicle_changed(PLUGGED, ready=None, max_current_ma=None, phases=None, soc_percent=None, lets_go_s=lets_go_s)
    assert unplugged(slow, ev=True, station=True, fixed_cable=False).vehicle_lets_go_ms == lets_go_ms


def test_setting_the_register_makes_the_meter_readable() -> None:
    failed = meter_changed(EMPTY, energy_wh=None, fail=True)
    assert failed.meter_failed
    repaired = meter_changed(failed, energy_wh=120_000, fail=None)
    assert (repaired.meter_failed, energy_wh(repaired)) == (False, 120_000)
    assert meter_changed(failed, energy_wh=None, fail=False).meter_failed is False
    assert meter_changed(EMPTY, energy_wh=5, fail=True).meter_failed is True


def test_an_impossible_register_is_refused() -> None:
    with pytest.raises(InvalidControl, match="energy_wh"):
        meter_changed(EMPTY, energy_wh=-1, fail=None)
    with pytest.raises(InvalidControl, match="neither"):
        meter_changed(EMPTY, energy_wh=None, fail=None)


def test_faults_add_up_and_the_same_one_is_replaced() -> None:
    faults = with_fault((), planted("GroundFailure"))
    faults = with_fault(faults, planted("OtherError", "T1"))
    faults = with_fault(faults, planted("GroundFailure", info="again"))
    assert faults == (planted("OtherError", "T1"), planted("GroundFailure", info="again"))


@pytest.mark.parametrize("error_code", ["NoError", "LocalListConflict", "Nonsense", ""])
def test_what_no_hardware_reports_cannot_be_planted(error_code: str) -> None:
    with pytest.raises(InvalidControl, match="error_code"):
        with_fault((), planted(error_code))


@pytest.mark.parametrize(
    ("board_ma", "cable_ma"), [(10_000, 13_000), (16_000, 20_000), (32_000, 32_000), (80_000, 63_000)]
)
def test_a_loose_cable_carries_what_the_board_gives_as_far_as_the_standard_goes(board_ma: int, cable_ma: int) -> None:
    assert new_connector(1, fixed_cable=False, max_current_ma=board_ma).cable_rating_ma == cable_ma


def test_a_fixed_cable_is_made_for_its_board() -> None:
    connector = new_connector(1, fixed_cable=True, max_current_ma=16_000)
    assert (connector.cable_rating_ma, connector.station_plugged) == (16_000, True)


def test_a_new_process_finds_the_copper_as_it_was_left_with_mains_and_network() -> None:
    left = World(
        connectors=(replace(PLUGGED, locked=True, register_uws=7),),
        emergency_stop=True,
        mains=False,
        network=Network(up=False),
    )
    found = found_by_new_process(left, (1,), fixed_cable=False, max_current_ma=32_000)
    assert found == replace(left, mains=True, network=Network())


def test_a_persistent_network_cut_outlives_the_process() -> None:
    left = World(connectors=(EMPTY,), network=Network(up=False, silent=True, persist=True))
    assert found_by_new_process(left, (1,), fixed_cable=False, max_current_ma=32_000).network == left.network


def test_a_board_that_got_other_connectors_keeps_those_it_still_has() -> None:
    left = World(connectors=(PLUGGED, ConnectorWorld(connector_id=2, locked=True)))
    grown = found_by_new_process(left, (1, 2, 3), fixed_cable=False, max_current_ma=32_000)
    assert grown.connectors == (*left.connectors, ConnectorWorld(connector_id=3))
    assert found_by_new_process(left, (1,), fixed_cable=False, max_current_ma=32_000).connectors == (PLUGGED,)


def test_a_board_that_got_a_fixed_cable_has_no_locked_socket() -> None:
    left = World(connectors=(replace(EMPTY, locked=True),))
    found = found_by_new_process(left, (1,), fixed_cable=True, max_current_ma=16_000).connector(1)
    assert (found.station_plugged, found.locked, found.cable_rating_ma) == (True, False, 16_000)


def test_a_vehicle_that_is_told_not_to_sleep_is_awake_and_one_that_left_too() -> None:
    sleeping = replace(PLUGGED, vehicle_sleeps=True, vehicle_asleep=True)

    def told(sleeps: bool | None) -> ConnectorWorld:
        return vehicle_changed(
            sleeping, ready=None, max_current_ma=None, phases=None, soc_percent=None, lets_go_s=None, sleeps=sleeps
        )

    assert [told(sleeps).vehicle_asleep for sleeps in (None, True, False)] == [True, True, False]
    assert [told(sleeps).vehicle_sleeps for sleeps in (None, True, False)] == [True, True, False]
    left = unplugged(replace(sleeping, locked=False), ev=True, station=False, fixed_cable=False)
    assert (left.vehicle_sleeps, left.vehicle_asleep) == (True, False)
