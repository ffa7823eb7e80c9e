"""The kernel's GPIO character device as `gpiod` shows it, without a kernel: one chip whose lines a test or a model drives.

The classes have the names, arguments and errors of the binding's (`test_gpio_kernel` compares them); settings, values and events are
the binding's own. What the kernel does is done as it does it: a line that is taken is busy, an output keeps its level when it is released,
an input with a debounce period shows a level once it has lasted, edges wait in a queue that forgets the oldest.
"""

import errno
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import TracebackType
from typing import Any, Protocol, Self

import gpiod
from gpiod.line import Bias, Direction, Edge, Value

from tests.contract.hand_time import HandTimers

Config = dict[Iterable[int | str] | int | str, gpiod.LineSettings | None]
PATH = "/dev/gpiochip0"
PULLED_UP_AT_POWER_ON = range(9)
QUEUE_EDGES = 16


class KernelTime(Protocol):
    """The kernel's monotonic clock, and its timers."""

    def now_ns(self) -> int: ...
    def call_after(self, duration_ms: int, call: Callable[[], None]) -> Callable[[], None]:
        """Returns what cancels it."""
        ...


class RealTime:
    """Time as it passes."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def call_after(self, duration_ms: int, call: Callable[[], None]) -> Callable[[], None]:
        timer = threading.Timer(duration_ms / 1_000, call)
        timer.daemon = True
        timer.start()
        return timer.cancel


class HandTime:
    """Time in the hand of a test."""

    def __init__(self, timers: HandTimers) -> None:
        self._timers = timers

    def now_ns(self) -> int:
        return self._timers.now_ms() * 1_000_000

    def call_after(self, duration_ms: int, call: Callable[[], None]) -> Callable[[], None]:
        return self._timers.call_at(self._timers.now_ms() + duration_ms, call).cancel


@dataclass(slots=True)
class Line:
    """What the kernel knows of a line, and the world outside it."""

    offset: int
    source: Callable[[], bool] | None = None
    settings: gpiod.LineSettings = field(default_factory=gpiod.LineSettings)
    request: "LineRequest | None" = None
    consumer: str = ""
    output: bool = False
    raw: bool = False
    shown: bool = False
    cancel: Callable[[], None] | None = None
    seqno: int = 0

    @property
    def is_output(self) -> bool:
        return self.settings.direction is Direction.OUTPUT

    def level(self) -> bool:
        """Whether the line is high."""
        if self.is_output:
            return self.output
        if self.source is not None:
            return self.source()
        pulls = {Bias.PULL_UP: True, Bias.PULL_DOWN: False}
        return pulls.get(self.settings.bias, self.offset in PULLED_UP_AT_POWER_ON)


class GpioKernel:
    """One chip. `on_output` is called when an output changes, `on_edge` when an edge was queued."""

    def __init__(self, kernel_time: KernelTime, *, label: str = "pinctrl-bcm2711", num_lines: int = 58) -> None:
        self.time = kernel_time
        self.label = label
        self.lines = [Line(offset) for offset in range(num_lines)]
        self.lock = threading.RLock()
        self.on_output: Callable[[], None] = lambda: None
        self.on_edge: Callable[[], None] = lambda: None

    def open_chip(self, path: str) -> "Chip":
        """`gpiod.Chip`."""
        if path != PATH:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return Chip(self)

    # The world outside

    def put(self, offset: int, high: bool) -> None:
        """Something drives the line from outside."""
        self.lines[offset].source = lambda: high
        self.look(offset)

    def look(self, offset: int) -> None:
        """The level outside may have changed: now is when."""
        with self.lock:
            self._moved(self.lines[offset])

    # What requests ask

    def configure(self, line: Line, settings: gpiod.LineSettings) -> None:
        output, before = settings.direction is Direction.OUTPUT, line.is_output
        if output and (settings.edge_detection is not Edge.NONE or settings.debounce_period):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if settings.bias is Bias.AS_IS:
            settings = replace(settings, bias=line.settings.bias)
        if line.cancel is not None:
            line.cancel()
            line.cancel = None
        line.settings = settings
        if output:
            line.output = bool(settings.output_value) != settings.active_low
        line.raw = line.shown = line.level()
        if output or before:
            self.on_output()

    def shown(self, line: Line) -> bool:
        """The level that a read gives."""
        self._moved(line)
        debounced = not line.is_output and bool(line.settings.debounce_period)
        return line.shown if debounced else line.level()

    def _moved(self, line: Line) -> None:
        level = line.level()
        if level == line.raw or line.request is None or line.is_output:
            return
        line.raw = level
        if line.cancel is not None:
            line.cancel()
            line.cancel = None
        if not line.settings.debounce_period:
            self._show(line)
        elif line.raw != line.shown:
            period_ms = line.settings.debounce_period // timedelta(milliseconds=1)
            line.cancel = self.time.call_after(period_ms, lambda: self._show(line))

    def _show(self, line: Line) -> None:
        with self.lock:
            line.cancel = None
            line.shown = line.raw
            rising = line.shown != line.settings.active_low
            wanted = line.settings.edge_detection
            if line.request is None or wanted not in {Edge.BOTH, Edge.RISING if rising else Edge.FALLING}:
                return
            line.seqno += 1
            kind = gpiod.EdgeEvent.Type.RISING_EDGE if rising else gpiod.EdgeEvent.Type.FALLING_EDGE
            line.request.queue(kind, line, self.time.now_ns())
        self.on_edge()


class Chip:
    """As `gpiod.Chip`."""

    def __init__(self, kernel: GpioKernel) -> None:
        self._kernel = kernel
        self._closed = False

    def __bool__(self) -> bool:
        return not self._closed

    def __enter__(self) -> Self:
        self._check_closed()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closed = True

    @property
    def path(self) -> str:
        self._check_closed()
        return PATH

    def get_info(self) -> gpiod.ChipInfo:
        self._check_closed()
        return gpiod.ChipInfo("gpiochip0", self._kernel.label, len(self._kernel.lines))

    def get_line_info(self, line: int | str) -> gpiod.LineInfo:
        known = self._kernel.lines[self.line_offset_from_id(line)]
        settings = known.settings
        return gpiod.LineInfo(
            offset=known.offset,
            name=f"GPIO{known.offset}",
            used=known.request is not None or bool(known.consumer),
            consumer=known.consumer,
            direction=(Direction.OUTPUT if known.is_output else Direction.INPUT).value,
            active_low=settings.active_low,
            bias=(Bias.UNKNOWN if settings.bias is Bias.AS_IS else settings.bias).value,
            drive=settings.drive.value,
            edge_detection=settings.edge_detection.value,
            event_clock=settings.event_clock.value,
            debounced=bool(settings.debounce_period),
            debounce_period_us=settings.debounce_period // timedelta(microseconds=1),
        )

    def line_offset_from_id(self, id: str | int) -> int:  # noqa: A002  # the binding's name
        self._check_closed()
        if isinstance(id, str):
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))  # these lines have no names to be found by
        if id >= len(self._kernel.lines):
            raise ValueError("line offset of out range")
        return id

    def request_lines(
        self,
        config: Config,
        consumer: str | None = None,
        event_buffer_size: int | None = None,
        output_values: dict[int | str, Value] | None = None,
    ) -> "LineRequest":
        self._check_closed()
        wanted: dict[int, gpiod.LineSettings] = {}
        for name, settings in flat(config):
            offset = self.line_offset_from_id(name)
            if offset in wanted:
                raise ValueError(f"line must be configured exactly once - offset {offset} repeats")
            wanted[offset] = settings or gpiod.LineSettings()
            if output_values and offset in output_values:
                wanted[offset] = replace(wanted[offset], output_value=output_values[offset])
        with self._kernel.lock:
            lines = [self._kernel.lines[offset] for offset in wanted]
            if any(line.request is not None or line.consumer for line in lines):
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
            request = LineRequest(self._kernel, lines, event_buffer_size or QUEUE_EDGES * len(lines))
            for line in lines:
                line.request, line.consumer = request, consumer or "?"
            try:
                for line in lines:
                    self._kernel.configure(line, wanted[line.offset])
            except OSError:
                request.release()
                raise
        return request

    def _check_closed(self) -> None:
        if self._closed:
            raise gpiod.ChipClosedError


class LineRequest:
    """As `gpiod.LineRequest`."""

    def __init__(self, kernel: GpioKernel, lines: list[Line], queue_edges: int) -> None:
        self._kernel = kernel
        self._held: dict[int, Line] = {line.offset: line for line in lines}
        self._events: deque[gpiod.EdgeEvent] = deque(maxlen=queue_edges)
        self._seqno = 0
        self._read_fd, self._write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __bool__(self) -> bool:
        return bool(self._held)

    def __enter__(self) -> Self:
        self._check_released()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        with self._kernel.lock:
            for line in self._held.values():
                if line.cancel is not None:
                    line.cancel()
                line.request, line.consumer, line.cancel = None, "", None
            if self._held:
                self._held = {}
                os.close(self._read_fd)
                os.close(self._write_fd)

    def get_value(self, line: int | str) -> Value:
        return self.get_values([line])[0]

    def get_values(self, lines: Iterable[int | str] | None = None) -> list[Value]:
        self._check_released()
        with self._kernel.lock:
            return [self._read(self._line(offset)) for offset in lines or self._held]

    def set_value(self, line: int | str, value: Value) -> None:
        self.set_values({line: value})

    def set_values(self, values: dict[int | str, Value]) -> None:
        self._check_released()
        with self._kernel.lock:
            for offset, value in values.items():
                line = self._line(offset)
                if not line.is_output:
                    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
                before, line.output = line.output, bool(value) != line.settings.active_low
                if before != line.output:
                    self._kernel.on_output()

    def reconfigure_lines(self, config: Config) -> None:
        self._check_released()
        with self._kernel.lock:
            for offset, settings in flat(config):
                self._kernel.configure(self._line(offset), settings or gpiod.LineSettings())

    def wait_edge_events(self, timeout: timedelta | float | None = None) -> bool:
        self._check_released()
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        return bool(select.select([self._read_fd], [], [], seconds)[0])

    def read_edge_events(self, max_events: int | None = None) -> list[gpiod.EdgeEvent]:
        self._check_released()
        with self._kernel.lock:
            assert self._events, "the kernel would block here"
            taken = [self._events.popleft() for _ in range(min(len(self._events), max_events or len(self._events)))]
            if not self._events:
                os.read(self._read_fd, 1)
        return taken

    def fileno(self) -> int:
        return self.fd

    @property
    def fd(self) -> int:
        self._check_released()
        return self._read_fd

    @property
    def offsets(self) -> list[int]:
        self._check_released()
        return list(self._held)

    @property
    def num_lines(self) -> int:
        return len(self.offsets)

    def queue(self, kind: gpiod.EdgeEvent.Type, line: Line, at_ns: int) -> None:
        """The kernel has seen an edge."""
        self._seqno += 1
        if not self._events:
            os.write(self._write_fd, b"\0")
        self._events.append(gpiod.EdgeEvent(kind.value, at_ns, line.offset, self._seqno, line.seqno))

    def _read(self, line: Line) -> Value:
        return Value.ACTIVE if self._kernel.shown(line) != line.settings.active_low else Value.INACTIVE

    def _line(self, name: int | str) -> Line:
        if isinstance(name, str):
            raise ValueError(f"unknown line name: {name}")
        return self._held[name]

    def _check_released(self) -> None:
        if not self._held:
            raise gpiod.RequestReleasedError


def flat(config: Config) -> Iterator[tuple[int | str, gpiod.LineSettings | None]]:
    """Each line once, with its settings."""
    for names, settings in config.items():
        for name in (names,) if isinstance(names, int | str) else names:
            yield name, settings


def own_members(kind: type[Any]) -> dict[str, Any]:
    """What the class itself defines for its users."""
    kept = ("__bool__", "__enter__", "__exit__")
    return {name: member for name, member in vars(kind).items() if name in kept or not name.startswith("_")}
