"""A log of a million events: it verifies, a single altered event is found, and memory does not grow with it."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import perf_counter

import pytest

from eventstore.database import DATABASE_NAME
from station.replay.answers.summary import summarize
from station.replay.opening.checkpoints import Checkpoints
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from station.replay.proof.verify import verify
from tests.replay_logs import many_days, story, write_log
from tests.tampering import tamper

EVENTS = 1_000_000
STATE_S, RESIDENT_MIB, GROWTH_MIB = 2.0, 80, 12


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    station = story()
    station.checked = False
    return write_log(many_days(station, EVENTS), tmp_path_factory.mktemp("long") / "log")


@pytest.mark.long
def test_a_million_events_verify_and_are_summarized(log: Path) -> None:
    with open_log(log) as reader:
        verdict = verify(reader)
        assert (verdict.verdict, verdict.findings) == ("whole", ())
        assert verdict.events >= EVENTS
        assert summarize(reader, calendar_of(reader)).transactions > 1_000


@pytest.mark.long
def test_a_second_question_for_a_state_is_answered_at_once(log: Path, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    with open_log(log) as reader:
        first = state_at(reader, reader.head.seq - 5, checkpoints).state
    began = perf_counter()
    with open_log(log) as reader:
        assert state_at(reader, reader.head.seq - 5, checkpoints).state == first
    assert perf_counter() - began < STATE_S


@pytest.mark.long
def test_memory_does_not_grow_with_the_log(log: Path) -> None:
    code = (
        "import re, sys\nfrom pathlib import Path\nfrom station.replay.opening.source import open_log\n"
        "from station.replay.opening.folding import state_at\n"
        "with open_log(Path(sys.argv[1])) as reader: state_at(reader, int(sys.argv[2]))\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1024)"
    )
    taken = [
        int(subprocess.run([sys.executable, "-c", code, str(log), str(seq)], capture_output=True, check=True).stdout)
        for seq in (EVENTS // 50, EVENTS)
    ]
    assert taken[1] < RESIDENT_MIB
    assert taken[1] - taken[0] < GROWTH_MIB


@pytest.mark.long
def test_one_altered_event_in_a_million_is_named(log: Path) -> None:
    with closing(sqlite3.connect(log / DATABASE_NAME)) as connection:
        seq = connection.execute(
            "SELECT seq FROM event WHERE seq > 654321 AND type = 'MeterSampled' LIMIT 1"
        ).fetchone()[0]
    tamper(log, f"UPDATE event SET payload = replace(payload, 'register_wh', 'register_Wh') WHERE seq = {seq}")
    with open_log(log) as reader:
        assert [(each.kind, each.seq) for each in verify(reader, level="chain").findings] == [("altered", seq)]
