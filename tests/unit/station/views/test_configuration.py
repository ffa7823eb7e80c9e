from typing import Any

from station.views.configuration import configuration_view
from tests.given import StationUnderTest, station


def keys(under_test: StationUnderTest) -> dict[str, dict[str, Any]]:
    shown = configuration_view(under_test.state, under_test.registry.config_keys, {"HeartbeatInterval": 7})
    return {key["name"]: key for key in shown["keys"]}


def test_each_key_says_what_it_means_and_where_its_value_came_from() -> None:
    under_test = station(factory={"ConnectionTimeOut": "33"}).online()
    under_test.configure(HeartbeatInterval=77)
    found = keys(under_test)
    assert list(found) == sorted(found)
    heartbeat = found["HeartbeatInterval"]
    assert (heartbeat["value"], heartbeat["source"], heartbeat["set_at"], heartbeat["unit"]) == ("77", "csms", 7, "s")
    assert heartbeat["meaning"]
    assert (found["ConnectionTimeOut"]["value"], found["ConnectionTimeOut"]["source"]) == ("33", "settings")
    assert (found["NumberOfConnectors"]["source"], found["NumberOfConnectors"]["writable"]) == ("factory", False)


def test_a_key_that_may_not_be_read_shows_no_value() -> None:
    secret = keys(station().online())["AuthorizationKey"]
    assert (secret["value"], secret["factory"]) == (None, None)
