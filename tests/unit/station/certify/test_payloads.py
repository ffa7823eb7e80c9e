"""Members by their names, and instants."""

from datetime import UTC, datetime

import pytest

from station.certify.payloads import camel_case, event_seconds_between, gaps_s, instant_of, matches, renamed, utc_of


def test_names_become_those_of_the_standard_however_deep() -> None:
    payload = {"connector_id": 1, "log": {"remote_location": "x", "none": None}, "all": [{"id_tag": "A"}], "idTag": "B"}
    wanted = {"connectorId": 1, "log": {"remoteLocation": "x"}, "all": [{"idTag": "A"}], "idTag": "B"}
    assert renamed(payload) == wanted
    assert camel_case("id") == "id"


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ({}, True),
        ({"id_tag": "A"}, True),
        ({"id_tag": "B"}, False),
        ({"reservation_id": None}, True),
        ({"idTag": None}, False),
    ],
)
def test_a_payload_matches_by_the_members_that_are_named(members: dict[str, str | None], wanted: bool) -> None:
    assert matches({"idTag": "A", "connectorId": 1}, members) is wanted


def test_instants_are_written_with_milliseconds_and_z() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 67_890, tzinfo=UTC)
    assert instant_of(moment) == "2026-01-02T03:04:05.067Z"
    assert utc_of("2026-01-02T04:04:05.067+01:00") == utc_of("2026-01-02T03:04:05.067Z")


def test_gaps_are_seconds_between_instants() -> None:
    at = ["2026-01-01T00:00:00Z", "2026-01-01T00:01:00.500Z", "2026-01-01T00:01:00Z"]
    assert gaps_s(at) == [60.5, -0.5]
    assert event_seconds_between(at[0], at[2]) == 60
