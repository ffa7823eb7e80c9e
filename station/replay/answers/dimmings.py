"""Were you dimmed, when, by whom, and obeyed within how long: each limit from outside that was in force, from its event on.

Obeyed are two things: the offer to the vehicles together came within the limit, and the current that the meters read did. The
first is a moment of the log; the second is only known from the next readings on.
"""

from collections.abc import Iterator

from eventstore.catalogue.hardware import MeterObserved
from eventstore.catalogue.lifecycle import DeadlineReached, StationBooted, StationDescribed
from eventstore.catalogue.limits import OutsideLimitChanged
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.transactions import TransactionStopped
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar

KINDS: tuple[type[Event], ...] = (
    OutsideLimitChanged,
    LimitChanged,
    MeterObserved,
    TransactionStopped,
    DeadlineReached,
    StationBooted,
    StationDescribed,
)
METER_TOLERANCE_MA = 500
"""What a vehicle may draw more than it is offered, and a meter read wrong, and the limit still be obeyed."""


class Dimming(Value, frozen=True, kw_only=True):
    """One limit from outside. `certain`: its time was confirmed; `ends_utc_ms` None: it was in force where the log ends.

    `kind`, `source`, `why` as in OutsideLimitChanged. `offered_after_ms` is when all offers together were within it, `measured_after_ms`
    when all currents were, by the first reading that said so; both from the moment on that it was said, and None where the log does not
    tell.
    """

    seq: int
    utc_ms: int
    certain: bool
    ends_utc_ms: int | None
    kind: str
    source: str
    why: str
    max_current_ma: int | None
    max_power_w: int | None
    offered_after_ms: int | None
    measured_after_ms: int | None


class _Open:
    """A limit in force, on the way through the log."""

    def __init__(self, found: Dimming, said_ms: int, limit_ma: int) -> None:
        self.found = found
        self.said_ms = said_ms
        self.limit_ma = limit_ma

    def offered(self, total_ma: int, at_ms: int) -> None:
        if self.found.offered_after_ms is None and total_ma <= self.limit_ma:
            self.found = replace(self.found, offered_after_ms=at_ms - self.said_ms)

    def measured(self, total_ma: int, at_ms: int) -> None:
        if self.found.measured_after_ms is None and total_ma <= self.limit_ma + METER_TOLERANCE_MA:
            self.found = replace(self.found, measured_after_ms=at_ms - self.said_ms)


class _Walk:
    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._described: StationDescribed | None = None
        self._open: dict[tuple[str, str], _Open] = {}
        self._offers: dict[int, int] = {}
        self._currents: dict[int, int] = {}
        self._due: dict[int, int] = {}

    def take(self, recorded: Recorded) -> Iterator[Dimming]:
        """What ends with this event."""
        at_ms = recorded.at_ms
        match recorded.event:
            case StationDescribed() as described:
                self._described = described
            case StationBooted():
                self._offers.clear()
                self._currents.clear()
            case DeadlineReached(due_ms=due_ms):
                self._due = {recorded.seq: due_ms}
            case LimitChanged(connector_id=connector_id, limit_ma=limit_ma):
                self._offers[connector_id] = limit_ma
            case TransactionStopped(connector_id=connector_id):
                self._offers[connector_id] = 0
            case MeterObserved(connector_id=connector_id, current_ma=current_ma) if current_ma:
                self._currents[connector_id] = max(current_ma)
                for held in self._open.values():
                    held.measured(sum(self._currents.values()), at_ms)
            case OutsideLimitChanged() as changed:
                yield from self._change(recorded, changed)
            case _:
                pass
        for held in self._open.values():
            held.offered(sum(self._offers.values()), at_ms)

    def _change(self, recorded: Recorded, changed: OutsideLimitChanged) -> Iterator[Dimming]:
        ended = self._open.pop((changed.kind, changed.source), None)
        utc_ms = self._calendar.utc_ms(recorded)
        if ended is not None:
            yield replace(ended.found, ends_utc_ms=utc_ms)
        if changed.max_current_ma is None and changed.max_power_w is None:
            return
        found = Dimming(
            seq=recorded.seq,
            utc_ms=utc_ms,
            certain=self._calendar.is_certain(recorded.seq),
            ends_utc_ms=None,
            kind=changed.kind,
            source=changed.source,
            why=changed.why,
            max_current_ma=changed.max_current_ma,
            max_power_w=changed.max_power_w,
            offered_after_ms=None,
            measured_after_ms=None,
        )
        said_ms = self._due.get(recorded.cause, recorded.at_ms)
        self._open[changed.kind, changed.source] = _Open(found, said_ms, self._limit_ma(changed))

    def _limit_ma(self, changed: OutsideLimitChanged) -> int:
        """The limit as mA per phase."""
        found = [] if changed.max_current_ma is None else [changed.max_current_ma]
        if changed.max_power_w is not None and self._described is not None:
            found.append(changed.max_power_w * 1000 // (self._described.voltage_v * self._described.phases))
        return min(found, default=0)

    def still_open(self) -> Iterator[Dimming]:
        """What is in force at the end."""
        return (held.found for held in self._open.values())


def dimmings(reader: LogReader, calendar: Calendar, after_seq: int, to_seq: int) -> list[Dimming]:
    """The limits from outside that came into force behind `after_seq` up to `to_seq`, in order."""
    walk = _Walk(calendar)
    found = [each for recorded in reader.recorded(kinds=KINDS) for each in walk.take(recorded)]
    found += walk.still_open()
    return sorted((each for each in found if after_seq < each.seq <= to_seq), key=lambda each: each.seq)
