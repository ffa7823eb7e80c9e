"""What a salvage leaves of the transactions: which of their messages are sent again, and which are not.

Read are the state that was kept, the queued events that were kept, and the events that verify behind the damage. From them
come observations (TransactionRecovered, DeliveryRecovered), which the kernel decides on like on any other (features/salvage).
All of them are appended in one batch with LogSalvaged, so that a salvage that is cut begins again with nothing done.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from eventstore.catalogue.lifecycle import ClockAdjusted, LogSalvaged, StationBooted
from eventstore.catalogue.link import CallDispatched, CallPrepared, CallSettled, DeliveryRecovered, FrameReceived
from eventstore.catalogue.transactions import (
    LOST,
    OWED,
    TOLD,
    UNSURE,
    MeterSampled,
    Moment,
    StopDataSampled,
    TransactionConfirmed,
    TransactionIdAssigned,
    TransactionRecovered,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.chain import Row
from eventstore.codec import decode
from eventstore.errors import LogCorrupt, UnknownEventType
from eventstore.event import Event, Observation
from eventstore.log import EventLog
from eventstore.salvage import Recovery
from eventstore.strays import STRAYS_NAME, read_strays
from eventstore.value import Value, replace
from eventstore.witness import read_testimony
from projections.outbox import TRANSACTIONAL
from projections.station import StationState
from projections.transactions import Transaction
from station.runtime.evidence import ANSWERED_EVENTS, LANE_KINDS, Lane

_SLICE = 500
_OWED_NAMES = frozenset(kind.NAME for kind in TRANSACTIONAL)
_KINDS: tuple[type[Event], ...] = (
    *LANE_KINDS,
    *TRANSACTIONAL,
    ClockAdjusted,
    StopDataSampled,
    TransactionConfirmed,
    TransactionIdAssigned,
    TransactionResumed,
)
_READ = frozenset(kind.NAME for kind in _KINDS)


class Recovered(Value, frozen=True, kw_only=True):
    """What follows from a salvage. The next boot comes after `boot`, and not before station time `at_ms`.

    `is_named`: the log tells of the salvage already.
    """

    observations: tuple[Observation, ...] = ()
    boot: int = 0
    at_ms: int = 0
    is_named: bool = False


NOTHING_RECOVERED = Recovered()


class _Known(Value, frozen=True, kw_only=True):
    """What is known of one transaction; `alive_seq` is the last event that shows that it ran."""

    number: int
    connector_id: int = 0
    started: TransactionStarted | None = None
    started_seq: int = 0
    stopped: TransactionStopped | None = None
    stopped_seq: int = 0
    stop_told: bool = False
    stop_left_seq: int = 0
    alive_seq: int = 0
    transaction_id: int | None = None
    register_wh: int | None = None
    read: Moment | None = None


async def recovered(log: EventLog, state: StationState, *, nothing_kept: bool) -> Recovered:
    """What the salvage of the log that was just opened leaves to be sent, from the state that was kept.

    Nothing if there was no salvage, it lost nothing, or the log names it already. With `nothing_kept` not even whether the link
    was up is known. Raises StorageFailed, OSError.
    """
    recovery = log.boot_report.recovery
    if recovery is None:
        return NOTHING_RECOVERED
    if await _is_named(log, recovery):
        return Recovered(is_named=True)
    if nothing_kept:
        state = replace(state, link=replace(state.link, up=True))
    owed = await _owed(log, state)
    tail = await log.read_rows(max(0, log.head.seq - 1), 1)
    batch = await log.read_rows(tail[0].cause - 1, _SLICE) if tail else []
    quarantine = log.boot_report.path / recovery.quarantine
    witness = read_testimony(quarantine)
    survey = _Survey(state, recovery, None if witness is None else witness.critical_seq, owed)
    survey.take_kept(batch)
    for row in read_strays(quarantine / STRAYS_NAME, recovery.kept_seq):
        survey.take(row)
    return survey.outcome()


async def _is_named(log: EventLog, recovery: Recovery) -> bool:
    """Whether an event names the recovery: the process died before it could take the report away."""
    after = recovery.kept_seq
    while rows := await log.read_rows(after, _SLICE):
        after = rows[-1].seq
        for row in rows:
            if row.type == LogSalvaged.NAME and orjson.loads(row.payload).get("quarantine") == recovery.quarantine:
                return True
    return False


async def _owed(log: EventLog, state: StationState) -> list[tuple[int, Event]]:
    """What was kept of the queued events, whole lane, oldest first."""
    outbox = state.outbox
    found = [(owed.seq, owed.event) for owed in outbox.window]
    after = outbox.window_end_seq
    while outbox.beyond and after < outbox.last_owed_seq and (rows := await log.read_rows(after, _SLICE)):
        after = rows[-1].seq
        found += [
            (row.seq, decode(row.type, row.version, row.payload))
            for row in rows
            if row.type in _OWED_NAMES and row.seq <= outbox.last_owed_seq
        ]
    return found


class _Survey:
    """Reads the rows in order, and then says what they amount to."""

    def __init__(
        self, state: StationState, recovery: Recovery, witnessed_seq: int | None, owed: Sequence[tuple[int, Event]]
    ) -> None:
        self._state = state
        self._recovery = recovery
        self._witnessed_seq = witnessed_seq
        self._lane = Lane(state)
        self._owed = [(seq, event.NAME) for seq, event in owed]
        self._known = {
            number: _of_kept(state, transaction, recovery.kept_seq)
            for number, transaction in state.transactions.by_number.items()
        }
        for seq, event in owed:
            if isinstance(event, TransactionStopped) and event.number in self._known:
                self._known[event.number] = replace(self._known[event.number], stopped_seq=seq)
        self._start_ids = {
            message_id: number
            for number, transaction in state.transactions.by_number.items()
            for message_id in transaction.start_message_ids
        }
        self._gaps: list[tuple[int, int]] = []
        self._starts: list[tuple[int, int, int]] = []  # connector, seq, number
        self._offsets: dict[int, int] = {}
        self._seq = recovery.kept_seq
        self._boot, self._at_ms = state.clock.boot, state.at_ms
        self._last_number = state.transactions.last_number

    def take_kept(self, rows: Sequence[Row]) -> None:
        """The last batch that was kept: what it decided may be cut off, what it observed says it all the same."""
        for row in rows:
            if row.type == FrameReceived.NAME:
                self._on_frame(decode(row.type, row.version, row.payload))

    def take(self, row: Row) -> None:
        """The next event behind the damage."""
        if row.seq > self._seq + 1:
            self._miss(self._seq + 1, row.seq - 1)
        self._seq = max(self._seq, row.seq)
        self._at_ms = max(self._at_ms, row.at_ms)
        if row.type not in _READ:
            return
        try:
            event = decode(row.type, row.version, row.payload)
        except (LogCorrupt, UnknownEventType):
            return
        if row.type in _OWED_NAMES:
            self._owed.append((row.seq, row.type))
        self._lane.take(event, row.at_ms)
        self._on_clock(event)
        self._on_message(event)
        self._on_transaction(event, row.seq)

    def _miss(self, first_seq: int, last_seq: int) -> None:
        self._gaps.append((first_seq, last_seq))
        self._lane.gap(first_seq, last_seq)

    def _on_clock(self, event: Event) -> None:
        if isinstance(event, StationBooted):
            self._boot = max(self._boot, event.boot)
        is_trusted = isinstance(event, StationBooted) and event.clock_trusted
        if is_trusted or (isinstance(event, ClockAdjusted) and event.trusted):
            assert isinstance(event, StationBooted | ClockAdjusted), "just asked"
            self._offsets.setdefault(self._boot, event.offset_ms)

    def _on_message(self, event: Event) -> None:
        """What the messages themselves say: the CSMS's id, and that a stop was on its way."""
        if isinstance(event, FrameReceived):
            self._on_frame(event)
        if not isinstance(event, CallDispatched | CallPrepared | CallSettled) or event.number is None:
            return
        number = event.number
        if event.action == "StopTransaction":
            self._change(number, stop_left_seq=event.owed_seq)
        if isinstance(event, CallSettled):
            return
        if event.action == "StartTransaction":
            self._start_ids[event.message_id] = number
        else:
            self._assign(number, _loaded(event.payload, dict).get("transactionId"))

    def _on_frame(self, event: Any) -> None:
        parts = _loaded(event.text, list)
        if len(parts) == 3 and parts[0] == 3 and isinstance(parts[2], dict) and isinstance(parts[1], str):
            number = self._start_ids.get(parts[1])
            if number is not None:
                self._assign(number, parts[2].get("transactionId"))

    def _assign(self, number: int, transaction_id: Any) -> None:
        if isinstance(transaction_id, int) and transaction_id != -1 and self._of(number).transaction_id is None:
            self._change(number, transaction_id=transaction_id)
            self._lane.settled(self._of(number).started_seq)

    def _on_transaction(self, event: Event, seq: int) -> None:
        match event:
            case TransactionStarted(number=number, connector_id=connector_id):
                self._change(number, connector_id=connector_id, started=event, started_seq=seq, alive_seq=seq)
                self._starts.append((connector_id, seq, number))
            case MeterSampled(number=int() as number, connector_id=connector_id):
                self._change(number, connector_id=connector_id, alive_seq=seq)
                self._change(number, register_wh=event.register_wh, read=event.sample.taken)
            case StopDataSampled(number=number, connector_id=connector_id):
                self._change(number, connector_id=connector_id, alive_seq=seq)
            case TransactionResumed(number=number, connector_id=connector_id):
                self._change(number, connector_id=connector_id, alive_seq=seq)
            case TransactionStopped(number=number, connector_id=connector_id):
                self._change(number, connector_id=connector_id, stopped=event, stopped_seq=seq)
            case TransactionIdAssigned(number=number, transaction_id=transaction_id, conflict=False):
                self._assign(number, transaction_id)
            case TransactionConfirmed(number=number):
                self._change(number, stop_told=True)
                known = self._of(number)
                self._lane.settled(max(known.alive_seq, known.stopped_seq, known.stop_left_seq))

    def _of(self, number: int) -> _Known:
        return self._known.get(number, _Known(number=number))

    def _change(self, number: int, **facts: Any) -> None:
        self._known[number] = replace(self._of(number), **facts)
        self._last_number = max(self._last_number, number)

    # ---- what it amounts to -------------------------------------------------------------------------------------

    def outcome(self) -> Recovered:
        """After the last row."""
        recovery = self._recovery
        known_seq = max(recovery.known_seq, self._seq + (not recovery.end_seen))
        if known_seq == recovery.kept_seq:
            return NOTHING_RECOVERED
        if known_seq > self._seq:
            self._miss(self._seq + 1, known_seq)
        self._lane.end(self._at_ms)
        self._unsure_seq = self._bounded()
        found = [item for number in sorted(self._known) if (item := self._recovered(self._known[number])) is not None]
        if not found and not self._boot:  # nothing is known of what is lost
            return NOTHING_RECOVERED
        return Recovered(observations=(self._delivery(), *found), boot=self._boot, at_ms=self._at_ms)

    def _bounded(self) -> int:
        """Behind which nothing counts as delivered. A new connection sends everything that is queued. Where a gap has no room
        for that, there was none, or it broke at once: what it sent then is sent again with the same tag, time and register, by
        which the CSMS can know it.
        """
        lane = self._lane
        costs = (ANSWERED_EVENTS[name] for seq, name in self._owed if lane.told_seq < seq <= lane.unsure_seq)
        return lane.unsure_seq if lane.room is None or sum(costs) <= lane.room else lane.told_seq

    def _delivery(self) -> DeliveryRecovered:
        outbox, kept_seq = self._state.outbox, self._recovery.kept_seq
        gone = [seq for seq, _ in self._owed if seq <= min(self._unsure_seq, kept_seq)]
        return DeliveryRecovered(
            told_seq=min(self._lane.told_seq, kept_seq),
            unsure_seq=min(self._unsure_seq, kept_seq),
            unsure=sum(seq > self._lane.told_seq for seq in gone),
            beyond=sum(seq > outbox.window_end_seq for seq in gone),
            last_number=self._last_number,
            boot=self._boot,
        )

    def _fate(self, seq: int) -> str:
        return TOLD if seq <= self._lane.told_seq else UNSURE if seq <= self._unsure_seq else OWED

    def _recovered(self, known: _Known) -> TransactionRecovered | None:
        kept = self._state.transactions.by_number.get(known.number)
        start, stop = self._start_fate(known, kept), self._stop_fate(known)
        is_given_up = kept is not None and kept.start_given_up
        if stop == OWED and start != OWED and known.transaction_id is None and not is_given_up:
            stop = UNSURE  # nobody could tell whose stop it is
        if kept is None and (start, stop) == (TOLD, TOLD):
            return None
        if kept is not None and kept.stopped is not None:  # its end is queued by what was kept
            learned = known.transaction_id is not None and kept.transaction_id is None
            if not learned and UNSURE not in (start, stop) and (start == TOLD) == kept.start_settled:
                return None
        return TransactionRecovered(
            number=known.number,
            connector_id=known.connector_id,
            start=start,
            stop=stop,
            started=self._dated(known.started) if stop != TOLD else None,
            stopped=self._dated(known.stopped),
            started_seq=known.started_seq,
            stopped_seq=known.stopped_seq,
            transaction_id=known.transaction_id,
            register_wh=known.register_wh,
            read=None if known.read is None else self._utc(known.read),
        )

    def _start_fate(self, known: _Known, kept: Transaction | None) -> str:
        if known.stop_told or known.transaction_id is not None or (kept is not None and kept.start_settled):
            return TOLD
        return LOST if not known.started_seq else self._fate(known.started_seq)

    def _stop_fate(self, known: _Known) -> str:
        """A lost stop may have been delivered if it may lie in a gap, and the lane may have come so far.

        The witness saw each stop before it was sent (`station.runtime.station`).
        """
        if known.stop_told:
            return TOLD
        if known.stopped_seq:
            return self._fate(known.stopped_seq)
        if known.stop_left_seq:
            return TOLD if known.stop_left_seq <= self._lane.told_seq else UNSURE
        next_starts = (seq for connector_id, seq, number in self._starts if self._is_next(known, connector_id, number))
        until = min([self._unsure_seq, *next_starts])
        if self._witnessed_seq is not None:
            until = min(until, self._witnessed_seq)
        may_lie = any(max(first, known.alive_seq + 1) <= min(last, until) for first, last in self._gaps)
        return UNSURE if may_lie else OWED

    def _is_next(self, known: _Known, connector_id: int, number: int) -> bool:
        return connector_id == known.connector_id and number > known.number

    def _dated(self, event: Any) -> Any:
        """The event with its moment in UTC, where the lost part of the clock would have given it."""
        if isinstance(event, TransactionStarted):
            return replace(event, started=self._utc(event.started))
        if isinstance(event, TransactionStopped):
            return replace(event, stopped=self._utc(event.stopped))
        return event

    def _utc(self, moment: Moment) -> Moment:
        if moment.utc_ms is not None or moment.boot not in self._offsets:
            return moment
        return replace(moment, utc_ms=moment.at_ms + self._offsets[moment.boot])


def _of_kept(state: StationState, transaction: Transaction, kept_seq: int) -> _Known:
    known = _Known(
        number=transaction.number,
        connector_id=transaction.connector_id,
        started_seq=transaction.started_seq,
        stop_told=transaction.stop_settled,
        transaction_id=transaction.transaction_id,
    )
    if transaction.stopped is not None:
        return known
    register_wh, read = max(transaction.sampled_wh, transaction.meter_start_wh), transaction.started
    connector_id = transaction.connector_id
    reading = state.connectors[connector_id].reading if state.connectors.has(connector_id) else None
    if reading is not None and reading.at_ms >= transaction.started.at_ms:
        register_wh, read = max(register_wh, reading.energy_wh), state.clock.moment(reading.at_ms)
    return replace(known, alive_seq=kept_seq, register_wh=register_wh, read=read)


def _loaded(text: str, kind: type[Any]) -> Any:
    """The JSON object of a text; an empty one if it is not JSON or not an object."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return kind()
    return found if isinstance(found, kind) else kind()
