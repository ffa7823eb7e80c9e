"""The views of a moment of a log: what they say is what `replay` answers, and nothing behind that moment is in them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from station.cli.main import main
from station.replay.opening.errors import BadQuestion
from station.replay.opening.folding import state_at
from station.replay.opening.reader import LogReader
from station.replay.opening.source import open_log
from station.replay.opening.times import Zone, calendar_of, place_at
from station.replay.viewing.views import LogViews
from tests.replay_logs import lost_session, write_log

MOMENTS = ("40", "200", "365", None)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(lost_session(), tmp_path_factory.mktemp("viewing") / "log")


@pytest.fixture(scope="module")
def reader(log: Path) -> Iterator[LogReader]:
    with open_log(log) as opened:
        yield opened


def views_at(reader: LogReader, at: str | None) -> LogViews:
    calendar = calendar_of(reader)
    place = place_at(reader, calendar, Zone("UTC"), at)
    return LogViews(reader, calendar, place, state_at(reader, place.seq))


def shown(views: LogViews, name: str, **query: str) -> Any:
    return views.view(f"/api/view/{name}", query)


def asked(log: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["replay", str(log), *words, "--json", "--no-cache"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("at", MOMENTS)
def test_now_is_the_state_that_replay_tells(
    log: Path, reader: LogReader, at: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    told = json.loads(asked(log, capsys, "state", *(() if at is None else ("--at", at))))["state"]
    now = shown(views_at(reader, at), "now")
    assert now["seq"] == told["seq"]
    assert now["outbox"]["pending"] == len(
        json.loads(asked(log, capsys, "outbox", *(() if at is None else ("--at", at))))
    )
    connectors = {each["connector_id"]: each for each in told["connectors"]["by_id"]}
    for each in now["connectors"]:
        it = connectors[each["connector_id"]]
        assert (each["status"], each["pilot"], each["limit_ma"], each["contactor_closed"]) == (
            it["status"] or "Unavailable",
            it["pilot_state"],
            it["limit_ma"],
            it["contactor_closed"],
        )
        number = None if each["session"] is None else each["session"]["number"]
        assert number == it["transaction_number"]
    assert now["registration"]["status"] == told["registration"]["status"]


@pytest.mark.parametrize("at", MOMENTS)
def test_the_story_has_the_lines_of_the_timeline_up_to_that_moment(
    log: Path, reader: LogReader, at: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = asked(log, capsys, "timeline", *(() if at is None else ("--to", at))).splitlines()
    timeline = [json.loads(line) for line in lines]
    views = views_at(reader, at)
    story = shown(views, "story", limit="500")
    assert [(line["seq"], line["utc_ms"], line["type"]) for line in story["lines"]] == [
        (entry["seq"], entry["utc_ms"], entry["type"]) for entry in timeline
    ]
    found: list[int] = []
    after = 0
    while after < story["seq"]:
        part = shown(views, "story", after=str(after), limit="7")
        found += [line["seq"] for line in part["lines"]]
        assert part["seq"] > after
        after = part["seq"]
    assert found == [entry["seq"] for entry in timeline]
    back: list[int] = []
    first = story["seq"] + 1
    while first > 1:
        part = shown(views, "story", before=str(first), limit="7")
        back = [line["seq"] for line in part["lines"]] + back
        first = part["first_seq"]
    assert back == found


def test_the_conversation_has_the_calls_of_replay(
    log: Path, reader: LogReader, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [json.loads(line) for line in asked(log, capsys, "conversation").splitlines()]
    view = shown(views_at(reader, None), "conversation")
    mine = [*view["exchanges"], *view["open"]]
    assert sorted((each["seq"], each["action"], each["outcome"], each["utc_ms"]) for each in mine) == sorted(
        (each["seq"], each["action"], "given_up" if each["given_up"] else each["outcome"], each["utc_ms"])
        for each in told
    )
    early = shown(views_at(reader, "200"), "conversation")
    assert all((each["answer_seq"] or each["seq"]) <= 200 for each in [*early["exchanges"], *early["open"]])


def test_frames_are_there_up_to_that_moment_only(reader: LogReader) -> None:
    views = views_at(reader, "200")
    found = views.view("/api/events", {"after": "199"})
    assert found is not None
    assert [event["seq"] for event in found["events"]] == [200]
    behind = views.view("/api/events", {"after": "200"})
    assert behind is not None
    assert behind["events"] == []


def test_the_other_views_are_of_that_moment_and_a_wrong_question_says_so(reader: LogReader) -> None:
    views = views_at(reader, "365")
    assert shown(views, "schedule")["seq"] == 365
    keys = {key["name"]: key["value"] for key in shown(views, "configuration")["keys"]}
    assert keys["HeartbeatInterval"]
    assert "AuthorizationKey" not in keys or keys["AuthorizationKey"] is None
    assert [each["number"] for each in shown(views, "sessions")["sessions"]] == [2, 1]
    assert shown(views, "session", seq="54")["session"]["number"] == 1
    assert views.month({"month": "2026-01"}).name == "sessions-2026-01.csv"
    assert views.view("/api/view/bench", {}) is None
    for wrong in ("x", "-1", "9" * 19, "٣"):
        with pytest.raises(BadQuestion):
            shown(views, "story", after=wrong)


def test_the_station_is_the_one_that_the_summary_tells_of(
    log: Path, reader: LogReader, capsys: pytest.CaptureFixture[str]
) -> None:
    told = json.loads(asked(log, capsys, "summary"))
    now = shown(views_at(reader, None), "now")
    it = now["station"]
    assert (it["identity"], it["boots"], it["log_events"]) == (told["identity"], told["boot_count"], told["events"])
    assert (it["version"], it["firmware_version"]) == tuple(
        told["boots"][-1][name] for name in ("software_version", "firmware_version")
    )
    sessions = shown(views_at(reader, None), "sessions")["sessions"]
    assert sum(session["energy_wh"] for session in sessions) == told["energy_wh"]
