"""When things happened: station time to the best knowledge of UTC, to local time, and what people type back to a place in the log.

A moment recorded while the clock was trusted keeps its UTC; one recorded untrusted takes the first trusted offset of its boot,
or else of the first later boot that had one (`projections.clock`). A moment that never got one is marked with "~".
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from eventstore.catalogue.lifecycle import ClockAdjusted, StationBooted
from eventstore.event import Recorded
from eventstore.value import Value, replace
from station.replay.opening.errors import BadQuestion
from station.replay.opening.reader import LogReader
from station.telling.amounts import DAY_MS, SECOND_MS, duration
from station.wire.instants import MAX_UTC_MS, MIN_UTC_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class Stretch(Value, frozen=True, kw_only=True):
    """Events from `first_seq` on, whose UTC is station time plus `offset_ms`; `certain` unless that was never confirmed.

    `moved_ms` is by how much the station's clock was moved there: 0 where a boot begins.
    """

    first_seq: int
    boot: int
    offset_ms: int
    certain: bool
    moved_ms: int = 0


class Calendar:
    """The UTC of every event of a log."""

    def __init__(self, events: Iterable[Recorded]) -> None:
        """`events` are the log's StationBooted and ClockAdjusted, in order."""
        found: list[Stretch] = []
        first_trusted: dict[int, int] = {}
        boot, before_ms = 0, None
        for recorded in events:
            moved_ms = 0
            match recorded.event:
                case StationBooted(boot=boot, offset_ms=offset_ms, clock_trusted=trusted):
                    pass
                case ClockAdjusted(offset_ms=offset_ms, trusted=trusted):
                    moved_ms = 0 if before_ms is None else offset_ms - before_ms
                case _:
                    continue
            before_ms = offset_ms
            found.append(
                Stretch(first_seq=recorded.seq, boot=boot, offset_ms=offset_ms, certain=trusted, moved_ms=moved_ms)
            )
            if trusted:
                first_trusted.setdefault(boot, offset_ms)
        self.stretches = tuple(_corrected(stretch, first_trusted) for stretch in found)
        self._firsts = [stretch.first_seq for stretch in self.stretches]

    def stretch(self, seq: int) -> Stretch | None:
        """The stretch that an event lies in; None for an excerpt that begins before its first boot."""
        place = bisect_right(self._firsts, seq)
        return self.stretches[place - 1] if place else None

    def utc_ms(self, recorded: Recorded) -> int:
        """The best knowledge of an event's UTC."""
        return self.utc_of(recorded.seq, recorded.at_ms, recorded.utc_ms)

    def utc_of(self, seq: int, at_ms: int, believed_ms: int | None = None) -> int:
        """The best knowledge of the UTC of station time `at_ms`, at the event `seq`."""
        stretch = self.stretch(seq)
        if stretch is not None:
            return within_calendar(at_ms + stretch.offset_ms)
        return within_calendar(at_ms if believed_ms is None else believed_ms)

    def is_certain(self, seq: int) -> bool:
        """Whether the clock was trusted, or corrected later."""
        stretch = self.stretch(seq)
        return stretch is None or stretch.certain

    def boot(self, seq: int) -> int:
        """The number of the boot that an event belongs to; 0 if it stands before any."""
        stretch = self.stretch(seq)
        return 0 if stretch is None else stretch.boot


def within_calendar(utc_ms: int) -> int:
    """The moment, or the end of the calendar that it lies behind, a day away from it in every time zone."""
    return min(max(utc_ms, MIN_UTC_MS + DAY_MS), MAX_UTC_MS - DAY_MS)


def _corrected(stretch: Stretch, first_trusted: dict[int, int]) -> Stretch:
    if stretch.certain:
        return stretch
    known = min((boot for boot in first_trusted if boot >= stretch.boot), default=None)
    if known is None:
        return stretch
    return replace(stretch, offset_ms=first_trusted[known], certain=True)


def calendar_of(reader: LogReader) -> Calendar:
    """The calendar of a log."""
    return Calendar(reader.recorded(kinds=(StationBooted, ClockAdjusted)))


class Zone:
    """A time zone in which people read; `name` "" is that of this machine."""

    def __init__(self, name: str = "") -> None:
        """Raises BadQuestion for a name that is none."""
        self._zone = _zone(name) if name else None
        self.name = name or "local time"

    def local(self, utc_ms: int) -> datetime:
        """The moment in this zone."""
        return _local(utc_ms, self._zone)

    def text(self, utc_ms: int, *, certain: bool = True) -> str:
        """ "2026-01-01 13:04:05.678"; "~" behind it marks a time that nobody confirmed."""
        return f"{self.local(utc_ms):%Y-%m-%d %H:%M:%S}.{utc_ms % 1000:03d}{'' if certain else '~'}"

    def short(self, utc_ms: int) -> str:
        """ "2026-01-01 13:04:05"."""
        return f"{self.local(utc_ms):%Y-%m-%d %H:%M:%S}"

    def clock(self, utc_ms: int) -> str:
        """ "13:04"."""
        return f"{self.local(utc_ms):%H:%M}"

    def moment(self, utc_ms: int, now_utc_ms: int) -> str:
        """ "13:04", with its date where that is another one than now's."""
        then, now = self.local(utc_ms), self.local(now_utc_ms)
        return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"

    def offset(self, utc_ms: int) -> str:
        """ "+01:00"."""
        text = f"{self.local(utc_ms):%z}"
        return f"{text[:3]}:{text[3:5]}"

    def parse(self, text: str) -> int:
        """UTC in ms of a date, or of a date and time, in this zone unless it names an offset. Raises BadQuestion."""
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError as error:
            raise BadQuestion(f"{text!r} is no time: expected e.g. 2026-01-01T13:04:05 or 2026-01-01") from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone) if self._zone else moment.astimezone()
        return (moment - _EPOCH) // _MS


@lru_cache(maxsize=4096)
def _local(utc_ms: int, zone: tzinfo | None) -> datetime:
    return (_EPOCH + within_calendar(utc_ms) // SECOND_MS * SECOND_MS * _MS).astimezone(zone)


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadQuestion(f"{name!r} is no time zone: expected e.g. Europe/Berlin or UTC") from error


class LogPlace(Value, frozen=True, kw_only=True):
    """A moment of a log: the last event not after it, its station time and its UTC.

    `behind_ms`: how long after the last event of the log it lies; the log says nothing of that time.
    """

    seq: int
    at_ms: int
    utc_ms: int
    behind_ms: int = 0

    @property
    def caution(self) -> str:
        """What must be said of a state at this place; "" mostly."""
        return f"the log ends {duration(self.behind_ms)} before this moment" if self.behind_ms else ""


def place_at(reader: LogReader, calendar: Calendar, zone: Zone, text: str | None) -> LogPlace:
    """The place that someone means by a sequence number or a time; None is the end of the log.

    Raises BadQuestion for what lies before the first event, or behind the last sequence number.
    """
    if text is None or text.strip().isdecimal():
        seq = reader.head.seq if text is None else int(text)
        recorded = reader.event(seq)
        if recorded is None:
            raise BadQuestion(f"there is no event {seq}: the log has {reader.first_seq} to {reader.head.seq}")
        return LogPlace(seq=seq, at_ms=recorded.at_ms, utc_ms=calendar.utc_ms(recorded))
    utc_ms = zone.parse(text)
    seq = seq_by_utc(reader, calendar, utc_ms)
    if seq < reader.first_seq or not seq:
        raise BadQuestion(f"{text} lies before the first event of the log")
    recorded = reader.event(seq)
    stretch = calendar.stretch(seq)
    at_ms = utc_ms - (0 if stretch is None else stretch.offset_ms)
    behind_ms = 0
    if recorded is not None and seq == reader.head.seq:
        behind_ms = max(0, utc_ms - calendar.utc_ms(recorded))
    at_ms = max(at_ms, 0 if recorded is None else recorded.at_ms)
    return LogPlace(seq=seq, at_ms=at_ms, utc_ms=utc_ms, behind_ms=behind_ms)


def bounds(
    reader: LogReader, calendar: Calendar, zone: Zone, from_text: str | None, to_text: str | None
) -> tuple[int, int]:
    """The range that two sequence numbers or times name, both included, as (after_seq, to_seq). Raises BadQuestion."""
    after_seq, to_seq = 0, reader.head.seq
    if from_text is not None:
        is_seq = from_text.strip().isdecimal()
        after_seq = int(from_text) - 1 if is_seq else seq_by_utc(reader, calendar, zone.parse(from_text) - 1)
    if to_text is not None:
        is_seq = to_text.strip().isdecimal()
        to_seq = int(to_text) if is_seq else seq_by_utc(reader, calendar, zone.parse(to_text))
    if from_text is not None and to_text is not None and after_seq > to_seq:
        raise BadQuestion(f"nothing lies between {from_text} and {to_text}")
    return max(0, after_seq), to_seq


def seq_by_utc(reader: LogReader, calendar: Calendar, utc_ms: int) -> int:
    """The last event not after this moment; 0 if there is none."""
    last = reader.head.seq
    for stretch in reversed(calendar.stretches):
        found = reader.last_before(utc_ms - stretch.offset_ms, stretch.first_seq, last)
        if found >= stretch.first_seq:
            return found
        last = stretch.first_seq - 1
    found = reader.last_before(utc_ms, reader.first_seq, last) if not calendar.stretches else 0
    return max(0, found)
