"""Mains power and the emergency stop: news only when they change."""

from eventstore.catalogue.hardware import EmergencyStopObserved, MainsObserved
from eventstore.catalogue.lifecycle import StationStopped
from eventstore.event import Recorded
from station.telling.usual import Usual


def test_what_is_as_usual_is_no_news() -> None:
    usual = Usual()
    assert usual.goes_on(MainsObserved(present=True))
    assert not usual.goes_on(MainsObserved(present=False))
    assert usual.goes_on(MainsObserved(present=False))
    assert usual.goes_on(EmergencyStopObserved(pressed=False))
    assert not usual.goes_on(EmergencyStopObserved(pressed=True))


def test_what_came_before_counts() -> None:
    before = Recorded(seq=1, cause=1, at_ms=0, utc_ms=0, event=EmergencyStopObserved(pressed=True))
    assert Usual([before]).goes_on(EmergencyStopObserved(pressed=True))


def test_anything_else_is_news() -> None:
    assert not Usual().goes_on(StationStopped(why="SIGTERM"))
