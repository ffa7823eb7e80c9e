"""The proximity contact of a socket: whether a plug is in, and the rating that its resistor states (IEC 61851-1, annex B)."""

from collections.abc import Callable

from devices.debounce import Debounced, DebounceRule, first_seen, seen
from devices.gpio.adc import AdcChannel
from devices.gpio.lines import Contact
from devices.gpio.rack import Poller, Rack
from devices.gpio.sections import ProximitySection
from devices.iec61851 import cable_rating_ma_from_ohm

_NO_REREAD_MS = 1 << 40
OPEN_OHM = 1_000_000
"""What no resistor of a cable has; stands for an open contact."""


class ResistorProximity:
    """A `ProximityPilot` that measures the resistor: a divider with a pull-up to the converter's reference."""

    def __init__(self, rack: Rack, section: ProximitySection, poller: Poller, channel: AdcChannel) -> None:
        self._rack = rack
        self._section = section
        self._poller = poller
        self._channel = channel
        self._rule: DebounceRule[str] = DebounceRule(hold_ms=section.hold_ms, reread_ms=_NO_REREAD_MS)
        self._state: Debounced[str] | None = None
        self._report: Callable[[int | None], None] | None = None

    def on_rating(self, report: Callable[[int | None], None]) -> None:
        """See `ProximityPilot.on_rating`. The first measurement is made here."""
        self._report = report
        self._deliver(self.resistance_ohm())
        self._poller.every(lambda: self._section.period_ms, self.resistance_ohm, self._deliver)

    def resistance_ohm(self) -> int:
        """The resistor from the contact to protective earth. Blocks. Raises what the bus raises."""
        code, full = self._channel.read(), self._channel.full_scale
        return OPEN_OHM if code == full else min(OPEN_OHM, self._section.pull_up_ohm * code // (full - code))

    def close(self) -> None:
        """See `ProximityPilot.close`."""
        self._report = None
        self._channel.close()

    def _deliver(self, resistance_ohm: int | None) -> None:
        if resistance_ohm is None or self._report is None:
            return
        rating_ma = cable_rating_ma_from_ohm(resistance_ohm)
        level = "" if rating_ma is None else str(rating_ma)
        at_ms = self._rack.timers.now_ms()
        before = self._state
        self._state = seen(before, self._rule, level, at_ms) if before else first_seen(level, at_ms)
        if before is None or before.stable != self._state.stable:
            self._report(int(self._state.stable) if self._state.stable else None)


class ContactProximity:
    """A `ProximityPilot` that knows only that a plug is in; every cable is taken to have the same rating."""

    def __init__(self, contact: Contact, rating_ma: int) -> None:
        self._contact = contact
        self._rating_ma = rating_ma

    def on_rating(self, report: Callable[[int | None], None]) -> None:
        """See `ProximityPilot.on_rating`."""
        self._contact.on_level(lambda plugged: report(self._rating_ma if plugged else None))

    def close(self) -> None:
        """See `ProximityPilot.close`."""
        self._contact.close()
