"""What the meters say now, beside the state."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from devices.protocols import StationBoard
from devices.readings import MeterReading, MeterUnavailable
from eventstore.catalogue.hardware import ContactorObserved, MeterFailed
from eventstore.value import replace
from projections.connector import Connector
from station.runtime.live_meters import FRESH_MS, LiveMeters
from tests.given import StationUnderTest, charging, station

POWER_W = 11_040
METER = MeterReading(
    connector_id=1,
    energy_wh=1_000,
    power_w=POWER_W,
    current_ma=(16_000,) * 3,
    voltage_mv=(230_000,) * 3,
    frequency_mhz=50_000,
    temperature_dc=None,
    soc_percent=None,
)


@dataclass
class Meters:
    """A board of which only the meters are asked."""

    readings: dict[int, MeterReading] = field(default_factory=dict)

    def read_meter(self, connector_id: int, at_ms: int) -> MeterReading:
        if connector_id not in self.readings:
            raise MeterUnavailable("no answer")
        return replace(self.readings[connector_id], connector_id=connector_id)


def given(**settings: object) -> tuple[StationUnderTest, Meters, Callable[..., Connector]]:
    """A station whose first connector charges, its meters, and what is shown of a connector some ms later."""
    found = charging(station(connectors=2)).configure(**settings)
    found.observe(ContactorObserved(connector_id=1, closed=True))
    meters = Meters({1: METER, 2: replace(METER, energy_wh=2_000, power_w=0)})
    live = LiveMeters(cast("StationBoard", meters), found.registry)

    def shown(later_ms: int = 60_000) -> Connector:
        return live.shown(found.state, found.at_ms + later_ms).connectors[1]

    return found, meters, shown


def test_between_two_samples_what_flows_is_shown_though_none_is_ever_taken() -> None:
    found, meters, shown = given(MeterValueSampleInterval=0)
    meters.readings[1] = replace(METER, energy_wh=1_184)
    before = found.state
    connector = shown()
    assert connector.reading is not None
    assert (connector.reading.power_w, connector.reading.energy_wh) == (POWER_W, 1_184)
    assert connector.reading.at_ms == found.at_ms + 60_000
    assert found.state is before, "the state of the station is what its log tells"


def test_a_reading_that_is_what_the_state_knows_is_a_reading_of_now() -> None:
    found, meters, shown = given()
    known = found.state.connectors[1].reading
    assert known is not None
    meters.readings[1] = replace(
        METER,
        energy_wh=known.energy_wh,
        power_w=known.power_w,
        current_ma=known.current_ma,
        voltage_mv=known.voltage_mv,
    )
    reading = shown().reading
    assert reading is not None
    assert reading == replace(known, at_ms=found.at_ms + 60_000)


def test_the_register_is_shown_as_it_would_be_billed() -> None:
    """Another meter with a smaller register: the reported one never falls."""
    found, meters, shown = given()
    found.energy_wh[1] = 30
    found.read_meter()
    meters.readings[1] = replace(METER, energy_wh=50)
    known, reading = found.state.connectors[1].reading, shown().reading
    assert known is not None
    assert reading is not None
    assert reading.energy_wh - known.energy_wh in {0, 20}
    assert reading.energy_wh >= 1_000


def test_a_reading_of_two_seconds_ago_is_shown_as_of_then_and_an_older_one_tells_no_power() -> None:
    found, meters, shown = given()
    meters.readings[1] = replace(METER, energy_wh=1_100, age_ms=FRESH_MS)
    reading = shown().reading
    assert reading is not None
    assert (reading.power_w, reading.energy_wh, reading.at_ms) == (POWER_W, 1_100, found.at_ms + 58_000)
    meters.readings[1] = replace(METER, energy_wh=1_100, age_ms=FRESH_MS + 1)
    late = shown().reading
    known = found.state.connectors[1].reading
    assert late is not None
    assert known is not None
    assert (late.power_w, late.energy_wh, late.at_ms) == (None, known.energy_wh, known.at_ms)


def test_a_meter_that_does_not_answer_tells_no_power_and_the_register_of_before() -> None:
    found, meters, shown = given()
    del meters.readings[1]
    for _ in range(2):
        connector = shown()
        known = found.state.connectors[1].reading
        assert connector.reading is not None
        assert known is not None
        assert (connector.reading.power_w, connector.reading.energy_wh) == (None, known.energy_wh)
        assert connector.reading.at_ms == known.at_ms
        found.observe(MeterFailed(connector_id=1, reason="no answer"))


def test_a_meter_that_was_never_read_tells_nothing() -> None:
    found, meters, shown = given()
    meters.readings.clear()
    connectors = found.state.connectors.changed(1, reading=None)
    found.state = replace(found.state, connectors=connectors)
    assert shown().reading is None
