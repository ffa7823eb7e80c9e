"""The contactor of one connector, its mirror contact, and the switching of phases.

Theory of operation. The coil is driven at once. The mirror contact (IEC 60947-4-1, annex F: it cannot be closed while any main pole
is) must follow within `close_ms` or `open_ms`. Poles that stay closed against the command are welded, poles that stay open are
stuck. Welded ends when the mirror says open. Stuck ends when the mirror says closed, which nobody will command while the
fault stands: so it lasts until a restart, after somebody was there.

Phases are changed with open poles only: open, `phase_pause_ms`, other enables, close. Opening takes the enables away too, as a second
means.
"""

from collections.abc import Callable

from devices.gpio.lines import Contact, OutputPin
from devices.gpio.rack import Handle, Rack
from devices.gpio.sections import ContactorSection
from devices.readings import CONTACTOR_SOUND, CONTACTOR_STUCK, CONTACTOR_WELDED

SETTLE_MS = 50
"""Longer than the mirror contact is debounced."""
_PHASES_OF_ENABLES = {0: (), 1: (2,), 2: (2, 3), 3: (1, 2, 3)}
"""By how many enables there are: from how many phases on each is active."""


class MirroredContactor:
    """A `Contactor`. Without a mirror contact it is believed to obey."""

    def __init__(self, rack: Rack, section: ContactorSection) -> None:
        self._timers = rack.timers
        self._section = section
        self._coil = OutputPin(rack.factory, section.coil)
        self._enables = tuple(OutputPin(rack.factory, line) for line in section.phase_enables)
        self._mirror = None if section.mirror is None else Contact(rack, section.mirror)
        self._report: Callable[[bool, str], None] | None = None
        self._shown: tuple[bool, str] | None = None
        self._closed = False
        self._fault = CONTACTOR_SOUND
        self._phases = 0
        self._opened_at_ms: int | None = None
        self._verify_at_ms = self._timers.now_ms() + section.open_ms
        self._verifying: Handle | None = None
        self._reclosing: Handle | None = None

    def set_closed(self, closed: bool, phases: int) -> None:
        """See `Contactor.set_closed`. Another number of phases opens first and closes after the pause."""
        if not closed:
            self._cancel_reclosing()
            self._open()
        elif self._coil.active:
            if phases != self._phases and self._enables:
                self._open()
                self._reclose(phases)
        elif self._reclosing is None or phases != self._phases:
            self._cancel_reclosing()
            self._reclose(phases)

    def on_feedback(self, report: Callable[[bool, str], None]) -> None:
        """See `Contactor.on_feedback`."""
        self._report = report
        if self._mirror is None:
            self._show()
        else:
            self._mirror.on_level(self._mirrored)
            self._expect(self._section.open_ms)

    def close(self) -> None:
        """See `Contactor.close`."""
        self._report = None
        self._cancel_reclosing()
        if self._verifying is not None:
            self._verifying.cancel()
        self._coil.close()
        for enable in self._enables:
            enable.close()
        if self._mirror is not None:
            self._mirror.close()

    def _open(self) -> None:
        was_active = self._coil.active
        self._coil.set(False)
        for enable in self._enables:
            enable.set(False)
        if was_active:
            self._opened_at_ms = self._timers.now_ms()
            self._commanded(closed=False, within_ms=self._section.open_ms)

    def _reclose(self, phases: int) -> None:
        """Close now, or when the pause is over if other phases are wanted than before."""
        now_ms = self._timers.now_ms()
        ready_ms = now_ms
        if self._enables and phases != self._phases and self._opened_at_ms is not None:
            ready_ms = self._opened_at_ms + self._section.phase_pause_ms
        self._phases = phases
        if ready_ms <= now_ms:
            self._close()
        else:
            self._reclosing = self._timers.call_at(ready_ms, self._close)

    def _close(self) -> None:
        self._reclosing = None
        if self._fault == CONTACTOR_WELDED and self._enables:
            return  # what cannot be opened must not get other phases
        for enable, phases_min in zip(self._enables, _PHASES_OF_ENABLES[len(self._enables)], strict=True):
            enable.set(self._phases >= phases_min)
        self._coil.set(True)
        self._commanded(closed=True, within_ms=self._section.close_ms)

    def _cancel_reclosing(self) -> None:
        if self._reclosing is not None:
            self._reclosing.cancel()
            self._reclosing = None

    def _commanded(self, *, closed: bool, within_ms: int) -> None:
        if self._mirror is None:
            self._closed = closed
            self._show()
        else:
            self._expect(within_ms)

    def _mirrored(self, is_open: bool) -> None:
        self._closed = not is_open
        self._judge()
        if self._closed != self._coil.active:
            self._expect(self._section.close_ms if self._coil.active else self._section.open_ms)
        self._show()

    def _expect(self, within_ms: int) -> None:
        """The poles must be where the coil says by then."""
        if self._verifying is not None:
            self._verifying.cancel()
        self._verify_at_ms = self._timers.now_ms() + within_ms
        self._verifying = self._timers.call_at(self._verify_at_ms, self._verify)

    def _verify(self) -> None:
        if self._closed != self._coil.active:
            if self._mirror is not None and self._mirror.raw != self._coil.active:
                self._expect(SETTLE_MS)  # it has obeyed, but was looked at late: the event loop was held up
                return
            self._fault = CONTACTOR_STUCK if self._coil.active else CONTACTOR_WELDED
        self._judge()
        self._show()

    def _judge(self) -> None:
        if self._closed == self._coil.active and self._fault == (CONTACTOR_STUCK if self._closed else CONTACTOR_WELDED):
            self._fault = CONTACTOR_SOUND

    def _show(self) -> None:
        if self._report is not None and self._shown != (self._closed, self._fault):
            self._shown = (self._closed, self._fault)
            self._report(self._closed, self._fault)
