"""Station time and UTC.

One axis, station time, never decreases. UTC is station time plus an offset, which is a fact of the log. A moment that
was recorded while the clock was trusted keeps its UTC for ever; one recorded untrusted takes the first trusted offset
of its boot, or, if that boot never got one, of the first later boot that did.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.lifecycle import ClockAdjusted, StationBooted
from eventstore.catalogue.link import DeliveryRecovered
from eventstore.catalogue.transactions import Moment
from eventstore.event import Event, Recorded
from eventstore.persistent import Map
from eventstore.value import Value, replace

BOOTS_REMEMBERED = 64
CALENDAR_AGREES_MS = 60_000
"""How far the board's calendar may be from a CSMS that so confirms it: the clocks of boards drift, wrong ones are far off."""


class Clock(Value, frozen=True, kw_only=True):
    """The offset in force, whether it is trusted ("NTP", "CSMS") or not ("board"), and the trusted ones of past boots.

    `calendar_offset_ms` is what the board's own calendar said last, trusted or not (None: not known).
    """

    boot: int = 0
    installation: str = ""
    offset_ms: int = 0
    trusted: bool = False
    source: str = ""
    first_trusted: Map[int, int] = Map()
    calendar_offset_ms: int | None = None

    @property
    def is_calendar_confirmed(self) -> bool:
        """Whether somebody who knows has confirmed the board's calendar: it is NTP's, or the CSMS agrees with it."""
        if not self.trusted or self.calendar_offset_ms is None:
            return False
        return self.source == "NTP" or abs(self.offset_ms - self.calendar_offset_ms) <= CALENDAR_AGREES_MS

    def utc_ms(self, at_ms: int) -> int:
        """UTC of a moment of this boot, as believed now."""
        return at_ms + self.offset_ms

    def at_ms(self, utc_ms: int) -> int:
        """Station time of a calendar moment, as believed now."""
        return utc_ms - self.offset_ms

    def moment(self, at_ms: int) -> Moment:
        """The moment as an event keeps it."""
        return Moment(at_ms=at_ms, boot=self.boot, utc_ms=self.utc_ms(at_ms) if self.trusted else None)

    def utc_of(self, moment: Moment) -> int:
        """The best knowledge of a moment's UTC."""
        if moment.utc_ms is not None:
            return moment.utc_ms
        if moment.boot in self.first_trusted:
            return moment.at_ms + self.first_trusted[moment.boot]
        later = min((boot for boot in self.first_trusted if boot > moment.boot), default=None)
        return moment.at_ms + (self.offset_ms if later is None else self.first_trusted[later])


def _trust(clock: Clock) -> Clock:
    if not clock.trusted or clock.boot in clock.first_trusted:
        return clock
    remembered = clock.first_trusted.set(clock.boot, clock.offset_ms)
    if len(remembered) > BOOTS_REMEMBERED:
        remembered = remembered.delete(min(remembered))
    return replace(clock, first_trusted=remembered)


def _on_boot(clock: Clock, event: StationBooted, recorded: Recorded, _: Clock) -> Clock:
    return _trust(
        replace(
            clock,
            boot=event.boot,
            installation=event.installation,
            offset_ms=event.offset_ms,
            trusted=event.clock_trusted,
            source="NTP" if event.clock_trusted else "board",
            calendar_offset_ms=event.offset_ms,
        )
    )


def _on_adjusted(clock: Clock, event: ClockAdjusted, recorded: Recorded, _: Clock) -> Clock:
    calendar_ms = clock.calendar_offset_ms if event.source == "CSMS" else event.offset_ms
    return _trust(
        replace(
            clock,
            offset_ms=event.offset_ms,
            trusted=event.trusted,
            source=event.source,
            calendar_offset_ms=calendar_ms,
        )
    )


def _on_recovered(clock: Clock, event: DeliveryRecovered, recorded: Recorded, _: Clock) -> Clock:
    # What is lost may have had more boots: message ids must differ from theirs, so the next boot takes another name.
    return clock if event.boot < clock.boot else replace(clock, boot=event.boot, installation="")


FOLDS: Mapping[type[Event], Callable[[Clock, Any, Recorded, Clock], Clock]] = {
    StationBooted: _on_boot,
    ClockAdjusted: _on_adjusted,
    DeliveryRecovered: _on_recovered,
}
