"""Which archives are dropped, and what becomes of damaged ones."""

import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from eventstore import database
from eventstore.archive import ArchiveHeader, ArchiveReader
from eventstore.archives import ArchiveFacts
from eventstore.catalogue.lifecycle import ArchiveDropped, LogDamageFound
from eventstore.catalogue.link import CallSettled
from eventstore.chain import Head, Row
from eventstore.codec import encode
from eventstore.segments import PastSegment, archives, closed_segments
from eventstore.value import replace
from projections.outbox import AUTHORIZE
from station.runtime.archivist import DAY_MS, Keep, keeps, loose_ends, next_step
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


def steps(
    keep: Keep,
    *,
    needed: int = 99,
    now: int | None = NOW_MS,
    found: tuple[ArchiveFacts, ...] = FOUND,
    thin_bytes: int = 0,
) -> list[tuple[int, str]]:
    """What is done, by the last events of the archives; a thinned one has `thin_bytes`, 0: there is no chatter in any."""
    left, done, dense = list(found), list[tuple[int, str]](), set[str]()
    while (step := next_step(left, keep, needed=needed, now_utc_ms=now, dense=dense)) is not None:
        place = left.index(step.archive)
        segment = step.archive.segment
        if not step.thins:
            done.append((segment.last_seq, step.reason))
            del left[place]
        elif thin_bytes:
            done.append((segment.last_seq, "thinned"))
            left[place] = replace(step.archive, segment=replace(segment, is_thinned=True), file_bytes=thin_bytes)
        else:
            dense.add(segment.path.name)
    return done


def dropped(keep: Keep, **given: Any) -> list[tuple[int, str]]:
    """What goes where there is no chatter."""
    return steps(keep, **given)


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


def test_for_room_chatter_goes_first_and_from_the_oldest_on() -> None:
    assert steps(Keep(total_bytes=400), thin_bytes=60) == []
    assert steps(Keep(total_bytes=399), thin_bytes=60) == [(10, "thinned")]
    assert steps(Keep(total_bytes=360), thin_bytes=60) == [(10, "thinned")]
    assert steps(Keep(total_bytes=359), thin_bytes=60) == [(10, "thinned"), (20, "thinned")]
    thinned = [(10, "thinned"), (20, "thinned"), (30, "thinned")]
    assert steps(Keep(total_bytes=280), thin_bytes=60) == thinned
    assert steps(Keep(total_bytes=279), thin_bytes=60) == [*thinned, (10, "size")]


def test_what_is_needed_is_not_thinned_nor_is_the_newest() -> None:
    assert steps(Keep(total_bytes=1), needed=11, thin_bytes=60) == [(10, "thinned"), (10, "size")]
    assert steps(Keep(total_bytes=1), needed=10, thin_bytes=60) == []


def test_by_age_all_of_an_archive_goes() -> None:
    assert steps(Keep(days=75), thin_bytes=60) == [(10, "age")]
    assert steps(Keep(days=75, total_bytes=299), thin_bytes=60) == [(10, "age"), (20, "thinned")]


def test_a_damaged_archive_is_not_thinned() -> None:
    found = (facts(1, 10, days=0, damaged=True), *FOUND[1:])
    assert steps(Keep(total_bytes=399), found=found, thin_bytes=60) == [(20, "thinned")]


def test_what_this_version_does_not_know_is_kept() -> None:
    def stored(name: str, event: CallSettled, payload: str | None = None, version: int = 1) -> Row:
        return Row(1, 1, 0, 0, name, version, None, encode(event) if payload is None else payload, b"")

    settled = CallSettled(message_id="1", action="Heartbeat", lane="heartbeat", owed_seq=1, outcome="result")
    assert not keeps([stored(settled.NAME, settled)])
    assert keeps([stored(settled.NAME, settled), stored("Foreseen", settled)])
    assert keeps([stored(settled.NAME, settled, "{")])
    assert keeps([stored(settled.NAME, settled, version=99)])
    assert keeps([stored(settled.NAME, replace(settled, lane=AUTHORIZE))])


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


async def findings(outage: Outage) -> list[str]:
    return [r.event.finding for r in await outage.log.read(0, 20_000) if isinstance(r.event, LogDamageFound)]


@pytest.mark.asyncio
async def test_an_archive_that_vanished_is_named_at_a_start_and_while_running(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await filled(outage)
        await outage.archivist.verify()
        assert await findings(outage) == []
        first, second, *_ = archives(tmp_path)
        second.path.unlink()
        await outage.archivist.look()
        await outage.archivist.look()
        (found,) = await findings(outage)
        assert found.startswith(f"events {second.first_seq} to {second.last_seq} are gone")
        first.path.unlink()
        await outage.archivist.look()
        assert len(await findings(outage)) == 2
    async with living(tmp_path) as outage:
        await outage.archivist.look()  # at once: the oldest ones may have been dropped, which takes time to see
        await outage.archivist.verify()
        assert (await findings(outage))[2:] == [found.replace(f"events {second.first_seq} ", "events 1 ")]


@pytest.mark.asyncio
async def test_all_archives_gone_is_named_at_once(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await filled(outage)
    shutil.rmtree(tmp_path / "archive")
    (tmp_path / "archive").write_text("not a directory")
    async with living(tmp_path) as outage:
        await outage.archivist.look()
        (found,) = await findings(outage)
        assert found.startswith(f"events 1 to {outage.log.opening.head.seq} are gone")
        await outage.archivist.tidy()
        await outage.archivist.verify()
        assert len(await findings(outage)) == 1


@pytest.mark.asyncio
async def test_what_was_dropped_on_record_is_not_missed_by_any_later_start(tmp_path: Path) -> None:
    async with living(tmp_path, keep=Keep(total_bytes=1)) as outage:
        await filled(outage)
        await outage.archivist.verify()
        await outage.close_books()
        await outage.archivist.tidy()
    async with living(tmp_path) as outage:
        assert archives(tmp_path)[0].first_seq > 1
        await outage.archivist.look()
        await outage.archivist.verify()
        assert await findings(outage) == []
        await outage.close_books()
        await outage.close_books()
        archives(tmp_path)[0].path.unlink()
        await outage.archivist.look()
        (found,) = await findings(outage)
        assert not found.startswith("events 1 to")


@pytest.mark.asyncio
async def test_a_closed_segment_that_vanished_is_named(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
        await outage.quick_session(60)
        (waiting,) = closed_segments(tmp_path)
        waiting.path.unlink()
        await outage.archivist.tidy()
        await outage.archivist.look()
        (found,) = await findings(outage)
        assert found.startswith(f"events 1 to {waiting.last_seq} are gone")


def _broken_page(path: Path) -> None:
    overwrite(path, 9 * 4096, b"\xff" * 4096)  # behind the small tables


def _broken_row(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            "DROP TRIGGER event_is_never_changed; UPDATE event SET utc_ms = utc_ms + 1 WHERE seq = 2"
        )


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _of_another(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)


@pytest.mark.parametrize("harm", [_broken_page, _broken_row, _emptied, _of_another])
@pytest.mark.asyncio
async def test_a_damaged_closed_segment_is_named_once_kept_and_not_tried_for_ever(
    harm: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
        for _ in range(3):
            await outage.quick_session(60)
        damaged, *healthy = closed_segments(tmp_path)
        assert healthy
        harm(damaged.path)
        tried: list[str] = []
        real = outage.log.archives.compress

        async def compress(segment: PastSegment, pause: Callable[[], Awaitable[None]]) -> None:
            tried.append(segment.path.name)
            await real(segment, pause)

        monkeypatch.setattr(outage.log.archives, "compress", compress)
        for _ in range(3):
            await outage.archivist.tidy()
        assert tried.count(damaged.path.name) == 2  # read again before it is called damage, and then no more
        found = [each for each in await findings(outage) if damaged.path.name in each]
        assert found
        assert closed_segments(tmp_path) == [damaged]
        assert [each.last_seq for each in archives(tmp_path)] == [each.last_seq for each in healthy]


@pytest.mark.asyncio
async def test_a_damaged_closed_segment_goes_by_the_rule_and_on_record_as_archives_do(tmp_path: Path) -> None:
    async with living(tmp_path, keep=Keep(total_bytes=1)) as outage:
        await outage.first_session()
        for _ in range(3):
            await outage.quick_session(60)
        damaged = closed_segments(tmp_path)[0]
        _broken_page(damaged.path)
        await outage.archivist.tidy()
        assert damaged.path.exists(), "something in it is owed"
        await outage.delivered()
        await outage.close_books()
        await outage.archivist.tidy()
        assert not damaged.path.exists()
        dropped = [r.event for r in await outage.log.read(0, 20_000) if isinstance(r.event, ArchiveDropped)]
        assert (dropped[0].first_seq, dropped[0].last_seq) == (1, damaged.last_seq)
        await outage.archivist.look()
        assert not [each for each in await findings(outage) if "are gone" in each]


@pytest.mark.asyncio
async def test_a_segment_is_compressed_though_the_one_behind_it_is_lost(tmp_path: Path) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
        for _ in range(3):
            await outage.quick_session(60)
        first, second, *_ = closed_segments(tmp_path)
        second.path.write_bytes(b"garbage" * 1000)
        await outage.archivist.tidy()
        assert archives(tmp_path)[0].last_seq == first.last_seq
        with ArchiveReader(archives(tmp_path)[0].path) as reader:
            assert reader.verify() == ()


@pytest.mark.asyncio
async def test_a_segment_that_fails_to_read_once_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(tmp_path) as outage:
        await outage.first_session()
        for _ in range(3):
            await outage.quick_session(60)
        waiting, fails = closed_segments(tmp_path), [True]
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ

        def open_reader(*arguments: Any, **named: Any) -> sqlite3.Connection:
            if fails.pop() if fails else False:
                raise error
            return database.open_reader(*arguments, **named)

        monkeypatch.setattr("eventstore.segments.open_reader", open_reader)
        await outage.archivist.tidy()
        await outage.archivist.tidy()
        assert closed_segments(tmp_path) == []
        assert len(archives(tmp_path)) == len(waiting)
        assert not [each for each in await findings(outage) if "damaged" in each]
