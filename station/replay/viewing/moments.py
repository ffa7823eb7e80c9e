"""Any moment of a log, one after the other: the states of the last ones are at hand, so that moving on and back is quick."""

from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property

from eventstore.catalogue.lifecycle import StationDescribed
from eventstore.value import Value
from station.page_files import page_version
from station.replay.opening.checkpoints import Checkpoints
from station.replay.opening.errors import BadQuestion
from station.replay.opening.folding import Folded, state_at, state_behind
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, LogPlace, Zone, place_at
from station.replay.proof.verdict import Verdict
from station.replay.viewing.head import head_view
from station.replay.viewing.views import LogViews, whole
from station.views.saying import Json
from station.wire.instants import MAX_UTC_MS, format_utc_ms

AT_HAND = 64
NEAR_EVENTS = 5_000
"""How far behind a state that is at hand another one is folded from it."""
GAP_EVENTS = 1_000
"""How far before a place where no event can be read one is looked for."""
_UTC = Zone("UTC")


class LookedAt(Value, frozen=True, kw_only=True):
    """One moment that was looked at."""

    place: LogPlace
    folded: Folded
    views: LogViews


class LogMoments:
    """The moments of one log; `verdict` is what was found of it, None where nothing was verified."""

    def __init__(
        self, reader: LogReader, calendar: Calendar, checkpoints: Checkpoints | None, verdict: Verdict | None
    ) -> None:
        self._reader, self._calendar = reader, calendar
        self._checkpoints, self._verdict = checkpoints, verdict
        self._at_hand: OrderedDict[LogPlace, LookedAt] = OrderedDict()

    def answer(self, begin: LogPlace, path: str, query: Mapping[str, str]) -> Json | None:
        """What is answered to a request; `begin` is the moment that is meant where it names none. Raises BadQuestion."""
        moment = self.at(self._place(query) or begin)
        head = head_view(self._reader, self._calendar, moment.place, moment.folded, self._verdict)
        head["begin_seq"] = self.begin_seq
        match path:
            case "/api/session":
                return {"login": False, "log": head}
            case "/api/view/head":
                return {"page": page_version(), **head}
            case _:
                return moment.views.view(path, query)

    @cached_property
    def begin_seq(self) -> int:
        """The first event after which there is a station to be shown: at a log's beginning, the one that describes it."""
        if not self._reader.is_complete:
            return self._reader.first_seq
        described = next(self._reader.recorded(kinds=(StationDescribed,)), None)
        return self._reader.head.seq + 1 if described is None else described.seq

    def at(self, place: LogPlace) -> LookedAt:
        """The moment at a place. Raises BadQuestion where states cannot be folded, or the station is not known yet."""
        found = self._at_hand.get(place)
        if place.seq < self.begin_seq:
            raise BadQuestion(f"after event {place.seq} it is not known yet what station this is")
        if found is None:
            folded = self._folded(place.seq)
            views = LogViews(self._reader, self._calendar, place, folded)
            found = self._at_hand[place] = LookedAt(place=place, folded=folded, views=views)
            if len(self._at_hand) > AT_HAND:
                self._at_hand.popitem(last=False)
        self._at_hand.move_to_end(place)
        return found

    def _folded(self, seq: int) -> Folded:
        before = [each for each in self._at_hand.values() if seq - NEAR_EVENTS <= each.place.seq <= seq]
        if not before:
            return state_at(self._reader, seq, self._checkpoints)
        nearest = max(before, key=lambda each: each.place.seq)
        return state_behind(self._reader, nearest.folded, nearest.place.seq, seq)

    def _place(self, query: Mapping[str, str]) -> LogPlace | None:
        """The place that `at` (a seq) or `utc_ms` names; where the event cannot be read, that of the one before."""
        utc_ms, seq = whole(query, "utc_ms", None), whole(query, "at", None)
        if utc_ms is not None:
            text = format_utc_ms(min(utc_ms, MAX_UTC_MS))
            seq = place_at(self._reader, self._calendar, _UTC, text).seq
        if seq is None:
            return None
        if self._reader.first_seq <= seq <= self._reader.head.seq and self._reader.event(seq) is None:
            seq = max((rows[-1].seq for rows in self._reader.rows(max(0, seq - GAP_EVENTS), seq)), default=seq)
        return place_at(self._reader, self._calendar, _UTC, str(seq))
