"""Measurands and samples (7.31, 9.1.17, errata 3.14)."""

from typing import Any

import pytest

from eventstore.catalogue.transactions import Moment
from eventstore.value import replace
from station.rules import measurands
from station.rules.measurands import (
    GIVEN,
    PERIODIC,
    factory_measurands,
    is_supported,
    measurands_for_stop,
    offered_ma,
    sample,
)
from station.wire.enums import Measurand, Phase, UnitOfMeasure
from tests.given import StationUnderTest, charging, station

TAKEN = Moment(at_ms=1, boot=1, utc_ms=1)


def values(found: StationUnderTest, *asked: str, context: str = PERIODIC) -> list[tuple[str, str | None, str | None]]:
    taken = sample(found.state, 1, asked, context, TAKEN)
    return [] if taken is None else [(value.value, value.unit, value.phase) for value in taken.values]


@pytest.mark.parametrize("item", [*GIVEN, "Voltage.L1", "Voltage.L3-N", "Current.Import.L2"])
def test_supported_items(item: str) -> None:
    assert is_supported(item)


@pytest.mark.parametrize("item", ["", "Voltage.L4", "Voltage.N", "SoC.L1", "voltage", "Energy", "L1", ".L1", "RPM"])
def test_unsupported_items(item: str) -> None:
    """Errata 3.14.4."""
    assert not is_supported(item)


def test_everything_given_is_a_word_of_the_standard() -> None:
    """7.31, 7.34, 7.45."""
    found = charging()
    reading = {
        "frequency_mhz": 50_000,
        "temperature_dc": 200,
        "soc_percent": 50,
        "power_w": 1,
        "current_ma": (1, 2, 3),
        "voltage_mv": (1, 2, 3),
    }
    found.read_meter(1, **reading)
    taken = sample(found.state, 1, tuple(GIVEN), PERIODIC, TAKEN)
    assert taken is not None
    assert {value.measurand for value in taken.values} == set(GIVEN)
    for value in taken.values:
        Measurand(value.measurand)
        assert value.unit is None or UnitOfMeasure(value.unit)
        assert value.phase is None or Phase(value.phase)


@pytest.mark.parametrize(
    ("values_ma", "texts"),
    [((16_000, 0, 5), ["16.0", "0.0", "0.005"]), ((-1_500, 1, 10), ["-1.5", "0.001", "0.01"])],
)
def test_decimals_are_exact(values_ma: tuple[int, ...], texts: list[str]) -> None:
    found = charging()
    found.read_meter(1, current_ma=values_ma)
    assert [text for text, _, _ in values(found, "Current.Import")] == texts


def test_a_single_phase_meter_names_no_phase() -> None:
    found = charging(station(phases=1))
    found.read_meter(1, current_ma=(7_000,), voltage_mv=(231_000,))
    assert values(found, "Current.Import", "Voltage") == [("7.0", "A", None), ("231.0", "V", None)]
    assert values(found, "Current.Import.L1") == [("7.0", "A", None)]


@pytest.mark.parametrize("asked", ["Voltage.L2", "Voltage.L2-N"])
def test_one_phase_may_be_asked_for_either_way(asked: str) -> None:
    found = charging()
    found.read_meter(1, voltage_mv=(1_000, 2_000, 3_000))
    assert values(found, asked) == [("2.0", "V", "L2-N")]


def test_what_the_meter_does_not_give_is_left_out() -> None:
    found = charging()
    found.read_meter(1, power_w=None, current_ma=(), voltage_mv=())
    unknown = ("Power.Active.Import", "Current.Import", "Voltage", "Frequency", "Temperature", "SoC")
    assert values(found, *unknown) == []
    assert sample(found.state, 1, unknown, PERIODIC, TAKEN) is None


@pytest.mark.parametrize("facts", [{"meter_failed": "dead"}, {"reading": None}])
def test_without_a_reading_there_is_no_sample(facts: dict[str, Any]) -> None:
    found = charging()
    state = replace(found.state, connectors=found.state.connectors.changed(1, **facts))
    assert sample(state, 1, ("Energy.Active.Import.Register",), PERIODIC, TAKEN) is None


def test_an_interval_has_no_meaning_without_a_transaction() -> None:
    """Errata 3.77."""
    found = station().online()
    assert values(found, "Energy.Active.Import.Interval") == []


def test_sampled_and_aligned_intervals_are_counted_apart() -> None:
    """Errata 3.77."""
    found = charging(station(factory={"ClockAlignedDataInterval": "100"}))
    found.charge(10)
    found.advance(60)
    found.charge(5)
    assert values(found, "Energy.Active.Import.Interval") == [("5", "Wh", None)]
    assert values(found, "Energy.Active.Import.Interval", context=measurands.CLOCK) == [("15", "Wh", None)]


def test_what_is_offered_is_nothing_without_a_transaction() -> None:
    found = station().online()
    assert offered_ma(found.state, replace(found.state.connectors[1], limit_ma=16_000)) == 0
    running = charging()
    assert offered_ma(running.state, running.state.connectors[1]) == 32_000
    assert values(running, "Power.Offered", "Current.Offered") == [("22080", "W", None), ("32.0", "A", None)]


def test_the_measurands_of_begin_and_end_are_those_of_both_lists_once() -> None:
    """Errata 3.14 (3.16.6)."""
    keys = {"StopTxnSampledData": "Voltage,SoC", "StopTxnAlignedData": "SoC,Frequency"}
    assert measurands_for_stop(station(factory=keys).boot().state) == ("Voltage", "SoC", "Frequency")
    assert measurands_for_stop(station().boot().state) == ()


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ((), ["Energy.Active.Import.Register"]),
        (("energy_wh", "power_w"), ["Energy.Active.Import.Register", "Power.Active.Import"]),
        (
            ("voltage_mv", "current_ma", "power_w", "frequency_mhz", "soc_percent", "energy_wh", "temperature_dc"),
            ["Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Voltage", "Temperature"],
        ),
    ],
)
def test_from_the_factory_is_reported_what_the_meters_give_the_register_always(
    measured: tuple[str, ...], expected: list[str]
) -> None:
    assert list(factory_measurands(measured)) == expected
    assert all(is_supported(item) for item in expected)
