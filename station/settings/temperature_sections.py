"""The `[temperature]` table of the settings file: derating curves, and sensors beside the board."""

import re
from itertools import pairwise
from typing import Annotated

from devices.kinds import Number, TableArray, TableKey, Text, Whole, shown
from eventstore.value import Value
from station.settings.kinds import CONNECTORS_MAX

POINTS_MAX = 8
SENSORS_MAX = 16
_SENSOR_ID = re.compile(r"28-[0-9a-f]{12}")

Points = tuple[tuple[float, float], ...]


class Curves(Value, frozen=True, kw_only=True):
    """Points of degrees Celsius and amperes, as in `[[60, 32], [80, 6]]`, for all connectors; or an array of such, one for each.

    Kept as one curve, or one for each connector."""

    celsius: Number = Number(minimum=-20, maximum=120, unit="degrees")
    amperes: Number = Number(minimum=6, maximum=80, unit="amperes")

    def read(self, value: object) -> object:
        if not isinstance(value, list):
            raise ValueError(f"must be an array of points, not {shown(value)}")
        if not value:
            return ()
        if not all(isinstance(item, list) and all(isinstance(each, list) for each in item) for item in value):
            return (self._curve(value),)
        if len(value) > CONNECTORS_MAX:
            raise ValueError(f"must have at most {CONNECTORS_MAX} curves, not {len(value)}")
        return tuple(self._curve(item) for item in value)

    def describe(self) -> str:
        return "array of points, or one for each connector"

    def _curve(self, value: list[object]) -> Points:
        if len(value) > POINTS_MAX:
            raise ValueError(f"must have at most {POINTS_MAX} points, not {len(value)}")
        points = tuple(self._point(number, item) for number, item in enumerate(value, start=1))
        for (from_c, from_a), (to_c, to_a) in pairwise(points):
            if to_c <= from_c or to_a > from_a:
                raise ValueError(
                    f"must become warmer and not rise: [{to_c:g}, {to_a:g}] follows [{from_c:g}, {from_a:g}]"
                )
        return points

    def _point(self, number: int, value: object) -> tuple[float, float]:
        if not isinstance(value, list) or len(value) != 2:
            raise ValueError(f"point {number} must be [degrees, amperes], not {shown(value)}")
        for name, kind, item in (("degrees", self.celsius, value[0]), ("amperes", self.amperes, value[1])):
            try:
                kind.read(item)
            except ValueError as error:
                raise ValueError(f"point {number}: the {name} {error}") from error
        return float(value[0]), float(value[1])


class NoOrCurrent(Value, frozen=True, kw_only=True):
    """0, or a current that a pilot can offer."""

    def read(self, value: object) -> object:
        if value == 0 and not isinstance(value, bool):
            return 0
        return Whole(minimum=6, maximum=80).read(value)

    def describe(self) -> str:
        return "whole number, 0 or 6 to 80"


def _check_sensor_id(text: str) -> None:
    if _SENSOR_ID.fullmatch(text) is None:
        raise ValueError(f'must be as in "28-0316a279f0ff", a folder of /sys/bus/w1/devices, not {shown(text)}')


class SensorSection(Value, frozen=True, kw_only=True):
    """A DS18B20 on a bus of the kernel's."""

    id: Annotated[str, TableKey(Text(longest=40, check=_check_sensor_id), "its folder in /sys/bus/w1/devices")]
    connector: Annotated[
        int, TableKey(Whole(minimum=0, maximum=CONNECTORS_MAX), "the connector that it concerns; 0: all")
    ] = 0


class TemperatureSettings(Value, frozen=True, kw_only=True):
    """Temperatures: less current for a connector that is warm, none for one that is too hot."""

    derating: Annotated[
        tuple[Points, ...],
        TableKey(
            Curves(),
            "as in `[[60, 32], [80, 6]]`: 32 A up to 60 degrees Celsius, 6 A at 80, HighTemperature above the last; empty: no temperature "
            "limits; an array of such: one for each connector",
        ),
    ] = ()
    hysteresis_c: Annotated[
        float,
        TableKey(Number(minimum=1, maximum=40, unit="degrees"), "HighTemperature ends so far below the last point"),
    ] = 5
    silent_current_a: Annotated[
        int, TableKey(NoOrCurrent(), "what a connector may draw while a sensor of it is silent; 0: nothing")
    ] = 6
    sensors: Annotated[
        tuple[SensorSection, ...],
        TableKey(
            TableArray(section=SensorSection, longest=SENSORS_MAX),
            'DS18B20 on the kernel\'s 1-Wire bus, as in `[{ id = "28-0316a279f0ff", connector = 1 }]`; connector 0, or none: all',
        ),
    ] = ()

    def curves(self, connectors: int) -> tuple[Points, ...]:
        """The curve of each connector; () where it has none."""
        return self.derating * connectors if len(self.derating) <= 1 else self.derating
