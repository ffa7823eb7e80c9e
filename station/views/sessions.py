"""The view *Sessions*: the latest transactions in a line each, one with its curve, samples, causes and messages, and a month as CSV."""

import csv
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from eventstore.catalogue.hardware import ContactorObserved, MeterObserved
from eventstore.catalogue.link import CallSettled
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.transactions import (
    MeterSampled,
    Moment,
    StopDataSampled,
    TransactionConfirmed,
    TransactionIdAssigned,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.event import Event, Recorded
from station.telling.shown import shortened
from station.telling.usual import Usual
from station.views.conversation import KINDS as EXCHANGE_KINDS
from station.views.conversation import AsBelieved, exchange_view
from station.views.exchanges import Talk
from station.views.saying import Json
from station.views.story import kinds as story_kinds
from station.views.story import story_view
from station.wire.instants import format_utc_ms

KEPT = 200
"""Sessions of a list; older ones are asked for by where they began."""
POINTS_MAX = 1_000
FIRST, LAST = 50, 150
"""How many of a session's samples, messages and lines are shown, from its beginning and from its end."""
WAITS, TAKEN, MALFORMED, GIVEN_UP = "waits", "taken", "malformed", "given_up"
"""What became of a message."""
_LIST: tuple[type[Event], ...] = (
    TransactionStarted,
    TransactionStopped,
    TransactionIdAssigned,
    TransactionConfirmed,
    CallSettled,
)
_CURVE: tuple[type[Event], ...] = (MeterObserved, ContactorObserved, LimitChanged, MeterSampled, StopDataSampled)
KINDS = frozenset(kind.NAME for kind in _LIST)
"""The events that a list reads."""
STORY_KINDS = story_kinds(details=False)
WHOLE_KINDS = KINDS | EXCHANGE_KINDS | STORY_KINDS | {kind.NAME for kind in _CURVE}
"""The events that one session reads."""
COLUMNS = (
    "number",
    "transaction_id",
    "connector_id",
    "tag",
    "authorized_by",
    "started_utc",
    "stopped_utc",
    "duration_s",
    "meter_start_wh",
    "meter_stop_wh",
    "energy_wh",
    "reason",
    "meter_stale",
    "start",
    "stop",
    "settled",
)
"""Of the CSV."""
_MONTH = re.compile("[0-9]{4}-[0-9]{2}")
_OUTCOMES = {"result": TAKEN, MALFORMED: MALFORMED}


class Dating(Protocol):
    """Whoever knows when a moment was: the clock of a state, or a whole log."""

    def utc_of(self, moment: Moment) -> int:
        """The best knowledge of a moment's UTC, in ms."""
        ...


@dataclass(slots=True)
class SessionFacts:
    """What is known of one transaction; `start` and `stop` are the fates of its two messages."""

    seq: int
    began: TransactionStarted
    ended: TransactionStopped | None = None
    stopped_seq: int = 0
    transaction_id: int | None = None
    start: str = WAITS
    stop: str = WAITS
    settled: bool = False

    def take(self, recorded: Recorded) -> None:
        """An event of this transaction."""
        match recorded.event:
            case TransactionStopped() as ended:
                self.ended, self.stopped_seq = ended, recorded.seq
            case TransactionIdAssigned(conflict=False, transaction_id=transaction_id):
                self.transaction_id = transaction_id
            case TransactionConfirmed():
                self.settled = True
            case CallSettled(ends_entry=True) as settled if settled.outcome != "void":
                outcome = _OUTCOMES.get(settled.outcome, GIVEN_UP)
                if settled.owed_seq == self.seq:
                    self.start = outcome
                elif settled.owed_seq == self.stopped_seq:
                    self.stop = outcome


class SessionList:
    """A fold over the events of one log, in order; it may begin anywhere, and knows the sessions that began since."""

    def __init__(self, *, until: int | None = None, kept: int = KEPT) -> None:
        """Sessions that began behind `until`, if given, are left out."""
        self.seq = 0
        self.dropped_seq = 0
        """Where the last one began that made room."""
        self._until = until
        self._kept = kept
        self._found: dict[int, SessionFacts] = {}

    def add(self, recorded: Recorded) -> None:
        """One event more."""
        self.seq = recorded.seq
        event: Any = recorded.event
        if isinstance(event, TransactionStarted) and (self._until is None or recorded.seq <= self._until):
            self._found[event.number] = SessionFacts(seq=recorded.seq, began=event)
            if len(self._found) > self._kept:
                self.dropped_seq = self._found.pop(next(iter(self._found))).seq
        elif type(event) in _LIST and (session := self._found.get(event.number or 0)) is not None:
            session.take(recorded)

    @property
    def are_settled(self) -> bool:
        """Whether nothing more can come of those that are known."""
        return all(session.settled for session in self._found.values())

    def known(self) -> list[SessionFacts]:
        """The sessions, in the order in which they began."""
        return list(self._found.values())

    def over(self) -> Iterator[SessionFacts]:
        """Those that nothing more can come of, up to the first of which something can; they are forgotten."""
        while self._found:
            number, session = next(iter(self._found.items()))
            if not session.settled:
                return
            del self._found[number]
            yield session

    def view(self, clock: Dating) -> list[Json]:
        """A line for each, the newest first."""
        return [session_view(session, clock) for session in reversed(self._found.values())]


def session_view(session: SessionFacts, clock: Dating) -> Json:
    """One session; moments are UTC in ms, by the best knowledge of the clock. What is not known yet is None."""
    began, ended = session.began, session.ended
    return {
        "seq": session.seq,
        "number": began.number,
        "transaction_id": session.transaction_id,
        "connector_id": began.connector_id,
        "tag": shortened(began.id_tag),
        "authorized_by": began.authorized_by,
        "started_at": clock.utc_of(began.started),
        "stopped_at": None if ended is None else clock.utc_of(ended.stopped),
        "duration_ms": None if ended is None else ended.stopped.at_ms - began.started.at_ms,
        "meter_start_wh": began.meter_start_wh,
        "meter_stop_wh": None if ended is None else ended.meter_stop_wh,
        "energy_wh": None if ended is None else ended.meter_stop_wh - began.meter_start_wh,
        "reason": None if ended is None else ended.reason,
        "meter_stale": ended is not None and ended.meter_stale,
        "start": session.start,
        "stop": None if ended is None else session.stop,
        "settled": session.settled,
    }


def month_bounds(month: str) -> tuple[int, int]:
    """The first ms of a month like "2026-11" in UTC, and that of the next. Raises ValueError."""
    try:
        if not _MONTH.fullmatch(month):
            raise ValueError
        first = datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)
        after = datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=UTC)
    except ValueError:
        raise ValueError("must be a month like 2026-11") from None
    return int(first.timestamp()) * 1000, int(after.timestamp()) * 1000


class _Echo:
    """What a CSV writer writes to, and gives back."""

    def write(self, line: str) -> str:
        return line


def csv_line(cells: tuple[object, ...]) -> str:
    """One line of CSV."""
    return str(csv.writer(_Echo(), lineterminator="\n").writerow(cells))


def csv_cells(view: Json) -> tuple[object, ...]:
    """What stands in COLUMNS for one session."""
    stopped, duration_ms = view["stopped_at"], view["duration_ms"]
    written = {
        **view,
        "started_utc": format_utc_ms(view["started_at"]),
        "stopped_utc": None if stopped is None else format_utc_ms(stopped),
        "duration_s": None if duration_ms is None else duration_ms // 1000,
        "meter_stale": str(view["meter_stale"]).lower(),
        "settled": str(view["settled"]).lower(),
    }
    return tuple(written[column] for column in COLUMNS)


T = TypeVar("T")


class BothEnds(Generic[T]):
    """The first and the last of many, and how many there were."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[T] = []
        self._last: deque[T] = deque(maxlen=LAST)

    def add(self, item: T) -> None:
        """One more."""
        self.count += 1
        if len(self._first) < FIRST:
            self._first.append(item)
        else:
            self._last.append(item)

    def kept(self) -> list[T]:
        """Those that are kept, in order."""
        return [*self._first, *self._last]


class WholeSession:
    """Everything about the session that began with event `seq`: a fold over the events from somewhat before it, in order."""

    def __init__(self, seq: int) -> None:
        self.seq = 0
        self._seq = seq
        self._sessions = SessionList(until=seq)
        self._talk = Talk(AsBelieved())
        self._points: list[tuple[int, int | None, int | None]] = []
        self._power: int | None = None
        self._limits: dict[int, int] = {}
        self._stride, self._skipped = 1, 0
        self._samples: BothEnds[tuple[int, Json]] = BothEnds()
        self._messages: BothEnds[Json] = BothEnds()
        self._story: BothEnds[Recorded] = BothEnds()

    def add(self, recorded: Recorded) -> None:
        """One event more."""
        self.seq = recorded.seq
        if recorded.seq < self._seq:
            if isinstance(recorded.event, LimitChanged):
                self._limits[recorded.event.connector_id] = recorded.event.limit_ma
            return
        if (self.session is None and recorded.seq > self._seq) or self.is_over:
            return
        self._sessions.add(recorded)
        session = self.session
        if session is None:
            return
        event: Any = recorded.event
        if recorded.seq == self._seq:
            self._point(recorded.at_ms)
        if event.NAME in EXCHANGE_KINDS:
            for exchange in self._talk.take(recorded):
                if exchange.transaction == session.began.number:
                    self._messages.add(exchange_view(exchange))
        connector_id, number = session.began.connector_id, session.began.number
        is_ours = getattr(event, "number", None) == number
        if session.ended is None or recorded.seq == session.stopped_seq:
            is_ours = is_ours or getattr(event, "connector_id", None) == connector_id
            if is_ours:
                self._measured(recorded)
        if is_ours and event.NAME in STORY_KINDS:
            self._story.add(recorded)

    @property
    def session(self) -> SessionFacts | None:
        """The session; None where no session began with that event."""
        return next(iter(self._sessions.known()), None)

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come of it."""
        return self.session is not None and self.session.settled

    def story(self) -> list[Recorded]:
        """The events of its story."""
        return self._story.kept()

    def view(self, clock: Dating, causes: Mapping[int, Event], usual: Usual) -> Json:
        """It with its curve (UTC in ms, W, mA), samples, messages and story; `causes` and `usual` as in `story_view`."""
        session = self.session
        assert session is not None, "whoever asks has looked"
        offset_ms = clock.utc_of(session.began.started) - session.began.started.at_ms
        open_ = [each for each in self._talk.rest() if each.transaction == session.began.number]
        return {
            "seq": self.seq,
            "session": session_view(session, clock),
            "curve": [(at_ms + offset_ms, power_w, limit_ma) for at_ms, power_w, limit_ma in self._points],
            "samples": [{"at": at_ms + offset_ms, **sample} for at_ms, sample in self._samples.kept()],
            "samples_count": self._samples.count,
            "messages": [*self._messages.kept(), *map(exchange_view, open_)],
            "messages_count": self._messages.count + len(open_),
            "story": story_view(self._story.kept(), causes, usual),
            "story_count": self._story.count,
        }

    def _measured(self, recorded: Recorded) -> None:
        """What its connector's meter, contactor and limit were."""
        match recorded.event:
            case MeterObserved(power_w=power_w):
                self._power = power_w
                self._skipped += 1
                if self._skipped >= self._stride:
                    self._point(recorded.at_ms)
            case ContactorObserved(closed=False):
                self._point(recorded.at_ms)
                self._power = 0
                self._point(recorded.at_ms)
            case LimitChanged(connector_id=connector_id, limit_ma=limit_ma):
                self._point(recorded.at_ms)
                self._limits[connector_id] = limit_ma
                self._point(recorded.at_ms)
            case MeterSampled(sample=sample) | StopDataSampled(sample=sample):
                values = {
                    f"{each.measurand}{f' {each.phase}' if each.phase else ''}": f"{each.value} {each.unit or ''}".strip()
                    for each in sample.values
                }
                is_queued = isinstance(recorded.event, MeterSampled)
                self._samples.add(
                    (sample.taken.at_ms, {"context": sample.context, "queued": is_queued, "values": values})
                )

    def _point(self, at_ms: int) -> None:
        """What flows and may flow from now on; of a long session every second point, then every fourth, and so on."""
        session = self.session
        assert session is not None, "it has begun"
        self._skipped = 0
        self._points.append((at_ms, self._power, self._limits.get(session.began.connector_id)))
        if len(self._points) > POINTS_MAX:
            del self._points[1::2]
            self._stride *= 2


def is_within(view: Json, bounds: tuple[int, int]) -> bool:
    """Whether a session began within these bounds."""
    return bool(bounds[0] <= view["started_at"] < bounds[1])
