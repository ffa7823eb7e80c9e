"""Which archives are dropped, and what becomes of damaged ones."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from eventstore.archive import ArchiveHeader, ArchiveReader
from eventstore.archives import ArchiveFacts
from eventstore.catalogue.lifecycle import ArchiveDropped, LogDamageFound
from eventstore.chain import Head
from eventstore.segments import PastSegment, archives, closed_segments
from station.runtime.archivist import DAY_MS, Keep, droppable, loose_ends
from tests.logs import overwrite
from tests.outage import Outage, living

NOW_MS = 1_000 * DAY_MS


def facts(first: int, last: int, *, days: int, size: int = 100, damaged: bool = False) -> ArchiveFacts:
    """An archive of these events, the last of them so many days old."""
    header = ArchiveHeader(
        format=1,
        min_format=1,
        identity="CB-0001",
        first_seq=first,
        last_seq=last,
        before="",
        digest="",
        first_utc_ms=0,
        last_utc_ms=NOW_MS - days * DAY_MS,
        owed_seq=first,
        layout=1,
        fingerprint="",
        state_sha256="",
    )
    segment = PastSegment(first_seq=first, last_seq=last, path=Path(f"{first}"), is_archive=True)
    return ArchiveFacts(segment=segment, file_bytes=size, header=None if damaged else header)


FOUND = (facts(1, 10, days=90), facts(11, 20, days=60), facts(21, 30, days=30), facts(31, 40, days=400))


def dropped(keep: Keep, *, needed: int = 99, now: int | None = NOW_MS, found: tuple[ArchiveFacts, ...] = FOUND) -> list:
    return [(each.segment.last_seq, why) for each, why in droppable(found, keep, needed=needed, now_utc_ms=now)]


def test_without_a_rule_everything_is_kept() -> None:
    assert dropped(Keep()) == []


def test_age_drops_the_oldest_ones_but_never_the_newest() -> None:
    assert dropped(Keep(days=45)) == [(10, "age"), (20, "age")]
    assert dropped(Keep(days=1)) == [(10, "age"), (20, "age"), (30, "age")]


def test_an_age_without_a_trusted_calendar_is_none() -> None:
    assert dropped(Keep(days=1), now=None) == []
    assert dropped(Keep(days=1, total_bytes=300), now=None) == [(10, "size")]


def test_size_drops_the_oldest_ones_until_the_rest_fits() -> None:
    assert dropped(Keep(total_bytes=400)) == []
    assert dropped(Keep(total_bytes=399)) == [(10, "size")]
    assert dropped(Keep(total_bytes=1)) == [(10, "size"), (20, "size"), (30, "size")]


@pytest.mark.parametrize(("needed", "last"), [(1, 0), (10, 0), (11, 10), (20, 10), (21, 20), (99, 30)])
def test_what_is_needed_stays_and_everything_behind_it(needed: int, last: int) -> None:
    expected = [seq for seq in (10, 20, 30) if seq <= last]
    assert [seq for seq, _ in dropped(Keep(days=1, total_bytes=1), needed=needed)] == expected


def test_no_hole_is_made() -> None:
    young = (facts(1, 10, days=1), *FOUND[1:])
    assert dropped(Keep(days=45), found=young) == []


def test_a_damaged_archive_is_as_old_as_the_next_one() -> None:
    found = (facts(1, 10, days=0, damaged=True), *FOUND[1:])
    assert dropped(Keep(days=45), found=found) == [(10, "age"), (20, "age")]
    assert dropped(Keep(days=75), found=found) == []


async def filled(outage: Outage) -> None:
    await outage.first_session()
    for _ in range(4):
        await outage.quick_session(60)
    await outage.delivered()
    await outage.close_books()  # from here on nothing before is needed
    await outage.archivist.tidy()


@pytest.mark.asyncio
async def test_what_is_dropped_is_on_record_with_the_digests_around_it(tmp_path: Path) -> None:
    async with living(tmp_path, keep=Keep(total_bytes=1)) as outage:
        await filled(outage)
        events = [r.event for r in await outage.log.read(0, 10_000) if isinstance(r.event, ArchiveDropped)]
        assert events
        assert [event.reason for event in events] == ["size"] * len(events)
        assert all(later.before == earlier.digest for earlier, later in pairwise(events))
        assert archives(tmp_path)[0].first_seq == events[-1].last_seq + 1
        before = len(archives(tmp_path))
        await outage.archivist.tidy()
        assert len(archives(tmp_path)) == before


@pytest.mark.asyncio
async def test_damage_in_an_archive_is_reported_once_and_stops_nothing(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await filled(outage)
        victim = archives(tmp_path)[0].path
        overwrite(victim, 20, b"\xff\xff\xff\xff")
        for _ in range(2):
            await outage.archivist.tidy()
        (found,) = [r.event for r in await outage.log.read(0, 10_000) if isinstance(r.event, LogDamageFound)]
        assert victim.name in found.finding


@pytest.mark.asyncio
async def test_a_segment_that_cannot_be_compressed_now_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
        for _ in range(2):
            await outage.quick_session(60)
        waiting = closed_segments(tmp_path)
        assert waiting

        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("eventstore.segments.write_archive", full)
            await outage.archivist.tidy()
        assert closed_segments(tmp_path) == waiting
        await outage.archivist.tidy()
        assert closed_segments(tmp_path) == []


@pytest.mark.asyncio
async def test_a_frame_that_rotted_is_found_by_reading_all_archives(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await filled(outage)
        await outage.archivist.verify()
        assert [r for r in await outage.log.read(0, 10_000) if isinstance(r.event, LogDamageFound)] == []
        victim = archives(tmp_path)[1].path
        with ArchiveReader(victim) as reader:
            overwrite(victim, reader.index.frames[0].offset + 60, b"\0\0\0\0")
        await outage.archivist.verify()
        (found,) = [r.event for r in await outage.log.read(0, 10_000) if isinstance(r.event, LogDamageFound)]
        assert found.finding.startswith(f"{victim.name}: events ")


def test_archives_of_another_history_are_loose_ends() -> None:
    def chain(*digests: str) -> tuple[ArchiveFacts, ...]:
        return tuple(
            replace(each, header=replace(each.header, before=before, digest=digest))
            for each, before, digest in zip(FOUND, digests, digests[1:], strict=False)
            if each.header is not None
        )

    live = Head(seq=40, digest=b"\x05")
    whole = chain("01", "02", "03", "04", "05")
    assert list(loose_ends(whole, live)) == []
    other = (whole[0], *chain("99", "99", "03", "04", "05")[1:])
    assert list(loose_ends(other, live)) == ["the archive of events 11 to 20 does not continue the one before it"]
    strange = Head(seq=40, digest=b"\x06")
    assert list(loose_ends(whole, strange)) == ["the live segment does not continue the archive of events 31 to 40"]
    assert list(loose_ends(whole, Head(seq=50, digest=b"\x06"))) == []
    assert list(loose_ends((whole[0], *whole[2:]), live)) == []
    assert list(loose_ends((), live)) == []
