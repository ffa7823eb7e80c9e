"""The id that a vehicle tells of itself: the EVCCID of ISO 15118 and DIN 70121, a hardware address. Pure.

It proves nothing: whoever can send a frame on the pilot line can send another vehicle's.
"""

import re

_DIGITS = re.compile(r"[0-9A-F]{12}(?:[0-9A-F]{4})?")


def read_evccid(text: str) -> str:
    """The 12 or 16 hexadecimal digits of an EVCCID in capitals, however they are separated.

    Raises ValueError for anything else, and for all digits 0 or F, which controllers give where there is none.
    """
    digits = text.replace(":", "").replace("-", "").upper()
    if _DIGITS.fullmatch(digits) is None:
        raise ValueError("must be the 6 or 8 bytes of an EVCCID in hexadecimal")
    if not set(digits) - {"0"} or not set(digits) - {"F"}:
        raise ValueError("is no EVCCID: all its digits are the same")
    return digits
