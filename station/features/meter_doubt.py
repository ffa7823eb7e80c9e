"""Doubt about meters: what a register that does not go on from where it was comes to, on record.

What is believed of a register follows from its readings alone (`projections.register`). Here it becomes events: that a register is
doubted, that a meter was reset or exchanged, that the old register came back. While one is in doubt during a transaction it is read
more often, so that the doubt ends soon: after 2, 4, 8 s and so on, from a minute on once a minute. A register that stands still
although the meter tells of power cannot be judged: what it does not count is not billed, and that stands in the log.
"""

from collections.abc import Iterable

from eventstore.catalogue.hardware import MeterObserved
from eventstore.catalogue.transactions import (
    FELL,
    JUMPED,
    STUCK,
    MeterDoubted,
    MeterRegisterReturned,
    MeterResetFound,
)
from projections.connector import Connector
from projections.register import Doubt, confirmed_offset_wh, stands_still
from projections.station import StationState
from station.core.feature import Deadline, Events, Feature, Rule

CHECK_MS = 2_000
CHECK_MAX_MS = 60_000
NOTED_EVERY_MS = 60_000


def _on_meter(state: StationState, event: MeterObserved, at_ms: int) -> Events:
    if not state.connectors.has(event.connector_id):
        return ()
    connector = state.connectors[event.connector_id]
    register, doubt = connector.register, connector.register.doubt
    if doubt is None:
        return ()
    if doubt.returned and register.former is not None:
        return (MeterRegisterReturned(connector_id=event.connector_id, offset_wh=register.former.offset_wh),)
    if (offset_wh := confirmed_offset_wh(register)) is not None:
        return (MeterResetFound(connector_id=event.connector_id, offset_wh=offset_wh),)
    if doubt.last_ms != doubt.since_ms or _is_noted(connector, at_ms):
        return ()
    return (_doubted(connector, event.energy_wh),)


def _is_noted(connector: Connector, at_ms: int) -> bool:
    noted_ms = connector.register.noted_ms
    return noted_ms is not None and at_ms - noted_ms < NOTED_EVERY_MS


def _doubted(connector: Connector, raw_wh: int) -> MeterDoubted:
    register = connector.register
    assert register.believed_wh is not None, "a register that was never read is not doubted"
    expected_wh = register.believed_wh - register.offset_wh
    return MeterDoubted(
        connector_id=connector.connector_id,
        reason=FELL if raw_wh < expected_wh else JUMPED,
        raw_wh=raw_wh,
        expected_wh=expected_wh,
    )


def _stuck(state: StationState, at_ms: int) -> Events:
    connectors = [state.connectors[item.connector_id] for item in state.transactions.running()]
    return [
        MeterDoubted(
            connector_id=connector.connector_id,
            reason=STUCK,
            raw_wh=connector.register.raw_wh or 0,
            expected_wh=connector.register.raw_wh or 0,
        )
        for connector in connectors
        if stands_still(connector.register) and not connector.register.stuck
    ]


def _check_due_ms(doubt: Doubt, at_ms: int) -> int:
    elapsed_ms = max(0, at_ms - doubt.since_ms)
    interval_ms = CHECK_MS
    while interval_ms <= elapsed_ms and interval_ms < CHECK_MAX_MS:
        interval_ms *= 2
    if interval_ms < CHECK_MAX_MS:
        return doubt.since_ms + interval_ms
    return doubt.since_ms + (elapsed_ms // CHECK_MAX_MS + 1) * CHECK_MAX_MS


def _deadlines(state: StationState) -> Iterable[Deadline]:
    for transaction in state.transactions.running():
        connector = state.connectors[transaction.connector_id]
        doubt = connector.register.doubt
        if doubt is not None and not connector.meter_failed and state.connectors.known:
            due_ms = _check_due_ms(doubt, state.at_ms)
            yield Deadline(due_ms=due_ms, name="meter_check", key=connector.connector_id)


FEATURE = Feature(
    name="meter_doubt",
    ocpp_profile="Core",
    observes={MeterObserved: _on_meter},
    rules=(Rule(decide=_stuck, reads=("connectors", "transactions")),),
    deadlines=_deadlines,
)
