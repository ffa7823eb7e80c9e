"""What a swarm counts, and how the counts of processes are added up."""

from collections import Counter

from station.swarm.figures import Figures, StationWatch, added
from tests.given import StationUnderTest


def test_a_station_is_counted_while_it_charges_and_once_it_is_gone() -> None:
    figures = Figures()
    watch, station = StationWatch(figures), StationUnderTest()
    seen = 0

    def look() -> dict[str, int]:
        nonlocal seen
        watch.publish(station.state, station.log[seen:])
        seen = len(station.log)
        return dict(+figures.counts)

    station.boot().online()
    assert look()["connected"] == 1
    station.plug()
    station.swipe()
    assert look()["charging"] == 1
    station.disconnect()
    station.unplug_car()
    found = look()
    assert (found["sessions begun"], found["sessions ended"], found["connections lost"]) == (1, 1, 1)
    assert found["queued"] > 0
    assert "connected" not in found
    assert sum(figures.latencies["StartTransaction"].values()) == 1
    watch.gone()
    assert figures.counts["queued"] == 0


def test_an_error_of_the_csms_is_counted_by_action_and_code() -> None:
    figures = Figures()
    station = StationUnderTest().boot().online()
    station.csms = lambda call: "InternalError" if call.action == "Authorize" else {"idTagInfo": {"status": "Accepted"}}
    station.plug()
    station.swipe()
    StationWatch(figures).publish(station.state, station.log)
    assert figures.errors["Authorize InternalError"] == 1


def test_the_figures_of_two_processes_are_added_up_as_they_went_through_json() -> None:
    first, second = Figures(), Figures()
    first.counts.update(connected=2, calls=5)
    second.counts.update(connected=1)
    first.errors["Authorize InternalError"] = 1
    first.latencies["Heartbeat"] = second.latencies["Heartbeat"] = Counter({3: 2})
    total = added([first.plain(), second.plain()])
    assert total.counts == {"connected": 3, "calls": 5}
    assert total.errors == {"Authorize InternalError": 1}
    assert total.latencies == {"Heartbeat": {3: 4}}
