"""The head of the page of a log: it says no more of what was verified than `verify` does."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from station.replay.opening.times import Zone, calendar_of, place_at
from station.replay.pages.verdict_page import proves, title_of
from station.replay.proof.verify import verify
from station.replay.viewing.head import head_view
from station.replay.viewing.moments import LogMoments
from tests.replay_logs import lost_session, write_log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(lost_session(), tmp_path_factory.mktemp("head") / "log")


@pytest.mark.parametrize("level", [None, "chain", "decide"])
def test_it_says_what_was_verified_and_that_nothing_was(log: Path, level: str | None) -> None:
    with open_log(log) as reader:
        calendar = calendar_of(reader)
        place = place_at(reader, calendar, Zone("UTC"), "200")
        verdict = None if level is None else verify(reader, level=level)
        head = head_view(reader, calendar, place, state_at(reader, 200), verdict)
        assert (head["seq"], head["first_seq"], head["last_seq"]) == (200, 1, reader.head.seq)
        assert (head["left_out"], head["damage"], head["redacted"]) == (0, [], False)
        if verdict is None:
            assert head["verdict"] is None
            return
        assert (head["verdict"]["title"], head["verdict"]["lines"]) == (title_of(verdict), proves(verdict))
        assert any(line.startswith("NOT proven") for line in head["verdict"]["lines"])


def test_a_damaged_log_says_what_was_found_and_how_much_of_it_the_state_lacks(tmp_path: Path) -> None:
    log = write_log(lost_session(), tmp_path / "log")
    with closing(sqlite3.connect(log / "chargebox.db", isolation_level=None)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute("UPDATE event SET payload = '{}' WHERE seq IN (150, 151)")
        database.execute("DELETE FROM event WHERE seq BETWEEN 220 AND 225")
    with open_log(log) as reader:
        calendar = calendar_of(reader)
        verdict = verify(reader, level="chain")
        moments = LogMoments(reader, calendar, None, verdict)
        end = place_at(reader, calendar, Zone("UTC"), None)
        head = moments.answer(end, "/api/view/head", {})
        assert isinstance(head, dict)
        assert (head["left_out"], head["verdict"]["is_whole"]) == (8, False)
        assert head["verdict"]["title"] == title_of(verdict)
        found = [line for line in head["verdict"]["lines"] if line not in proves(verdict)]
        assert len(found) == verdict.findings_count
        assert any("220" in line for line in found)
        gone = moments.answer(end, "/api/view/now", {"at": "222"})
        assert isinstance(gone, dict)
        assert gone["seq"] == 219
