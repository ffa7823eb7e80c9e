"""Transactions of a log that was salvaged: which of their messages are sent again, and which are not.

A transaction that the damage interrupted ends with the last stored reading and its moment, never with a register that is read
later: whoever charges by then may be another driver. What verifies behind the damage and was provably not sent is sent as it
was recorded. What may have been sent is not sent again: one message too few can be asked for, one too many is billed.
"""

from eventstore.catalogue.transactions import LOST, OWED, TransactionRecovered, TransactionStopped
from projections.station import StationState
from projections.transactions import Transaction, thinned
from station.core.feature import Events, Feature
from station.rules.measurands import STOP_TRANSACTION_MAX_METER_VALUES


def _on_recovered(state: StationState, event: TransactionRecovered, at_ms: int) -> Events:
    transaction = state.transactions.by_number.get(event.number)
    if event.stop != OWED or event.start == LOST:
        return ()
    if transaction is None:
        if event.started is None or event.start != OWED:
            return ()
        return (event.started, event.stopped or _closed(state, event, None))
    if transaction.stopped is not None:  # its end was kept, and is queued
        return ()
    return (event.stopped or _closed(state, event, transaction),)


def _closed(state: StationState, event: TransactionRecovered, transaction: Transaction | None) -> TransactionStopped:
    """The end of an interrupted transaction: the log has no orderly one, so PowerLoss."""
    if transaction is not None:
        began, meter_start_wh, data = transaction.started, transaction.meter_start_wh, transaction.stop_data
    else:
        assert event.started is not None, "it is sent from its start"
        began, meter_start_wh, data = event.started.started, event.started.meter_start_wh, ()
    return TransactionStopped(
        connector_id=event.connector_id,
        number=event.number,
        reason="PowerLoss",
        id_tag=None,
        meter_stop_wh=max(meter_start_wh, event.register_wh or 0),
        stopped=event.read or began,
        meter_stale=True,
        data=thinned(data, STOP_TRANSACTION_MAX_METER_VALUES.of(state)),
    )


FEATURE = Feature(
    name="salvage",
    ocpp_profile="Core",
    observes={TransactionRecovered: _on_recovered},
)
