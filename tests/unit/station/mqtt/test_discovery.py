"""What Home Assistant is told."""

import json

from eventstore.value import replace
from station.mqtt.discovery import device_id, discovery
from station.mqtt.topics import topics
from tests.given import DESCRIPTION, StationUnderTest, station

REQUIRED = {"platform", "unique_id", "state_topic", "name"}


def test_the_device_has_an_entity_for_each_topic_and_only_topics_that_are_published() -> None:
    found = station().online()
    topic, document = discovery(found.state, "homeassistant", "chargebox/CB-0001")
    assert topic == "homeassistant/device/chargebox_CB-0001/config"
    assert document["device"]["identifiers"] == ["chargebox_CB-0001"]
    assert document["origin"]["name"] == "chargebox"
    assert document["availability_topic"] == "chargebox/CB-0001/availability"
    entities = document["components"]
    assert all(entity.keys() >= REQUIRED for entity in entities.values())
    assert [entity["unique_id"] for entity in entities.values()] == list(entities)
    shown = {entity["state_topic"] for entity in entities.values()}
    published = {f"chargebox/CB-0001/{name}" for name in topics(found.state, found.state.at_ms, full_tags=False)}
    assert published - shown == {"chargebox/CB-0001/status", "chargebox/CB-0001/version"}
    assert shown <= published
    assert json.loads(json.dumps(document)) == document


def test_the_register_can_be_chosen_for_the_energy_dashboard() -> None:
    _, document = discovery(station().online().state, "homeassistant", "chargebox/CB-0001")
    entity = document["components"]["chargebox_CB-0001_1_energy_wh"]
    assert (entity["device_class"], entity["state_class"], entity["unit_of_measurement"]) == (
        "energy",
        "total_increasing",
        "Wh",
    )


def test_connectors_are_told_apart_where_there_are_several() -> None:
    (one,) = ({entity["name"] for entity in discovery(station().online().state, "h", "t")[1]["components"].values()},)
    assert "Power" in one
    two = StationUnderTest(description=replace(DESCRIPTION, connectors=2, phases=1)).online()
    names = {entity["name"] for entity in discovery(two.state, "h", "t")[1]["components"].values()}
    assert {"Connector 1 power", "Connector 2 power"} <= names
    assert not any(name.endswith("l2") for name in names)


def test_an_identity_becomes_an_id_that_home_assistant_takes() -> None:
    assert device_id("CB 1/ä.x-2") == "chargebox_CB_1___x-2"
