"""The lock of a socket: a motor with two directions, and a feedback contact that says whether the bolt is in.

A drive lasts `drive_ms`, and is repeated up to `attempts` times if the feedback is not where it should be; then the lock is
jammed. Each drive that was asked for is answered by one report; one that is asked for while another is under way takes its place,
and its answer stands for both. Without feedback a drive is believed to have reached its end.
"""

from collections.abc import Callable

from devices.gpio.lines import Contact, OutputPin
from devices.gpio.rack import Handle, Rack
from devices.gpio.sections import LockSection


class MotorLock:
    """A `ConnectorLock`."""

    def __init__(self, rack: Rack, section: LockSection) -> None:
        self._timers = rack.timers
        self._section = section
        self._outwards = {True: OutputPin(rack.factory, section.lock), False: OutputPin(rack.factory, section.unlock)}
        self._feedback = None if section.locked is None else Contact(rack, section.locked)
        self._report: Callable[[bool, bool], None] | None = None
        self._believed = False
        self._jammed = False
        self._shown: tuple[bool, bool] | None = None
        self._wanted: bool | None = None
        self._target: bool | None = None
        self._attempt = 0
        self._next: Handle | None = None

    @property
    def locked(self) -> bool:
        """Where the bolt is, as its contact says this moment: a drive is judged when its motor has stood still."""
        return self._believed if self._feedback is None else self._feedback.raw

    @property
    def heading(self) -> bool:
        """Where the bolt is driven to; where it is while no drive is under way."""
        return self.locked if self._target is None else self._target

    @property
    def jammed(self) -> bool:
        """Whether the last drive did not reach its end."""
        return self._jammed

    def drive(self, locked: bool) -> None:
        """See `ConnectorLock.drive`."""
        self._stop()
        self._wanted = self._target = locked
        self._attempt = 0
        self._push()

    def forgive(self) -> None:
        """What had jammed the bolt is gone, and it is where it should be."""
        self._jammed = False
        self._show()

    def on_position(self, report: Callable[[bool, bool], None]) -> None:
        """See `ConnectorLock.on_position`. A bolt that is moved by hand is reported, too."""
        self._report = report
        if self._feedback is None:
            self._show()
        else:
            self._feedback.on_level(self._moved)

    def close(self) -> None:
        """See `ConnectorLock.close`."""
        self._report = None
        self._stop()
        for output in self._outwards.values():
            output.close()
        if self._feedback is not None:
            self._feedback.close()

    def _push(self) -> None:
        assert self._target is not None, "pushed by a drive only"
        self._attempt += 1
        self._outwards[not self._target].set(False)
        self._outwards[self._target].set(True)
        self._next = self._timers.call_at(self._timers.now_ms() + self._section.drive_ms, self._reached)

    def _reached(self) -> None:
        target = self._target
        assert target is not None, "reached after a push only"
        self._stop()
        if self._feedback is None:
            self._believed = target
        if self.locked != target and self._attempt < self._section.attempts:
            self._next = self._timers.call_at(self._timers.now_ms() + self._section.pause_ms, self._push)
            return
        self._target = None
        self._jammed = self.locked != target
        self._show()

    def _stop(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        for output in self._outwards.values():
            output.set(False)

    def _moved(self, locked: bool) -> None:
        if self._target is not None:
            return  # the drive answers
        if locked == self._wanted:
            self._jammed = False
        if self._shown != (self.locked, self._jammed):
            self._show()

    def _show(self) -> None:
        self._shown = (self.locked, self._jammed)
        if self._report is not None:
            self._report(*self._shown)
