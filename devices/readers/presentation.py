"""Which reads are a presentation: readers repeat a card for as long as it is in the field. Pure.

A card is presented when it is read and was not read within `repeat_ms` before. So however long it lies there it is one
presentation, and taking it away for a moment makes another. A second card in between is one of its own.
"""

from msgspec import Struct


class Field(Struct, frozen=True, kw_only=True):
    """What is in the reader's field: the card that was read last, and when. "": none yet."""

    uid: str = ""
    read_at_ms: int = 0


def read(field: Field, uid: str, at_ms: int, repeat_ms: int) -> tuple[Field, bool]:
    """The field after a read, and whether that is a presentation."""
    lies_there = uid == field.uid and at_ms - field.read_at_ms < repeat_ms
    return Field(uid=uid, read_at_ms=at_ms), not lies_there
