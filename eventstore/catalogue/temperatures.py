"""Temperatures in the station, and what follows from them: less current, or none."""

from typing import ClassVar

from eventstore.event import Decision, Observation


class TemperaturesDescribed(Observation, frozen=True, kw_only=True):
    """What the settings say of temperatures; recorded at a boot where it is not what was recorded last.

    `curves` has for each connector the points (tenths of a degree Celsius, mA) between which its current falls, none: it does not.
    Above the last point it is too hot, until it is `hysteresis_dc` cooler. With a silent sensor it may draw `silent_current_ma`.
    """

    NAME: ClassVar[str] = "TemperaturesDescribed"

    curves: tuple[tuple[tuple[int, int], ...], ...] = ()
    silent_current_ma: int = 6_000
    hysteresis_dc: int = 50


class TemperatureObserved(Observation, frozen=True, kw_only=True):
    """A sensor that concerns a connector (0: all) says another temperature, in tenths of a degree Celsius; None: it is silent."""

    NAME: ClassVar[str] = "TemperatureObserved"

    connector_id: int
    sensor: str
    temperature_dc: int | None


class DeratingChanged(Decision, frozen=True, kw_only=True):
    """What the connector may draw for its temperature, mA per phase; None: it is no limit.

    `temperature_dc` is that of the hottest sensor; `silent`: one of them says nothing. `overheated`: HighTemperature (7.6), no energy.
    """

    NAME: ClassVar[str] = "DeratingChanged"

    connector_id: int
    limit_ma: int | None
    temperature_dc: int | None
    silent: bool
    overheated: bool
