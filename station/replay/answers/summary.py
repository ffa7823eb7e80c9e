"""A log at a glance: one pass over the events that matter, in constant memory but for a line per boot."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from eventstore.catalogue.authorization import AuthorizationDenied, LocalListConflictFound
from eventstore.catalogue.connectors import LockFailureFound
from eventstore.catalogue.hardware import (
    ContactorObserved,
    EmergencyStopObserved,
    FaultObserved,
    MainsObserved,
    MeterFailed,
)
from eventstore.catalogue.lifecycle import (
    ClockDisagreed,
    DecisionFailed,
    DiskSpaceObserved,
    LogDamageFound,
    LogSalvaged,
    ObservationRejected,
    StationBooted,
    StationDescribed,
    StationStopped,
)
from eventstore.catalogue.link import (
    CallAnswered,
    CallDispatched,
    CallSettled,
    CallTimedOut,
    FrameRefused,
    LinkClosed,
    LinkOpened,
    OwedEventsLost,
)
from eventstore.catalogue.maintenance import FirmwareProgressed, ResetAccepted
from eventstore.catalogue.registration import RegistrationAnswered
from eventstore.catalogue.transactions import (
    MeterDoubted,
    MeterRegisterReturned,
    MeterResetFound,
    MeterSamplesDropped,
    TransactionConfirmed,
    TransactionIdAssigned,
    TransactionInvalidated,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Event, Recorded
from eventstore.value import Value
from station.replay.answers.causes import LINK_KINDS, Fates
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar
from station.wire.instants import format_utc_ms

BOOTS_SHOWN = 20
_ODD: dict[type[Event], str] = {
    LogDamageFound: "the log was found damaged while running",
    DecisionFailed: "a decision failed by our own fault",
    ObservationRejected: "an observation was rejected by our own fault",
    ClockDisagreed: "the CSMS's time was not believed",
    FrameRefused: "a frame could not be read",
    MeterFailed: "a meter could not be read",
    MeterDoubted: "a meter's register was not believed",
    MeterResetFound: "a meter was reset or exchanged",
    MeterRegisterReturned: "a meter's old register came back",
    MeterSamplesDropped: "samples were left out",
    OwedEventsLost: "queued messages were lost with a damaged segment",
    TransactionInvalidated: "the CSMS did not accept a tag after the start",
    LockFailureFound: "a lock did not close",
    LocalListConflictFound: "the CSMS contradicts the local list",
}
_KINDS: tuple[type[Event], ...] = (
    *_ODD,
    *(StationBooted, StationDescribed, StationStopped, LogSalvaged, DiskSpaceObserved, FaultObserved, MainsObserved),
    *(EmergencyStopObserved, ContactorObserved, AuthorizationDenied, LinkOpened, LinkClosed, CallDispatched),
    *(CallSettled, CallTimedOut, FirmwareProgressed, ResetAccepted, RegistrationAnswered, TransactionConfirmed),
    *(TransactionIdAssigned, TransactionStarted, TransactionStopped, CallAnswered),
)


_BEFORE = (StationDescribed, TransactionStarted, TransactionStopped, TransactionConfirmed)


class BootSummary(Value, frozen=True, kw_only=True):
    """One life of the process: from when to the last event of it, and how it ended."""

    boot: int
    software_version: str
    firmware_version: str
    first_seq: int
    began: str
    last: str
    ended: str


class Outages(Value, frozen=True, kw_only=True):
    """The times without a link, but for those before the first connection of all."""

    count: int
    total_ms: int
    longest_ms: int
    longest_from: str
    is_down_at_end: bool


class Summary(Value, frozen=True, kw_only=True):
    """A log at a glance. Instants are UTC; counts by name where there are several kinds."""

    identity: str
    vendor: str
    model: str
    serial: str
    csms_url: str
    source: str
    events: int
    first_seq: int
    last_seq: int
    head_digest: str
    from_utc: str
    to_utc: str
    span_ms: int
    clock_certain: bool
    boots: tuple[BootSummary, ...]
    boot_count: int
    power_cuts: int
    transactions: int
    transactions_running: int
    transactions_unconfirmed: int
    energy_wh: int
    stop_reasons: dict[str, int]
    messages_sent: int
    messages_given_up: int
    calls_unanswered: int
    call_errors: dict[str, int]
    outages: Outages
    faults: dict[str, int]
    refused_tags: dict[str, int]
    damage: tuple[str, ...]
    oddities: tuple[str, ...]


@dataclass(slots=True)
class _Gathering:
    """What the one pass collects."""

    is_part: bool = False
    described: StationDescribed | None = None
    boots: list[tuple[StationBooted, int]] = field(default_factory=list)
    stops: dict[int, str] = field(default_factory=dict)
    mains_losses: list[int] = field(default_factory=list)
    started: dict[int, int] = field(default_factory=dict)
    start_count: int = 0
    unconfirmed: set[int] = field(default_factory=set)
    energy_wh: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    given_up: int = 0
    unanswered: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    oddities: Counter[str] = field(default_factory=Counter)

    def take_earlier(self, recorded: Recorded) -> None:
        """One event of what lies before the part that is asked for: of what it may end."""
        event = recorded.event
        match event:
            case StationDescribed():
                self.described = event
            case TransactionStarted(number=number, meter_start_wh=register):
                self.started[number] = register
                self.unconfirmed.add(number)
            case TransactionStopped(number=number):
                self.started.pop(number, None)
            case TransactionConfirmed(number=number):
                self.unconfirmed.discard(number)

    def take(self, recorded: Recorded) -> None:
        """One event more."""
        event = recorded.event
        match event:
            case StationBooted():
                self.boots.append((event, recorded.seq))
            case StationDescribed():
                self.described = event
            case StationStopped(why=why):
                self.stops[len(self.boots)] = why
            case MainsObserved(present=False):
                self.mains_losses.append(len(self.boots))
            case FaultObserved(error_code=code):
                self.faults[code] += 1
            case AuthorizationDenied(reason=reason):
                self.refused[reason] += 1
            case _:
                self._take_transaction(event)
                self._take_call(event)
                if oddity := _oddity(event):
                    self.oddities[oddity] += 1

    def _take_transaction(self, event: Event) -> None:
        match event:
            case TransactionStarted(number=number, meter_start_wh=register):
                self.started[number] = register
                self.start_count += 1
                self.unconfirmed.add(number)
            case TransactionStopped(number=number, meter_stop_wh=register, reason=reason):
                self.energy_wh += register - self.started.pop(number, register)
                self.reasons[reason] += 1
            case TransactionConfirmed(number=number):
                self.unconfirmed.discard(number)

    def _take_call(self, event: Event) -> None:
        match event:
            case CallDispatched():
                self.sent += 1
            case CallSettled(outcome=outcome, error_code=code):
                self.given_up += outcome == "given_up"
                if code:
                    self.errors[code] += 1
            case CallTimedOut():
                self.unanswered += 1


def _oddity(event: Event) -> str:
    """What a person should look at, in words; "" if nothing."""
    match event:
        case LogSalvaged(kept_seq=kept, old_head_seq=old):
            return f"the log was salvaged: events {kept + 1} to {old} are missing"
        case LogDamageFound() | DecisionFailed() | ObservationRejected() | ClockDisagreed() | FrameRefused():
            return _ODD[type(event)]
        case EmergencyStopObserved(pressed=pressed):  # each boot reads the input once, pressed or not
            return "the emergency stop was used" if pressed else ""
        case ContactorObserved(fault=fault) if fault:
            return f"contactor {fault}"
        case DiskSpaceObserved(level=level) if level != "ok":
            return f"disk space {level}"
        case TransactionIdAssigned(conflict=True):
            return "the CSMS gave one transaction two ids"
        case TransactionStopped(meter_stale=True):
            return "a transaction ended without a readable meter"
        case CallSettled(deviations=deviations) if deviations:
            return "answers of the CSMS that deviate from the standard"
        case CallAnswered(deviations=deviations) if deviations:
            return "calls of the CSMS that deviate from the standard"
        case RegistrationAnswered(status=status) if status != "Accepted":
            return f"registration {status}"
        case FirmwareProgressed(status=status) if status.endswith("Failed") or status == "InvalidSignature":
            return f"firmware: {status}"
        case _:
            return _ODD.get(type(event), "")


def summarize(reader: LogReader, calendar: Calendar, after_seq: int = 0, to_seq: int | None = None) -> Summary:
    """The summary of a log, or of the part of it that is there; of what lies behind `after_seq` up to `to_seq` only, if given."""
    first_seq = max(after_seq + 1, reader.first_seq)
    last_seq = reader.head.seq if to_seq is None else min(to_seq, reader.head.seq)
    found = _Gathering(is_part=after_seq > 0)

    def watched() -> Iterator[Recorded]:
        if after_seq:
            for recorded in reader.recorded(until=after_seq, kinds=(*_BEFORE, *LINK_KINDS)):
                found.take_earlier(recorded)
                if isinstance(recorded.event, LINK_KINDS):
                    yield recorded
        seq = 0
        for recorded in reader.recorded(after_seq, last_seq, _KINDS):
            found.take(recorded)
            yield recorded
            seq = recorded.seq
        if last is not None and last.seq != seq:  # how long an outage lasts that does not end here
            yield last

    first, last = reader.event(first_seq), reader.event(last_seq)
    fates = Fates(watched())
    from_ms = 0 if first is None else calendar.utc_ms(first)
    to_ms = 0 if last is None else calendar.utc_ms(last)
    boots = tuple(_boots(reader, calendar, found, last_seq))
    described = found.described
    return Summary(
        identity=described.identity if described else reader.identity(),
        vendor=described.vendor if described else "",
        model=described.model if described else "",
        serial=described.serial if described else "",
        csms_url=described.csms_url if described else "",
        source=reader.origin.kind,
        events=reader.count() if to_seq is None and not after_seq else max(0, last_seq - first_seq + 1),
        first_seq=first_seq,
        last_seq=last_seq,
        head_digest=reader.head.digest.hex(),
        from_utc=format_utc_ms(from_ms),
        to_utc=format_utc_ms(to_ms),
        span_ms=to_ms - from_ms,
        clock_certain=all(stretch.certain for stretch in calendar.stretches),
        boots=boots[-BOOTS_SHOWN:],
        boot_count=len(boots),
        power_cuts=_power_cuts(found),
        transactions=found.start_count,
        transactions_running=len(found.started),
        transactions_unconfirmed=len(found.unconfirmed),
        energy_wh=found.energy_wh,
        stop_reasons=dict(found.reasons),
        messages_sent=found.sent,
        messages_given_up=found.given_up,
        calls_unanswered=found.unanswered,
        call_errors=dict(found.errors),
        outages=_outages(fates, reader, calendar, last, first.at_ms if found.is_part and first is not None else 0),
        faults=dict(found.faults),
        refused_tags=dict(found.refused),
        damage=reader.damage(),
        oddities=tuple(name if count == 1 else f"{name} ({count} times)" for name, count in found.oddities.items()),
    )


def _power_cuts(found: _Gathering) -> int:
    """Lives that ended without StationStopped, and losses of mains that were survived in order."""
    silent = {place for place, (event, _) in enumerate(found.boots) if (place or found.is_part) and not event.orderly}
    return len(silent | {boot for boot in found.mains_losses if boot in found.stops})


def _boots(reader: LogReader, calendar: Calendar, found: _Gathering, end_seq: int) -> Iterator[BootSummary]:
    for place, (event, seq) in enumerate(found.boots):
        is_last = place + 1 == len(found.boots)
        last_seq = end_seq if is_last else found.boots[place + 1][1] - 1
        begun, last = reader.event(seq), reader.event(last_seq)
        why = found.stops.get(place + 1)
        ended = (
            f"in order ({why})" if why else "the log ends here" if is_last else "without a word (power cut or crash)"
        )
        yield BootSummary(
            boot=event.boot,
            software_version=event.software_version,
            firmware_version=event.firmware_version,
            first_seq=seq,
            began="" if begun is None else format_utc_ms(calendar.utc_ms(begun)),
            last="" if last is None else format_utc_ms(calendar.utc_ms(last)),
            ended=ended,
        )


def _outages(fates: Fates, reader: LogReader, calendar: Calendar, last: Recorded | None, from_ms: int) -> Outages:
    spans = [(max(start, from_ms), end) for start, end in list(fates.outages())[1:] if end > from_ms]
    longest = max(spans, key=lambda span: span[1] - span[0], default=(0, 0))
    longest_from = ""
    if longest != (0, 0):
        seq = reader.last_before(longest[0], reader.first_seq, reader.head.seq)
        longest_from = format_utc_ms(calendar.utc_of(seq, longest[0]))
    return Outages(
        count=len(spans),
        total_ms=sum(end - start for start, end in spans),
        longest_ms=longest[1] - longest[0],
        longest_from=longest_from,
        is_down_at_end=bool(spans) and last is not None and spans[-1][1] == last.at_ms,
    )
