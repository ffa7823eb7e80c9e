"""UnlockConnector (5.18, errata 3.85)."""

import pytest

from eventstore.catalogue.hardware import LockObserved
from eventstore.catalogue.transactions import TransactionStopped
from station.rules import outputs
from tests.given import OTHER_TAG, SentAnswer, StationUnderTest, charging, station


def unlock(found: StationUnderTest, connector_id: int = 1) -> SentAnswer | None:
    """The answer, if it came at once with what the lock did."""
    before = len(found.answers)
    found.ask("UnlockConnector", {"connectorId": connector_id})
    return found.answers[before] if len(found.answers) > before else None


def status(answer: SentAnswer | None) -> str:
    assert answer is not None
    assert answer.payload is not None
    return str(answer.payload["status"])


def test_an_idle_socket_unlocks() -> None:
    """TC_017_1."""
    found = station().online().forget()
    assert status(unlock(found)) == "Unlocked"
    assert found.actions() == []


def test_a_fixed_cable_is_not_supported_and_its_transaction_goes_on() -> None:
    """TC_017_2, TC_018_2."""
    found = charging(station(fixed_cable=True)).forget()
    assert status(unlock(found)) == "NotSupported"
    assert found.status() == "Charging"


@pytest.mark.parametrize("connector_id", [0, -1, 2])
def test_an_unknown_connector_is_not_supported(connector_id: int) -> None:
    """TC_031, errata 3.85."""
    assert status(unlock(station().online(), connector_id)) == "NotSupported"


def test_a_running_transaction_is_stopped_first_and_its_contactor_opened() -> None:
    """TC_018_1."""
    found = charging().forget()
    assert status(unlock(found)) == "Unlocked"
    assert found.sent("StopTransaction")[0]["reason"] == "UnlockCommand"
    found.unplug()
    assert found.statuses() == ["Finishing", "Available"]
    kinds = [type(recorded.event) for recorded in found.log]
    assert kinds.index(TransactionStopped) < len(kinds) - kinds[::-1].index(LockObserved)


def test_the_lock_is_driven_only_after_the_contactor_may_be_open() -> None:
    found = charging()
    found.has_lock_feedback = False
    assert unlock(found) is None
    wanted = outputs.wanted(found.state, 1)
    assert (wanted.unlock, wanted.outputs.locked, wanted.outputs.contactor_closed) == (True, False, False)


def test_a_jammed_lock_is_unlock_failed() -> None:
    """5.18: the lock's own feedback says so."""
    found = charging()
    found.lock_moves = False
    assert status(unlock(found)) == "UnlockFailed"


def test_a_lock_that_says_nothing_is_unlock_failed_after_five_seconds() -> None:
    found = charging().forget()
    found.has_lock_feedback = False
    assert unlock(found) is None
    found.advance(4)
    assert found.answers == []
    found.advance(1)
    assert status(found.answers[0]) == "UnlockFailed"


def test_other_calls_are_answered_while_it_waits() -> None:
    found = charging().forget()
    found.has_lock_feedback = False
    unlock(found)
    answer = found.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})
    assert answer is not None
    assert answer.error_code == ""
    found.observe(LockObserved(connector_id=1, locked=False, jammed=False))
    assert status(found.answers[-1]) == "Unlocked"


def test_a_second_call_under_the_same_message_id_is_an_error_and_the_first_is_answered_yet() -> None:
    """OCPP-J 4.2.3."""
    found = charging().forget()
    found.has_lock_feedback = False
    for _ in range(2):
        found.receive([2, "same", "UnlockConnector", {"connectorId": 1}])
    assert [(answer.message_id, answer.error_code) for answer in found.answers] == [("same", "GenericError")]
    found.observe(LockObserved(connector_id=1, locked=False, jammed=False))
    assert found.answers[-1].payload == {"status": "Unlocked"}
    assert found.answers[-1].message_id == "same"


def test_two_calls_that_wait_are_both_answered() -> None:
    found = charging().forget()
    found.has_lock_feedback = False
    unlock(found)
    unlock(found)
    found.observe(LockObserved(connector_id=1, locked=False, jammed=False))
    assert [status(answer) for answer in found.answers] == ["Unlocked", "Unlocked"]


def test_a_cable_that_is_pulled_out_meanwhile_is_unlocked() -> None:
    """5.18: that is what it is for."""
    found = charging().forget()
    found.has_lock_feedback = False
    unlock(found)
    found.unplug()
    assert status(found.answers[-1]) == "Unlocked"


def test_an_authorization_that_waits_ends() -> None:
    found = station().online()
    found.plug(pilot="A")
    found.swipe()
    assert found.state.connectors[1].grant is not None
    assert status(unlock(found)) == "Unlocked"
    assert found.state.connectors[1].grant is None
    assert found.status() == "Preparing"


def test_it_forces_a_new_attempt_each_time() -> None:
    """5.18: hopefully this time the connector unlocks."""
    found = charging()
    found.lock_moves = False
    assert status(unlock(found)) == "UnlockFailed"
    found.lock_moves = True
    assert status(unlock(found)) == "Unlocked"


# A lock that jams on opening (4.9, 7.6)


def told(found: StationUnderTest) -> tuple[str, str, str]:
    payload = found.sent("StatusNotification")[-1]
    return payload["status"], payload["errorCode"], payload.get("info", "")


def test_a_lock_that_does_not_open_at_the_end_of_a_session_is_reported_by_itself() -> None:
    """7.6: "failure to lock or unlock connector"; nobody needs to ask for it."""
    found = charging().forget()
    found.lock_moves = False
    found.swipe()
    assert found.sent("StopTransaction")[0]["reason"] == "Local"
    assert told(found) == ("Faulted", "ConnectorLockFailure", "Lock does not open")
    assert found.statuses() == ["Finishing", "Faulted"]


def test_it_is_over_once_the_lock_opens_after_all() -> None:
    """4.9: back to what was before."""
    found = charging()
    found.lock_moves = False
    found.swipe()
    found.lock_moves = True
    found.forget()
    assert status(unlock(found)) == "Unlocked"
    assert found.statuses() == ["Finishing"]
    found.unplug()
    assert found.statuses() == ["Finishing", "Available"]


def test_unlock_connector_that_fails_is_told_as_a_lock_failure_too() -> None:
    """5.18, 7.6."""
    found = charging().forget()
    found.lock_moves = False
    assert status(unlock(found)) == "UnlockFailed"
    assert told(found) == ("Faulted", "ConnectorLockFailure", "Lock does not open")


def test_nobody_starts_on_a_cable_that_cannot_be_let_go() -> None:
    """4.9: Faulted cannot be used."""
    found = charging()
    found.lock_moves = False
    found.swipe()
    found.swipe(OTHER_TAG)
    answer = found.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": OTHER_TAG})
    assert answer is not None
    assert answer.payload == {"status": "Rejected"}
    assert found.state.transactions.on(1) is None


def test_a_jam_that_outlives_a_power_cut_is_told_again() -> None:
    """The lock is driven anew by the next process, and fails anew."""
    found = charging()
    found.lock_moves = False
    found.swipe()
    found.forget()
    found.boot(pilots={1: "B"}, orderly=False).connect()
    assert told(found) == ("Faulted", "ConnectorLockFailure", "Lock does not open")


def test_a_lock_that_holds_and_one_that_did_not_close_are_not_taken_for_one_that_does_not_open() -> None:
    found = charging()
    assert found.status() == "Charging"
    other = station().online()
    other.lock_moves = False
    other.plug()
    other.swipe()
    assert told(other) == ("Faulted", "ConnectorLockFailure", "")
