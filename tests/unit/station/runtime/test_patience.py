"""Which batches may wait a moment: those from which nothing follows outside."""

import json
from typing import Any

from eventstore.catalogue.hardware import ContactorObserved, MeterObserved, PilotStateObserved
from eventstore.catalogue.link import CallDispatched, CallPrepared, FrameReceived
from eventstore.event import Observation, Recorded
from eventstore.value import replace
from projections.station import INITIAL, StationState
from station.core import kernel
from station.runtime.patience import may_wait
from tests.given import StationUnderTest, charging, station


def stepped(found: StationUnderTest, observation: Observation) -> tuple[StationState, tuple[Recorded, ...]]:
    return kernel.step(found.state, observation, found.at_ms + 1, found.registry)


def waits(found: StationUnderTest, observation: Observation) -> bool:
    return may_wait(found.state, *stepped(found, observation))


def answer(found: StationUnderTest, ahead: str = "") -> FrameReceived:
    in_flight = found.state.outbox.in_flight
    assert in_flight is not None
    text = json.dumps([3, in_flight.message_id, {}])
    return FrameReceived(connection=found.state.link.connection, text=text, ahead=ahead)


def sampling(samples: int) -> StationUnderTest:
    """Samples are owed, the first of them in flight."""
    found = charging(station(factory={"MeterValueSampleInterval": "10"}))
    found.csms = None
    found.advance(10 * samples + 1)
    return found


def same_reading(found: StationUnderTest) -> MeterObserved:
    raw_wh = found.state.connectors[1].register.raw_wh
    assert raw_wh is not None
    return MeterObserved(connector_id=1, energy_wh=raw_wh)


def test_a_fact_that_changes_nothing_outside_may_wait() -> None:
    found = charging()
    assert waits(found, ContactorObserved(connector_id=1, closed=True, fault=""))
    assert waits(found, same_reading(found))


def test_a_reading_that_is_doubted_waits_for_nothing() -> None:
    assert not waits(charging(), MeterObserved(connector_id=1, energy_wh=0))


def test_an_answer_after_which_nothing_leaves_may_wait() -> None:
    assert waits(sampling(1), answer(sampling(1)))


def test_an_answer_after_which_a_call_leaves_waits_for_nothing() -> None:
    found = sampling(2)
    _, batch = stepped(found, answer(found))
    assert any(isinstance(recorded.event, CallDispatched) for recorded in batch)
    assert not waits(found, answer(found))


def test_a_call_that_has_left_already_may_wait_and_one_that_is_made_ready_may_not() -> None:
    """What is made ready leaves with the next answer only if it is durable by then."""
    found = sampling(2)
    prepared = found.state.outbox.prepared
    assert prepared is not None
    assert waits(found, answer(found, ahead=prepared.message_id))
    found = sampling(3)
    prepared = found.state.outbox.prepared
    assert prepared is not None
    _, batch = stepped(found, answer(found, ahead=prepared.message_id))
    assert any(isinstance(recorded.event, CallPrepared) for recorded in batch)
    assert not waits(found, answer(found, ahead=prepared.message_id))


def test_a_call_of_the_csms_is_answered_at_once() -> None:
    found = charging()
    call = FrameReceived(connection=found.state.link.connection, text='[2,"x","ClearCache",{}]')
    assert not waits(found, call)


def test_what_changes_an_output_waits_for_nothing() -> None:
    found = charging()
    assert not waits(found, PilotStateObserved(connector_id=1, pilot_state="B"))
    state, batch = stepped(found, same_reading(found))
    assert may_wait(found.state, state, batch)
    changes: list[dict[str, Any]] = [{"limit_ma": 6_000}, {"unlock_wanted": True}, {"let_go_by_ms": 7}]
    for changed in changes:
        connectors = state.connectors.changed(1, **changed)
        assert not may_wait(found.state, replace(state, connectors=connectors), batch)


def test_nothing_waits_before_the_board_is_known() -> None:
    observation = MeterObserved(connector_id=1, energy_wh=0)
    state, batch = kernel.step(INITIAL, observation, 1, station().registry)
    assert not may_wait(INITIAL, state, batch)
