"""What is not worth a line: mains power, emergency stop and enclosure are read anew at each boot, and mostly are as they were."""

from collections.abc import Iterable, Mapping

from eventstore.catalogue.hardware import EmergencyStopObserved, MainsObserved
from eventstore.catalogue.security import TamperObserved
from eventstore.event import Event, Recorded

FLAGS: Mapping[type[Event], str] = {
    EmergencyStopObserved: "pressed",
    MainsObserved: "present",
    TamperObserved: "open",
}
"""The events in question, each with the member that may be as it was."""


class Usual:
    """Whether mains power, emergency stop and enclosure are as they were."""

    def __init__(self, earlier: Iterable[Recorded] = ()) -> None:
        self._pressed, self._present, self._open = False, True, False
        for recorded in earlier:
            self.goes_on(recorded.event)

    def goes_on(self, event: Event) -> bool:
        """Take one event more; whether it says what was known before."""
        match event:
            case EmergencyStopObserved(pressed=pressed):
                before, self._pressed = self._pressed, pressed
                return before == pressed
            case MainsObserved(present=present):
                before, self._present = self._present, present
                return before == present
            case TamperObserved(open=opened):
                before, self._open = self._open, opened
                return before == opened
            case _:
                return False
