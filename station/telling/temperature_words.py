"""Temperatures in plain words."""

from collections.abc import Mapping

from eventstore.catalogue import temperatures
from eventstore.event import Event
from station.telling.amounts import current
from station.telling.shown import where
from station.telling.upkeep_words import DETAIL, HEADLINE, Words


def celsius(temperature_dc: int) -> str:
    """ "65.0 °C"."""
    return f"{temperature_dc / 10:.1f} °C"


def _observed(event: temperatures.TemperatureObserved) -> str:
    if event.temperature_dc is None:
        return f"Temperature sensor {event.sensor}{where(event)} is SILENT"
    return f"Temperature{where(event)} is {celsius(event.temperature_dc)} ({event.sensor})"


def _derated(event: temperatures.DeratingChanged) -> str:
    at = "" if event.temperature_dc is None else f" at {celsius(event.temperature_dc)}"
    if event.overheated:
        return f"TOO HOT{where(event)}{at}: no energy until it has cooled down"
    if event.limit_ma is None:
        return f"No limit by temperature{where(event)} any more{at}"
    if event.silent:
        return f"A temperature sensor is SILENT: at most {current(event.limit_ma)}{where(event)}"
    return f"Warm{where(event)}: at most {current(event.limit_ma)}{at}"


TEMPERATURES: Mapping[type[Event], tuple[int, Words]] = {
    temperatures.TemperaturesDescribed: (DETAIL, lambda e: "The settings of temperatures were read"),
    temperatures.TemperatureObserved: (DETAIL, _observed),
    temperatures.DeratingChanged: (HEADLINE, _derated),
}
