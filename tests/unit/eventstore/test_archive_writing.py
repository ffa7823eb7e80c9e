"""What is cut out of an archive, and what is left of it."""

import io
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from eventstore.archive import COMMITTED_THINNED_FORMAT, ArchiveReader
from eventstore.archive_writing import GAPS_MAX, RUN_MIN, Cut, thin_archive
from eventstore.chain import Row
from eventstore.errors import LogCorrupt
from eventstore.segments import archives
from tests.logs import segmented

EVENTS = 2_500


async def thinned(tmp_path: Path, kept: set[int], events: int = EVENTS) -> tuple[Path, Path, Cut]:
    """An archive of events 1 to `events`, the same without all but those, and what was cut out."""
    await segmented(tmp_path, events)
    whole = archives(tmp_path)[0].path
    cut, content = Cut(), io.BytesIO()

    def keeps(batch: Sequence[Row]) -> bool:
        return any(row.seq in kept for row in batch)

    with ArchiveReader(whole) as reader:
        for _ in thin_archive(reader, content, keeps, cut):
            pass
    target = tmp_path / "thinned.cbz"
    target.write_bytes(content.getvalue())
    return whole, target, cut


@pytest.mark.asyncio
async def test_runs_of_chatter_go_and_all_else_is_proven_across_them(tmp_path: Path) -> None:
    whole, target, cut = await thinned(tmp_path, {1, 1_100, 1_200, 1_200 + RUN_MIN})
    assert cut.gaps == [(2, 1_099), (1_101, 1_199), (1_201 + RUN_MIN, EVENTS - 1)]
    with ArchiveReader(whole) as before, ArchiveReader(target) as after:
        left = [row for row in before.rows(0, 10_000) if not any(a <= row.seq <= b for a, b in cut.gaps)]
        assert after.rows(0, 10_000) == left
        assert after.gaps() == cut.gaps
        assert after.seal == cut.seal != before.seal
        assert (after.header.format, after.header.min_format) == (COMMITTED_THINNED_FORMAT, COMMITTED_THINNED_FORMAT)
        assert (after.before, after.head, after.opening()) == (before.before, before.head, before.opening())
        assert after.verify() == ()
    assert target.stat().st_size < whole.stat().st_size


@pytest.mark.parametrize(("run", "goes"), [(RUN_MIN - 1, False), (RUN_MIN, True)])
@pytest.mark.asyncio
async def test_a_run_that_is_too_short_stays(run: int, goes: bool, tmp_path: Path) -> None:
    kept = {1, *range(2 + run, EVENTS + 1)}
    _, _, cut = await thinned(tmp_path, kept)
    assert cut.gaps == ([(2, 1 + run)] if goes else [])


@pytest.mark.asyncio
async def test_an_archive_of_chatter_alone_keeps_its_last_event_and_its_state(tmp_path: Path) -> None:
    whole, target, cut = await thinned(tmp_path, set())
    assert cut.gaps == [(1, EVENTS - 1)]
    with ArchiveReader(target) as after, ArchiveReader(whole) as before:
        assert [row.seq for row in after.rows()] == [EVENTS]
        assert after.opening() == before.opening()


@pytest.mark.asyncio
async def test_the_number_of_cuts_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventstore.archive_writing.GAPS_MAX", 2)
    _, _, cut = await thinned(tmp_path, {1, 100, 200, 300, 400})
    assert cut.gaps == [(2, 99), (101, 199)]
    assert GAPS_MAX >= 1_000


@pytest.mark.asyncio
async def test_an_archive_that_claims_to_be_whole_has_no_cuts(tmp_path: Path) -> None:
    """A frame that lost its bytes is damage there, as it always was."""
    _, target, _ = await thinned(tmp_path, {1})
    content = (
        target.read_bytes().replace(b'"format":4', b'"format":3', 1).replace(b'"min_format":4', b'"min_format":3', 1)
    )
    header = content[8 : content.index(b"\n", 8)]
    offset, length = (int.from_bytes(content[-at : -at + 8], "big") for at in (48, 40))
    content = content[:-32] + sha256(header + content[offset : offset + length]).digest()
    target.write_bytes(content)
    with pytest.raises(LogCorrupt, match="has 0 bytes"), ArchiveReader(target):
        pass
