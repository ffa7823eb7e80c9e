"""The vehicle as the station's wires see it."""

import pytest
from msgspec.structs import replace

from devices.bench.vehicle import draw_ma, pilot_state
from devices.bench.world import ConnectorWorld
from devices.readings import ConnectorOutputs

CAR = ConnectorWorld(connector_id=1, ev_plugged=True, station_plugged=True)
OUTPUTS = ConnectorOutputs(contactor_closed=True, duty_permille=200, locked=True, phases=3, indicator="")


@pytest.mark.parametrize(
    ("ev", "station", "ready", "state"),
    [
        (False, False, True, "A"),
        (True, False, True, "A"),
        (False, True, True, "A"),
        (True, True, False, "B"),
        (True, True, True, "C"),
    ],
)
def test_the_pilot_shows_cable_and_car(ev: bool, station: bool, ready: bool, state: str) -> None:
    connector = replace(CAR, ev_plugged=ev, station_plugged=station, vehicle_ready=ready)
    assert pilot_state(connector, 1000) == state
    assert pilot_state(connector, 200) == state


def test_the_pilot_is_f_while_the_station_drives_it_negative() -> None:
    assert pilot_state(CAR, 0) == "F"


@pytest.mark.parametrize(
    ("connector", "outputs", "energized", "current_ma"),
    [
        (CAR, OUTPUTS, True, (12_000, 12_000, 12_000)),
        (CAR, OUTPUTS, False, (0, 0, 0)),
        (replace(CAR, vehicle_ready=False), OUTPUTS, True, (0, 0, 0)),
        (CAR, replace(OUTPUTS, duty_permille=1000), True, (0, 0, 0)),
        (CAR, replace(OUTPUTS, duty_permille=0), True, (0, 0, 0)),
        (CAR, replace(OUTPUTS, duty_permille=500), True, (16_000, 16_000, 16_000)),
        (replace(CAR, vehicle_max_current_ma=40_000), replace(OUTPUTS, duty_permille=850), True, (32_000,) * 3),
        (replace(CAR, vehicle_phases=1), OUTPUTS, True, (12_000, 0, 0)),
        (CAR, replace(OUTPUTS, phases=1), True, (12_000, 0, 0)),
        (CAR, replace(OUTPUTS, phases=2), True, (12_000, 12_000, 0)),
    ],
)
def test_a_car_draws_the_least_of_what_all_allow(
    connector: ConnectorWorld, outputs: ConnectorOutputs, energized: bool, current_ma: tuple[int, ...]
) -> None:
    drawn = draw_ma(connector, outputs, energized=energized, board_phases=3, board_max_current_ma=32_000)
    assert drawn == current_ma


def test_a_board_of_one_phase_gives_one() -> None:
    assert draw_ma(CAR, OUTPUTS, energized=True, board_phases=1, board_max_current_ma=32_000) == (12_000,)
