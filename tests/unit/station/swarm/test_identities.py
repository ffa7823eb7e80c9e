"""Who the stations of a swarm are."""

from pathlib import Path

import pytest

from station.settings.loading import parse_settings
from station.swarm.identities import Identity, IdentityError, SecurityTerms, identities
from station.swarm.scenario import SwarmScenario


def test_a_pattern_names_as_many_as_are_asked_for() -> None:
    assert [each.name for each in identities("CB-{number:03}", 3)] == ["CB-001", "CB-002", "CB-003"]


def test_a_table_names_them_with_what_each_proves_itself_by(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_text("0123456789abcdef")
    (tmp_path / "all.csv").write_text("identity,authorization_key_file\nA,a.key\nB,\nC,\n")
    found = identities(str(tmp_path / "all.csv"), 2, SecurityTerms(profile=1))
    assert [each.name for each in found] == ["A", "B"]
    assert found[0].authorization_key_file == str(tmp_path / "a.key")
    assert found[1].authorization_key_file == ""


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("CB", "'CB' occurs more than once"),
        ("CB-{name}", "makes no identities of {number}: KeyError('name')"),
        ("{number} ", "'1 ' is no identity: must not begin or end with a space"),
        ("{number:060}", "has not 1 to 48 characters"),
    ],
)
def test_a_pattern_that_makes_no_names_is_refused(source: str, says: str) -> None:
    with pytest.raises(IdentityError) as found:
        identities(source, 2)
    assert says in str(found.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name\nA\n", "its columns must be among identity, authorization_key_file"),
        ("identity,colour\nA,red\n", "not ['colour']"),
        ("identity\nA\nA\n", "'A' occurs more than once"),
        ("identity\nA\n", "has 1 stations, not 2"),
        ("identity,client_key_file\nA,missing.pem\nB,\n", ":2: client_key_file: missing.pem cannot be read"),
        ("identity,client_key_file\n,\nB,\n", ":2: identity: is required"),
    ],
)
def test_a_table_with_a_mistake_is_refused(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "all.csv").write_text(content)
    with pytest.raises(IdentityError) as found:
        identities(str(tmp_path / "all.csv"), 2)
    assert says in str(found.value)
    with pytest.raises(IdentityError, match="cannot be read"):
        identities(str(tmp_path / "none.csv"), 1)


def test_a_station_is_provisioned_by_a_settings_file_of_its_own(tmp_path: Path) -> None:
    scenario = SwarmScenario(
        connectors=2, speed=100, config={"HeartbeatInterval": 60, "AuthorizeRemoteTxRequests": True}
    )
    text = Identity(name='CB "1"').settings("ws://csms.example/ocpp?key=1", tmp_path / "CB-1", scenario)
    found = parse_settings(text, "CB-1")
    assert (found.station.identity, found.station.connectors) == ('CB "1"', 2)
    assert (found.csms.url, found.csms.call_timeout_s) == ("ws://csms.example/ocpp?key=1", 3000)
    assert found.config == {"HeartbeatInterval": "60", "AuthorizeRemoteTxRequests": "true"}
    assert found.service.address is None
