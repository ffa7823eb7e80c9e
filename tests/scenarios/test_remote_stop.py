"""RemoteStopTransaction (5.12, errata 3.33)."""

import pytest

from tests.given import StationUnderTest, answering, charging, station, utc


def remote_stop(found: StationUnderTest, transaction_id: int = 9001) -> str:
    answer = found.ask("RemoteStopTransaction", {"transactionId": transaction_id})
    assert answer is not None
    assert answer.payload is not None
    return str(answer.payload["status"])


def test_it_stops_the_transaction_and_unlocks_the_connector() -> None:
    """TC_012."""
    found = charging().forget()
    assert remote_stop(found) == "Accepted"
    assert found.actions() == ["StopTransaction", "StatusNotification 1 Finishing"]
    stop = found.sent("StopTransaction")[0]
    assert stop["reason"] == "Remote"
    assert "idTag" not in stop
    assert not found.state.connectors[1].locked


@pytest.mark.parametrize("transaction_id", [0, -1, 9002])
def test_an_unknown_transaction_is_rejected(transaction_id: int) -> None:
    """TC_028."""
    found = charging()
    assert remote_stop(found, transaction_id) == "Rejected"
    assert found.status() == "Charging"


def test_a_transaction_that_has_ended_is_rejected() -> None:
    """Errata 3.33: it must be ongoing."""
    found = charging()
    found.csms = answering(StopTransaction=None)
    found.swipe()
    assert remote_stop(found) == "Rejected"


def test_it_finds_the_right_one_of_two() -> None:
    found = station(connectors=2).online()
    found.csms = answering()
    for number in (1, 2):
        found.plug(number)
        found.swipe(f"TAG{number}", number)
    assert remote_stop(found, 9002) == "Accepted"
    assert [found.status(number) for number in (1, 2)] == ["Charging", "Finishing"]


def test_before_the_acceptance_it_is_rejected() -> None:
    """4.2."""
    found = charging(station(power_loss_policy="resume"))
    found.csms = answering(BootNotification={"status": "Pending", "currentTime": utc(), "interval": 60})
    found.boot(pilots={1: "C"})
    found.connect()
    assert remote_stop(found) == "Rejected"
    assert found.status() == "Charging"


def test_it_may_come_before_the_start_is_answered_and_is_rejected_then() -> None:
    """The CSMS cannot know the id yet."""
    found = station().online()
    found.csms = answering(StartTransaction=None)
    found.plug()
    found.swipe()
    assert remote_stop(found, 9001) == "Rejected"
