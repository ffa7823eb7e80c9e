"""What Home Assistant gets, so that the station appears there by itself: one message for the device with all its entities. Pure.

Its device discovery (Home Assistant 2024.11 and newer): `<prefix>/device/<id>/config` with `device`, `origin` and `components`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from projections.station import StationState
from station.mqtt.topics import AVAILABILITY, PHASES, connector_topic
from station.rules import status

Entity = Mapping[str, Any]

STATUSES = tuple(sorted(status.TRANSITIONS))
ORIGIN = "chargebox"


def device_id(identity: str) -> str:
    """The station's id for Home Assistant, which takes letters, digits, "_" and "-"."""
    return "chargebox_" + "".join(
        sign if sign.isascii() and (sign.isalnum() or sign == "-") else "_" for sign in identity
    )


def discovery(state: StationState, prefix: str, station_topic: str) -> tuple[str, dict[str, Any]]:
    """The topic and the document."""
    described = state.described
    node = device_id(described.identity)
    entities = {f"{node}_{key}": entity for key, entity in _entities(state)}
    components = {
        unique: {**entity, "unique_id": unique, "state_topic": f"{station_topic}/{entity['state_topic']}"}
        for unique, entity in entities.items()
    }
    document = {
        "device": {
            "identifiers": [node],
            "name": described.identity,
            "manufacturer": described.vendor,
            "model": described.model,
            "serial_number": described.serial,
            "sw_version": state.maintenance.software_version,
        },
        "origin": {"name": ORIGIN, "sw_version": state.maintenance.software_version},
        "availability_topic": f"{station_topic}/{AVAILABILITY}",
        "components": components,
    }
    return f"{prefix}/device/{node}/config", document


def _entities(state: StationState) -> Iterator[tuple[str, Entity]]:
    yield "csms", _binary("csms", "Connection to the operator", "connectivity", entity_category="diagnostic")
    several = len(state.connectors.real) > 1
    for connector in state.connectors.real:
        number = connector.connector_id
        for name, entity in _of_connector(state.described.phases):
            shown = f"Connector {number} {entity['name'].lower()}" if several else entity["name"]
            yield f"{number}_{name}", {**entity, "name": shown, "state_topic": connector_topic(number, name)}


def _of_connector(phases: int) -> Iterator[tuple[str, Entity]]:
    yield "status", _sensor("Status", device_class="enum", options=list(STATUSES))
    yield "error", _sensor("Error", entity_category="diagnostic")
    yield "plugged", _binary("", "Plugged in", "plug")
    yield "power_w", _measured("Power", "power", "W", "measurement")
    yield "energy_wh", _measured("Energy", "energy", "Wh", "total_increasing")
    yield "session_wh", _measured("Energy of this session", "energy", "Wh", "total")
    for phase in PHASES[:phases]:
        yield f"current_{phase}_a", _measured(f"Current {phase.upper()}", "current", "A", "measurement")
    yield "limit_a", _measured("Limit", "current", "A", "measurement")
    yield "limit_by", _sensor("Limited by")
    yield "tag", _sensor("Tag", entity_category="diagnostic")


def _sensor(name: str, **more: object) -> Entity:
    return {"platform": "sensor", "name": name, **more}


def _measured(name: str, device_class: str, unit: str, state_class: str) -> Entity:
    return _sensor(name, device_class=device_class, unit_of_measurement=unit, state_class=state_class)


def _binary(topic: str, name: str, device_class: str, **more: object) -> Entity:
    return {"platform": "binary_sensor", "name": name, "device_class": device_class, "state_topic": topic, **more}
