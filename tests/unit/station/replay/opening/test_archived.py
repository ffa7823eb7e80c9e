"""Archives and closed segments: read with the live segment as one log, or by themselves; edited ones are named."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from eventstore.catalogue.hardware import MeterObserved
from eventstore.catalogue.lifecycle import LogSalvaged
from eventstore.catalogue.link import LinkOpened
from eventstore.catalogue.transactions import TransactionStarted
from eventstore.database import DATABASE_NAME
from eventstore.directory import StorageDirectory
from eventstore.event import Event
from eventstore.log import EventLog
from eventstore.opening import Opening, read_opening
from eventstore.segments import ARCHIVE_DIRECTORY, PastSegment, closed_segments, compress
from eventstore.value import replace
from projections.digest import fingerprint, state_bytes
from projections.outbox import TRANSACTIONAL
from projections.station import INITIAL, evolve
from station.cli.main import main
from station.replay.answers.summary import summarize
from station.replay.opening.errors import BadQuestion, LogUnreadable
from station.replay.opening.folding import state_at
from station.replay.opening.past_segments import OPEN_MAX, Past
from station.replay.opening.source import open_log
from station.replay.opening.times import calendar_of
from station.replay.proof.statement import anchors, check_signature, read
from station.replay.proof.verdict import Verdict
from station.replay.proof.verify import verify
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


async def _in_segments(directory: Path, station: StoryStation, ends: list[int]) -> Path:
    """The story in many archives, each of which ends behind the event named."""
    opened = await EventLog.open(directory, identity=station.description.identity)
    state, begin = INITIAL, 0
    for end in ends:
        await opened.append(station.log[begin:end])
        for recorded in station.log[begin:end]:
            state = evolve(state, recorded)
        after = Opening(head=opened.head, owed_seq=1, layout=1, fingerprint=fingerprint(), state=state_bytes(state))
        await opened.close_segment(state=after.state, layout=1, fingerprint=after.fingerprint, owed_seq=1)
        for segment in closed_segments(directory):
            for _ in compress(StorageDirectory(directory), segment, after):
                pass
        begin = end
    await opened.append(station.log[begin:])
    await opened.close()
    return directory


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
        assert [(each.kind, each.seq, each.last_seq) for each in verify(reader).findings] == [("removed", 1, HALF)]
        with pytest.raises(BadQuestion):
            state_at(reader, HALF - 1)


def test_an_edited_archive_is_named_with_its_events(archived: Path) -> None:
    file = archive_of(archived)
    overwrite(file, file.stat().st_size // 3, b"\x55\xaa\x55")
    found = [(finding.kind, finding.seq, finding.last_seq) for finding in verdict_on(archived).findings]
    assert ("damaged", 1, HALF) in found
    with open_log(archived) as reader:
        glance = summarize(reader, calendar_of(reader))
        assert [text for text in glance.damage if file.name in text]
        assert glance.events == sum(reader.counts().values()) == len(STATION.log) - HALF
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


def kinds_of(directory: Path, *kinds: type[Event]) -> list[tuple[int, int, int, Event]]:
    with open_log(directory) as reader:
        return [(r.seq, r.cause, r.at_ms, r.event) for r in reader.recorded(kinds=kinds)]


def test_events_of_some_kinds_are_picked_from_archives(archived: Path, waiting: tuple[Path, Opening]) -> None:
    kinds = (TransactionStarted, LinkOpened, MeterObserved)
    expected = [(r.seq, r.cause, r.at_ms, r.event) for r in STATION.log if isinstance(r.event, kinds)]
    assert kinds_of(archived, *kinds) == kinds_of(waiting[0], *kinds) == expected
    assert kinds_of(archived, LogSalvaged) == []


def test_places_of_an_archive_are_found_by_number_and_by_time(archived: Path) -> None:
    with open_log(archived) as reader:
        for recorded in STATION.log[:: len(STATION.log) // 12]:
            assert reader.event(recorded.seq) == recorded
            same = [each.seq for each in STATION.log if each.at_ms <= recorded.at_ms]
            assert reader.last_before(recorded.at_ms, 1, reader.head.seq) == same[-1]
        assert sum(reader.counts().values()) == reader.count() == len(STATION.log)
        owed = [r for r in STATION.log if isinstance(r.event, TRANSACTIONAL)]
        assert reader.owed(0, reader.head.seq, 7) == tuple(owed[:7])


def test_a_state_that_another_version_left_counts_where_its_events_are_gone(
    archived: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.replay.opening.folding.fingerprint", lambda: "another")
    with open_log(archived) as reader:
        assert next(iter(reader.openings()), None) is not None
        assert state_at(reader, HALF + 5).base_seq == 0
    shutil.rmtree(archived / ARCHIVE_DIRECTORY)
    with open_log(archived) as reader:
        found = state_at(reader, reader.head.seq)
        assert (found.state, found.base_seq) == (STATION.state, HALF)


def test_a_state_that_is_not_what_the_segment_amounts_to_is_found(archived: Path) -> None:
    with closing(sqlite3.connect(archived / DATABASE_NAME)) as connection:
        opening, _ = read_opening(connection)
        forged = replace(opening, state=opening.state.replace(b"04C0FFEE", b"04C0FFED"))
        assert forged.state != opening.state
        values = (forged.state, forged.checksum)
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'opening'"
        ):
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE opening SET state = ?, checksum = ?", values)
        connection.commit()
    assert ("damaged", HALF) in [(each.kind, each.seq) for each in verdict_on(archived).findings]


def test_an_archive_that_is_dropped_meanwhile_is_told(archived: Path) -> None:
    with open_log(archived) as reader:
        past = reader.origin.past
        assert past is not None
        past.close()
        archive_of(archived).unlink()
        with pytest.raises(LogUnreadable, match="ask again"):
            list(reader.rows())


def test_a_segment_that_is_compressed_meanwhile_is_read_on(waiting: tuple[Path, Opening], tmp_path: Path) -> None:
    source, opening = waiting
    directory = Path(shutil.copytree(source, tmp_path / "log"))
    with open_log(directory) as reader:
        assert reader.origin.past is not None
        reader.origin.past.close()
        (segment,) = closed_segments(directory)
        for _ in compress(StorageDirectory(directory), segment, opening):
            pass
        assert list(reader.recorded()) == STATION.log


def test_archives_whose_live_segment_is_gone_are_read_and_the_witness_tells_what_is_missing(archived: Path) -> None:
    (archived / DATABASE_NAME).unlink()
    verdict = verdict_on(archived)
    assert (verdict.source, verdict.events) == ("archive", HALF)
    assert [(each.kind, each.seq, each.last_seq) for each in verdict.findings] == [
        ("truncated", HALF + 1, len(STATION.log))
    ]


@pytest.mark.parametrize("table", ["opening", "migration", "event"])
def test_a_damaged_live_segment_is_salvaged_behind_its_archives(archived: Path, table: str) -> None:
    with closing(sqlite3.connect(archived / DATABASE_NAME)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    overwrite(archived / DATABASE_NAME, (page - 1) * page_bytes, b"\x55" * page_bytes)
    verdict = verdict_on(archived)
    assert verdict.verdict == "faulty"
    assert verdict.events >= HALF
    assert all(each.seq > HALF for each in verdict.findings)


def test_a_statement_on_closed_segments_is_checked_against_the_archive_alone(archived: Path, tmp_path: Path) -> None:
    key, stated = Ed25519PrivateKey.generate(), tmp_path / "statement.json"
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert main(["replay", str(archived), "sign", "--key", str(file), "--closed", "--output", str(stated)]) == 0
    found = read(stated)
    assert (found.from_seq, found.to_seq) == (1, HALF)
    check_signature(found, key.public_key().public_bytes_raw().hex())
    with open_log(archive_of(archived)) as reader:
        verdict = verify(reader, level="chain", outside=anchors(found))
        assert (verdict.verdict, verdict.proven, verdict.anchored_seq) == ("whole", "anchored", HALF)
    shutil.rmtree(archived / ARCHIVE_DIRECTORY)
    words = ["sign", "--key", str(file), "--closed", "--from", str(HALF + 1)]
    assert main(["replay", str(archived), *words]) == 2


def test_many_segments_are_read_with_few_open_and_none_is_closed_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventstore.archive.FRAME_ROWS", 5)
    ends = [r.cause - 1 for r in STATION.log if r.seq == r.cause and r.seq > 1][::12]
    directory = asyncio.run(_in_segments(tmp_path / "log", STATION, ends))
    with open_log(directory) as reader:
        assert reader.origin.past is not None
        assert len(reader.origin.past.segments) > 2 * OPEN_MAX
        for slice_ in reader.rows():
            # Somebody asks for what lies far from here, as the window of an outbox may.
            assert [reader.event(end) for end in ends] == [STATION.log[end - 1] for end in ends]
            assert [r.seq for r in slice_] == list(range(slice_[0].seq, slice_[-1].seq + 1))
        assert list(reader.recorded()) == STATION.log
        assert (verify(reader).verdict, verify(reader).findings) == ("whole", ())


def test_an_archive_that_may_not_be_read_is_no_damage(archived: Path) -> None:
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        archive = Path(shutil.copytree(archived / ARCHIVE_DIRECTORY, Path(name) / "some")) / archive_of(archived).name
        archive.parent.chmod(0o755)
        archive.chmod(0)
        past = Past([PastSegment(first_seq=1, last_seq=HALF, path=archive, is_archive=True)])
        os.seteuid(65534 if user == 0 else user)
        try:
            with pytest.raises(LogUnreadable, match="may not be read"):
                list(past.rows(0, HALF))
        finally:
            os.seteuid(user)


def test_a_folder_that_may_not_be_searched_is_no_damage(archived: Path) -> None:
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        card = Path(shutil.copytree(archived, Path(name) / "card"))
        for file in (card, *card.rglob("*")):
            file.chmod(0o755)
        (card / ARCHIVE_DIRECTORY).chmod(0o744)  # its names may be read, nothing else
        os.seteuid(65534 if user == 0 else user)
        try:
            with pytest.raises(LogUnreadable, match="may not be read"), open_log(card):
                pass
        finally:
            os.seteuid(user)
            (card / ARCHIVE_DIRECTORY).chmod(0o755)
