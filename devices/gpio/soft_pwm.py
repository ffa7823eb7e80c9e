"""Dimming of lamps: outputs that are switched on and off by a thread, often enough for the eye.

This is for lamps alone. Its timing is a thread's; a control pilot needs a hardware channel (`pilot_output`).
"""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class _Wave:
    drive: Callable[[bool], None]
    on_s: float
    off_s: float
    due_s: float
    is_on: bool = False


class SoftPwm:
    """Drives any number of outputs. The thread runs only while one of them is neither on nor off."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waves: dict[Hashable, _Wave] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def set(self, output: Hashable, drive: Callable[[bool], None], *, frequency_hz: float, duty: float) -> None:
        """From now on the output is on for the part `duty` (0 to 1) of each period."""
        with self._changed:
            self._waves.pop(output, None)
            if 0 < duty < 1:
                on_s = duty / frequency_hz
                wave = _Wave(drive=drive, on_s=on_s, off_s=1 / frequency_hz - on_s, due_s=self._clock())
                self._waves[output] = wave
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="gpio lamps", daemon=True)
                    self._thread.start()
            else:
                drive(duty > 0)
            self._changed.notify()

    def stop(self, output: Hashable) -> None:
        """Drive it no more; it stays as it is."""
        with self._changed:
            self._waves.pop(output, None)
            self._changed.notify()

    def close(self) -> None:
        """Drive nothing any more."""
        with self._changed:
            self._waves.clear()
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=1)

    def _run(self) -> None:
        with self._changed:
            while self._waves:
                wave = min(self._waves.values(), key=lambda wave: wave.due_s)
                wait_s = wave.due_s - self._clock()
                if wait_s > 0:
                    self._changed.wait(wait_s)
                    continue
                wave.is_on = not wave.is_on
                wave.drive(wave.is_on)
                # After a delay the wave goes on from now: it does not make up for lost periods.
                wave.due_s = max(wave.due_s, self._clock() - wave.off_s) + (wave.on_s if wave.is_on else wave.off_s)
            self._thread = None
