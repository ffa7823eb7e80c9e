"""Transactions that run, and those not confirmed wholly."""

import pytest

from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.lifecycle import ClockAdjusted, DeadlineReached
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
from eventstore.value import replace
from projections.clock import Clock
from projections.transactions import (
    ALIGNED,
    CONFIRMED_KEPT,
    FOLDS,
    MESSAGE_IDS_KEPT,
    STOP_SAMPLES_MAX,
    Ending,
    Transaction,
    Transactions,
    thinned,
)

MOMENT = Moment(at_ms=10, boot=1, utc_ms=10)


def sample(context: str = "Sample.Periodic", at_ms: int = 10) -> Sample:
    return Sample(taken=replace(MOMENT, at_ms=at_ms), context=context, values=())


STARTED = TransactionStarted(
    connector_id=1,
    number=1,
    id_tag="A",
    parent_id_tag="P",
    meter_start_wh=100,
    started=MOMENT,
    authorized_by="CSMS",
    reservation_id=7,
)
STOPPED = TransactionStopped(connector_id=1, number=1, reason="Local", id_tag="A", meter_stop_wh=300, stopped=MOMENT)


def folded(transactions: Transactions, *events: Event, at_ms: int = 10, clock: Clock | None = None) -> Transactions:
    for seq, event in enumerate(events, 5):
        recorded = Recorded(seq=seq, cause=1, at_ms=at_ms, utc_ms=0, event=event)
        transactions = FOLDS[type(event)](transactions, event, recorded, clock or Clock())
    return transactions


def running(*events: Event) -> Transactions:
    return folded(Transactions(), STARTED, *events)


def one(transactions: Transactions) -> Transaction:
    return transactions.by_number[1]


def settled(action: str, outcome: str = "result", *, ends: bool = True, number: int | None = 1) -> CallSettled:
    return CallSettled(
        message_id="m", action=action, lane="transaction", owed_seq=1, outcome=outcome, number=number, ends_entry=ends
    )


def dispatched(message_id: str, action: str = "StartTransaction", latest_utc_ms: int | None = None) -> CallDispatched:
    return CallDispatched(
        connection=1,
        message_id=message_id,
        action=action,
        lane="transaction",
        owed_seq=1,
        payload="{}",
        number=1,
        latest_utc_ms=latest_utc_ms,
    )


def test_a_start_is_known_by_its_number_and_its_connector() -> None:
    transactions = running()
    assert transactions.on(1) == one(transactions)
    assert transactions.on(2) is None
    assert transactions.running() == (one(transactions),)
    assert (one(transactions).sampled_wh, one(transactions).last_sample_ms, transactions.last_number) == (100, 10, 1)


def test_running_ones_come_by_connector() -> None:
    transactions = running(replace(STARTED, connector_id=3, number=2), replace(STARTED, connector_id=2, number=3))
    assert [item.connector_id for item in transactions.running()] == [1, 2, 3]


def test_the_first_id_binds_contradictions_are_kept_beside_it() -> None:
    transactions = running(TransactionIdAssigned(number=1, transaction_id=0))
    assert transactions.by_transaction_id(0) == one(transactions)
    conflict = TransactionIdAssigned(number=1, transaction_id=8, conflict=True)
    transactions = folded(transactions, conflict, conflict, conflict, conflict, conflict)
    assert (one(transactions).transaction_id, one(transactions).other_ids) == (0, (8, 8, 8, 8))
    assert transactions.by_transaction_id(8) == one(transactions)
    assert transactions.by_transaction_id(9) is None
    assert folded(transactions, TransactionIdAssigned(number=77, transaction_id=5)) == transactions


def test_a_stop_ends_the_run_and_keeps_what_is_owed() -> None:
    stopped = running(StopDataSampled(connector_id=1, number=1, sample=sample()), STOPPED)
    assert stopped.on(1) is None
    assert stopped.by_transaction_id(1) is None
    found = one(stopped)
    assert (found.stopped, found.meter_stop_wh, found.reason, found.stop_id_tag, found.stop_data) == (
        MOMENT,
        300,
        "Local",
        "A",
        (),
    )


def test_a_stop_of_an_older_transaction_does_not_end_the_present_one() -> None:
    transactions = running(STOPPED, replace(STARTED, number=2), STOPPED)
    assert transactions.active[1] == 2


def test_samples_move_the_anchors_of_their_own_series() -> None:
    """Errata 3.77."""
    periodic = MeterSampled(connector_id=1, number=1, register_wh=150, sample=sample(at_ms=60))
    aligned = MeterSampled(connector_id=1, number=1, register_wh=170, sample=sample("Sample.Clock", 99))
    found = one(running(periodic, aligned))
    assert (found.last_sample_ms, found.sampled_wh, found.aligned_wh) == (60, 150, 170)
    assert running(replace(periodic, number=None)) == running()


def test_samples_that_were_left_out_move_the_time_and_count_for_the_disk_only() -> None:
    def dropped(reason: str) -> MeterSamplesDropped:
        return MeterSamplesDropped(connector_id=1, number=1, count=1, due_ms=70, reason=reason)

    assert (one(running(dropped("meter"))).samples_thinned, one(running(dropped("meter"))).last_sample_ms) == (0, 70)
    thinned_twice = running(dropped("disk"), dropped("disk"))
    assert one(thinned_twice).samples_thinned == 2
    kept = MeterSampled(connector_id=1, number=1, register_wh=150, sample=sample())
    assert one(folded(thinned_twice, kept)).samples_thinned == 0


@pytest.mark.parametrize(
    ("count", "maximum", "kept"),
    [
        (5, 10, [0, 1, 2, 3, 4]),
        (5, 4, [0, 2, 4]),
        (10, 6, [0, 2, 4, 6, 8, 9]),
        (10, 5, [0, 4, 8, 9]),
        (10, 2, [0, 9]),
        (3, 0, [0, 2]),
    ],
)
def test_thinning_drops_every_second_intermediate_one(count: int, maximum: int, kept: list[int]) -> None:
    """Errata 3.89: first and last always stay."""
    samples = tuple(sample(at_ms=number) for number in range(count))
    assert [each.taken.at_ms for each in thinned(samples, maximum)] == kept


def test_stop_data_is_bounded_while_it_is_collected() -> None:
    collected = running(
        *(StopDataSampled(connector_id=1, number=1, sample=sample(at_ms=n)) for n in range(STOP_SAMPLES_MAX * 3))
    )
    data = one(collected).stop_data
    assert len(data) <= STOP_SAMPLES_MAX
    assert (data[0].taken.at_ms, data[-1].taken.at_ms) == (0, STOP_SAMPLES_MAX * 3 - 1)


def test_a_revoked_one_has_a_limit_and_in_the_end_no_offer() -> None:
    """9.1.14."""
    invalidated = TransactionInvalidated(connector_id=1, number=1, status="Blocked", energy_limit_wh=400)
    found = one(running(invalidated, EnergyOfferEnded(connector_id=1, number=1, reason="x")))
    assert (found.invalid_status, found.energy_limit_wh, found.offer_ended) == ("Blocked", 400, "x")


def test_message_ids_of_a_start_are_remembered_within_bounds() -> None:
    sent = running(*(dispatched(f"m{number}") for number in range(20)), dispatched("m19"))
    assert one(sent).start_message_ids == tuple(f"m{number}" for number in range(20 - MESSAGE_IDS_KEPT, 20))
    assert one(running(dispatched("x", "MeterValues"))).start_message_ids == ()


def test_the_latest_time_that_went_out_never_falls() -> None:
    sent = running(dispatched("a", latest_utc_ms=50), dispatched("b", latest_utc_ms=20), dispatched("c"))
    assert one(sent).latest_utc_ms == 50


def test_a_start_that_was_given_up_is_marked_so() -> None:
    """Errata 3.18."""
    assert one(running(settled("StartTransaction"))).start_settled
    assert not one(running(settled("StartTransaction"))).start_given_up
    assert one(running(settled("StartTransaction", "given_up"))).start_given_up
    assert not one(running(settled("StartTransaction", "error", ends=False))).start_settled
    assert running(settled("MeterValues"), settled("StartTransaction", number=None)) == running()


def test_a_settled_stop_is_all_that_was_owed() -> None:
    assert one(running(STOPPED, settled("StopTransaction"))).stop_settled
    confirmed = running(STOPPED, settled("StopTransaction"), TransactionConfirmed(number=1))
    assert len(confirmed.by_number) == 0
    assert folded(confirmed, TransactionConfirmed(number=1)) == confirmed
    assert confirmed.last_number == 1, "a number is never used again"


def test_the_last_confirmed_ones_are_remembered_by_what_a_late_answer_may_name() -> None:
    transactions = Transactions()
    for number in range(1, CONFIRMED_KEPT + 4):
        sent = replace(dispatched(f"m{number}"), number=number)
        transactions = folded(transactions, replace(STARTED, number=number), sent, TransactionConfirmed(number=number))
    assert len(transactions.confirmed) == CONFIRMED_KEPT
    assert transactions.started_by("m3") is None
    found = transactions.started_by("m4")
    assert found is not None
    assert found.number == 4
    assert transactions.known(4) == found
    assert transactions.known(3) is None
    late = TransactionIdAssigned(number=4, transaction_id=7)
    assert folded(transactions, late).known(4) == replace(found, transaction_id=7)
    assert folded(transactions, replace(late, conflict=True)) == transactions


def test_a_clock_put_back_a_little_does_not_take_the_grid_back() -> None:
    """9.1.5: each point once."""
    begun = Transactions(aligned_utc_ms=1_000_000)
    for present_ms, expected_ms in ((999_999, 1_000_000), (700_000, 1_000_000), (699_999, 699_999), (1_000_001,) * 2):
        moved = ClockAdjusted(offset_ms=0, trusted=True, source="CSMS")
        assert folded(begun, moved, at_ms=present_ms).aligned_utc_ms == expected_ms


def test_a_resumed_one_samples_from_then_on() -> None:
    assert one(folded(running(), TransactionResumed(connector_id=1, number=1), at_ms=900)).last_sample_ms == 900


def test_the_grid_goes_on_from_its_deadline_a_clock_and_a_new_interval() -> None:
    """9.1.5."""
    clock = Clock(offset_ms=1_000)
    reached = DeadlineReached(name=ALIGNED, key=1, due_ms=0)
    changed = ConfigurationChanged(key="ClockAlignedDataInterval", value="60")
    for event in (reached, changed, ClockAdjusted(offset_ms=1_000, trusted=True, source="CSMS")):
        assert folded(Transactions(), event, at_ms=70, clock=clock).aligned_utc_ms == 1_070
    for other in (replace(reached, name="sample"), replace(changed, key="HeartbeatInterval")):
        assert folded(Transactions(), other, at_ms=70, clock=clock).aligned_utc_ms == 0


def test_how_a_transaction_is_to_end_is_known_until_it_has() -> None:
    told = TransactionEnding(connector_id=1, number=1, reason="Local", id_tag="A", hold=True)
    ending = running(told)
    assert one(ending).ending == Ending(reason="Local", id_tag="A", hold=True)
    assert ending.on(1) is not None
    stopped = TransactionStopped(
        connector_id=1, number=1, reason="Local", id_tag="A", meter_stop_wh=5, stopped=one(ending).started
    )
    assert one(folded(ending, stopped)).ending is None
