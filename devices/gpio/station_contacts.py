"""The contacts that concern the whole station, whatever kind of board its connectors hang on."""

from collections.abc import Callable
from typing import Protocol

from devices.protocols import FaultInput
from devices.readings import EmergencyStopReading, LimitContactReading, MainsReading, Reading, TamperReading


class StationContacts(Protocol):
    """Which of them are wired."""

    @property
    def mains(self) -> FaultInput | None: ...
    @property
    def emergency_stop(self) -> FaultInput | None: ...
    @property
    def tamper(self) -> FaultInput | None: ...
    @property
    def limit_contact(self) -> FaultInput | None: ...


def hear_station(contacts: StationContacts, emit: Callable[[Reading], None]) -> None:
    """Have each reported, its level now and every change."""
    if contacts.mains is not None:
        contacts.mains.on_level(lambda present: emit(MainsReading(present=present)))
    if contacts.emergency_stop is not None:
        contacts.emergency_stop.on_level(lambda pressed: emit(EmergencyStopReading(pressed=pressed)))
    if contacts.tamper is not None:
        contacts.tamper.on_level(lambda opened: emit(TamperReading(open=opened)))
    if contacts.limit_contact is not None:
        contacts.limit_contact.on_level(lambda closed: emit(LimitContactReading(closed=closed)))
