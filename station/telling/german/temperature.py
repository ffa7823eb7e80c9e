"""German words for temperatures. Part of the table of `wording`."""

from collections.abc import Mapping

from eventstore.catalogue import temperatures
from eventstore.event import Event
from station.telling.german.amounts import current
from station.telling.german.upkeep import Words
from station.telling.german.vocabulary import where
from station.telling.temperature_words import celsius


def _celsius(temperature_dc: int) -> str:
    return celsius(temperature_dc).replace(".", ",")


def _observed(event: temperatures.TemperatureObserved) -> str:
    if event.temperature_dc is None:
        return f"Temperaturfühler {event.sensor}{where(event)} SCHWEIGT"
    return f"Temperatur{where(event)} ist {_celsius(event.temperature_dc)} ({event.sensor})"


def _derated(event: temperatures.DeratingChanged) -> str:
    at = "" if event.temperature_dc is None else f" bei {_celsius(event.temperature_dc)}"
    if event.overheated:
        return f"ZU HEISS{where(event)}{at}: keine Energie, bis es abgekühlt ist"
    if event.limit_ma is None:
        return f"Keine Grenze durch die Temperatur mehr{where(event)}{at}"
    if event.silent:
        return f"Ein Temperaturfühler SCHWEIGT: höchstens {current(event.limit_ma)}{where(event)}"
    return f"Warm{where(event)}: höchstens {current(event.limit_ma)}{at}"


TEMPERATURES: Mapping[type[Event], Words] = {
    temperatures.TemperaturesDescribed: lambda e: "Die Einstellungen der Temperaturen wurden gelesen",
    temperatures.TemperatureObserved: _observed,
    temperatures.DeratingChanged: _derated,
}
