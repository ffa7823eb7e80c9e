"""The process that reads the past of a running station: questions in, answers out, from a copy that is made anew when it must be."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from station.replay.viewing.living import ANEW_S, LivingPast, serve
from tests.replay_logs import lost_session, write_log

FIRST = 300
"""Where the log ends at first."""


@pytest.fixture
def station(tmp_path: Path) -> Any:
    """A station whose log has its first events only."""
    told = lost_session()
    told.later = told.log[FIRST:]  # type: ignore[attr-defined]
    del told.log[FIRST:]
    write_log(told, tmp_path / "log")
    return told


@pytest.fixture
def past(station: Any, tmp_path: Path) -> Iterator[LivingPast]:
    found = LivingPast(tmp_path / "log")
    yield found
    found.close()


def goes_on(station: Any, directory: Path) -> int:
    """The rest of the story is appended; where the log ends then."""
    station.log[:] = station.later
    write_log(station, directory)
    return int(station.later[-1].seq)


def asked(past: LivingPast, path: str, head_seq: int, now_s: float = 0.0, **query: str) -> tuple[int, Any]:
    status, _, content = past.answer(path, query, head_seq, now_s)
    return status, json.loads(content)


def test_an_event_behind_the_copy_has_it_made_anew(past: LivingPast, station: Any, tmp_path: Path) -> None:
    assert asked(past, "/api/view/head", FIRST, at="200")[1]["last_seq"] == FIRST
    head_seq = goes_on(station, tmp_path / "log")
    assert asked(past, "/api/view/head", head_seq, at="200")[1]["last_seq"] == FIRST, "not for nothing"
    status, view = asked(past, "/api/view/now", head_seq, at=str(head_seq))
    assert (status, view["seq"]) == (200, head_seq)


def test_a_time_has_it_made_anew_once_it_is_old(past: LivingPast, station: Any, tmp_path: Path) -> None:
    utc_ms = str(asked(past, "/api/view/head", FIRST, at="200")[1]["utc_ms"] + 10**9)
    head_seq = goes_on(station, tmp_path / "log")
    assert asked(past, "/api/view/head", head_seq, ANEW_S, utc_ms=utc_ms)[1]["seq"] == FIRST
    assert asked(past, "/api/view/head", head_seq, ANEW_S + 0.1, utc_ms=utc_ms)[1]["seq"] == head_seq


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"at": "1"}, "after event 1 it is not known yet what station this is"),
        ({"at": "9999"}, "there is no event 9999: the log has 1 to 300"),
        ({"utc_ms": "1"}, "lies before the first event of the log"),
        ({"at": "x"}, "at is no whole number"),
    ],
)
def test_what_cannot_be_asked_for_says_why(past: LivingPast, query: dict[str, str], says: str) -> None:
    status, answer = asked(past, "/api/view/now", 9999, 0.0, **query)
    assert status == 400
    assert says in answer["error"]


def test_a_directory_without_a_log_is_said_and_asked_again(tmp_path: Path) -> None:
    found = LivingPast(tmp_path)
    for _ in range(2):
        status, answer = asked(found, "/api/view/now", 5, at="3")
        assert status == 503
        assert "holds no log" in answer["error"]
    found.close()


def test_questions_are_answered_one_after_the_other(past: LivingPast) -> None:
    lines = [
        {"path": path, "query": {"at": "200", "month": "2026-01"}, "head_seq": FIRST, "now_s": 0.0}
        for path in ("/api/view/now", "/api/view/sessions.csv", "/api/view/nothing")
    ]
    answers = io.BytesIO()
    serve(past, io.BytesIO(b"".join(orjson.dumps(line) + b"\n" for line in lines)), answers)
    answers.seek(0)
    found = []
    while line := answers.readline():
        head = json.loads(line)
        found.append((head["status"], head["headers"]["content-type"], answers.read(head["length"])))
    assert [(status, media) for status, media, _ in found] == [
        (200, "application/json"),
        (200, "text/csv; charset=utf-8"),
        (404, "application/json"),
    ]
    assert json.loads(found[0][2])["seq"] == 200


def test_the_process_gives_way_and_ends_with_its_input(station: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "station.replay.viewing.living", str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        question = {"path": "/api/view/now", "query": {"at": "200"}, "head_seq": FIRST, "now_s": 0.0}
        process.stdin.write(orjson.dumps(question) + b"\n")
        process.stdin.flush()
        head = json.loads(process.stdout.readline())
        assert json.loads(process.stdout.read(head["length"]))["seq"] == 200
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 19
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert f"Max data size             {160 << 20}" in limits
        process.stdin.close()
        assert process.wait(60) == 0


def test_a_station_that_is_gone_before_its_answer_is_no_trouble_of_the_process(station: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "station.replay.viewing.living", str(tmp_path / "log")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        question = {"path": "/api/view/now", "query": {"at": "200"}, "head_seq": FIRST, "now_s": 0.0}
        process.stdin.write(orjson.dumps(question) + b"\n")
        process.stdin.flush()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""
