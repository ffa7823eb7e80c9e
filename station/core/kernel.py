"""The kernel: one pure step from an observation to a batch of events and the state they amount to.

Theory of operation
    `step` records the observation, asks the features that observe its kind what follows, and then asks every rule over
    the state again and again until none has anything to say: a fixed point. Each event is folded before the next rule
    is asked, so a rule always sees the state as it is. Sequence numbers are part of the state; the store only asserts
    them. Nothing here knows a clock, an id generator or a socket: the same log and the same observations give the same
    batch, always, which is what replay proves.

    An event is folded before it is stored, so one that cannot be folded never reaches the disk. When deciding raises,
    that is our bug, and the fact must still survive: the batch shrinks to the observation and DecisionFailed, and a
    CALL is answered with InternalError. Only when folding the observation itself raises, it is replaced by
    ObservationRejected.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from eventstore.catalogue.lifecycle import (
    ClockAdjusted,
    DeadlineReached,
    DecisionFailed,
    ObservationRejected,
    StationBooted,
    StationStopped,
)
from eventstore.catalogue.link import FrameReceived
from eventstore.event import Event, Observation, Recorded
from projections.station import StationState, evolve
from station.core import calls, exchange
from station.core.feature import Registry

RECONCILE_ROUNDS_MAX = 64
BATCH_MAX = 1024  # an emergency stop is a handful of events for each of 64 connectors
ERROR_LENGTH_MAX = 500


class NoFixedPoint(AssertionError):  # noqa: N818  # it says what is the case
    """The rules never came to rest: our bug, kept with the events that show it."""


@dataclass(slots=True)
class _Run:
    """A batch in the making."""

    state: StationState
    at_ms: int
    cause: int
    batch: list[Recorded] = field(default_factory=list)
    kinds: set[type[Event]] = field(default_factory=set)

    def _offset_ms(self, event: Event) -> int:
        """UTC minus station time as of the event: one that sets the clock already goes by it."""
        return event.offset_ms if isinstance(event, StationBooted | ClockAdjusted) else self.state.clock.offset_ms

    def record(self, event: Event) -> None:
        """Folds the event and appends it; raises NoFixedPoint when the batch grows without end."""
        if len(self.batch) >= BATCH_MAX:
            raise NoFixedPoint(f"{len(self.batch)} events from one observation, the last {type(event).__name__}")
        recorded = Recorded(
            seq=self.state.seq + 1,
            cause=self.cause,
            at_ms=self.at_ms,
            utc_ms=self.at_ms + self._offset_ms(event),
            event=event,
        )
        self.state = evolve(self.state, recorded)
        self.batch.append(recorded)
        self.kinds.add(type(event))


def step(
    state: StationState, observation: Observation, at_ms: int, registry: Registry
) -> tuple[StationState, tuple[Recorded, ...]]:
    """What the observation comes to: the state after it, and the batch to be stored before that state is published.

    `at_ms` is station time; it never goes back, so an earlier one counts as the present. Raises nothing.
    """
    at_ms = max(at_ms, state.at_ms)
    run = _Run(state, at_ms, state.seq + 1)
    try:
        run.record(observation)
    except Exception as error:  # noqa: BLE001  # whatever a fold raises: the fact must survive
        return _rejected(state, observation, at_ms, error)
    facts = run.state, tuple(run.batch)
    if isinstance(observation, StationStopped):  # the last event of the process: nothing is decided after it
        return facts
    try:
        for event in _decisions(run, observation, registry):
            run.record(event)
        _reconcile(run, registry)
    except Exception as error:  # noqa: BLE001  # our bug, and never the log's end
        return _failed(facts, observation, at_ms, error)
    return run.state, tuple(run.batch)


def _decisions(run: _Run, observation: Observation, registry: Registry) -> Iterator[Event]:
    if isinstance(observation, FrameReceived):
        yield from exchange.receive(run.state, observation, run.at_ms, registry)
        if observation.ahead and (sent := calls.left_ahead(run.state, observation.ahead)) is not None:
            yield sent
    elif isinstance(observation, DeadlineReached) and calls.is_call_timeout(run.state, observation):
        yield from calls.time_out(run.state, run.at_ms, registry)
    for observer in registry.observers.get(type(observation), ()):
        yield from observer(run.state, observation, run.at_ms)


def _reconcile(run: _Run, registry: Registry) -> None:
    """Runs the rules to their fixed point. A rule is asked again only after an event that it can depend on.

    A boot asks them all: a log that was salvaged may end in the middle of a batch, with decisions that were lost.
    """
    fresh = run.kinds
    all_are_asked = StationBooted in fresh
    for _ in range(RECONCILE_ROUNDS_MAX):
        run.kinds = set()
        for rule in registry.rules:
            when = None if all_are_asked else rule.when
            if when is not None and when.isdisjoint(fresh) and when.isdisjoint(run.kinds):
                continue
            for event in rule.decide(run.state, run.at_ms):
                run.record(event)
        if not run.kinds:
            for event in calls.dispatch(run.state, run.at_ms, registry):
                run.record(event)
        if not run.kinds:
            for event in calls.prepare(run.state, run.at_ms, registry):
                run.record(event)
        if not run.kinds:
            return
        fresh, all_are_asked = run.kinds, False
    raise NoFixedPoint(f"no fixed point in {RECONCILE_ROUNDS_MAX} rounds")


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:ERROR_LENGTH_MAX]


def _rejected(
    state: StationState, observation: Observation, at_ms: int, error: Exception
) -> tuple[StationState, tuple[Recorded, ...]]:
    run = _Run(state, at_ms, state.seq + 1)
    run.record(ObservationRejected(kind=type(observation).__name__, error=_describe(error)))
    return run.state, tuple(run.batch)


def _failed(
    facts: tuple[StationState, tuple[Recorded, ...]], observation: Observation, at_ms: int, error: Exception
) -> tuple[StationState, tuple[Recorded, ...]]:
    state, batch = facts
    run = _Run(state, at_ms, batch[0].seq, list(batch))
    run.record(DecisionFailed(error=_describe(error)))
    if isinstance(observation, FrameReceived):
        for event in exchange.apologize(run.state, observation):
            run.record(event)
    return run.state, tuple(run.batch)
