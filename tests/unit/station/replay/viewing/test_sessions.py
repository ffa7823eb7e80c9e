"""The sessions of a log's page are the transactions that `replay` tells, at its end and at any moment before."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from station.cli.main import main
from station.replay.opening.errors import BadQuestion
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from station.replay.viewing import sessions
from station.replay.viewing.sessions import LogSessions
from station.wire.instants import format_utc_ms
from tests.replay_logs import StoryStation, disputed_bill, lost_session, write_log

STORIES = (lost_session, disputed_bill)


@pytest.fixture(scope="module", params=STORIES, ids=lambda told: told.__name__)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    told: Callable[[], StoryStation] = request.param
    return write_log(told(), tmp_path_factory.mktemp("sessions") / "log")


def asked(log: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main(["replay", str(log), *words, "--json", "--no-cache"]) == 0
    return json.loads(capsys.readouterr().out)


def utc(moment_ms: int | None) -> str | None:
    return None if moment_ms is None else format_utc_ms(moment_ms)


def test_they_are_the_transactions_and_the_bills_of_replay(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = asked(log, capsys, "transactions")
    bills = asked(log, capsys, "billing")["bills"]
    with open_log(log) as reader:
        shown = LogSessions(reader, calendar_of(reader), reader.head.seq)
        list_ = shown.latest(None, 50)
        assert (list_["seq"], list_["first_seq"]) == (reader.head.seq, 1)
        found = list_["sessions"][::-1]
        for session, row, bill in zip(found, rows, bills, strict=True):
            for name in (
                *("number", "transaction_id", "connector_id", "authorized_by", "duration_ms", "meter_stale", "reason"),
                *("meter_start_wh", "meter_stop_wh", "energy_wh", "settled"),
            ):
                assert session[name] == row[name], name
            assert session["seq"] == row["first_seq"]
            assert row["id_tag"].endswith(session["tag"].removeprefix("…"))
            assert (utc(session["started_at"]), utc(session["stopped_at"])) == (row["started_utc"], row["stopped_utc"])
            assert (session["start"], session["stop"]) == (bill["start"], bill["stop"])
            register = bill["register"]
            assert (session["meter_start_wh"], session["meter_stop_wh"]) == (register["start_wh"], register["stop_wh"])
            one = shown.one(session["seq"]).view(shown.dating, {}, _nothing())
            assert one["session"] == session
            queued = [sample for sample in one["samples"] if sample["queued"]]
            assert len(queued) == bill["samples_count"]
            whole = asked(log, capsys, "transaction", str(session["number"]))
            assert [utc(sample["at"]) for sample in queued] == [
                utc(sample["utc_ms"]) for sample in whole["samples"] if not sample["in_stop"]
            ]
            assert {(each["seq"], each["action"]) for each in one["messages"]} <= {
                (each["seq"], each["action"]) for each in whole["messages"]
            }


def _nothing() -> Any:
    from station.telling.usual import Usual

    return Usual(())


def test_at_a_moment_before_they_are_what_was_known_then(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = asked(log, capsys, "transactions")
    with open_log(log) as reader:
        calendar = calendar_of(reader)
        for row in rows:
            assert not any(
                each["number"] == row["number"]
                for each in LogSessions(reader, calendar, row["first_seq"] - 1).latest(None, 50)["sessions"]
            )
            with pytest.raises(BadQuestion, match="not yet"):
                LogSessions(reader, calendar, row["first_seq"] - 1).one(row["first_seq"])
            running = LogSessions(reader, calendar, row["stop_seq"] - 1).latest(None, 50)["sessions"][0]
            assert (running["number"], running["stopped_at"], running["stop"]) == (row["number"], None, None)
            over = LogSessions(reader, calendar, row["stop_seq"]).latest(None, 50)["sessions"][0]
            assert (over["energy_wh"], over["stop"], over["settled"]) == (row["energy_wh"], "waits", False)


def test_the_list_is_read_back_piece_by_piece_with_what_became_of_them(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "WINDOW", 7)
    with open_log(log) as reader:
        shown = LogSessions(reader, calendar_of(reader), reader.head.seq)
        whole = shown.latest(None, 50)["sessions"]
        parts: list[Any] = []
        before: int | None = None
        while before is None or before > 1:
            part = shown.latest(before, 1)
            parts += part["sessions"]
            assert before is None or part["first_seq"] < before
            before = part["first_seq"]
        assert parts == whole


def test_a_month_is_csv_and_what_is_no_month_is_refused(log: Path) -> None:
    with open_log(log) as reader:
        shown = LogSessions(reader, calendar_of(reader), reader.head.seq)
        lines = list(csv.DictReader(shown.month("2026-01").splitlines()))
        found = shown.latest(None, 50)["sessions"][::-1]
        assert [(line["number"], line["energy_wh"]) for line in lines] == [
            (str(each["number"]), str(each["energy_wh"])) for each in found
        ]
        assert len(shown.month("2025-12").splitlines()) == 1
        for wrong in ("", "2026-13", "now", "2026-01-01"):
            with pytest.raises(BadQuestion, match="month"):
                shown.month(wrong)
