"""The story of a log in plain words: what happened when, to whom, because of what, and what became of it.

Two passes, both in constant memory but for a few facts per transaction: the first learns the fate of each message and which
events belong to which transaction, the second prints. A transaction's events are those that name it, and everything on its
connector between its start and its end; of one transaction only that part of the log is read.
"""

from collections.abc import Iterator
from itertools import chain

from eventstore.catalogue import BY_NAME
from eventstore.catalogue.hardware import EmergencyStopObserved, MainsObserved
from eventstore.catalogue.lifecycle import ClockAdjusted, StationBooted, StationStopped, StationStopping
from eventstore.catalogue.link import LinkClosed, LinkOpened
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.transactions import TransactionStarted, TransactionStopped
from eventstore.event import Event, Recorded
from eventstore.value import Value
from station.replay.answers.causes import FATE_KINDS, LASTING_KINDS, LINK_KINDS, Fates
from station.replay.answers.limits import LimitReasons
from station.replay.opening.errors import BadQuestion
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, Zone
from station.telling.causes import TELL_WHY, reason
from station.telling.limit_words import limited_by
from station.telling.usual import Usual
from station.telling.wording import CORRECTION_TOLD_MS, DETAIL, HEADLINE, TABLE, adjusted, loudness, words

_STATION_WIDE = (
    StationBooted,
    StationStopping,
    StationStopped,
    LinkOpened,
    LinkClosed,
    MainsObserved,
    EmergencyStopObserved,
    ClockAdjusted,
)
"""What happens to every transaction that runs."""
_NAMING = tuple(kind for kind in BY_NAME.values() if "number" in kind.__struct_fields__)
"""The kinds that may name a transaction, also behind its end."""


class Filter(Value, frozen=True, kw_only=True):
    """What is asked for; a filter that is not set lets everything through. `to_seq` None: up to the head.

    `kinds` names event types, whatever their loudness. `loudest` is how far down the noise goes.
    """

    after_seq: int = 0
    to_seq: int | None = None
    connector_id: int | None = None
    number: int | None = None
    id_tag: str | None = None
    kinds: frozenset[str] = frozenset()
    loudest: int = HEADLINE


class Entry(Value, frozen=True, kw_only=True):
    """One line of the story; `notes` are its causes and its consequences in words."""

    seq: int
    cause: int
    utc_ms: int
    certain: bool
    type: str
    connector_id: int | None
    transaction: int | None
    words: str
    notes: tuple[str, ...]


class _Span(Value, frozen=True, kw_only=True):
    """Where a transaction lies in the log."""

    connector_id: int
    first_seq: int
    last_seq: int
    id_tag: str


def event_kinds(names: Iterator[str] | list[str]) -> frozenset[str]:
    """Event type names as given, in any case. Raises BadQuestion for one that there is not."""
    known = {name.casefold(): name for name in BY_NAME}
    found = set()
    for name in names:
        if name.casefold() not in known:
            near = [known[each] for each in known if name.casefold() in each]
            raise BadQuestion(
                f"there is no event type {name!r}" + (f"; did you mean {', '.join(near[:5])}?" if near else "")
            )
        found.add(known[name.casefold()])
    return frozenset(found)


class Timeline:
    """The story of one log, or of a part of it."""

    def __init__(
        self,
        reader: LogReader,
        calendar: Calendar,
        after_seq: int = 0,
        to_seq: int | None = None,
        *,
        number: int | None = None,
        zone: Zone | None = None,
    ) -> None:
        """Of the part behind `after_seq` up to `to_seq`, or of transaction `number` in it; what only the rest would tell is not read.

        Times within the words are in `zone`, or UTC.
        """
        self._reader = reader
        self._zone = zone or Zone("UTC")
        self._limits = LimitReasons(reader)
        self._calendar = calendar
        self._spans = _spans(reader, to_seq)
        lasting = LASTING_KINDS
        if number is not None and number in self._spans:
            span, lasting = self._spans[number], LINK_KINDS
            after_seq = max(after_seq, span.first_seq - 1)
            to_seq = span.last_seq if to_seq is None else min(to_seq, span.last_seq)
        before = reader.recorded(until=after_seq, kinds=lasting) if after_seq else ()
        behind = reader.recorded(after_seq, kinds=FATE_KINDS)
        self.fates = Fates(chain(before, behind), after_seq=after_seq, to_seq=to_seq, number=number)

    def entries(self, asked: Filter) -> Iterator[Entry]:
        """The lines that pass the filter, in order. Raises BadQuestion for a transaction that there is not."""
        if asked.number is not None and asked.number not in self._spans:
            raise BadQuestion(
                f"there is no transaction {asked.number} in this log, or in the part of it that was asked for"
            )
        kinds = [BY_NAME[name] for name in sorted(asked.kinds)] or None
        cause: Recorded | None = None
        usual = Usual(self._reader.recorded(until=asked.after_seq, kinds=(EmergencyStopObserved, MainsObserved)))
        for recorded in self._recorded(asked, kinds):
            if recorded.seq == recorded.cause:
                cause = recorded
            if usual.goes_on(recorded.event) and asked.loudest < DETAIL and not asked.kinds:
                continue
            if self._passes(recorded, asked):
                yield self._entry(recorded, cause if cause and cause.seq == recorded.cause else None)

    def _recorded(self, asked: Filter, kinds: list[type[Event]] | None) -> Iterator[Recorded]:
        """The events among which those that are asked for are: of a transaction those of its span, and what names it behind that."""
        reader = self._reader
        if asked.number is None:
            yield from reader.recorded(asked.after_seq, asked.to_seq, kinds)
            return
        span = self._spans[asked.number]
        to_seq = reader.head.seq if asked.to_seq is None else asked.to_seq
        after_seq, last_seq = max(asked.after_seq, span.first_seq - 1), min(to_seq, span.last_seq)
        yield from reader.recorded(after_seq, last_seq, kinds)
        naming = [kind for kind in kinds or _NAMING if kind in _NAMING and (kinds or _is_told(kind, asked))]
        if naming:
            yield from reader.recorded(max(asked.after_seq, last_seq), to_seq, naming)

    def _passes(self, recorded: Recorded, asked: Filter) -> bool:
        event = recorded.event
        if not asked.kinds and self._loudness(recorded) > asked.loudest:
            return False
        connector_id = getattr(event, "connector_id", None)
        if asked.connector_id is not None and not self._is_on(event, connector_id, asked.connector_id):
            return False
        if asked.number is not None and not self._is_of(recorded, connector_id, asked.number):
            return False
        return asked.id_tag is None or self._has_tag(recorded, connector_id, asked.id_tag.casefold())

    def _loudness(self, recorded: Recorded) -> int:
        if isinstance(recorded.event, ClockAdjusted) and abs(self._moved_ms(recorded)) >= CORRECTION_TOLD_MS:
            return HEADLINE
        return loudness(recorded.event)

    def _moved_ms(self, recorded: Recorded) -> int:
        """By how much the clock was moved there."""
        stretch = self._calendar.stretch(recorded.seq)
        return 0 if stretch is None else stretch.moved_ms

    def _is_on(self, event: Event, connector_id: int | None, asked: int) -> bool:
        if connector_id is not None:
            return connector_id == asked
        span = self._spans.get(getattr(event, "number", None) or 0)
        return span is not None and span.connector_id == asked

    def _is_of(self, recorded: Recorded, connector_id: int | None, number: int) -> bool:
        named = getattr(recorded.event, "number", None)
        if named is not None:
            return bool(named == number)
        span = self._spans[number]
        within = span.first_seq <= recorded.seq <= span.last_seq
        if within and (connector_id == span.connector_id or isinstance(recorded.event, _STATION_WIDE)):
            return True
        tag = getattr(recorded.event, "id_tag", None)
        return within and tag is not None and str(tag).casefold() == span.id_tag

    def _has_tag(self, recorded: Recorded, connector_id: int | None, tag: str) -> bool:
        named = getattr(recorded.event, "id_tag", None)
        if named is not None and str(named).casefold() == tag:
            return True
        number = getattr(recorded.event, "number", None)
        if number in self._spans:
            return self._spans[number].id_tag == tag
        return any(
            span.id_tag == tag and connector_id == span.connector_id and span.first_seq <= recorded.seq <= span.last_seq
            for span in self._spans.values()
        )

    def _entry(self, recorded: Recorded, cause: Recorded | None) -> Entry:
        event = recorded.event
        return Entry(
            seq=recorded.seq,
            cause=recorded.cause,
            utc_ms=self._calendar.utc_ms(recorded),
            certain=self._calendar.is_certain(recorded.seq),
            type=event.NAME,
            connector_id=getattr(event, "connector_id", None),
            transaction=getattr(event, "number", None),
            words=self._words(recorded),
            notes=tuple(self._notes(recorded, cause)),
        )

    def _words(self, recorded: Recorded) -> str:
        event = recorded.event
        match event:
            case ClockAdjusted():
                return adjusted(event, self._moved_ms(recorded))
            case LimitChanged(connector_id=connector_id):
                now_ms = self._calendar.utc_ms(recorded)
                found = self._limits.why(recorded.seq, connector_id, recorded.at_ms)
                by = limited_by(found, lambda utc_ms: self._zone.moment(utc_ms, now_ms))
                return f"{words(event)}, {by}" if by else words(event)
            case _:
                return words(event)

    def _notes(self, recorded: Recorded, cause: Recorded | None) -> Iterator[str]:
        event = recorded.event
        if event.NAME in TELL_WHY:
            found = cause or self._reader.event(recorded.cause)
            if found is not None and found.seq != recorded.seq and (why := reason(event, found.event)):
                yield why
        if isinstance(event, TransactionStarted | TransactionStopped):
            fate = self.fates.by_seq.get(recorded.seq)
            if fate is not None and (told := self.fates.tell(fate)):
                yield told


def _is_told(kind: type[Event], asked: Filter) -> bool:
    """Whether events of this kind are loud enough."""
    return kind not in TABLE or TABLE[kind][0] <= asked.loudest


def _spans(reader: LogReader, to_seq: int | None) -> dict[int, _Span]:
    """From the authorization that led to it (some events before) to its settling; an open one lasts to the head."""
    spans: dict[int, _Span] = {}
    for recorded in reader.recorded(until=to_seq, kinds=(TransactionStarted, TransactionStopped)):
        event = recorded.event
        if isinstance(event, TransactionStarted):
            spans[event.number] = _Span(
                connector_id=event.connector_id,
                first_seq=recorded.cause,
                last_seq=reader.head.seq,
                id_tag=event.id_tag.casefold(),
            )
        elif isinstance(event, TransactionStopped) and event.number in spans:
            span = spans[event.number]
            spans[event.number] = _Span(
                connector_id=span.connector_id, first_seq=span.first_seq, last_seq=recorded.seq, id_tag=span.id_tag
            )
    return spans


def line(entry: Entry, zone: Zone, *, with_seq: bool = False) -> list[str]:
    """An entry as text: its own line, and one for each note."""
    mark = f"{entry.seq:>8}  " if with_seq else ""
    head = f"{mark}{zone.text(entry.utc_ms, certain=entry.certain):<24}  {entry.words}"
    indent = " " * (len(mark) + 26)
    return [head, *(f"{indent}↳ {note}" for note in entry.notes)]


__all__ = ["DETAIL", "HEADLINE", "Entry", "Filter", "Timeline", "event_kinds", "line"]
