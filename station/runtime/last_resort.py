"""A signal ends the process even if the event loop hangs, for example on a disk that does not answer.

The loop handles a signal between two of its steps. While a step waits for the disk, or for a thread that does, it handles
nothing. So a thread receives each signal as well, from the interpreter's own wake-up descriptor, and passes it on to the loop.
From the first signal on the loop has a few seconds to begin its end in order; if it does not, the process ends at once.
"""

import logging
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread, Timer

from station.runtime import journal

OBEYED_WITHIN_S = 9.0
"""Ten seconds are promised, the end itself included."""
SAFE_WITHIN_S = 0.5
LAST_WORDS_S = 2.0


def end_soon(status: int) -> None:
    """Have the process end with this status in some seconds, if what it does until then hangs."""
    countdown = Timer(LAST_WORDS_S, os._exit, (status,))
    countdown.daemon = True
    countdown.start()


def nothing() -> None:
    """Before the outputs exist there is nothing to make safe."""


class LastResort:
    """Ends the process with `status` if a signal is not obeyed in time; `watch` and `close` from the main thread only."""

    def __init__(self, numbers: Sequence[signal.Signals], status: int, *, within_s: float = OBEYED_WITHIN_S) -> None:
        self._numbers = frozenset(int(number) for number in numbers)
        self._status = status
        self._within_s = within_s
        self._is_obeyed = False
        self._heard, self._wake_up = -1, -1
        self._loop = -1
        self.make_safe: Callable[[], object] = nothing

    def watch(self) -> None:
        """From now on; the loop's handlers are installed already, and go on hearing of each signal."""
        self._heard, self._wake_up = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._wake_up, False)
        self._loop = signal.set_wakeup_fd(self._wake_up, warn_on_full_buffer=False)
        Thread(target=self._listen, args=(self._heard, self._loop), name="last resort", daemon=True).start()

    def obeyed(self) -> None:
        """The end has begun; from here on it has time limits of its own."""
        self._is_obeyed = True

    def close(self) -> None:
        """From here on only the loop receives the signals."""
        self.obeyed()
        if self._wake_up >= 0:
            signal.set_wakeup_fd(self._loop, warn_on_full_buffer=False)
            os.close(self._wake_up)  # the thread reads the end of it, and ends
            self._wake_up = -1

    def _listen(self, heard: int, loop: int) -> None:
        is_counting = False
        while numbers := os.read(heard, 64):
            with suppress(OSError):  # full: the loop has signals to handle already
                os.write(loop, numbers)
            if not is_counting and self._numbers.intersection(numbers):
                is_counting = True
                countdown = Timer(self._within_s, self._end)
                countdown.daemon = True
                countdown.start()
        os.close(heard)

    def _end(self) -> None:
        """Outputs safe as far as that can be had: what they need may hang as well."""
        if self._is_obeyed:
            return
        with suppress(RuntimeError):
            safe = Thread(target=self._make_safe, daemon=True)
            safe.start()
            safe.join(SAFE_WITHIN_S)
        with suppress(OSError, ValueError):
            text = f"asked to end, and nothing has answered for {self._within_s:.0f} s: ending at once, outputs safe"
            journal.say(text, logging.CRITICAL)
            journal.flush(SAFE_WITHIN_S)
        os._exit(self._status)

    def _make_safe(self) -> None:
        with suppress(Exception):
            self.make_safe()
