"""The inbox: bounded for each kind by itself; what goes is the oldest of its kind, and it is counted."""

import pytest

from eventstore.catalogue.hardware import EmergencyStopObserved, FaultObserved, PilotStateObserved
from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.link import FrameReceived, FrameRefused, LinkClosed
from eventstore.event import Observation
from station.runtime.inbox import EACH_MAX, FRAMES_MAX, Inbox


def emptied(inbox: Inbox) -> list[Observation]:
    found = []
    while inbox:
        found.append(inbox.take())
    return found


def test_it_gives_back_in_order_what_was_put_and_the_loops_own_first() -> None:
    inbox = Inbox()
    put = [EmergencyStopObserved(pressed=True), LinkClosed(connection=1, reason="", entropy=0)]
    for observation in put:
        assert inbox.put(observation)
    first = DeadlineReached(name="boot", key=0, due_ms=0)
    inbox.put_first(first)
    assert inbox
    assert emptied(inbox) == [first, *put]
    with pytest.raises(IndexError):
        inbox.take()


def test_a_kind_that_floods_pushes_out_its_own_oldest_only() -> None:
    inbox = Inbox()
    others = [
        EmergencyStopObserved(pressed=True),
        LinkClosed(connection=1, reason="", entropy=0),
        PilotStateObserved(connector_id=2, pilot_state="B"),
        FaultObserved(connector_id=1, error_code="GroundFailure"),
    ]
    for observation in others:
        inbox.put(observation)
    flood = [FaultObserved(connector_id=1, error_code="WeakSignal", info=str(number)) for number in range(EACH_MAX + 2)]
    assert [inbox.put(observation) for observation in flood] == [True] * EACH_MAX + [False] * 2
    assert inbox.take_dropped() == {"FaultObserved": 2}
    assert inbox.take_dropped() == {}
    assert emptied(inbox) == [*others, *flood[2:]]


def test_what_was_taken_makes_room_for_its_kind() -> None:
    inbox = Inbox()
    bounce = PilotStateObserved(connector_id=1, pilot_state="B")
    for _ in range(EACH_MAX):
        inbox.put(bounce)
    inbox.take()
    assert inbox.put(bounce)
    assert not inbox.put(bounce)


def test_frames_are_never_dropped_but_the_link_is_told_to_wait() -> None:
    inbox = Inbox()
    for number in range(FRAMES_MAX - 1):
        assert inbox.put(FrameReceived(connection=1, text=str(number)))
    assert inbox.has_room_for_frames()
    assert inbox.put(FrameRefused(connection=1, reason="binary"))
    assert not inbox.has_room_for_frames()
    assert inbox.put(FrameReceived(connection=1, text="one more"))
    assert len(emptied(inbox)) == FRAMES_MAX + 1
    assert inbox.has_room_for_frames()
