"""The storage directory: lock, small files, reserve."""

import errno
import fcntl
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eventstore.directory import LOCK_NAME, RESERVE_BYTES, RESERVE_NAME, StorageDirectory, lock_holder
from eventstore.errors import LogLocked, NotWritable


def test_the_directory_is_made_with_its_parents_for_its_owner_only(tmp_path: Path) -> None:
    directory = StorageDirectory(tmp_path / "a" / "b")
    directory.acquire()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    directory.close()


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    first, second = StorageDirectory(tmp_path), StorageDirectory(tmp_path)
    first.acquire()
    first.acquire()
    with pytest.raises(LogLocked, match=f"locked by process {os.getpid()}"):
        second.acquire()
    first.close()
    second.acquire()
    second.close()
    second.close()


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys; from eventstore.directory import StorageDirectory\n"
        "d = StorageDirectory(pathlib.Path(sys.argv[1])); d.acquire(); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LogLocked, match=f"process {other.pid}"):
            StorageDirectory(tmp_path).acquire()
        other.kill()
    directory = StorageDirectory(tmp_path)
    directory.acquire()
    directory.close()


def test_a_place_that_cannot_be_a_directory_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match="takes no writes"):
        StorageDirectory(tmp_path / "file" / "storage").acquire()


def test_a_file_is_replaced_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    directory = StorageDirectory(tmp_path)
    directory.write_file("name", b"old")
    directory.write_file("name", b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("name", b"new")]
    assert (tmp_path / "name").stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    directory = StorageDirectory(tmp_path)
    (tmp_path / "name").mkdir()
    with pytest.raises(OSError, match="name"):
        directory.write_file("name", b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["name"]


def test_what_interrupted_writes_left_is_removed(tmp_path: Path) -> None:
    for name in ("image.tmp", "fresh.tmp-journal", "identity"):
        (tmp_path / name).write_text("x")
    StorageDirectory(tmp_path).remove_temporaries()
    assert [file.name for file in tmp_path.iterdir()] == ["identity"]


def test_the_reserve_takes_real_space_and_gives_it_back(tmp_path: Path) -> None:
    directory = StorageDirectory(tmp_path)
    assert directory.make_reserve()
    reserve = (tmp_path / RESERVE_NAME).stat()
    assert reserve.st_size == RESERVE_BYTES
    assert reserve.st_blocks * 512 >= RESERVE_BYTES
    assert directory.make_reserve()
    assert directory.release_reserve()
    assert not directory.release_reserve()
    assert directory.free_bytes() > 0


def test_condemned_findings_are_kept_until_removed(tmp_path: Path) -> None:
    directory = StorageDirectory(tmp_path)
    assert directory.condemned() == ()
    directory.condemn(["one", "two"])
    assert directory.condemned() == ("one", "two")
    (tmp_path / "condemned").write_bytes(b"")
    assert directory.condemned() == ("condemned without a reason",)


def test_only_an_error_for_want_of_space_is_one(tmp_path: Path) -> None:
    directory = StorageDirectory(tmp_path)
    assert directory.is_out_of_space(OSError(errno.ENOSPC, "full"))
    assert not directory.is_out_of_space(OSError(errno.EROFS, "read-only"))
    assert not directory.is_out_of_space(sqlite3.OperationalError("disk I/O error"))
    assert not StorageDirectory(tmp_path / "absent").is_out_of_space(OSError(errno.ENOENT, "absent"))


def _without(path: Path) -> None:
    (path / LOCK_NAME).unlink()


def _replaced(path: Path) -> None:
    (path / LOCK_NAME).rename(path / "lock.old")
    (path / LOCK_NAME).write_text("4711\n")


def _linked_elsewhere(path: Path) -> None:
    (path / LOCK_NAME).unlink()
    (path.parent / "other").write_text("")
    (path / LOCK_NAME).hardlink_to(path.parent / "other")


@pytest.mark.parametrize("tidied", [_without, _replaced, _linked_elsewhere])
def test_whatever_becomes_of_the_lock_file_the_holder_keeps_the_directory(
    tmp_path: Path, tidied: Callable[[Path], None]
) -> None:
    first = StorageDirectory(tmp_path / "storage")
    first.acquire()
    tidied(first.path)
    with pytest.raises(LogLocked, match=f"locked by process {os.getpid()}"):
        StorageDirectory(first.path).acquire()
    assert lock_holder(first.path) == os.getpid()
    first.check_place()
    first.close()
    assert lock_holder(first.path) is None
    StorageDirectory(first.path).acquire()


def test_another_name_for_the_directory_is_no_way_past_the_lock(tmp_path: Path) -> None:
    first = StorageDirectory(tmp_path / "storage")
    first.acquire()
    (tmp_path / "link").symlink_to(first.path)
    with pytest.raises(LogLocked):
        StorageDirectory(tmp_path / "link").acquire()
    first.path.rename(tmp_path / "renamed")
    with pytest.raises(LogLocked):
        StorageDirectory(tmp_path / "renamed").acquire()
    first.close()


def test_a_version_that_knows_the_file_only_is_kept_out_and_keeps_out(tmp_path: Path) -> None:
    first = StorageDirectory(tmp_path)
    first.acquire()
    with (tmp_path / LOCK_NAME).open("r+b") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    first.close()
    with (tmp_path / LOCK_NAME).open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(LogLocked):
            StorageDirectory(tmp_path).acquire()


def test_where_no_directory_can_be_locked_the_file_that_stands_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is replaced between its opening and its locking: then the other one is locked too, and counts."""
    real = fcntl.flock
    replaced: list[bool] = []

    def flock(handle: int, how: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EBADF, "no lock on a directory")
        if not replaced:
            replaced.append(True)
            _replaced(tmp_path)
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    first = StorageDirectory(tmp_path)
    first.acquire()
    assert (tmp_path / LOCK_NAME).read_text() == f"{os.getpid()}\n"
    with pytest.raises(LogLocked):
        StorageDirectory(tmp_path).acquire()
    first.close()


def test_a_directory_that_was_moved_away_or_replaced_is_noticed(tmp_path: Path) -> None:
    first = StorageDirectory(tmp_path / "storage")
    first.acquire()
    first.path.rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="moved away or replaced"):
        first.check_place()
    first.path.mkdir()
    with pytest.raises(FileNotFoundError, match="moved away or replaced"):
        first.check_place()
    first.close()


def test_whoever_made_it_the_directory_and_what_is_ours_in_it_is_closed_to_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    modes = {"chargebox.db": 0o644, "chargebox.db-wal": 0o666, "witness": 0o644, "notes.txt": 0o644, "run.sh": 0o755}
    for name, mode in modes.items():
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    (tmp_path / "archive").mkdir(mode=0o755)
    directory = StorageDirectory(tmp_path)
    directory.acquire()
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    directory.close()
    ours = {"chargebox.db": 0o600, "chargebox.db-wal": 0o600, "witness": 0o600, "archive": 0o700, "lock": 0o600}
    assert found == modes | ours
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_small_file_is_for_the_owner_alone_whatever_was_left_there(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        (tmp_path / "small.tmp").touch(mode=0o666)
        StorageDirectory(tmp_path).write_file("small", b"content")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "small").stat().st_mode) == 0o600
