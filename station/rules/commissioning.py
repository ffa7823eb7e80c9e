"""The commissioning test: which steps a connector has, what each wants of the board and finds there, and what stands against it.

It is for an installer who stands before the station while nobody charges: only without a vehicle, a transaction or an authorization, and it
is over at once when one of them comes. The contactor is never closed by it: the interlock wants a vehicle for that, and nothing
overrules the interlock. What its step shows is that it is open, by its contact and by the operator's voltage tester.
"""

from collections.abc import Mapping
from typing import Any

from eventstore.value import Value
from projections.connector import Connector
from projections.station import StationState

LOCK_CLOSES, LOCK_OPENS, CONTACTOR, METER = "lock_closes", "lock_opens", "contactor", "meter"
LAMPS: Mapping[str, str] = {"lamp_available": "Available", "lamp_charging": "Charging", "lamp_faulted": "Faulted"}
"""The steps of the lamp, and the status that it shows in each."""

OPEN, CLOSED, JAMMED, READ, UNREAD, SHOWN = "open", "closed", "jammed", "read", "unread", "shown"
WANTED: Mapping[str, str] = {
    LOCK_CLOSES: CLOSED,
    LOCK_OPENS: OPEN,
    CONTACTOR: OPEN,
    METER: READ,
    **dict.fromkeys(LAMPS, SHOWN),
}
"""Every step there is, and what the board must say in it. A lamp says nothing: SHOWN is what it should show."""

DONE, ASKED, TIME = "done", "asked", "time"
NO_CONNECTOR, RUNNING, NO_STEP = "no such connector", "another test runs", "no such step is under way"
UNREAD_BOARD, STOPPING, EMERGENCY = "board not read", "stopping", "emergency stop"
VEHICLE, TRANSACTION, AUTHORIZATION = "vehicle", "transaction", "authorization"
OBSTACLES = (UNREAD_BOARD, STOPPING, EMERGENCY, VEHICLE, TRANSACTION, AUTHORIZATION)
"""What no test begins with, and what ends one that runs."""


class Seen(Value, frozen=True, kw_only=True):
    """What the board says of a step."""

    found: str
    as_wanted: bool


def steps_of(state: StationState) -> tuple[str, ...]:
    """The steps of a connector of this station, in order."""
    return tuple(step for step in WANTED if state.connectors.has_lock or step not in (LOCK_CLOSES, LOCK_OPENS))


def obstacle(state: StationState, connector_id: int) -> str | None:
    """What stands against a test of the connector now, None if nothing does."""
    connector = state.connectors[connector_id]
    reset = state.maintenance.reset
    found = {
        UNREAD_BOARD: not state.connectors.known,
        STOPPING: bool(state.maintenance.stopping) or (reset is not None and reset.due),
        EMERGENCY: state.connectors[0].emergency_stop,
        VEHICLE: connector.pilot_state != "A",
        TRANSACTION: connector.transaction_number is not None,
        AUTHORIZATION: connector.grant is not None or connector.held_for is not None,
    }
    return next((reason for reason, stands in found.items() if stands), None)


def refusal(state: StationState, connector_id: int) -> str | None:
    """Why no test of the connector begins now, None if one may."""
    if not state.connectors.has(connector_id) or connector_id == 0:
        return NO_CONNECTOR
    return RUNNING if state.commissioning.running else obstacle(state, connector_id)


def found_at(connector: Connector, step: str) -> Seen:
    """What the board says of the step under way."""
    found = _found(connector, step)
    return Seen(found=found, as_wanted=found == WANTED[step])


def _found(connector: Connector, step: str) -> str:
    if step in (LOCK_CLOSES, LOCK_OPENS):
        return JAMMED if connector.jammed else CLOSED if connector.locked else OPEN
    if step == CONTACTOR:
        return connector.contactor_fault or (CLOSED if connector.contactor_closed else OPEN)
    if step == METER:
        return UNREAD if connector.meter_failed or connector.reading is None else READ
    return SHOWN


def changes_of(state: StationState, connector: Connector) -> Mapping[str, Any]:
    """The outputs that the step under way wants otherwise than they are without a test: `locked`, or the `indicator`."""
    step = state.commissioning.step_at(connector.connector_id)
    if step == LOCK_CLOSES and not connector.unlock_wanted:
        return {"locked": True}
    return {"indicator": LAMPS[step]} if step in LAMPS else {}
