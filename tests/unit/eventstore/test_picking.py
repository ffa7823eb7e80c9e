"""Events by their kind, in all files of a running log."""

from pathlib import Path

import pytest

from eventstore.archive import ArchiveReader
from eventstore.segments import archives
from tests.logs import close_segment, compress_all, fill_at_once, opened, overwrite, pair


@pytest.mark.asyncio
async def test_events_of_some_kinds_are_found_in_all_files_and_around_damage(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        for _ in range(3):
            await log.append(pair(log.head.seq + 1))
            await fill_at_once(log, 1_100)
            await close_segment(log)
            if log.head.seq < 3_000:
                await compress_all(log)
        await log.append(pair(log.head.seq + 1))
        assert len(archives(tmp_path)) == 2, "and one that waits, and the live one"
        rows = await log.read_kinds(0, log.head.seq, {"BellRung"})
        assert [(row.seq, row.cause, row.type) for row in rows] == [
            (first + 1, first, "BellRung") for first in (1, 1_103, 2_205, 3_307)
        ]
        assert [row.payload for row in rows] == [(await log.read_rows(row.seq - 1, 1))[0].payload for row in rows]
        assert [row.seq for row in await log.read_kinds(2, 2_206, {"BellRung"})] == [1_104, 2_206]
        assert [row.seq for row in await log.read_kinds(1_103, 1_104, {"BellRung"})] == [1_104]
        assert await log.read_kinds(0, log.head.seq, {"Nothing"}) == []
        assert len(await log.read_kinds(0, 50, {"BellRung", "DoorMoved"})) == 50
    path = archives(tmp_path)[0].path
    with ArchiveReader(path) as reader:
        overwrite(path, reader.index.frames[0].offset + 50, b"\0\0\0\0")
    async with opened(tmp_path) as log:
        assert [row.seq for row in await log.read_kinds(0, log.head.seq, {"BellRung"})] == [1_104, 2_206, 3_308]
        assert any("events 1 to 1000 are damaged" in finding for finding in log.archives.findings)
