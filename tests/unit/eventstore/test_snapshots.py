"""Snapshots, the droppable cache."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from eventstore.directory import StorageDirectory
from eventstore.snapshots import Snapshot, headers, newest_snapshot, snapshot_files, write_snapshot


def snapshot(seq: int, fingerprint: str = "f1", state: bytes = b"state\nwith\0anything") -> Snapshot:
    return Snapshot(seq=seq, fingerprint=fingerprint, state=state, digest=bytes([seq]) * 32)


def test_a_snapshot_comes_back_as_it_was(tmp_path: Path) -> None:
    directory = StorageDirectory(tmp_path)
    write_snapshot(directory, snapshot(7))
    assert newest_snapshot(directory, "f1") == snapshot(7)
    assert newest_snapshot(directory, "f2") is None


def test_only_the_newest_two_are_kept(tmp_path: Path) -> None:
    directory = StorageDirectory(tmp_path)
    for seq in (9, 10, 100, 11):
        write_snapshot(directory, snapshot(seq))
    assert [file.name for file in snapshot_files(tmp_path)] == ["snapshot-100", "snapshot-11"]
    assert newest_snapshot(directory, "f1") == snapshot(100)


def test_an_older_one_with_the_right_fingerprint_is_found(tmp_path: Path) -> None:
    directory = StorageDirectory(tmp_path)
    write_snapshot(directory, snapshot(1, "mine"))
    write_snapshot(directory, snapshot(2, "other"))
    assert newest_snapshot(directory, "mine") == snapshot(1, "mine")


@pytest.mark.parametrize("damage", ["header", "state", "cut", "empty", "foreign"])
def test_a_damaged_one_is_passed_over(tmp_path: Path, damage: str) -> None:
    directory = StorageDirectory(tmp_path)
    write_snapshot(directory, snapshot(1))
    write_snapshot(directory, snapshot(2))
    file = tmp_path / "snapshot-2"
    content = file.read_bytes()
    file.write_bytes(
        {
            "header": b"0" + content[1:],
            "state": content[:-1] + b"!",
            "cut": content[:-4],
            "empty": b"",
            "foreign": b"\xff" * 300,
        }[damage]
    )
    assert newest_snapshot(directory, "f1") == snapshot(1)


def test_other_files_are_no_snapshots(tmp_path: Path) -> None:
    for name in ("snapshot-", "snapshot-x", "snapshot-3.tmp"):
        (tmp_path / name).write_bytes(b"")
    assert list(headers(tmp_path)) == []


@pytest.mark.parametrize("changes", [{"seq": -1}, {"seq": 1 << 63}, {"digest": "zz"}, {"digest": "00"}])
def test_one_with_a_head_that_no_log_has_is_passed_over(changes: dict[str, Any], tmp_path: Path) -> None:
    facts = {"seq": 1, "digest": "00" * 32, "fingerprint": "f1", "state_sha256": sha256(b"").hexdigest()} | changes
    header = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)
    (tmp_path / "snapshot-1").write_bytes(sha256(header).hexdigest().encode() + b" " + header + b"\n")
    assert list(headers(tmp_path)) == []


def test_one_without_an_end_is_passed_over(tmp_path: Path) -> None:
    write_snapshot(StorageDirectory(tmp_path), snapshot(1))
    os.truncate(tmp_path / "snapshot-1", 1 << 34)
    assert newest_snapshot(StorageDirectory(tmp_path), "f1") is None
