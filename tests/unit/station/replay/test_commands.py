"""The command line: statuses, JSON, filters, and what is missing is told with what to do about it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from station.cli.main import main
from tests.replay_logs import lost_session, write_log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_log(lost_session(), tmp_path_factory.mktemp("commands") / "log"))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    status = main(["replay", *words])
    captured = capsys.readouterr()
    assert (status, captured.err) == (0, "")
    return captured.out


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_single_answer_has_its_json(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    summary = json.loads(asked(capsys, log, "summary", "--json"))
    assert (summary["identity"], summary["transactions"], summary["messages_given_up"]) == ("CB-0417", 3, 0)
    assert [row["transaction_id"] for row in json.loads(asked(capsys, log, "transactions", "--json"))] == [
        9001,
        9002,
        9003,
    ]
    found = json.loads(asked(capsys, log, "transaction", "2", "--json"))
    assert found["row"]["energy_wh"] == 9568
    assert len(found["messages"]) == 14
    state = json.loads(asked(capsys, log, "state", "--at", "200", "--json"))
    assert state["state"]["seq"] == 200
    assert json.loads(asked(capsys, log, "diff", "200", "200", "--json")) == []
    assert json.loads(asked(capsys, log, "outbox", "--at", "200", "--json"))[0]["action"] == "StartTransaction"
    assert json.loads(asked(capsys, log, "verify", "--json"))["verdict"] == "whole"


def test_streams_are_a_document_a_line(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    story = lines(asked(capsys, log, "timeline", "--json", "--all"))
    assert [entry["seq"] for entry in story] == list(range(1, len(story) + 1))
    talk = lines(asked(capsys, log, "conversation", "--json", "--action", "StartTransaction"))
    assert [(each["transaction"], each["attempt"], each["outcome"]) for each in talk] == [
        (1, 1, "result"),
        (2, 1, "error"),
        (2, 2, "error"),
        (2, 3, "result"),
        (3, 1, "result"),
    ]


def test_the_timeline_is_filtered(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    by_type = lines(asked(capsys, log, "timeline", "--json", "--type", "transactionstopped"))
    assert [entry["transaction"] for entry in by_type] == [1, 2, 3]
    assert {
        entry["connector_id"]
        for entry in lines(asked(capsys, log, "timeline", "--json", "--connector", "2", "--detail"))
    } == {2, None}
    tagged = lines(asked(capsys, log, "timeline", "--json", "--tag", "0411d0d0"))
    assert {entry["transaction"] for entry in tagged} <= {3, None}
    assert len(tagged) >= 5
    within = lines(asked(capsys, log, "timeline", "--json", "--all", "--from", "100", "--to", "110"))
    assert [entry["seq"] for entry in within] == list(range(100, 111))
    second = lines(asked(capsys, log, "timeline", "--json", "--transaction", "2"))
    assert all(entry["transaction"] in (2, None) for entry in second)
    assert any(
        "refused 2 times (InternalError); confirmed as 9002" in note for entry in second for note in entry["notes"]
    )


def test_the_conversation_shows_raw_frames(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    raw = asked(capsys, log, "conversation", "--raw", "--outcome", "error")
    assert '[2,"' in raw
    assert '"InternalError"' in raw


def test_the_state_from_the_cache_is_the_state(
    log: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("station.replay.opening.folding.WORTH_KEEPING", 50)
    first = asked(capsys, log, "state", "--at", "300", "--json")
    kept = list((tmp_path / "cache").rglob("*.state"))
    assert kept
    assert all(file.stat().st_mode & 0o077 == 0 for file in kept)
    assert asked(capsys, log, "state", "--at", "300", "--json") == first
    assert asked(capsys, log, "state", "--at", "300", "--json", "--no-cache") == first
    kept[0].write_bytes(kept[0].read_bytes().replace(b"9001", b"9009"))
    assert asked(capsys, log, "state", "--at", "300", "--json") == first


def test_a_drawing_is_written_as_svg_and_png(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, begins in (("plot.svg", b"<?xml"), ("plot.png", b"\x89PNG")):
        asked(capsys, log, "transaction", "2", "--plot", str(tmp_path / name))
        assert (tmp_path / name).read_bytes().startswith(begins)


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["nowhere", "summary"], 1, "does not exist"),
        (["LOG", "transaction", "77"], 2, "no transaction 77"),
        (["LOG", "transaction", "9002"], 2, "--id"),
        (["LOG", "timeline", "--type", "Stopped"], 2, "did you mean"),
        (["LOG", "timeline", "--transaction", "9"], 2, "no transaction 9"),
        (["LOG", "state", "--at", "soon"], 2, "no time"),
        (["LOG", "summary", "--tz", "Mars/Base"], 2, "no time zone"),
        (["LOG", "verify", "--anchor", "x"], 2, "no anchor"),
        (["LOG", "whatif", "--set", "Nonsense=1"], 2, "KEY=VALUE"),
        (["LOG", "whatif", "--set", "HeartbeatInterval=often"], 2, "not a whole number"),
        (["LOG", "whatif", "--python", "/no/such/python"], 2, "cannot be run"),
        (["LOG", "export", "--output", "x.csv", "--table", "all"], 2, "one table"),
        (["LOG", "export", "--format", "parquet"], 2, "Parquet is not for reading"),
        (["LOG", "transaction", "1", "--plot", "x.gif"], 2, ".svg or .png"),
        (["LOG", "export", "--output", "x.csv", "--redact-key", "/no/such/key"], 2, "/no/such/key"),
        (["LOG", "extract", "--from", "480", "--to", "470"], 2, "nothing lies between"),
        (["LOG", "sign", "--key", "/no/such/key"], 2, "/no/such/key: No such file"),
        (["LOG", "export", "--output", "x.csv", "--format", "jsonl"], 2, "csv by its name"),
        (["LOG", "export", "--output", "/proc/no.jsonl"], 1, "/proc/no.jsonl cannot be written"),
        (["LOG", "transaction", "1", "--plot", "/no/such/x.svg"], 1, "cannot be written"),
        (["LOG", "whatif", "--python", "/bin/false"], 2, "has no chargebox"),
    ],
)
def test_a_bad_question_is_one_line_and_a_status(
    log: str, words: list[str], status: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", *(log if word == "LOG" else word for word in words)]) == status
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("pyarrow", ["export", "--output", "OUT.parquet"]),
        ("matplotlib", ["transaction", "1", "--plot", "OUT.svg"]),
        ("cryptography", ["sign", "--key", "KEY"]),
    ],
)
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    log: str,
    library: str,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, library, None)
    placed = [word.replace("OUT", str(tmp_path / "out")).replace("KEY", str(tmp_path / "key")) for word in words]
    assert main(["replay", log, *placed]) == 1
    assert f"pip install '{library}'" in capsys.readouterr().err
    assert list(tmp_path.glob("out*")) == []


def test_without_rich_a_terminal_gets_plain_text(
    log: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    plain = asked(capsys, log, "summary", "--tz", "UTC")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "rich"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "rich", None)
    assert asked(capsys, log, "summary", "--tz", "UTC") == plain


def test_with_rich_a_terminal_gets_the_same_facts(
    log: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    shown = asked(capsys, log, "transactions", "--tz", "UTC")
    assert "9.568 kWh" in shown


def test_whatif_in_another_installation_is_asked_of_its_interpreter(
    log: str, capfd: pytest.CaptureFixture[str]
) -> None:
    status = main(
        ["replay", log, "whatif", "--python", sys.executable, "--set", "LocalAuthorizeOffline=false", "--json"]
    )
    found = lines(capfd.readouterr().out)
    assert status == 0
    assert [each["would"] for each in found] == [["Tag 04A2B3C4 REFUSED on connector 1: Offline"]]


@pytest.mark.parametrize(
    "words", [["whatif", "--limit", "0"], ["transaction", "1", "--width", "5"], ["whatif", "--limit", "x"]]
)
def test_a_number_that_is_none_is_bad_usage(log: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["replay", log, *words])
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_that_nothing_was_found_is_said_beside_the_answer(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("timeline", "--tag", "nobody"), ("conversation", "--action", "Nonsense")):
        assert main(["replay", log, *words]) == 0
        captured = capsys.readouterr()
        assert (captured.out, captured.err) == ("", "chargebox: nothing in the log is like that\n")


def test_who_is_told_to_end_removes_the_copy_of_the_log(log: str, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from station.replay import commands; from station.cli.main import main\n"
        "commands.ANSWERS['summary'] = lambda asked: os.kill(os.getpid(), signal.SIGTERM)\n"
        "main(['replay', sys.argv[1], 'summary'])"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code, log], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, b"")
    assert list(tmp_path.iterdir()) == []
