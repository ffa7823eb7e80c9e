"""The guard at the door: what it finds, and what it must not take for damage."""

import sqlite3
from pathlib import Path

import pytest

from eventstore.chain import Head
from eventstore.database import DATABASE_NAME, migrate, open_writer
from eventstore.directory import IDENTITY_NAME, StorageDirectory
from eventstore.errors import LogTooNew
from eventstore.inspection import WAL_NAME, inspect, is_damage
from eventstore.witness import Witness
from tests.logs import crash_copy, execute_behind_its_back, fill, fill_at_once, opened, overwrite


async def killed(tmp_path: Path, events: int = 30, *, witness: bool = False) -> Path:
    """A directory as a process killed after so many events leaves it."""
    async with opened(tmp_path / "live") as log:
        await fill(log, events)
        if witness:
            await log.witness()
        return crash_copy(tmp_path / "live", tmp_path / "killed")


async def closed(tmp_path: Path, events: int = 30) -> Path:
    """A directory as an orderly end leaves it."""
    async with opened(tmp_path / "closed") as log:
        await fill_at_once(log, events)
    return tmp_path / "closed"


def findings(path: Path) -> tuple[str, ...]:
    return inspect(StorageDirectory(path))


@pytest.mark.asyncio
async def test_a_whole_log_has_no_findings_and_is_not_changed(tmp_path: Path) -> None:
    for path in (await killed(tmp_path, witness=True), await closed(tmp_path)):
        before = {file.name: file.read_bytes() for file in path.iterdir()}
        assert findings(path) == ()
        after = {file.name: file.read_bytes() for file in path.iterdir() if not file.name.endswith(("-shm", "-wal"))}
        assert all(before[name] == content for name, content in after.items())


def test_an_empty_directory_has_no_findings(tmp_path: Path) -> None:
    assert findings(tmp_path) == ()


def test_a_creation_that_was_cut_has_no_findings(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(b"")
    assert findings(tmp_path) == ()
    open_writer(tmp_path / DATABASE_NAME).close()
    assert findings(tmp_path) == ()


@pytest.mark.asyncio
@pytest.mark.parametrize("is_empty", [True, False])
async def test_a_log_that_vanished_is_found(tmp_path: Path, is_empty: bool) -> None:
    path = await closed(tmp_path)
    (path / DATABASE_NAME).unlink()
    if is_empty:
        (path / DATABASE_NAME).touch()
    assert findings(path) == (
        f"{DATABASE_NAME} {'is empty' if is_empty else 'has vanished'} from a directory that was commissioned",
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("marker", [IDENTITY_NAME, "none"])
async def test_a_wal_without_its_database_is_found(tmp_path: Path, marker: str) -> None:
    path = await killed(tmp_path)
    (path / DATABASE_NAME).unlink()
    (path / IDENTITY_NAME).rename(path / marker)
    assert findings(path) == (f"{DATABASE_NAME} has vanished, its WAL is still there",)


def test_a_witness_alone_tells_that_there_was_a_log(tmp_path: Path) -> None:
    Witness(StorageDirectory(tmp_path)).note(Head(seq=5, digest=bytes(32)))
    assert findings(tmp_path) == (f"{DATABASE_NAME} has vanished from a directory that was commissioned",)


@pytest.mark.asyncio
async def test_a_wal_damaged_in_its_middle_is_found_without_a_witness(tmp_path: Path) -> None:
    path = await killed(tmp_path)
    size = (path / WAL_NAME).stat().st_size
    overwrite(path / WAL_NAME, size // 2, b"\xff")
    assert findings(path) == (f"{WAL_NAME} is damaged in its middle: 1 frames",)


@pytest.mark.asyncio
async def test_a_wal_that_was_cut_is_found_by_the_witness_only(tmp_path: Path) -> None:
    path = await killed(tmp_path, witness=True)
    wal = (path / WAL_NAME).read_bytes()
    (path / WAL_NAME).write_bytes(wal[: len(wal) // 2])
    (found,) = findings(path)
    assert "the witness saw event 30" in found
    (path / "witness").unlink()
    assert findings(path) == ()


@pytest.mark.asyncio
async def test_another_history_is_found_by_the_witness(tmp_path: Path) -> None:
    path = await closed(tmp_path)
    Witness(StorageDirectory(path)).note(Head(seq=7, digest=bytes(32)))
    assert findings(path) == ("event 7 is not the one that the witness saw",)


@pytest.mark.asyncio
async def test_a_snapshot_that_knows_more_than_the_log_is_a_witness_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 10)
        await log.save_snapshot(10, "f", b"")
    execute_behind_its_back(tmp_path, "DELETE FROM event WHERE seq > 8")
    assert findings(tmp_path) == ("the log ends at event 8, the snapshot saw event 10",)


@pytest.mark.asyncio
async def test_the_chain_is_verified_behind_the_newest_snapshot(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 10)
        await log.save_snapshot(5, "f", b"")
    execute_behind_its_back(tmp_path, "UPDATE event SET utc_ms = 0 WHERE seq = 3")
    assert findings(tmp_path) == ()
    execute_behind_its_back(tmp_path, "UPDATE event SET utc_ms = 0 WHERE seq = 8")
    assert findings(tmp_path) == ("the digest of event 8 does not fit",)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("offset", "content"),
    [(0, b"\0" * 4096), (0, b"\0" * 16), (4096, b"\0" * 4096), (4096 * 3, b"\0" * 4096)],
)
async def test_a_damaged_page_is_found(tmp_path: Path, offset: int, content: bytes) -> None:
    path = await closed(tmp_path, 60)
    overwrite(path / DATABASE_NAME, offset, content)
    assert len(findings(path)) == 1


@pytest.mark.asyncio
async def test_a_single_wrong_bit_is_found(tmp_path: Path) -> None:
    path = await closed(tmp_path, 60)
    content = (path / DATABASE_NAME).read_bytes()
    at = content.index(b"door 40")
    overwrite(path / DATABASE_NAME, at, bytes([content[at] ^ 1]))
    assert findings(path) == ("the digest of event 40 does not fit",)


@pytest.mark.asyncio
async def test_a_file_cut_short_is_found(tmp_path: Path) -> None:
    path = await closed(tmp_path, 60)
    content = (path / DATABASE_NAME).read_bytes()
    (path / DATABASE_NAME).write_bytes(content[: len(content) // 2])
    assert len(findings(path)) == 1


@pytest.mark.asyncio
async def test_a_commissioned_database_without_its_table_is_found(tmp_path: Path) -> None:
    path = await closed(tmp_path)
    execute_behind_its_back(path, "DROP TABLE event")
    assert findings(path) == (f"{DATABASE_NAME} has no event table",)


@pytest.mark.asyncio
async def test_text_that_is_not_utf_8_is_damage(tmp_path: Path) -> None:
    path = await closed(tmp_path)
    execute_behind_its_back(path, "UPDATE event SET payload = CAST(x'ff' AS TEXT) WHERE seq = 4")
    assert len(findings(path)) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("content", [b"", b"\xff" * 32768, b"\0" * 32768])
async def test_garbage_in_the_shm_is_no_damage(tmp_path: Path, content: bytes) -> None:
    path = await killed(tmp_path, witness=True)
    (path / f"{DATABASE_NAME}-shm").write_bytes(content)
    assert findings(path) == ()


@pytest.mark.asyncio
async def test_what_a_check_found_while_running_is_repeated(tmp_path: Path) -> None:
    path = await closed(tmp_path)
    StorageDirectory(path).condemn(["found at night"])
    assert findings(path) == ("found at night",)


@pytest.mark.asyncio
async def test_a_newer_log_is_not_taken_for_damage(tmp_path: Path) -> None:
    path = await closed(tmp_path)
    execute_behind_its_back(path, "INSERT INTO migration VALUES (99, 'far', '', 99)")
    with pytest.raises(LogTooNew):
        findings(path)


def test_errors_of_the_disk_are_no_damage(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / DATABASE_NAME)
    migrate(connection)
    connection.execute("PRAGMA max_page_count = 1").fetchall()
    connection.execute("PRAGMA query_only = 1")
    with pytest.raises(sqlite3.OperationalError) as readonly:
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")
    with pytest.raises(sqlite3.OperationalError) as nothing:
        connection.execute("SELECT * FROM nothing")
    connection.close()
    with pytest.raises(sqlite3.OperationalError) as unopened:
        sqlite3.connect(tmp_path / "absent" / "file")
    assert not is_damage(readonly.value)
    assert not is_damage(unopened.value)
    assert is_damage(nothing.value)
