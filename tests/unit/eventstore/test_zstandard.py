"""Frames of zstandard: bounded, whole, and readable whoever wrote them."""

import base64
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore import zstandard
from eventstore.zstandard import compressed, decompressed
from tests.hostile import bomb, lying

MIB = 1 << 20
CONTENT = b'{"seq":1,"type":["StationBooted","LinkOpened"]}' * 40
WRITTEN_BY_PYTHON_ZSTANDARD = base64.b64decode(
    "KLUv/WRYBsUBAPQCeyJzZXEiOjEsInR5cGUiOlsiU3RhdGlvbkJvb3RlZCIsIkxpbmtPcGVuZWQiXX0BADdZ/qoM2l3nBQ=="
)
"""CONTENT at level 9 with a checksum, as version 0.2.0 wrote its archives with the library `zstandard` 0.25."""


def test_a_frame_of_the_former_library_is_read_and_ours_is_the_same() -> None:
    assert decompressed(WRITTEN_BY_PYTHON_ZSTANDARD, MIB) == CONTENT
    assert compressed(CONTENT, 9) == WRITTEN_BY_PYTHON_ZSTANDARD


@given(st.binary(max_size=2_000), st.integers(1, 9))
def test_what_was_compressed_comes_back(content: bytes, level: int) -> None:
    assert decompressed(compressed(content, level), max(1, len(content))) == content


def test_a_frame_says_how_long_its_content_is_and_has_a_checksum() -> None:
    frame = bytearray(compressed(CONTENT, 9))
    assert zstandard._zstd().get_frame_info(bytes(frame)).decompressed_size == len(CONTENT)
    frame[-1] ^= 1
    with pytest.raises(ValueError, match="checksum"):
        decompressed(bytes(frame), MIB)


def test_exactly_as_much_as_is_allowed_is_unpacked() -> None:
    frame = compressed(bytes(3 * MIB), 1)
    assert len(decompressed(frame, 3 * MIB)) == 3 * MIB
    with pytest.raises(ValueError, match="unpacked it has more than 2 MiB"):
        decompressed(frame, 3 * MIB - 1)


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(ValueError, match="unpacked it has more than 16 MiB"):
        decompressed(bomb(b"0", 64 * MIB), 16 * MIB)


@pytest.mark.parametrize("says", [MIB + 1, (1 << 64) - 3])
def test_a_frame_that_says_too_much_is_not_unpacked(says: int) -> None:
    with pytest.raises(ValueError, match="unpacked it has more than 1 MiB"):
        decompressed(lying(b"", says), MIB)


def test_a_frame_with_more_or_less_than_it_says_is_damaged() -> None:
    frame = bytearray(compressed(b"abcdefgh", 1))
    place = frame.index(8, 4)  # a content this short has one byte for its length
    for says in (7, 9):
        frame[place] = says
        with pytest.raises(ValueError, match=r"corrupt|cut short|Unable|match"):
            decompressed(bytes(frame), MIB)


@pytest.mark.parametrize("length", range(len(WRITTEN_BY_PYTHON_ZSTANDARD)))
def test_a_frame_that_is_cut_short_is_damaged(length: int) -> None:
    with pytest.raises(ValueError, match=r"cut short|header"):
        decompressed(WRITTEN_BY_PYTHON_ZSTANDARD[:length], MIB)


def test_nothing_may_follow_a_frame() -> None:
    with pytest.raises(ValueError, match="3 bytes follow"):
        decompressed(WRITTEN_BY_PYTHON_ZSTANDARD + b"...", MIB)


def test_the_library_is_the_standard_one_where_there_is_one() -> None:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    assert zstandard._zstd().__name__ == name
