"""Frames of the Wiegand interface: 26, 34, 58 and 66 bits, the outer two of which are parity. Pure.

In between lie the three, four, seven or eight bytes of a UID, highest bit first, in the order in which the reader has them; some
readers send the last byte first. The first bit makes the parity of the first half even, the last bit that of the second half odd.
Each half has an odd number of bits, so a frame with D0 and D1 exchanged never passes for another card.
"""

from collections.abc import Sequence

LENGTHS = (26, 34, 58, 66)


def uid_of_frame(bits: Sequence[int]) -> bytes | None:
    """The bytes of a frame, in the order that they came; None if length or parity is wrong."""
    if len(bits) not in LENGTHS:
        return None
    half = len(bits) // 2
    if sum(bits[:half]) % 2 != 0 or sum(bits[half:]) % 2 != 1:
        return None
    number = 0
    for bit in bits[1:-1]:
        number = number << 1 | bit
    return number.to_bytes((len(bits) - 2) // 8)


def fault_of_frame(bits: Sequence[int]) -> str:
    """Why these bits are no frame, for whoever installs the reader."""
    assert uid_of_frame(bits) is None, "only what is no frame has a fault"
    if len(bits) > max(LENGTHS):
        return f"more than {max(LENGTHS)} bits"
    if len(bits) not in LENGTHS:
        return f"{len(bits)} bits, not {', '.join(map(str, LENGTHS))}"
    if uid_of_frame([1 - bit for bit in bits]) is not None:
        return f"{len(bits)} bits with wrong parity, which would be right with D0 and D1 exchanged"
    return f"{len(bits)} bits with wrong parity"
