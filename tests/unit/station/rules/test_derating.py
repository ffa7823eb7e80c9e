"""What a connector may draw for its temperature."""

import pytest

from eventstore.catalogue.temperatures import TemperaturesDescribed
from eventstore.value import replace
from projections.connector import Connector, Derating
from projections.temperatures import Temperatures, Thermometer
from station.rules.derating import current_at, derating_of

CURVE = ((600, 32_000), (800, 6_000))
DESCRIBED = TemperaturesDescribed(curves=(CURVE, ()), silent_current_ma=10_000, hysteresis_dc=50)


def warm(*found: int | None, connector_id: int = 1, described: TemperaturesDescribed = DESCRIBED) -> Temperatures:
    sensors = tuple(
        Thermometer(connector_id=connector_id, sensor=str(number), temperature_dc=each)
        for number, each in enumerate(found)
    )
    return Temperatures(sensors=sensors, described=described)


def derated(held: Derating, *found: int | None, connector_id: int = 1) -> Derating:
    return derating_of(warm(*found, connector_id=connector_id), Connector(connector_id=1, derating=held))


@pytest.mark.parametrize(
    ("dc", "ma"),
    [(599, None), (600, 32_000), (601, 31_000), (700, 19_000), (799, 6_000), (800, 6_000), (1_000, 6_000)],
)
def test_between_its_points_the_current_falls_in_whole_amperes(dc: int, ma: int | None) -> None:
    assert current_at(CURVE, dc) == ma


def test_a_curve_may_have_steps_and_a_single_point() -> None:
    assert current_at(((600, 16_000),), 599) is None
    assert current_at(((600, 16_000),), 900) == 16_000
    assert current_at(((500, 32_000), (600, 32_000), (601, 16_000)), 600) == 32_000


def test_the_hottest_sensor_counts_and_those_of_the_station_too() -> None:
    assert derated(Derating(), 300, 700).limit_ma == 19_000
    assert derated(Derating(), 700, connector_id=0).limit_ma == 19_000
    assert derated(Derating(), 700, connector_id=2) == Derating()


def test_it_falls_at_once_and_rises_two_degrees_later() -> None:
    held = derated(Derating(), 700)
    assert held.limit_ma == 19_000
    assert derated(held, 710).limit_ma == 17_000
    assert derated(held, 690).limit_ma == 19_000
    assert derated(held, 680).limit_ma == 19_000
    assert derated(held, 670).limit_ma == 20_000
    assert derated(held, 579).limit_ma is None
    assert derated(held, 581).limit_ma == 31_000


def test_above_the_last_point_it_is_too_hot_until_it_is_cooler_by_the_hysteresis() -> None:
    assert not derated(Derating(), 800).overheated
    hot = derated(Derating(), 801)
    assert hot.overheated
    assert derated(hot, 751).overheated
    assert not derated(hot, 750).overheated


def test_a_silent_sensor_allows_the_safe_current_whatever_the_others_say() -> None:
    assert derated(Derating(), None) == Derating(limit_ma=10_000, silent=True)
    assert derated(Derating(), None, 300).limit_ma == 10_000
    assert derated(Derating(), None, 790).limit_ma == 7_000
    back = derated(derated(Derating(), None), 300)
    assert back == Derating(temperature_dc=300)


def test_silence_ends_no_overheating() -> None:
    hot = derated(Derating(), 900)
    assert derated(hot, None).overheated
    assert derated(hot, None, 300).overheated
    assert not derated(hot, 300, 300).overheated


def test_before_a_sensor_has_reported_all_is_as_it_was() -> None:
    hot = derated(Derating(), 900)
    assert derated(hot) == hot
    without = replace(DESCRIBED, curves=())
    assert derating_of(warm(900, described=without), Connector(connector_id=1, derating=hot)) == Derating()
