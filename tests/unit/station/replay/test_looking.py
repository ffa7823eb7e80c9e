"""`chargebox replay LOG page --out`: which events the file holds, and what is said where it cannot be written."""

import json
from pathlib import Path
from typing import Any

import pytest

from station.cli.main import main
from station.replay import looking
from tests.kept_pages import kept_in, view_at
from tests.replay_logs import lost_session, write_log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(lost_session(), tmp_path_factory.mktemp("looking") / "log")


def asked(log: Path, *options: str) -> int:
    return main(["replay", str(log), "page", "--no-cache", *options])


def made(log: Path, file: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[Any, Any]:
    """What the command says, and what the file holds."""
    assert asked(log, "--json", "--out", str(file), *options) == 0
    return json.loads(capsys.readouterr().out), kept_in(file.read_bytes())


@pytest.mark.parametrize("options", [("--transaction", "2"), ("--transaction", "9002", "--id")])
def test_a_transaction_is_shown_from_the_arrival_to_its_settlement(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    told, kept = made(log, tmp_path / "page.html", capsys, *options)
    assert (told["first_seq"], told["last_seq"]) == (kept["seqs"][0], kept["seqs"][-1]) == (165, 421)
    assert told["bytes"] == (tmp_path / "page.html").stat().st_size <= 400_000
    assert [each["number"] for each in view_at(kept, "sessions", 421)["sessions"]] == [2]


def test_a_range_of_time_is_shown_and_opens_where_it_is_wished(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    span = ("--tz", "UTC", "--from", "2026-01-01T07:14:58", "--to", "2026-01-01T08:07:01")
    _, kept = made(log, tmp_path / "page.html", capsys, *span, "--at", "200")
    assert (kept["begin"], kept["seqs"][0]) == (200, 168)
    assert kept["utc"][-1] <= 1767254821000
    _, whole = made(log, tmp_path / "page.html", capsys)
    assert whole["seqs"] == list(range(2, 516)), "from where it is known what station it is"


def test_what_was_verified_is_said_of_the_whole_log(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, kept = made(log, tmp_path / "page.html", capsys, "--transaction", "1", "--verify", "chain", "--redact")
    head = view_at(kept, "head", 127)
    assert (head["verdict"]["level"], head["redacted"], head["excerpt"]) == ("chain", True, True)
    assert b"04A2B3C4" not in json.dumps(kept).encode()


def test_a_file_of_that_name_gives_way_once_the_new_one_is_whole(log: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("older")
    assert asked(log, "--out", str(file), "--from", "99999") != 0
    assert file.read_text() == "older"
    assert asked(log, "--out", str(file), "--from", "400") == 0
    assert file.read_bytes().startswith(b"<!doctype html>")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--from", "600"), "no event that a page could show lies in this range: the log has 1 to 515"),
        (("--from", "300", "--to", "200"), "nothing lies between 300 and 200"),
        (("--to", "1"), "no event that a page could show lies in this range"),
        (("--from", "2030-01-01"), "no event that a page could show lies in this range"),
        (("--transaction", "9"), "transaction 9"),
        (("--transaction", "2", "--from", "5"), "--transaction names the range itself"),
        (("--from", "100", "--to", "200", "--at", "300"), "--at names event 300, and the file holds 100 to 200"),
        (("--verify", "chain", "--redact-key", "/nonexistent", "--redact"), "/nonexistent"),
    ],
)
def test_what_cannot_be_shown_says_why(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], says: str
) -> None:
    assert asked(log, "--out", str(tmp_path / "page.html"), *options) == 2
    assert says in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_range_without_a_file_a_long_one_and_a_place_that_cannot_be_written(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(log, "--transaction", "2") == 2
    assert "add --out FILE.html" in capsys.readouterr().err
    assert asked(log, "--out", str(tmp_path / "none" / "page.html")) == 1
    assert "cannot be written: No such file" in capsys.readouterr().err
    monkeypatch.setattr(looking, "EVENTS_MAX", 100)
    assert asked(log, "--out", str(tmp_path / "page.html"), "--from", "10") == 2
    assert "events 10 to 515 are more than the 100 that one file holds" in capsys.readouterr().err
