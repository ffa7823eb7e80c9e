"""Frames of the PN532: found in whatever comes, and made as the manual has them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.readers.pn532_frame import (
    ACK,
    DATA_BYTES_MAX,
    IN_LIST_PASSIVE_TARGET,
    SAM_CONFIGURATION,
    Frame,
    FrameKind,
    command,
    frames_of,
    uid_of_target,
)

ANSWER = bytes.fromhex("0000FF02FED5151600")
"""The answer to SAMConfiguration: 7.2.10."""


def kinds(received: bytes) -> list[FrameKind]:
    return [frame.kind for frame in frames_of(received)[1]]


def answer(data: bytes) -> bytes:
    body = b"\xd5" + data
    head = bytes((len(body) & 0xFF, -len(body) & 0xFF))
    if len(body) > 0xFF:
        head = b"\xff\xff" + bytes((len(body) >> 8, len(body) & 0xFF, -((len(body) >> 8) + (len(body) & 0xFF)) & 0xFF))
    return b"\x00\x00\xff" + head + body + bytes((-sum(body) & 0xFF, 0))


def test_commands_are_framed_as_in_the_manual() -> None:
    assert command(0x02) == bytes.fromhex("0000FF02FED4022A00")
    assert command(SAM_CONFIGURATION, 1, 0x14, 1) == bytes.fromhex("0000FF05FBD4140114010200")
    assert command(IN_LIST_PASSIVE_TARGET, 1, 0) == bytes.fromhex("0000FF04FCD44A0100E100")


def test_every_kind_of_frame_is_found_in_one_stream() -> None:
    received = ACK + ANSWER + bytes.fromhex("0000FFFF0000") + bytes.fromhex("0000FF01FF7F8100")
    assert kinds(received) == [FrameKind.ACK, FrameKind.ANSWER, FrameKind.NACK, FrameKind.NOT_UNDERSTOOD]
    assert frames_of(ANSWER)[1] == (Frame(kind=FrameKind.ANSWER, data=b"\x15"),)


@pytest.mark.parametrize("length", [1, 253, 254, 255, DATA_BYTES_MAX - 1])
def test_an_answer_of_any_length_is_read(length: int) -> None:
    assert frames_of(answer(bytes(length)))[1] == (Frame(kind=FrameKind.ANSWER, data=bytes(length)),)


def test_a_longer_one_than_the_chip_sends_is_damaged() -> None:
    assert FrameKind.ANSWER not in kinds(answer(bytes(DATA_BYTES_MAX)))


@pytest.mark.parametrize("at", range(3, len(ANSWER) - 1))
def test_one_wrong_bit_is_never_an_answer(at: int) -> None:
    damaged = ANSWER[:at] + bytes((ANSWER[at] ^ 1,)) + ANSWER[at + 1 :]
    assert FrameKind.ANSWER not in kinds(damaged)


def test_our_own_frame_that_comes_back_is_no_answer() -> None:
    assert kinds(command(0x02)) == [FrameKind.DAMAGED]


@given(st.lists(st.sampled_from([ACK, ANSWER, answer(b"\x4b\x00")]), max_size=4), st.data())
@settings(max_examples=60, deadline=None)
def test_pieces_come_to_the_same_as_the_whole(frames: list[bytes], data: st.DataObject) -> None:
    received = b"".join(frames)
    waiting = b""
    found: list[Frame] = []
    while received:
        cut = data.draw(st.integers(1, len(received)))
        waiting, some = frames_of(waiting + received[:cut])
        found += some
        received = received[cut:]
    assert found == list(frames_of(b"".join(frames))[1])


@pytest.mark.parametrize("uid", ["04A1B2C3", "04A1B2C3D4E5F6", "04A1B2C3D4E5F6070809"])
@pytest.mark.parametrize("more", ["", "0578807002", "01010400036A1B2C3D"])
def test_the_first_target_is_the_card(uid: str, more: str) -> None:
    """A card of ISO/IEC 14443-4 adds its ATS; a second target follows."""
    # how many; then Tg, SENS_RES (2), SEL_RES, NFCIDLength
    data = bytes.fromhex("4B01" + "01" + "0044" + "00" + f"{len(uid) // 2:02X}" + uid + more)
    assert uid_of_target(data) == bytes.fromhex(uid)


def test_no_target_is_no_card() -> None:
    assert uid_of_target(b"\x4b\x00") is None


@pytest.mark.parametrize(
    "data", ["", "4B", "4900", "4B01", "4B010100440003010203", "4B010100440004010203", "4B0101004400"]
)
def test_half_a_target_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match=r"UID of|no answer"):
        uid_of_target(bytes.fromhex(data))
