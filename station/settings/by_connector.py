"""What the settings say for each connector, held against how many connectors there are."""

from collections.abc import Iterator

from devices.kinds import Problem
from station.settings.sections import AuthorizationSettings
from station.settings.temperature_sections import TemperatureSettings


def by_connector(
    connectors: int, authorization: AuthorizationSettings, temperature: TemperatureSettings
) -> Iterator[Problem]:
    """What does not fit a station with so many connectors."""
    tags, curves = authorization.free_id_tag, len(temperature.derating)
    if not isinstance(tags, str) and len(tags) != connectors:
        text = f"must have an entry for each of the {connectors} connectors, not {len(tags)}; an empty one needs a card"
        yield Problem(path=("authorization", "free_id_tag"), text=text)
    if curves not in (0, 1, connectors):
        text = f"must have one curve, or one for each of the {connectors} connectors, not {curves}"
        yield Problem(path=("temperature", "derating"), text=text)
    for number, sensor in enumerate(temperature.sensors, start=1):
        if sensor.connector > connectors:
            text = f"does not exist: the station has connectors 1 to {connectors}"
            yield Problem(path=("temperature", "sensors", str(number), "connector"), text=text)
    ids = [sensor.id for sensor in temperature.sensors]
    for number, sensor_id in enumerate(ids, start=1):
        if sensor_id in ids[: number - 1]:
            yield Problem(path=("temperature", "sensors", str(number), "id"), text=f"{sensor_id} stands here twice")
