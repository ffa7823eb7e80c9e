"""Letting go: energy is asked back before it is cut (IEC 61851-1, A.5.3; `station.rules.energy`). Part of every station.

What ends an offer while the vehicle may draw (a stop, a limit of 0, a pause, the end of the process) is followed by EnergyAskedBack:
the pilot goes steady, the contactor stays. It opens when the vehicle has left C and D, which the reflex does, or at the deadline. A
limit that is raised meanwhile takes all of it back. A transaction that has to end (TransactionEnding) is stopped when the
contactor is open: at a power cut or a kill in between, the next boot stops it, for the reason that was given.

When a paused vehicle is offered a current again, it has some seconds to ask for it before that counts as its own pause (4.9).
"""

from collections.abc import Iterator

from eventstore.catalogue.connectors import EnergyAskedBack
from projections.connector import Connector
from projections.connector_folds import RETURNS
from projections.station import StationState
from station.core.feature import TIME, Deadline, Events, Feature, Rule
from station.rules.energy import LET_GO_MS, OPENS_WITHIN_MS, may_draw
from station.rules.outputs import is_offering
from station.rules.transaction_rules import stop_now


def _ask_back(state: StationState, at_ms: int) -> Events:
    return [
        EnergyAskedBack(connector_id=connector.connector_id, due_ms=at_ms + LET_GO_MS)
        for connector in state.connectors.real
        if connector.let_go_by_ms is None and may_draw(state, connector) and not is_offering(state, connector)
    ]


def _stop_what_has_let_go(state: StationState, at_ms: int) -> Events:
    """The end of each transaction that waited for its contactor, or whose contactor will not say that it is open."""
    if not state.connectors.known:
        return ()
    return [
        stop_now(state, transaction, transaction.ending.reason, at_ms)
        for transaction in state.transactions.running()
        if transaction.ending is not None and not _waits(state.connectors[transaction.connector_id], at_ms)
    ]


def _waits(connector: Connector, at_ms: int) -> bool:
    due_ms = connector.let_go_by_ms
    if due_ms is None or not connector.contactor_closed or connector.contactor_fault:
        return False
    return at_ms < due_ms + OPENS_WITHIN_MS


def _deadlines(state: StationState) -> Iterator[Deadline]:
    for connector in state.connectors.real:
        if connector.returns_by_ms is not None:
            yield Deadline(due_ms=connector.returns_by_ms, name=RETURNS, key=connector.connector_id)
        due_ms = connector.let_go_by_ms
        if due_ms is None or not connector.contactor_closed:
            continue
        if state.at_ms < due_ms:
            yield Deadline(due_ms=due_ms, name="let_go", key=connector.connector_id)
        elif state.at_ms < due_ms + OPENS_WITHIN_MS:
            yield Deadline(due_ms=due_ms + OPENS_WITHIN_MS, name="opened", key=connector.connector_id)


FEATURE = Feature(
    name="letting go",
    ocpp_profile="Core",
    rules=(
        Rule(decide=_ask_back, reads=("connectors", "transactions", "maintenance")),
        Rule(
            decide=_stop_what_has_let_go,
            reads=("description", "clock", "connectors", "transactions", "configuration", "temperatures", TIME),
        ),
    ),
    deadlines=_deadlines,
)
