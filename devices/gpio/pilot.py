"""The control pilot of one connector: the duty that is driven, and the state A to F that the level says.

Theory of operation. A sense gives the extremes of the level, `iec61851.pilot_state_from_mv` makes a state of them with hysteresis
and the diode check, and `debounce` lets it count once it has lasted `hold_ms`. While the pilot is driven steady there is nothing
to check the diode with, and a level that changes during a measurement would look like one that alternates: then only the
positive extreme is used.

Annex A of IEC 61851-1 gives the station 100 ms to open when a vehicle leaves C or D; `reaction_ms` is what a wiring needs at worst
before it knows. A level that cannot be read any more is a failure after `STALE_MS`: who does not see the vehicle must not
deliver. A pilot that is driven steady before an open contactor offers nothing: then the level is read less often, is given more
time, and is the same all the time, so that a few conversions tell it. While a vehicle is to let go the pilot is steady, too, but the
contactor is still closed: the limits run on.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from devices.debounce import Debounced, DebounceRule, first_seen, seen
from devices.gpio.adc import SPAN_US, AdcChannel, extremes, scaled
from devices.gpio.lines import InputPin, StableLevel
from devices.gpio.pilot_output import PilotOutput
from devices.gpio.rack import Handle, Poller, Rack
from devices.gpio.sections import PilotSection
from devices.gpio.values import InputLine
from devices.iec61851 import pilot_state_from_mv
from devices.readings import DUTY_FAULT_PERMILLE, DUTY_STEADY_PERMILLE

STALE_MS = 500
IDLE_STALE_MS = 2_000
STEADY_CONVERSIONS = 3
REACTION_MAX_MS = 100
_COMPARATORS = (
    ("above_10500_mv", 12_000),
    ("above_7500_mv", 9_000),
    ("above_4500_mv", 6_000),
    ("above_1500_mv", 3_000),
)
_NO_REREAD_MS = 1 << 40

Levels = tuple[int, int]
"""The positive and the negative extreme, in mV."""


class Pilot:
    """The `ControlPilot` of a wiring. `sense` makes a state of what `output` drives."""

    def __init__(self, output: PilotOutput, sense: "Sense") -> None:
        self._output = output
        self._sense = sense
        self._duty_permille = DUTY_STEADY_PERMILLE

    @property
    def duty_permille(self) -> int:
        """The duty that is really set."""
        return self._duty_permille

    def set_duty(self, duty_permille: int) -> int:
        """See `ControlPilot.set_duty`. Raises OSError, or what the pin factory raises."""
        self._duty_permille = self._output.set_permille(duty_permille)
        self._sense.steady = self._duty_permille in {DUTY_STEADY_PERMILLE, DUTY_FAULT_PERMILLE}
        return self._duty_permille

    def watch(self, *, loaded: bool) -> None:
        """The contactor is commanded to be closed (`loaded`) or open."""
        self._sense.loaded = loaded

    def on_state(self, report: Callable[[str], None]) -> None:
        """See `ControlPilot.on_state`."""
        self._sense.on_state(report)

    def on_failure(self, report: Callable[[str | None], None]) -> None:
        """Report why the level cannot be read, None once it can again."""
        self._sense.on_failure(report)

    def close(self) -> None:
        """See `ControlPilot.close`."""
        self._sense.close()
        self._output.close()


class Sense(Protocol):
    """Who reads the level."""

    steady: bool
    """Whether the pilot is driven steady now."""
    loaded: bool
    """Whether the contactor is commanded to be closed."""

    def on_state(self, report: Callable[[str], None]) -> None:
        """Report the present state, then each change."""
        ...

    def on_failure(self, report: Callable[[str | None], None]) -> None:
        """Report why the level cannot be read, None once it can again."""
        ...

    def close(self) -> None:
        """Report nothing more."""
        ...


class AdcSense:
    """The level through a converter: `channels` are the positive and, if there is one, the negative peak."""

    def __init__(self, rack: Rack, section: PilotSection, poller: Poller, channels: tuple[AdcChannel, ...]) -> None:
        self.steady = True
        self.loaded = False
        self._rack = rack
        self._section = section
        self._poller = poller
        self._channels = channels
        self._rule: DebounceRule[str] = DebounceRule(hold_ms=section.hold_ms, reread_ms=_NO_REREAD_MS)
        self._raw: str | None = None
        self._state: Debounced[str] | None = None
        self._report: Callable[[str], None] | None = None
        self._report_failure: Callable[[str | None], None] | None = None
        self._read_at_ms = rack.timers.now_ms()
        self._failed = False
        self._check: Handle | None = None

    def on_state(self, report: Callable[[str], None]) -> None:
        """See `Sense.on_state`. The first measurement is made here, and blocks as long as it takes."""
        self._report = report
        self._deliver(self.levels())
        self._poller.every(self._period_ms, self.levels, self._deliver)
        self._arm()

    def on_failure(self, report: Callable[[str | None], None]) -> None:
        """See `Sense.on_failure`."""
        self._report_failure = report

    def levels(self) -> Levels:
        """One measurement, in mV. Blocks. Raises what the bus raises."""
        if self._section.sense == "extremes" and self.steady:
            codes = [self._channels[0].read() for _ in range(STEADY_CONVERSIONS)]
            levels = (self._mv(max(codes)), self._mv(min(codes)))
        elif self._section.sense == "extremes":
            high, low = extremes(self._channels[0].read, self._poller.pace)
            levels = (self._mv(high), self._mv(low))
        else:
            peaks = [self._mv(channel.read()) for channel in self._channels]
            levels = (peaks[0], peaks[-1])
        return max(levels), min(levels)

    def close(self) -> None:
        """See `Sense.close`."""
        self._report = self._report_failure = None
        if self._check is not None:
            self._check.cancel()
        for channel in self._channels:
            channel.close()

    def _mv(self, code: int) -> int:
        full = self._channels[0].full_scale
        return scaled(code, full, zero_mv=self._section.zero_mv, full_mv=self._section.full_mv)

    def _period_ms(self) -> int:
        """Often while the limits of the standard run, that is while a current is offered or may flow."""
        return self._section.idle_period_ms if self._is_idle else self._section.period_ms

    @property
    def _is_idle(self) -> bool:
        return self.steady and not self.loaded

    def _deliver(self, levels: Levels | None) -> None:
        if levels is None or self._report is None:
            return
        at_ms = self._rack.timers.now_ms()
        self._read_at_ms = at_ms
        high_mv, low_mv = levels
        self._raw = pilot_state_from_mv(high_mv, high_mv if self.steady else low_mv, self._raw)
        before = self._state
        self._state = seen(before, self._rule, self._raw, at_ms) if before else first_seen(self._raw, at_ms)
        if before is None or before.stable != self._state.stable:
            self._report(self._state.stable)
        self._fail(failed=False)

    def _arm(self) -> None:
        self._check = self._rack.timers.call_at(self._rack.timers.now_ms() + STALE_MS, self._look)

    def _look(self) -> None:
        stale_ms = IDLE_STALE_MS if self._is_idle else STALE_MS
        self._fail(failed=self._rack.timers.now_ms() - self._read_at_ms > stale_ms)
        self._arm()

    def _fail(self, *, failed: bool) -> None:
        if failed != self._failed and self._report_failure is not None:
            self._failed = failed
            self._report_failure("the pilot's level cannot be read" if failed else None)


class ComparatorSense:
    """The level as comparator lines say it, behind a peak-hold so that they stand still while the pilot alternates."""

    def __init__(self, rack: Rack, section: PilotSection) -> None:
        self._steady = True
        self.loaded = False
        self._rack = rack
        self._rule: DebounceRule[str] = DebounceRule(hold_ms=section.hold_ms, reread_ms=rack.reread_ms)
        self._lines: list[tuple[InputPin, int]] = []
        for name, level_mv in _COMPARATORS:
            line: InputLine = getattr(section, name)
            self._lines.append((InputPin(rack.factory, line), level_mv))
        negative = section.below_minus_10500_mv
        self._negative = None if negative is None else InputPin(rack.factory, negative)
        self._raw: str | None = None
        self._level: StableLevel[str] | None = None

    @property
    def steady(self) -> bool:
        """See `Sense.steady`. Once it changes the same lines may mean another state."""
        return self._steady

    @steady.setter
    def steady(self, steady: bool) -> None:
        if steady != self._steady:
            self._steady = steady
            self._see()

    def on_state(self, report: Callable[[str], None]) -> None:
        """See `Sense.on_state`."""
        self._level = StableLevel(self._rule, self._rack.timers, self._state, report)
        for pin in self._pins():
            pin.on_edge(lambda *_: self._rack.hand_over(partial(self._see)))

    def on_failure(self, report: Callable[[str | None], None]) -> None:
        """See `Sense.on_failure`: lines can always be read."""

    def close(self) -> None:
        """See `Sense.close`."""
        if self._level is not None:
            self._level.close()
        for pin in self._pins():
            pin.close()

    def _pins(self) -> tuple[InputPin, ...]:
        pins = tuple(pin for pin, _ in self._lines)
        return pins if self._negative is None else (*pins, self._negative)

    def _see(self) -> None:
        if self._level is not None:
            self._level.see(self._state())

    def _state(self) -> str:
        above = [level_mv for pin, level_mv in self._lines if pin.is_active()]
        # A line above one that is not active makes no sense: broken, and reported as E.
        sound = len(above) == 0 or above == [level_mv for _, level_mv in self._lines][-len(above) :]
        negative = self._negative is not None and self._negative.is_active()
        # While it alternates, a positive half that reaches no line is E; only a steady -12 V is F.
        lowest_mv = -12_000 if negative and self.steady else 0
        high_mv = max(above, default=lowest_mv) if sound else 0
        low_mv = high_mv if self.steady or self._negative is None else (-12_000 if negative else 0)
        self._raw = pilot_state_from_mv(high_mv, low_mv, self._raw)
        return self._raw


def reaction_ms(section: PilotSection, beside: int = 0) -> int:
    """What at worst passes from the vehicle's edge to a known state; `beside`: how many others the converter measures."""
    if section.sense == "comparators":
        return section.hold_ms
    period_ms = section.period_ms
    if section.sense == "extremes":
        period_ms = max(period_ms, (SPAN_US // 1_000 + 1) * (beside + 1))
    # The edge falls into one measurement, which may still show the old level, and the new one lasts for `hold_ms`.
    return period_ms * (2 + -(-section.hold_ms // period_ms))
