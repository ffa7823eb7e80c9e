"""Samples as MeterValue messages (7.33, 7.43)."""

from eventstore.catalogue.transactions import Moment, Sample, SampledValue
from station.rules.sampled_values import meter_value
from station.wire.schema import dump
from tests.given import UTC_2026_MS, station, utc

VALUES = (
    SampledValue(value="12", measurand="Energy.Active.Import.Register", unit="Wh"),
    SampledValue(value="230.0", measurand="Voltage", unit="V", phase="L1-N"),
    SampledValue(value="50", measurand="SoC", unit="Percent", location="EV"),
    SampledValue(value="50.0", measurand="Frequency"),
)


def sample(utc_ms: int | None, at_ms: int = 7_000) -> Sample:
    return Sample(taken=Moment(at_ms=at_ms, boot=1, utc_ms=utc_ms), context="Sample.Clock", values=VALUES)


def test_every_member_is_written_and_none_is_made_up() -> None:
    state = station().boot().state
    assert dump(meter_value(state, sample(UTC_2026_MS))) == {
        "timestamp": utc(0),
        "sampledValue": [
            {"value": "12", "context": "Sample.Clock", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": "230.0", "context": "Sample.Clock", "measurand": "Voltage", "unit": "V", "phase": "L1-N"},
            {"value": "50", "context": "Sample.Clock", "measurand": "SoC", "unit": "Percent", "location": "EV"},
            {"value": "50.0", "context": "Sample.Clock", "measurand": "Frequency"},
        ],
    }


def test_a_moment_without_utc_takes_the_best_knowledge_of_it() -> None:
    assert meter_value(station().boot().state, sample(None)).timestamp == UTC_2026_MS + 7_000


def test_the_time_is_not_before_the_floor() -> None:
    state = station().boot().state
    assert meter_value(state, sample(UTC_2026_MS), UTC_2026_MS + 5).timestamp == UTC_2026_MS + 5
    assert meter_value(state, sample(UTC_2026_MS), UTC_2026_MS - 5).timestamp == UTC_2026_MS
