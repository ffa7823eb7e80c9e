"""ChargePointStatus: derived from the facts of a connector, moved only along the table of section 4.9.

Theory of operation
    `target` says which status the facts amount to. `TRANSITIONS` is the standard's table (with B6, errata 3.20);
    `next_status` gives the next hop on the shortest legal way from the status that was to the target, so that what is
    reported never leaves the table: a connector that is set Inoperative while Preparing passes through Finishing
    (B6, F8), one that was charging and has no cable left goes straight to Unavailable (C8).

Connector 0 knows Available, Unavailable and Faulted only, in any order.
"""

from collections.abc import Mapping

from eventstore.catalogue.connectors import StatusNotificationQueued
from projections.connector import CURRENT_MIN_MA, EV_DISCONNECTED, INOPERATIVE, Connector, Fault
from projections.station import StationState
from station.rules import faults, maintenance_rules, reservations
from station.rules.energy import is_ending
from station.rules.transaction_rules import is_inoperative

AVAILABLE = "Available"
PREPARING = "Preparing"
CHARGING = "Charging"
SUSPENDED_EV = "SuspendedEV"
SUSPENDED_EVSE = "SuspendedEVSE"
FINISHING = "Finishing"
RESERVED = "Reserved"
UNAVAILABLE = "Unavailable"
FAULTED = "Faulted"

# A condition under a status that is not Faulted is a warning (4.9): what runs goes on. InternalError: "error in internal
# hard- or software component" (7.6).
DISK_FULL = Fault(error_code="InternalError", info="Disk full")

# Rows A to I, in the columns' order (4.9; B6 by errata 3.20).
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    AVAILABLE: (PREPARING, CHARGING, SUSPENDED_EV, SUSPENDED_EVSE, RESERVED, UNAVAILABLE, FAULTED),
    PREPARING: (AVAILABLE, CHARGING, SUSPENDED_EV, SUSPENDED_EVSE, FINISHING, FAULTED),
    CHARGING: (AVAILABLE, SUSPENDED_EV, SUSPENDED_EVSE, FINISHING, UNAVAILABLE, FAULTED),
    SUSPENDED_EV: (AVAILABLE, CHARGING, SUSPENDED_EVSE, FINISHING, UNAVAILABLE, FAULTED),
    SUSPENDED_EVSE: (AVAILABLE, CHARGING, SUSPENDED_EV, FINISHING, UNAVAILABLE, FAULTED),
    FINISHING: (AVAILABLE, PREPARING, UNAVAILABLE, FAULTED),
    RESERVED: (AVAILABLE, PREPARING, UNAVAILABLE, FAULTED),
    UNAVAILABLE: (AVAILABLE, PREPARING, CHARGING, SUSPENDED_EV, SUSPENDED_EVSE, FAULTED),
    FAULTED: (
        AVAILABLE,
        PREPARING,
        CHARGING,
        SUSPENDED_EV,
        SUSPENDED_EVSE,
        FINISHING,
        RESERVED,
        UNAVAILABLE,
    ),
}
# Where more than one way is as short, these hops are taken first: never a flash of Available.
_PREFERRED = (FINISHING, PREPARING, UNAVAILABLE, SUSPENDED_EVSE, SUSPENDED_EV, CHARGING, AVAILABLE)


def next_status(present: str, target: str) -> str:
    """The next status on the shortest way along the table; from nowhere ("" after a boot) any status may come."""
    if present in ("", target) or target in TRANSITIONS[present]:
        return target
    return next(hop for hop in _PREFERRED if hop in TRANSITIONS[present] and target in TRANSITIONS[hop])


def is_offered(state: StationState, connector: Connector) -> bool:
    """Whether the transaction on the connector is offered energy: a limit of 6 A or more, and nothing revoked it."""
    transaction = state.transactions.on(connector.connector_id)
    if transaction is None or transaction.offer_ended or transaction.ending is not None:
        return False
    return connector.limit_ma >= CURRENT_MIN_MA


def target(state: StationState, connector: Connector) -> tuple[str, Fault]:
    """What the facts amount to: the status, and the error code with its info ("NoError" if there is none)."""
    if connector.connector_id == 0:
        return _station_target(state, connector)
    if (fault := faults.blocking_fault(state, connector)) is not None:
        return FAULTED, fault
    status, info = _charging_status(state, connector) or _idle_status(state, connector)
    held = faults.warning(connector)
    if held is not None and (held.error_code != "EVCommunicationError" or status in _COMMUNICATION_STATUSES):
        return status, held
    return status, Fault(error_code="NoError", info=info)


_WITH_TRANSACTION = frozenset({CHARGING, SUSPENDED_EV, SUSPENDED_EVSE})
_COMMUNICATION_STATUSES = frozenset({PREPARING, SUSPENDED_EV, SUSPENDED_EVSE, FINISHING})


def _station_target(state: StationState, station: Connector) -> tuple[str, Fault]:
    fault, is_full = faults.own_fault(station), maintenance_rules.is_disk_full(state)
    if fault is not None:
        return FAULTED, fault
    held = faults.warning(station) or (DISK_FULL if is_full else Fault(error_code="NoError"))
    return (UNAVAILABLE if is_full or station.availability == INOPERATIVE else AVAILABLE), held


def _charging_status(state: StationState, connector: Connector) -> tuple[str, str] | None:
    if connector.transaction_number is None:
        return None
    if is_ending(state, connector) and connector.status in _WITH_TRANSACTION:
        return connector.status, connector.info  # until the contactor is open: the next status is reported at once
    if not is_offered(state, connector):
        return SUSPENDED_EVSE, ""
    if connector.pilot_state in ("C", "D"):
        return CHARGING, ""
    if connector.returns_by_ms is not None and connector.status in (CHARGING, SUSPENDED_EVSE):
        return (
            connector.status,
            "",
        )  # offered again a moment ago: a vehicle that needs a second is not pausing
    return SUSPENDED_EV, EV_DISCONNECTED if connector.pilot_state == "A" else ""


def _idle_status(state: StationState, connector: Connector) -> tuple[str, str]:
    occupied = state.connectors.occupied(connector)
    if connector.finishing and occupied:
        return FINISHING, connector.finishing_info
    if is_inoperative(connector) or maintenance_rules.is_out_of_service(state):
        return UNAVAILABLE, DISK_FULL.info if maintenance_rules.is_disk_full(state) else ""
    if connector.grant is None and connector.timed_out and occupied:
        return FINISHING, ""
    if connector.grant is None and reservations.is_reserved(state, connector.connector_id):
        return RESERVED, ""
    if occupied or connector.grant is not None:
        return PREPARING, ""
    return AVAILABLE, ""


def queue_status(state: StationState, connector: Connector, at_ms: int, *, triggered: bool) -> StatusNotificationQueued:
    """The report of the connector's present status."""
    return StatusNotificationQueued(
        connector_id=connector.connector_id,
        status=connector.status,
        error_code=connector.error_code,
        info=connector.info,
        vendor_error_code=connector.vendor_error_code,
        reported=state.clock.moment(at_ms),
        triggered=triggered,
    )
