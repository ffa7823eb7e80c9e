"""Wiegand frames: parity and length."""

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.readers.wiegand_frame import uid_of_frame
from tests.contract.rigs import wiegand_bits

UIDS = st.one_of(st.binary(min_size=3, max_size=3), st.binary(min_size=4, max_size=4))


def test_a_frame_of_26_bits_as_the_readers_manual_has_it() -> None:
    # Facility 1, card 1: even parity over 0000 0001 0000, odd over 0000 0000 0001.
    assert uid_of_frame([int(bit) for bit in "10000000100000000000000010"]) == bytes([1, 0, 1])


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


@given(st.lists(st.integers(0, 1), max_size=40))
@settings(max_examples=60)
def test_what_is_accepted_has_three_or_four_bytes(bits: list[int]) -> None:
    uid = uid_of_frame(bits)
    assert uid is None or len(uid) == (len(bits) - 2) // 8
