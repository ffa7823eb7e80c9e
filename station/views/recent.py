"""What the last hour of events tells that the state does not keep: the curves of power and limit, the last trouble of the link, the boot, changed keys."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.hardware import ContactorObserved, MeterObserved
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.link import ConnectFailed, LinkClosed, LinkOpened
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.event import Event, Recorded
from station.telling.masking import without_credentials
from station.views.saying import Json

WINDOW_MS = 3_600_000
POINTS_MAX = 1_000
"""Of one connector; readings stand `APART_MS` apart, so only limits that change all the time reach it."""
APART_MS = 5_000
CONNECTORS_MAX = 64

Point = tuple[int, int | None, int | None]
"""Station time, power in W, limit in mA; None where nothing tells it."""


class Recent:
    """A fold over the events of one log, in order; it may begin anywhere."""

    def __init__(self) -> None:
        self.seq = 0
        self.trouble: Json | None = None
        self.down_since_ms: int | None = None
        self.booted_ms: int | None = None
        self.changed: dict[str, int] = {}
        """Configuration keys, and when each was changed last, UTC in ms."""
        self._points: dict[int, deque[Point]] = {}
        self._power: dict[int, int | None] = {}
        self._limit: dict[int, int] = {}
        self._passing: set[int] = set()
        """The connectors whose last point may give way to the next one."""

    def add(self, recorded: Recorded) -> None:
        """One event more."""
        self.seq = recorded.seq
        fold = _FOLDS.get(type(recorded.event))
        if fold is not None:
            fold(self, recorded)

    def curve(self, connector_id: int, at_ms: int, limit_ma: int) -> list[Point]:
        """The points of the hour before `at_ms`, oldest first; `limit_ma` is the present limit, which held all along if none is on record."""
        unknown = limit_ma if connector_id not in self._limit else None
        return [
            (moment_ms, power_w, unknown if limit is None else limit)
            for moment_ms, power_w, limit in self._points.get(connector_id, ())
            if moment_ms > at_ms - WINDOW_MS
        ]

    def _point(self, connector_id: int, at_ms: int, *, is_turn: bool) -> None:
        """What flows and what may flow from now on; a turn is kept whatever stands beside it."""
        if connector_id not in self._points and len(self._points) >= CONNECTORS_MAX:
            return
        points = self._points.setdefault(connector_id, deque(maxlen=POINTS_MAX))
        if not is_turn and connector_id in self._passing and points[-1][0] - points[-2][0] < APART_MS:
            points.pop()
        points.append((at_ms, self._power.get(connector_id), self._limit.get(connector_id)))
        if is_turn or len(points) < 2:
            self._passing.discard(connector_id)
        else:
            self._passing.add(connector_id)

    def _on_meter(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        self._power[event.connector_id] = event.power_w
        self._point(event.connector_id, recorded.at_ms, is_turn=False)

    def _on_contactor(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        if not event.closed:
            self._power[event.connector_id] = 0
        self._point(event.connector_id, recorded.at_ms, is_turn=True)

    def _on_limit(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        self._point(event.connector_id, recorded.at_ms, is_turn=True)
        self._limit[event.connector_id] = event.limit_ma
        self._point(event.connector_id, recorded.at_ms, is_turn=True)

    def _on_trouble(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        self.trouble = {"reason": without_credentials(event.reason), "at": recorded.utc_ms}
        if isinstance(event, LinkClosed) or self.down_since_ms is None:
            self.down_since_ms = recorded.utc_ms

    def _on_opened(self, recorded: Recorded) -> None:
        self.down_since_ms = None

    def _on_configured(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        self.changed[event.key] = recorded.utc_ms

    def _on_booted(self, recorded: Recorded) -> None:
        self.booted_ms = self.down_since_ms = recorded.utc_ms


_FOLDS: Mapping[type[Event], Callable[[Recent, Recorded], None]] = {
    MeterObserved: Recent._on_meter,  # noqa: SLF001  # the table of the class itself
    ContactorObserved: Recent._on_contactor,  # noqa: SLF001
    LimitChanged: Recent._on_limit,  # noqa: SLF001
    ConnectFailed: Recent._on_trouble,  # noqa: SLF001
    LinkClosed: Recent._on_trouble,  # noqa: SLF001
    LinkOpened: Recent._on_opened,  # noqa: SLF001
    ConfigurationChanged: Recent._on_configured,  # noqa: SLF001
    StationBooted: Recent._on_booted,  # noqa: SLF001
}
KINDS = frozenset(kind.NAME for kind in _FOLDS)
"""The events that it reads."""
