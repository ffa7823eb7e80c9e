"""The views of the page at a moment of a log: those of the living station, from the state folded there and the events before it.

Times of events are the best that is known of them, as everywhere in `replay`; those of the state are as the station believed then.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar

import orjson

from eventstore.catalogue import BY_NAME
from eventstore.chain import Row
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from station.page_files import page_version
from station.replay.opening.errors import BadQuestion
from station.replay.opening.folding import Folded
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, LogPlace
from station.replay.proof.redeciding import registry_of
from station.replay.viewing.sessions import LogSessions
from station.telling.masking import without_credentials
from station.telling.usual import FLAGS, Usual
from station.views.configuration import configuration_view
from station.views.conversation import KINDS as CONVERSATION_KINDS
from station.views.conversation import Conversation
from station.views.now import Beside, now_view
from station.views.recent import KINDS as RECENT_KINDS
from station.views.recent import Recent
from station.views.saying import Json
from station.views.schedule import schedule_view
from station.views.story import kinds, story_view

LOOK_BACK = 5_000
"""How many events a view looks back at most, and how many of them an answer reads."""
SLICE = 500
LINES_MAX = 500
SESSIONS_MAX = 200
F = TypeVar("F", Recent, Conversation)


class Download(Value, frozen=True, kw_only=True):
    """What a browser keeps as a file of this name."""

    name: str
    text: str


class LogViews:
    """The views of a log at `place`, where its state is `folded`."""

    def __init__(self, reader: LogReader, calendar: Calendar, place: LogPlace, folded: Folded) -> None:
        self._reader, self._calendar = reader, calendar
        self._place, self._state = place, folded.state
        self._sessions = LogSessions(reader, calendar, place.seq)

    def view(self, name: str, query: Mapping[str, str]) -> Json | None:
        """A view by its name, for the query of a request; None if there is none. Raises BadQuestion for a query that cannot be."""
        found = _VIEWS.get(name)
        return None if found is None else {"page": page_version(), **found(self, query)}

    def now(self, query: Mapping[str, str]) -> Json:
        """*Now*; what the disk had room for stands in no log."""
        seq = self._state.outbox.oldest_seq
        oldest = None if seq is None else self._reader.event(seq)
        facts = Beside(oldest_utc_ms=None if oldest is None else self._calendar.utc_ms(oldest))
        return now_view(self._state, self._recent, facts, self._place.at_ms)

    def story(self, query: Mapping[str, str]) -> Json:
        """*Story*: with `after` what came behind it, oldest first; without, the last lines before `before` or this moment."""
        names = kinds(details=query.get("details") == "true")
        limit = min(whole(query, "limit", 100), LINES_MAX)
        after, before = whole(query, "after", None), whole(query, "before", None)
        rows, first, last = (
            self._rows_before(before, names, limit) if after is None else self._rows_after(after, names, limit)
        )
        events = self._dated(self._reader.decoded(rows))
        lines = story_view(events, self._causes(events), self._usual(events))
        return {"seq": last, "first_seq": first, "lines": lines}

    def conversation(self, query: Mapping[str, str]) -> Json:
        """*Conversation*."""
        return self._conversation.view(whole(query, "after", 0))

    def schedule(self, query: Mapping[str, str]) -> Json:
        """*Schedule*."""
        return schedule_view(self._state, self._place.at_ms)

    def configuration(self, query: Mapping[str, str]) -> Json:
        """*Configuration*."""
        keys = registry_of(self._state.described.profiles_off).config_keys
        return configuration_view(self._state, keys, self._recent.changed)

    def sessions(self, query: Mapping[str, str]) -> Json:
        """*Sessions*: the latest, or those that began before the event `before`."""
        limit = min(whole(query, "limit", 50), SESSIONS_MAX)
        return self._sessions.latest(whole(query, "before", None), limit)

    def session(self, query: Mapping[str, str]) -> Json:
        """Everything about the one that began with the event `seq`."""
        found = self._sessions.one(whole(query, "seq", 0))
        story = found.story()
        return found.view(self._sessions.dating, self._causes(story), self._usual(story))

    def month(self, query: Mapping[str, str]) -> Download:
        """The sessions of a `month` as CSV."""
        month = query.get("month", "")
        return Download(name=f"sessions-{month}.csv", text=self._sessions.month(month))

    def event(self, query: Mapping[str, str]) -> Json:
        """The first event behind `after` as it lies in the log, but for user and password of locations."""
        seq = whole(query, "after", 0) + 1
        row = self._reader.row_told(seq) if seq <= self._place.seq else None
        if row is None:
            return {"events": []}
        return {
            "events": [{"seq": row.seq, "type": row.type, "payload": orjson.Fragment(without_credentials(row.payload))}]
        }

    @cached_property
    def _recent(self) -> Recent:
        return self._followed(Recent(), RECENT_KINDS)

    @cached_property
    def _conversation(self) -> Conversation:
        return self._followed(Conversation(), CONVERSATION_KINDS)

    def _followed(self, fold: F, names: frozenset[str]) -> F:
        for recorded in self._dated(
            self._reader.decoded(list(self._rows(self._place.seq - LOOK_BACK, self._place.seq, names)))
        ):
            fold.add(recorded)
        fold.seq = self._place.seq
        return fold

    def _rows(self, after: int, until: int, names: frozenset[str]) -> Iterator[Row]:
        """The rows behind `after` up to `until` of these types, but for those that are withheld; those of unknown types as well."""
        for rows in self._reader.rows(max(0, after), until):
            for row in rows:
                if (row.type in names or row.type not in BY_NAME) and not self._reader.is_withheld(row.seq):
                    yield row

    def _rows_after(self, after: int, names: frozenset[str], limit: int) -> tuple[list[Row], int, int]:
        until = min(after + LOOK_BACK, self._place.seq)
        found: list[Row] = []
        for row in self._rows(after, until, names):
            found.append(row)
            if len(found) == limit:
                return found, after + 1, row.seq
        return found, after + 1, max(after, until)

    def _rows_before(self, before: int | None, names: frozenset[str], limit: int) -> tuple[list[Row], int, int]:
        end = self._place.seq if before is None else min(before - 1, self._place.seq)
        found: list[Row] = []
        begin = end
        while begin > 0 and len(found) < limit and end - begin < LOOK_BACK:
            last, begin = begin, max(0, begin - SLICE)
            found = [*self._rows(begin, last, names), *found]
        if len(found) > limit:
            found = found[-limit:]
            begin = found[0].seq - 1
        return found, begin + 1, end

    def _usual(self, events: list[Recorded]) -> Usual:
        """What was known before the events of that of which they say it again."""
        first = next((recorded.seq for recorded in events if type(recorded.event) in FLAGS), None)
        return Usual(() if first is None else self._reader.recorded(until=first - 1, kinds=tuple(FLAGS)))

    def _causes(self, events: list[Recorded]) -> dict[int, Event]:
        found = {recorded.seq: recorded.event for recorded in events}
        for seq in {recorded.cause for recorded in events} - found.keys():
            cause = None if self._reader.is_withheld(seq) else self._reader.event(seq)
            if cause is not None:
                found[seq] = cause.event
        return found

    def _dated(self, events: list[Recorded]) -> list[Recorded]:
        return [replace(recorded, utc_ms=self._calendar.utc_ms(recorded)) for recorded in events]


_VIEWS: Mapping[str, Callable[[LogViews, Mapping[str, str]], Json]] = {
    "/api/view/now": LogViews.now,
    "/api/view/story": LogViews.story,
    "/api/view/conversation": LogViews.conversation,
    "/api/view/schedule": LogViews.schedule,
    "/api/view/configuration": LogViews.configuration,
    "/api/view/sessions": LogViews.sessions,
    "/api/view/session": LogViews.session,
    "/api/events": LogViews.event,
}


def whole(query: Mapping[str, str], name: str, default: Any) -> Any:
    """The whole number that a query has by this name, or the default. Raises BadQuestion for what is none."""
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise BadQuestion(f"{name} is no whole number: {text[:40]!r}")
    return int(text)
