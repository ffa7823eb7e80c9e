"""Events: recorded facts in the past tense, and the envelope the log keeps around them.

An event class is a frozen, slotted, keyword-only dataclass. Its `NAME` is the string that stands in the log for ever; it is
never an import path, so classes may move. A change of fields is a new `VERSION` and an upcaster in `migrations.upcasters`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from eventstore.frozen import dataclass

# Metadata of a field that is never written: it is filled in again from elsewhere in the log by whoever folds it.
NOT_LOGGED: Mapping[str, bool] = MappingProxyType({"logged": False})


class Event:
    """What all events share. A field `connector_id: int | None`, if there is one, is shown in the log's own column."""

    __slots__ = ()

    NAME: ClassVar[str]
    VERSION: ClassVar[int] = 1


class Observation(Event):
    """An event from outside: a reading, a frame, a deadline reached, a command."""

    __slots__ = ()


class Decision(Event):
    """An event that the station concluded from its state and an observation."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Illegible(Observation):
    """Stands for an event that this version cannot read; it is never written."""

    NAME: ClassVar[str] = "Illegible"

    name: str
    version: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event and its place in the log.

    `cause` is the seq of the observation that led to it (its own seq for an observation). `at_ms` is station time, which
    never decreases; `utc_ms` is what the station believed the calendar time to be, for readers only.
    """

    seq: int
    cause: int
    at_ms: int
    utc_ms: int
    event: Event
