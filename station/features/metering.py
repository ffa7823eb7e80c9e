"""MeterValues: sampled from the start of a transaction (9.1.19) and aligned to the clock's grid (9.1.5).

Samples are as far apart as the interval says: each is due one interval after the one before, wherever the loop was
late, and one that was missed by more than an interval was not measured and is left out. Clock-aligned samples carry the
exact time of their grid, which counts from midnight UTC. The transactionId is that of the transaction that runs when
the sample is taken (errata 3.16). On a disk that is nearly full three periodic samples of four are left out, on record.
"""

from collections.abc import Iterable, Iterator

from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.transactions import (
    MeterSampled,
    MeterSamplesDropped,
    MeterValuesTriggered,
    Moment,
    StopDataSampled,
)
from eventstore.event import Event
from projections.connector import Connector
from projections.station import StationState
from projections.transactions import ALIGNED, Transaction
from station.core.config_keys import Access, ConfigKey, Integer
from station.core.feature import Call, Deadline, Events, Feature, Rendered
from station.rules.measurands import (
    CLOCK,
    ITEMS_MAX,
    METER_VALUES_ALIGNED_DATA,
    METER_VALUES_SAMPLED_DATA,
    PERIODIC,
    REGISTER,
    STOP_TXN_ALIGNED_DATA,
    STOP_TXN_SAMPLED_DATA,
    sample,
)
from station.rules.sampled_values import meter_value
from station.rules.transaction_rules import wire_id
from station.wire.messages.core import MeterValues

DAY_MS = 86_400_000
LATE_MS = 5_000  # a clock-aligned sample taken later than this does not count for that grid point
KEEP_ONE_OF = 4

METER_VALUE_SAMPLE_INTERVAL = ConfigKey(
    name="MeterValueSampleInterval",
    kind=Integer(maximum=86_400),
    access=Access.READ_WRITE,
    default=60,
    required=True,
    unit="s",
    clause="9.1.19",
    doc="Seconds between samples of a running transaction; 0 takes none.",
)
CLOCK_ALIGNED_DATA_INTERVAL = ConfigKey(
    name="ClockAlignedDataInterval",
    kind=Integer(maximum=86_400),
    access=Access.READ_WRITE,
    default=0,
    required=True,
    unit="s",
    clause="9.1.5",
    doc="Seconds of the grid from midnight UTC on which samples are taken; 0 takes none.",
)


def _sample_due_ms(state: StationState, transaction: Transaction) -> int | None:
    interval_s = METER_VALUE_SAMPLE_INTERVAL.of(state)
    return None if interval_s == 0 else transaction.last_sample_ms + interval_s * 1000


def next_grid_utc_ms(after_utc_ms: int, interval_s: int) -> int:
    """The first point of the grid after a moment: multiples of the interval from midnight UTC, and each midnight."""
    midnight_ms = after_utc_ms - after_utc_ms % DAY_MS
    steps = (after_utc_ms - midnight_ms) // (interval_s * 1000) + 1
    return min(midnight_ms + steps * interval_s * 1000, midnight_ms + DAY_MS)


def _deadlines(state: StationState) -> Iterable[Deadline]:
    if not state.connectors.known:
        return  # what the last process left running is not sampled before its fate is decided (BoardOpened)
    for transaction in state.transactions.running():
        if (due_ms := _sample_due_ms(state, transaction)) is not None:
            yield Deadline(due_ms=due_ms, name="sample", key=transaction.connector_id)
    interval_s = CLOCK_ALIGNED_DATA_INTERVAL.of(state)
    if interval_s:
        grid_utc_ms = next_grid_utc_ms(state.transactions.aligned_utc_ms, interval_s)
        yield Deadline(due_ms=state.clock.at_ms(grid_utc_ms), name=ALIGNED, key=grid_utc_ms // 1000)


def _on_deadline(state: StationState, event: DeadlineReached, at_ms: int) -> Events:
    if event.name == "sample":
        return _sample(state, event.key, at_ms)
    if event.name == ALIGNED:
        return tuple(_align(state, event.key * 1000, at_ms))
    return ()


def _sample(state: StationState, connector_id: int, at_ms: int) -> Events:
    transaction = state.transactions.on(connector_id)
    due_ms = None if transaction is None else _sample_due_ms(state, transaction)
    if transaction is None or due_ms is None or due_ms > at_ms:
        return ()
    interval_ms = METER_VALUE_SAMPLE_INTERVAL.of(state) * 1000
    due_ms += (at_ms - due_ms) // interval_ms * interval_ms
    taken = state.clock.moment(due_ms)
    events: list[Event] = list(_stop_data(state, transaction, STOP_TXN_SAMPLED_DATA.of(state), PERIODIC, taken))
    measurands = METER_VALUES_SAMPLED_DATA.of(state) or (REGISTER,)
    found = sample(state, connector_id, measurands, PERIODIC, taken)
    reason = "meter" if found is None else _disk_drops(state, transaction)
    if found is None or reason:
        dropped = MeterSamplesDropped(
            connector_id=connector_id, number=transaction.number, count=1, due_ms=due_ms, reason=reason
        )
        return (*events, dropped)
    reading = state.connectors[connector_id].reading
    assert reading is not None, "a sample was taken of it"
    sampled = MeterSampled(
        connector_id=connector_id, number=transaction.number, register_wh=reading.energy_wh, sample=found
    )
    return (*events, sampled)


def _disk_drops(state: StationState, transaction: Transaction) -> str:
    if state.boot.disk == "ok" or transaction.samples_thinned >= KEEP_ONE_OF - 1:
        return ""
    return "disk"


def _stop_data(
    state: StationState, transaction: Transaction, measurands: tuple[str, ...], context: str, taken: Moment
) -> Iterator[Event]:
    if not measurands:
        return
    found = sample(state, transaction.connector_id, measurands, context, taken)
    if found is not None:
        yield StopDataSampled(connector_id=transaction.connector_id, number=transaction.number, sample=found)


def _align(state: StationState, grid_utc_ms: int, at_ms: int) -> Iterator[Event]:
    if CLOCK_ALIGNED_DATA_INTERVAL.of(state) == 0 or state.clock.utc_ms(at_ms) - grid_utc_ms > LATE_MS:
        return
    taken = Moment(at_ms=at_ms, boot=state.clock.boot, utc_ms=grid_utc_ms)
    for connector in state.connectors.real:
        yield from _align_connector(state, connector, taken)


def _align_connector(state: StationState, connector: Connector, taken: Moment) -> Iterator[Event]:
    transaction = state.transactions.on(connector.connector_id)
    if transaction is not None:
        yield from _stop_data(state, transaction, STOP_TXN_ALIGNED_DATA.of(state), CLOCK, taken)
    measurands = METER_VALUES_ALIGNED_DATA.of(state) or (REGISTER,)
    found = sample(state, connector.connector_id, measurands, CLOCK, taken)
    if found is not None and connector.reading is not None and (transaction is not None or state.boot.disk == "ok"):
        yield MeterSampled(
            connector_id=connector.connector_id,
            number=None if transaction is None else transaction.number,
            register_wh=connector.reading.energy_wh,
            sample=found,
        )


def _render(state: StationState, event: MeterSampled, at_ms: int) -> Rendered:
    transaction = None if event.number is None else state.transactions.by_number.get(event.number)
    floor_ms = 0 if transaction is None else transaction.latest_utc_ms
    value = meter_value(state, event.sample, floor_ms)
    return Rendered(
        request=MeterValues(
            connector_id=event.connector_id,
            transaction_id=None if transaction is None else wire_id(state, transaction.number),
            meter_value=(value,),
        ),
        latest_utc_ms=value.timestamp,
    )


def _render_triggered(state: StationState, event: MeterValuesTriggered, at_ms: int) -> Rendered:
    """A triggered sample goes before the queue: it names its transaction only once that has its id."""
    transaction = None if event.number is None else state.transactions.by_number.get(event.number)
    value = meter_value(state, event.sample)
    return Rendered(
        request=MeterValues(
            connector_id=event.connector_id,
            transaction_id=None if transaction is None else transaction.transaction_id,
            meter_value=(value,),
        )
    )


def _max_length(name: str, clause: str) -> ConfigKey[int]:
    return ConfigKey(
        name=name,
        kind=Integer(),
        access=Access.READ_ONLY,
        default=ITEMS_MAX,
        clause=clause,
        doc=f"How many items {name.removesuffix('MaxLength')} may hold.",
        settable_in_factory=False,
    )


FEATURE = Feature(
    name="metering",
    ocpp_profile="Core",
    calls=(
        Call(event=MeterSampled, render=_render),
        Call(event=MeterValuesTriggered, render=_render_triggered),
    ),
    observes={DeadlineReached: _on_deadline},
    deadlines=_deadlines,
    config_keys=(
        METER_VALUE_SAMPLE_INTERVAL,
        CLOCK_ALIGNED_DATA_INTERVAL,
        METER_VALUES_SAMPLED_DATA,
        METER_VALUES_ALIGNED_DATA,
        STOP_TXN_SAMPLED_DATA,
        STOP_TXN_ALIGNED_DATA,
        _max_length("MeterValuesSampledDataMaxLength", "9.1.18"),
        _max_length("MeterValuesAlignedDataMaxLength", "9.1.16"),
        _max_length("StopTxnSampledDataMaxLength", "9.1.28"),
        _max_length("StopTxnAlignedDataMaxLength", "9.1.26"),
    ),
)
