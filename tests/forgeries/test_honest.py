"""Honest logs that look strange: none of them is accused, and each verdict says what could not be checked."""

import asyncio
import random
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from eventstore.catalogue.lifecycle import ArchiveDropped, DiskSpaceObserved
from eventstore.database import DATABASE_NAME
from eventstore.directory import StorageDirectory
from eventstore.log import EventLog
from eventstore.segments import archives, closed_segments
from eventstore.witness import Witness
from station import VERSION
from station.cli.main import main
from station.features import registry_for
from station.replay.opening.errors import LogUnreadable
from station.replay.opening.origin import Anchor
from station.replay.opening.source import open_log
from station.replay.pages.page import json_text
from station.replay.proof.findings import ALTERED, CONTRADICTED, DAMAGED
from station.replay.proof.verdict import FAULTY, UNCHECKED, WHOLE, Verdict
from station.replay.proof.verify import verify
from station.runtime import recovery
from tests.corpora.released import ROOT, versions
from tests.forgeries import exports
from tests.forgeries.honest import IDENTITY, PUBLIC, Honest, inserted, make, record_of, retell, tell
from tests.given import DESCRIPTION
from tests.logs import crash_copy, overwrite
from tests.replay_logs import story

ROTTEN = 40


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Honest:
    return make(tmp_path_factory.mktemp("honest") / "storage")


@pytest.fixture
def copied(honest: Honest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest.directory, tmp_path / "storage"))


def verdict_on(path: Path) -> Verdict:
    with open_log(path) as reader:
        return verify(reader, keys=[PUBLIC])


async def _lived(directory: Path, target: Path) -> tuple[Path, Verdict]:
    """The files of a log as a kill leaves them, in the midst of its life; and the verdict on it while it lives."""
    station, states = tell()
    first = min(states)
    log = await EventLog.open(directory, identity=IDENTITY)
    try:
        for begin in [recorded.seq - 1 for recorded in station.log if recorded.cause == recorded.seq < first]:
            await log.append([recorded for recorded in station.log if recorded.cause == begin + 1])
        await log.witness()
        verdict = await asyncio.to_thread(verdict_on, directory)
        return crash_copy(directory, target), verdict
    finally:
        await log.close()


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Verdict]:
    base = tmp_path_factory.mktemp("killed")
    return asyncio.run(_lived(base / "live", base / "killed"))


def test_a_live_log_is_whole(killed: tuple[Path, Verdict]) -> None:
    assert (killed[1].verdict, killed[1].source) == (WHOLE, "live log")


def test_a_log_is_whole_after_a_kill(killed: tuple[Path, Verdict]) -> None:
    verdict = verdict_on(killed[0])
    assert (verdict.verdict, verdict.skipped) == (WHOLE, ())


def test_a_log_without_its_wal_lacks_its_end_and_nothing_is_called_cut_off(
    killed: tuple[Path, Verdict], tmp_path: Path
) -> None:
    directory = Path(shutil.copytree(killed[0], tmp_path / "log"))
    (directory / f"{DATABASE_NAME}-wal").unlink()
    verdict = verdict_on(directory)
    assert (verdict.verdict, verdict.findings) == (UNCHECKED, ())
    assert any("-wal has vanished" in each for each in verdict.skipped)


def test_a_copy_made_while_the_station_wrote_is_not_called_cut_off(
    killed: tuple[Path, Verdict], tmp_path: Path
) -> None:
    """The witness was copied last, and has seen events that the copied log has not."""
    directory = Path(shutil.copytree(killed[0], tmp_path / "log"))
    with open_log(directory) as reader:
        seen = reader.head.seq
    witness = Witness(StorageDirectory(directory))
    size = (directory / f"{DATABASE_NAME}-wal").stat().st_size
    witness.note(type(reader.head)(seq=seen + 7, digest=bytes(32)), size)
    witness.close()
    verdict = verdict_on(directory)
    assert (verdict.verdict, verdict.findings) == (UNCHECKED, ())
    assert any("copied while the station wrote" in each for each in verdict.skipped)


@pytest.mark.parametrize("corpus", versions(), ids=lambda path: path.name)
@pytest.mark.parametrize("name", ["segmented", "single"])
def test_a_log_of_a_released_version_that_was_upgraded_is_not_accused(corpus: Path, name: str, tmp_path: Path) -> None:
    """Its decisions that this version is known to make otherwise are told as such; the corpus has no others."""
    directory = Path(shutil.copytree(corpus / name, tmp_path / "log"))
    asyncio.run(_booted(directory))
    verdict = verdict_on(directory)
    assert (verdict.findings, verdict.verdict) == ((), UNCHECKED)
    assert 0 < verdict.other_versions_count < 30
    assert all(each.chained for each in verdict.ranges)


async def _booted(directory: Path) -> None:
    """A start of this version on a log, with all that it has to say of it."""
    log = await EventLog.open(directory, identity=IDENTITY)
    try:
        state, _ = await recovery.fold_log(log)
        booted = recovery.boot_event(
            state,
            at_ms=state.at_ms,
            system_utc_ms=state.clock.utc_ms(state.at_ms),
            trusted=True,
            installation="0000dcba",
            versions=(VERSION, VERSION),
            boot_id="",
        )
        described = story(identity=IDENTITY).description if state.description is None else state.description
        disk = DiskSpaceObserved(level="ok", free_bytes=1 << 30)
        await recovery.begin(log, state, registry_for(DESCRIPTION.profiles_off), state.at_ms, booted, described, disk)
        await log.witness()
    finally:
        await log.close()


# ---- thinned -------------------------------------------------------------------------------------------------------


def thinned(honest: Honest, directory: Path, *places: int) -> Path:
    """The same history, at whose end some archives were dropped by the rule, on record."""
    rows = list(honest.rows)
    ends = [0, *honest.ends]
    for place in places:
        first, last = ends[place] + 1, ends[place + 1]
        before = bytes(32) if first == 1 else rows[first - 2].digest
        dropped = ArchiveDropped(
            first_seq=first, last_seq=last, before=before.hex(), digest=rows[last - 1].digest.hex(), reason="size"
        )
        model = rows[-3]  # the station's last words come behind it
        rows = inserted(rows, model.seq + 1, record_of(dropped, model))
    retell(directory, rows, honest.ends)
    for place in sorted(places, reverse=True):
        archives(directory)[place].path.unlink()
    return directory


@pytest.mark.parametrize("places", [(0,), (0, 1), (1,)], ids=["the first", "the first two", "one in the middle"])
def test_a_log_whose_archives_were_dropped_by_the_rule_is_not_accused(
    honest: Honest, copied: Path, places: tuple[int, ...]
) -> None:
    verdict = verdict_on(thinned(honest, copied, *places))
    assert (verdict.verdict, verdict.findings) == (UNCHECKED, ())
    assert any("dropped on record (2026-01-01" in each for each in verdict.skipped)
    ends = [0, *honest.ends]
    gone = [(ends[place] + 1, ends[place + 1]) for place in places]
    assert [(each.first_seq, each.last_seq) for each in verdict.ranges if each.state == "dropped"] == [
        (gone[0][0], gone[-1][1])
    ]
    assert verdict.ranges[-1].decided, "deciding begins again where the books were closed"


def test_what_lies_before_a_gap_is_anchored_by_the_record_of_the_gap(honest: Honest, copied: Path) -> None:
    directory = thinned(honest, copied, 1)
    with open_log(directory) as reader:
        verdict = verify(reader, outside=[Anchor(what="anchor", head=reader.head)])
        anchored = [(each.first_seq, each.last_seq) for each in verdict.ranges if each.anchored_by]
        assert (anchored[0][0], anchored[-1][1]) == (1, reader.head.seq)
        assert not any(each.anchored_by for each in verdict.ranges if each.state != "here")


# ---- damage --------------------------------------------------------------------------------------------------------


def test_a_salvaged_log_is_not_accused(copied: Path) -> None:
    """A page of the live segment is garbage; the station starts on it, salvages, and says so in its log."""
    with closing(sqlite3.connect(copied / DATABASE_NAME)) as connection:
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    overwrite(copied / DATABASE_NAME, (pages - 3) * page_bytes, b"\x55" * page_bytes)
    shutil.rmtree(copied / "statements")
    for file in copied.glob("snapshot-*"):  # else the background check would find it, later
        file.unlink()
    asyncio.run(_booted(copied))
    verdict = verdict_on(copied)
    assert (verdict.verdict, verdict.findings) == (UNCHECKED, ())
    assert any("LogSalvaged" in each for each in verdict.skipped)
    assert verdict.ranges[-1].decided


def places(size: int, count: int, seed: str) -> Iterator[int]:
    chance = random.Random(seed)
    return (chance.randrange(size) for _ in range(count))


@pytest.mark.parametrize("which", ["live", "closed", "archive"])
def test_one_rotten_byte_is_named_and_nothing_behind_it_is_contradicted(
    honest: Honest, tmp_path: Path, which: str
) -> None:
    """A payload, a page, a header, a frame: what is found is damage, at its place; the rest is decided where it can be."""
    found = 0
    directory = Path(shutil.copytree(honest.directory, tmp_path / "storage"))
    file = {
        "live": directory / DATABASE_NAME,
        "closed": closed_segments(directory)[0].path,
        "archive": archives(directory)[0].path,
    }[which]
    whole = file.read_bytes()
    for at in places(len(whole), ROTTEN, which):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        try:
            verdict = verdict_on(directory)
        except LogUnreadable:
            continue
        kinds = {each.kind for each in verdict.findings}
        assert CONTRADICTED not in kinds, (at, verdict.findings)
        assert verdict.findings_count <= 6, (at, verdict.findings)
        found += bool(kinds & {ALTERED, DAMAGED})
    assert found > ROTTEN // 4


def test_behind_a_rotten_frame_deciding_begins_again_where_the_books_were_closed(honest: Honest, copied: Path) -> None:
    file = archives(copied)[0].path
    overwrite(file, file.stat().st_size // 3, b"\x55\xaa\x55")
    verdict = verdict_on(copied)
    end = honest.ends[0]
    assert verdict.verdict == FAULTY
    assert {each.kind for each in verdict.findings} == {DAMAGED}
    # The event that names the state at the end of the archive is gone with the frame: the next one that is known is the next end.
    assert [(each.first_seq, each.last_seq, each.state) for each in verdict.ranges if not each.decided] == [
        (1, end, "unreadable"),
        (end + 1, honest.ends[1], "here"),
    ]
    assert any(each.startswith(f"events {end + 1} to {honest.ends[1]}: not decidable") for each in verdict.skipped)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_an_export_is_whole_and_a_redacted_one_is_not_accused(honest: Honest, tmp_path: Path, suffix: str) -> None:
    """Commitments stand for what is withheld, and all is proven but that; up to the first of it everything is decided."""
    whole, redacted = tmp_path / f"whole.{suffix}", tmp_path / f"redacted.{suffix}"
    words = ["replay", str(honest.directory), "export", "--output"]
    assert main([*words, str(whole)]) == main([*words, str(redacted), "--redact"]) == 0
    assert verdict_on(whole).verdict == WHOLE
    with open_log(redacted) as reader:
        verdict = verify(reader, outside=[Anchor(what="anchor", head=honest.head)])
    assert (verdict.verdict, verdict.findings) == (UNCHECKED, ())
    hidden = [each for each in verdict.ranges if each.withheld]
    assert hidden
    assert not any(each.decided for each in hidden)
    assert all(each.chained and each.anchored_by and not each.redacted for each in verdict.ranges)
    assert [each.result for each in verdict.anchors if each.outside] == ["agrees"]


def test_a_snapshot_that_lies_where_no_state_is_known_is_no_fault(honest: Honest, copied: Path) -> None:
    """The end of the live segment is rotten before it: nothing is folded up to there."""
    with closing(sqlite3.connect(copied / DATABASE_NAME, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER event_is_never_changed")
        connection.execute("UPDATE event SET payload = '{}' WHERE seq = ?", (honest.head.seq - 20,))
        guard = (ROOT / "migrations" / "sql" / "0001_event_log.sql").read_text()
        begin = guard.index("CREATE TRIGGER event_is_never_changed")
        connection.execute(guard[begin : guard.index("END;", begin) + 3])
    verdict = verdict_on(copied)
    assert [(each.kind, each.seq) for each in verdict.findings] == [(ALTERED, honest.head.seq - 20)]
    assert any("snapshot" in each for each in verdict.notes)


def test_the_statement_in_a_diagnostics_file_vouches_for_its_events(honest: Honest, copied: Path) -> None:
    file = exports.bundled(lambda lines, about: None)(copied, honest)
    assert file is not None
    with zipfile.ZipFile(file, "a") as bundle:
        bundle.writestr("statement.json", json_text(honest.statements[-1]))
    verdict = verdict_on(file)
    assert (verdict.verdict, verdict.anchored_seq) == (WHOLE, honest.head.seq)
    assert all(each.anchored_by for each in verdict.ranges)
