"""What a salvage leaves of the transactions, folded into the state: none of their messages is queued twice."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.link import DeliveryRecovered
from eventstore.catalogue.transactions import OWED, TOLD, UNSURE, TransactionRecovered
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.clock import Clock
from projections.connector import Connectors
from projections.transactions import Transaction, Transactions


def _counted_on(transactions: Transactions, event: DeliveryRecovered, recorded: Recorded, _: Clock) -> Transactions:
    return replace(transactions, last_number=max(transactions.last_number, event.last_number))


def _recovered(transactions: Transactions, event: TransactionRecovered, recorded: Recorded, _: Clock) -> Transactions:
    transaction = transactions.by_number.get(event.number)
    if transaction is None:
        return _recovered_anew(transactions, event)
    facts: dict[str, Any] = {}
    if event.transaction_id is not None and transaction.transaction_id is None:
        facts["transaction_id"] = event.transaction_id
    if event.start in (TOLD, UNSURE):
        facts["start_settled"] = True
        facts["start_given_up"] = transaction.start_given_up or event.start == UNSURE
    if event.stop not in (TOLD, UNSURE):
        return transactions.changed(event.number, **facts)
    facts.update(stop_settled=True, stop_data=())
    if transaction.stopped is None:
        ended = event.stopped
        facts["stopped"] = event.read or transaction.started if ended is None else ended.stopped
        facts["meter_stop_wh"] = event.register_wh if ended is None else ended.meter_stop_wh
        facts["reason"] = "PowerLoss" if ended is None else ended.reason
    after = transactions.changed(event.number, **facts)
    if after.active.get(transaction.connector_id) != event.number:
        return after
    return replace(after, active=after.active.delete(transaction.connector_id))


def _recovered_anew(transactions: Transactions, event: TransactionRecovered) -> Transactions:
    """A transaction of which only the stop still has to be sent; one that was never sent begins with its start again."""
    started, moment = event.started, event.read
    if event.stopped is not None:
        moment = event.stopped.stopped
    if started is not None:
        moment = started.started
    if event.stop != OWED or event.start != TOLD or moment is None:
        return transactions
    transaction = Transaction(
        number=event.number,
        connector_id=event.connector_id,
        id_tag="" if started is None else started.id_tag,
        parent_id_tag=None if started is None else started.parent_id_tag,
        started=moment,
        meter_start_wh=0 if started is None else started.meter_start_wh,
        authorized_by="" if started is None else started.authorized_by,
        transaction_id=event.transaction_id,
        start_settled=True,
    )
    return replace(transactions, by_number=transactions.by_number.set(event.number, transaction))


def _freed(connectors: Connectors, event: TransactionRecovered, recorded: Recorded, _: Clock) -> Connectors:
    if event.stop not in (TOLD, UNSURE) or not connectors.has(event.connector_id):
        return connectors
    if connectors[event.connector_id].transaction_number != event.number:
        return connectors
    return connectors.changed(event.connector_id, transaction_number=None, limit_ma=0)


TRANSACTION_FOLDS: Mapping[type[Event], Callable[[Transactions, Any, Recorded, Clock], Transactions]] = {
    DeliveryRecovered: _counted_on,
    TransactionRecovered: _recovered,
}
CONNECTOR_FOLDS: Mapping[type[Event], Callable[[Connectors, Any, Recorded, Clock], Connectors]] = {
    TransactionRecovered: _freed,
}
