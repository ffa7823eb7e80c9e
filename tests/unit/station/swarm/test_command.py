"""`chargebox swarm`: what is refused before anything begins, and a run that goes on where it ended."""

import json
import resource
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from station.cli.main import main

USAGE = 2


def refused(
    capsys: pytest.CaptureFixture[str], directory: Path, *arguments: str, url: str = "ws://127.0.0.1:9/ocpp"
) -> str:
    given = ["swarm", "--csms", url, "--out", str(directory / "out"), "--stations", "3", *arguments]
    assert main(given) == USAGE
    return capsys.readouterr().err.replace(f"{directory}/", "")


@pytest.mark.parametrize("url", ["", "nothing", "http://127.0.0.1/ocpp", "ws://", "ws://host:port/ocpp"])
def test_a_url_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, url: str) -> None:
    assert refused(capsys, tmp_path, url=url).startswith(f"chargebox: --csms {url}: ")
    assert not (tmp_path / "out").exists()


def test_a_scenario_with_a_mistake_is_refused_with_its_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("duration_s = 60\nrampp_s = 3\n")
    said = refused(capsys, tmp_path, "--scenario", str(tmp_path / "mine.toml"))
    assert "mine.toml:2: rampp_s: is no key of this table; did you mean ramp_s?" in said


def test_a_configuration_key_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[config]\nHeartbeatIntervall = 3\n")
    said = refused(capsys, tmp_path, "--scenario", str(tmp_path / "mine.toml"))
    assert "HeartbeatIntervall: is no configuration key of this station" in said


def test_identities_that_are_none_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "'CB' occurs more than once" in refused(capsys, tmp_path, "--identities", "CB")


def test_too_few_descriptors_are_named_with_the_command_that_mends_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 1_000_000 * 9 + 200
    if before[1] != resource.RLIM_INFINITY and before[1] < needed:
        said = refused(capsys, tmp_path, "--stations", "1000000", "--workers", "1")
        assert f"run `ulimit -n {needed}` before" in said
        assert not (tmp_path / "out").exists()


class Usage(NamedTuple):
    f_bavail: int
    f_frsize: int


def test_a_disk_that_is_too_small_is_named_with_what_is_needed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    free = shutil.disk_usage(tmp_path).free >> 20
    too_many = str(free + 10)
    said = refused(capsys, tmp_path, "--stations", too_many, "--workers", too_many)
    assert "MiB are free, and " in said
    assert f"take {too_many} MiB at least" in said


def test_a_directory_with_something_else_in_it_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "out" / "stations" / "CB-1").mkdir(parents=True)
    assert "holds stations of which run.json says nothing" in refused(capsys, tmp_path)
    known = {"csms": "ws://127.0.0.1:9/ocpp", "stations": 4, "seed": 1, "scenario": "office-car-park", "went_s": 5.0}
    (tmp_path / "out" / "run.json").write_text(json.dumps(known))
    assert "out holds the run of another swarm (stations)" in refused(capsys, tmp_path)
    (tmp_path / "out" / "run.json").write_text("{}")
    assert "run.json: is not what a swarm has left" in refused(capsys, tmp_path)


@pytest.mark.parametrize("duration", ["0", "-1", "1 week", "1e9d"])
def test_a_duration_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, duration: str) -> None:
    with pytest.raises(SystemExit):
        main(["swarm", "--csms", "ws://127.0.0.1:9/ocpp", "--out", str(tmp_path), f"--duration={duration}"])
    assert "is no duration such as 90s, 15m, 1h" in capsys.readouterr().err


def test_a_cluster_that_cannot_be_reached_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    given = ["swarm", "--csms", "ws://127.0.0.1:9/ocpp", "--out", str(tmp_path / "out"), "--stations", "1"]
    assert main([*given, "--scheduler", "nowhere"]) == 1
    assert "'nowhere' is no address of a Dask scheduler" in capsys.readouterr().err
