"""Frames of the PN532, a reader chip of NXP, on its serial line: what is sent, and what is found in the bytes that come. Pure.

    00 00 FF LEN LCS TFI ... DCS 00      LEN + LCS and the bytes from TFI to DCS sum up to 0 modulo 256; TFI is D4 to the chip, D5 from it
    00 00 FF FF FF LENM LENL LCS ...     longer than 255 bytes
    00 00 FF 00 FF 00                    ACK; 00 00 FF FF 00 00 is NACK
    00 00 FF 01 FF 7F 81 00              the chip did not understand

See the PN532 user manual (NXP UM0701-02), 6.2 for frames and 7.3.5 for the answer with targets.
"""

from enum import Enum

from msgspec import Struct

START = b"\x00\xff"
ACK = b"\x00\x00\xff\x00\xff\x00"
TO_CHIP, FROM_CHIP = 0xD4, 0xD5
WAKE = b"\x55\x55" + bytes(14)
"""Wakes the chip from its power-down (7.2.11); the zeros give it time."""

GET_FIRMWARE_VERSION = 0x02
SAM_CONFIGURATION = 0x14
RF_CONFIGURATION = 0x32
IN_LIST_PASSIVE_TARGET = 0x4A
CHIP = 0x32
"""The first byte of a PN532's answer to GetFirmwareVersion."""

UID_LENGTHS = (4, 7, 10)
"""Bytes of a UID by ISO/IEC 14443-3: one, two or three cascade levels."""
DATA_BYTES_MAX = 265
"""The longest frame that the chip sends (6.2.1.2)."""


class FrameKind(Enum):
    """What a frame is."""

    ACK = "ack"
    NACK = "nack"
    ANSWER = "answer"
    NOT_UNDERSTOOD = "not understood"
    DAMAGED = "damaged"


class Frame(Struct, frozen=True, kw_only=True):
    """One frame; `data` of an answer begins with its code, which is that of the command plus one."""

    kind: FrameKind
    data: bytes = b""


def command(code: int, *parameters: int) -> bytes:
    """The frame that gives the chip a command."""
    data = bytes((TO_CHIP, code, *parameters))
    checksums = -len(data) & 0xFF, -sum(data) & 0xFF
    return bytes((0, *START, len(data), checksums[0], *data, checksums[1], 0))


def frames_of(received: bytes) -> tuple[bytes, tuple[Frame, ...]]:
    """What may be the beginning of a frame, to be given again with what follows, and the frames before it. Never more than one frame waits."""
    frames: list[Frame] = []
    while (start := received.find(START)) >= 0:
        body = received[start + len(START) :]
        found = _frame(body)
        if found is None:
            return received[start:], tuple(frames)
        frame, length = found
        frames.append(frame)
        received = body[length:]
    return received[-1:] if received.endswith(START[:1]) else b"", tuple(frames)


def _frame(body: bytes) -> tuple[Frame, int] | None:
    """The frame behind a start code and how many bytes it takes; of a damaged one none, so that the next is found in it. None: not whole yet."""
    if len(body) < 2:
        return None
    length, check = body[0], body[1]
    if (length, check) == (0x00, 0xFF):
        return Frame(kind=FrameKind.ACK), 2
    if (length, check) == (0xFF, 0x00):
        return Frame(kind=FrameKind.NACK), 2
    head = 2
    if (length, check) == (0xFF, 0xFF):
        head = 5
        if len(body) < head:
            return None
        length, check = body[2] << 8 | body[3], body[2] + body[3] + body[4]
    else:
        check += length
    if check & 0xFF or not 1 <= length <= DATA_BYTES_MAX:
        return Frame(kind=FrameKind.DAMAGED), 0
    data = body[head : head + length + 1]
    if len(data) <= length:
        return None
    if sum(data) & 0xFF:
        return Frame(kind=FrameKind.DAMAGED), 0
    if data[0] == FROM_CHIP and length > 1:
        return Frame(kind=FrameKind.ANSWER, data=data[1:-1]), head + length + 1
    kind = FrameKind.NOT_UNDERSTOOD if data[:-1] == b"\x7f" else FrameKind.DAMAGED
    return Frame(kind=kind), head + length + 1


def uid_of_target(data: bytes) -> bytes | None:
    """The UID in an answer to InListPassiveTarget for ISO/IEC 14443 type A at 106 kbit/s; None: no card. Raises ValueError."""
    if len(data) < 2 or data[0] != IN_LIST_PASSIVE_TARGET + 1:
        raise ValueError("no answer to InListPassiveTarget")
    if data[1] == 0:
        return None
    # the number of targets; then of the first its number, SENS_RES (2), SEL_RES, the length of its UID
    uid = data[7 : 7 + data[6]] if len(data) > 6 else b""
    if len(uid) not in UID_LENGTHS or len(uid) != data[6]:
        raise ValueError(f"a UID of {len(uid)} bytes")
    return uid
