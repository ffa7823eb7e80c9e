"""What the devices should be doing: a function of the state, applied by the gateway after the state is durable.

The interlock in `devices` decides last on the contactor: it may always keep it open, and never closes it.
"""

from devices.iec61851 import duty_permille_from_ma
from devices.readings import ConnectorOutputs
from eventstore.value import Value, replace
from projections.connector import MONITOR_FAILED, Connector
from projections.station import StationState
from station.rules import commissioning, faults
from station.rules.energy import ENERGY_STATES, is_ending, is_letting_go
from station.rules.status import is_offered

STEADY = 1000  # +12 V without PWM: connected or not, nothing is offered


class Wanted(Value, frozen=True, kw_only=True):
    """The outputs of one connector; `unlock` asks for a drive of the lock even if it should be open already, `test` for one of the
    residual current monitor."""

    outputs: ConnectorOutputs
    unlock: bool
    test: bool = False


def is_lock_wanted(state: StationState, connector: Connector) -> bool:
    """Whether the cable is to be held: from the authorization on, through the transaction, or for its owner (3.5).

    A cable that left the vehicle is let go by UnlockConnectorOnEVSideDisconnect, which the rules for stopping apply:
    here only a running transaction, a granted start or a held cable counts.
    """
    if not state.connectors.has_lock or connector.cable_rating_ma is None:
        return False
    if is_ending(state, connector):  # no plug is let go under load, whoever asks for it
        return True
    if connector.unlock_wanted:
        return False
    if connector.transaction_number is not None or connector.held_for is not None:
        return True
    return connector.grant is not None and connector.connected and not connector.lock_failed


def is_offering(state: StationState, connector: Connector) -> bool:
    """Whether the pilot offers a current: the transaction is offered one, and nothing stands against it."""
    may_offer = is_offered(state, connector) and faults.blocking_fault(state, connector) is None
    is_safe = connector.monitor.lets_close and state.connectors.known
    return may_offer and is_safe and not state.maintenance.stopping


def is_test_wanted(state: StationState, connector: Connector) -> bool:
    """Whether the residual current monitor is to be tried now: before each session, and once more without a cable if it has failed."""
    monitor = connector.monitor
    if not monitor.wired or monitor.lets_close or connector.contactor_closed or not state.connectors.known:
        return False
    if monitor.outcome == MONITOR_FAILED:
        return not state.connectors.occupied(connector) and not monitor.retried
    if not connector.connected or (state.connectors.has_lock and not connector.locked):
        return False
    is_about_to = connector.grant is not None or is_offered(state, connector)
    return is_about_to and not state.maintenance.stopping and faults.blocking_fault(state, connector) is None


def wanted(state: StationState, connector_id: int) -> Wanted:
    """The outputs of a connector as the state has it. A contactor without an offer is one that may stay closed for a moment,
    until the vehicle has let go; it may not be closed."""
    connector = state.connectors[connector_id]
    locked = is_lock_wanted(state, connector)
    held = locked or not state.connectors.has_lock
    may_offer = is_offering(state, connector) and not state.waking.is_interrupted(connector_id)
    closes = held and (connector.pilot_state in ENERGY_STATES if may_offer else is_letting_go(state, connector))
    if state.connectors.has_lock and not connector.locked:
        closes = False
    outputs = ConnectorOutputs(
        contactor_closed=closes,
        duty_permille=duty_permille_from_ma(connector.limit_ma) if may_offer else STEADY,
        locked=locked,
        phases=connector.phases,
        indicator=connector.status,
        offer_ma=connector.limit_ma if may_offer else None,
    )
    changes = commissioning.changes_of(state, connector)
    if changes:
        outputs = replace(outputs, **changes)
    return Wanted(
        outputs=outputs,
        unlock=connector.unlock_wanted and not is_ending(state, connector),
        test=is_test_wanted(state, connector),
    )
