"""Wiegand frames: parity and length."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.readers.wiegand_frame import fault_of_frame, uid_of_frame
from tests.contract.rigs import wiegand_bits

UIDS = st.sampled_from((3, 4, 7, 8)).flatmap(lambda size: st.binary(min_size=size, max_size=size))


def test_a_frame_of_26_bits_as_the_readers_manual_has_it() -> None:
    # Facility 1, card 1: even parity over 0000 0001 0000, odd over 0000 0000 0001.
    assert uid_of_frame([int(bit) for bit in "10000000100000000000000010"]) == bytes([1, 0, 1])


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        # Even parity over the first 28 bits of data, odd over the last 28; then 32 and 32.
        ("0" + "00000100101000011011001011000011110101001110010111110110" + "0", "04A1B2C3D4E5F6"),
        ("1" + "1110000000000100000000010101000011000110010010011000111111110001" + "0", "E0040150C6498FF1"),
    ],
)
def test_a_uid_of_seven_or_eight_bytes_is_a_frame_of_58_or_66_bits(text: str, uid: str) -> None:
    assert uid_of_frame([int(bit) for bit in text]) == bytes.fromhex(uid)


@given(UIDS)
@settings(max_examples=60)
def test_every_uid_comes_out_as_it_went_in(uid: bytes) -> None:
    assert uid_of_frame(wiegand_bits(uid)) == uid


@given(UIDS, st.data())
@settings(max_examples=60)
def test_one_bit_wrong_or_missing_is_no_frame(uid: bytes, data: st.DataObject) -> None:
    bits = wiegand_bits(uid)
    position = data.draw(st.integers(0, len(bits) - 1))
    assert uid_of_frame([bit ^ (number == position) for number, bit in enumerate(bits)]) is None
    assert uid_of_frame(bits[:position] + bits[position + 1 :]) is None


@given(UIDS)
@settings(max_examples=60)
def test_exchanged_lines_are_no_frame_and_said_to_be_so(uid: bytes) -> None:
    exchanged = [1 - bit for bit in wiegand_bits(uid)]
    assert uid_of_frame(exchanged) is None
    assert fault_of_frame(exchanged).endswith("right with D0 and D1 exchanged")


@pytest.mark.parametrize(
    ("bits", "said"),
    [
        ([1], "1 bits, not 26, 34, 58, 66"),
        ([0] * 32, "32 bits, not 26, 34, 58, 66"),
        ([1] * 67, "more than 66 bits"),
        ([0] * 58, "58 bits with wrong parity"),
    ],
)
def test_what_is_wrong_with_a_frame_is_said(bits: list[int], said: str) -> None:
    assert fault_of_frame(bits) == said


@given(st.lists(st.integers(0, 1), max_size=70))
@settings(max_examples=60)
def test_what_is_accepted_is_whole_bytes_between_two_parity_bits(bits: list[int]) -> None:
    uid = uid_of_frame(bits)
    assert uid is None or len(uid) == (len(bits) - 2) // 8
