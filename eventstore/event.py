"""Events: recorded facts in the past tense, and the envelope the log keeps around them.

An event class is a frozen, keyword-only value. Its `NAME` is the string that stands in the log for ever; it is never an import
path, so classes may move. A change of fields is a new `VERSION` and an upcaster in `migrations.upcasters`.
"""

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

from msgspec import UNSET, UnsetType

from eventstore.value import Value

__all__ = ["UNSET", "Decision", "Event", "Illegible", "Observation", "Recorded", "Unlogged"]

if TYPE_CHECKING:
    T = TypeVar("T")
    Unlogged: TypeAlias = T | UnsetType
else:

    class Unlogged:
        """What is never written: UNSET, until whoever folds the event fills it in again from elsewhere in the log.

        A field that is `Unlogged[X]` has the default UNSET, and its class names it in `UNLOGGED`.
        """

        def __class_getitem__(cls, _: Any) -> Any:
            return cls | UnsetType


class Event(Value, frozen=True):
    """What all events share. A field `connector_id: int | None`, if there is one, is shown in the log's own column."""

    NAME: ClassVar[str]
    VERSION: ClassVar[int] = 1
    UNLOGGED: ClassVar[tuple[str, ...]] = ()


class Observation(Event, frozen=True):
    """An event from outside: a reading, a frame, a deadline reached, a command."""


class Decision(Event, frozen=True):
    """An event that the station concluded from its state and an observation."""


class Illegible(Observation, frozen=True, kw_only=True):
    """Stands for an event that this version cannot read; it is never written."""

    NAME: ClassVar[str] = "Illegible"

    name: str
    version: int
    reason: str


class Recorded(Value, frozen=True, kw_only=True):
    """An event and its place in the log.

    `cause` is the seq of the observation that led to it (its own seq for an observation). `at_ms` is station time, which
    never decreases; `utc_ms` is what the station believed the calendar time to be, for readers only.
    """

    seq: int
    cause: int
    at_ms: int
    utc_ms: int
    event: Event
