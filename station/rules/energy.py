"""Energy is asked back before it is cut: how long a vehicle may take to let go, and when it is not asked at all.

A contactor that opens under load wears, and may weld. So at an ordinary end of the offer (a stop, a limit of 0, a pause) the pilot
goes steady first, which asks the vehicle to stop drawing (IEC 61851-1, A.5.3: within 3 s), and the contactor opens when the
vehicle has left C and D, or after LET_GO_MS. It opens at once for whatever is wrong: a fault, the emergency stop, a cable that goes,
mains that is gone, and an end of the process that does not wait.
"""

from projections.connector import Connector
from projections.station import StationState
from station.rules.faults import blocking_fault

ENERGY_STATES = ("C", "D")
LET_GO_MS = 3_000
OPENS_WITHIN_MS = 1_000  # how long the feedback of a contactor that was commanded to open may take
MAINS_LOST = "MainsLost"


def may_draw(state: StationState, connector: Connector) -> bool:
    """Whether the contactor is closed on a vehicle that asks for energy, and nothing says that it must open at once."""
    if not (connector.contactor_closed and connector.pilot_state in ENERGY_STATES and state.connectors.known):
        return False
    if connector.cable_rating_ma is None or (state.connectors.has_lock and not connector.locked):
        return False
    reset = state.maintenance.reset
    cannot_wait = state.maintenance.stopping == MAINS_LOST or (reset is not None and reset.due)
    return not cannot_wait and blocking_fault(state, connector) is None


def is_letting_go(state: StationState, connector: Connector) -> bool:
    """Whether the vehicle was asked to let go and has time left for it."""
    due_ms = connector.let_go_by_ms
    return due_ms is not None and state.at_ms < due_ms and may_draw(state, connector)


def is_ending(state: StationState, connector: Connector) -> bool:
    """Whether the transaction on the connector has to end and waits for the contactor."""
    transaction = state.transactions.on(connector.connector_id)
    return transaction is not None and transaction.ending is not None
