"""The kernel: one pure step from an observation to a batch of events and the state they amount to.

Theory of operation
    `step` records the observation, asks the features that observe its kind what follows, and then asks the rules over the
    state again and again until none has anything to say: a fixed point. Each event is folded before the next rule is
    asked, so a rule always sees the state as it is. A state that `step` has left is at rest, so a rule is asked only once a
    projection that it names is another object than when it was asked last; projections are immutable, and what a fold
    leaves alone stays the same object. Sequence numbers are part of the state; the store only asserts
    them. Nothing here knows a clock, an id generator or a socket: the same log and the same observations give the same
    batch, always, which is what replay proves.

    An event is folded before it is stored, so one that cannot be folded never reaches the disk. When deciding raises,
    that is our bug, and the fact must still survive: the batch shrinks to the observation and DecisionFailed, and a
    CALL is answered with InternalError. Only when folding the observation itself raises, it is replaced by
    ObservationRejected.
"""

from collections.abc import Iterator, Mapping
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
from eventstore.value import replace
from projections.station import StationState, changes
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
    readers: Mapping[str, int] = field(default_factory=dict)
    batch: list[Recorded] = field(default_factory=list)
    waiting: int = 0  # the rules that are to be asked, as in Registry.readers

    def _offset_ms(self, event: Event) -> int:
        """UTC minus station time as of the event: one that sets the clock already goes by it."""
        return event.offset_ms if isinstance(event, (StationBooted, ClockAdjusted)) else self.state.clock.offset_ms

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
        changed = changes(self.state, recorded)
        self.state = replace(self.state, **changed)
        for name in changed:
            self.waiting |= self.readers.get(name, 0)
        self.batch.append(recorded)


def step(
    state: StationState, observation: Observation, at_ms: int, registry: Registry, *, at_rest: bool = True
) -> tuple[StationState, tuple[Recorded, ...]]:
    """What the observation comes to: the state after it, and the batch to be stored before that state is published.

    `at_ms` is station time; it never goes back, so an earlier one counts as the present. `at_rest` is False for a state that
    no step has left: a boot's, one whose last decision failed, or as here said. Then every rule is asked. Raises nothing.
    """
    at_ms = max(at_ms, state.at_ms)
    run = _Run(state, at_ms, state.seq + 1, registry.readers)
    if not at_rest or isinstance(observation, StationBooted) or state.seq <= state.boot.unrest_seq + 1:
        run.waiting = (1 << len(registry.rules)) - 1
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
    """Runs the rules to their fixed point: those that wait to be asked, in their order, until none waits any more."""
    for _ in range(RECONCILE_ROUNDS_MAX):
        length = len(run.batch)
        _ask(run, registry)
        if len(run.batch) == length:
            for event in calls.dispatch(run.state, run.at_ms, registry):
                run.record(event)
        if len(run.batch) == length:
            for event in calls.prepare(run.state, run.at_ms, registry):
                run.record(event)
        if len(run.batch) == length:
            return
    raise NoFixedPoint(f"no fixed point in {RECONCILE_ROUNDS_MAX} rounds")


def _ask(run: _Run, registry: Registry) -> None:
    """Asks each rule that waits once; one that is to be asked again by what follows waits for the next round if it is past."""
    ahead = run.waiting
    while ahead:
        bit = ahead & -ahead
        run.waiting ^= bit
        for event in registry.rules[bit.bit_length() - 1].decide(run.state, run.at_ms):
            run.record(event)
        ahead = run.waiting & -(bit << 1)


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
    run = _Run(state, at_ms, batch[0].seq, batch=list(batch))
    run.record(DecisionFailed(error=_describe(error)))
    if isinstance(observation, FrameReceived):
        for event in exchange.apologize(run.state, observation):
            run.record(event)
    return run.state, tuple(run.batch)
