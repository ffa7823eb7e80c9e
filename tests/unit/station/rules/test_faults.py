"""Which conditions block, which only warn (7.6)."""

import pytest

from eventstore.value import replace
from projections.connector import Connector, Fault
from station.rules import faults
from station.wire.enums import ChargePointErrorCode
from tests.given import charging


def connector(**facts: object) -> Connector:
    return replace(Connector(connector_id=1), **facts)


def test_every_error_code_blocks_or_warns_but_for_two_that_are_no_faults() -> None:
    """7.6."""
    known = {code.value for code in ChargePointErrorCode}
    assert known - faults.BLOCKING - faults.WARNINGS == {"NoError", "LocalListConflict"}
    assert not faults.BLOCKING & faults.WARNINGS
    assert faults.ENDING < faults.BLOCKING


@pytest.mark.parametrize(
    ("facts", "error_code"),
    [
        ({}, None),
        ({"meter_failed": "dead"}, "PowerMeterFailure"),
        ({"lock_failed": True}, "ConnectorLockFailure"),
        ({"jammed": True, "locked": True}, "ConnectorLockFailure"),
        ({"jammed": True, "locked": False}, None),
        ({"contactor_fault": "welded"}, "PowerSwitchFailure"),
        ({"contactor_fault": "stuck"}, "PowerSwitchFailure"),
        ({"emergency_stop": True}, "OtherError"),
        ({"faults": (Fault(error_code="WeakSignal"),)}, None),
        ({"faults": (Fault(error_code="WeakSignal"), Fault(error_code="OverVoltage"))}, "OverVoltage"),
        ({"meter_failed": "dead", "faults": (Fault(error_code="OverVoltage"),)}, "OverVoltage"),
    ],
)
def test_the_fault_of_a_connector_follows_from_its_facts(facts: dict[str, object], error_code: str | None) -> None:
    found = faults.own_fault(connector(**facts))
    assert (None if found is None else found.error_code) == error_code


def test_the_longest_known_fault_is_the_one_that_is_told() -> None:
    held = (Fault(error_code="OverVoltage"), Fault(error_code="GroundFailure"))
    found = faults.own_fault(connector(faults=held))
    assert found == held[0]


def test_a_fault_of_the_station_blocks_every_connector() -> None:
    state = charging().state
    station = replace(state.connectors[0], emergency_stop=True)
    state = replace(state, connectors=replace(state.connectors, by_id=(station, state.connectors[1])))
    assert faults.blocking_fault(state, state.connectors[1]) == faults.EMERGENCY_FAULT


def test_a_warning_is_the_first_condition_that_does_not_block() -> None:
    held = (Fault(error_code="OverVoltage"), Fault(error_code="WeakSignal"), Fault(error_code="ReaderFailure"))
    assert faults.warning(connector(faults=held)) == held[1]
    assert faults.warning(connector()) is None
