"""Transactions: all of them in a line each, and everything about one."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from eventstore.catalogue.hardware import MeterFailed, MeterObserved
from eventstore.catalogue.lifecycle import StationBooted, StationDescribed
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.transactions import (
    MeterRegisterReturned,
    MeterResetFound,
    MeterSampled,
    Sample,
    StopDataSampled,
    TransactionConfirmed,
    TransactionIdAssigned,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Recorded
from eventstore.value import Value, replace
from projections.limit_reason import LimitReason
from projections.register import Register, begun, moved, read, taken_back, told
from station.replay.answers.causes import FATE_KINDS, Fate, Fates
from station.replay.answers.conversation import ExchangeFilter, exchanges
from station.replay.answers.limits import LimitReasons
from station.replay.answers.timeline import DETAIL, Entry, Filter, Timeline
from station.replay.opening.errors import BadQuestion
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, Zone, within_calendar
from station.telling.amounts import energy
from station.views.exchanges import Exchange
from station.wire.instants import format_utc_ms

_OFFSETS = (MeterResetFound, MeterRegisterReturned)
_METERED = (MeterObserved, MeterFailed, LimitChanged, MeterSampled, StopDataSampled, StationBooted, *_OFFSETS)
_READING_BEFORE = 60
_BEFORE_EVENTS = 400
"""How far before the start the authorization that led to it is looked for."""


class TransactionRow(Value, frozen=True, kw_only=True):
    """One transaction. Instants are UTC; what the log does not say (yet) is None. `start` and `stop` are the fates of its two messages."""

    number: int
    transaction_id: int | None
    connector_id: int
    id_tag: str
    parent_id_tag: str | None
    authorized_by: str
    reservation_id: int | None
    started_utc: str
    stopped_utc: str | None
    duration_ms: int | None
    meter_start_wh: int
    meter_stop_wh: int | None
    energy_wh: int | None
    reason: str | None
    stop_id_tag: str | None
    meter_stale: bool
    other_ids: tuple[int, ...]
    start_outcome: str
    stop_outcome: str
    start_told: str
    stop_told: str
    settled: bool
    first_seq: int
    stop_seq: int | None
    settled_seq: int | None


@dataclass(slots=True)
class _Found:
    started: Recorded
    stopped: Recorded | None = None
    transaction_id: int | None = None
    other_ids: tuple[int, ...] = ()
    confirmed_seq: int | None = None


def transaction_rows(reader: LogReader, calendar: Calendar, fates: Fates | None = None) -> list[TransactionRow]:
    """All transactions whose start is in the log, in order."""
    told = fates or Fates(reader.recorded(kinds=FATE_KINDS))
    return [_row(each, calendar, told) for each in _all_found(reader).values()]


def _all_found(reader: LogReader) -> dict[int, _Found]:
    """What the log has of each transaction, by its number."""
    found: dict[int, _Found] = {}
    kinds = (TransactionStarted, TransactionStopped, TransactionIdAssigned, TransactionConfirmed)
    for recorded in reader.recorded(kinds=kinds):
        event = recorded.event
        if isinstance(event, TransactionStarted):
            found[event.number] = _Found(started=recorded)
        if not isinstance(event, kinds):  # of one of these names, and illegible
            continue
        known = found.get(event.number)
        match event:
            case TransactionStopped() if known is not None:
                known.stopped = recorded
            case TransactionIdAssigned(conflict=True) if known is not None:
                known.other_ids = (*known.other_ids, event.transaction_id)
            case TransactionIdAssigned() if known is not None:
                known.transaction_id = event.transaction_id
            case TransactionConfirmed() if known is not None:
                known.confirmed_seq = recorded.seq
    return found


def _is_given_up(*fates: Fate | None) -> bool:
    """Whether the CSMS never took one of the messages: money that it does not know of."""
    return any(fate is not None and fate.outcome == "given_up" for fate in fates)


def _row(found: _Found, calendar: Calendar, fates: Fates) -> TransactionRow:
    start = found.started.event
    assert isinstance(start, TransactionStarted)
    stop = found.stopped.event if found.stopped is not None else None
    assert stop is None or isinstance(stop, TransactionStopped)
    # The end of an interrupted transaction is the last moment that the log proves, not when it was found out.
    stop_at_ms = None if stop is None else stop.stopped.at_ms
    stop_utc_ms = None
    if stop is not None and found.stopped is not None:
        stop_utc_ms = stop.stopped.utc_ms or calendar.utc_of(found.stopped.seq, stop.stopped.at_ms)
    start_fate = fates.by_seq.get(found.started.seq)
    stop_fate = None if found.stopped is None else fates.by_seq.get(found.stopped.seq)
    return TransactionRow(
        number=start.number,
        transaction_id=found.transaction_id,
        connector_id=start.connector_id,
        id_tag=start.id_tag,
        parent_id_tag=start.parent_id_tag,
        authorized_by=start.authorized_by,
        reservation_id=start.reservation_id,
        started_utc=format_utc_ms(calendar.utc_ms(found.started)),
        stopped_utc=None if stop_utc_ms is None else format_utc_ms(within_calendar(stop_utc_ms)),
        duration_ms=None if stop_at_ms is None else stop_at_ms - found.started.at_ms,
        meter_start_wh=start.meter_start_wh,
        meter_stop_wh=None if stop is None else stop.meter_stop_wh,
        energy_wh=None if stop is None else stop.meter_stop_wh - start.meter_start_wh,
        reason=None if stop is None else stop.reason,
        stop_id_tag=None if stop is None else stop.id_tag,
        meter_stale=stop is not None and stop.meter_stale,
        other_ids=found.other_ids,
        start_outcome="" if start_fate is None else start_fate.outcome,
        stop_outcome="" if stop_fate is None else stop_fate.outcome,
        start_told="" if start_fate is None else fates.tell(start_fate),
        stop_told="" if stop_fate is None else fates.tell(stop_fate),
        settled=found.confirmed_seq is not None and not _is_given_up(start_fate, stop_fate),
        first_seq=found.started.seq,
        stop_seq=None if found.stopped is None else found.stopped.seq,
        settled_seq=found.confirmed_seq,
    )


class Point(Value, frozen=True, kw_only=True):
    """The meter at one moment: the register as it is reported (offset included), and the limit in force."""

    seq: int
    utc_ms: int
    energy_wh: int
    power_w: int | None
    current_ma: tuple[int, ...]
    limit_ma: int | None
    phases: int | None


class LimitSince(Value, frozen=True, kw_only=True):
    """A limit, from a moment on, and what decided it, where that is known."""

    seq: int
    utc_ms: int
    limit_ma: int
    phases: int
    by: LimitReason | None = None


class Gap(Value, frozen=True, kw_only=True):
    """A time in which nothing is known of the meter: from the last reading, or the failure, to the next reading or the end."""

    from_utc_ms: int
    to_utc_ms: int
    why: str


class Taken(Value, frozen=True, kw_only=True):
    """A sample that is queued, or travels in StopTransaction."""

    seq: int
    utc_ms: int
    context: str
    in_stop: bool
    values: dict[str, str]


class WholeTransaction(Value, frozen=True, kw_only=True):
    """Everything about one transaction. `voltage_v` and `phases` are the station's, for limits in watts."""

    row: TransactionRow
    curve: tuple[Point, ...]
    limits: tuple[LimitSince, ...]
    gaps: tuple[Gap, ...]
    samples: tuple[Taken, ...]
    messages: tuple[Exchange, ...]
    story: tuple[Entry, ...]
    remarks: tuple[str, ...]
    voltage_v: int


@dataclass(slots=True)
class _Meter:
    """The readings of one connector over a stretch of the log, and what was believed of its register."""

    connector_id: int
    calendar: Calendar
    register: Register
    max_power_mw: int
    reasons: LimitReasons
    limit: LimitSince | None = None
    curve: list[Point] = field(default_factory=list)
    limits: list[LimitSince] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    dark: tuple[int, str] | None = None
    """Since when nothing is known of the meter, and why."""

    def take(self, recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, StationBooted):
            self.register = begun(self.register)
            if self.curve and self.dark is None:
                why = "the station restarted" if event.orderly else "the station was off (power cut or crash)"
                self.dark = (self.curve[-1].utc_ms, why)
        if getattr(event, "connector_id", None) != self.connector_id:
            return
        match event:
            case MeterResetFound(offset_wh=offset):
                self.register = moved(self.register, offset, max_power_mw=self.max_power_mw)
            case MeterRegisterReturned(offset_wh=offset):
                self.register = taken_back(self.register, offset, max_power_mw=self.max_power_mw)
            case MeterSampled(register_wh=register_wh):
                self.register = told(self.register, register_wh)
            case LimitChanged():
                utc_ms = self.calendar.utc_ms(recorded)
                self.limit = LimitSince(
                    seq=recorded.seq,
                    utc_ms=utc_ms,
                    limit_ma=event.limit_ma,
                    phases=event.phases,
                    by=self.reasons.why(recorded.seq, self.connector_id, recorded.at_ms),
                )
                self.limits.append(self.limit)
            case MeterFailed() if self.dark is None:
                self.dark = (self.calendar.utc_ms(recorded), f"it could not be read ({event.reason})")
            case MeterObserved():
                self.curve.append(self._point(recorded, event))
                self.light(self.curve[-1].utc_ms)

    def light(self, utc_ms: int) -> None:
        """The end of a gap, if this is one."""
        if self.dark is not None and utc_ms > self.dark[0]:
            since_ms, why = self.dark
            self.gaps.append(Gap(from_utc_ms=since_ms, to_utc_ms=utc_ms, why=why))
        self.dark = None

    def _point(self, recorded: Recorded, event: MeterObserved) -> Point:
        if (
            self.register.raw_wh is None
        ):  # the first one that is looked at: the start has the register that was believed
            self.register = replace(self.register, at_ms=recorded.at_ms)
        self.register = read(self.register, event.energy_wh, recorded.at_ms, max_power_mw=self.max_power_mw)
        assert self.register.believed_wh is not None, "the start says where it was"
        return Point(
            seq=recorded.seq,
            utc_ms=self.calendar.utc_ms(recorded),
            energy_wh=self.register.believed_wh,
            power_w=event.power_w,
            current_ma=event.current_ma,
            limit_ma=None if self.limit is None else self.limit.limit_ma,
            phases=None if self.limit is None else self.limit.phases,
        )


def whole_transaction(
    reader: LogReader, calendar: Calendar, number: int, *, by_id: bool = False, zone: Zone | None = None
) -> WholeTransaction:
    """Everything about transaction `number`; with `by_id` it is the CSMS's id. Times in its story are in `zone`, or UTC.

    Raises BadQuestion if there is none.
    """
    chosen, found = _choose(_all_found(reader), number, by_id=by_id)
    timeline = Timeline(reader, calendar, number=chosen, zone=zone)
    row = _row(found, calendar, timeline.fates)
    last = row.settled_seq or reader.head.seq
    described = _described(reader)
    meter = _Meter(
        connector_id=row.connector_id,
        calendar=calendar,
        register=Register(believed_wh=row.meter_start_wh, offset_wh=_offset_before(reader, row), told=True),
        max_power_mw=described.phases * described.voltage_v * described.max_current_ma,
        reasons=LimitReasons(reader),
    )
    samples: list[Taken] = []
    until = row.stop_seq or last
    for recorded in reader.recorded(max(0, row.first_seq - _READING_BEFORE), until, _METERED):
        if recorded.seq < row.first_seq:  # the last reading before the start is where the curve begins
            meter.curve.clear()
            meter.limits.clear()
            meter.gaps.clear()
        meter.take(recorded)
        if isinstance(recorded.event, MeterSampled | StopDataSampled) and recorded.event.number == row.number:
            samples.append(_taken(recorded, recorded.event.sample, calendar))
    if (ended := reader.event(until)) is not None:
        meter.light(calendar.utc_ms(ended))
    asked = Filter(after_seq=max(0, row.first_seq - _BEFORE_EVENTS), to_seq=last, number=row.number, loudest=DETAIL)
    return WholeTransaction(
        row=row,
        curve=tuple(meter.curve),
        limits=tuple(meter.limits),
        gaps=tuple(meter.gaps),
        samples=tuple(samples),
        messages=tuple(_messages(reader, calendar, row, last)),
        story=tuple(timeline.entries(asked)),
        remarks=tuple(_remarks(row, meter)),
        voltage_v=described.voltage_v,
    )


def _choose(found: dict[int, _Found], number: int, *, by_id: bool) -> tuple[int, _Found]:
    ids = {own: each.transaction_id if by_id else own for own, each in found.items()}
    for own, known in ids.items():
        if known == number:
            return own, found[own]
    shown = ", ".join(str(each) for each in list(ids.values())[-10:] if each is not None) or "none"
    is_id = not by_id and any(each.transaction_id == number for each in found.values())
    hint = " (as the CSMS's id: add --id)" if is_id else ""
    raise BadQuestion(f"there is no transaction {number} in this log{hint}; the last are {shown}")


def _offset_before(reader: LogReader, row: TransactionRow) -> int:
    offset_wh = 0
    for recorded in reader.recorded(until=row.first_seq, kinds=_OFFSETS):
        if isinstance(recorded.event, _OFFSETS) and recorded.event.connector_id == row.connector_id:
            offset_wh = recorded.event.offset_wh
    return offset_wh


def _described(reader: LogReader) -> StationDescribed:
    """What the station was made of when the log began; a log that does not say so begins with a salvage."""
    for recorded in reader.recorded(kinds=(StationDescribed,)):
        if isinstance(recorded.event, StationDescribed):
            return recorded.event
    raise BadQuestion("the log does not say what the station is made of")


def _taken(recorded: Recorded, sample: Sample, calendar: Calendar) -> Taken:
    values = {
        f"{value.measurand}{f'.{value.phase}' if value.phase else ''}": f"{value.value}{f' {value.unit}' if value.unit else ''}"
        for value in sample.values
    }
    return Taken(
        seq=recorded.seq,
        utc_ms=sample.taken.utc_ms or calendar.utc_ms(recorded),
        context=sample.context,
        in_stop=isinstance(recorded.event, StopDataSampled),
        values=values,
    )


def _messages(reader: LogReader, calendar: Calendar, row: TransactionRow, last: int) -> Iterator[Exchange]:
    """What was sent of the transaction, and what the CSMS asked that names it or its connector meanwhile."""
    named = [f'"transactionId":{row.transaction_id}', f'"connectorId":{row.connector_id}', row.id_tag]
    asked = ExchangeFilter(after_seq=max(0, row.first_seq - _BEFORE_EVENTS), to_seq=last)
    for exchange in exchanges(reader, calendar, asked):
        if exchange.transaction == row.number:
            yield exchange
            continue
        lies_within = row.first_seq - _BEFORE_EVENTS < exchange.seq <= (row.stop_seq or last)
        spoken = exchange.request.replace(" ", "")
        if not lies_within or not exchange.message_id or exchange.transaction is not None:
            continue
        asks = exchange.action == "Authorize" and row.id_tag in spoken and exchange.seq > row.first_seq - 40
        names = not exchange.ours and exchange.seq >= row.first_seq and any(name in spoken for name in named[:2])
        if asks or names:
            yield exchange


def _remarks(row: TransactionRow, meter: _Meter) -> Iterator[str]:
    if row.other_ids:
        yield f"the CSMS gave it other ids as well: {', '.join(map(str, row.other_ids))}"
    if row.meter_stale:
        yield "it ended with the last stored reading: the meter could not be read"
    if row.energy_wh == 0:
        yield "no energy flowed"
    if row.energy_wh is not None and row.energy_wh < 0:
        yield "its register at the end is below that at the start"
    if meter.register.offset_wh:
        yield f"the meter was reset or exchanged before its end: {energy(meter.register.offset_wh)} are added to it"
    gaps = [(a, b) for a, b in zip(meter.curve, meter.curve[1:], strict=False) if b.energy_wh > a.energy_wh + 50_000]
    for before, after in gaps:
        yield f"the register jumps by {energy(after.energy_wh - before.energy_wh)} between events {before.seq} and {after.seq}"
