"""Rules on transactions that several features share: who may start, what ends one, what belongs to whom.

Pure functions from the state; each returns events or a reason. Sections 3.5, 4.8, 4.10, 5.11 and
docs/conformance.md.

What ends a transaction, and the reason that is sent (7.37); the cable is let go unless the last column says otherwise:

    what                                                 reason          idTag  cable
    a tag: the one that started it, or of its group      Local           yes
    RemoteStopTransaction (5.12)                         Remote          -
    StartTransaction.conf not Accepted (9.1.24)          DeAuthorized    -      held for its owner (3.5.4)
    unplugged at the vehicle (9.1.23)                    EVDisconnected  -      held unless 9.1.33 lets it go
    UnlockConnector (5.18)                               UnlockCommand   -
    Reset Soft (5.14)                                    SoftReset       -
    Reset Hard (5.14)                                    HardReset       -
    the emergency stop                                   EmergencyStop   -
    GroundFailure, OverCurrentFailure                    Other           -
    the process ends in order, or ended while the        Reboot          -
    board kept its power, and the policy is "stop"
    mains is gone, or was: at the next boot              PowerLoss       -
"""

from eventstore.catalogue.transactions import (
    HeldFor,
    Moment,
    Sample,
    TransactionEnding,
    TransactionIdAssigned,
    TransactionStopped,
)
from eventstore.event import Event
from projections.connector import INOPERATIVE, Connector
from projections.registration import REJECTED
from projections.station import StationState
from projections.transactions import Transaction, thinned
from station.rules.cardless import is_of_no_card
from station.rules.energy import may_draw
from station.rules.faults import blocking_fault
from station.rules.maintenance_rules import is_disk_full, is_waiting_to_install
from station.rules.measurands import STOP_TRANSACTION_MAX_METER_VALUES, measurands_for_stop
from station.rules.measurands import sample as measurands_sample
from station.wire.primitives import is_blank

AT_ONCE = frozenset({"EmergencyStop", "EVDisconnected", "Other", "PowerLoss"})
"""Reasons that open the contactor at once; at the others the vehicle is asked to let go first (`station.rules.energy`)."""
GIVEN_UP_ID = -1  # errata 3.18: for a transaction whose StartTransaction was given up or lost, and in no other case


def same_tag(one: str, other: str) -> bool:
    """idTags compare case-insensitively (errata 3.73)."""
    return one.casefold() == other.casefold()


def group(parent_id_tag: str | None) -> str | None:
    """The parent id tag, or None if it says nothing: version 0.1.0 took "" for one, and its logs and states hold such."""
    return None if parent_id_tag is None or is_blank(parent_id_tag) else parent_id_tag


def same_group(one: str | None, other: str | None) -> bool:
    """Whether both parent id tags are known and equal (3.10)."""
    mine, yours = group(one), group(other)
    return mine is not None and yours is not None and same_tag(mine, yours)


def refusal_to_serve(state: StationState) -> str | None:
    """Why the station as a whole starts nothing now, or None."""
    if not state.registration.accepted_ever:
        return "never accepted by this CSMS"
    if state.registration.status == REJECTED:
        return "rejected by the CSMS"
    if state.maintenance.stopping:
        return "going down"
    if state.maintenance.reset is not None:
        return "about to reset"
    if is_waiting_to_install(state):
        return "firmware is being installed"
    if is_disk_full(state):
        return "the disk is full"
    return None


def is_inoperative(connector: Connector) -> bool:
    """Whether the connector is set Inoperative (5.2); connector 0 has set every one when it was."""
    return connector.availability == INOPERATIVE


def refusal_to_start(state: StationState, connector: Connector) -> str | None:
    """Why nobody can start on the connector now, whoever it is, or None."""
    if (reason := refusal_to_serve(state)) is not None:
        return reason
    if connector.transaction_number is not None:
        return "a transaction is running"
    if is_inoperative(connector) or connector.scheduled_availability == INOPERATIVE:
        return "unavailable"
    fault = blocking_fault(state, connector)
    return None if fault is None else fault.error_code


def assign_transaction_id(state: StationState, number: int | None, transaction_id: int) -> tuple[Event, ...]:
    """The CSMS's id for our transaction: the first answer binds, another one later is a contradiction on record."""
    transaction = None if number is None else state.transactions.known(number)
    if transaction is None or transaction_id == transaction.transaction_id:
        return ()
    conflict = transaction.transaction_id is not None
    return (TransactionIdAssigned(number=transaction.number, transaction_id=transaction_id, conflict=conflict),)


def wire_id(state: StationState, number: int | None) -> int | None:
    """The transactionId that a message of our transaction carries; -1 only if its Start was given up (errata 3.18).

    One that the log has lost before it could leave is given up, too: what is left of the transaction is sent all the same.
    """
    transaction = None if number is None else state.transactions.by_number.get(number)
    if transaction is None:
        return None
    if transaction.transaction_id is not None:
        return transaction.transaction_id
    is_waiting = any(owed.seq == transaction.started_seq for owed in state.outbox.window)
    assert transaction.start_given_up or not is_waiting, (
        "the lane's order lets nothing pass an unsettled StartTransaction"
    )
    return GIVEN_UP_ID


def is_stop_lost(state: StationState, transaction: Transaction) -> bool:
    """Whether the log has lost the end of a transaction before it could be sent."""
    if transaction.stopped is None or transaction.stop_settled or state.outbox.beyond:
        return False
    return not any(
        isinstance(owed.event, TransactionStopped) and owed.event.number == transaction.number
        for owed in state.outbox.window
    )


def register_of(state: StationState, transaction: Transaction) -> tuple[int, bool]:
    """The register to stop at in Wh, and whether it is stale: the meter cannot be read or believed, the last value stands."""
    connector = state.connectors[transaction.connector_id]
    if connector.reading is None:  # never read on this log
        return max(transaction.meter_start_wh, transaction.sampled_wh), True
    stale = connector.meter_failed != "" or connector.register.doubt is not None
    return max(connector.reading.energy_wh, transaction.meter_start_wh), stale


def stop(
    state: StationState,
    transaction: Transaction,
    reason: str,
    at_ms: int,
    *,
    id_tag: str | None = None,
    hold: bool = False,
) -> tuple[Event, ...]:
    """What ends a running transaction: `reason` of 7.37, `id_tag` if a presented tag stopped it, `hold` as in `stop_now`.

    While its vehicle may draw, the energy is asked back first, and TransactionStopped follows by a rule once the contactor is
    open, so that its register is the one after that. The first reason counts: a second one meanwhile has no effect.
    """
    if transaction.ending is not None:
        return ()
    connector = state.connectors[transaction.connector_id]
    if reason in AT_ONCE or not may_draw(state, connector):
        return (stop_now(state, transaction, reason, at_ms, id_tag=id_tag, hold=hold),)
    ending = TransactionEnding(
        connector_id=transaction.connector_id, number=transaction.number, reason=reason, id_tag=id_tag, hold=hold
    )
    return (ending,)


def stop_now(
    state: StationState,
    transaction: Transaction,
    reason: str,
    at_ms: int,
    *,
    id_tag: str | None = None,
    stopped: Moment | None = None,
    hold: bool = False,
) -> TransactionStopped:
    """The end of a running transaction that waits for nothing; a reason that was given before counts more than this one.

    `stopped` is the moment if it is not the present one (after a power cut). `hold` keeps the cable locked for its
    owner (3.5.4, 4.10), unless no card bears the tag: nobody could ever release it.
    """
    if (ending := transaction.ending) is not None:
        reason, id_tag, hold = ending.reason, ending.id_tag, ending.hold
    meter_stop_wh, stale = register_of(state, transaction)
    held_for = None
    if hold and state.connectors.has_lock and not is_of_no_card(state, transaction.connector_id, transaction.id_tag):
        held_for = HeldFor(id_tag=transaction.id_tag, parent_id_tag=transaction.parent_id_tag)
    moment = stopped or state.clock.moment(at_ms)
    return TransactionStopped(
        connector_id=transaction.connector_id,
        number=transaction.number,
        reason=reason,
        id_tag=id_tag,
        meter_stop_wh=meter_stop_wh,
        stopped=moment,
        meter_stale=stale,
        held_for=held_for,
        data=_data(state, transaction, moment),
    )


def _data(state: StationState, transaction: Transaction, stopped: Moment) -> tuple[Sample, ...]:
    """transactionData: what was collected, thinned, with the Transaction.End sample (errata 3.14, 3.89)."""
    measurands = measurands_for_stop(state)
    if not measurands:
        return ()
    end = measurands_sample(state, transaction.connector_id, measurands, "Transaction.End", stopped)
    data = (*transaction.stop_data, *(() if end is None else (end,)))
    return thinned(data, STOP_TRANSACTION_MAX_METER_VALUES.of(state))


def stop_all(state: StationState, reason: str, at_ms: int) -> tuple[Event, ...]:
    """The end of every running transaction."""
    return tuple(event for running in state.transactions.running() for event in stop(state, running, reason, at_ms))
