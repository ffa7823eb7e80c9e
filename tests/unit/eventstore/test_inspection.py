"""The guard at the door: what it finds, and what it must not take for damage."""

import errno
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from eventstore.bounds import read_small
from eventstore.chain import Head
from eventstore.database import DATABASE_NAME, migrate, open_reader, open_writer
from eventstore.directory import IDENTITY_NAME, StorageDirectory
from eventstore.errors import LogTooNew
from eventstore.inspection import WAL_NAME, inspect, is_damage
from eventstore.segments import archive_name, closed_name
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
    cut, seen = findings(path)
    assert f"{WAL_NAME} is cut short: {len(wal) // 2} of {len(wal) // 4096 * 4096} bytes" in cut
    assert "the witness saw event 30" in seen
    (path / "witness").unlink()
    assert findings(path) == ()


@pytest.mark.parametrize(
    ("content", "state"), [(None, "has vanished"), (b"", "has vanished or is empty"), (b"\0" * 900, "is cut short")]
)
@pytest.mark.asyncio
async def test_a_wal_that_vanished_is_missed_though_nothing_critical_was_in_it(
    content: bytes | None, state: str, tmp_path: Path
) -> None:
    path = await killed(tmp_path)
    (path / WAL_NAME).unlink()
    if content is not None:
        (path / WAL_NAME).write_bytes(content)
    found = findings(path)
    assert f"{WAL_NAME} {state}" in found[0]
    assert inspect(StorageDirectory(path), has_own_wal=False) == found[1:]


@pytest.mark.asyncio
async def test_a_wal_that_is_gone_in_order_is_not_missed(tmp_path: Path) -> None:
    path = await closed(tmp_path)
    assert not (path / WAL_NAME).exists()
    assert findings(path) == ()
    async with opened(path) as log:  # emptied for the next segment, which never comes: its reader puts it off
        await fill(log, 5)
        assert await log.may_close_segment()
        copied = crash_copy(path, tmp_path / "emptied")
        assert (copied / WAL_NAME).stat().st_size == 0
        assert findings(copied) == ()
        await fill(log, 5)
        copied = crash_copy(path, tmp_path / "going on")
        assert findings(copied) == ()
        (copied / WAL_NAME).unlink()
        assert "has vanished" in findings(copied)[0]


@pytest.mark.parametrize("left", ["archive", "closed", "snapshot", "witness"])
def test_a_log_that_vanished_with_its_identity_is_missed_by_what_is_left(left: str, tmp_path: Path) -> None:
    match left:
        case "archive":
            (tmp_path / "archive").mkdir()
            (tmp_path / "archive" / archive_name(1, 9)).write_bytes(b"")
        case "closed":
            (tmp_path / closed_name(1, 9)).write_bytes(b"")
        case "snapshot":
            (tmp_path / "snapshot-9").write_bytes(b"")
        case _:
            (tmp_path / "witness").write_bytes(b"")
    assert findings(tmp_path) == (f"{DATABASE_NAME} has vanished from a directory that was commissioned",)


class Failing:
    """Each kind of reading fails, so many times each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.left = Counter[str]()
        self._times = times
        monkeypatch.setattr("eventstore.again.read_small", self.bytes_of)
        monkeypatch.setattr(Path, "read_bytes", lambda path: self.bytes_of(path, 1 << 30))  # the WAL, of any size
        monkeypatch.setattr("eventstore.inspection.open_reader", self.reader)

    def _fail(self, what: str, error: Exception) -> None:
        self.left[what] += 1
        if self.left[what] <= self._times:
            raise error

    def bytes_of(self, path: Path, most: int = 1 << 20) -> bytes:
        self._fail(path.name, OSError(errno.EIO, "Input/output error"))
        return read_small(path, most)

    def reader(self, path: Path) -> sqlite3.Connection:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
        self._fail("database", error)
        return open_reader(path)


@pytest.mark.asyncio
async def test_what_cannot_be_read_once_or_twice_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = await killed(tmp_path, witness=True)
    failing = Failing(monkeypatch, 2)
    assert findings(path) == ()
    assert {"witness", WAL_NAME, "database"} <= set(failing.left)


@pytest.mark.asyncio
async def test_a_database_that_cannot_be_read_is_no_damage_and_a_witness_that_cannot_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await closed(tmp_path)
    (path / "condemned").mkdir()  # whatever it says: it stands there
    assert "for a reason that cannot be read" in findings(path)[0]
    (path / "condemned").rmdir()
    with monkeypatch.context() as patch:
        Failing(patch, 99)
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            findings(path)
    (path / "witness").unlink()
    (path / "witness").mkdir()
    (path / "snapshot-7").mkdir()
    assert findings(path) == ()


@pytest.mark.asyncio
async def test_another_history_is_found_by_the_witness(tmp_path: Path) -> None:
    path = await closed(tmp_path)
    (path / "witness").unlink()
    Witness(StorageDirectory(path)).note(Head(seq=7, digest=bytes(32)))
    assert findings(path) == ("event 7 is not the one that the witness saw",)


@pytest.mark.asyncio
async def test_a_snapshot_that_knows_more_than_the_log_is_a_witness_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        await fill(log, 10)
        await log.save_snapshot(10, "f", b"")
    execute_behind_its_back(tmp_path, "DELETE FROM event WHERE seq > 8")
    assert "the log ends at event 8, the snapshot saw event 10" in findings(tmp_path)
    (tmp_path / "witness").unlink()
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
