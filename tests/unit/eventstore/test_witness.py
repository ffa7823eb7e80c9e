"""The witness of the head, outside the database."""

from pathlib import Path
from zlib import crc32

import pytest

from eventstore.chain import Head
from eventstore.directory import StorageDirectory
from eventstore.witness import SLOT_BYTES, WITNESS_NAME, Witness, read_testimony, read_witness
from tests.logs import overwrite
from tests.shortage import no_descriptors


def head(seq: int) -> Head:
    return Head(seq=seq, digest=seq.to_bytes(32, "big"))


def test_the_newest_head_is_remembered_also_by_the_next_process(tmp_path: Path) -> None:
    assert read_witness(tmp_path) is None
    for seq in range(1, 8):
        Witness(StorageDirectory(tmp_path)).note(head(seq))
        assert read_witness(tmp_path) == head(seq)


def test_the_file_never_grows_and_an_unchanged_head_is_not_written(tmp_path: Path) -> None:
    witness = Witness(StorageDirectory(tmp_path))
    for seq in range(1, 50):
        witness.note(head(seq))
    assert (tmp_path / WITNESS_NAME).stat().st_size == 2 * SLOT_BYTES
    before = (tmp_path / WITNESS_NAME).stat().st_mtime_ns
    witness.note(head(49))
    assert (tmp_path / WITNESS_NAME).stat().st_mtime_ns == before


def test_a_block_that_turned_to_garbage_leaves_the_head_before(tmp_path: Path) -> None:
    for damaged in range(2):
        directory = tmp_path / str(damaged)
        directory.mkdir()
        witness = Witness(StorageDirectory(directory))
        for seq in (1, 2):
            witness.note(head(seq))
        overwrite(directory / WITNESS_NAME, damaged * SLOT_BYTES, b"\xa5" * SLOT_BYTES)
        left = read_witness(directory)
        assert left in (head(1), head(2))
        Witness(StorageDirectory(directory)).note(head(3))
        assert read_witness(directory) == head(3)
        overwrite(directory / WITNESS_NAME, damaged * SLOT_BYTES, b"\xa5" * SLOT_BYTES)
        assert read_witness(directory) in (left, head(3))


def test_a_single_wrong_bit_is_noticed(tmp_path: Path) -> None:
    Witness(StorageDirectory(tmp_path)).note(head(7))
    content = bytearray((tmp_path / WITNESS_NAME).read_bytes())
    content[3] ^= 1
    (tmp_path / WITNESS_NAME).write_bytes(content)
    assert read_witness(tmp_path) is None


def test_an_empty_or_foreign_file_says_nothing(tmp_path: Path) -> None:
    for content in (b"", b"7", b"\xff" * 10_000, b"\n" * 100):
        (tmp_path / WITNESS_NAME).write_bytes(content)
        assert read_witness(tmp_path) is None
    Witness(StorageDirectory(tmp_path)).note(head(1))
    assert read_witness(tmp_path) == head(1)


def test_a_head_is_noted_without_a_free_descriptor(tmp_path: Path) -> None:
    witness = Witness(StorageDirectory(tmp_path))
    assert witness.note(head(1))
    with no_descriptors():
        for seq in (2, 3):
            assert witness.note(head(seq))
    assert read_witness(tmp_path) == head(3)
    again = Witness(StorageDirectory(tmp_path))
    with no_descriptors():
        assert again.note(head(4)), "the file is open from the start"
    assert read_witness(tmp_path) == head(4)


def test_a_replaced_file_is_opened_anew_or_owed_until_there_is_a_descriptor(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    witness = Witness(StorageDirectory(tmp_path))
    witness.note(head(1))
    (tmp_path / WITNESS_NAME).unlink()
    with no_descriptors():
        assert not witness.note(head(2))
        assert not witness.note(head(2))
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "the witness cannot be written now, and is tried again"
    ]
    assert read_witness(tmp_path) is None
    assert witness.note(head(2))
    assert read_witness(tmp_path) == head(2)
    assert (tmp_path / WITNESS_NAME).stat().st_size == 2 * SLOT_BYTES


def test_a_closed_witness_has_let_go_of_its_file(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    witness = Witness(StorageDirectory(tmp_path))
    witness.note(head(1))
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
    witness.close()
    witness.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    witness.note(head(2))
    assert read_witness(tmp_path) == head(2)
    witness.close()


def test_an_error_that_is_no_shortage_is_raised(tmp_path: Path) -> None:
    witness = Witness(StorageDirectory(tmp_path))
    (tmp_path / WITNESS_NAME).mkdir()
    with pytest.raises(IsADirectoryError):
        witness.note(head(1))


def test_a_head_that_no_log_has_says_nothing(tmp_path: Path) -> None:
    for text in (f"{1 << 63} {'00' * 32}", f"-1 {'00' * 32}", "5 0011"):
        line = f"{text} {crc32(text.encode()):08x}\n".encode()
        (tmp_path / WITNESS_NAME).write_bytes(line.ljust(SLOT_BYTES, b"\0"))
        assert read_witness(tmp_path) is None


def told(directory: Path) -> tuple[Head, int]:
    testimony = read_testimony(directory)
    assert testimony is not None
    return testimony.head, testimony.wal_bytes


def test_that_there_is_a_wal_is_remembered_with_the_head_and_taken_back_with_it(tmp_path: Path) -> None:
    assert read_testimony(tmp_path) is None
    witness = Witness(StorageDirectory(tmp_path))
    for seq, wal_bytes in ((1, 0), (2, 8_272), (2, 0), (3, 4_152), (4, 12_392), (4, 0), (4, 0)):
        witness.note(head(seq), wal_bytes)
        assert told(tmp_path) == (head(seq), wal_bytes)
        assert read_witness(tmp_path) == head(seq)
        witness = Witness(StorageDirectory(tmp_path))  # as the next process knows it


def test_the_first_line_is_as_version_0_1_0_reads_it(tmp_path: Path) -> None:
    Witness(StorageDirectory(tmp_path)).note(head(7), 4_152)
    first, second, _ = (tmp_path / WITNESS_NAME).read_bytes().split(b"\n", 2)
    assert first.split(b" ")[:2] == [b"7", head(7).digest.hex().encode()]
    assert int(first.split(b" ")[2], 16) == crc32(first.rpartition(b" ")[0])
    assert second.startswith(b"wal 4152 7 ")


def test_a_damaged_second_line_says_nothing_of_a_wal(tmp_path: Path) -> None:
    Witness(StorageDirectory(tmp_path)).note(head(7), 4_152)
    content = (tmp_path / WITNESS_NAME).read_bytes()
    at = content.index(b"4152")
    for harmed in (content[:at] + b"9" + content[at + 1 :], content[: at + 3] + bytes(len(content) - at - 3)):
        (tmp_path / WITNESS_NAME).write_bytes(harmed)
        assert told(tmp_path) == (head(7), 0)


def test_one_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    (tmp_path / WITNESS_NAME).mkdir()
    assert read_testimony(tmp_path) is None


def test_the_last_critical_head_is_remembered_through_those_that_are_not(tmp_path: Path) -> None:
    for seq, critical, expected in ((3, False, 3), (5, True, 5), (8, False, 5), (9, False, 5), (10, True, 10)):
        Witness(StorageDirectory(tmp_path)).note(head(seq), critical=critical)
        testimony = read_testimony(tmp_path)
        assert testimony is not None
        assert (testimony.head, testimony.critical_seq) == (head(seq), expected)
    first, _, _ = (tmp_path / WITNESS_NAME).read_bytes().partition(b"\n")
    (tmp_path / WITNESS_NAME).write_bytes(first + b"\n")  # as version 0.1.0 wrote it: each of them was
    testimony = read_testimony(tmp_path)
    assert testimony is not None
    assert testimony.critical_seq == testimony.head.seq
