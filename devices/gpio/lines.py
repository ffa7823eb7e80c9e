"""Single lines on gpiozero: outputs that begin inactive, inputs that are debounced by the kernel or by us.

Where the kernel debounces, what it says has lasted. Other back ends swallow edges or lose the trailing edge of a bounce: so edges are
handed over as levels, `debounce` decides, and every input is read again periodically.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Generic

from devices.debounce import Debounced, DebounceRule, Level, due_ms, first_seen, seen
from devices.gpio.rack import Handle, Rack, Timers
from devices.gpio.values import InputLine, OutputLine


class StableLevel(Generic[Level]):
    """The debounced level of something that can be read: reports the present level, then each change."""

    def __init__(
        self, rule: DebounceRule[Level], timers: Timers, read: Callable[[], Level], report: Callable[[Level], None]
    ) -> None:
        self._rule: DebounceRule[Level] = rule
        self._timers = timers
        self._read: Callable[[], Level] = read
        self._report: Callable[[Level], None] = report
        self._handle: Handle | None = None
        self._closed = False
        self._state: Debounced[Level] = first_seen(read(), timers.now_ms())
        report(self._state.stable)
        self._arm()

    @property
    def stable(self) -> Level:
        """The level that counts."""
        return self._state.stable

    def see(self, level: Level) -> None:
        """The level is this now."""
        if self._closed:
            return
        before = self._state.stable
        self._state = seen(self._state, self._rule, level, self._timers.now_ms())
        self._arm()
        if self._state.stable != before:
            self._report(self._state.stable)

    def close(self) -> None:
        """Report nothing more."""
        self._closed = True
        if self._handle is not None:
            self._handle.cancel()

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._timers.call_at(due_ms(self._state, self._rule), self._reread)

    def _reread(self) -> None:
        self.see(self._read())


class Contact:
    """An input line as a `FaultInput`: whether it is active. `urgent` levels count at once."""

    def __init__(self, rack: Rack, line: InputLine, urgent: tuple[bool, ...] = ()) -> None:
        self._rack = rack
        # An urgent level must not wait: then we debounce the other one ourselves.
        self._pin = InputPin(rack.factory, line, kernel_holds=not urgent)
        self._rule = DebounceRule(hold_ms=self._pin.hold_ms, reread_ms=rack.reread_ms, urgent=urgent)
        self._level: StableLevel[bool] | None = None

    def on_level(self, report: Callable[[bool], None]) -> None:
        """See `FaultInput.on_level`."""
        level = StableLevel(self._rule, self._rack.timers, self._pin.is_active, report)
        self._level = level
        self._pin.on_edge(lambda active, _: self._rack.hand_over(partial(level.see, active)))

    @property
    def raw(self) -> bool:
        """The level at this moment, bouncing or not."""
        return self._pin.is_active()

    @property
    def active(self) -> bool:
        """The level that counts; before `on_level` the present one."""
        return self._pin.is_active() if self._level is None else self._level.stable

    def close(self) -> None:
        """See `FaultInput.close`."""
        self._pin.close()
        if self._level is not None:
            self._level.close()


class InputPin:
    """One gpiozero input. `hold_ms` is what is left for us to debounce.

    With `kernel_holds` the pins' back end debounces, if it can: then neither a level nor an edge shows before it has lasted.
    """

    def __init__(self, factory: Any, line: InputLine, *, kernel_holds: bool = False) -> None:
        from gpiozero import DigitalInputDevice

        pull_up = {"up": True, "down": False, "none": None}[line.pull]
        self._device = DigitalInputDevice(
            line.pin, pull_up=pull_up, active_state=True if pull_up is None else None, pin_factory=factory
        )
        self._factory = factory
        self._active_high = line.active == "high"
        self._call: Callable[[bool, int], None] | None = None
        self.hold_ms = line.hold_ms
        if kernel_holds and line.hold_ms and getattr(factory, "debounces", False):
            self._device.pin.bounce = line.hold_ms / 1_000
            self.hold_ms = 0

    def is_active(self) -> bool:
        """Whether the line is active now."""
        return bool(self._device.pin.state) == self._active_high

    def on_edge(self, call: Callable[[bool, int], None]) -> None:
        """Call it at each edge, on a thread of the back end's: whether the line became active, and how many ms ago that was."""
        self._call = call
        self._device.pin.when_changed = self._changed

    def _changed(self, ticks: Any, state: Any) -> None:
        age_s = self._factory.ticks_diff(self._factory.ticks(), ticks)
        if self._call is not None:
            self._call(bool(state) == self._active_high, max(0, round(age_s * 1_000)))

    def close(self) -> None:
        """Release the pin. A second call does nothing."""
        self._device.close()


class OutputPin:
    """One gpiozero output, inactive until it is set."""

    def __init__(self, factory: Any, line: OutputLine) -> None:
        from gpiozero import DigitalOutputDevice

        self._device = DigitalOutputDevice(
            line.pin, active_high=line.active == "high", initial_value=False, pin_factory=factory
        )

    @property
    def active(self) -> bool:
        """Whether the pin is at its active level; False once it was closed."""
        return not self._device.closed and bool(self._device.value)

    def set(self, active: bool) -> None:
        """Drive the pin; nothing once it was closed."""
        if not self._device.closed:
            self._device.value = active

    def close(self) -> None:
        """Drive it inactive and release it. A second call does nothing."""
        self.set(False)
        self._device.close()
