from eventstore.catalogue.commissioning import CommissioningAnswered, CommissioningAsked
from station.features.commissioning import STEP_MS
from station.rules.commissioning import ASKED, DONE, OBSTACLES, TIME
from station.views.commissioning import KEYS, commissioning_view
from tests.given import charging, station


def test_every_reason_has_a_key() -> None:
    assert set(KEYS) == {*OBSTACLES, DONE, ASKED, TIME}


def test_what_stands_against_a_test_is_told_of_each_connector() -> None:
    shown = commissioning_view(charging(station(connectors=2)).state)
    assert shown["connectors"] == [{"connector_id": 1, "obstacle": "vehicle"}, {"connector_id": 2, "obstacle": None}]
    assert (shown["running"], shown["ended"], shown["due"]) == (False, None, None)


def test_the_step_under_way_is_shown_with_what_the_board_says() -> None:
    found = station().online()
    found.observe(CommissioningAsked(connector_id=1))
    shown = commissioning_view(found.state)
    assert (shown["step"], shown["found"], shown["left"]) == ("lock_closes", "closed", 7)
    assert shown["due"] == found.state.clock.utc_ms(found.at_ms + STEP_MS)
    found.observe(CommissioningAnswered(connector_id=1, step="lock_closes", confirmed=True))
    shown = commissioning_view(found.state)
    assert shown["results"] == [{"step": "lock_closes", "found": "closed", "confirmed": True, "passed": True}]
    found.plug()
    assert commissioning_view(found.state)["ended"] == "vehicle"
