"""Two logs, two weeks of one, two moments: what is different, in words and in numbers."""

import json
from pathlib import Path

import pytest

from station.cli.main import main
from station.replay.answers.summary import summarize
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from station.replay.opening.times import Zone, calendar_of, place_at
from station.replay.pages.changes_page import changes_page, facts_of
from station.replay.pages.page import plain
from station.replay.pages.station_page import changes
from tests.replay_logs import disputed_bill, lost_session, write_log

ZONE = Zone("UTC")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    base = tmp_path_factory.mktemp("comparing")
    return str(write_log(lost_session(), base / "a")), str(write_log(disputed_bill(), base / "b"))


def asked(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    capsys.readouterr()
    assert main(["replay", *words]) == status
    said = capsys.readouterr()
    return said.out or said.err


def test_two_stations_stand_side_by_side(logs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(asked(capsys, logs[0], "compare", logs[1], "--json"))
    assert [found[side]["name"] for side in ("first", "second")] == ["CB-0417", "CB-0233"]
    measures = {each["what"]: (each["first"], each["second"]) for each in found["measures"]}
    assert measures["transactions"] == (3, 1)
    assert measures["energy"] == (19_872, 19_780)
    assert measures["power cuts"] == (0, 1)
    assert measures["CALLERROR InternalError"] == (2, 0)
    assert measures["StopTransaction answered in (median)"] == (40, 40)
    assert measures["Heartbeat answered in (median)"] == (40, None)
    text = asked(capsys, logs[0], "compare", logs[1], "--tz", "UTC")
    assert "CB-0417 and CB-0233 (UTC)" in text
    assert "only in B !" in text
    assert "MeterValueSampleInterval" in text.partition("Set otherwise")[2] or "Set otherwise" not in text


def test_two_parts_of_one_log_add_up_to_the_whole(logs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    cut = "2026-01-01T08:00+01:00"
    words = ("compare", "--to", cut, "--other-from", cut, "--json")
    found = json.loads(asked(capsys, logs[0], *words))
    measures = {each["what"]: (each["first"], each["second"]) for each in found["measures"]}
    with open_log(Path(logs[0])) as reader:
        whole = summarize(reader, calendar_of(reader))
    for what, count in (
        ("events", whole.events),
        ("transactions", whole.transactions),
        ("energy", whole.energy_wh),
        ("outages", whole.outages.count),
        ("without a link", whole.outages.total_ms),
        ("calls sent", whole.messages_sent),
        ("boots", whole.boot_count),
    ):
        assert sum(measures[what]) == count, what


def test_an_outage_that_lasts_into_a_part_counts_from_its_beginning_on(logs: tuple[str, str]) -> None:
    with open_log(Path(logs[0])) as reader:
        calendar = calendar_of(reader)
        whole = summarize(reader, calendar)
        middle = place_at(reader, calendar, ZONE, "2026-01-01T09:00").seq
        before, behind = summarize(reader, calendar, 0, middle), summarize(reader, calendar, middle)
    assert (before.outages.count, behind.outages.count, whole.outages.count) == (1, 1, 1)
    rest = whole.outages.total_ms - before.outages.total_ms - behind.outages.total_ms
    assert 0 <= rest < 600_000  # between two events


def test_what_cannot_be_compared_is_a_wrong_question(logs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "nothing of the log lies there" in asked(capsys, logs[0], "compare", "--from", "100000", status=2)
    assert "does not exist" in asked(capsys, logs[0], "compare", "/no/such/log", status=1)


def test_a_change_is_said_as_an_engineer_would(logs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    text = asked(capsys, logs[1], "diff", "2026-01-01T06:20:10", "2026-01-01T07:06", "--tz", "UTC")
    assert "8.0 A, by profile 7, period 1, set by the CSMS at 07:05" in text
    assert "10.280 kWh (+8.280 kWh)" in text
    assert "connector 2: TxProfile, level 0, 8 A" in text
    assert "by_id" not in text
    text = asked(capsys, logs[0], "diff", "2026-01-01T07:30", "2026-01-01T12:30", "--tz", "UTC")
    assert "transaction 2  with the CSMS" in text
    assert text.count("transaction 2") == 1


def test_where_nothing_that_a_person_would_notice_changed_that_is_said(logs: tuple[str, str]) -> None:
    with open_log(Path(logs[0])) as reader:
        place = place_at(reader, calendar_of(reader), ZONE, "100")
        state = state_at(reader, 100).state
    shown = changes_page((state, state), (place, place), changes(state, state), ZONE)
    assert "nothing changed that a person would notice\n" in plain(shown)
    assert all(subject and what for subject, what in facts_of(state, place, ZONE))
