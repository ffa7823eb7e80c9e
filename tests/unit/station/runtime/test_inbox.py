"""The inbox: bounded for each kind by itself; what goes is the oldest of its kind, and it is counted."""

import pytest

from eventstore.catalogue.hardware import EmergencyStopObserved, FaultObserved, PilotStateObserved
from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.link import FrameReceived, FrameRefused, LinkClosed
from eventstore.event import Observation
from station.runtime.inbox import EACH_MAX, FRAMES_MAX, REACTIONS_MAX, Inbox


def emptied(inbox: Inbox) -> list[Observation]:
    found = []
    while inbox:
        found.append(inbox.take())
    return found


def test_it_gives_back_in_order_what_was_put_and_the_loops_own_first() -> None:
    inbox = Inbox()
    put = [EmergencyStopObserved(pressed=True), EmergencyStopObserved(pressed=False)]
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


def test_the_link_and_the_rest_take_turns_each_in_its_own_order() -> None:
    inbox = Inbox()
    frames = [FrameReceived(connection=1, text=str(number)) for number in range(4)]
    closed = LinkClosed(connection=1, reason="", entropy=0)
    edges = [PilotStateObserved(connector_id=number, pilot_state="B") for number in (1, 2)]
    for observation in (*frames, closed, *edges):
        inbox.put(observation)
    assert emptied(inbox) == [edges[0], frames[0], edges[1], frames[1], frames[2], frames[3], closed]


def test_what_was_taken_of_the_board_and_the_service_is_counted_dropped_ones_included() -> None:
    inbox = Inbox()
    inbox.put(FrameReceived(connection=1, text=""))
    for _ in range(EACH_MAX + 1):
        inbox.put(PilotStateObserved(connector_id=1, pilot_state="B"))
    assert (inbox.placed, inbox.taken) == (EACH_MAX + 1, 1)
    emptied(inbox)
    assert inbox.placed == inbox.taken


def test_whoever_waits_waits_for_the_reactions_too_but_not_for_ever() -> None:
    inbox = Inbox()

    def put() -> None:
        inbox.put(PilotStateObserved(connector_id=1, pilot_state="B"))

    put()
    own = inbox.ticket()
    inbox.put(FrameReceived(connection=1, text=""))
    assert not inbox.is_settled(own)
    put()
    inbox.take()
    assert not inbox.is_settled(own), "a reaction waits"
    inbox.take()  # the frame
    inbox.take()
    assert inbox.is_settled(own)
    put()
    own = inbox.ticket()
    for _ in range(REACTIONS_MAX + 1):
        assert not inbox.is_settled(own)
        put()
        inbox.take()
    assert inbox.is_settled(own), "others never stop"


def test_whoever_put_into_the_links_lane_waits_for_that_too() -> None:
    inbox = Inbox()
    closed = LinkClosed(connection=1, reason="", entropy=0)
    inbox.put(FrameReceived(connection=1, text=""))
    inbox.put(closed)
    own, others = inbox.ticket([closed]), inbox.ticket()
    assert inbox.is_settled(others)
    inbox.take()
    assert not inbox.is_settled(own)
    inbox.take()
    assert inbox.is_settled(own)


def test_the_last_observation_comes_behind_both_lanes() -> None:
    inbox = Inbox()
    last = EmergencyStopObserved(pressed=True)
    frame = FrameReceived(connection=1, text="")
    edge = PilotStateObserved(connector_id=1, pilot_state="B")
    inbox.put(frame)
    inbox.put_last(last)
    inbox.put(edge)
    assert inbox
    assert emptied(inbox) == [edge, frame, last]
    assert inbox.placed == inbox.taken == 2
