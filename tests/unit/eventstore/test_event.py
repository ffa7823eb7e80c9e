"""Events and their envelope."""

import pytest

from eventstore.event import Decision, Event, Observation
from tests.logs import BellRung, DoorMoved, door


def test_events_are_observations_or_decisions() -> None:
    assert issubclass(DoorMoved, Observation)
    assert issubclass(BellRung, Decision)
    assert issubclass(Observation, Event)
    assert issubclass(Decision, Event)


def test_an_event_has_version_1_unless_it_says_otherwise() -> None:
    assert DoorMoved.VERSION == 1


def test_what_is_recorded_does_not_change_and_has_no_room_for_more() -> None:
    recorded = door(1)
    with pytest.raises(AttributeError):
        recorded.seq = 2  # type: ignore[misc]  # that is the point
    assert not hasattr(recorded, "__dict__")
    assert not hasattr(recorded.event, "__dict__")
