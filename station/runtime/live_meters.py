"""Readings of this moment, beside the state: for views of the station between two samples.

The log gets a reading when something may follow from it (`station.rules.reading_rules`). Between two of those, and always with
MeterValueSampleInterval 0, the state's reading is as old as the last of them. So a view is made of the state with fresh
readings put in: what the state would believe if they were observed now. They are not kept, and nothing is decided on them.

The board is asked once for each connector and view. None of the boards asks a meter for that: the bench computes, pulses are
counted as they come, and a bus is read every `period_ms` whoever looks. A reading older than FRESH_MS is not shown as a present
one: what flows is then unknown, and the register stands with the time at which it was read.
"""

from typing import Any

from devices.protocols import StationBoard
from devices.readings import MeterUnavailable
from eventstore.value import replace
from projections.connector import BelievedReading, Connector
from projections.station import StationState
from station.core import kernel
from station.core.feature import Registry
from station.runtime.gateway import is_on_record, meter_observed

FRESH_MS = 2_000


class LiveMeters:
    """The meters of a board, for a station of these features."""

    def __init__(self, board: StationBoard, registry: Registry) -> None:
        self._board = board
        self._registry = registry

    def shown(self, state: StationState, at_ms: int) -> StationState:
        """The state with the readings of `at_ms`, for views only."""
        connectors = state.connectors
        for connector in connectors.real:
            connectors = connectors.changed(connector.connector_id, **self._facts(state, connector, at_ms))
        return replace(state, connectors=connectors)

    def _facts(self, state: StationState, connector: Connector, at_ms: int) -> dict[str, Any]:
        try:
            found = self._board.read_meter(connector.connector_id, at_ms)
        except MeterUnavailable as error:
            return {"reading": _no_longer(connector.reading), "meter_failed": connector.meter_failed or str(error)}
        if found.age_ms > FRESH_MS:
            return {"reading": _no_longer(connector.reading)}
        fresh = meter_observed(found)
        believed, is_known = connector, is_on_record(connector, fresh)
        if is_known and not connector.contactor_closed:
            return {}  # nothing flows and nothing has changed since it was read
        if not is_known:
            believed = kernel.step(state, fresh, at_ms, self._registry)[0].connectors[connector.connector_id]
        if believed.reading is None:
            return {}
        read_at_ms = max(0, at_ms - found.age_ms)
        return {"reading": replace(believed.reading, at_ms=read_at_ms), "meter_failed": believed.meter_failed}


def _no_longer(reading: BelievedReading | None) -> BelievedReading | None:
    """A reading of before: the register as it was then, and nothing of what flowed."""
    if reading is None:
        return None
    return replace(reading, power_w=None, current_ma=(), voltage_mv=(), frequency_mhz=None, temperature_dc=None)
