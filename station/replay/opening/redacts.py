"""What a reader of logs asks of whoever redacts them (`station.replay.export.redacted`)."""

from typing import Any, Protocol

from eventstore.chain import Row
from projections.station import StationState


class Redacts(Protocol):
    """Takes out of rows, states and JSON values what must not be shown."""

    def row(self, row: Row) -> Row:
        """The row as it may be shown."""
        ...

    def state(self, state: StationState) -> StationState:
        """The state as if it had been folded from such rows."""
        ...

    def value(self, value: Any) -> Any:
        """What is said beside the events."""
        ...
