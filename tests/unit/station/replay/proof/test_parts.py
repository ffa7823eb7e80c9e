"""A log that is decided segment by segment in several processes gets the verdict of one walk from end to end."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from eventstore.database import DATABASE_NAME
from eventstore.segments import ARCHIVE_DIRECTORY
from eventstore.value import replace
from station.replay.opening.progress import silent
from station.replay.opening.source import open_log
from station.replay.opening.workers import copy_of, opened
from station.replay.proof.parts import check_in_parts, check_part
from station.replay.proof.verdict import Verdict
from station.replay.proof.verify import verify
from station.replay.proof.walk import walk
from station.replay.proof.work import Work
from tests.replay_logs import Books, StoryStation, many_segments, story, write_segments
from tests.tampering import tamper

Made = tuple[StoryStation, Books, Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    station = story()
    station.checked = False
    ends = many_segments(station, 2_000, 900)
    return station, ends, write_segments(station, tmp_path_factory.mktemp("parts") / "log", ends)


@pytest.fixture(autouse=True)
def _it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.replay.proof.parts.PAYS_EVENTS", 1_000)


def work_of(directory: Path, workers: int) -> tuple[bool, Work]:
    with open_log(directory) as reader:
        work = Work(reader)
        walk(work, silent)
        return check_in_parts(work, workers, decides=True, progress=silent), work


def verdict(directory: Path, workers: int) -> Verdict:
    with open_log(directory) as reader:
        return verify(reader, workers=workers)


def test_every_part_agrees_and_the_verdict_is_the_same(made: Made) -> None:
    station, ends, log = made
    is_done, work = work_of(log, 2)
    assert is_done
    assert work.decided == [(1, len(station.log))]
    assert work.state == station.state
    assert verdict(log, 2) == verdict(log, 1)
    assert verdict(log, 2).verdict == "whole"
    assert len(ends) > 1


def test_one_process_decides_from_end_to_end(made: Made) -> None:
    assert work_of(made[2], 1)[0] is False


def changed(made: Made, directory: Path, **members: Any) -> Path:
    """The same log, but for a transaction of the second segment that is said to have ended otherwise; every digest fits."""
    station, ends, _ = made
    log = list(station.log)
    place = next(r.seq for r in log if r.seq > ends[0][0] and r.event.NAME == "TransactionStopped") - 1
    log[place] = replace(log[place], event=replace(log[place].event, **members))
    forged = StoryStation(description=station.description)
    forged.log[:] = log
    return write_segments(forged, directory, ends)


def test_what_is_contradicted_is_found_as_in_one_walk(made: Made, tmp_path: Path) -> None:
    log = changed(made, tmp_path / "forged", meter_stop_wh=99_999_999)
    assert work_of(log, 2)[0] is False
    found = verdict(log, 2)
    assert found == verdict(log, 1)
    assert found.verdict == "faulty"
    assert "99999999" in found.findings[0].says


def test_where_a_row_was_altered_the_log_is_walked_from_end_to_end(made: Made, tmp_path: Path) -> None:
    log = Path(shutil.copytree(made[2], tmp_path / "altered"))
    last = len(made[0].log)
    tamper(log, f"UPDATE event SET at_ms = at_ms + 1 WHERE seq = {last - 5}")
    assert work_of(log, 2)[0] is False
    assert verdict(log, 2) == verdict(log, 1)


def test_another_process_reads_what_this_one_reads(made: Made) -> None:
    station, _, log = made
    with open_log(log) as reader:
        copy = copy_of(reader)
        assert copy is not None
        with opened(copy) as again:
            assert (again.head, again.first_seq, again.past_seq) == (reader.head, reader.first_seq, reader.past_seq)
            assert [recorded.seq for recorded in again.recorded()] == [recorded.seq for recorded in station.log]
        done = check_part(copy, (0, made[1][0][0]), True)
        assert (done.agrees, done.founded_on) == (True, 0)
    only_archives = log / ARCHIVE_DIRECTORY
    assert (log / DATABASE_NAME).exists()
    with open_log(only_archives) as reader:
        assert copy_of(reader) is not None


def test_a_damaged_log_is_read_here_alone(made: Made, tmp_path: Path) -> None:
    log = Path(shutil.copytree(made[2], tmp_path / "damaged"))
    database = log / DATABASE_NAME
    content = bytearray(database.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2_000] = bytes(2_000)
    database.write_bytes(content)
    with open_log(log) as reader:
        if reader.origin.damage is not None:
            assert copy_of(reader) is None
    assert verdict(log, 2) == verdict(log, 1)


def test_where_no_processes_can_be_started_one_walks_from_end_to_end(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(count: int, preload: object) -> None:
        raise OSError("no semaphores")

    monkeypatch.setattr("station.replay.proof.parts.pool", cannot)
    assert work_of(made[2], 2)[0] is False
    assert verdict(made[2], 2).verdict == "whole"
