"""Transactions: how they start, what ends them, and how StartTransaction and StopTransaction are queued (4.8, 4.10).

A transaction starts when a tag is authorized, the vehicle is connected, the cable is locked where there is a lock, the
meter can be read and nothing stands against it. It ends by its tag or group, remotely, by unplugging (if so
configured), by a fault that ends it, by the emergency stop, by the CSMS's answer about the tag (errata 3.17), by a reset, or,
if a power cut interrupted it, at the next boot.

After a power cut the policy of the settings decides: "resume" lets it go on if the vehicle is still connected, else it
is stopped with the last moment that the log proves, PowerLoss if the log has no orderly end (Reboot if it has, or if
a board with its own power kept running), and the register read at boot if it is believed (`projections.register`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from eventstore.catalogue.connectors import LockFailureEnded, LockFailureFound
from eventstore.catalogue.hardware import BoardOpened, LockObserved
from eventstore.catalogue.lifecycle import StationStopping
from eventstore.catalogue.transactions import (
    EnergyOfferEnded,
    StopDataSampled,
    TransactionConfirmed,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Event
from projections.connector import Connector
from projections.outbox import Owed
from projections.station import StationState
from projections.transactions import Transaction
from station.core.config_keys import Access, Boolean, ConfigKey
from station.core.feature import Call, Deadline, Events, Feature, Rendered, Rule
from station.rules.deauthorizing import MAX_ENERGY_ON_INVALID_ID, STOP_TRANSACTION_ON_INVALID_ID, deauthorize
from station.rules.faults import ENDING
from station.rules.idtag_info import info_of, named_group, passing_word, received
from station.rules.measurands import BEGIN, STOP_TRANSACTION_MAX_METER_VALUES, measurands_for_stop, sample
from station.rules.outputs import is_lock_wanted
from station.rules.postponing import postponed_start
from station.rules.reservations import reservation_for
from station.rules.sampled_values import meter_value
from station.rules.transaction_rules import (
    assign_transaction_id,
    is_stop_lost,
    refusal_to_start,
    register_of,
    stop_all,
    stop_now,
    wire_id,
)
from station.wire.enums import Reason
from station.wire.messages.core import (
    StartTransaction,
    StartTransactionResponse,
    StopTransaction,
    StopTransactionResponse,
)
from station.wire.messages.types import MeterValue

ENERGY_CHECK_MS = 2_000

STOP_TRANSACTION_ON_EV_SIDE_DISCONNECT = ConfigKey(
    name="StopTransactionOnEVSideDisconnect",
    kind=Boolean(),
    access=Access.READ_WRITE,
    default=True,
    required=True,
    clause="9.1.23",
    doc="Unplugging at the vehicle stops the transaction.",
)
UNLOCK_CONNECTOR_ON_EV_SIDE_DISCONNECT: ConfigKey[bool] = ConfigKey(
    name="UnlockConnectorOnEVSideDisconnect",
    kind=Boolean(),
    access=Access.READ_WRITE,
    access_of=lambda state: Access.READ_WRITE if state.connectors.has_lock else Access.READ_ONLY,
    default=lambda state: state.connectors.has_lock,
    required=True,
    clause="9.1.33, errata 3.83",
    doc="Unplugging at the vehicle unlocks the socket; false and read-only with a fixed cable.",
)


def _unlocks_on_disconnect(state: StationState) -> bool:
    return state.connectors.has_lock and UNLOCK_CONNECTOR_ON_EV_SIDE_DISCONNECT.of(state)


def _start_ready(state: StationState, at_ms: int) -> Events:
    if not state.connectors.known:
        return ()
    for connector in state.connectors.real:
        if connector.grant is not None and _is_ready(state, connector):
            return _start(state, connector, at_ms)
    return ()


def _is_ready(state: StationState, connector: Connector) -> bool:
    if not connector.connected or connector.reading is None or connector.meter_failed:
        return False
    if (state.connectors.has_lock and not connector.locked) or not connector.monitor.lets_close:
        return False
    return refusal_to_start(state, connector) is None


def _start(state: StationState, connector: Connector, at_ms: int) -> Events:
    grant, reading = connector.grant, connector.reading
    assert grant is not None, "asked only of a ready connector"
    assert reading is not None, "asked only of a ready connector"
    number = state.transactions.last_number + 1
    # The reservation of the grant may have ended, or its id gone to another tag: what holds now is used.
    held = reservation_for(state, connector.connector_id, grant.id_tag, grant.parent_id_tag)
    started = TransactionStarted(
        connector_id=connector.connector_id,
        number=number,
        id_tag=grant.id_tag,
        parent_id_tag=grant.parent_id_tag,
        meter_start_wh=reading.energy_wh,
        started=state.clock.moment(at_ms),
        authorized_by=grant.source,
        reservation_id=None if held is None else held.reservation_id,
    )
    begin = sample(state, connector.connector_id, measurands_for_stop(state), BEGIN, started.started)
    if begin is None:
        return (started,)
    return (started, StopDataSampled(connector_id=connector.connector_id, number=number, sample=begin))


def _stop_for_facts(state: StationState, at_ms: int) -> Events:
    """What ends a running transaction without anybody asking: an emergency stop, an ending fault, a cable that left the vehicle."""
    if not state.connectors.known:
        return ()
    running = state.transactions.running()
    endings = [_ending(state, transaction, at_ms) for transaction in running if transaction.ending is None]
    return [ending for ending in endings if ending is not None]


def _ending(state: StationState, transaction: Transaction, at_ms: int) -> TransactionStopped | None:
    station, connector = state.connectors[0], state.connectors[transaction.connector_id]
    if station.emergency_stop:
        return stop_now(state, transaction, "EmergencyStop", at_ms)
    if any(fault.error_code in ENDING for fault in (*station.faults, *connector.faults)):
        return stop_now(state, transaction, "Other", at_ms)
    if connector.pilot_state != "A":
        return None
    cable_gone = state.connectors.socket and connector.cable_rating_ma is None
    if cable_gone or STOP_TRANSACTION_ON_EV_SIDE_DISCONNECT.of(state):
        hold = not cable_gone and not _unlocks_on_disconnect(state)
        return stop_now(state, transaction, "EVDisconnected", at_ms, hold=hold)
    return None


def _end_offer(state: StationState, at_ms: int) -> Events:
    """MaxEnergyOnInvalidId is used up: the transaction goes on without energy (9.1.14)."""
    return [
        EnergyOfferEnded(connector_id=item.connector_id, number=item.number, reason="MaxEnergyOnInvalidId")
        for item in state.transactions.running()
        if item.energy_limit_wh is not None
        and item.offer_ended == ""
        and register_of(state, item)[0] >= item.energy_limit_wh
    ]


def _confirm(state: StationState, at_ms: int) -> Events:
    """All its messages are settled; or its end is lost with a damaged segment, and nothing is left to wait for."""
    return [
        TransactionConfirmed(number=number)
        for number, transaction in sorted(state.transactions.by_number.items())
        if transaction.stop_settled or is_stop_lost(state, transaction)
    ]


def _end_lock_failure(state: StationState, at_ms: int) -> Events:
    """A lock failure before a start clears on unplugging."""
    return [
        LockFailureEnded(connector_id=connector.connector_id)
        for connector in state.connectors.real
        if connector.lock_failed and not state.connectors.occupied(connector)
    ]


def _on_lock(state: StationState, event: LockObserved, at_ms: int) -> Events:
    if not event.jammed or event.locked or not state.connectors.has(event.connector_id):
        return ()
    connector = state.connectors[event.connector_id]
    if connector.lock_failed or not is_lock_wanted(state, connector):
        return ()
    return (LockFailureFound(connector_id=event.connector_id),)


def _on_board_opened(state: StationState, event: BoardOpened, at_ms: int) -> Events:
    """What becomes of the transactions that the last process left running."""
    return tuple(_recover(state, transaction, at_ms) for transaction in state.transactions.running())


def _recover(state: StationState, transaction: Transaction, at_ms: int) -> Event:
    connector = state.connectors[transaction.connector_id]
    resumes = state.described.power_loss_policy == "resume" and connector.connected and transaction.ending is None
    if resumes:
        return TransactionResumed(connector_id=transaction.connector_id, number=transaction.number)
    kept_power = state.boot.orderly or (state.described.keeps_power and state.boot.same_power)
    reason = "Reboot" if kept_power and state.described.power_loss_policy == "stop" else "PowerLoss"
    return stop_now(state, transaction, reason, at_ms, stopped=state.boot.proven)


def _on_stopping(state: StationState, event: StationStopping, at_ms: int) -> Events:
    """An orderly end stops what runs, unless the policy is to resume it at the next boot."""
    if state.described.power_loss_policy == "resume":
        return ()
    return stop_all(state, "PowerLoss" if event.why == "MainsLost" else "Reboot", at_ms)


def _energy_due_ms(state: StationState, transaction: Transaction) -> int | None:
    if transaction.energy_limit_wh is None or transaction.offer_ended:
        return None
    reading = state.connectors[transaction.connector_id].reading
    since_ms = 0 if reading is None else reading.at_ms
    # While the meter cannot be read the grid of checks goes on, one at a time.
    return since_ms + ((state.at_ms - since_ms) // ENERGY_CHECK_MS + 1) * ENERGY_CHECK_MS


def _deadlines(state: StationState) -> Iterable[Deadline]:
    for transaction in state.transactions.running():
        if (due_ms := _energy_due_ms(state, transaction)) is not None:
            yield Deadline(due_ms=due_ms, name="energy_check", key=transaction.connector_id)


def _render_start(state: StationState, event: TransactionStarted, at_ms: int) -> Rendered:
    transaction = state.transactions.by_number.get(event.number)
    floor_ms = 0 if transaction is None else transaction.latest_utc_ms
    timestamp = max(state.clock.utc_of(event.started), floor_ms)
    return Rendered(
        request=StartTransaction(
            connector_id=event.connector_id,
            id_tag=event.id_tag,
            meter_start=event.meter_start_wh,
            timestamp=timestamp,
            reservation_id=event.reservation_id,
        ),
        latest_utc_ms=timestamp,
    )


def _render_stop(state: StationState, event: TransactionStopped, at_ms: int) -> Rendered:
    transaction = state.transactions.by_number[event.number]
    transaction_id = wire_id(state, event.number)
    assert transaction_id is not None, "a known transaction has one, if only -1"
    data: list[MeterValue] = []
    floor_ms = state.clock.utc_of(transaction.started)
    for item in event.data:
        data.append(meter_value(state, item, floor_ms))
        floor_ms = data[-1].timestamp
    timestamp = max(state.clock.utc_of(event.stopped), transaction.latest_utc_ms, floor_ms)
    return Rendered(
        request=StopTransaction(
            transaction_id=transaction_id,
            timestamp=timestamp,
            meter_stop=event.meter_stop_wh,
            id_tag=event.id_tag,
            reason=Reason(event.reason),
            transaction_data=tuple(data) or None,
        ),
        latest_utc_ms=timestamp,
    )


def _on_start_result(state: StationState, owed: Owed, response: StartTransactionResponse, at_ms: int) -> Events:
    event = owed.event
    assert isinstance(event, TransactionStarted)
    info = info_of(response.id_tag_info)
    assigned = assign_transaction_id(state, event.number, response.transaction_id)
    transaction = state.transactions.on(event.connector_id)
    is_over = transaction is None or transaction.number != event.number or transaction.ending is not None
    if info.status == "Accepted" or transaction is None or is_over:
        return (*assigned, *received(state, event.id_tag, info, at_ms))
    if (later := postponed_start(state, transaction, info, at_ms)) is not None:
        return (*assigned, *passing_word(event.id_tag, info), later)
    return (
        *assigned,
        *received(state, event.id_tag, info, at_ms),
        *deauthorize(state, transaction, info, at_ms),
    )


def _on_start_part(state: StationState, owed: Owed, usable: Mapping[str, Any], at_ms: int) -> Events | None:
    """An answer with a usable transactionId counts as an answer, whatever else is wrong with it."""
    transaction_id = usable.get("transaction_id")
    return assign_transaction_id(state, owed.number, transaction_id) if isinstance(transaction_id, int) else None


def _on_start_late(state: StationState, message_id: str, response: StartTransactionResponse, at_ms: int) -> Events:
    """The id counts for what has not left, or contradicts on record; of its idTagInfo only the group that it names."""
    transaction = state.transactions.started_by(message_id)
    assert transaction is not None, "asked only of a message id whose answer had one"
    assigned = assign_transaction_id(state, transaction.number, response.transaction_id)
    if not isinstance(transaction, Transaction):
        return assigned
    return (*assigned, *named_group(transaction.id_tag, info_of(response.id_tag_info)))


def _on_stop_result(state: StationState, owed: Owed, response: StopTransactionResponse, at_ms: int) -> Events:
    event = owed.event
    assert isinstance(event, TransactionStopped)
    if response.id_tag_info is None:
        return ()
    info = info_of(response.id_tag_info)
    if event.id_tag is not None:
        return received(state, event.id_tag, info, at_ms)
    # The stop carried no tag, so the answer can only be about the one that started: its group counts (a cable may be held),
    # not its status.
    transaction = state.transactions.by_number.get(event.number)
    return () if transaction is None else named_group(transaction.id_tag, info)


FEATURE = Feature(
    name="transactions",
    ocpp_profile="Core",
    calls=(
        Call(
            event=TransactionStarted,
            render=_render_start,
            on_result=_on_start_result,
            on_part=_on_start_part,
            on_late=_on_start_late,
            needs_usable_answer=True,
        ),
        Call(event=TransactionStopped, render=_render_stop, on_result=_on_stop_result),
    ),
    observes={
        LockObserved: _on_lock,
        BoardOpened: _on_board_opened,
        StationStopping: _on_stopping,
    },
    rules=(
        Rule(decide=_end_lock_failure, reads=("connectors",)),
        Rule(
            decide=_stop_for_facts,
            reads=("description", "clock", "connectors", "transactions", "configuration", "temperatures"),
        ),
        Rule(decide=_end_offer, reads=("connectors", "transactions")),
        Rule(
            decide=_start_ready,
            reads=(
                "boot",
                "description",
                "clock",
                "registration",
                "connectors",
                "transactions",
                "reservations",
                "configuration",
                "maintenance",
                "temperatures",
            ),
        ),
        Rule(decide=_confirm, reads=("transactions", "outbox")),
    ),
    deadlines=_deadlines,
    config_keys=(
        STOP_TRANSACTION_ON_EV_SIDE_DISCONNECT,
        UNLOCK_CONNECTOR_ON_EV_SIDE_DISCONNECT,
        STOP_TRANSACTION_ON_INVALID_ID,
        MAX_ENERGY_ON_INVALID_ID,
        STOP_TRANSACTION_MAX_METER_VALUES,
    ),
)
