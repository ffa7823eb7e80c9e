"""Connectors: the facts of each one, from which its status, its outputs and every refusal follow.

Facts are kept, not composite states: what the pilot says, whether a cable is in, who is authorized, which faults hold.
Index 0 is the station itself, which has availability, faults and a status (4.9), and no copper.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.authorization import AuthorizationEnded, AuthorizationGranted
from eventstore.catalogue.connectors import (
    AvailabilityChanged,
    AvailabilityScheduled,
    ConnectorStatusChanged,
    EnergyAskedBack,
    LockFailureEnded,
    LockFailureFound,
    PreparingRestarted,
    PreparingTimedOut,
    StatusNotificationQueued,
    UnlockRequested,
)
from eventstore.catalogue.hardware import (
    BoardOpened,
    ContactorObserved,
    EmergencyStopObserved,
    FaultCleared,
    FaultObserved,
    LockObserved,
    PilotStateObserved,
    ProximityObserved,
)
from eventstore.catalogue.lifecycle import DeadlineReached, StationBooted, StationDescribed
from eventstore.catalogue.link import CallSettled, LinkClosed
from eventstore.catalogue.maintenance import ResetAbandoned
from eventstore.catalogue.registration import RegistrationAnswered
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.transactions import (
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections import grouping, meters, register
from projections.clock import Clock
from projections.connector import EV_DISCONNECTED, Connector, Connectors, Fault, Grant, Reported

FAULTS_KEPT = 16
RETURNS = "returns"


def _on_described(connectors: Connectors, event: StationDescribed, recorded: Recorded, _: Clock) -> Connectors:
    # A connector that was taken away with its transaction open stays for this boot, so that the transaction can be ended.
    used = (known.connector_id for known in connectors.by_id if known.transaction_number is not None)
    highest = max(event.connectors, *used, 0)
    by_id = connectors.by_id[: highest + 1] + tuple(
        Connector(connector_id=number, phases=event.phases) for number in range(len(connectors.by_id), highest + 1)
    )
    return replace(
        connectors,
        by_id=by_id,
        socket=not event.fixed_cable,
        has_lock=event.has_lock,
        max_power_mw=event.phases * event.voltage_v * event.max_current_ma,
    )


def _on_boot(connectors: Connectors, event: StationBooted, recorded: Recorded, _: Clock) -> Connectors:
    # The board is read again: a new process begins with contactors open, and every input is reported once.
    by_id = tuple(
        replace(
            connector,
            pilot_state="A",
            cable_rating_ma=None,
            contactor_closed=False,
            contactor_fault="",
            let_go_by_ms=None,
            has_let_go=False,
            returns_by_ms=None,
            jammed=False,
            unlock_wanted=False,
            faults=(),
            emergency_stop=False,
            grant=None,
            timed_out=False,
            occupied_since_ms=None,
            preparing_since_ms=None,
            status="",
            reported=None,
            meter_failed="",
            register=register.begun(connector.register),
            limit_ma=0,
        )
        for connector in connectors.by_id
    )
    return replace(connectors, by_id=by_id, waiting=None, known=False)


def _occupancy(before: Connectors, after: Connectors, connector_id: int, at_ms: int) -> Connectors:
    """What follows from a cable that came or went: since when, and the end of what lasted until it was out."""
    was, now = before.occupied(before[connector_id]), after.occupied(after[connector_id])
    if was == now:
        return after
    if now:
        return after.changed(connector_id, occupied_since_ms=at_ms)
    return after.changed(
        connector_id, occupied_since_ms=None, finishing=False, timed_out=False, held_for=None, unlock_wanted=False
    )


def _on_pilot(connectors: Connectors, event: PilotStateObserved, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    before = connectors[event.connector_id]
    leaves = event.pilot_state == "B" and before.pilot_state in ("C", "D")
    after = connectors.changed(
        event.connector_id,
        pilot_state=event.pilot_state,
        has_let_go=leaves and before.let_go_by_ms is not None,
        returns_by_ms=before.returns_by_ms if leaves else None,
    )
    return _occupancy(connectors, after, event.connector_id, recorded.at_ms)


def _on_proximity(connectors: Connectors, event: ProximityObserved, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    after = connectors.changed(event.connector_id, cable_rating_ma=event.cable_rating_ma)
    return _occupancy(connectors, after, event.connector_id, recorded.at_ms)


def _on_contactor(connectors: Connectors, event: ContactorObserved, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    due_ms = connectors[event.connector_id].let_go_by_ms if event.closed else None
    return connectors.changed(
        event.connector_id, contactor_closed=event.closed, contactor_fault=event.fault, let_go_by_ms=due_ms
    )


def _on_asked_back(connectors: Connectors, event: EnergyAskedBack, recorded: Recorded, _: Clock) -> Connectors:
    return connectors.changed(event.connector_id, let_go_by_ms=event.due_ms)


def _on_lock(connectors: Connectors, event: LockObserved, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    wanted = connectors[event.connector_id].unlock_wanted and event.locked and not event.jammed
    return connectors.changed(event.connector_id, locked=event.locked, jammed=event.jammed, unlock_wanted=wanted)


def _on_fault(connectors: Connectors, event: FaultObserved, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    faults = connectors[event.connector_id].faults
    fault = Fault(error_code=event.error_code, info=event.info, vendor_error_code=event.vendor_error_code)
    kept = tuple(known for known in faults if known.error_code != event.error_code)
    return connectors.changed(event.connector_id, faults=(*kept, fault)[-FAULTS_KEPT:])


def _on_fault_cleared(connectors: Connectors, event: FaultCleared, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    faults = connectors[event.connector_id].faults
    kept = tuple(fault for fault in faults if event.error_code and fault.error_code != event.error_code)
    return connectors.changed(event.connector_id, faults=kept)


def _on_reset_abandoned(connectors: Connectors, event: ResetAbandoned, recorded: Recorded, _: Clock) -> Connectors:
    fault = Fault(error_code="ResetFailure", info=f"{event.kind} reset failed")
    kept = tuple(known for known in connectors[0].faults if known.error_code != fault.error_code)
    return connectors.changed(0, faults=(*kept, fault)[-FAULTS_KEPT:])


def _on_emergency(connectors: Connectors, event: EmergencyStopObserved, recorded: Recorded, _: Clock) -> Connectors:
    return connectors.changed(0, emergency_stop=event.pressed)


def _on_granted(connectors: Connectors, event: AuthorizationGranted, recorded: Recorded, _: Clock) -> Connectors:
    grant = Grant(
        id_tag=event.id_tag,
        parent_id_tag=event.parent_id_tag,
        source=event.source,
        since_ms=recorded.at_ms,
        reservation_id=event.reservation_id,
    )
    if event.connector_id is None:
        return replace(connectors, waiting=grant)
    after = connectors.changed(event.connector_id, grant=grant, timed_out=False, finishing=False)
    return replace(after, waiting=None)


def _on_grant_ended(connectors: Connectors, event: AuthorizationEnded, recorded: Recorded, _: Clock) -> Connectors:
    if event.connector_id is None:
        return replace(connectors, waiting=None)
    return connectors.changed(event.connector_id, grant=None)


def _on_started(connectors: Connectors, event: TransactionStarted, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    after = register.told(connectors[event.connector_id].register, event.meter_start_wh)
    return meters.with_register(
        connectors,
        event.connector_id,
        register.at_a_start(after, recorded.at_ms),
        transaction_number=event.number,
        grant=None,
        finishing=False,
        timed_out=False,
        held_for=None,
    )


def _on_resumed(connectors: Connectors, event: TransactionResumed, recorded: Recorded, _: Clock) -> Connectors:
    return connectors.changed(event.connector_id, transaction_number=event.number)


def _on_stopped(connectors: Connectors, event: TransactionStopped, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    connector = connectors[event.connector_id]
    after = register.told(connector.register, event.meter_stop_wh)
    return meters.with_register(
        connectors,
        event.connector_id,
        register.at_an_end(after),
        transaction_number=None,
        grant=None,
        finishing=connectors.occupied(connector),
        finishing_info=EV_DISCONNECTED if event.reason == "EVDisconnected" else "",
        held_for=event.held_for,
        limit_ma=0,
    )


def _on_status(connectors: Connectors, event: ConnectorStatusChanged, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    before = connectors[event.connector_id]
    since = before.preparing_since_ms
    if event.status != "Preparing":
        since = None
    elif before.status != "Preparing" or since is None:
        since = recorded.at_ms
    return connectors.changed(
        event.connector_id,
        status=event.status,
        error_code=event.error_code,
        info=event.info,
        vendor_error_code=event.vendor_error_code,
        status_since_ms=recorded.at_ms,
        preparing_since_ms=since,
    )


def _on_queued(connectors: Connectors, event: StatusNotificationQueued, recorded: Recorded, _: Clock) -> Connectors:
    if event.triggered or event.error_code == "LocalListConflict":  # about a tag, not about the connector
        return connectors
    reported = Reported(
        owed_seq=recorded.seq,
        status=event.status,
        error_code=event.error_code,
        info=event.info,
        vendor_error_code=event.vendor_error_code,
    )
    return connectors.changed(event.connector_id, reported=reported)


def _on_settled(connectors: Connectors, event: CallSettled, recorded: Recorded, _: Clock) -> Connectors:
    if event.action != "StatusNotification":
        return connectors
    for connector in connectors.by_id:
        if connector.reported is not None and connector.reported.owed_seq == event.owed_seq:
            return connectors.changed(connector.connector_id, reported=replace(connector.reported, delivered=True))
    return connectors


def _on_link_closed(connectors: Connectors, event: LinkClosed, recorded: Recorded, _: Clock) -> Connectors:
    # What was not delivered is forgotten, not replayed: the next connection gets the status of that moment (4.9).
    by_id = tuple(
        connector if connector.reported is None or connector.reported.delivered else replace(connector, reported=None)
        for connector in connectors.by_id
    )
    return replace(connectors, by_id=by_id)


def _on_registered(connectors: Connectors, event: RegistrationAnswered, recorded: Recorded, _: Clock) -> Connectors:
    # Each acceptance is followed by the status of every connector (errata 3.22).
    if event.status != "Accepted":
        return connectors
    return replace(connectors, by_id=tuple(replace(connector, reported=None) for connector in connectors.by_id))


def _on_board_opened(connectors: Connectors, event: BoardOpened, recorded: Recorded, _: Clock) -> Connectors:
    # What was to last until the cable is out has ended if the cable went while the station was off. And each meter was read
    # before this, if only to find its register unchanged; one that could not be read may be another when it can.
    by_id = tuple(
        connector
        if connectors.occupied(connector)
        else replace(connector, finishing=False, held_for=None, lock_failed=False)
        for connector in connectors.by_id
    )
    by_id = tuple(
        item if item.meter_failed else replace(item, register=register.still_so(item.register, recorded.at_ms))
        for item in by_id
    )
    return replace(connectors, by_id=by_id, known=True)


def _on_availability(connectors: Connectors, event: AvailabilityChanged, recorded: Recorded, _: Clock) -> Connectors:
    return connectors.changed(event.connector_id, availability=event.availability, scheduled_availability="")


def _on_scheduled(connectors: Connectors, event: AvailabilityScheduled, recorded: Recorded, _: Clock) -> Connectors:
    return connectors.changed(event.connector_id, scheduled_availability=event.availability)


def _on_timed_out(connectors: Connectors, event: PreparingTimedOut, recorded: Recorded, _: Clock) -> Connectors:
    return connectors.changed(event.connector_id, timed_out=True)


def _on_restarted(connectors: Connectors, event: PreparingRestarted, recorded: Recorded, _: Clock) -> Connectors:
    return connectors.changed(event.connector_id, timed_out=False, finishing=False)


def _on_unlock(connectors: Connectors, event: UnlockRequested, recorded: Recorded, _: Clock) -> Connectors:
    return connectors.changed(event.connector_id, unlock_wanted=True, held_for=None)


def _on_lock_failure(connectors: Connectors, event: LockFailureFound, recorded: Recorded, _: Clock) -> Connectors:
    return connectors.changed(event.connector_id, lock_failed=True, grant=None)


def _on_lock_failure_ended(connectors: Connectors, event: LockFailureEnded, recorded: Recorded, _: Clock) -> Connectors:
    return connectors.changed(event.connector_id, lock_failed=False)


def _on_limit(connectors: Connectors, event: LimitChanged, recorded: Recorded, _: Clock) -> Connectors:
    if not connectors.has(event.connector_id):
        return connectors
    before = connectors[event.connector_id]
    return connectors.changed(
        event.connector_id,
        limit_ma=event.limit_ma,
        phases=event.phases,
        let_go_by_ms=None if event.limit_ma > 0 else before.let_go_by_ms,  # offered again: all is as before
        returns_by_ms=before.returns_by_ms_at(event.limit_ma, recorded.at_ms),
    )


def _on_deadline(connectors: Connectors, event: DeadlineReached, recorded: Recorded, _: Clock) -> Connectors:
    if event.name != RETURNS or not connectors.has(event.key):
        return connectors
    return connectors.changed(event.key, returns_by_ms=None)


FOLDS: Mapping[type[Event], Callable[[Connectors, Any, Recorded, Clock], Connectors]] = {
    **meters.FOLDS,
    StationBooted: _on_boot,
    StationDescribed: _on_described,
    BoardOpened: _on_board_opened,
    CallSettled: _on_settled,
    LinkClosed: _on_link_closed,
    RegistrationAnswered: _on_registered,
    PilotStateObserved: _on_pilot,
    ProximityObserved: _on_proximity,
    ContactorObserved: _on_contactor,
    LockObserved: _on_lock,
    FaultObserved: _on_fault,
    FaultCleared: _on_fault_cleared,
    EmergencyStopObserved: _on_emergency,
    ResetAbandoned: _on_reset_abandoned,
    AuthorizationGranted: _on_granted,
    AuthorizationEnded: _on_grant_ended,
    **dict.fromkeys(grouping.TOLD, grouping.on_told),
    TransactionStarted: _on_started,
    TransactionResumed: _on_resumed,
    TransactionStopped: _on_stopped,
    ConnectorStatusChanged: _on_status,
    StatusNotificationQueued: _on_queued,
    AvailabilityChanged: _on_availability,
    AvailabilityScheduled: _on_scheduled,
    PreparingTimedOut: _on_timed_out,
    PreparingRestarted: _on_restarted,
    UnlockRequested: _on_unlock,
    EnergyAskedBack: _on_asked_back,
    LockFailureFound: _on_lock_failure,
    LockFailureEnded: _on_lock_failure_ended,
    LimitChanged: _on_limit,
    DeadlineReached: _on_deadline,
}
