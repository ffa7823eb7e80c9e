"""Draws how long a start is delayed, once what delays it is on record. The draw is an observation: nothing else is left to chance."""

from collections.abc import Callable, Sequence

from eventstore.catalogue.limits import StartDelayDrawn, StartsDelayed
from eventstore.event import Observation, Recorded
from projections.station import StationState
from station.runtime import entropy


class StartDelays:
    """Answers each StartsDelayed with one draw. `submit` puts an observation into the station's inbox."""

    def __init__(self, submit: Callable[[Observation], None], draw: Callable[[int], int] = entropy.delay_ms) -> None:
        self._submit = submit
        self._draw = draw

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Draws for what the batch has begun."""
        if any(isinstance(recorded.event, StartsDelayed) for recorded in batch):
            self._submit(StartDelayDrawn(delay_ms=self._draw(state.outside_limits.rules.random_delay_max_ms)))
