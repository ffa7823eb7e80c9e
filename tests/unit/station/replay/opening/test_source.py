"""Where logs come from: every kind opens, none is ever written to, and what cannot be read is told in a line."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from eventstore import directory
from eventstore.catalogue.maintenance import DiagnosticsRequested
from eventstore.database import DATABASE_NAME, open_reader
from eventstore.inspection import WAL_NAME
from eventstore.log import EventLog
from eventstore.salting import checksum
from eventstore.wal import read_wal
from station.replay.opening import copying
from station.replay.opening.errors import LogFromTheFuture, LogUnreadable
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from station.replay.proof.verify import verify
from station.runtime.diagnostics import DiagnosticsSource
from station.settings.loading import load_settings
from tests.logs import crash_copy, overwrite
from tests.replay_logs import StoryStation, would_not_start, write_log

NOBODY = 65534


@pytest.fixture(scope="module")
def station() -> StoryStation:
    return would_not_start()


@pytest.fixture(scope="module")
def recorded(station: StoryStation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(station, tmp_path_factory.mktemp("source") / "log")


@pytest.fixture
def log(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "log"))


def marks(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file below a directory: size, time of the last change, bytes."""
    files = [file for file in sorted(directory.rglob("*")) if file.is_file()]
    return {str(file): (file.stat().st_size, file.stat().st_mtime_ns, file.read_bytes()) for file in files}


@contextmanager
def a_plain_user() -> Iterator[None]:
    """What is done inside is done without the rights of root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


async def _crashed(log: Path, target: Path, station: StoryStation) -> Path:
    """The files as a killed process leaves them: the newest events stand in the WAL alone."""
    opened = await EventLog.open(log, identity="CB-0090")
    try:
        for start in range(
            0, len(station.log), 40
        ):  # few commits: what is checkpointed does not stand in the WAL alone
            await opened.append(station.log[start : start + 40])
        return crash_copy(log, target)
    finally:
        await opened.close()


@pytest.fixture
def crashed(station: StoryStation, tmp_path: Path) -> Path:
    """A log whose process was killed: database and WAL."""
    found = asyncio.run(_crashed(tmp_path / "source", tmp_path / "crashed", station))
    assert (found / WAL_NAME).stat().st_size > 0
    (found / "lock").unlink(missing_ok=True)
    return found


def test_a_storage_directory_reads_to_its_last_event(log: Path, station: StoryStation) -> None:
    with open_log(log) as reader:
        assert (reader.origin.kind, reader.first_seq, reader.head.seq) == ("log", 1, len(station.log))
        assert list(reader.recorded()) == station.log
        assert state_at(reader, reader.head.seq).state == station.state


def test_a_database_file_by_itself_reads_the_same(log: Path, station: StoryStation, tmp_path: Path) -> None:
    alone = tmp_path / "field.db"
    shutil.copyfile(log / DATABASE_NAME, alone)
    with open_log(alone) as reader:
        assert reader.head.seq == len(station.log)


def test_reading_changes_no_byte_and_no_time_and_leaves_no_file(log: Path) -> None:
    before = marks(log)
    with open_log(log) as reader:
        verify(reader)
    assert marks(log) == before


def test_what_stands_in_the_wal_alone_is_read_and_the_wal_stays(crashed: Path, station: StoryStation) -> None:
    before = marks(crashed)
    with open_log(crashed) as reader:
        assert reader.head.seq == len(station.log)
    assert marks(crashed) == before


def test_a_copy_without_its_wal_reads_as_far_as_it_goes(crashed: Path) -> None:
    (crashed / WAL_NAME).unlink()
    with pytest.raises(LogUnreadable), open_log(crashed):
        pass


def test_a_read_only_directory_of_another_user_is_read(recorded: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name) / "card"
        shutil.copytree(recorded, directory)
        for file in directory.iterdir():
            file.chmod(0o444)
        directory.chmod(0o555)
        Path(name).chmod(0o755)
        before = marks(directory)
        with a_plain_user(), open_log(directory) as reader:
            assert verify(reader).verdict == "whole"
        assert marks(directory) == before
        directory.chmod(0o755)


def test_a_file_that_may_not_be_read_is_told(recorded: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name) / "card"
        shutil.copytree(recorded, directory)
        (directory / DATABASE_NAME).chmod(0o000)
        directory.chmod(0o755)
        Path(name).chmod(0o755)
        with a_plain_user(), pytest.raises(LogUnreadable, match="may not be read"), open_log(directory):
            pass


@pytest.mark.asyncio
async def test_a_live_log_is_read_at_one_moment_while_it_is_written(station: StoryStation, tmp_path: Path) -> None:
    half = len(station.log) // 2
    opened = await EventLog.open(tmp_path / "live", identity="CB-0090")
    try:
        await opened.append(station.log[:half])
        before = marks(tmp_path / "live")
        with open_log(tmp_path / "live") as reader:
            await opened.append(station.log[half:])
            assert (reader.origin.live, reader.origin.kind) == (True, "live log")
            assert reader.head.seq == half
            assert sum(1 for _ in reader.recorded()) == half
        after = marks(tmp_path / "live")
        assert {name for name in after if not name.endswith(("-wal", "-shm"))} == {
            name for name in before if not name.endswith(("-wal", "-shm"))
        }
    finally:
        await opened.close()
    with open_log(tmp_path / "live") as reader:
        assert (reader.origin.live, reader.head.seq) == (False, len(station.log))


@pytest.mark.asyncio
async def test_reading_a_live_log_writes_nothing_to_it(station: StoryStation, tmp_path: Path) -> None:
    opened = await EventLog.open(tmp_path / "live", identity="CB-0090")
    try:
        await opened.append(station.log)
        before = {name: mark for name, mark in marks(tmp_path / "live").items() if not name.endswith("-shm")}
        with open_log(tmp_path / "live") as reader:
            assert reader.head.seq == len(station.log)
        after = {name: mark for name, mark in marks(tmp_path / "live").items() if not name.endswith("-shm")}
        assert after == before
    finally:
        await opened.close()


def test_a_wal_damaged_in_its_middle_is_salvaged_and_told(crashed: Path, station: StoryStation) -> None:
    size = (crashed / WAL_NAME).stat().st_size
    overwrite(crashed / WAL_NAME, size * 3 // 4, b"\xff" * 64)
    before = marks(crashed)
    with open_log(crashed) as reader:
        damage = reader.origin.damage
        assert damage is not None
        assert "damaged in its middle" in damage.findings[0]
        assert reader.head.seq == damage.kept_seq < len(station.log)
        assert verify(reader).findings[0].kind == "damaged"
    assert marks(crashed) == before


def test_a_database_whose_first_page_is_lost_is_salvaged(log: Path, station: StoryStation) -> None:
    overwrite(log / DATABASE_NAME, 0, bytes(4096))
    with open_log(log) as reader:
        assert reader.origin.damage is not None
        assert reader.head.seq > 0
        verdict = verify(reader)
        assert verdict.verdict == "faulty"
        assert verdict.findings[0].kind == "damaged"


def test_a_damaged_page_costs_the_events_on_it_and_no_more(log: Path, station: StoryStation) -> None:
    overwrite(log / DATABASE_NAME, 15 * 4096, b"\xa5" * 3 * 4096)
    with open_log(log) as reader:
        read = sum(1 for _ in reader.recorded())
        assert 0 < read < len(station.log)
        verdict = verify(reader)
        assert verdict.verdict == "faulty"
        assert any(finding.kind == "damaged" for finding in verdict.findings)


def test_events_of_an_unknown_type_are_told_and_passed_over(log: Path, station: StoryStation) -> None:
    with closing(sqlite3.connect(log / DATABASE_NAME, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER event_is_never_changed")
        connection.execute("UPDATE event SET type = 'PlugSniffed' WHERE seq = 40")
    with open_log(log) as reader:
        assert sum(1 for _ in reader.recorded()) == len(station.log)
        assert state_at(reader, 60).left_out == 1
        assert any("PlugSniffed" in each.says for each in verify(reader).findings)


def test_a_log_of_a_newer_version_is_refused_with_status_3(log: Path) -> None:
    with closing(sqlite3.connect(log / DATABASE_NAME, isolation_level=None)) as connection:
        connection.execute("INSERT INTO migration VALUES (999, 'future', 'ab', 999)")
    with pytest.raises(LogFromTheFuture) as error, open_log(log):
        pass
    assert error.value.status == 3


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 no zip", b"SQLite format 3\0" + bytes(100)])
def test_what_is_no_log_is_told_so(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "thing"
    file.write_bytes(content)
    with pytest.raises(LogUnreadable), open_log(file):
        pass


def test_a_directory_without_a_log_and_a_missing_path_are_told_so(tmp_path: Path) -> None:
    with pytest.raises(LogUnreadable, match="holds no log"), open_log(tmp_path):
        pass
    with pytest.raises(LogUnreadable, match="does not exist"), open_log(tmp_path / "nothing"):
        pass


def test_a_database_of_something_else_is_told_so(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE fruit (name TEXT)")
    with pytest.raises(LogUnreadable, match="no events"), open_log(tmp_path / "other.db"):
        pass


async def _bundle(log: Path, station: StoryStation, file: Path, **settings: str) -> None:
    text = f'[station]\nidentity = "CB-0090"\n[csms]\nurl = "ws://localhost"\n[storage]\ndirectory = "{log}"\n'
    text += "".join(f"[{table}]\n{line}\n" for table, line in settings.items())
    path = file.with_suffix(".toml")
    path.write_text(text)
    opened = await EventLog.open(log, identity="CB-0090")
    try:
        request = DiagnosticsRequested(
            job=1,
            location="ftp://x",
            file_name=file.name,
            start_utc_ms=None,
            stop_utc_ms=None,
            retries=0,
            retry_interval_s=0,
        )
        await DiagnosticsSource(log=opened, settings=load_settings(path)).write(file, request, station.state)
    finally:
        await opened.close()


def test_a_diagnostics_file_is_a_log_with_its_head_as_an_anchor(
    log: Path, station: StoryStation, tmp_path: Path
) -> None:
    bundle = tmp_path / "diagnostics.zip"
    asyncio.run(_bundle(log, station, bundle))
    before = marks(tmp_path)
    with open_log(bundle) as reader:
        assert reader.origin.kind == "diagnostics file"
        assert [type(recorded.event) for recorded in reader.recorded()] == [type(one.event) for one in station.log]
        verdict = verify(reader)
        assert (verdict.verdict, verdict.findings, verdict.skipped) == ("whole", (), ())
        assert [(anchor.what, anchor.result) for anchor in verdict.anchors] == [("diagnostics file", "agrees")]
    assert marks(tmp_path) == before


def test_a_redacted_diagnostics_file_says_what_cannot_be_checked(
    log: Path, station: StoryStation, tmp_path: Path
) -> None:
    bundle = tmp_path / "diagnostics.zip"
    asyncio.run(_bundle(log, station, bundle, diagnostics="redact_id_tags = true"))
    with open_log(bundle) as reader:
        verdict = verify(reader)
        assert (verdict.verdict, verdict.findings) == ("unchecked", ())
        assert any("some are withheld (id_tag" in each for each in verdict.skipped)
        assert all(each.chained for each in verdict.ranges)
        assert not any(each.decided for each in verdict.ranges if each.withheld)
        assert [(anchor.what, anchor.result) for anchor in verdict.anchors] == [("diagnostics file", "agrees")]


def test_a_damaged_diagnostics_file_is_told_so(log: Path, station: StoryStation, tmp_path: Path) -> None:
    bundle = tmp_path / "diagnostics.zip"
    asyncio.run(_bundle(log, station, bundle))
    bundle.write_bytes(bundle.read_bytes()[: bundle.stat().st_size // 2])
    with pytest.raises(LogUnreadable), open_log(bundle):
        pass


def test_without_room_for_the_copy_it_says_what_to_do(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(log)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: replace_free(usage))
    with pytest.raises(LogUnreadable, match="TMPDIR"), open_log(log):
        pass


def replace_free(usage: "shutil._ntuple_diskusage") -> "shutil._ntuple_diskusage":
    return usage._replace(free=10)


def test_the_opened_copy_is_gone_afterwards(log: Path) -> None:
    with open_log(log) as reader:
        scratch = reader.scratch
        with closing(open_reader(scratch / DATABASE_NAME)) as connection:
            assert connection.execute("SELECT count(*) FROM event").fetchone()[0] == reader.head.seq
    assert not scratch.exists()


@pytest.mark.parametrize(
    ("table", "holder", "live"),
    [
        ("1: FLOCK  ADVISORY  WRITE 4711 {device}:{inode} 0 EOF", "1", True),
        ("1: FLOCK  ADVISORY  WRITE 4711 00:99:{inode} 0 EOF", "4711", True),
        ("1: FLOCK  ADVISORY  WRITE 4711 00:99:{inode} 0 EOF", "4712", False),
        ("1: POSIX  ADVISORY  WRITE 4711 {device}:{inode} 0 EOF", "4711", False),
        ("1: FLOCK  ADVISORY  WRITE 4711 {device}:1 0 EOF", "4711", False),
        ("", "4711", False),
        (None, "{self}", True),
        (None, "garbage", False),
    ],
)
def test_who_holds_the_lock_is_looked_up_without_taking_it(
    tmp_path: Path, table: str | None, holder: str, live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "lock"
    lock.write_text(holder.replace("{self}", str(os.getpid())) + "\n")
    status = lock.stat()
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
    locks = tmp_path / "locks"
    if table is not None:
        locks.write_text(table.format(device=device, inode=status.st_ino))
    monkeypatch.setattr(directory, "_LOCKS", locks)
    assert copying.is_live(tmp_path) is live


def test_a_database_cut_short_reads_as_far_as_it_goes(log: Path, station: StoryStation) -> None:
    size = (log / DATABASE_NAME).stat().st_size
    os.truncate(log / DATABASE_NAME, size * 2 // 3)
    before = marks(log)
    with open_log(log) as reader:
        assert 50 < reader.head.seq < len(station.log)
        assert list(reader.recorded()) == station.log[: reader.head.seq]
        kinds = [(each.kind, each.seq, each.last_seq) for each in verify(reader).findings]
        assert kinds == [("damaged", reader.head.seq + 1, len(station.log))]
        assert reader.origin.damage is not None
        assert "is cut short" in reader.origin.damage.findings[0]
    assert marks(log) == before


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.db", b"no database", "too little of it is left"),
        ("x.csv", b"a,b\n1,2\n", "no column seq"),
        ("x.csv", b"\xff\xfe", "cannot be read"),
        ("x.jsonl", b"", "holds no events"),
        ("x.jsonl", b"{}", "line 1 is no event: it has no payload"),
        ("x.parquet", b"no table", "no Parquet file"),
        ("x.cbz", b"no archive", "is no archive"),
        ("x.txt", b"text", "is no log: expected"),
    ],
)
def test_what_is_no_log_is_told_by_its_name_and_what_is_wrong(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LogUnreadable, match=says) as told, open_log(tmp_path / name):
        pass
    assert str(tmp_path / name) in str(told.value)


def test_a_directory_with_one_log_of_another_name_tells_of_it(log: Path, tmp_path: Path) -> None:
    (tmp_path / "card").mkdir()
    shutil.copyfile(log / DATABASE_NAME, tmp_path / "card" / "field.db")
    with pytest.raises(LogUnreadable, match=r"it has field\.db"), open_log(tmp_path / "card"):
        pass


def test_a_checkpoint_that_was_cut_in_its_middle_is_no_damage(crashed: Path, station: StoryStation) -> None:
    """The first page already counts more of them than the file has: the others stand in the WAL alone."""
    first_page = read_wal((crashed / WAL_NAME).read_bytes()).pages[1]
    overwrite(crashed / DATABASE_NAME, 0, first_page)
    with open_log(crashed) as reader:
        assert (reader.origin.damage, reader.head.seq) == (None, len(station.log))


def test_a_log_whose_digests_cover_what_this_version_does_not_know_is_of_a_newer_one(log: Path) -> None:
    values = (9_999, 2, bytes(32))
    with closing(sqlite3.connect(log / DATABASE_NAME, isolation_level=None)) as connection:
        connection.execute("INSERT INTO commitment VALUES (?, ?, ?, ?)", (*values, checksum(*values)))
    with pytest.raises(LogFromTheFuture, match="in format 2, this version knows 1"), open_log(log):
        pass


def test_a_table_of_secrets_that_is_computed_is_none(log: Path) -> None:
    with closing(sqlite3.connect(log / DATABASE_NAME, isolation_level=None)) as connection:
        connection.execute("DROP TABLE commitment")
        connection.execute(
            "CREATE VIEW commitment AS SELECT 1 AS first_seq, 1 AS format, x'00' AS secret, x'00' AS checksum"
        )
    with pytest.raises(LogUnreadable, match="not laid out as those of a log"), open_log(log):
        pass
