"""Samples of the log as MeterValue messages (7.33)."""

from eventstore.catalogue.transactions import Sample, SampledValue
from projections.station import StationState
from station.wire import enums
from station.wire.messages import types as wire


def meter_value(state: StationState, sample: Sample, floor_utc_ms: int = 0) -> wire.MeterValue:
    """The sample on the wire; its timestamp is not before `floor_utc_ms` (times of a transaction never decrease)."""
    return wire.MeterValue(
        timestamp=max(state.clock.utc_of(sample.taken), floor_utc_ms),
        sampled_value=tuple(_value(value, sample.context) for value in sample.values),
    )


def _value(value: SampledValue, context: str) -> wire.WireSampledValue:
    return wire.WireSampledValue(
        value=value.value,
        context=enums.ReadingContext(context),
        measurand=enums.Measurand(value.measurand),
        unit=None if value.unit is None else enums.UnitOfMeasure(value.unit),
        phase=None if value.phase is None else enums.Phase(value.phase),
        location=None if value.location is None else enums.Location(value.location),
    )
