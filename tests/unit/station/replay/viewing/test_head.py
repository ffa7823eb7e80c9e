"""The head of the page of a log: it says no more of what was verified than `verify` does."""

from pathlib import Path

import pytest

from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from station.replay.opening.times import Zone, calendar_of, place_at
from station.replay.pages.verdict_page import proves, title_of
from station.replay.proof.verify import verify
from station.replay.viewing.head import head_view
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
