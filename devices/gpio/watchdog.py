"""What cuts the outputs when the daemon hangs: a circuit that wants edges, or the kernel's watchdog that resets the board.

The circuit is the one that protects: a retriggerable monostable in the supply of the coil. The kernel's watchdog resets the
processor, which takes seconds, and then the pins' pull resistors hold the outputs.
"""

import fcntl
import os
import struct
from collections.abc import Callable

from devices.gpio.lines import OutputPin
from devices.gpio.rack import Handle, Rack
from devices.gpio.sections import WatchdogSection
from devices.protocols import Watchdog

_WDIOC_SETTIMEOUT = 0xC0045706
"""linux/watchdog.h: _IOWR('W', 6, int)."""


class PulseWatchdog:
    """A pin that changes its level at each feed. No edges: the circuit lets go."""

    def __init__(self, pin: OutputPin) -> None:
        self._pin = pin

    def feed(self) -> None:
        """See `Watchdog.feed`."""
        self._pin.set(not self._pin.active)

    def close(self) -> None:
        """See `Watchdog.close`: the circuit lets go."""
        self._pin.close()


class KernelWatchdog:
    """The kernel's watchdog device. Raises OSError if it is not there or somebody else has it."""

    def __init__(self, device: str, timeout_s: int, set_timeout: Callable[[int, int], None] | None = None) -> None:
        self._descriptor = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
        (set_timeout or _set_timeout)(self._descriptor, timeout_s)

    def feed(self) -> None:
        """See `Watchdog.feed`."""
        if self._descriptor >= 0:
            os.write(self._descriptor, b"\0")

    def close(self) -> None:
        """See `Watchdog.close`: the magic letter disarms it, where the driver allows that."""
        if self._descriptor >= 0:
            os.write(self._descriptor, b"V")
            os.close(self._descriptor)
            self._descriptor = -1


class Feeding:
    """Feeds watchdogs every `period_ms` for as long as the event loop runs."""

    def __init__(self, rack: Rack, watchdogs: tuple[Watchdog, ...], period_ms: int) -> None:
        self._timers = rack.timers
        self._watchdogs = watchdogs
        self._period_ms = period_ms
        self._next: Handle | None = None
        self._feed()

    def close(self) -> None:
        """Stop feeding and disarm."""
        if self._next is not None:
            self._next.cancel()
        for watchdog in self._watchdogs:
            watchdog.close()

    def _feed(self) -> None:
        for watchdog in self._watchdogs:
            watchdog.feed()
        self._next = self._timers.call_at(self._timers.now_ms() + self._period_ms, self._feed)


def new_watchdogs(rack: Rack, section: WatchdogSection) -> tuple[Watchdog, ...]:
    """The watchdogs that the wiring says. Raises OSError."""
    watchdogs: tuple[Watchdog, ...] = ()
    if section.pin is not None:
        watchdogs = (PulseWatchdog(OutputPin(rack.factory, section.pin)),)
    if section.device:
        watchdogs = (*watchdogs, KernelWatchdog(section.device, section.timeout_s))
    return watchdogs


def _set_timeout(descriptor: int, timeout_s: int) -> None:
    fcntl.ioctl(descriptor, _WDIOC_SETTIMEOUT, struct.pack("i", timeout_s))
