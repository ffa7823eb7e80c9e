"""What the devices should be doing."""

from typing import Any

import pytest

from eventstore.catalogue.transactions import HeldFor
from eventstore.value import replace
from projections.connector import Connector, Fault
from projections.station import StationState
from station.rules import outputs
from tests.given import StationUnderTest, charging, station


def changed(state: StationState, **facts: Any) -> StationState:
    """The state with other facts for connector 1."""
    return replace(state, connectors=state.connectors.changed(1, **facts))


def wanted(state: StationState) -> outputs.Wanted:
    return outputs.wanted(state, 1)


def test_a_transaction_that_draws_has_its_contactor_closed_and_its_current_offered() -> None:
    """IEC 61851-1: 32 A is a duty of 53.3 %."""
    found = wanted(charging().state).outputs
    assert (found.contactor_closed, found.locked, found.duty_permille) == (True, True, 533)
    assert found.indicator == "Charging"


@pytest.mark.parametrize(
    "facts",
    [
        {"pilot_state": "A"},
        {"pilot_state": "B"},
        {"pilot_state": "E"},
        {"pilot_state": "F"},
        {"locked": False},
        {"limit_ma": 0},
        {"limit_ma": 5_999},
        {"faults": (Fault(error_code="OverVoltage"),)},
        {"meter_failed": "dead"},
        {"lock_failed": True},
        {"contactor_fault": "welded"},
        {"unlock_wanted": True},
        {"cable_rating_ma": None},
    ],
)
def test_each_of_these_keeps_the_contactor_open(facts: dict[str, Any]) -> None:
    state = charging().state
    assert wanted(state).outputs.contactor_closed
    assert not wanted(changed(state, **facts)).outputs.contactor_closed


@pytest.mark.parametrize("pilot_state", ["C", "D"])
def test_a_vehicle_that_asks_is_given_energy(pilot_state: str) -> None:
    assert wanted(changed(charging().state, pilot_state=pilot_state)).outputs.contactor_closed


def test_without_a_transaction_nothing_is_offered() -> None:
    found = station().online()
    found.plug()
    assert not wanted(found.state).outputs.contactor_closed
    assert wanted(found.state).outputs.duty_permille == outputs.STEADY


def test_a_revoked_transaction_is_offered_nothing() -> None:
    state = charging().state
    transactions = state.transactions.changed(1, offer_ended="MaxEnergyOnInvalidId")
    found = wanted(replace(state, transactions=transactions)).outputs
    assert (found.contactor_closed, found.duty_permille, found.locked) == (False, outputs.STEADY, True)


def test_a_station_that_goes_down_offers_nothing() -> None:
    state = charging().state
    found = wanted(replace(state, maintenance=replace(state.maintenance, stopping="SIGTERM")))
    assert not found.outputs.contactor_closed


def test_before_the_board_has_reported_everything_nothing_closes() -> None:
    state = charging().state
    assert not wanted(replace(state, connectors=replace(state.connectors, known=False))).outputs.contactor_closed


def lock_wanted(found: StationUnderTest, **facts: Any) -> bool:
    state = changed(found.state, **facts)
    return outputs.is_lock_wanted(state, state.connectors[1])


def test_the_lock_holds_a_cable_from_the_authorization_to_the_end() -> None:
    found = station().online()
    assert not lock_wanted(found)
    found.plug()
    assert not lock_wanted(found)
    found.swipe()
    assert lock_wanted(found)
    assert not lock_wanted(found, unlock_wanted=True)
    found.swipe()
    assert not lock_wanted(found)
    assert lock_wanted(found, held_for=HeldFor(id_tag="A", parent_id_tag=None))


def test_an_authorized_cable_is_held_once_the_vehicle_is_at_its_other_end() -> None:
    """Else the driver could not correct a wrong cable."""
    found = station().online()
    found.plug(pilot="A")
    found.swipe()
    assert not lock_wanted(found)
    assert lock_wanted(found, pilot_state="B")
    assert not lock_wanted(found, pilot_state="B", lock_failed=True)


def test_a_fixed_cable_is_never_locked() -> None:
    found = charging(station(fixed_cable=True))
    assert not outputs.is_lock_wanted(found.state, found.state.connectors[1])
    assert wanted(found.state).outputs.contactor_closed


def test_an_unlock_is_asked_for_even_where_the_lock_should_be_open_already() -> None:
    assert wanted(changed(station().online().state, unlock_wanted=True)).unlock


def test_connector_facts_default_to_a_safe_state() -> None:
    assert Connector(connector_id=1).limit_ma == 0
