"""The lamp of a connector: red, green and blue, by the status that the station shows, a ChargePointStatus (4.9);
LightIntensity (9.1.11) dims it, BlinkRepeat (9.1.1) says how often it blinks when it answers a tag. Blinking is done by the
board's timers, not by gpiozero's threads.
"""

from collections.abc import Mapping

from msgspec import Struct

from devices.gpio.rack import Handle, Rack
from devices.gpio.sections import IndicatorSection

Colour = tuple[float, float, float]

OFF: Colour = (0.0, 0.0, 0.0)
GREEN: Colour = (0.0, 1.0, 0.0)
RED: Colour = (1.0, 0.0, 0.0)
BLUE: Colour = (0.0, 0.0, 1.0)
YELLOW: Colour = (1.0, 1.0, 0.0)
CYAN: Colour = (0.0, 1.0, 1.0)
MAGENTA: Colour = (1.0, 0.0, 1.0)

BLINK_MS = 300


class Look(Struct, frozen=True, kw_only=True):
    """A colour, and how long it is on and off in turn; 0: it does not blink."""

    colour: Colour
    half_period_ms: int = 0


LOOKS: Mapping[str, Look] = {
    "": Look(colour=OFF),
    "Available": Look(colour=GREEN),
    "Preparing": Look(colour=CYAN, half_period_ms=500),
    "Charging": Look(colour=BLUE),
    "SuspendedEV": Look(colour=BLUE, half_period_ms=1_000),
    "SuspendedEVSE": Look(colour=MAGENTA, half_period_ms=1_000),
    "Finishing": Look(colour=CYAN),
    "Reserved": Look(colour=YELLOW),
    "Unavailable": Look(colour=MAGENTA),
    "Faulted": Look(colour=RED, half_period_ms=250),
}
FAULT = LOOKS["Faulted"]


class RgbIndicator:
    """An `Indicator` that can be dimmed and answers tags. Never needed for safety: a lamp that fails is not reported."""

    def __init__(self, rack: Rack, section: IndicatorSection) -> None:
        from gpiozero import RGBLED

        self._timers = rack.timers
        self._led = RGBLED(
            section.red.pin,
            section.green.pin,
            section.blue.pin,
            active_high=section.red.active == "high",
            pwm=section.dimmable,
            pin_factory=rack.factory,
        )
        self._dimmable = section.dimmable
        self._intensity_percent = 100
        self._blink_repeat = 3
        self._word = ""
        self._look = LOOKS[""]
        self._lit = True
        self._answer: tuple[Colour, int] | None = None
        self._next: Handle | None = None

    def show(self, indicator: str) -> None:
        """See `Indicator.show`."""
        if indicator == self._word:
            return
        self._word = indicator
        self._look = LOOKS.get(indicator, FAULT)
        if self._answer is None:
            self._begin()

    def set_light(self, intensity_percent: int, blink_repeat: int) -> None:
        """LightIntensity and BlinkRepeat, as configured now."""
        self._intensity_percent = max(0, min(100, intensity_percent))
        self._blink_repeat = max(0, blink_repeat)
        self._paint()

    def answer(self, accepted: bool) -> None:
        """Blink as often as BlinkRepeat says, green for yes and red for no; then the status is shown again."""
        self._answer = (GREEN if accepted else RED, 2 * self._blink_repeat)
        self._begin()

    def close(self) -> None:
        """See `Indicator.close`."""
        self._cancel()
        self._led.close()

    def _begin(self) -> None:
        self._lit = self._answer is None
        self._turn()

    def _turn(self) -> None:
        """Show the present phase of the blinking and come back for the next."""
        self._cancel()
        period_ms = self._look.half_period_ms
        if self._answer is not None:
            colour, halves = self._answer
            if halves == 0:
                self._answer = None
                self._begin()
                return
            self._answer = (colour, halves - 1)
            self._lit = halves % 2 == 0
            period_ms = BLINK_MS
        self._paint()
        if period_ms:
            self._next = self._timers.call_at(self._timers.now_ms() + period_ms, self._blink)

    def _blink(self) -> None:
        self._next = None
        if self._answer is None:
            self._lit = not self._lit
        self._turn()

    def _paint(self) -> None:
        colour = self._look.colour if self._answer is None else self._answer[0]
        light = self._intensity_percent / 100 if self._lit else 0.0
        if not self._dimmable:
            light = 1.0 if light else 0.0
        self._led.value = tuple(part * light for part in colour)

    def _cancel(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
