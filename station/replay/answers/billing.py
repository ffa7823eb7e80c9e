"""Money explained: of each transaction the register, the samples, the frames that left and what the CSMS has taken, side by side.

The CSMS has taken what it answered with a result. What was given up it never gets, what waits it may get yet. On each connector the
register goes on from one transaction to the next: what rises between two belongs to no bill.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from eventstore.catalogue.link import CallDispatched, CallSettled
from eventstore.catalogue.transactions import (
    MeterDoubted,
    MeterRegisterReturned,
    MeterResetFound,
    MeterSampled,
    MeterSamplesDropped,
    TransactionConfirmed,
    TransactionIdAssigned,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Event, Recorded
from eventstore.value import Value
from station.replay.opening.errors import BadQuestion
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, within_calendar
from station.telling.amounts import energy, plural
from station.telling.wording import words
from station.wire.instants import format_utc_ms

KINDS: tuple[type[Event], ...] = (
    *(TransactionStarted, TransactionStopped, TransactionIdAssigned, CallDispatched, CallSettled),
    *(MeterSampled, MeterSamplesDropped, MeterResetFound, MeterRegisterReturned, MeterDoubted),
)
_FEW = tuple(kind for kind in KINDS if kind not in (CallDispatched, CallSettled, MeterSampled))
START, STOP, VALUES = "StartTransaction", "StopTransaction", "MeterValues"
TAKEN, GIVEN_UP, WAITS = "taken", "given up", "waits"
_METER_EVENTS_MAX = 50
_REGISTER = "Energy.Active.Import.Register"
_KILO = {"Wh": 1, "kWh": 1000}


class Meter(Value, frozen=True, kw_only=True):
    """What one source says of the register, in Wh: at the start and at the end; None where it says nothing."""

    start_wh: int | None = None
    stop_wh: int | None = None

    @property
    def energy_wh(self) -> int | None:
        """The difference."""
        return None if self.start_wh is None or self.stop_wh is None else self.stop_wh - self.start_wh


class MeterEvent(Value, frozen=True, kw_only=True):
    """What happened to the meter: a reset, a register that came back, one that was not believed."""

    seq: int
    utc: str
    words: str


class Bill(Value, frozen=True, kw_only=True):
    """One transaction. Instants are UTC.

    `register` is what the station recorded; `samples` the first and last of `samples_count`, `frames` what StartTransaction and
    StopTransaction said as they left, `csms` what of that the CSMS has taken. `start` and `stop` are the fates of the two messages:
    "taken", "given up", "waits", or "" before the end. `before_wh` is what the register rose since the transaction before on the
    connector, `previous`. `values_taken` of `values_sent` MeterValues were taken, the highest with `csms_highest_wh`. `lost_wh` is energy that
    the CSMS never gets: of what was given up. `disagreements` are what does not fit, in words.
    """

    number: int
    transaction_id: int | None
    connector_id: int
    id_tag: str
    started_utc: str
    stopped_utc: str | None
    register: Meter
    samples: Meter
    samples_count: int
    frames: Meter
    csms: Meter
    csms_highest_wh: int | None
    values_sent: int
    values_taken: int
    values_given_up: int
    start: str
    stop: str
    previous: int | None
    before_wh: int | None
    lost_wh: int
    meter: tuple[MeterEvent, ...]
    disagreements: tuple[str, ...]


class Billing(Value, frozen=True, kw_only=True):
    """The bills in order, and what they come to, in Wh: by the register, by the CSMS, given up, not delivered yet, between sessions."""

    bills: tuple[Bill, ...]
    energy_wh: int
    csms_wh: int
    lost_wh: int
    waiting_wh: int
    between_wh: int


@dataclass(slots=True)
class _Call:
    """One message of a transaction: what it says, and what became of it."""

    register_wh: int | None
    outcome: str = WAITS


@dataclass(slots=True)
class _Account:
    """What is known of one transaction so far."""

    started: Recorded
    began: TransactionStarted
    previous: "_Account | None"
    transaction_id: int | None = None
    ended: TransactionStopped | None = None
    stopped_seq: int = 0
    sampled_wh: tuple[int, ...] = ()
    """The first, the last, the lowest and the highest."""
    samples: int = 0
    dropped: int = 0
    falls: int = 0
    start: _Call | None = None
    stop: _Call | None = None
    values: dict[str, int] = field(default_factory=lambda: {"sent": 0, TAKEN: 0, GIVEN_UP: 0})
    highest_wh: int | None = None
    meter: list[Recorded] = field(default_factory=list)

    def sampled(self, register_wh: int) -> None:
        self.samples += 1
        if not self.sampled_wh:
            self.sampled_wh = (register_wh,) * 4
            return
        first, last, lowest, highest = self.sampled_wh
        self.falls += register_wh < last
        self.sampled_wh = (first, register_wh, min(lowest, register_wh), max(highest, register_wh))


class _Accounts:
    """The accounts of a log, in one pass."""

    def __init__(self) -> None:
        self.by_number: dict[int, _Account] = {}
        self._latest: dict[int, _Account] = {}
        self._open: dict[int, tuple[_Account, str, _Call]] = {}
        """Messages that are under way, by the event that queued them."""
        self._meter: dict[int, list[Recorded]] = {}
        """What happened to each connector's meter since its last transaction began."""

    def take(self, recorded: Recorded) -> None:
        """One event more."""
        event = recorded.event
        match event:
            case TransactionStarted():
                self._began(recorded, event)
            case CallDispatched() if event.action in (START, STOP, VALUES) and event.owed_seq not in self._open:
                self._sent(event)
            case CallSettled():
                self._settled(event)
            case MeterResetFound() | MeterRegisterReturned() | MeterDoubted():
                self._metered(recorded, event.connector_id)
            case _:
                self._of_transaction(recorded, event)

    def _of_transaction(self, recorded: Recorded, event: Event) -> None:
        account = self.by_number.get(getattr(event, "number", None) or 0)
        if account is None:
            return
        match event:
            case TransactionStopped():
                account.ended, account.stopped_seq = event, recorded.seq
            case TransactionIdAssigned(conflict=False):
                account.transaction_id = event.transaction_id
            case MeterSampled():
                account.sampled(event.register_wh)
            case MeterSamplesDropped():
                account.dropped += event.count

    def _began(self, recorded: Recorded, event: TransactionStarted) -> None:
        account = _Account(started=recorded, began=event, previous=self._latest.get(event.connector_id))
        account.meter = self._meter.pop(event.connector_id, [])
        if account.previous is not None:
            account.previous.previous = None  # nobody asks for the one before that
        self.by_number[event.number] = self._latest[event.connector_id] = account

    def _metered(self, recorded: Recorded, connector_id: int) -> None:
        running = self._latest.get(connector_id)
        known = (
            running.meter if running is not None and running.ended is None else self._meter.setdefault(connector_id, [])
        )
        if len(known) < _METER_EVENTS_MAX:
            known.append(recorded)

    def _sent(self, event: CallDispatched) -> None:
        account = self.by_number.get(event.number or 0)
        if account is None:
            return
        call = _Call(register_wh=_register(event.action, event.payload))
        self._open[event.owed_seq] = (account, event.action, call)
        if event.action == START:
            account.start = call
        elif event.action == STOP:
            account.stop = call
        else:
            account.values["sent"] += 1

    def _settled(self, event: CallSettled) -> None:
        found = self._open.get(event.owed_seq)
        if found is None or event.outcome == "void":
            return
        account, action, call = found
        call.outcome = TAKEN if event.outcome == "result" else GIVEN_UP if event.outcome == "given_up" else call.outcome
        if event.ends_entry and action == VALUES:
            del self._open[event.owed_seq]
            account.values[call.outcome if call.outcome in account.values else GIVEN_UP] += 1
            if call.outcome == TAKEN and call.register_wh is not None:
                account.highest_wh = max(call.register_wh, account.highest_wh or 0)


def _register(action: str, payload: str) -> int | None:
    """The register that a frame's payload says, in Wh; None if it says none."""
    try:
        said = orjson.loads(payload)
        if action != VALUES:
            return int(said["meterStart" if action == START else "meterStop"])
        found = [_wh(value) for sample in said["meterValue"] for value in sample["sampledValue"]]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None
    return max((each for each in found if each is not None), default=None)


def _wh(value: dict[str, Any]) -> int | None:
    """A sampled value as Wh, if it is the register (7.31: that is what one without a measurand is)."""
    if value.get("measurand", _REGISTER) != _REGISTER or value.get("phase") is not None:
        return None
    factor = _KILO.get(value.get("unit", "Wh"))
    return None if factor is None else round(float(value["value"]) * factor)


def billing(
    reader: LogReader, calendar: Calendar, *, number: int | None = None, after_seq: int = 0, to_seq: int | None = None
) -> Billing:
    """The bills of the transactions that the range touches, or of one. Raises BadQuestion for a number that there is not."""
    accounts = _Accounts()
    for recorded in reader.recorded(kinds=KINDS) if number is None else _of(reader, number):
        accounts.take(recorded)
    last = reader.head.seq if to_seq is None else to_seq
    if number is not None and number not in accounts.by_number:
        known = ", ".join(map(str, list(accounts.by_number)[-10:])) or "none"
        raise BadQuestion(f"there is no transaction {number} in this log; the last are {known}")
    wanted = [
        account
        for own, account in accounts.by_number.items()
        if number in (None, own)
        and account.started.seq <= last
        and (not account.stopped_seq or account.stopped_seq > after_seq)
    ]
    bills = tuple(_bill(account, calendar) for account in wanted)
    return Billing(
        bills=bills,
        energy_wh=sum(bill.register.energy_wh or 0 for bill in bills),
        csms_wh=sum(bill.csms.energy_wh or 0 for bill in bills),
        lost_wh=sum(bill.lost_wh for bill in bills),
        waiting_wh=sum(_waiting_wh(bill) for bill in bills),
        between_wh=sum(bill.before_wh or 0 for bill in bills),
    )


def _of(reader: LogReader, number: int) -> Iterator[Recorded]:
    """What the bill of one transaction is made of: what came before it without its messages, and all of its own time."""
    first = last = given_up_seq = 0
    for recorded in reader.recorded(kinds=(TransactionStarted, TransactionConfirmed)):
        event = recorded.event
        if getattr(event, "number", None) == number:
            first, last = (recorded.seq, 0) if isinstance(event, TransactionStarted) else (first, recorded.seq)
    yield from reader.recorded(until=(first or reader.head.seq + 1) - 1, kinds=_FEW)
    if not first:
        return
    for recorded in reader.recorded(first - 1, last or reader.head.seq, KINDS):
        yield recorded
        event = recorded.event
        if isinstance(event, CallSettled) and event.number == number and event.outcome == "given_up":
            given_up_seq = recorded.seq
    if last and given_up_seq:  # it may have been answered after all
        yield from reader.recorded(last, kinds=(CallSettled,))


def _waiting_wh(bill: Bill) -> int:
    """Of a transaction that has ended, what the CSMS has not taken and may take yet."""
    return (bill.register.energy_wh or 0) if WAITS in (bill.start, bill.stop) and not bill.lost_wh else 0


def _bill(account: _Account, calendar: Calendar) -> Bill:
    began, ended = account.began, account.ended
    start, stop = account.start or _Call(register_wh=None), account.stop or _Call(register_wh=None)
    before = account.previous
    before_wh = None
    if before is not None and before.ended is not None:
        before_wh = began.meter_start_wh - before.ended.meter_stop_wh
    register = Meter(start_wh=began.meter_start_wh, stop_wh=None if ended is None else ended.meter_stop_wh)
    stopped_ms = None
    if ended is not None:
        stopped_ms = ended.stopped.utc_ms or calendar.utc_of(account.stopped_seq, ended.stopped.at_ms)
    sampled = account.sampled_wh
    frames = Meter(start_wh=start.register_wh, stop_wh=stop.register_wh)
    csms = Meter(
        start_wh=start.register_wh if start.outcome == TAKEN else None,
        stop_wh=stop.register_wh if stop.outcome == TAKEN else None,
    )
    is_lost = GIVEN_UP in (start.outcome, stop.outcome)
    return Bill(
        number=began.number,
        transaction_id=account.transaction_id,
        connector_id=began.connector_id,
        id_tag=began.id_tag,
        started_utc=format_utc_ms(calendar.utc_ms(account.started)),
        stopped_utc=None if stopped_ms is None else format_utc_ms(within_calendar(stopped_ms)),
        register=register,
        samples=Meter(start_wh=sampled[0], stop_wh=sampled[1]) if sampled else Meter(),
        samples_count=account.samples,
        frames=frames,
        csms=csms,
        csms_highest_wh=account.highest_wh,
        values_sent=account.values["sent"],
        values_taken=account.values[TAKEN],
        values_given_up=account.values[GIVEN_UP],
        start=start.outcome,
        stop="" if ended is None else stop.outcome,
        previous=None if before is None else before.began.number,
        before_wh=before_wh,
        lost_wh=(register.energy_wh or 0) if is_lost else 0,
        meter=tuple(_meter_events(account.meter, calendar)),
        disagreements=tuple(_disagreements(account, register, frames, before_wh)),
    )


def _meter_events(found: Iterable[Recorded], calendar: Calendar) -> Iterator[MeterEvent]:
    for recorded in found:
        utc = format_utc_ms(calendar.utc_ms(recorded))
        yield MeterEvent(seq=recorded.seq, utc=utc, words=words(recorded.event))


def _disagreements(account: _Account, register: Meter, frames: Meter, before_wh: int | None) -> Iterator[str]:
    """What does not fit together, in words."""
    began, ended = account.began, account.ended
    before = account.previous
    if before is not None and before.ended is None:
        yield f"transaction {before.began.number} before it has no end in this log"
    elif before is not None and before_wh:
        amount = energy(abs(before_wh))
        rose = "belong to no transaction" if before_wh > 0 else "stand in both"
        yield f"{amount} between the end of transaction {before.began.number} and its start {rose}"
    if account.sampled_wh:
        _, _, lowest, highest = account.sampled_wh
        if lowest < began.meter_start_wh:
            yield f"a sample ({energy(lowest)}) lies below the register at its start"
        if ended is not None and highest > ended.meter_stop_wh:
            yield f"a sample ({energy(highest)}) lies above the register at its end"
    if account.falls:
        yield f"the samples fall {plural(account.falls, 'time')}"
    for name, own, sent in (("start", register.start_wh, frames.start_wh), ("end", register.stop_wh, frames.stop_wh)):
        if own is not None and sent is not None and own != sent:
            yield f"the frame of its {name} says {energy(sent)}, the register {energy(own)}"
    if account.dropped:
        yield f"{plural(account.dropped, 'sample')} left out"
    if ended is not None and ended.meter_stale:
        yield "it ended with the last stored reading: the meter could not be read"
    yield from _lost(account, register)


def _lost(account: _Account, register: Meter) -> Iterator[str]:
    """What the CSMS never gets."""
    start, stop = account.start, account.stop
    amount = "" if register.energy_wh is None else f": {energy(register.energy_wh)}"
    if start is not None and start.outcome == GIVEN_UP:
        yield f"StartTransaction was GIVEN UP{amount} that the CSMS can book to no transaction"
    if stop is not None and stop.outcome == GIVEN_UP:
        yield f"StopTransaction was GIVEN UP{amount} of which the CSMS knows the samples at most"
    if account.values[GIVEN_UP]:
        yield f"{plural(account.values[GIVEN_UP], 'sample')} given up"
