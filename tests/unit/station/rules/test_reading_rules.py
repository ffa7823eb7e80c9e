"""Which meters are read before an observation is decided on."""

import json

import pytest

from eventstore.catalogue.hardware import (
    BoardOpened,
    EmergencyStopObserved,
    FaultCleared,
    FaultObserved,
    IdTagPresented,
    MeterFailed,
    PilotStateObserved,
)
from eventstore.catalogue.lifecycle import DeadlineReached, StationStopping
from eventstore.catalogue.link import FrameReceived, LinkOpened
from eventstore.event import Observation
from station.rules.reading_rules import meters_wanted
from tests.given import StationUnderTest, answering, charging, station


def using(connector_id: int = 2) -> StationUnderTest:
    found = station(connectors=3).online()
    found.plug(connector_id)
    found.swipe("A", connector_id)
    return found


@pytest.mark.parametrize(
    "observation",
    [
        IdTagPresented(id_tag="A", connector_id=2),
        PilotStateObserved(connector_id=2, pilot_state="A"),
        FaultObserved(connector_id=2, error_code="GroundFailure"),
        EmergencyStopObserved(pressed=True),
        StationStopping(why="SIGTERM"),
        DeadlineReached(name="sample", key=2, due_ms=1),
        DeadlineReached(name="energy_check", key=2, due_ms=1),
        FrameReceived(connection=1, text=' [2,"1","RemoteStopTransaction",{}]'),
    ],
)
def test_what_may_start_stop_or_sample_reads_the_connectors_in_use(observation: Observation) -> None:
    assert meters_wanted(using().state, observation) == (2,)


@pytest.mark.parametrize("observation", [BoardOpened(), DeadlineReached(name="aligned", key=1, due_ms=1)])
def test_what_concerns_all_reads_all(observation: Observation) -> None:
    assert meters_wanted(using().state, observation) == (1, 2, 3)


@pytest.mark.parametrize(
    "observation",
    [
        LinkOpened(connection=2),
        DeadlineReached(name="heartbeat", key=0, due_ms=1),
        FrameReceived(connection=1, text='[3,"1",{}]'),
    ],
)
def test_the_rest_reads_none(observation: Observation) -> None:
    assert meters_wanted(using().state, observation) == ()


def test_a_trigger_may_want_any_meter() -> None:
    """5.17."""
    text = json.dumps([2, "1", "TriggerMessage", {"requestedMessage": "MeterValues"}])
    assert meters_wanted(station(connectors=2).online().state, FrameReceived(connection=1, text=text)) == (1, 2)


@pytest.mark.parametrize("action", ["Authorize", "StartTransaction"])
def test_the_answer_to_a_call_that_may_start_or_stop_reads_them_too(action: str) -> None:
    found = station().online()
    found.csms = answering(**{action: None})
    found.plug()
    found.swipe()
    assert meters_wanted(found.state, FrameReceived(connection=1, text='[3,"1",{}]')) == (1,)


def test_the_end_of_a_fault_reads_the_meters_that_had_failed() -> None:
    found = charging(station(connectors=2))
    found.observe(MeterFailed(connector_id=2, reason="dead"))
    assert meters_wanted(found.state, FaultCleared(connector_id=2, error_code="")) == (2,)
