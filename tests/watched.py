"""Rules that are held to what they name: a projection that a rule reads without naming it is an error, and so is the time.

`step` asks a rule only when something changed that it reads, so what it does not name it must not look at. The registry of
`StationUnderTest` is a watched one: every scenario shows it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from eventstore.value import replace
from projections.station import StationState
from station.core.feature import TIME, Events, Registry, Rule

FIELDS = frozenset(StationState.__struct_fields__)


class Unnamed(BaseException):
    """A rule looked at what it does not name; no Exception, which the kernel would make an event of."""


class Watch:
    """What one rule may look at while it is asked."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._asked = 0

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Until it has answered; what it made of the time lives on in its events, and others may read it there."""
        self._asked += 1
        try:
            yield
        finally:
            self._asked -= 1

    def saw(self, name: str) -> None:
        """Raises Unnamed if the rule is asked now and does not name this."""
        if self._asked and name not in self._rule.reads:
            where = self._rule.decide
            raise Unnamed(f"{where.__module__}.{where.__qualname__} reads {name}, which its rule does not name")


class WatchedState:
    """A state as a rule sees it: its projections, and its properties as they follow from those."""

    __slots__ = ("_state", "_watch")

    def __init__(self, state: StationState, watch: Watch) -> None:
        self._state, self._watch = state, watch

    def __getattr__(self, name: str) -> Any:
        if name in FIELDS:
            self._watch.saw(name)
            return getattr(self._state, name)
        return getattr(StationState, name).__get__(self)


class WatchedTime(int):
    """A moment that may stand in an event, moved along or not, and may be held against another one only by who names it."""

    watch: Watch

    @staticmethod
    def of(moment_ms: int, watch: Watch) -> "WatchedTime":
        """The moment, watched."""
        found = WatchedTime(moment_ms)
        found.watch = watch
        return found

    def __add__(self, other: int) -> "WatchedTime":
        return WatchedTime.of(int(self) + int(other), self.watch)

    def __sub__(self, other: int) -> "WatchedTime":
        return WatchedTime.of(int(self) - int(other), self.watch)

    def __rsub__(self, other: int) -> "WatchedTime":
        return WatchedTime.of(int(other) - int(self), self.watch)

    __radd__ = __add__

    def __floordiv__(self, other: int) -> "WatchedTime":
        return WatchedTime.of(int(self) // int(other), self.watch)

    def _told(self) -> int:
        self.watch.saw(TIME)
        return int(self)

    def __lt__(self, other: int) -> bool:
        return self._told() < int(other)

    def __le__(self, other: int) -> bool:
        return self._told() <= int(other)

    def __gt__(self, other: int) -> bool:
        return self._told() > int(other)

    def __ge__(self, other: int) -> bool:
        return self._told() >= int(other)

    def __eq__(self, other: object) -> bool:
        return self._told() == other

    def __ne__(self, other: object) -> bool:
        return self._told() != other

    __hash__ = int.__hash__


def watched(registry: Registry) -> Registry:
    """The same features, each rule watched."""
    return Registry(
        [
            replace(feature, rules=tuple(_watched(rule) for rule in feature.rules))
            for feature in (*registry.features, *registry.off)
        ],
        {feature.ocpp_profile for feature in registry.off},
    )


def _watched(rule: Rule) -> Rule:
    watch = Watch(rule)

    def decide(state: StationState, at_ms: int) -> Events:
        with watch.asked():
            return tuple(rule.decide(cast("StationState", WatchedState(state, watch)), WatchedTime.of(at_ms, watch)))

    return replace(rule, decide=decide)
