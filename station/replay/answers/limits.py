"""What decided each limit of a log: the facts that limits follow from are folded up to it, and nothing else."""

from contextlib import suppress

from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.transactions import TransactionConfirmed
from eventstore.event import Event
from projections.charging_profiles import FOLDS
from projections.limit_reason import LimitReason
from projections.station import INITIAL, Folding, StationState
from station.features.smart_charging.reasons import limit_reason
from station.replay.opening.folding import kept_state
from station.replay.opening.reader import LogReader

KINDS: tuple[type[Event], ...] = (*FOLDS, TransactionConfirmed, ConfigurationChanged)
assert StationBooted in KINDS, "the clock, too, follows from these"


class LimitReasons:
    """The reasons of the limits of one log, to be asked for in order: it reads on from one to the next."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._state: StationState | None = None
        self._seq = 0

    def why(self, seq: int, connector_id: int, at_ms: int) -> LimitReason | None:
        """What decides the limit of the connector after event `seq`; None where nothing tells it."""
        if self._state is None or seq < self._seq:
            self._state = kept_state(self._reader, seq) or INITIAL
            self._seq = self._state.seq
        folding = Folding(self._state)
        for recorded in self._reader.recorded(self._seq, seq, KINDS):
            with suppress(Exception):  # whatever a fold raises for an event that cannot be: a reason less
                folding.add(recorded)
        self._state, self._seq = folding.state(), seq
        with suppress(Exception):  # as above: profiles that no station takes
            return limit_reason(self._state, connector_id, at_ms)
        return None
