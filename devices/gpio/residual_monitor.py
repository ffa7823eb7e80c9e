"""A residual current monitor with a test input (IEC 62955, IEC 62752): its trip contact, and its test before each session.

A test drives the test output until the trip contact says so, within `trip_ms`, lets go of it, and waits until the contact is back, within
`clear_ms`. What trips meanwhile is the test's; at any other time it is a residual current. Software opens a contactor on it, and is not
what protects: the monitor's own contact must interrupt the coil.
"""

from collections.abc import Callable

from devices.gpio.lines import Contact, OutputPin
from devices.gpio.rack import Handle, Rack
from devices.gpio.sections import ResidualMonitorSection
from devices.readings import MONITOR_FAILED, MONITOR_PASSED

_TRIPS, _CLEARS = "trips", "clears"


class ResidualMonitor:
    """Reports whether it has tripped, and what each test came to: the outcome and, if it failed, why."""

    def __init__(self, rack: Rack, section: ResidualMonitorSection) -> None:
        self._timers = rack.timers
        self._section = section
        self._output = OutputPin(rack.factory, section.test)
        self._contact = Contact(rack, section.trip, urgent=(True,))
        self._report_trip: Callable[[bool], None] | None = None
        self._report_test: Callable[[str, str], None] | None = None
        self._awaited = ""
        self._handle: Handle | None = None

    def on_change(self, report_trip: Callable[[bool], None], report_test: Callable[[str, str], None]) -> None:
        """Report whether it has tripped now, then each change, and the outcome of each test."""
        self._report_trip, self._report_test = report_trip, report_test
        self._contact.on_level(self._seen)

    def test(self) -> None:
        """Begin a test; one that is under way goes on. Answered once."""
        if self._awaited:
            return
        if self._contact.active:
            self._end(MONITOR_FAILED, "it has tripped already")
            return
        self._await(_TRIPS, self._section.trip_ms)
        self._output.set(True)

    def close(self) -> None:
        """Let go of the test output, and stop reporting."""
        self._report_trip = self._report_test = None
        self._cancel()
        self._output.close()
        self._contact.close()

    def _seen(self, tripped: bool) -> None:
        if self._awaited == _TRIPS and tripped:
            self._output.set(False)
            self._await(_CLEARS, self._section.clear_ms)
        elif self._awaited == _CLEARS and not tripped:
            self._end(MONITOR_PASSED, "")
        elif not self._awaited and self._report_trip is not None:
            self._report_trip(tripped)

    def _late(self) -> None:
        self._output.set(False)
        waited_ms = self._section.trip_ms if self._awaited == _TRIPS else self._section.clear_ms
        what = "did not trip" if self._awaited == _TRIPS else "did not clear"
        self._end(MONITOR_FAILED, f"it {what} within {waited_ms} ms")
        if self._contact.active and self._report_trip is not None:
            self._report_trip(True)

    def _await(self, awaited: str, wait_ms: int) -> None:
        self._cancel()
        self._awaited = awaited
        self._handle = self._timers.call_at(self._timers.now_ms() + wait_ms, self._late)

    def _cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle, self._awaited = None, ""

    def _end(self, outcome: str, detail: str) -> None:
        self._cancel()
        if self._report_test is not None:
            self._report_test(outcome, detail)
