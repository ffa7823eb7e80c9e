"""Bytes from a reader: frames or none, and never more of them kept than one frame."""

from pathlib import Path

from devices.readers.pn532_frame import ACK, DATA_BYTES_MAX, FrameKind, command, frames_of, uid_of_target
from tests.fuzz.engine import BYTES, Target, both, fuzz
from tests.unit.devices.readers.pn532_chip import framed

LONG = bytes.fromhex("0000ffffff0109f6") + b"\xd5" + bytes(264) + b"\x2b"
ANSWERS = (
    ACK + framed(0xD5, 0x15),
    ACK + framed(0xD5, 0x4B, 1, 1, 0, 0x44, 0, 4, 4, 0xA1, 0xB2, 0xC3),
    command(0x02),
    LONG,
)
WAITING_MAX = DATA_BYTES_MAX + 8


def read(content: bytes) -> None:
    waiting = b""
    for begin in range(0, len(content), 64):
        waiting, frames = frames_of(waiting + content[begin : begin + 64])
        assert len(waiting) <= WAITING_MAX
        for frame in frames:
            if frame.kind is FrameKind.ANSWER:
                targeted(frame.data)
    targeted(content)


def targeted(data: bytes) -> None:
    try:
        uid = uid_of_target(data)
    except ValueError as error:
        assert str(error)
    else:
        assert uid is None or len(uid) in {4, 7, 10}


@both
def test_bytes_from_a_pn532_are_frames_or_none(tmp_path: Path, long: bool) -> None:
    fuzz(Target(name="pn532", corpus=ANSWERS, check=read, tokens=(*BYTES, ACK, b"\0\xff")), tmp_path, long=long)
