"""What the settings say of temperatures: as the log has it, and as the sensors that it names."""

import asyncio
from typing import TYPE_CHECKING

from eventstore.catalogue.temperatures import TemperaturesDescribed
from station.settings.loading import Settings

if TYPE_CHECKING:
    from devices.temperature.w1_sensors import W1Sensors


def describe_temperatures(settings: Settings, connectors: int) -> TemperaturesDescribed:
    """The `[temperature]` table in integers."""
    temperature = settings.temperature
    curves = temperature.curves(connectors)
    return TemperaturesDescribed(
        curves=tuple(tuple((round(c * 10), int(a * 1000)) for c, a in curve) for curve in curves),
        silent_current_ma=temperature.silent_current_a * 1000,
        hysteresis_dc=round(temperature.hysteresis_c * 10),
    )


def tops_dc(described: TemperaturesDescribed) -> tuple[int | None, ...]:
    """Above which temperature each connector is too hot; None: it has no curve."""
    return tuple(curve[-1][0] if curve else None for curve in described.curves)


def _loop_ms() -> int:
    """The event loop's time, which no control of a bench moves."""
    return int(asyncio.get_running_loop().time() * 1_000)


def sensors_beside(settings: Settings) -> "W1Sensors | None":
    """The sensors that are no part of the board; None if there are none."""
    if not settings.temperature.sensors:
        return None
    from devices.temperature.w1_sensors import W1Sensor, W1Sensors

    sensors = (W1Sensor(sensor_id=each.id, connector_id=each.connector) for each in settings.temperature.sensors)
    return W1Sensors(tuple(sensors), _loop_ms)
