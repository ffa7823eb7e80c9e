"""The sessions of a log at a moment of it: the list, one of them, and those of a month as CSV, from nothing but the events up to that moment."""

from collections.abc import Collection, Iterable, Iterator

from eventstore.catalogue import BY_NAME
from eventstore.catalogue.transactions import Moment, TransactionConfirmed, TransactionStarted
from eventstore.event import Event, Recorded
from eventstore.value import replace
from station.replay.opening.errors import BadQuestion
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, within_calendar
from station.views.saying import Json
from station.views.sessions import (
    COLUMNS,
    KINDS,
    WHOLE_KINDS,
    SessionFacts,
    SessionList,
    WholeSession,
    csv_cells,
    csv_line,
    is_within,
    month_bounds,
    session_view,
)

WINDOW = 20_000
"""Events that are looked through at a time."""
LOOK_BACK = 200_000
"""Events that a list looks back at most."""
LEAD = 400
"""Events before its start in which the limit of a session is looked for."""
ALL = 1 << 30


def _kinds(names: Collection[str]) -> tuple[type[Event], ...]:
    return tuple(BY_NAME[name] for name in sorted(names) if name in BY_NAME)


LIST_KINDS, ONE_KINDS = _kinds(KINDS), _kinds(WHOLE_KINDS)


class BestKnown:
    """Moments by the best that the whole log knows of its clock."""

    def __init__(self, calendar: Calendar) -> None:
        self._offsets = {stretch.boot: stretch.offset_ms for stretch in calendar.stretches}

    def utc_of(self, moment: Moment) -> int:
        """UTC in ms; that of a boot of which nothing is known is its station time."""
        if moment.utc_ms is not None:
            return within_calendar(moment.utc_ms)
        return within_calendar(moment.at_ms + self._offsets.get(moment.boot, 0))


class LogSessions:
    """The sessions that began up to event `until`, as they stood behind it."""

    def __init__(self, reader: LogReader, calendar: Calendar, until: int) -> None:
        self._reader, self._calendar, self._until = reader, calendar, until
        self.dating = BestKnown(calendar)

    def latest(self, before: int | None, limit: int) -> Json:
        """The latest `limit` ones that began before event `before` or this moment, newest first; `first_seq` is how far back was looked."""
        end = self._until if before is None else min(before - 1, self._until)
        starts = 0
        begin = end
        while begin > 0 and starts < limit and end - begin < LOOK_BACK:
            last, begin = begin, max(0, begin - WINDOW)
            starts += sum(1 for _ in self._reader.recorded(begin, last, (TransactionStarted,)))
        found = SessionList(until=end, kept=limit)
        for recorded in self._events(begin, LIST_KINDS):
            if recorded.seq > end and found.are_settled:
                break
            found.add(recorded)
        return {
            "seq": self._until,
            "first_seq": max(begin, found.dropped_seq) + 1,
            "sessions": found.view(self.dating),
        }

    def one(self, seq: int) -> WholeSession:
        """The one that began with event `seq`. Raises BadQuestion if none did up to this moment."""
        whole = WholeSession(seq)
        for recorded in self._events(max(0, seq - LEAD - 1), ONE_KINDS) if seq <= self._until else ():
            whole.add(replace(recorded, utc_ms=self._calendar.utc_ms(recorded)))
            if whole.is_over or (whole.session is None and recorded.seq >= seq):
                break
        whole.seq = self._until
        if whole.session is None:
            raise BadQuestion(f"no session began with event {seq}, or not yet at event {self._until}")
        return whole

    def month(self, month: str) -> str:
        """Those that began within a month like "2026-11", by UTC, as CSV. Raises BadQuestion for what is no month."""
        try:
            bounds = month_bounds(month)
        except ValueError as error:
            raise BadQuestion(f"month {error}: {month[:40]!r}") from error
        return csv_line(COLUMNS) + "".join(self._lines(bounds))

    def _lines(self, bounds: tuple[int, int]) -> Iterator[str]:
        found = SessionList(kept=ALL)
        for recorded in self._events(0, LIST_KINDS):
            found.add(recorded)
            if isinstance(recorded.event, TransactionConfirmed):
                yield from self._within(found.over(), bounds)
        yield from self._within(found.known(), bounds)

    def _within(self, sessions: Iterable[SessionFacts], bounds: tuple[int, int]) -> Iterator[str]:
        for session in sessions:
            view = session_view(session, self.dating)
            if is_within(view, bounds):
                yield csv_line(csv_cells(view))

    def _events(self, after: int, kinds: tuple[type[Event], ...]) -> Iterator[Recorded]:
        return self._reader.recorded(after, self._until, kinds)
