"""What a page in one file holds: every view at each moment of a range of the log, as differences, and the events that it shows."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from eventstore.event import Event, Illegible, Recorded
from eventstore.value import Value, replace
from projections.station import StationState, evolve
from station.page_files import FILES
from station.replay.opening.checkpoints import Checkpoints
from station.replay.opening.errors import BadQuestion
from station.replay.opening.folding import Folded, filled, state_at
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, LogPlace, Zone, place_at
from station.replay.proof.redeciding import registry_of
from station.replay.proof.verdict import Verdict
from station.replay.viewing.deltas import Series
from station.replay.viewing.head import head_view
from station.replay.viewing.sessions import LEAD, LIST_KINDS, LOOK_BACK, ONE_KINDS, BestKnown
from station.replay.viewing.views import LOOK_BACK as VIEW_BACK
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
from station.views.sessions import KINDS as SESSION_KINDS
from station.views.sessions import WHOLE_KINDS, SessionList, WholeSession, session_view
from station.views.story import kinds, story_view

EVENTS_MAX = 10_000
"""Of one file."""
SESSIONS_MAX = 200
ALL = 1 << 30


class KeptRange(Value, frozen=True, kw_only=True):
    """Events `first_seq` to `last_seq`; the page opens after event `begin_seq`."""

    first_seq: int
    last_seq: int
    begin_seq: int


class Keeping:
    """Goes through a range of a log, event by event."""

    def __init__(
        self,
        reader: LogReader,
        calendar: Calendar,
        asked: KeptRange,
        verdict: Verdict | None,
        checkpoints: Checkpoints | None,
    ) -> None:
        self._reader, self._calendar, self._asked, self._verdict = reader, calendar, asked, verdict
        self._checkpoints = checkpoints
        self._dating = BestKnown(calendar)
        self._series: dict[str, Series] = {}
        self._recent, self._conversation = Recent(), Conversation()
        self._events: dict[int, Recorded] = {}
        self._exchanges: list[tuple[int, Json]] = []
        self._sessions = SessionList(kept=ALL)
        self._whole: dict[int, WholeSession] = {}
        self._flags: dict[int, list[Recorded]] = {}
        self._seqs: list[int] = []
        self._utc_ms: list[int] = []

    def kept(self) -> bytes:
        """What the file holds, as JSON. Raises BadQuestion for a range that cannot be shown."""
        first, last = self._asked.first_seq, self._asked.last_seq
        place = place_at(self._reader, self._calendar, _UTC, str(first))
        folded = state_at(self._reader, first, self._checkpoints)
        if folded.state.description is None:
            raise BadQuestion(f"after event {first} it is not known yet what station this is")
        self._begin(first)
        self._moment(place, folded)
        for recorded in self._reader.recorded(first, last):
            folded = self._folded(folded, recorded)
            self._follow(self._dated(recorded))
            self._moment(self._place(recorded), folded)
        events = list(self._events.values())
        shown = [event for event in events if event.event.NAME in _STORY or isinstance(event.event, Illegible)]
        found = {
            "texts": orjson.loads((FILES / "texts.json").read_bytes()),
            "begin": self._asked.begin_seq,
            "seqs": self._seqs,
            "utc": self._utc_ms,
            "series": {name: series.kept() for name, series in self._series.items()},
            "lines": story_view(shown, self._causes(shown), self._usual(shown)),
            "exchanges": self._exchanges,
            "events": self._frames(),
        }
        return orjson.dumps(found, option=orjson.OPT_NON_STR_KEYS)

    def _begin(self, first: int) -> None:
        """What came before is known where a view looks back on it; of the sessions those that were not over are shown."""
        reader = self._reader
        for recorded in map(self._dated, reader.recorded(max(0, first - 1 - VIEW_BACK), first)):
            self._events.update({recorded.seq: recorded} if recorded.seq == first else {})
            self._look_back(recorded)
        for recorded in reader.recorded(max(0, first - LOOK_BACK), first, LIST_KINDS):
            self._sessions.add(recorded)
        for session in self._sessions.known():
            if not session.settled or session.seq == first:
                self._whole[session.seq] = whole = WholeSession(session.seq)
                for recorded in reader.recorded(max(0, session.seq - LEAD - 1), first, ONE_KINDS):
                    whole.add(self._dated(recorded))
        if first in self._events:
            self._talk(self._events[first])

    def _look_back(self, recorded: Recorded) -> None:
        name = recorded.event.NAME
        if name in RECENT_KINDS:
            self._recent.add(recorded)
        if name in CONVERSATION_KINDS:
            self._conversation.add(recorded)
        self._recent.seq = self._conversation.seq = recorded.seq

    def _follow(self, recorded: Recorded) -> None:
        """One event of the range."""
        self._events[recorded.seq] = recorded
        self._look_back(recorded)
        self._talk(recorded)
        name = recorded.event.NAME
        if name in SESSION_KINDS:
            known = len(self._sessions.known())
            self._sessions.add(recorded)
            if len(self._sessions.known()) > known:
                self._begin_session(recorded)
        if name in WHOLE_KINDS:
            for whole in self._whole.values():
                whole.add(recorded)

    def _begin_session(self, recorded: Recorded) -> None:
        if len(self._whole) >= SESSIONS_MAX:
            raise BadQuestion(f"more than {SESSIONS_MAX} sessions lie in this range: name a shorter one")
        self._whole[recorded.seq] = whole = WholeSession(recorded.seq)
        for before in self._reader.recorded(max(0, recorded.seq - LEAD - 1), recorded.seq - 1, ONE_KINDS):
            whole.add(self._dated(before))

    def _talk(self, recorded: Recorded) -> None:
        found = self._conversation.view(recorded.seq - 1)["exchanges"]
        self._exchanges += [(recorded.seq, exchange) for exchange in found]

    def _folded(self, folded: Folded, recorded: Recorded) -> Folded:
        left_out = folded.left_out + isinstance(recorded.event, Illegible) + recorded.seq - 1 - self._seqs[-1]
        try:
            state = evolve(folded.state, filled(self._reader, recorded))
        except Exception:  # noqa: BLE001  # whatever a fold raises for an event that cannot be: the rest still tells
            return replace(folded, left_out=left_out + 1)
        return replace(folded, state=state, left_out=left_out)

    def _place(self, recorded: Recorded) -> LogPlace:
        return LogPlace(seq=recorded.seq, at_ms=recorded.at_ms, utc_ms=self._calendar.utc_ms(recorded))

    def _moment(self, place: LogPlace, folded: Folded) -> None:
        """All views at one moment."""
        number, state = len(self._seqs), folded.state
        self._seqs.append(place.seq)
        self._utc_ms.append(place.utc_ms)
        recorded = self._events.get(place.seq)
        for name, view in self._views(place, folded, state):
            self._series.setdefault(name, Series()).add(number, view)
        for seq, whole in self._whole.items():
            name = f"session {seq}"
            if whole.session is not None and (
                name not in self._series or recorded is None or recorded.event.NAME in WHOLE_KINDS
            ):
                story = whole.story()
                view = whole.view(self._dating, self._causes(story), self._usual(story))
                self._series.setdefault(name, Series()).add(number, view)

    def _views(self, place: LogPlace, folded: Folded, state: StationState) -> Iterable[tuple[str, Json]]:
        keys = registry_of(state.described.profiles_off).config_keys
        yield "head", self._head(place, folded)
        yield "now", now_view(state, self._recent, Beside(oldest_utc_ms=self._oldest(state)), place.at_ms)
        yield "schedule", schedule_view(state, place.at_ms)
        yield "configuration", configuration_view(state, keys, self._recent.changed)
        yield "open", {"seq": place.seq, "open": self._conversation.view(place.seq)["open"]}
        shown = [session for session in reversed(self._sessions.known()) if session.seq in self._whole]
        sessions = [session_view(session, self._dating) for session in shown]
        yield "sessions", {"seq": place.seq, "first_seq": 1, "sessions": sessions}

    def _head(self, place: LogPlace, folded: Folded) -> Json:
        view = head_view(self._reader, self._calendar, place, folded, self._verdict)
        first, last = self._asked.first_seq, self._asked.last_seq
        is_part = (first, last) != (view["first_seq"], view["last_seq"])
        file = {"first_seq": view["first_seq"], "last_seq": view["last_seq"]}
        return {**view, "first_seq": first, "excerpt": view["excerpt"] or is_part, "file": file}

    def _oldest(self, state: StationState) -> int | None:
        seq = state.outbox.oldest_seq
        oldest = None if seq is None else self._event(seq)
        return None if oldest is None else self._calendar.utc_ms(oldest)

    def _event(self, seq: int) -> Recorded | None:
        if seq not in self._events and not self._reader.is_withheld(seq):
            found = self._reader.event(seq)
            return None if found is None else self._dated(found)
        return self._events.get(seq)

    def _causes(self, events: Iterable[Recorded]) -> Mapping[int, Event]:
        found = {seq: self._event(seq) for seq in {recorded.cause for recorded in events}}
        return {seq: recorded.event for seq, recorded in found.items() if recorded is not None}

    def _usual(self, events: Iterable[Recorded]) -> Usual:
        """What was known before the events of that of which they say it again."""
        first = next((recorded.seq for recorded in events if type(recorded.event) in FLAGS), None)
        if first is None:
            return Usual(())
        if first not in self._flags:
            self._flags[first] = list(self._reader.recorded(until=first - 1, kinds=tuple(FLAGS)))
        return Usual(self._flags[first])

    def _frames(self) -> dict[int, Any]:
        """The events that have the frames of the exchanges, those that are open in the end as well."""
        last = self._conversation.view(self._asked.last_seq)["open"]
        told = [exchange for _, exchange in self._exchanges] + last
        for whole in self._whole.values():
            told += whole.view(self._dating, {}, Usual(()))["messages"] if whole.session is not None else []
        wanted = {seq for exchange in told for seq in (exchange["seq"], exchange["answer_seq"]) if seq}
        found = {}
        for seq in sorted(wanted):
            row = None if self._reader.is_withheld(seq) else self._reader.row_told(seq)
            if row is not None:
                found[seq] = {"seq": seq, "type": row.type, "payload": _plain(without_credentials(row.payload))}
        return found

    def _dated(self, recorded: Recorded) -> Recorded:
        return replace(recorded, utc_ms=self._calendar.utc_ms(recorded))


def _plain(payload: str) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:  # a damaged event, as it lies in the log
        return payload


_UTC = Zone("UTC")
_STORY = kinds(details=True)
