"""gpiozero's pins on the kernel's GPIO character device, by the kernel maintainers' own binding `gpiod` (2.x).

A pin holds one line request from its first use until it is closed; while it does, nobody else can have the line. Changes of direction, pull,
debounce and edges are one call each, so that an output never shows a level in between. The kernel debounces inputs and says when
each edge was; `EdgeThread` hands the edges over. What a request cannot do alone, dimming and SPI, is done beside it.
"""

import errno
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from threading import RLock
from typing import Any

import gpiod
from gpiod.line import Bias, Direction, Value
from gpiod.line import Edge as EdgeKind
from gpiozero import PinFixedPull, PinInvalidBounce, PinInvalidFunction, PinInvalidPull, PinPWMFixedValue, PinSetInput
from gpiozero.pins.local import LocalPiFactory, LocalPiSoftwareSPI, LocalPiSoftwareSPIShared
from gpiozero.pins.pi import PiFactory, PiPin

from devices.gpio.chips import FoundChip, chip_paths, header_chip
from devices.gpio.edges import Edge, EdgeThread
from devices.gpio.header import FORTY_PINS
from devices.gpio.soft_pwm import SoftPwm

CONSUMER = "chargebox"
QUEUE_EDGES = 256
"""Edges that the kernel keeps for a line until they are fetched: more than a Wiegand frame has."""
_PULLS = {"up": Bias.PULL_UP, "down": Bias.PULL_DOWN, "floating": Bias.DISABLED}
_EDGES = {"both": EdgeKind.BOTH, "rising": EdgeKind.RISING, "falling": EdgeKind.FALLING}
_RELEASED = gpiod.LineSettings(direction=Direction.INPUT)
"""An input with the pull that it had: what a pin is before software runs, if nobody set its pull."""


class GpiodFactory(PiFactory):  # type: ignore[misc]  # gpiozero has no type hints
    """gpiozero's pin factory for the header of a Raspberry Pi.

    `debounces`: an input may leave debouncing to `Pin.bounce`. `open_chip` and `paths` stand in for the kernel's chips. Raises OSError if
    the header's chip is not there or may not be used.
    """

    debounces = True
    ticks = staticmethod(LocalPiFactory.ticks)
    ticks_diff = staticmethod(LocalPiFactory.ticks_diff)

    def __init__(
        self,
        open_chip: Callable[[str], Any] = gpiod.Chip,
        paths: Sequence[str] | None = None,
        *,
        threaded: bool = True,
    ) -> None:
        super().__init__()
        self.pin_class = GpiodPin
        self._open_chip = open_chip
        self.chip: FoundChip = header_chip(open_chip, chip_paths() if paths is None else paths)
        self.edges = EdgeThread(threaded=threaded)
        self.lamps = SoftPwm(self.ticks)

    def close(self) -> None:
        """Release every line and end the threads."""
        super().close()
        self.lamps.close()
        self.edges.close()

    def request(self, offset: int, settings: gpiod.LineSettings) -> Any:
        """Take the line. Raises OSError, with who has it if somebody else does."""
        with self._open_chip(self.chip.path) as chip:
            try:
                return chip.request_lines({offset: settings}, consumer=CONSUMER, event_buffer_size=QUEUE_EDGES)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise OSError(error.errno, f"GPIO{offset}: {error.strerror}") from error
                owner = chip.get_line_info(offset).consumer or "the kernel"
                raise OSError(errno.EBUSY, f"GPIO{offset} is in use by {owner}") from error

    def _get_revision(self) -> int:
        # The header of all boards with 40 pins is the same; a board newer than gpiozero is none that it knows.
        return FORTY_PINS

    def _get_spi_class(self, shared: bool, hardware: bool) -> Any:
        if not hardware:
            return LocalPiSoftwareSPIShared if shared else LocalPiSoftwareSPI
        from devices.gpio.kernel_spi import KernelSpi, SharedKernelSpi

        return SharedKernelSpi if shared else KernelSpi


class GpiodPin(PiPin):  # type: ignore[misc]  # as above
    """One line of the header. Raises OSError where the kernel refuses, and gpiozero's errors where gpiozero would."""

    def __init__(self, factory: GpiodFactory, info: Any) -> None:
        super().__init__(factory, info)
        # The binding's requests may be used by one thread at a time: the edges' thread and the owner's.
        self._lock = RLock()
        self._request: Any = None
        self._settings = _RELEASED
        self._edges_wanted = EdgeKind.BOTH
        self._frequency_hz: float | None = None
        self._duty = 0.0
        self._apply()

    # What EdgeThread asks

    def take(self) -> list[Edge]:
        """See `EdgeLine.take`."""
        with self._lock:
            if self._request is None or not self._request.wait_edge_events(0):
                return []
            events = self._request.read_edge_events()
        rising = gpiod.EdgeEvent.Type.RISING_EDGE
        return [Edge(at_ns=event.timestamp_ns, rising=event.event_type is rising) for event in events]

    def tell(self, edge: Edge) -> None:
        """See `EdgeLine.tell`."""
        reference = self._when_changed  # a weak one; the owner may take it away at any moment
        method = None if reference is None else reference()
        if method is not None:
            method(edge.at_ns / 1_000_000_000, int(edge.rising))

    # What gpiozero asks

    def close(self) -> None:
        """Release the line, as an input. A second call does nothing; the next use takes the line again."""
        self.when_changed = None
        self.factory.lamps.stop(self)
        with self._lock:
            self._frequency_hz = None
            request, self._request = self._request, None
            self._settings = _RELEASED
            if request is not None:
                try:
                    request.reconfigure_lines({self._number: _RELEASED})
                finally:
                    request.release()

    def output_with_state(self, state: bool) -> None:
        """Become an output at this level, with no other level in between."""
        value = Value.ACTIVE if state else Value.INACTIVE
        self._apply(gpiod.LineSettings(direction=Direction.OUTPUT, output_value=value))

    def _apply(self, settings: gpiod.LineSettings | None = None) -> None:
        """Let the line be so; without settings as it was last."""
        with self._lock:
            wanted = self._settings if settings is None else settings
            if self._request is None:
                self._request = self.factory.request(self._number, wanted)
            else:
                self._request.reconfigure_lines({self._number: wanted})
            self._settings = wanted

    def _get_function(self) -> str:
        return "output" if self._settings.direction is Direction.OUTPUT else "input"

    def _set_function(self, value: str) -> None:
        if value not in {"input", "output"}:
            raise PinInvalidFunction(f"invalid function {value!r} for pin {self!r}")
        self.when_changed = None
        self._apply(gpiod.LineSettings(direction=Direction.OUTPUT if value == "output" else Direction.INPUT))

    def _get_state(self) -> float:
        if self._frequency_hz is not None:
            return self._duty
        with self._lock:
            if self._request is None:
                self._apply()
            return int(bool(self._request.get_value(self._number)))

    def _set_state(self, value: float) -> None:
        if self.function == "input":
            raise PinSetInput(f"cannot set state of pin {self!r}")
        if self._frequency_hz is None:
            self._drive(bool(value))
        else:
            self._duty = value
            self.factory.lamps.set(self, self._drive, frequency_hz=self._frequency_hz, duty=value)

    def _drive(self, high: bool) -> None:
        with self._lock:
            if self._request is not None and self._settings.direction is Direction.OUTPUT:
                self._request.set_value(self._number, Value.ACTIVE if high else Value.INACTIVE)

    def _get_pull(self) -> str:
        pulls = (pull for pull, bias in _PULLS.items() if bias is self._settings.bias)
        return next(pulls, self.info.pull or "as it was")

    def _set_pull(self, value: str) -> None:
        if self.function != "input":
            raise PinFixedPull(f"cannot set pull on non-input pin {self!r}")
        if value not in _PULLS:
            raise PinInvalidPull(f"invalid pull {value!r} for pin {self!r}")
        if self.info.pull not in {value, ""}:
            raise PinFixedPull(f"{self!r} has a physical pull-{self.info.pull} resistor")
        self._apply(replace(self._settings, bias=_PULLS[value]))

    def _get_frequency(self) -> float | None:
        return self._frequency_hz

    def _set_frequency(self, value: float | None) -> None:
        if not value:
            self.factory.lamps.stop(self)
            self._frequency_hz = None
            return
        if self.function != "output":
            raise PinPWMFixedValue(f"cannot start PWM on pin {self!r}")
        self._frequency_hz = value
        self._set_state(self._duty)

    def _get_bounce(self) -> float | None:
        return self._settings.debounce_period.total_seconds() or None

    def _set_bounce(self, value: float | None) -> None:
        if value is not None and value < 0:
            raise PinInvalidBounce("bounce must be 0 or greater")
        self._apply(replace(self._settings, debounce_period=timedelta(seconds=value or 0)))

    def _get_edges(self) -> str:
        return next(name for name, kind in _EDGES.items() if kind is self._edges_wanted)

    def _set_edges(self, value: str) -> None:
        self._edges_wanted = _EDGES[value]
        if self._when_changed is not None:
            self._apply(replace(self._settings, edge_detection=self._edges_wanted))

    def _enable_event_detect(self) -> None:
        with self._lock:
            self._apply(replace(self._settings, edge_detection=self._edges_wanted))
            self.factory.edges.add(self._request.fd, self)

    def _disable_event_detect(self) -> None:
        with self._lock:
            if self._request is not None:
                self.factory.edges.remove(self._request.fd)
                self._apply(replace(self._settings, edge_detection=EdgeKind.NONE))
