"""The scenario of a swarm: what is taken, what is refused, and where."""

from pathlib import Path

import pytest

from station.swarm.plan import acts
from station.swarm.scenario import ScenarioError, SwarmScenario, load, shipped


def refused(tmp_path: Path, text: str) -> str:
    (tmp_path / "scenario.toml").write_text(text)
    with pytest.raises(ScenarioError) as found:
        load(str(tmp_path / "scenario.toml"))
    return str(found.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize("name", shipped())
def test_each_scenario_that_is_shipped_can_be_run_and_says_what_it_is(name: str) -> None:
    scenario = load(name)
    assert scenario.says
    assert next(iter(acts(scenario, 1))).at_s <= scenario.duration_s


def test_the_shipped_scenarios_are_those_of_the_documentation() -> None:
    assert shipped() == ["bad-network", "office-car-park", "reconnect-storm", "week-in-an-hour"]


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("")
    assert load(str(tmp_path / "empty.toml")) == SwarmScenario()


def test_every_mistake_is_named_with_its_line(tmp_path: Path) -> None:
    text = "speeed = 2\nseed = -1\n[sessions]\nper_hour = true\n\n[[outages]]\nat_s = 1\n"
    assert refused(tmp_path, text).splitlines() == [
        "scenario.toml:1: speeed: is no key of this table; did you mean speed?",
        "scenario.toml:2: seed: must be 0 to 9007199254740992, not -1",
        "scenario.toml:4: sessions.per_hour: must be a number, not the boolean true",
        "scenario.toml:6: outages.1.lasts_s: is required",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[sessions]\nshortest_s = 9\nlongest_s = 8", ":2: sessions.shortest_s: must not exceed longest_s (8)"),
        ("[sessions.endings]\ntag = 0\nunplug = 0\ndone = 0", ":1: sessions.endings: one of them must be above 0"),
        ('[sessions]\ntag = "{other}"', ":2: sessions.tag: cannot be made of {number}: KeyError('other')"),
        ('[sessions]\ntag = "TAG-{number:020}"', ":2: sessions.tag: makes tags of 24 characters, not 1 to 20"),
        ("[sessions]\nphases = []", ":2: sessions.phases: must name one at least"),
        ("[[sessions.rush]]\nfrom_h = 9\nto_h = 9\ntimes = 2", "from_h: must lie before to_h (9)"),
        (
            "[config]\nHeartbeatInterval = [1]",
            ":2: config.HeartbeatInterval: must be a number, a boolean or a text, not an array",
        ),
        ("speed = ", ": is no TOML: "),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, text: str, says: str) -> None:
    assert says in refused(tmp_path, text)


def test_a_name_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(ScenarioError, match="No such file or directory; a TOML file, or one of bad-network, office"):
        load("offic-car-park")
