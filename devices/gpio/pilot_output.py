"""The control pilot's PWM: 1 kHz from a hardware channel, by the duty that a current needs (IEC 61851-1, table A.7).

Software PWM will not do: gpiozero on lgpio has whole percents and a thread's timing, so that 16 A become 15.6 A. The kernel's PWM
(sysfs) has nanoseconds; gpiozero on pigpio has steps of the sample time. Both say which duty is really set, never more than asked.
"""

import os
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from devices.gpio.sections import PilotSection
from devices.readings import DUTY_FAULT_PERMILLE, DUTY_STEADY_PERMILLE

PERIOD_NS = 1_000_000
FREQUENCY_HZ = 1_000
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
    """A channel of the kernel's PWM. Raises OSError if it is not there or may not be written.

    The duty's file stays open: a lower limit must not wait for a free file descriptor.
    """

    def __init__(self, section: PilotSection, root: Path = SYSFS) -> None:
        self._channel = exported(root / f"pwmchip{section.chip}", section.pwm_channel)
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


class GpiozeroPwm:
    """gpiozero's PWM on a pin factory that makes it in hardware, in steps of `resolution_permille`."""

    def __init__(self, factory: Any, section: PilotSection) -> None:
        from gpiozero import PWMOutputDevice

        self._step = section.resolution_permille
        self._device = PWMOutputDevice(
            section.pin,
            active_high=section.active == "high",
            initial_value=1,
            frequency=FREQUENCY_HZ,
            pin_factory=factory,
        )

    def set_permille(self, duty_permille: int) -> int:
        """See `PilotOutput.set_permille`: rounded down to the steps of the hardware."""
        real_permille = duty_permille
        if duty_permille not in {DUTY_STEADY_PERMILLE, DUTY_FAULT_PERMILLE}:
            real_permille = duty_permille // self._step * self._step
        if not self._device.closed:
            # The library cuts the product of float and range: half a hundredth of a percent keeps it from one step less.
            self._device.value = min(1.0, real_permille / 1_000 + 0.000_05) if real_permille else 0
        return real_permille

    def close(self) -> None:
        """See `PilotOutput.close`. The pin is released, and then holds what the pull resistor says."""
        self.set_permille(DUTY_STEADY_PERMILLE)
        self._device.close()


def new_output(factory: Any, section: PilotSection, root: Path = SYSFS) -> PilotOutput:
    """The output that the wiring says. Raises OSError or what gpiozero raises."""
    return SysfsPwm(section, root) if section.output == "sysfs" else GpiozeroPwm(factory, section)
