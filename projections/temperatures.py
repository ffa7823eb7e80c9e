"""Temperatures: what each sensor says, what the settings make of it, and the limit of each connector that follows."""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.temperatures import DeratingChanged, TemperatureObserved, TemperaturesDescribed
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from projections.clock import Clock
from projections.connector import Connectors, Derating

SENSORS_MAX = 64
Curve = tuple[tuple[int, int], ...]


class Thermometer(Value, frozen=True, kw_only=True):
    """What a sensor said last; None: it is silent. Connector 0: it concerns all."""

    connector_id: int
    sensor: str
    temperature_dc: int | None


class Temperatures(Value, frozen=True, kw_only=True):
    """The sensors that have reported since the boot, and the settings."""

    sensors: tuple[Thermometer, ...] = ()
    described: TemperaturesDescribed = TemperaturesDescribed()

    def on(self, connector_id: int) -> tuple[Thermometer, ...]:
        """The sensors that concern a connector."""
        return tuple(each for each in self.sensors if each.connector_id in (0, connector_id))

    def hottest_dc(self, connector_id: int) -> int | None:
        """The highest temperature that concerns a connector; None if no sensor gives one."""
        known = (each.temperature_dc for each in self.on(connector_id))
        return max((found for found in known if found is not None), default=None)

    def curve(self, connector_id: int) -> Curve:
        """The connector's derating curve; () if it has none."""
        curves = self.described.curves
        return curves[connector_id - 1] if 1 <= connector_id <= len(curves) else ()


def _on_boot(temperatures: Temperatures, event: StationBooted, recorded: Recorded, _: Clock) -> Temperatures:
    return replace(temperatures, sensors=())


def _on_described(
    temperatures: Temperatures, event: TemperaturesDescribed, recorded: Recorded, _: Clock
) -> Temperatures:
    return replace(temperatures, described=event)


def _on_observed(temperatures: Temperatures, event: TemperatureObserved, recorded: Recorded, _: Clock) -> Temperatures:
    place = event.connector_id, event.sensor
    others = tuple(each for each in temperatures.sensors if (each.connector_id, each.sensor) != place)
    said = Thermometer(connector_id=event.connector_id, sensor=event.sensor, temperature_dc=event.temperature_dc)
    return replace(temperatures, sensors=(*others, said)[-SENSORS_MAX:])


def _on_derating(connectors: Connectors, event: DeratingChanged, recorded: Recorded, _: Clock) -> Connectors:
    derating = Derating(
        limit_ma=event.limit_ma,
        temperature_dc=event.temperature_dc,
        silent=event.silent,
        overheated=event.overheated,
    )
    return connectors.changed(event.connector_id, derating=derating)


FOLDS: Mapping[type[Event], Callable[[Temperatures, Any, Recorded, Clock], Temperatures]] = {
    StationBooted: _on_boot,
    TemperaturesDescribed: _on_described,
    TemperatureObserved: _on_observed,
}
CONNECTOR_FOLDS: Mapping[type[Event], Callable[[Connectors, Any, Recorded, Clock], Connectors]] = {
    DeratingChanged: _on_derating,
}
