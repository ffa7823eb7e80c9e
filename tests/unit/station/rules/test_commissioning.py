import pytest

from eventstore.value import replace
from projections.commissioning import Commissioning
from projections.station import StationState
from station.rules import outputs
from station.rules.commissioning import LAMPS, WANTED, changes_of, found_at, obstacle, refusal, steps_of
from tests.given import charging, station


def at_step(step: str) -> StationState:
    state = station().online().state
    return replace(state, commissioning=Commissioning(connector_id=1, running=True, steps=tuple(WANTED), step=step))


@pytest.mark.parametrize("step", WANTED)
def test_no_step_closes_the_contactor_or_offers_anything(step: str) -> None:
    state = at_step(step)
    wanted = outputs.wanted(state, 1).outputs
    assert (wanted.contactor_closed, wanted.duty_permille) == (False, outputs.STEADY)
    assert wanted.locked is (step == "lock_closes")
    assert wanted.indicator == LAMPS.get(step, "Available")


def test_a_step_changes_nothing_at_another_connector_or_once_it_is_over() -> None:
    state = station(connectors=2).online().state
    other = replace(state, commissioning=Commissioning(connector_id=2, running=True, step="lock_closes"))
    assert changes_of(other, other.connectors[1]) == {}
    over = replace(state, commissioning=Commissioning(connector_id=1, running=False, step="lock_closes"))
    assert changes_of(over, over.connectors[1]) == {}


def test_the_csms_that_unlocks_outranks_the_lock_step() -> None:
    state = at_step("lock_closes")
    unlocking = replace(state, connectors=state.connectors.changed(1, unlock_wanted=True))
    assert changes_of(unlocking, unlocking.connectors[1]) == {}


@pytest.mark.parametrize(
    ("step", "facts", "found"),
    [
        ("lock_closes", {"locked": True}, "closed"),
        ("lock_closes", {"jammed": True}, "jammed"),
        ("lock_opens", {}, "open"),
        ("lock_opens", {"locked": True}, "closed"),
        ("contactor", {}, "open"),
        ("contactor", {"contactor_closed": True}, "closed"),
        ("contactor", {"contactor_fault": "welded"}, "welded"),
        ("meter", {"meter_failed": "no answer"}, "unread"),
        ("meter", {"reading": None}, "unread"),
        ("lamp_charging", {}, "shown"),
    ],
)
def test_what_the_board_says_is_held_against_what_the_step_wants(
    step: str, facts: dict[str, object], found: str
) -> None:
    connectors = station().online().state.connectors
    seen = found_at(connectors.changed(1, **facts)[1], step)
    assert (seen.found, seen.as_wanted) == (found, found == WANTED[step])


def test_a_vehicle_comes_before_the_transaction_among_what_stands_against_it() -> None:
    state = charging().state
    assert obstacle(state, 1) == refusal(state, 1) == "vehicle"
    assert obstacle(station().online().state, 1) is None
    assert refusal(at_step("meter"), 1) == "another test runs"
    assert steps_of(station(fixed_cable=True).online().state)[0] == "contactor"
