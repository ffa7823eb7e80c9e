"""Frames of the Wiegand interface: 26 and 34 bits, the outer two of which are parity. Pure.

The first bit makes the parity of the first half even, the last bit that of the second half odd.
"""

from collections.abc import Sequence

LENGTHS = (26, 34)


def uid_of_frame(bits: Sequence[int]) -> bytes | None:
    """The three or four bytes of a frame, in the order that they came; None if length or parity is wrong."""
    if len(bits) not in LENGTHS:
        return None
    half = len(bits) // 2
    if sum(bits[:half]) % 2 != 0 or sum(bits[half:]) % 2 != 1:
        return None
    number = 0
    for bit in bits[1:-1]:
        number = number << 1 | bit
    return number.to_bytes((len(bits) - 2) // 8)
