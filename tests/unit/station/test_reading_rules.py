"""Which meters are read first: where a start, a stop, a sample or a limit may follow, and nowhere else."""

import json
from typing import Any

import pytest

from eventstore.catalogue.hardware import (
    BoardOpened,
    EmergencyStopObserved,
    FaultCleared,
    FaultObserved,
    IdTagPresented,
    LockObserved,
    MainsObserved,
    MeterFailed,
    PilotStateObserved,
    ProximityObserved,
)
from eventstore.catalogue.lifecycle import DeadlineReached, StationStopping, SystemClockObserved
from eventstore.catalogue.link import FrameReceived, LinkClosed, LinkOpened
from eventstore.event import Observation
from station.reading_rules import meters_wanted
from tests.given import TAG, StationUnderTest, answering, charging, station

REMOTE_STOP = [2, "x", "RemoteStopTransaction", {"transactionId": 9001}]


def three() -> StationUnderTest:
    """Connector 1 charges, a cable lies in connector 2, connector 3 is free."""
    found = charging(station(connectors=3))
    found.observe(ProximityObserved(connector_id=2, cable_rating_ma=20_000))
    return found


def frame(value: Any) -> FrameReceived:
    return FrameReceived(connection=1, text=value if isinstance(value, str) else json.dumps(value))


def due(name: str) -> DeadlineReached:
    return DeadlineReached(name=name, key=1, due_ms=0)


@pytest.mark.parametrize(
    "observation",
    [
        IdTagPresented(id_tag=TAG, connector_id=None),
        PilotStateObserved(connector_id=1, pilot_state="B"),
        ProximityObserved(connector_id=1, cable_rating_ma=None),
        LockObserved(connector_id=1, locked=False, jammed=False),
        FaultObserved(connector_id=1, error_code="GroundFailure"),
        EmergencyStopObserved(pressed=True),
        MainsObserved(present=False),
        StationStopping(why="SIGTERM"),
        due("sample"),
        due("energy_check"),
        due("limits"),
        frame(REMOTE_STOP),
        frame(' [ 2, "x", "Reset", {"type": "Hard"}]'),
    ],
    ids=lambda observation: type(observation).__name__,
)
def test_what_may_stop_or_sample_reads_the_meters_of_the_connectors_in_use(observation: Observation) -> None:
    assert meters_wanted(three().state, observation) == (1, 2)


@pytest.mark.parametrize(
    "observation",
    [BoardOpened(), due("aligned"), frame([2, "x", "TriggerMessage", {"requestedMessage": "MeterValues"}])],
    ids=lambda observation: type(observation).__name__,
)
def test_what_asks_for_every_connector_reads_every_meter(observation: Observation) -> None:
    assert meters_wanted(three().state, observation) == (1, 2, 3)


@pytest.mark.parametrize(
    "observation",
    [
        LinkOpened(connection=2),
        LinkClosed(connection=1, reason="", entropy=0),
        SystemClockObserved(utc_ms=0, trusted=False),
        due("heartbeat"),
        frame("no frame"),
        frame([3, "nobody", {}]),
    ],
    ids=lambda observation: type(observation).__name__,
)
def test_what_has_nothing_to_do_with_energy_reads_none(observation: Observation) -> None:
    assert meters_wanted(three().state, observation) == ()


@pytest.mark.parametrize(
    ("action", "wanted"), [("Authorize", (1,)), ("StartTransaction", (1,)), ("StatusNotification", ())]
)
def test_an_answer_reads_the_meters_if_a_start_or_a_stop_may_follow_from_it(
    action: str, wanted: tuple[int, ...]
) -> None:
    found = station()
    found.csms = answering(**{action: None})
    found.online()
    found.plug()
    found.swipe()
    assert found.calls[-1].action == action
    answer = frame([3, found.calls[-1].message_id, {"idTagInfo": {"status": "Accepted"}}])
    assert meters_wanted(found.state, answer) == wanted


def test_nothing_is_read_where_nothing_is_in_use() -> None:
    found = station(connectors=2).online()
    assert meters_wanted(found.state, IdTagPresented(id_tag=TAG, connector_id=None)) == ()
    assert meters_wanted(found.state, frame(REMOTE_STOP)) == ()


def test_a_fault_that_clears_asks_the_meters_that_had_failed_wherever_they_are() -> None:
    found = three()
    assert meters_wanted(found.state, FaultCleared(connector_id=1, error_code="")) == ()
    found.observe(MeterFailed(connector_id=3, reason="no answer"))
    assert meters_wanted(found.state, FaultCleared(connector_id=1, error_code="")) == (3,)
