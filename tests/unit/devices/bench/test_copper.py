"""The copper at work: outputs in, levels out, energy counted in between."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from devices.bench.copper import Copper
from devices.bench.errors import UnknownConnector
from devices.bench.vehicle import draw_ma
from devices.bench.world import ConnectorWorld, World, energy_wh
from devices.readings import ConnectorOutputs, ContactorReading, LockReading, PilotReading

CAR = ConnectorWorld(connector_id=1, ev_plugged=True, station_plugged=True)
CHARGING = ConnectorOutputs(contactor_closed=True, duty_permille=200, locked=True, phases=3, indicator="")


def copper(connector: ConnectorWorld = CAR) -> Copper:
    made = Copper(World(connectors=(connector,)), has_lock=True, phases=3, voltage_v=230, max_current_ma=32_000)
    made.readings_due()
    return made


def test_the_first_levels_are_all_due_and_then_only_what_changes() -> None:
    made = Copper(World(connectors=(CAR,)), has_lock=True, phases=3, voltage_v=230, max_current_ma=32_000)
    assert len(made.readings_due()) == 6
    assert made.readings_due() == ()
    made.put_out(1, CHARGING)
    assert made.readings_due() == (
        LockReading(connector_id=1, locked=True, jammed=False),
        ContactorReading(connector_id=1, closed=True, fault=""),
    )


def test_a_drive_that_ends_where_it_began_is_answered_too() -> None:
    made = copper()
    made.drive(1, locked=False)
    assert made.readings_due() == (LockReading(connector_id=1, locked=False, jammed=False),)


def test_three_phases_of_12_a_for_an_hour_are_8280_wh() -> None:
    made = copper()
    made.settle(1, 0)
    made.put_out(1, CHARGING)
    assert energy_wh(made.settle(1, 3_600_000)) == 8_280
    assert made.meter_reading(1).power_w == 8_280


def test_a_time_before_the_last_counts_nothing() -> None:
    made = copper()
    made.put_out(1, CHARGING)
    register_uws = made.settle(1, 3_600_000).register_uws
    assert made.settle(1, 1_000).register_uws == register_uws
    assert made.settle(1, 3_600_000).register_uws == register_uws


def test_without_mains_nothing_flows() -> None:
    made = copper()
    made.put_out(1, CHARGING)
    made.world = replace(made.world, mains=False)
    assert made.settle(1, 3_600_000).register_uws == 0
    reading = made.meter_reading(1)
    assert (reading.power_w, reading.voltage_mv, reading.frequency_mhz) == (0, (0, 0, 0), None)


def test_an_unknown_connector_is_named() -> None:
    with pytest.raises(UnknownConnector, match="connector 2"):
        copper().settle(2, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What happens, and how long it stays so."""

    wait_ms: int
    duty_permille: int
    closed: bool
    phases: int
    ready: bool
    mains: bool
    looks: int


TURNS = st.lists(
    st.builds(
        Turn,
        wait_ms=st.integers(0, 60),
        duty_permille=st.sampled_from([0, 100, 101, 266, 533, 850, 851, 1000]),
        closed=st.booleans(),
        phases=st.integers(1, 3),
        ready=st.booleans(),
        mains=st.booleans(),
        looks=st.integers(1, 5),
    ),
    max_size=12,
)


@given(TURNS, st.integers(0, 40_000), st.integers(1, 3))
@settings(max_examples=100)
def test_the_energy_is_that_of_adding_up_every_millisecond(
    turns: list[Turn], vehicle_ma: int, vehicle_phases: int
) -> None:
    car = replace(CAR, vehicle_max_current_ma=vehicle_ma, vehicle_phases=vehicle_phases, vehicle_lets_go_ms=0)
    made = copper(car)
    at_ms, expected_uws = 0, 0
    for turn in turns:
        connector = replace(made.settle(1, at_ms), vehicle_ready=turn.ready)
        made.world = replace(made.world.with_connector(connector), mains=turn.mains)
        outputs = replace(CHARGING, duty_permille=turn.duty_permille, contactor_closed=turn.closed, phases=turn.phases)
        made.put_out(1, outputs)
        for _ in range(turn.wait_ms):
            drawn_ma = draw_ma(
                connector, outputs, energized=turn.closed and turn.mains, board_phases=3, board_max_current_ma=32_000
            )
            expected_uws += sum(drawn_ma) * 230
        for look in range(1, turn.looks + 1):
            made.settle(1, at_ms + turn.wait_ms * look // turn.looks)
        at_ms += turn.wait_ms
    assert made.settle(1, at_ms).register_uws == expected_uws


STEADY = replace(CHARGING, duty_permille=1000)
MW = 3 * 12_000 * 230


@pytest.mark.parametrize(
    ("lets_go_ms", "drawn_ms"), [(0, 0), (50, 50), (999, 999), (1_000, 1_000), (5_000, 1_000), (None, 1_000)]
)
@pytest.mark.parametrize("looks", [(1_000,), (1, 49, 50, 51, 999, 1_000)])
def test_a_vehicle_goes_on_drawing_after_the_pilot_went_steady_for_as_long_as_it_was_set(
    lets_go_ms: int | None, drawn_ms: int, looks: tuple[int, ...]
) -> None:
    made = copper(replace(CAR, vehicle_lets_go_ms=lets_go_ms))
    made.put_out(1, CHARGING)
    before_uws = made.settle(1, 10_000).register_uws
    made.put_out(1, STEADY)
    for look in looks:
        made.settle(1, 10_000 + look)
    assert made.settle(1, 11_000).register_uws - before_uws == MW * drawn_ms
    assert (made.meter_reading(1).power_w == 0) == (drawn_ms < 1_000 or lets_go_ms == 1_000)


def test_a_vehicle_that_let_go_shows_state_b_until_the_contactor_is_open_or_it_is_offered_a_current() -> None:
    made = copper()
    for outputs in (CHARGING, replace(STEADY, contactor_closed=False)):
        made.put_out(1, CHARGING)
        made.put_out(1, STEADY)
        made.readings_due()
        made.settle(1, at_ms := made._live[1].settled_at_ms + 50)
        assert made.readings_due() == (PilotReading(connector_id=1, pilot_state="B"),)
        made.put_out(1, outputs)
        assert PilotReading(connector_id=1, pilot_state="C") in made.readings_due()
        assert made.lets_go_at_ms(1) is None
        made.settle(1, at_ms + 1)


def test_an_offer_that_comes_back_in_time_is_none_that_ended() -> None:
    made = copper()
    made.put_out(1, CHARGING)
    made.put_out(1, STEADY)
    made.settle(1, 49)
    made.put_out(1, CHARGING)
    made.readings_due()
    assert made.settle(1, 1_000).register_uws == MW * 1_000
    assert made.readings_due() == ()


SLEEPER = replace(CAR, vehicle_sleeps=True)
PAUSED = replace(STEADY, contactor_closed=False)
OFFERED = replace(CHARGING, contactor_closed=False)


def pilot_of(made: Copper) -> str:
    """What the vehicle's last change of the pilot was, from all that was ever due."""
    due = [level.pilot_state for level in made._live[1].shown if isinstance(level, PilotReading)]
    now = [level.pilot_state for level in made.readings_due() if isinstance(level, PilotReading)]
    return (due + now)[-1]


def asleep() -> Copper:
    """It was charged, was asked to let go, and the contactor is open."""
    made = copper(SLEEPER)
    made.put_out(1, CHARGING)
    made.put_out(1, STEADY)
    made.settle(1, 50)
    made.put_out(1, PAUSED)
    return made


def test_a_vehicle_that_sleeps_misses_the_next_offer_and_an_interruption_of_it_wakes_it() -> None:
    made = asleep()
    assert pilot_of(made) == "B"
    made.put_out(1, OFFERED)
    assert pilot_of(made) == "B"
    made.put_out(1, PAUSED)
    assert pilot_of(made) == "B"
    made.put_out(1, OFFERED)
    assert pilot_of(made) == "C"
    made.put_out(1, CHARGING)
    assert made.meter_reading(1).power_w == 8_280


def test_one_that_does_not_sleep_answers_every_offer() -> None:
    made = copper()
    for outputs in (CHARGING, PAUSED, OFFERED):
        made.put_out(1, outputs)
        assert pilot_of(made) == "C"


def test_one_that_never_lets_go_sleeps_when_the_contactor_is_open() -> None:
    made = copper(replace(SLEEPER, vehicle_lets_go_ms=None))
    made.put_out(1, CHARGING)
    made.put_out(1, STEADY)
    made.settle(1, 3_000)
    assert pilot_of(made) == "C"
    made.put_out(1, PAUSED)
    assert pilot_of(made) == "B"


def test_an_offer_that_comes_back_before_the_contactor_opens_finds_it_awake() -> None:
    made = copper(SLEEPER)
    made.put_out(1, CHARGING)
    made.put_out(1, STEADY)
    made.put_out(1, CHARGING)
    assert pilot_of(made) == "C"
