"""Where room is short, the record of the transactions outlives all that was said beside it, and what went is on record."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eventstore.archive import ArchiveReader
from eventstore.catalogue.lifecycle import ArchiveDropped, ArchiveThinned, LogDamageFound
from eventstore.catalogue.maintenance import DiagnosticsRequested
from eventstore.chain import Row
from eventstore.segments import PastSegment, archives
from eventstore.thinning import Thinned, put_in_place, thin
from projections.digest import digest
from station.core.retention import RECORD
from station.doctor.findings import Level
from station.doctor.logbook import log_findings
from station.replay.answers.timeline import Filter, Timeline
from station.replay.answers.transactions import transaction_rows, whole_transaction
from station.replay.export.writing import ExportRequest, export_file
from station.replay.opening.origin import Anchor
from station.replay.opening.source import open_log
from station.replay.opening.times import Calendar
from station.replay.proof.verdict import Verdict
from station.replay.proof.verify import anchor_from, verify
from station.runtime.archivist import Keep, keeps
from station.runtime.diagnostics import DiagnosticsSource
from station.runtime.salvaging import salvage
from station.settings.loading import parse_settings
from tests.outage import Outage, living

SESSIONS = 4
FRAMES = 400
"""Of a flood: more than a frame of an archive holds, with their answers."""


@asynccontextmanager
async def flooded(path: Path) -> AsyncIterator[Outage]:
    """Sessions with floods before, between and while they run, each in an archive of its own, and one more that is whole."""
    chance = random.Random(12)
    async with living(path, segment_bytes=1 << 30) as outage:
        await outage.online()
        for _ in range(SESSIONS):
            await outage.flood(FRAMES, chance)
            await outage.session(3)
            await outage.flood(FRAMES, chance)
            await outage.delivered()
            await outage.close_books()
        await outage.session(1)
        await outage.delivered()
        await outage.close_books()
        await outage.archivist.tidy()
        yield outage


def bytes_of(path: Path) -> int:
    return sum(segment.path.stat().st_size for segment in archives(path))


async def rows_of(outage: Outage) -> list[Row]:
    return await outage.log.read_rows(0, 1_000_000)


def records(rows: list[Row], until: int) -> list[Row]:
    """Those that are of a kind that makes a record."""
    return [row for row in rows if row.type in RECORD and row.seq <= until]


async def told(outage: Outage, kind: type) -> list:
    return [r.event for r in await outage.log.read(0, 1_000_000) if isinstance(r.event, kind)]


def verdict_on(path: Path, **named: object) -> Verdict:
    with open_log(path) as reader:
        return verify(reader, **named)  # type: ignore[arg-type]  # as given


def stories(path: Path) -> list[object]:
    """What is told of each transaction: its bill, its curve, its samples and its messages."""
    with open_log(path) as reader:
        calendar = Calendar(reader.recorded())
        found = [whole_transaction(reader, calendar, row.number) for row in transaction_rows(reader, calendar)]
        return [(each.row, each.curve, each.samples) for each in found]


def faults(path: Path) -> list[str]:
    return [finding.text for finding in log_findings(path, "CB-0001") if finding.level is Level.FAULT]


@pytest.mark.asyncio
async def test_a_flood_is_evicted_and_every_session_stays(tmp_path: Path) -> None:
    async with flooded(tmp_path) as outage:
        before, last = await rows_of(outage), outage.log.head.seq
        full, files = bytes_of(tmp_path), len(archives(tmp_path))
        told_before = stories(tmp_path)
        outage.archivist._keep = Keep(total_bytes=full // 5)
        await outage.archivist.tidy()
        assert bytes_of(tmp_path) <= full // 5
        assert await told(outage, ArchiveDropped) == []
        cut = await told(outage, ArchiveThinned)
        assert len(cut) == SESSIONS
        assert sum(b - a + 1 for each in cut for a, b in each.gaps) > 0.9 * SESSIONS * 2 * 2 * FRAMES
        after = await rows_of(outage)
        assert len(archives(tmp_path)) == files
        assert records(after, last) == records(before, last), "a record went"
        assert set(after) >= {row for row in before if row.seq > archives(tmp_path)[-1].first_seq}
        await outage.archivist.look()
        await outage.archivist.verify()
        assert await told(outage, LogDamageFound) == []
        assert stories(tmp_path) == told_before
        assert faults(tmp_path) == []
        state = digest(outage.station.state)
    verdict = verdict_on(tmp_path)
    assert (verdict.verdict, verdict.findings) == ("unchecked", ())
    named = [each for each in verdict.skipped if "dropped on record (2026-01-01" in each and "for its size" in each]
    assert len(named) == SESSIONS
    assert any("not decidable" in each for each in verdict.skipped)
    assert verdict.state_digest == state
    found = await salvage(tmp_path)
    assert (found.recovery, found.closed, found.missing) == (None, (), ())
    async with living(tmp_path) as outage:
        await outage.first_session()
        await outage.archivist.look()
        await outage.archivist.verify()
        assert await told(outage, LogDamageFound) == []


@pytest.mark.asyncio
async def test_only_as_much_is_cut_out_as_must_be_and_from_the_oldest_on(tmp_path: Path) -> None:
    async with flooded(tmp_path) as outage:
        outage.archivist._keep = Keep(total_bytes=bytes_of(tmp_path) - 1)
        await outage.archivist.tidy()
        assert [each.is_thinned for each in archives(tmp_path)] == [True, *[False] * SESSIONS]
        await outage.archivist.tidy()
        assert [each.is_thinned for each in archives(tmp_path)] == [True, *[False] * SESSIONS]
        (cut,) = await told(outage, ArchiveThinned)
        assert (cut.first_seq, cut.last_seq) == (1, archives(tmp_path)[0].last_seq)


@pytest.mark.asyncio
async def test_once_no_chatter_is_left_the_oldest_sessions_go(tmp_path: Path) -> None:
    async with flooded(tmp_path) as outage:
        outage.archivist._keep = Keep(total_bytes=1)
        await outage.archivist.tidy()
        events = [
            r.event for r in await outage.log.read(0, 1_000_000) if isinstance(r.event, ArchiveDropped | ArchiveThinned)
        ]
        kinds = [type(event) for event in events]
        assert kinds == [ArchiveThinned] * SESSIONS + [ArchiveDropped] * SESSIONS
        await outage.archivist.look()
        await outage.archivist.verify()
        assert await told(outage, LogDamageFound) == []
    verdict = verdict_on(tmp_path)
    assert (verdict.verdict, verdict.findings) == ("unchecked", ())
    dropped = max(event.last_seq for event in events)
    assert any(each.startswith(f"events 1 to {dropped}: dropped on record (2026") for each in verdict.skipped)


@pytest.mark.asyncio
async def test_by_age_a_session_and_the_flood_around_it_go_together(tmp_path: Path) -> None:
    async with flooded(tmp_path) as outage:
        outage.archivist._keep = Keep(days=1)
        await outage.station.advance(3 * 86_400_000)
        await outage.archivist.tidy()
        assert await told(outage, ArchiveThinned) == []
        assert {each.reason for each in await told(outage, ArchiveDropped)} == {"age"}


@pytest.mark.asyncio
async def test_a_kill_between_the_record_and_the_cut_loses_nothing_and_it_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with flooded(tmp_path) as outage:
        outage.archivist._keep = Keep(total_bytes=bytes_of(tmp_path) - 1)

        async def killed(thinned: Thinned) -> None:
            raise OSError(5, "the process is gone here")

        monkeypatch.setattr(outage.log.archives, "put_in_place", killed)
        before = await rows_of(outage)
        await outage.archivist.tidy()
        assert len(await told(outage, ArchiveThinned)) == 1
        assert (await rows_of(outage))[: len(before)] == before
        left = list((tmp_path / "archive").glob("*.tmp"))
        assert left
    assert verdict_on(tmp_path).verdict == "whole"
    async with living(tmp_path, keep=Keep(total_bytes=bytes_of(tmp_path) - 1)) as outage:
        assert not left[0].exists()
        assert (await rows_of(outage))[: len(before)] == before
        await outage.archivist.tidy()
        assert archives(tmp_path)[0].is_thinned
        await outage.archivist.verify()
        assert await told(outage, LogDamageFound) == []
    verdict = verdict_on(tmp_path)
    assert (verdict.verdict, verdict.findings) == ("unchecked", ())
    assert len([each for each in verdict.skipped if "dropped on record" in each]) == 2, (
        "the archive, and what led on from it"
    )


@pytest.mark.asyncio
async def test_a_kill_before_the_whole_archive_went_leaves_it_in_force(tmp_path: Path) -> None:
    async with flooded(tmp_path) as outage:
        whole = archives(tmp_path)[0]
        content = whole.path.read_bytes()
        outage.archivist._keep = Keep(total_bytes=bytes_of(tmp_path) - 1)
        before = await rows_of(outage)
        await outage.archivist.tidy()
    whole.path.write_bytes(content)
    verdict = verdict_on(tmp_path)
    assert (verdict.verdict, verdict.skipped) == ("whole", ())
    assert faults(tmp_path) == []
    async with living(tmp_path) as outage:
        assert (await rows_of(outage))[: len(before)] == before
        assert archives(tmp_path)[0].path == whole.path
        assert not any(each.is_thinned for each in archives(tmp_path))
        await outage.archivist.verify()
        assert await told(outage, LogDamageFound) == []


def thinned_behind_the_back(segment: PastSegment) -> None:
    """As a vandal would, who has the program."""
    (*_, found) = thin(segment, keeps)
    assert found is not None
    put_in_place(found)


@pytest.mark.asyncio
async def test_what_was_cut_out_without_a_record_is_missed_by_everyone(tmp_path: Path) -> None:
    async with flooded(tmp_path) as outage:
        victim = archives(tmp_path)[1]
        thinned_behind_the_back(victim)
        await outage.archivist.verify()
        (found,) = await told(outage, LogDamageFound)
        assert found.finding.startswith(f"events {victim.first_seq} to {victim.last_seq}: some were cut out")
    assert [text for text in faults(tmp_path) if "cut out" in text]
    verdict = verdict_on(tmp_path)
    assert verdict.verdict == "faulty"
    assert any(each.seq == victim.first_seq for each in verdict.findings)
    assert [each for each in (await salvage(tmp_path)).missing if "cut out" in each]


@pytest.mark.asyncio
async def test_an_archive_that_vanished_beside_thinned_ones_is_missed(tmp_path: Path) -> None:
    async with flooded(tmp_path) as outage:
        outage.archivist._keep = Keep(total_bytes=bytes_of(tmp_path) // 3)
        await outage.archivist.tidy()
        victim = archives(tmp_path)[1]
        victim.path.unlink()
        await outage.archivist.look()
        (found,) = await told(outage, LogDamageFound)
        assert found.finding.startswith(f"events {victim.first_seq} to {victim.last_seq} are gone")
    verdict = verdict_on(tmp_path)
    assert verdict.verdict == "faulty"
    assert [(each.seq, each.last_seq) for each in verdict.findings if each.kind == "removed"]


@pytest.mark.asyncio
async def test_thinned_archives_read_alone_and_a_head_seen_within_a_cut_contradicts_nothing(tmp_path: Path) -> None:
    async with flooded(tmp_path) as outage:
        rows = await rows_of(outage)
        outage.archivist._keep = Keep(total_bytes=bytes_of(tmp_path) // 3)
        await outage.archivist.tidy()
        (first, _), *_ = (await told(outage, ArchiveThinned))[1].gaps
    row = next(each for each in rows if each.seq == first)
    seen = anchor_from(f"{row.seq}:{row.digest.hex()}")
    verdict = verdict_on(tmp_path, outside=(seen,))
    assert (verdict.verdict, verdict.findings) == ("unchecked", ())
    assert [each.result for each in verdict.anchors if each.outside] == ["not_applicable"]
    with open_log(tmp_path) as reader:
        headed = verify(reader, outside=[Anchor(what="anchor", head=reader.head)])
    # The record of each cut has the digests on both sides of it: what lies before the cuts is vouched for as well.
    assert all(bool(each.anchored_by) == (each.state == "here") for each in headed.ranges)
    for part in (tmp_path / "archive", archives(tmp_path)[1].path):
        verdict = verdict_on(part)
        assert (verdict.verdict, verdict.findings) == ("unchecked", ())
        assert any("what put that on record is not here" in each for each in verdict.skipped)


@pytest.mark.asyncio
async def test_an_export_and_a_diagnostics_file_of_a_thinned_log_are_not_accused(tmp_path: Path) -> None:
    path, settings = tmp_path / "log", parse_settings(SETTINGS.format(directory=tmp_path), "test")
    async with flooded(path) as outage:
        outage.archivist._keep = Keep(total_bytes=bytes_of(path) // 3)
        await outage.archivist.tidy()
        first = archives(path)[0]
        # The time asked for ends before what went was put on record.
        (end,) = await outage.log.read_rows(first.last_seq - 1, 1)
        for name, until_ms in (("part.zip", end.utc_ms), ("all.zip", None)):
            asked = DiagnosticsRequested(
                job=1,
                location="ftp://h/",
                file_name=name,
                start_utc_ms=0,
                stop_utc_ms=until_ms,
                retries=0,
                retry_interval_s=1,
            )
            source = DiagnosticsSource(log=outage.log, settings=settings)
            await source.write(tmp_path / name, asked, outage.station.state)
    with open_log(path) as reader:
        export_file(reader, Calendar(reader.recorded()), ExportRequest(), tmp_path / "all.jsonl")
    for name in ("all.jsonl", "all.zip", "part.zip"):
        verdict = verdict_on(tmp_path / name)
        assert (name, verdict.verdict, verdict.findings) == (name, "unchecked", ())
        assert verdict.events < verdict.last_seq


SETTINGS = """
    [station]
    identity = "CB-0001"
    [csms]
    url = "ws://127.0.0.1:9000/ocpp"
    [storage]
    directory = "{directory}"
"""


@pytest.mark.asyncio
async def test_the_timeline_says_what_went(tmp_path: Path) -> None:
    async with flooded(tmp_path) as outage:
        outage.archivist._keep = Keep(total_bytes=bytes_of(tmp_path) - 1)
        await outage.archivist.tidy()
    with open_log(tmp_path) as reader:
        lines = [entry.words for entry in Timeline(reader, Calendar(reader.recorded())).entries(Filter())]
    assert [line for line in lines if "events that do not belong to transactions were deleted" in line]


@pytest.mark.asyncio
async def test_a_changed_event_in_a_thinned_archive_shows_by_its_seal(tmp_path: Path) -> None:
    async with flooded(tmp_path) as outage:
        outage.archivist._keep = Keep(total_bytes=bytes_of(tmp_path) - 1)
        await outage.archivist.tidy()
    victim = archives(tmp_path)[0]
    with ArchiveReader(victim.path) as reader:
        assert reader.gaps()
        content = victim.path.read_bytes().replace(b'"length":0', b'"length":0 ', 1)
    victim.path.write_bytes(content)
    assert verdict_on(tmp_path).verdict == "faulty"
