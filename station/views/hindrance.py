"""Why a connector does not charge, in one sentence, and what whoever stands before it can do about it.

What stands first in `hindrance` decides: what the station does not know, faults, the running transaction, what keeps one from
starting. Each answer is a pair of sentences; the second one is None where nothing need be done.
"""

from collections.abc import Mapping

from projections.connector import CURRENT_MIN_MA, Connector, Fault
from projections.limit_reason import LimitReason
from projections.station import StationState
from station.rules.cardless import free_id_tag
from station.rules.energy import ENERGY_STATES, is_ending
from station.rules.faults import (
    BLOCKING,
    EMERGENCY_FAULT,
    STUCK_FAULT,
    UNLOCK_FAULT,
    WELDED_FAULT,
    blocking_fault,
    own_fault,
)
from station.rules.reservations import is_reserved
from station.rules.transaction_rules import is_inoperative, refusal_to_serve
from station.telling.shown import shortened
from station.views.limits import limit_said
from station.views.saying import Json, say

Hindrance = tuple[Json, Json | None]

REFUSALS: Mapping[str, str] = {
    "never accepted by this CSMS": "unaccepted",
    "rejected by the CSMS": "rejected",
    "going down": "stopping",
    "about to reset": "reset",
    "firmware is being installed": "firmware",
    "the disk is full": "disk",
}
"""What `refusal_to_serve` says, as the end of a key."""

_SPECIAL: Mapping[Fault, str] = {
    EMERGENCY_FAULT: "emergency",
    WELDED_FAULT: "welded",
    STUCK_FAULT: "stuck",
    UNLOCK_FAULT: "unlock",
}


def hindrance(state: StationState, connector: Connector, limited_by: LimitReason | None) -> Hindrance:
    """Why the connector does not charge, or that it does; `limited_by` is what decides its limit."""
    if not state.connectors.known:
        return say("why.unread"), None
    fault = blocking_fault(state, connector)
    if fault is not None:
        key = "why.fault_station" if own_fault(state.connectors[0]) == fault else "why.fault"
        return say(key if fault.info else f"{key}_plain", **fault_said(fault)), remedy(fault)
    if state.commissioning.step_at(connector.connector_id):
        return say("why.commissioning"), None
    if connector.transaction_number is not None:
        return _running(state, connector, limited_by)
    return _idle(state, connector)


def fault_said(fault: Fault) -> Json:
    """A fault as values of a sentence."""
    return {"code": fault.error_code, "info": fault.info, "vendor_code": fault.vendor_error_code}


def remedy(fault: Fault) -> Json:
    """What can be done about a fault (7.6)."""
    special = _SPECIAL.get(fault)
    if special is not None:
        return say(f"remedy.{special}")
    return say(f"remedy.{fault.error_code}" if fault.error_code in BLOCKING else "remedy.warning")


def _running(state: StationState, connector: Connector, limited_by: LimitReason | None) -> Hindrance:
    transaction = state.transactions.on(connector.connector_id)
    if is_ending(state, connector):
        return say("why.ending"), None
    if transaction is not None and transaction.offer_ended:
        return say("why.offer_ended"), say("do.unplug")
    if connector.limit_ma < CURRENT_MIN_MA:
        said = limit_said(limited_by)
        return say("why.limit" if said else "why.limit_plain", limit_ma=connector.limit_ma, by=said), say("do.limit")
    if connector.pilot_state == "A":
        return say("why.vehicle_gone"), say("do.plug_vehicle")
    if connector.pilot_state not in ENERGY_STATES:
        return say("why.vehicle_waits"), say("do.vehicle")
    if state.connectors.has_lock and not connector.locked:
        return say("why.lock_open"), say("do.seat_plug")
    return say("why.charging" if connector.contactor_closed else "why.contactor"), None


def _idle(state: StationState, connector: Connector) -> Hindrance:
    occupied = state.connectors.occupied(connector)
    if connector.finishing and occupied:
        if connector.held_for is not None:
            return say("why.held", tag=shortened(connector.held_for.id_tag)), say("do.same_tag")
        return say("why.finished"), say("do.unplug")
    refused = refusal_to_serve(state)
    if refused is not None:
        return say(f"why.refused.{REFUSALS[refused]}"), say(f"do.refused.{REFUSALS[refused]}")
    if is_inoperative(connector):
        return say("why.inoperative"), say("do.operator")
    grant = connector.grant
    if grant is not None:
        tag = shortened(grant.id_tag)
        if not connector.connected:
            return say("why.authorized_unplugged", tag=tag), say("do.plug")
        if state.connectors.has_lock and not connector.locked:
            return say("why.lock_open"), say("do.seat_plug")
        return say("why.starting", tag=tag), None
    if connector.timed_out and occupied:
        return say("why.timed_out"), say("do.tag")
    if is_reserved(state, connector.connector_id):
        return say("why.reserved"), say("do.reserved")
    if not occupied:
        is_free = free_id_tag(state, connector.connector_id) != ""
        return say("why.free"), say("do.plug" if is_free else "do.plug_and_tag")
    if not connector.connected:
        return say("why.cable_only"), say("do.plug_vehicle")
    return say("why.unauthorized"), say("do.tag")
