"""What a CSMS reads in a payload: members by their Python or standard names, and instants."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from station.certify.ports import SeenFrame


def camel_case(name: str) -> str:
    """The standard's name of a member from the Python one: `connector_id` is `connectorId`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def renamed(value: Any) -> Any:
    """A payload with the standard's names, however deep; members that are None are left out."""
    if isinstance(value, Mapping):
        return {camel_case(name): renamed(member) for name, member in value.items() if member is not None}
    if isinstance(value, list | tuple):
        return [renamed(item) for item in value]
    return value


def matches(payload: Mapping[str, Any], members: Mapping[str, Any]) -> bool:
    """Whether a payload has these members with these values; None means absent."""
    return all(payload.get(camel_case(name)) == wanted for name, wanted in members.items())


def utc_of(instant: str) -> datetime:
    """The calendar time that an instant names."""
    return datetime.fromisoformat(instant)


def instant_of(utc: datetime) -> str:
    """Calendar time as a CSMS writes it: milliseconds and Z."""
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03}Z"


def seconds_between(earlier: SeenFrame, later: SeenFrame) -> float:
    """Calendar time of the CSMS from one frame to the other."""
    return (later.utc_ms - earlier.utc_ms) / 1000


def event_seconds_between(earlier: str, later: str) -> float:
    """Seconds from one instant of a payload to another."""
    return (utc_of(later) - utc_of(earlier)).total_seconds()


def gaps_s(instants: Iterable[str]) -> list[float]:
    """Seconds from each instant of a payload to the next."""
    return [event_seconds_between(earlier, later) for earlier, later in itertools.pairwise(instants)]


def statuses_of(connector_id: int, calls: Iterable[SeenFrame]) -> list[str]:
    """What a connector reported in its StatusNotifications, in order."""
    return [
        str(each.payload["status"])
        for each in calls
        if each.action == "StatusNotification" and each.payload.get("connectorId") == connector_id
    ]
