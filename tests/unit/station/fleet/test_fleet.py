"""Fleets: a row for every log whatever its state, the same rows however they are computed, and runs that go on where they ended."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from eventstore.database import DATABASE_NAME
from station.cli.main import main
from station.fleet import one_log, running
from station.fleet.finding_logs import find_logs
from station.fleet.one_log import Row, Task
from station.replay.opening.errors import BadQuestion, ReplayError
from tests import deadly_tasks
from tests.duck import ask
from tests.logs import overwrite
from tests.replay_logs import metered, session, story, write_log
from tests.tampering import tamper

SMALL, BROKEN = 6, 2
MANY, MANY_BROKEN = 1_000, 10


def make_fleet(directory: Path, count: int) -> Path:
    """So many stations with a session each; every log differs."""
    for number in range(1, count + 1):
        station = metered(story(connectors=1, identity=f"CB-{number:04d}", serial=f"SN-{number:04d}"))
        station.checked = False
        session(station, tag=f"04{number:06X}", minutes=5 + number % 7)
        write_log(station, directory / f"station-{number:04d}")
    return directory


def break_some(directory: Path, count: int) -> None:
    """The first half of these is no database any more, the other half was tampered with."""
    for number, log in enumerate(sorted(directory.iterdir())[:count]):
        if number % 2:
            tamper(log, "UPDATE event SET at_ms = at_ms + 1 WHERE seq = 20")
        else:
            (log / DATABASE_NAME).write_bytes(b"this was a log once")
            (log / "witness").unlink()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = make_fleet(tmp_path_factory.mktemp("fleet") / "logs", SMALL)
    break_some(directory, BROKEN)
    return directory


@pytest.fixture
def logs(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "logs"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A local Dask cluster of two workers."""
    start: Any = LocalCluster  # distributed is untyped
    with start(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as found:
        yield str(found.scheduler_address)


def rows(capsys: pytest.CaptureFixture[str], logs: Path, *words: str) -> list[Row]:
    main(["fleet", str(logs), *words, "--json"])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def bare(found: list[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name != "mark"} for row in found]


@pytest.mark.parametrize("command", ["summary", "verify"])
def test_every_log_is_a_row_and_the_broken_ones_say_what_is_wrong(
    logs: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = rows(capsys, logs, command, "--workers", "1")
    assert [row["log"] for row in found] == sorted(str(log) for log in logs.iterdir())
    statuses = [row["status"] for row in found]
    tampered = "faulty" if command == "verify" else "ok"
    assert statuses == ["broken", tampered, *["ok"] * (SMALL - BROKEN)]
    assert found[0]["error"]
    if command == "verify":
        assert (found[1]["first_seq"], found[1]["kinds"]) == (20, ["altered"])


def test_here_in_processes_and_on_a_cluster_the_rows_are_the_same(
    logs: Path, cluster: str, capsys: pytest.CaptureFixture[str]
) -> None:
    here = rows(capsys, logs, "verify", "--workers", "1")
    assert rows(capsys, logs, "verify", "--workers", "2") == here
    assert rows(capsys, logs, "verify", "--scheduler", cluster) == here


def test_an_export_on_a_cluster_answers_questions_in_duckdb(
    logs: Path, cluster: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, how in (("one", ["--workers", "1"]), ("two", ["--scheduler", cluster])):
        rows(capsys, logs, "export", "--output", str(tmp_path / place), *how)
    query = "SELECT station, energy_wh FROM read_parquet('{}/transactions/*/*/*.parquet', hive_partitioning = true) ORDER BY ALL"
    one = ask(query.format(tmp_path / "one"))
    assert one == ask(query.format(tmp_path / "two"))
    assert len(one) == SMALL - 1
    assert all(energy_wh > 0 for _, energy_wh in one)


def test_a_run_goes_on_where_it_ended_and_reads_again_what_changed(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "report.jsonl"
    how = ("summary", "--workers", "1", "--report", str(report))
    first = rows(capsys, logs, *how)
    asked: list[str] = []

    def counted(task: Task) -> Row:
        asked.append(Path(task.path).name)
        return one_log.run(task)

    monkeypatch.setattr(running, "run", counted)
    assert rows(capsys, logs, *how) == first
    assert asked == []
    lines = report.read_bytes().splitlines(keepends=True)
    report.write_bytes(b"".join(lines[:-2]) + lines[-1][:25])
    assert rows(capsys, logs, *how) == first
    assert asked == ["station-0005", "station-0006"]
    asked.clear()
    tamper(logs / "station-0005", "DELETE FROM event WHERE seq > 100")
    rows(capsys, logs, *how)
    assert asked == ["station-0005"]
    asked.clear()
    rows(capsys, logs, "verify", "--workers", "1", "--report", str(report), "--level", "chain")
    assert len(asked) == SMALL
    asked.clear()
    rows(capsys, logs, *how, "--again")
    assert len(asked) == SMALL


def test_whatever_a_log_does_to_us_is_its_row(
    logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr(one_log, "summarize", fails)
    found = rows(capsys, logs, "summary", "--workers", "1")
    assert {row["status"] for row in found} == {"broken"}
    assert "surprise" in found[-1]["error"]


def test_a_worker_that_dies_costs_its_log_alone(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [Task(path=log.path, mark=log.mark, command="summary") for log in find_logs(str(logs))[-2:]]
    monkeypatch.setattr(running, "run", deadly_tasks.run)
    found = list(running.in_processes([tasks[0], deadly_tasks.DEADLY, tasks[1]], 2))
    by_path = {str(row["log"]): row["status"] for row in found}
    assert by_path == {"/no/such/log": "broken", **{task.path: "ok" for task in tasks}}


def test_the_exit_status_tells_whether_all_is_in_order(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", str(logs), "summary", "--workers", "1"]) == 1
    assert main(["fleet", str(logs / "station-0003"), "verify", "--workers", "1"]) == 0
    assert main(["fleet", f"{logs}/station-000[3-6]", "verify", "--workers", "1"]) == 0
    assert "4 logs: 4 ok" in capsys.readouterr().out


def test_logs_are_found_below_a_directory_whatever_their_form(logs: Path, tmp_path: Path) -> None:
    assert main(["replay", str(logs / "station-0004"), "export", "--output", str(tmp_path / "x.jsonl")]) == 0
    shutil.copyfile(logs / "station-0004" / DATABASE_NAME, logs / "copied.db")
    (logs / "notes.txt").write_text("not a log")
    (logs / "station-0003" / "quarantine-1").mkdir()
    shutil.copyfile(logs / "station-0004" / DATABASE_NAME, logs / "station-0003" / "quarantine-1" / DATABASE_NAME)
    (logs / "archives").mkdir()
    (logs / "archives" / "000000000001-000000000002.cbz").write_bytes(b"")
    found = [Path(log.path).name for log in find_logs(str(logs))]
    assert found == ["archives", "copied.db", *(f"station-{number:04d}" for number in range(1, SMALL + 1))]
    assert [Path(log.path).name for log in find_logs(f"{tmp_path}/*.jsonl")] == ["x.jsonl"]


@pytest.mark.parametrize("words", [["/no/such/place", "summary"], ["LOGS", "export", "--output", "x", "--redact"]])
def test_a_bad_question_is_one_line(logs: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", *(str(logs) if word == "LOGS" else word for word in words)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("scheduler", ["nonsense", "tcp://10.0.0.5", "tcp://10.0.0.5:x"])
def test_an_address_that_is_none_is_told_at_once(scheduler: str) -> None:
    with pytest.raises(ReplayError, match="no address"):
        list(running.on_cluster([Task(path="/no", mark="", command="summary")], scheduler))


def test_small_logs_are_handed_out_by_the_handful_and_large_ones_alone() -> None:
    small = [Task(path=f"/small/{number}", mark="", command="verify", size=50_000) for number in range(100)]
    large = Task(path="/large", mark="", command="verify", size=50_000_000)
    given = list(running.handfuls([*small, large], 2))
    assert [task for handful in given for task in handful] == [*small, large]
    assert 4 <= len(given) <= 20
    assert given[-1] == (large,)


def test_few_small_logs_need_no_worker_processes(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "ProcessPoolExecutor", None)
    tasks = [Task(path=log.path, mark=log.mark, size=log.size, command="summary") for log in find_logs(str(logs))]
    assert len(list(running.in_processes(tasks))) == SMALL


def test_what_would_fail_for_every_log_is_told_once(
    logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fleet", str(logs), "export", "--output", "/proc/no"]) == 2
    assert "/proc/no cannot be written" in capsys.readouterr().err
    monkeypatch.setattr("station.fleet.commands.find_spec", lambda _: None)
    assert main(["fleet", str(logs), "export", "--output", str(logs / "x")]) == 1
    assert "pip install 'pyarrow'" in capsys.readouterr().err


def test_a_scheduler_that_is_not_there_is_told(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "CONNECT_S", 1)
    tasks = [Task(path=log.path, mark=log.mark, command="summary") for log in find_logs(str(logs))]
    with pytest.raises(ReplayError, match="cannot be reached"):
        list(running.on_cluster(tasks, "tcp://127.0.0.1:9"))


def test_no_logs_is_a_bad_question(tmp_path: Path) -> None:
    with pytest.raises(BadQuestion):
        find_logs(str(tmp_path))


def test_the_page_lists_what_is_not_in_order(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overwrite(logs / "station-0003" / DATABASE_NAME, 0, b"x" * 4096)
    main(["fleet", str(logs), "verify", "--workers", "1"])
    out = capsys.readouterr().out
    assert "2 broken" in out or "1 broken" in out
    assert "station-0001" in out


@pytest.mark.long
def test_a_thousand_logs_with_broken_ones_give_the_same_rows_here_and_on_a_cluster(
    cluster: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = make_fleet(tmp_path / "logs", MANY)
    break_some(logs, MANY_BROKEN)
    here = rows(capsys, logs, "verify", "--workers", "1")
    assert rows(capsys, logs, "verify", "--scheduler", cluster) == here
    counts = [sum(row["status"] == status for row in here) for status in ("ok", "faulty", "broken")]
    assert counts == [MANY - MANY_BROKEN, MANY_BROKEN // 2, MANY_BROKEN // 2]


def test_a_log_has_changed_when_anything_has_that_a_verdict_depends_on(logs: Path) -> None:
    log = logs / "station-0003"

    def mark() -> str:
        return find_logs(str(log))[0].mark

    marks = [mark()]
    (log / "lock").write_text("4711")
    assert mark() == marks[0]
    (log / "archive").mkdir()
    for file in ("archive/000000000001-000000000002.cbz", "witness", "snapshot-7"):
        (log / file).write_bytes(file.encode())
        marks.append(mark())
    assert len(set(marks)) == len(marks)
