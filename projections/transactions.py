"""Transactions that run, and those the CSMS has not confirmed wholly.

A transaction is found by our own number; the CSMS's id is a later fact. It stays here until all its messages are settled, so
that a restart at any point loses nothing (lessons 1 to 5).
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.lifecycle import ClockAdjusted, DeadlineReached, StationBooted
from eventstore.catalogue.link import CallDispatched, CallSettled
from eventstore.catalogue.transactions import (
    EnergyOfferEnded,
    MeterSampled,
    MeterSamplesDropped,
    Moment,
    Sample,
    StopDataSampled,
    TransactionConfirmed,
    TransactionEnding,
    TransactionIdAssigned,
    TransactionInvalidated,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Event, Recorded
from eventstore.persistent import Map
from eventstore.value import Value, replace
from projections.clock import Clock
from projections.grouping import TOLD, Told, parents_told, regrouped

ALIGNED = "aligned"
MESSAGE_IDS_KEPT = 8
CONFIRMED_KEPT = 16
SMALL_STEP_MS = 300_000  # corrections of a clock that was right but for its drift
STOP_SAMPLES_MAX = 200  # StopTransactionMaxMeterValues never lets it come this far


class Ending(Value, frozen=True, kw_only=True):
    """How a transaction is to end whose vehicle was asked to let go first: the reason (7.37), the tag that stopped it, and
    whether the cable is kept for its owner."""

    reason: str
    id_tag: str | None
    hold: bool


class Transaction(Value, frozen=True, kw_only=True):
    """One transaction. `started` and `stopped` are moments; `transaction_id` is the CSMS's, `other_ids` contradictions.

    `energy_limit_wh` is a register value from which on no energy is offered (9.1.14); `offer_ended` says why it ended.
    `ending` says how it ends, from that decision to the open contactor.
    `stop_data` are the samples for transactionData; `sampled_wh` and `aligned_wh` the registers of the last samples.
    `samples_thinned` counts those left out for the disk since the last one that was kept.
    `started_seq` is the event that began it, which the log keeps until all of it is confirmed.
    `parent_id_tag` is the group as it was named last, also after the start (3.10).
    `latest_utc_ms` is the latest time that went out: the times of one transaction never decrease on the wire.
    """

    number: int
    connector_id: int
    id_tag: str
    parent_id_tag: str | None
    started: Moment
    meter_start_wh: int
    authorized_by: str
    started_seq: int = 0
    reservation_id: int | None = None
    transaction_id: int | None = None
    other_ids: tuple[int, ...] = ()
    start_message_ids: tuple[str, ...] = ()
    start_settled: bool = False
    start_given_up: bool = False
    stopped: Moment | None = None
    meter_stop_wh: int | None = None
    reason: str | None = None
    stop_id_tag: str | None = None
    stop_settled: bool = False
    invalid_status: str = ""
    energy_limit_wh: int | None = None
    offer_ended: str = ""
    ending: Ending | None = None
    stop_data: tuple[Sample, ...] = ()
    last_sample_ms: int = 0
    sampled_wh: int = 0
    aligned_wh: int = 0
    samples_thinned: int = 0
    latest_utc_ms: int = 0

    def is_known_as(self, transaction_id: int) -> bool:
        """Whether the CSMS may mean this one by that id."""
        return transaction_id == self.transaction_id or transaction_id in self.other_ids


class Confirmed(Value, frozen=True, kw_only=True):
    """What is remembered of a confirmed transaction: its id, and the message ids of its calls."""

    number: int
    transaction_id: int | None
    start_message_ids: tuple[str, ...]


class Transactions(Value, frozen=True, kw_only=True):
    """By number: those that run (`active`: connector to number) and those not confirmed wholly.

    `aligned_utc_ms` is the calendar moment up to which clock-aligned samples were taken (9.1.5). `confirmed` are the last
    ones of those that left.
    """

    last_number: int = 0
    aligned_utc_ms: int = 0
    confirmed: tuple[Confirmed, ...] = ()
    by_number: Map[int, Transaction] = Map()
    active: Map[int, int] = Map()

    def on(self, connector_id: int) -> Transaction | None:
        """The transaction that runs on a connector."""
        number = self.active.get(connector_id)
        return None if number is None else self.by_number[number]

    def running(self) -> tuple[Transaction, ...]:
        """All that run, by connector."""
        return tuple([self.by_number[number] for _, number in sorted(self.active.items())])

    def known(self, number: int) -> Transaction | Confirmed | None:
        """The transaction, or what is remembered of it once it is confirmed wholly."""
        kept = (item for item in self.confirmed if item.number == number)
        return self.by_number.get(number) or next(kept, None)

    def by_transaction_id(self, transaction_id: int) -> Transaction | None:
        """The running transaction that the CSMS knows by this id."""
        return next((item for item in self.running() if item.is_known_as(transaction_id)), None)

    def started_by(self, message_id: str) -> Transaction | Confirmed | None:
        """Whose StartTransaction had this message id."""
        candidates = (*self.by_number.values(), *self.confirmed)
        return next((item for item in candidates if message_id in item.start_message_ids), None)

    def changed(self, number: int, **facts: Any) -> "Transactions":
        """The same with other facts for one transaction; unknown numbers change nothing."""
        transaction = self.by_number.get(number)
        if transaction is None:
            return self
        return replace(self, by_number=self.by_number.set(number, replace(transaction, **facts)))


def _on_started(transactions: Transactions, event: TransactionStarted, recorded: Recorded, _: Clock) -> Transactions:
    transaction = Transaction(
        number=event.number,
        connector_id=event.connector_id,
        id_tag=event.id_tag,
        parent_id_tag=event.parent_id_tag,
        started=event.started,
        meter_start_wh=event.meter_start_wh,
        authorized_by=event.authorized_by,
        started_seq=recorded.seq,
        reservation_id=event.reservation_id,
        last_sample_ms=recorded.at_ms,
        sampled_wh=event.meter_start_wh,
        aligned_wh=event.meter_start_wh,
    )
    return replace(
        transactions,
        last_number=max(transactions.last_number, event.number),
        by_number=transactions.by_number.set(event.number, transaction),
        active=transactions.active.set(event.connector_id, event.number),
    )


def _on_sampled(transactions: Transactions, event: MeterSampled, recorded: Recorded, _: Clock) -> Transactions:
    transaction = None if event.number is None else transactions.by_number.get(event.number)
    if transaction is None:
        return transactions
    if event.sample.context == "Sample.Periodic":
        return transactions.changed(
            transaction.number,
            last_sample_ms=event.sample.taken.at_ms,
            sampled_wh=event.register_wh,
            samples_thinned=0,
        )
    return transactions.changed(transaction.number, aligned_wh=event.register_wh)


def _on_stop_data(transactions: Transactions, event: StopDataSampled, recorded: Recorded, _: Clock) -> Transactions:
    transaction = transactions.by_number.get(event.number)
    if transaction is None:
        return transactions
    data = (*transaction.stop_data, event.sample)
    if len(data) > STOP_SAMPLES_MAX:
        data = thinned(data, STOP_SAMPLES_MAX)
    return transactions.changed(event.number, stop_data=data)


def thinned(samples: tuple[Sample, ...], maximum: int) -> tuple[Sample, ...]:
    """At most `maximum` samples: every second intermediate one goes, first and last always stay (errata 3.89)."""
    while len(samples) > max(2, maximum):
        samples = (samples[0], *samples[1:-1][1::2], samples[-1])
    return samples


def _on_dropped(transactions: Transactions, event: MeterSamplesDropped, recorded: Recorded, _: Clock) -> Transactions:
    transaction = transactions.by_number.get(event.number)
    if transaction is None:
        return transactions
    thinned_now = transaction.samples_thinned + (event.count if event.reason == "disk" else 0)
    return transactions.changed(event.number, samples_thinned=thinned_now, last_sample_ms=event.due_ms)


def _on_invalidated(
    transactions: Transactions, event: TransactionInvalidated, recorded: Recorded, _: Clock
) -> Transactions:
    return transactions.changed(event.number, invalid_status=event.status, energy_limit_wh=event.energy_limit_wh)


def _on_offer_ended(transactions: Transactions, event: EnergyOfferEnded, recorded: Recorded, _: Clock) -> Transactions:
    return transactions.changed(event.number, offer_ended=event.reason)


def _on_resumed(transactions: Transactions, event: TransactionResumed, recorded: Recorded, _: Clock) -> Transactions:
    return transactions.changed(event.number, last_sample_ms=recorded.at_ms)


def _on_ending(transactions: Transactions, event: TransactionEnding, recorded: Recorded, _: Clock) -> Transactions:
    ending = Ending(reason=event.reason, id_tag=event.id_tag, hold=event.hold)
    return transactions.changed(event.number, ending=ending)


def _on_stopped(transactions: Transactions, event: TransactionStopped, recorded: Recorded, _: Clock) -> Transactions:
    after = transactions.changed(
        event.number,
        stopped=event.stopped,
        meter_stop_wh=event.meter_stop_wh,
        reason=event.reason,
        stop_id_tag=event.id_tag,
        ending=None,
        stop_data=(),
    )
    if after.active.get(event.connector_id) != event.number:
        return after
    return replace(after, active=after.active.delete(event.connector_id))


def _on_assigned(
    transactions: Transactions, event: TransactionIdAssigned, recorded: Recorded, _: Clock
) -> Transactions:
    transaction = transactions.by_number.get(event.number)
    if transaction is None:
        return transactions if event.conflict else _assigned_late(transactions, event)
    if event.conflict:
        return transactions.changed(event.number, other_ids=(*transaction.other_ids, event.transaction_id)[-4:])
    return transactions.changed(event.number, transaction_id=event.transaction_id)


def _assigned_late(transactions: Transactions, event: TransactionIdAssigned) -> Transactions:
    confirmed = tuple(
        replace(item, transaction_id=event.transaction_id) if item.number == event.number else item
        for item in transactions.confirmed
    )
    return replace(transactions, confirmed=confirmed)


def _on_dispatched(transactions: Transactions, event: CallDispatched, recorded: Recorded, _: Clock) -> Transactions:
    transaction = None if event.number is None else transactions.by_number.get(event.number)
    if transaction is None:
        return transactions
    facts: dict[str, Any] = {"latest_utc_ms": max(transaction.latest_utc_ms, event.latest_utc_ms or 0)}
    if event.action == "StartTransaction" and event.message_id not in transaction.start_message_ids:
        facts["start_message_ids"] = (*transaction.start_message_ids, event.message_id)[-MESSAGE_IDS_KEPT:]
    return transactions.changed(transaction.number, **facts)


def _on_settled(transactions: Transactions, event: CallSettled, recorded: Recorded, _: Clock) -> Transactions:
    if event.number is None or not event.ends_entry:
        return transactions
    if event.action == "StartTransaction":
        return transactions.changed(event.number, start_settled=True, start_given_up=event.outcome == "given_up")
    if event.action == "StopTransaction":
        return transactions.changed(event.number, stop_settled=True)
    return transactions


def _on_confirmed(
    transactions: Transactions, event: TransactionConfirmed, recorded: Recorded, _: Clock
) -> Transactions:
    transaction = transactions.by_number.get(event.number)
    if transaction is None:
        return transactions
    confirmed = Confirmed(
        number=event.number,
        transaction_id=transaction.transaction_id,
        start_message_ids=transaction.start_message_ids,
    )
    return replace(
        transactions,
        by_number=transactions.by_number.delete(event.number),
        confirmed=(*transactions.confirmed, confirmed)[-CONFIRMED_KEPT:],
    )


def _on_group_told(transactions: Transactions, event: Told, recorded: Recorded, _: Clock) -> Transactions:
    if not transactions.active:
        return transactions
    parents = parents_told(event)
    by_number = transactions.by_number
    for number in transactions.active.values():
        by_number = by_number.set(number, regrouped(by_number[number], parents))
    return replace(transactions, by_number=by_number)


def _on_deadline(transactions: Transactions, event: DeadlineReached, recorded: Recorded, clock: Clock) -> Transactions:
    return _on_grid_moved(transactions, event, recorded, clock) if event.name == ALIGNED else transactions


def _on_grid_moved(transactions: Transactions, event: Event, recorded: Recorded, clock: Clock) -> Transactions:
    # A boot or another clock begins the grid anew: what passed meanwhile was not measured and is not invented. But a clock
    # that was put back a little passes points again of which there is a sample; one put back by more was simply wrong.
    present_utc_ms, sampled_utc_ms = clock.utc_ms(recorded.at_ms), transactions.aligned_utc_ms
    if present_utc_ms <= sampled_utc_ms <= present_utc_ms + SMALL_STEP_MS:
        return transactions
    return replace(transactions, aligned_utc_ms=present_utc_ms)


def _on_configured(
    transactions: Transactions, event: ConfigurationChanged, recorded: Recorded, clock: Clock
) -> Transactions:
    if event.key != "ClockAlignedDataInterval":
        return transactions
    return _on_grid_moved(transactions, event, recorded, clock)


FOLDS: Mapping[type[Event], Callable[[Transactions, Any, Recorded, Clock], Transactions]] = {
    TransactionStarted: _on_started,
    MeterSampled: _on_sampled,
    StopDataSampled: _on_stop_data,
    MeterSamplesDropped: _on_dropped,
    TransactionInvalidated: _on_invalidated,
    EnergyOfferEnded: _on_offer_ended,
    TransactionResumed: _on_resumed,
    TransactionEnding: _on_ending,
    TransactionStopped: _on_stopped,
    TransactionIdAssigned: _on_assigned,
    CallDispatched: _on_dispatched,
    CallSettled: _on_settled,
    TransactionConfirmed: _on_confirmed,
    **dict.fromkeys(TOLD, _on_group_told),
    DeadlineReached: _on_deadline,
    StationBooted: _on_grid_moved,
    ClockAdjusted: _on_grid_moved,
    ConfigurationChanged: _on_configured,
}
