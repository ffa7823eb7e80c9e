"""The contacts of the whole station, as any board hears them."""

from collections.abc import Callable

import pytest

from devices.gpio.station_contacts import hear_station
from devices.readings import EmergencyStopReading, LimitContactReading, MainsReading, Reading, TamperReading

READINGS: dict[str, Callable[[bool], Reading]] = {
    "mains": lambda level: MainsReading(present=level),
    "emergency_stop": lambda level: EmergencyStopReading(pressed=level),
    "tamper": lambda level: TamperReading(open=level),
    "limit_contact": lambda level: LimitContactReading(closed=level),
}


class Switch:
    """A contact that a hand moves."""

    def __init__(self) -> None:
        self.move: Callable[[bool], None] = lambda _: None

    def on_level(self, report: Callable[[bool], None]) -> None:
        self.move = report
        report(False)

    def close(self) -> None:
        """Nothing is held."""


class Contacts:
    """Those that are wired."""

    def __init__(self, *wired: str) -> None:
        self.mains, self.emergency_stop, self.tamper, self.limit_contact = (
            Switch() if name in wired else None for name in READINGS
        )


@pytest.mark.parametrize("name", READINGS)
def test_a_contact_is_reported_with_its_level_and_each_change(name: str) -> None:
    contacts, heard = Contacts(name), list[Reading]()
    hear_station(contacts, heard.append)
    getattr(contacts, name).move(True)
    assert heard == [READINGS[name](False), READINGS[name](True)]


def test_what_is_not_wired_is_never_reported() -> None:
    heard: list[Reading] = []
    hear_station(Contacts(), heard.append)
    assert heard == []
