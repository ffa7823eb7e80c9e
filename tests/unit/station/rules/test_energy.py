"""Until when a contactor stays closed without an offer."""

from typing import Any

import pytest

from eventstore.catalogue.hardware import ContactorObserved
from eventstore.value import replace
from station.rules.energy import LET_GO_MS, is_ending, is_letting_go, may_draw
from tests.given import TAG, StationUnderTest, charging


def drawing() -> StationUnderTest:
    found = charging()
    found.observe(ContactorObserved(connector_id=1, closed=True))
    return found


def test_a_vehicle_behind_a_closed_contactor_may_draw() -> None:
    found = charging()
    assert not may_draw(found.state, found.state.connectors[1])
    found = drawing()
    assert may_draw(found.state, found.state.connectors[1])


@pytest.mark.parametrize(
    "facts",
    [
        {"pilot_state": "B"},
        {"pilot_state": "A"},
        {"cable_rating_ma": None},
        {"locked": False},
        {"contactor_fault": "welded"},
        {"meter_failed": "no answer"},
        {"contactor_closed": False},
    ],
    ids=str,
)
def test_what_speaks_against_energy_leaves_no_time_to_let_go(facts: dict[str, Any]) -> None:
    found = drawing()
    found.swipe(TAG)
    connectors = found.state.connectors.changed(1, **facts)
    state = replace(found.state, connectors=connectors)
    assert not may_draw(state, connectors[1])
    assert not is_letting_go(state, connectors[1])


@pytest.mark.parametrize(("later_ms", "waits"), [(0, True), (LET_GO_MS - 1, True), (LET_GO_MS, False)])
def test_a_vehicle_that_was_asked_has_three_seconds(later_ms: int, waits: bool) -> None:
    found = drawing()
    assert not is_letting_go(found.state, found.state.connectors[1])
    found.swipe(TAG)
    state = replace(found.state, at_ms=found.state.at_ms + later_ms)
    assert is_letting_go(state, state.connectors[1]) == waits
    assert is_ending(state, state.connectors[1])
