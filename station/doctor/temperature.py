"""The temperature sensors beside the board: whether they are there, and what they say."""

from collections.abc import Iterator
from pathlib import Path

from devices.temperature.ds18b20 import ROOT, NotMeasured, measure, present, without_power_up
from station.doctor.findings import Finding, fault, ok, warning
from station.settings.loading import Settings

SUBJECT = "temperature"
PLAUSIBLE_DC = range(-400, 900)
"""What a sensor in a station that nobody has heated may say."""


def temperature_findings(settings: Settings, root: Path = ROOT) -> Iterator[Finding]:
    """What there is to say of `[temperature]`; each sensor is read once."""
    temperature = settings.temperature
    if temperature.derating and not temperature.sensors:
        yield ok(SUBJECT, "no sensor is named in [temperature] sensors: what the board measures counts")
    found = present(root)
    for sensor in temperature.sensors:
        yield _finding(sensor.id, root)
    for unused in sorted({*found} - {sensor.id for sensor in temperature.sensors}):
        if temperature.sensors:
            yield warning(SUBJECT, f"sensor {unused} is on the bus and not in the settings", "[temperature] sensors")


def _finding(sensor_id: str, root: Path) -> Finding:
    try:
        measured_dc = without_power_up(measure(sensor_id, root), None)
    except NotMeasured as error:
        others = ", ".join(present(root)) or "none: is the overlay w1-gpio loaded, and the data line pulled up?"
        return fault(SUBJECT, f"sensor {sensor_id}: {error}", f"on the bus: {others}")
    text = f"sensor {sensor_id} says {measured_dc / 10:.1f} degrees Celsius"
    if measured_dc not in PLAUSIBLE_DC:
        return warning(SUBJECT, text, "is it where it should be?")
    return ok(SUBJECT, text)
