"""What happens at the stations of a swarm: the same each time, in order, and as often as the scenario says."""

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest

from station.swarm import plan
from station.swarm.plan import Act, acts, recorded
from station.swarm.scenario import (
    Endings,
    FaultSpell,
    Kill,
    Outage,
    Play,
    Rush,
    ScenarioError,
    SessionTerms,
    SwarmScenario,
)

QUIET = SessionTerms(per_hour=0)


def whole(scenario: SwarmScenario, number: int, until_s: float = 1e9) -> list[Act]:
    return list(itertools.takewhile(lambda act: act.at_s <= until_s, acts(scenario, number)))


def test_the_same_seed_makes_the_same_plan_and_stations_differ() -> None:
    scenario = SwarmScenario(seed=7, sessions=SessionTerms(per_hour=4))
    first = whole(scenario, 1, 36_000)
    assert first == whole(scenario, 1, 36_000)
    assert first != whole(scenario, 2, 36_000)
    assert first != whole(SwarmScenario(seed=8, sessions=SessionTerms(per_hour=4)), 1, 36_000)


def test_a_plan_is_in_order_of_time_whatever_it_is_made_of() -> None:
    scenario = SwarmScenario(
        connectors=3,
        sessions=SessionTerms(per_hour=6, shortest_s=60, longest_s=300),
        outages=(Outage(at_s=900, lasts_s=60), Outage(at_s=100, lasts_s=900)),
        kills=(Kill(at_s=500, spread_s=50),),
        faults=(FaultSpell(at_s=300, lasts_s=400, error_code="GroundFailure"),),
    )
    times = [act.at_s for act in whole(scenario, 5, 7_200)]
    assert times == sorted(times)


def test_a_session_is_plugged_swiped_ended_and_unplugged_and_no_more_come_than_are_allowed() -> None:
    scenario = SwarmScenario(sessions=SessionTerms(per_hour=60, most=2, endings=Endings(tag=1, unplug=0, done=0)))
    found = [act.what for act in whole(scenario, 1)]
    assert found == [plan.READY, plan.PLUG, plan.SWIPE, plan.SWIPE, plan.OUT] * 2
    tags = [act.facts["id_tag"] for act in whole(scenario, 1) if act.what == plan.SWIPE]
    assert tags[0] == tags[1]
    assert tags[2] == tags[3]


@pytest.mark.parametrize(
    ("ending", "last"),
    [
        ("unplug", [plan.OUT, plan.OUT]),
        ("done", [plan.READY, plan.SWIPE, plan.OUT]),
        ("emergency", [plan.STOPPED_BY_HAND, plan.STOPPED_BY_HAND, plan.OUT]),
    ],
)
def test_sessions_end_in_each_way(ending: str, last: list[str]) -> None:
    weights = {"tag": 0.0, "unplug": 0.0, "done": 0.0, "emergency": 0.0} | {ending: 1.0}
    scenario = SwarmScenario(sessions=SessionTerms(most=1, endings=Endings(**weights)))
    found = whole(scenario, 1)
    assert [act.what for act in found][3:] == last
    assert [act.once_begun for act in found] == [False] * 3 + [True] + [False] * (len(last) - 1)


def test_as_many_cars_come_as_the_rate_and_the_rush_say() -> None:
    rush = (Rush(from_h=8, to_h=10, times=10),)
    sessions = SessionTerms(
        per_hour=3, shortest_s=1, longest_s=2, hands_s=1, rush=rush, endings=Endings(unplug=0, done=0)
    )
    scenario = SwarmScenario(seed=3, begins_h=6, ramp_s=0, sessions=sessions)
    hours = Counter(
        int(act.at_s // 3600) for n in range(40) for act in whole(scenario, n, 6 * 3600) if act.what == plan.PLUG
    )
    usual, busy = [hours[0], hours[1], hours[4], hours[5]], [hours[2], hours[3]]
    assert all(80 < count < 160 for count in usual), hours  # 120 in the mean
    assert all(950 < count < 1_300 for count in busy), hours  # 1,200, less those who meet an occupied connector


def test_a_share_of_the_stations_is_concerned_and_all_come_back_at_once() -> None:
    scenario = SwarmScenario(sessions=QUIET, outages=(Outage(at_s=100, lasts_s=60, share=0.3, spread_s=30),))
    plans = [whole(scenario, number) for number in range(500)]
    struck = [each for each in plans if each]
    assert 110 < len(struck) < 190
    assert all(100 <= begin.at_s <= 130 and end.at_s == 160 for begin, end in struck)
    assert len({begin.at_s for begin, _ in struck}) > 100
    assert all(begin.facts == {"up": False, "silent": False} and end.facts == {"up": True} for begin, end in struck)


def test_a_fault_clears_where_it_appeared() -> None:
    scenario = SwarmScenario(
        connectors=4, sessions=QUIET, faults=(FaultSpell(at_s=1, lasts_s=2, error_code="GroundFailure"),)
    )
    begin, end = whole(scenario, 1)
    assert (begin.connector_id, begin.facts) == (end.connector_id, {"error_code": "GroundFailure"})
    assert (end.at_s, end.facts) == (3, {})


def step(at_ms: int, name: str, **payload: object) -> dict[str, object]:
    return {"at_ms": at_ms, "observation": {"type": name, "version": 1, "payload": payload}, "decisions": []}


def test_a_recorded_log_is_played_as_often_as_is_asked(tmp_path: Path) -> None:
    steps = [
        step(5_000, "PilotStateObserved", connector_id=1, pilot_state="B"),
        step(6_000, "IdTagPresented", id_tag="ABC", connector_id=None),
        step(6_500, "MeterObserved", connector_id=1, energy_wh=5),
        step(7_000, "PilotStateObserved", connector_id=1, pilot_state="C"),
        step(9_000, "PilotStateObserved", connector_id=1, pilot_state="A"),
    ]
    (tmp_path / "real.json").write_text(json.dumps({"steps": steps}))
    play = Play(file="real.json", at_s=10, times=2)
    recording = recorded(play, tmp_path)
    assert [(act.at_s, act.what) for act in recording] == [
        (0, plan.PLUG),
        (1, plan.SWIPE),
        (2, plan.PLUG),
        (4, plan.OUT),
    ]
    played = list(acts(SwarmScenario(sessions=QUIET), 1, [(play, recording)]))
    assert [act.at_s for act in played] == [10, 11, 12, 14, 34, 35, 36, 38]


@pytest.mark.parametrize("content", ["", "{}", '{"steps": []}', '{"steps": [{"at_ms": "x"}]}', "[1]"])
def test_what_is_no_recording_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "real.json").write_text(content)
    with pytest.raises(ScenarioError, match=r"real\.json: is no scenario that `chargebox replay LOG extract` wrote"):
        recorded(Play(file="real.json"), tmp_path)
    with pytest.raises(ScenarioError):
        recorded(Play(file="missing.json"), tmp_path)


def test_a_recording_in_which_nobody_does_anything_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text(json.dumps({"steps": [step(1, "BoardOpened")]}))
    with pytest.raises(ScenarioError, match="nobody plugs"):
        recorded(Play(file="real.json"), tmp_path)
