"""What a reader says, as the UID of a card: its bytes in hexadecimal, first byte first, whatever the reader. Pure.

idTags have at most 20 characters (7.28: CiString20), as many as a UID of ten bytes.
"""

UID_BYTES_MAX = 10
RDM6300_LENGTH = 12
_RDM6300_DATA = 10


def uid_from_bytes(uid: bytes, *, last_first: bool) -> str:
    """The text of a UID. `last_first`: the reader sends the last byte first."""
    return (uid[::-1] if last_first else uid).hex().upper()


def uid_from_text(text: str, *, kind: str, uid_bytes: int, last_first: bool) -> str | None:
    """The UID that a line of text says; None if it says none.

    `kind` "hex": hexadecimal digits, signs between them ignored. "decimal": a number of `uid_bytes` bytes, first byte highest.
    "rdm6300": five bytes and their checksum in hexadecimal.
    """
    match kind:
        case "decimal":
            uid = _from_decimal(text.strip(), uid_bytes)
        case "rdm6300":
            uid = _from_rdm6300(text.strip())
        case _:
            uid = _from_hex(text)
    return None if uid is None else uid_from_bytes(uid, last_first=last_first)


def _from_hex(text: str) -> bytes | None:
    digits = "".join(sign for sign in text if sign not in " :-.\t")
    try:
        uid = bytes.fromhex(digits)
    except ValueError:
        return None
    return uid if 1 <= len(uid) <= UID_BYTES_MAX else None


def _from_decimal(text: str, uid_bytes: int) -> bytes | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 25):
        return None
    number = int(text)
    return number.to_bytes(uid_bytes) if number < 1 << (8 * uid_bytes) else None


def _from_rdm6300(text: str) -> bytes | None:
    if len(text) != RDM6300_LENGTH:
        return None
    try:
        frame = bytes.fromhex(text)
    except ValueError:
        return None
    checksum = 0
    for byte in frame[:-1]:
        checksum ^= byte
    return frame[:-1] if checksum == frame[-1] else None
