"""What verifies behind the damage of a log, written down and read again."""

import errno
from pathlib import Path

import pytest

from eventstore.chain import EMPTY, Head, Row, digest_after
from eventstore.commitments import whole_row
from eventstore.directory import RESERVE_NAME, StorageDirectory
from eventstore.strays import STRAYS_NAME, Stray, StrayFile, read_strays, stray_file


def strays(count: int) -> list[Stray]:
    """Events 1 to `count`, each continuing the one before."""
    found: list[Stray] = []
    before = EMPTY.digest
    for seq in range(1, count + 1):
        facts = (seq, seq, seq * 10, seq * 10, "DoorMoved", 1, None, f'{{"text":"door {seq}"}}')
        row = Row(*facts, digest_after(before, whole_row(facts)))
        found.append(Stray(before=before, row=row))
        before = row.digest
    return found


def no_space(_: OSError) -> bool:
    return True


def harmless(_: OSError) -> bool:
    return False


def test_what_is_written_is_read_again_behind_a_seq(tmp_path: Path) -> None:
    written = strays(4)
    file = StrayFile(tmp_path / STRAYS_NAME, no_space)
    assert file.keep(written, EMPTY) == Head(seq=4, digest=written[-1].row.digest)
    assert (file.count, file.is_given_up) == (4, False)
    assert list(read_strays(tmp_path / STRAYS_NAME, 0)) == [stray.row for stray in written]
    assert [row.seq for row in read_strays(tmp_path / STRAYS_NAME, 2)] == [3, 4]


def test_without_strays_there_is_no_file(tmp_path: Path) -> None:
    assert StrayFile(tmp_path / STRAYS_NAME, no_space).keep([], EMPTY) == EMPTY
    assert list(tmp_path.iterdir()) == []
    assert list(read_strays(tmp_path / STRAYS_NAME, 0)) == []


@pytest.mark.parametrize("harm", [b"door 2|door 9", b'"seq":2|"seq":7', b"{|[", b'"before"|"behind"'], ids=repr)
def test_a_line_that_rotted_is_left_out(tmp_path: Path, harm: bytes) -> None:
    StrayFile(tmp_path / STRAYS_NAME, no_space).keep(strays(3), EMPTY)
    lines = (tmp_path / STRAYS_NAME).read_bytes().splitlines(keepends=True)
    old, new = harm.split(b"|")
    assert old in lines[1]
    lines[1] = lines[1].replace(old, new)
    (tmp_path / STRAYS_NAME).write_bytes(b"".join(lines))
    assert [row.seq for row in read_strays(tmp_path / STRAYS_NAME, 0)] == [1, 3]


def test_a_file_that_cannot_be_made_is_given_up_and_all_is_counted(tmp_path: Path) -> None:
    file = StrayFile(tmp_path / "absent" / STRAYS_NAME, harmless)
    assert file.keep(strays(3), EMPTY).seq == 3
    assert (file.count, file.is_given_up) == (3, True)


def test_a_file_that_cannot_be_made_is_an_error_while_there_is_room_to_make(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        StrayFile(tmp_path / "absent" / STRAYS_NAME, no_space).keep(strays(3), EMPTY)


@pytest.mark.parametrize("call", ["write", "sync"])
def test_half_a_file_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(StrayFile, f"_{'append' if call == 'write' else 'sync'}", fails)
    file = StrayFile(tmp_path / STRAYS_NAME, harmless)
    assert file.keep(strays(3), EMPTY).seq == 3
    assert (file.is_given_up, list(tmp_path.iterdir())) == (True, [])


def test_only_a_full_disk_with_a_reserve_is_fatal(tmp_path: Path) -> None:
    directory = StorageDirectory(tmp_path)
    full, broken = OSError(errno.ENOSPC, "full"), OSError(errno.EIO, "broken")
    file = stray_file(directory)
    assert not file._is_fatal(full)
    (tmp_path / RESERVE_NAME).write_bytes(b"x")
    assert file._is_fatal(full)
    assert not file._is_fatal(broken)
