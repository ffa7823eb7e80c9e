"""What is no news: mains power and the emergency stop are read anew at each boot, and mostly are as they were."""

from collections.abc import Iterable

from eventstore.catalogue.hardware import EmergencyStopObserved, MainsObserved
from eventstore.event import Event, Recorded


class Usual:
    """Whether mains power and the emergency stop are as they were."""

    def __init__(self, earlier: Iterable[Recorded] = ()) -> None:
        self._pressed, self._present = False, True
        for recorded in earlier:
            self.goes_on(recorded.event)

    def goes_on(self, event: Event) -> bool:
        """Takes one event more; whether it tells what was known before."""
        match event:
            case EmergencyStopObserved(pressed=pressed):
                before, self._pressed = self._pressed, pressed
                return before == pressed
            case MainsObserved(present=present):
                before, self._present = self._present, present
                return before == present
            case _:
                return False
