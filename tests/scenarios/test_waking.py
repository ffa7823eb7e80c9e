"""A vehicle that sleeps is woken by an interruption of its pilot, where the station is set to do so."""

import pytest

from eventstore.catalogue.connectors import PilotInterrupted
from eventstore.catalogue.hardware import ContactorObserved
from eventstore.catalogue.lifecycle import StationStopping
from station.rules import outputs
from tests.given import StationUnderTest
from tests.scenarios.test_letting_go import drawing, is_kept_closed, is_offered, lets_go, limited_to

SILENT_S, INTERRUPTED_S = 60, 5


def paused(attempts: int = 2) -> StationUnderTest:
    """The vehicle has let go, and sleeps."""
    found = drawing()
    found.configure(WakeUpAttempts=attempts)
    limited_to(found, 0)
    lets_go(found)
    found.advance(600)
    return found.forget()


def offered_again(attempts: int = 2) -> StationUnderTest:
    """And it is offered 16 A, to which it says nothing."""
    found = paused(attempts)
    limited_to(found, 16)
    return found


def interruptions(found: StationUnderTest) -> list[int]:
    return [event.attempt for event in found.events(PilotInterrupted)]


def test_a_vehicle_that_says_nothing_to_an_offer_is_woken_after_a_minute_for_five_seconds() -> None:
    found = offered_again()
    found.advance(SILENT_S - 0.001)
    assert (is_offered(found), interruptions(found)) == (True, [])
    found.advance(0.001)
    assert (is_offered(found), interruptions(found)) == (False, [1])
    found.advance(INTERRUPTED_S - 0.001)
    assert not is_offered(found)
    found.advance(0.001)
    assert is_offered(found)
    found.pilot("C")
    assert is_kept_closed(found)
    found.observe(ContactorObserved(connector_id=1, closed=True))
    found.advance(3_600)
    assert interruptions(found) == [1]
    assert found.status() == "Charging"


def test_it_is_tried_so_often_for_each_offer_and_no_more() -> None:
    found = offered_again(attempts=2)
    found.advance(3_600)
    assert interruptions(found) == [1, 2]
    assert is_offered(found)
    limited_to(found, 10)
    found.advance(3_600)
    assert interruptions(found) == [1, 2], "another limit is the same offer"
    limited_to(found, 0)
    limited_to(found, 16)
    found.advance(3_600)
    assert interruptions(found) == [1, 2, 1, 2]


def test_no_vehicle_is_woken_unless_the_station_is_set_to() -> None:
    found = offered_again(attempts=0)
    found.advance(3_600)
    assert interruptions(found) == []
    found.configure(WakeUpAttempts=1)
    found.advance(0)
    assert interruptions(found) == [1], "a minute has long passed"


def test_a_vehicle_that_was_full_or_waits_for_its_own_timer_said_so_and_is_left_alone() -> None:
    found = offered_again()
    found.pilot("C")
    found.observe(ContactorObserved(connector_id=1, closed=True))
    found.pilot("B")
    found.observe(ContactorObserved(connector_id=1, closed=False))
    found.advance(3_600)
    assert interruptions(found) == []


@pytest.mark.parametrize("closed", [True, False])
def test_the_pilot_is_never_interrupted_while_the_contactor_is_closed(closed: bool) -> None:
    """A contactor that reads closed in state B is welded, or about to open."""
    found = offered_again()
    found.observe(ContactorObserved(connector_id=1, closed=closed))
    found.advance(3_600)
    assert bool(interruptions(found)) is not closed


def test_a_vehicle_that_wakes_during_the_interruption_gets_its_offer_at_once() -> None:
    found = offered_again()
    found.advance(SILENT_S + 1)
    assert not is_offered(found)
    found.pilot("C")
    assert (is_offered(found), is_kept_closed(found)) == (True, True)


def test_a_pause_during_the_interruption_stays_one() -> None:
    found = offered_again()
    found.advance(SILENT_S + 1)
    limited_to(found, 0)
    found.advance(3_600)
    assert not is_offered(found)
    assert interruptions(found) == [1]


def test_an_unplugged_vehicle_is_forgotten() -> None:
    found = offered_again()
    found.advance(SILENT_S + 1)
    found.unplug_car()
    found.advance(3_600)
    assert interruptions(found) == [1]
    assert not found.state.waking.is_interrupted(1)


def test_nothing_is_woken_while_something_stands_against_charging() -> None:
    found = offered_again()
    found.fault("GroundFailure")
    found.advance(3_600)
    assert interruptions(found) == []
    assert outputs.wanted(found.state, 1).outputs.duty_permille == outputs.STEADY


def test_a_stop_of_the_station_ends_the_interruption_in_no_offer() -> None:
    found = offered_again()
    found.advance(SILENT_S + 1)
    found.observe(StationStopping(why="SIGTERM"))
    found.advance(10)
    assert not is_offered(found)


def test_a_restart_forgets_what_was_tried() -> None:
    found = offered_again()
    found.advance(SILENT_S + 1)
    found.boot(pilots={1: "B"})
    assert found.state.waking.sleepers == () or found.state.waking.sleepers[0].tries == 0
    assert not found.state.waking.is_interrupted(1)
