"""How the lines of the journal are made: with shortened tags, with their reason, counted and folded where they repeat."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.limit_reason import LimitReason
from projections.station import INITIAL, StationState
from station.telling.amounts import duration, plural
from station.telling.causes import reason
from station.telling.levels import level
from station.telling.line import Line
from station.telling.repeats import Count, Held, Repeats
from station.telling.shown import ordinal, shortened, utc
from station.telling.usual import Usual

Lines = Iterator[Line]


class Teller:
    """How lines are made, and what is remembered between them.

    `ended` is why the process before this one ended, "" if it recorded none. `cause` is the observation that led to what is
    logged now, `of_cause` what it led to so far. A link `is_restless` while its losses are not logged any more; it
    `was_connected` until the next attempt begins. `offset_ms` is UTC minus station time, as far as it was logged.
    """

    def __init__(
        self,
        *,
        ended: str = "",
        full_tags: bool = False,
        details: bool = False,
        local: Callable[[int], datetime] = utc,
    ) -> None:
        """`details`: the steps between are logged too. `local` makes UTC the time that people here read."""
        self.ended = ended
        self.full_tags = full_tags
        self.details = details
        self.local = local
        self.repeats = Repeats()
        self.usual = Usual()
        self.state = INITIAL
        self.cause: Event | None = None
        self.of_cause: set[tuple[type[Event], int | None]] = set()
        self.suspended: set[int] = set()
        self.unreadable: set[int] = set()
        self.disk = "ok"
        self.offset_ms: int | None = None
        self.limit_reason: Callable[[StationState, int, int], LimitReason | None] | None = None
        self.is_restless = False
        self.was_connected = False
        self.is_ending = False

    def shown(self, event: Any) -> Any:
        """The event, with its tag as it may be shown."""
        id_tag = None if self.full_tags else getattr(event, "id_tag", None)
        return event if id_tag is None else replace(event, id_tag=shortened(id_tag))

    def line(self, recorded: Recorded, text: str, count: Count | None = None, *, at_level: int | None = None) -> Line:
        """A line of the event's own level; its transaction is the one that it names, or that runs on its connector."""
        event: Any = recorded.event
        place = getattr(event, "connector_id", None)
        number = getattr(event, "number", None)
        if number is None and place and self.state.connectors.has(place):
            number = self.state.connectors[place].transaction_number
        return Line(
            level=level(event) if at_level is None else at_level,
            text=text,
            seq=recorded.seq,
            type=event.NAME,
            connector_id=place,
            transaction_number=number,
            times=1 if count is None else count.times,
        )

    def left_out(self, held: Held) -> Line:
        """What was held back, with how many there were."""
        if held.times == 1:
            return held.line
        times = plural(held.times, "line")
        text = f"{held.line.text} (the last of {times} like it since {self.clock(held.since_utc_ms, held.utc_ms)})"
        return replace(held.line, text=text, times=held.times)

    def clock(self, utc_ms: int, now_utc_ms: int) -> str:
        """ "10:02", with its date where that is another one."""
        then, now = self.local(utc_ms), self.local(now_utc_ms)
        return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"

    def often(self, recorded: Recorded, text: str) -> Lines:
        """A line of a kind that a flood could multiply."""
        line = self.line(recorded, text)
        key = (line.type, line.connector_id)
        if self.repeats.may_tell(key, line, recorded.at_ms, recorded.utc_ms):
            yield line

    def failed(
        self,
        recorded: Recorded,
        text: str,
        key: object = None,
        *,
        due_ms: int | None = None,
        free: int = 1,
        gist: str = "",
    ) -> Lines:
        """A line about something that goes wrong again and again; `due_ms` is when it is tried next.

        `gist` is what makes it another failure than the one before; without it, the text.
        """
        event: Any = recorded.event
        full_key = (event.NAME, getattr(event, "connector_id", None), key)
        count = self.repeats.failed(full_key, gist or text, recorded.at_ms, recorded.utc_ms, free=free)
        if count is None:
            return
        notes = []
        if count.times > 1:
            notes.append(f"the {ordinal(count.times)} time since {self.clock(count.since_utc_ms, recorded.utc_ms)}")
        if due_ms is not None:
            notes.append(f"next try in {duration(max(0, due_ms - recorded.at_ms))}")
        yield self.line(recorded, f"{text}; {', '.join(notes)}" if notes else text, count)

    def why(self, event: Event) -> str:
        """ ", because ..." """
        said = "" if self.cause is None or self.cause is event else reason(event, self.shown(self.cause))
        return f", {said}" if said else ""
