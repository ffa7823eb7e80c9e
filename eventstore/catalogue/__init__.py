"""The event catalogue: every kind of event that a log of this version may hold, by its explicit name.

Names and versions are part of the log for ever. A changed event gets a new VERSION and an upcaster in `migrations`.
"""

from collections.abc import Mapping

from eventstore.catalogue import (
    authorization,
    certificates,
    commissioning,
    configuration,
    connectors,
    hardware,
    lifecycle,
    limits,
    link,
    maintenance,
    registration,
    reservations,
    security,
    smart_charging,
    temperatures,
    transactions,
)
from eventstore.event import Event

_MODULES = (
    lifecycle,
    hardware,
    link,
    registration,
    authorization,
    transactions,
    connectors,
    reservations,
    smart_charging,
    limits,
    temperatures,
    configuration,
    maintenance,
    security,
    certificates,
    commissioning,
)

ALL: tuple[type[Event], ...] = tuple(
    value
    for module in _MODULES
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Event) and "NAME" in vars(value)
)

BY_NAME: Mapping[str, type[Event]] = {event_type.NAME: event_type for event_type in ALL}

assert len(BY_NAME) == len(ALL), "two events share a name"
