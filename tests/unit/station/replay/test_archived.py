"""Archives and closed segments: read with the live segment as one log, or by themselves; edited ones are named."""

import asyncio
import shutil
from pathlib import Path

import pytest

from eventstore.directory import StorageDirectory
from eventstore.log import EventLog
from eventstore.opening import Opening
from eventstore.segments import ARCHIVE_DIRECTORY, closed_segments, compress
from projections.digest import fingerprint, state_bytes
from projections.station import INITIAL, evolve
from station.replay.errors import BadQuestion, LogUnreadable
from station.replay.folding import state_at
from station.replay.source import open_log
from station.replay.verify import Verdict, verify
from tests.logs import overwrite
from tests.replay_logs import StoryStation, disputed_bill

STATION = disputed_bill()
HALF = next(r.cause for r in STATION.log if r.seq > len(STATION.log) // 2) - 1


async def _closed(directory: Path, station: StoryStation) -> Opening:
    opened = await EventLog.open(directory, identity=station.description.identity)
    try:
        await opened.append(station.log[:HALF])
        state = INITIAL
        for recorded in station.log[:HALF]:
            state = evolve(state, recorded)
        opening = Opening(head=opened.head, owed_seq=1, layout=1, fingerprint=fingerprint(), state=state_bytes(state))
        assert await opened.close_segment(
            state=opening.state, layout=opening.layout, fingerprint=opening.fingerprint, owed_seq=opening.owed_seq
        )
        await opened.append(station.log[HALF:])
        await opened.witness()
        return opening
    finally:
        await opened.close()


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Opening]:
    """A log whose first half is closed, and waits to be compressed."""
    directory = tmp_path_factory.mktemp("archived") / "log"
    return directory, asyncio.run(_closed(directory, STATION))


@pytest.fixture
def archived(waiting: tuple[Path, Opening], tmp_path: Path) -> Path:
    """The same, compressed."""
    source, opening = waiting
    directory = Path(shutil.copytree(source, tmp_path / "log"))
    (segment,) = closed_segments(directory)
    for _ in compress(StorageDirectory(directory), segment, opening):
        pass
    return directory


def archive_of(directory: Path) -> Path:
    (file,) = (directory / ARCHIVE_DIRECTORY).glob("*.cbz")
    return file


def verdict_on(path: Path) -> Verdict:
    with open_log(path) as reader:
        return verify(reader)


def test_a_closed_segment_and_the_live_one_read_as_one_log(waiting: tuple[Path, Opening]) -> None:
    with open_log(waiting[0]) as reader:
        assert reader.origin.kind == "log with 1 closed segment"
        assert list(reader.recorded()) == STATION.log
        assert (verify(reader).verdict, verify(reader).skipped) == ("whole", ())


def test_an_archive_and_the_live_segment_read_as_one_log_and_stay_as_they_are(archived: Path) -> None:
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in archived.rglob("*") if file.is_file()}
    with open_log(archived) as reader:
        assert list(reader.recorded()) == STATION.log
        assert state_at(reader, reader.head.seq).state == STATION.state
        assert verify(reader).verdict == "whole"
    after = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in archived.rglob("*") if file.is_file()}
    assert after == before


@pytest.mark.parametrize("as_directory", [False, True])
def test_an_archive_by_itself_is_a_log(archived: Path, as_directory: bool) -> None:
    file = archive_of(archived)
    with open_log(file.parent if as_directory else file) as reader:
        assert (reader.origin.kind, reader.head.seq) == ("archive", HALF)
        assert list(reader.recorded()) == STATION.log[:HALF]
        assert verify(reader).verdict == "whole"


def test_the_live_segment_without_its_archives_folds_from_where_it_begins(archived: Path) -> None:
    shutil.rmtree(archived / ARCHIVE_DIRECTORY)
    with open_log(archived) as reader:
        assert reader.first_seq == HALF + 1
        assert state_at(reader, reader.head.seq).state == STATION.state
        verdict = verify(reader)
        assert verdict.verdict == "whole"
        assert any(f"events 1 to {HALF}" in each for each in verdict.skipped)
        with pytest.raises(BadQuestion):
            state_at(reader, HALF - 1)


def test_an_edited_archive_is_named_with_its_events(archived: Path) -> None:
    file = archive_of(archived)
    overwrite(file, file.stat().st_size // 3, b"\x55\xaa\x55")
    found = [(finding.kind, finding.seq, finding.last_seq) for finding in verdict_on(archived).findings]
    assert ("damaged", 1, HALF) in found
    with open_log(archived) as reader:
        assert state_at(reader, reader.head.seq).state == STATION.state


def test_an_archive_cut_short_is_named(archived: Path) -> None:
    file = archive_of(archived)
    file.write_bytes(file.read_bytes()[:-10])
    verdict = verdict_on(archived)
    assert verdict.verdict == "faulty"
    assert any(file.name in finding.says for finding in verdict.findings)
    with pytest.raises(LogUnreadable), open_log(file):
        pass


def test_an_archive_written_anew_with_another_history_is_found_by_the_segment_behind(
    archived: Path, tmp_path: Path
) -> None:
    forged = disputed_bill()
    first = forged.log[0]
    forged.log[0] = type(first)(seq=1, cause=1, at_ms=first.at_ms, utc_ms=first.utc_ms + 1, event=first.event)
    opening = asyncio.run(_closed(tmp_path / "forged", forged))
    (segment,) = closed_segments(tmp_path / "forged")
    for _ in compress(StorageDirectory(tmp_path / "forged"), segment, opening):
        pass
    shutil.copyfile(archive_of(tmp_path / "forged"), archive_of(archived))
    findings = verdict_on(archived).findings
    assert ("replaced", HALF) in [(finding.kind, finding.seq) for finding in findings]
    assert ("altered", HALF + 1) not in [(finding.kind, finding.seq) for finding in findings]
