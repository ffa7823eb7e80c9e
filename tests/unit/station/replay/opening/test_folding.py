"""States out of a log: what is missing is counted, and the user's cache never tells of another history."""

import shutil
from pathlib import Path

import pytest

from station.replay.opening.checkpoints import Checkpoints
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from tests.replay_logs import StoryStation, disputed_bill, write_log
from tests.tampering import tamper


@pytest.fixture(scope="module")
def station() -> StoryStation:
    return disputed_bill()


@pytest.fixture(scope="module")
def recorded(station: StoryStation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(station, tmp_path_factory.mktemp("folding") / "log")


@pytest.fixture
def altered(recorded: Path, tmp_path: Path) -> Path:
    """The same, with another identity in its description and the old digests."""
    log = Path(shutil.copytree(recorded, tmp_path / "altered"))
    tamper(log, "UPDATE event SET payload = replace(payload, 'SN-0233', 'SN-9999') WHERE seq = 2")
    return log


@pytest.fixture(params=["in this process", "in another one"])
def digests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the digests are followed while states are folded."""
    if request.param == "in another one":
        monkeypatch.setattr("station.replay.opening.folding.cores", lambda: 2)
        monkeypatch.setattr("station.replay.opening.folding.ELSEWHERE_EVENTS", 10)
        monkeypatch.setattr("station.replay.opening.folding.STRETCH", 100)
    return str(request.param)


@pytest.fixture(autouse=True)
def _few_events_are_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.replay.opening.folding.WORTH_KEEPING", 50)


def test_what_is_gone_from_a_log_is_missed_in_its_state(recorded: Path, tmp_path: Path) -> None:
    log = Path(shutil.copytree(recorded, tmp_path / "log"))
    tamper(log, "DELETE FROM event WHERE type = 'MeterSampled' AND seq BETWEEN 100 AND 200")
    with open_log(log) as reader:
        gone = 333 - sum(reader.counts().values())
        assert gone > 1
        assert state_at(reader, reader.head.seq).left_out >= gone


@pytest.mark.usefixtures("digests")
def test_a_second_question_is_answered_from_the_cache(recorded: Path, station: StoryStation, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    with open_log(recorded) as reader:
        assert state_at(reader, reader.head.seq, checkpoints).base_seq == 0
        again = state_at(reader, reader.head.seq, checkpoints)
        assert (again.state, again.base_seq) == (station.state, reader.head.seq)


@pytest.mark.usefixtures("digests")
def test_what_was_folded_from_altered_events_is_never_kept(
    altered: Path, recorded: Path, station: StoryStation, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path / "cache")
    with open_log(altered) as reader:
        described = state_at(reader, 120, checkpoints).state.description
        assert described is not None
        assert described.serial == "SN-9999"
    with open_log(recorded) as reader:
        assert state_at(reader, 120, checkpoints).state.description == station.description
