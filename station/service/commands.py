"""What may be commanded over MQTT, where the settings allow it: a limit, and a tag.

The same documents as over HTTP, by the same rules: those of `PUT /api/limit` and `POST /api/tag`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from eventstore.event import Observation
from projections.station import StationState
from station.service.bodies import InvalidBodyError, NotJsonError, parse_body
from station.service.limits import reported
from station.service.tags import presented_tag

ORIGIN = "mqtt"


def _limit(document: Any, state: StationState) -> Observation:
    if isinstance(document, dict):
        document = {"source": ORIGIN, **document}
    return reported(document, state.outside_limits)


def _tag(document: Any, state: StationState) -> Observation:
    return presented_tag(document, state.connectors, ORIGIN)


def _commanded(read: Callable[[Any, StationState], Observation], payload: bytes, state: StationState) -> Observation:
    try:
        return read(parse_body(payload), state)
    except (InvalidBodyError, NotJsonError) as error:
        raise ValueError(str(error)) from None


COMMANDS: Mapping[str, Callable[[bytes, StationState], Observation]] = MappingProxyType(
    {"set/limit": partial(_commanded, _limit), "set/tag": partial(_commanded, _tag)}
)
"""By the topic below the station's."""
