"""Any moment of a log, one after the other: the states of the last ones are at hand, so that moving on and back is quick."""

from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property

from eventstore.catalogue.lifecycle import StationDescribed
from eventstore.value import Value
from station.page_files import page_version
from station.replay.opening.checkpoints import Checkpoints
from station.replay.opening.errors import BadQuestion
from station.replay.opening.folding import Folded, beginning, state_at, state_behind
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar, LogPlace, Zone, place_at
from station.replay.proof.verdict import Verdict
from station.replay.viewing.head import head_view
from station.replay.viewing.views import Download, LogViews, whole
from station.views.saying import Json
from station.wire.instants import MAX_UTC_MS, format_utc_ms

AT_HAND = 64
NEAR_EVENTS = 5_000
"""How far behind a state that is at hand another one is folded from it."""
STRIDE, STRIDES_MAX = 20_000, 200
"""Where no states are kept for another time, one of so many is on the way, and at most so many of them."""
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
        self,
        reader: LogReader,
        calendar: Calendar,
        checkpoints: Checkpoints | None,
        verdict: Verdict | None,
        *,
        at_hand: int = AT_HAND,
        as_station: bool = False,
    ) -> None:
        """`as_station`: folds begin with the states that segments end in whichever version folded them, as those of the station do."""
        self._reader, self._calendar = reader, calendar
        self._checkpoints, self._verdict = checkpoints, verdict
        self._at_hand: OrderedDict[LogPlace, LookedAt] = OrderedDict()
        self._at_hand_max, self._ours_only = at_hand, not as_station
        self._strides: dict[int, Folded] = {}

    def answer(self, begin: LogPlace | None, path: str, query: Mapping[str, str]) -> Json | Download | None:
        """What is answered to a request; `begin` is the moment that is meant where it names none. Raises BadQuestion."""
        moment = self.at(self._place(query) or begin or place_at(self._reader, self._calendar, _UTC, None))
        head = head_view(self._reader, self._calendar, moment.place, moment.folded, self._verdict)
        head["begin_seq"] = self.begin_seq
        match path:
            case "/api/session":
                return {"login": False, "log": head}
            case "/api/view/head":
                return {"page": page_version(), **head}
            case "/api/view/sessions.csv":
                return moment.views.month(query)
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
            if len(self._at_hand) > self._at_hand_max:
                self._at_hand.popitem(last=False)
        self._at_hand.move_to_end(place)
        return found

    def _folded(self, seq: int) -> Folded:
        known = {each.place.seq: each.folded for each in self._at_hand.values()}
        before = max((each for each in known if seq - NEAR_EVENTS <= each <= seq), default=None)
        if before is not None:
            return state_behind(self._reader, known[before], before, seq)
        if self._checkpoints is not None:
            return state_at(self._reader, seq, self._checkpoints)
        return self._in_strides(seq, {**known, **self._strides})

    def _in_strides(self, seq: int, known: Mapping[int, Folded]) -> Folded:
        """From the newest state up to there, the log's own or one that was come by before."""
        state = beginning(self._reader, seq, ours_only=self._ours_only)
        begin = max((each for each in known if state.seq < each <= seq), default=None)
        folded = Folded(state=state, base_seq=state.seq) if begin is None else known[begin]
        after = state.seq if begin is None else begin
        while after < seq:
            until = min(seq, after + STRIDE)
            folded = state_behind(self._reader, folded, after, until)
            after = until
            if after < seq and len(self._strides) < STRIDES_MAX:
                self._strides[after] = folded
        return folded

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
