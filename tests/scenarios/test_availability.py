"""ChangeAvailability (5.2)."""

import pytest

from tests.given import StationUnderTest, charging, station


def change(found: StationUnderTest, connector_id: int, kind: str = "Inoperative") -> str:
    answer = found.ask("ChangeAvailability", {"connectorId": connector_id, "type": kind})
    assert answer is not None
    assert answer.payload is not None
    return str(answer.payload["status"])


def test_an_idle_connector_becomes_unavailable_at_once_and_says_so() -> None:
    """A8, H1."""
    found = station(connectors=2).online().forget()
    assert change(found, 1) == "Accepted"
    assert change(found, 1, "Operative") == "Accepted"
    assert found.statuses(1) == ["Unavailable", "Available"]
    assert found.statuses(0) == []
    assert found.statuses(2) == []


def test_the_answer_goes_before_the_status() -> None:
    found = station().online()
    found.csms = None
    found.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    names = [type(recorded.event).__name__ for recorded in found.log]
    assert names[-3:] == ["ConnectorStatusChanged", "StatusNotificationQueued", "CallDispatched"]
    assert "CallAnswered" in names[-6:-3]


def test_connector_zero_means_the_station_and_every_connector() -> None:
    """5.2, SetChargePointUnavailable."""
    found = station(connectors=2).online().forget()
    assert change(found, 0) == "Accepted"
    assert [found.statuses(number) for number in (0, 1, 2)] == [["Unavailable"]] * 3
    found.forget()
    assert change(found, 0, "Operative") == "Accepted"
    assert [found.statuses(number) for number in (0, 1, 2)] == [["Available"]] * 3


def test_what_it_is_already_is_accepted_and_changes_nothing() -> None:
    """5.2."""
    found = station().online()
    change(found, 1)
    found.forget()
    assert change(found, 1) == "Accepted"
    assert found.actions() == []
    running = charging().forget()
    assert change(running, 1, "Operative") == "Accepted"
    assert running.actions() == []


def test_a_running_transaction_is_waited_for() -> None:
    """5.2: Scheduled; then straight to Unavailable once no cable is in (F8, lessons)."""
    found = charging().forget()
    assert change(found, 1) == "Scheduled"
    assert change(found, 1) == "Scheduled"
    assert found.status() == "Charging"
    found.swipe()
    found.unplug()
    assert found.statuses() == ["Finishing", "Unavailable"]


def test_a_fixed_cable_goes_from_charging_straight_to_unavailable() -> None:
    """C8: no flash of Available."""
    found = charging(station(fixed_cable=True)).forget()
    change(found, 1)
    found.unplug_car()
    assert found.statuses() == ["Unavailable"]


def test_a_scheduled_change_can_be_withdrawn() -> None:
    found = charging().forget()
    change(found, 1)
    assert change(found, 1, "Operative") == "Accepted"
    found.swipe()
    found.unplug()
    assert found.statuses() == ["Finishing", "Available"]


def test_the_station_waits_for_its_last_transaction_its_idle_connectors_do_not() -> None:
    """5.2."""
    found = charging(station(connectors=2)).forget()
    assert change(found, 0) == "Scheduled"
    assert (found.status(0), found.status(1), found.status(2)) == ("Available", "Charging", "Unavailable")
    found.swipe()
    assert (found.status(0), found.status(1)) == ("Unavailable", "Finishing")
    found.unplug()
    assert found.status(1) == "Unavailable"


def test_one_connector_can_be_set_operative_again_by_itself() -> None:
    """4.9: the station's status has no direct connection with theirs."""
    found = station(connectors=2).online()
    change(found, 0)
    assert change(found, 2, "Operative") == "Accepted"
    assert (found.status(0), found.status(1), found.status(2)) == ("Unavailable", "Unavailable", "Available")


@pytest.mark.parametrize("connector_id", [-1, 2, 17])
def test_an_unknown_connector_is_rejected(connector_id: int) -> None:
    found = station().online()
    assert change(found, connector_id) == "Rejected"


def test_it_outlives_a_reset() -> None:
    """5.2, TC_013."""
    found = station(connectors=2).online()
    change(found, 1)
    found.ask("Reset", {"type": "Hard"})
    found.boot()
    found.forget()
    found.connect()
    assert [found.statuses(number) for number in (0, 1, 2)] == [["Available"], ["Unavailable"], ["Available"]]


def test_a_connector_made_operative_with_a_cable_in_is_preparing() -> None:
    """H2."""
    found = station().online()
    change(found, 1)
    found.plug()
    found.forget()
    change(found, 1, "Operative")
    assert found.statuses() == ["Preparing"]


def test_a_type_that_is_none_is_an_error() -> None:
    """OCPP-J 4.2.3."""
    answer = station().online().ask("ChangeAvailability", {"connectorId": 1, "type": "Broken"})
    assert answer is not None
    assert answer.error_code == "PropertyConstraintViolation"
