"""A reader on two lines, D0 and D1 (Wiegand): a pulse on either is a bit; a pause ends the frame.

The pulses last some 50 us and come every millisecond or two. The back end's thread hands over each in the order of the kernel's times;
what ends a frame is judged on the event loop.
"""

from collections.abc import Callable
from functools import partial

from devices.gpio.lines import InputPin
from devices.gpio.rack import Handle, Rack
from devices.gpio.sections import ReaderSection
from devices.readers.device_reader import Presenter
from devices.readers.refused_reads import RefusedReads
from devices.readers.uid import uid_from_bytes
from devices.readers.wiegand_frame import LENGTHS, fault_of_frame, uid_of_frame

PAUSE_MS = 30
"""Far more than between two bits, far less than between two frames."""


class WiegandReader:
    """An `IdTagReader`. Frames with a wrong length or parity are none; they are counted, and logged."""

    def __init__(self, rack: Rack, section: ReaderSection) -> None:
        assert section.data0 is not None, "the wiring was checked"
        assert section.data1 is not None, "the wiring was checked"
        self._rack = rack
        self._last_first = section.reversed
        self._repeat_ms = section.repeat_ms
        self._pins = (InputPin(rack.factory, section.data0), InputPin(rack.factory, section.data1))
        self._bits: list[int] = []
        self._last_ms = 0
        self._end: Handle | None = None
        self._presenter: Presenter | None = None
        self._refused = RefusedReads(f"on {section.data0.pin} and {section.data1.pin}", rack.timers.now_ms)

    @property
    def refused(self) -> int:
        """How many frames were none."""
        return self._refused.count

    def on_tag(self, report: Callable[[str], None]) -> None:
        """See `IdTagReader.on_tag`."""
        self._presenter = Presenter(self._rack.timers.now_ms, self._repeat_ms, report)
        for bit, pin in enumerate(self._pins):
            pin.on_edge(partial(self._edge, bit))

    def close(self) -> None:
        """See `IdTagReader.close`."""
        self._presenter = None
        if self._end is not None:
            self._end.cancel()
        for pin in self._pins:
            pin.close()

    def _edge(self, bit: int, active: bool, age_ms: int) -> None:
        if active:
            self._rack.hand_over(partial(self._bit, bit))

    def _bit(self, bit: int) -> None:
        if len(self._bits) <= max(LENGTHS):  # one more than the longest is enough to know that it is none
            self._bits.append(bit)
        self._last_ms = self._rack.timers.now_ms()
        if self._end is None:
            self._end = self._rack.timers.call_at(self._last_ms + PAUSE_MS, self._paused)

    def _paused(self) -> None:
        ends_ms = self._last_ms + PAUSE_MS
        if self._rack.timers.now_ms() < ends_ms:
            self._end = self._rack.timers.call_at(ends_ms, self._paused)
            return
        self._end = None
        bits, self._bits = self._bits, []
        uid = uid_of_frame(bits)
        if uid is None:
            self._refused.refuse(fault_of_frame(bits))
        elif self._presenter is not None:
            self._presenter.read(uid_from_bytes(uid, last_first=self._last_first))
