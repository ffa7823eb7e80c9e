"""Reset (5.14, 7.42, errata 3.36, 3.81; 9.1.22)."""

import pytest

from eventstore.catalogue.maintenance import ResetAbandoned, ResetDue, ResetFailed
from tests.given import StationUnderTest, answering, charging, station


def reset(found: StationUnderTest, kind: str) -> str:
    answer = found.ask("Reset", {"type": kind})
    assert answer is not None
    assert answer.payload is not None
    return str(answer.payload["status"])


def due(found: StationUnderTest) -> bool:
    return found.state.maintenance.reset is not None and found.state.maintenance.reset.due


@pytest.mark.parametrize("kind", ["Hard", "Soft"])
def test_an_idle_station_resets_after_its_answer(kind: str) -> None:
    """TC_013, TC_014."""
    found = station().online().forget()
    assert reset(found, kind) == "Accepted"
    assert due(found)
    names = [type(recorded.event).__name__ for recorded in found.log]
    assert names.index("CallAnswered") < names.index("ResetDue")


@pytest.mark.parametrize(("kind", "reason"), [("Hard", "HardReset"), ("Soft", "SoftReset")])
def test_a_running_transaction_is_stopped_with_the_kind_of_reset_as_its_reason(kind: str, reason: str) -> None:
    """TC_015, lessons: Finishing first."""
    found = charging().forget()
    assert reset(found, kind) == "Accepted"
    stop = found.sent("StopTransaction")[0]
    assert stop["reason"] == reason
    assert "idTag" not in stop
    assert found.statuses() == ["Finishing"]
    assert due(found)


def test_a_soft_reset_waits_for_the_answer_to_its_stops() -> None:
    """Errata 3.36."""
    found = charging()
    found.csms = None
    reset(found, "Soft")
    assert not due(found)
    found.answer({}, call=found.last("StopTransaction"))
    assert not due(found)
    found.answer({}, call=found.last("StatusNotification"))
    assert due(found)


def test_a_soft_reset_waits_no_longer_than_twenty_seconds() -> None:
    """Errata 3.36: what is unanswered stays queued."""
    found = charging()
    found.csms = answering(StopTransaction=None)
    reset(found, "Soft")
    found.advance(19)
    assert not due(found)
    found.advance(1)
    assert due(found)
    found.csms = answering()
    found.boot(pilots={1: "C"})
    found.connect()
    assert [stop["reason"] for stop in found.sent("StopTransaction")] == ["SoftReset", "SoftReset"]
    assert found.state.outbox.pending == 0


def test_a_hard_reset_hardly_waits_and_its_stop_is_reported_after_the_boot() -> None:
    """Errata 3.36, 3.81."""
    found = charging()
    found.csms = None
    reset(found, "Hard")
    found.advance(2)
    assert due(found)
    found.csms = answering()
    found.boot(pilots={1: "C"})
    found.forget()
    found.connect()
    assert [stop["reason"] for stop in found.sent("StopTransaction")] == ["HardReset"]
    assert found.actions()[0] == "BootNotification"


def test_a_soft_reset_offline_does_not_wait_for_what_cannot_be_told() -> None:
    found = charging()
    found.csms = None
    reset(found, "Soft")
    assert not due(found)
    found.disconnect()
    assert due(found)


def test_a_second_reset_is_accepted_and_changes_nothing() -> None:
    found = charging()
    found.csms = None
    reset(found, "Soft")
    before = found.state.maintenance.reset
    assert reset(found, "Hard") == "Accepted"
    assert found.state.maintenance.reset == before


@pytest.mark.parametrize(("retries", "tries"), [(0, 1), (1, 2), (3, 4)])
def test_reset_retries_says_how_often_it_is_tried_again(retries: int, tries: int) -> None:
    """9.1.22; after that the station goes on."""
    found = station(factory={"ResetRetries": str(retries)}).online()
    reset(found, "Hard")
    for _ in range(10):
        if due(found):
            found.observe(ResetFailed(reason="exec failed"))
    assert len(found.events(ResetDue)) == tries
    assert len(found.events(ResetAbandoned)) == 1
    assert found.state.maintenance.reset is None
    found.plug()
    found.swipe()
    assert found.status() == "Charging"


def test_a_reset_that_cannot_be_done_is_reported_as_a_warning() -> None:
    """7.6 ResetFailure; charging operations are still possible (4.9)."""
    found = station(factory={"ResetRetries": "0"}).online()
    found.ask("Reset", {"type": "Soft"})
    found.forget()
    found.observe(ResetFailed(reason="not executable"))
    told = found.sent("StatusNotification")
    assert [(one["connectorId"], one["status"], one["errorCode"]) for one in told] == [(0, "Available", "ResetFailure")]


def test_a_reset_is_over_after_the_boot() -> None:
    found = station().online()
    reset(found, "Hard")
    found.boot()
    found.connect()
    assert found.state.maintenance.reset is None
    found.plug()
    found.swipe()
    assert found.status() == "Charging"


def test_an_unknown_kind_is_an_error() -> None:
    """OCPP-J 4.2.3."""
    answer = station().online().ask("Reset", {"type": "Gentle"})
    assert answer is not None
    assert answer.error_code == "PropertyConstraintViolation"
