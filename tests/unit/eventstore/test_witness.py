"""The witness of the head, outside the database."""

from pathlib import Path

from eventstore.chain import Head
from eventstore.directory import StorageDirectory
from eventstore.witness import SLOT_BYTES, WITNESS_NAME, Witness, read_witness
from tests.logs import overwrite


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
