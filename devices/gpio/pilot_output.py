"""The control pilot's PWM: 1 kHz from a hardware channel, by the duty that a current needs (IEC 61851-1, table A.7).

Software PWM will not do: it has a thread's timing and often whole percents, so that 16 A become 15.6 A. The kernel's PWM (sysfs) has
nanoseconds.
"""

import os
from pathlib import Path
from threading import Event
from typing import Protocol

from devices.gpio.sections import PilotSection
from devices.readings import DUTY_STEADY_PERMILLE

PERIOD_NS = 1_000_000
SYSFS = Path("/sys/class/pwm")
_EXPORT_TRIES = 20
_EXPORT_PAUSE_S = 0.05


class PilotOutput(Protocol):
    """The line that drives the pilot to +-12 V."""

    def set_permille(self, duty_permille: int) -> int:
        """Drive +12 V for so much of each period; returns what is really set, never more than asked."""
        ...

    def close(self) -> None:
        """Leave it at steady +12 V."""
        ...


class SysfsPwm:
    """A channel of the kernel's PWM below `root`, else `SYSFS`. Raises OSError if it is not there or may not be written.

    The duty's file stays open: a lower limit must not wait for a free file descriptor.
    """

    def __init__(self, section: PilotSection, root: Path | None = None) -> None:
        self._channel = exported((root or SYSFS) / f"pwmchip{section.chip}", section.pwm_channel)
        self._inverted = section.active == "low"
        self._duty = os.open(self._channel / "duty_cycle", os.O_WRONLY | os.O_CLOEXEC)
        try:
            self._begin()
        except BaseException:
            self._let_go()
            raise

    def _begin(self) -> None:
        if int((self._channel / "period").read_text() or 0) != PERIOD_NS:
            # A duty longer than the new period would be refused; what a former process left is steady or safe anyway.
            self._write_duty_ns(0)
            (self._channel / "period").write_text(str(PERIOD_NS))
        self.set_permille(DUTY_STEADY_PERMILLE)
        (self._channel / "enable").write_text("1")

    def set_permille(self, duty_permille: int) -> int:
        """See `PilotOutput.set_permille`: exact. Nothing is driven any more once it is closed."""
        duty_ns = duty_permille * PERIOD_NS // 1_000
        self._write_duty_ns(PERIOD_NS - duty_ns if self._inverted else duty_ns)
        return duty_permille

    def _write_duty_ns(self, duty_ns: int) -> None:
        if self._duty >= 0:
            os.ftruncate(self._duty, 0)  # of no matter to the kernel's own file
            os.pwrite(self._duty, str(duty_ns).encode(), 0)

    def close(self) -> None:
        """See `PilotOutput.close`. The channel stays as it is: the kernel goes on driving it."""
        if self._duty >= 0:
            self.set_permille(DUTY_STEADY_PERMILLE)
            self._let_go()

    def _let_go(self) -> None:
        handle, self._duty = self._duty, -1
        os.close(handle)


def exported(chip: Path, channel: int) -> Path:
    """The directory of a channel, exported if it was not. Raises OSError."""
    directory = chip / f"pwm{channel}"
    if not directory.exists():
        (chip / "export").write_text(str(channel))
        waiting = Event()
        for _ in range(_EXPORT_TRIES):
            # udev gives the new files to the group a moment after they appear.
            if _is_writable(directory / "duty_cycle"):
                break
            waiting.wait(_EXPORT_PAUSE_S)
    return directory


def _is_writable(path: Path) -> bool:
    try:
        path.open("r+").close()
    except OSError:
        return False
    return True
