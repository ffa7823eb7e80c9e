"""Tags that no card bears."""

import pytest

from eventstore.catalogue.hardware import VehicleIdentified
from station.rules.cardless import free_id_tag, is_of_no_card, is_used, tag_of_plug
from tests.given import station


@pytest.mark.parametrize(("connector_id", "tag"), [(0, ""), (1, "HOME"), (2, ""), (3, "")])
def test_each_connector_has_its_own_tag_or_none(connector_id: int, tag: str) -> None:
    assert free_id_tag(station(connectors=2, free_id_tags=("HOME", "")).boot().state, connector_id) == tag


def test_nothing_is_asked_of_a_station_that_needs_cards() -> None:
    assert not is_used(station().state)
    assert not is_used(station().boot().state)
    assert is_used(station(free_id_tags=("HOME",)).boot().state)
    assert is_used(station(autocharge_prefix="VID:").boot().state)


def test_a_plug_counts_as_the_connectors_tag_else_as_the_vehicles() -> None:
    found = station(connectors=2, free_id_tags=("HOME", ""), autocharge_prefix="VID:").boot()
    for number in (1, 2):
        found.plug(number, "B")
    assert (tag_of_plug(found.state, 1), tag_of_plug(found.state, 2)) == (("HOME", "plug"), None)
    found.observe(VehicleIdentified(connector_id=2, evccid="0A1B2C3D4E5F"))
    assert tag_of_plug(found.state, 2) == ("VID:0A1B2C3D4E5F", "vehicle")


@pytest.mark.parametrize(
    ("id_tag", "connector_id", "expected"),
    [("home", 1, True), ("home", 2, False), ("vid:0A", 2, True), ("DEADBEEF", 1, False), ("", 2, False)],
)
def test_nobody_can_present_a_tag_that_no_card_bears(id_tag: str, connector_id: int, expected: bool) -> None:
    state = station(connectors=2, free_id_tags=("HOME", ""), autocharge_prefix="VID:").boot().state
    assert is_of_no_card(state, connector_id, id_tag) is expected
    assert not is_of_no_card(station().boot().state, 1, id_tag)
