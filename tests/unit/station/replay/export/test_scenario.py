"""Scenarios out of field logs: they run as recorded, tell no tag and no identity, and fail when the station decides otherwise."""

import json
from pathlib import Path

import pytest

from station.cli.main import main
from station.replay.export import scenario
from station.replay.export.redaction import RedactionRules
from station.replay.export.scenario import ScenarioFailed, load, load_document, run
from station.replay.opening.errors import BadQuestion
from station.replay.opening.source import open_log
from tests.replay_logs import metered, session, story, would_not_start, write_log
from tests.tampering import rehash, tamper

ALL = RedactionRules(tags=True, identity=True)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(would_not_start(), tmp_path_factory.mktemp("scenario") / "log")


@pytest.mark.parametrize("given", ["events", "state"])
@pytest.mark.parametrize(("first", "last"), [(1, 60), (100, 180), (120, 246)])
def test_a_slice_runs_as_it_was_recorded_and_names_nobody(log: Path, given: str, first: int, last: int) -> None:
    with open_log(log) as reader:
        document = scenario.extract(reader, from_seq=first, to_seq=last, rules=ALL, given=given)
    text = json.dumps(document)
    assert list(run(load_document(json.loads(text)))) == []
    for known in ("04A2B3C4", "04a2b3c4", "0499FACE", "0499face", "CB-0090", "SN-0090"):
        assert known not in text


def test_the_command_writes_a_file_that_our_own_suite_runs(log: Path, tmp_path: Path) -> None:
    file = tmp_path / "lock-jam.json"
    words = ["extract", "--from", "100", "--to", "200", "--says", "a plug that sat half way", "--output", str(file)]
    assert main(["replay", str(log), *words]) == 0
    found = load(file)
    assert found.says == "a plug that sat half way"
    assert list(run(found)) == []


def test_a_station_that_decides_otherwise_fails_the_scenario(log: Path) -> None:
    with open_log(log) as reader:
        document = scenario.extract(reader, from_seq=100, to_seq=246, rules=ALL)
    stops = [d for step in document["steps"] for d in step["decisions"] if d["type"] == "TransactionStopped"]
    stops[0]["payload"]["reason"] = "Remote"
    failures = list(run(load_document(document)))
    assert len(failures) == 1
    assert "Remote" in failures[0]


def test_a_slice_that_cannot_have_been_recorded_so_is_refused(log: Path, tmp_path: Path) -> None:
    forged = write_log(would_not_start(), tmp_path / "log")
    edit = """UPDATE event SET payload = replace(payload, '"reason":"Local"', '"reason":"Remote"') WHERE type = 'TransactionStopped'"""
    tamper(forged, edit, also=lambda connection: rehash(connection, 1))
    with open_log(forged) as reader, pytest.raises(ScenarioFailed):
        scenario.extract(reader, from_seq=1, to_seq=246, rules=ALL)


def test_windows_of_the_outbox_travel_with_the_scenario(tmp_path: Path) -> None:
    station = metered(story(), 60)
    session(station, minutes=1)
    station.disconnect()
    session(station, minutes=80)
    session(station, minutes=20)
    station.connect()
    station.advance(60)
    with open_log(write_log(station, tmp_path / "log")) as reader:
        first = next(r.seq for r in reader.recorded() if type(r.event).__name__ == "OutboxWindowRead")
        for given in ("events", "state"):
            document = scenario.extract(reader, from_seq=first - 30, to_seq=reader.head.seq, rules=ALL, given=given)
            assert "OutboxWindowRead" in json.dumps(document)
            assert list(run(load_document(document))) == []


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"chargebox_scenario": 9}', '{"chargebox_scenario": 1, "says": ""}']
)
def test_a_file_that_is_no_scenario_is_a_bad_question(tmp_path: Path, content: str) -> None:
    file = tmp_path / "scenario.json"
    file.write_text(content)
    with pytest.raises(BadQuestion):
        load(file)
