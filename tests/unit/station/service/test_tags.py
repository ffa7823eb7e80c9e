"""The door for tags of software beside the station."""

import pytest

from eventstore.catalogue.hardware import IdTagPresented
from station.service.bodies import InvalidBodyError
from station.service.tags import presented_tag
from tests.given import station

CONNECTORS = station().online().state.connectors


def test_a_tag_is_presented_at_a_connector_or_at_the_station() -> None:
    assert presented_tag({"id_tag": "A", "connector_id": 1}, CONNECTORS, "http") == IdTagPresented(
        id_tag="A", connector_id=1, origin="http"
    )
    assert presented_tag({"id_tag": "A"}, CONNECTORS, "mqtt").connector_id is None


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({}, "id_tag"),
        ({"id_tag": "A" * 21}, "1 to 20 characters"),
        ({"id_tag": "A", "connector_id": 2}, "connector 2 does not exist; there are 1 to 1"),
        ({"id_tag": "A", "door": 1}, "door: is no member here"),
        ("A", "must be an object"),
    ],
)
def test_what_is_wrong_is_named(document: object, problem: str) -> None:
    with pytest.raises(InvalidBodyError, match=problem):
        presented_tag(document, CONNECTORS, "http")
