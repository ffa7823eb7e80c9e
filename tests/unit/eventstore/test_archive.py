"""One archive: what goes in comes out, and whatever is changed in it shows."""

import random
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.archive import FRAME_ROWS, MAGIC, ArchiveReader, header_facts, pack, unpack
from eventstore.chain import EMPTY, Head, Row, digest_after, verify
from eventstore.commitments import whole_row
from eventstore.errors import LogCorrupt, LogTooNew
from eventstore.segments import archives
from tests.logs import close_segment, compress_all, door, fill_at_once, opened, overwrite, segmented


async def archive(tmp_path: Path, events: int = 2_500, before: int = 7) -> Path:
    """The second of two archives, behind `before` events, with so many of its own."""
    await segmented(tmp_path / "log", before, events)
    return archives(tmp_path / "log")[1].path


def chained(rows: list[tuple[Any, ...]], before: Head) -> list[Row]:
    digest, found = before.digest, []
    for row in rows:
        digest = digest_after(digest, whole_row(row))
        found.append(Row._make((*row, digest)))
    return found


@pytest.mark.asyncio
async def test_an_archive_tells_what_it_is(tmp_path: Path) -> None:
    path = await archive(tmp_path)
    with ArchiveReader(path) as reader:
        header = reader.header
        assert (header.identity, header.first_seq, header.last_seq) == ("CB-TEST", 8, 2507)
        assert (header.first_utc_ms, header.last_utc_ms) == (door(8).utc_ms, door(2507).utc_ms)
        assert (header.layout, header.fingerprint, header.owed_seq) == (1, "f", 8)
        assert len(reader.index.frames) == 3
        assert verify(reader.before, reader.rows(0, 10_000), reader.commitments.content) == reader.head
        opening = reader.opening()
        assert (opening.head, opening.state) == (reader.head, b'{"at":2507}')
        assert reader.verify() == ()
    assert header_facts(path) == (header, path.stat().st_size)


@pytest.mark.asyncio
async def test_rows_are_found_by_their_seq(tmp_path: Path) -> None:
    path = await archive(tmp_path)
    with ArchiveReader(path) as reader:
        assert [row.seq for row in reader.rows(0, 2)] == [8, 9]
        assert [row.seq for row in reader.rows(FRAME_ROWS + 6, 3)] == [1007, 1008, 1009]
        assert [row.seq for row in reader.rows(2505, 9)] == [2506, 2507]
        assert reader.rows(2507, 9) == []


@pytest.mark.asyncio
async def test_neighbours_are_one_chain(tmp_path: Path) -> None:
    await segmented(tmp_path, 5, 6, 7)
    readers = [ArchiveReader(segment.path) for segment in archives(tmp_path)]
    assert [reader.before for reader in readers] == [EMPTY, readers[0].head, readers[1].head]
    for reader in readers:
        reader.close()


@pytest.mark.asyncio
async def test_a_state_that_is_not_known_leaves_an_archive_without_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill_at_once(log, 3)
        await close_segment(log, b"")
        await compress_all(log)
    with ArchiveReader(archives(tmp_path)[0].path) as reader:
        assert reader.opening().state == b""
        assert reader.header.state_sha256 == ""
        assert reader.verify() == ()


@pytest.mark.asyncio
async def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    path = await archive(tmp_path, 2_100)
    content = path.read_bytes()
    chance = random.Random(1)
    ends = [*range(24), *range(len(content) - 60, len(content))]
    for offset in [*ends, *(chance.randrange(len(content)) for _ in range(120))]:
        path.write_bytes(
            content[:offset] + bytes([content[offset] ^ (1 << chance.randrange(8))]) + content[offset + 1 :]
        )
        try:
            with ArchiveReader(path) as reader:
                assert reader.verify() != (), f"a change at {offset} of {len(content)}"
        except (LogCorrupt, LogTooNew):
            continue


@pytest.mark.asyncio
@pytest.mark.parametrize("kept", [0, 1, 8, 100, 500, -1, -48, -60])
async def test_an_archive_that_is_cut_short_is_none(tmp_path: Path, kept: int) -> None:
    path = await archive(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(LogCorrupt, match=r"cut short|no archive|damaged"):
        ArchiveReader(path)


@pytest.mark.asyncio
async def test_damage_in_one_frame_leaves_the_others_readable(tmp_path: Path) -> None:
    path = await archive(tmp_path)
    with ArchiveReader(path) as reader:
        overwrite(path, reader.index.frames[1].offset + 40, b"\xff\xff\xff\xff")
        (finding,) = reader.verify()
        assert "events 1008 to 2007 are damaged" in finding
        assert len(reader.frame(0)) == FRAME_ROWS
        assert reader.frame(2)[0].seq == 2008
        with pytest.raises(LogCorrupt, match="events 1008 to 2007"):
            reader.rows(500, 1_000)


@pytest.mark.asyncio
async def test_frames_of_another_history_do_not_fit(tmp_path: Path) -> None:
    """A frame that is whole in itself, packed anew with one event changed, does not arrive at the digest of the index."""
    path = await archive(tmp_path)
    with ArchiveReader(path) as reader:
        rows = reader.frame(0)
        forged = [rows[0]._replace(payload=rows[0].payload.replace("door 8", "door 9")), *rows[1:]]
        content = reader.commitments.content
        assert unpack(pack(rows), reader.before, content) == rows
        assert unpack(pack(forged), reader.before, content)[-1].digest != rows[-1].digest


@pytest.mark.asyncio
async def test_an_archive_of_a_newer_format_says_so(tmp_path: Path) -> None:
    path = await archive(tmp_path, 10)
    content = path.read_bytes()
    end = content.index(b"\n", len(MAGIC))
    header = content[len(MAGIC) : end].replace(b'"min_format":3', b'"min_format":9')
    offset, length = (int.from_bytes(content[-at : -at + 8], "big") for at in (48, 40))
    digest = sha256(header + content[offset : offset + length]).digest()
    path.write_bytes(MAGIC + header + content[end:-32] + digest)
    with pytest.raises(LogTooNew, match="written by a newer version: format 3, this one knows 4"):
        ArchiveReader(path)


INTEGERS = st.integers(min_value=1 - 2**53, max_value=2**53 - 1)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2**53 - 1),
            INTEGERS,
            INTEGERS,
            st.text("abcX", min_size=1),
            st.integers(1, 9),
            st.none() | st.integers(0, 9),
        ),
        min_size=1,
        max_size=20,
    ),
    st.text(),
)
def test_whatever_a_row_holds_comes_back(values: list[tuple[Any, ...]], text: str) -> None:
    before = Head(seq=41, digest=bytes(32))
    plain = [(42 + number, *value, text.encode(errors="replace").decode()) for number, value in enumerate(values)]
    rows = chained(plain, before)
    assert unpack(pack(rows), before) == rows
