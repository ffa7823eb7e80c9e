"""Primitive types of OCPP 1.6 (7.15 to 7.19, 7.28; errata 3.10) as annotations of plain Python types.

A message declares its members with these; `station.wire.members` reads the markers.
"""

from decimal import Decimal
from typing import Annotated, Final

from eventstore.value import Value

__all__ = [
    "INTEGER_MAX",
    "RATE_MAX",
    "SECONDS_MAX",
    "AtLeast",
    "CiString",
    "CiString20Type",
    "CiString25Type",
    "CiString40Type",
    "CiString50Type",
    "CiString128Type",
    "CiString255Type",
    "CiString500Type",
    "DateTime",
    "DurationSeconds",
    "IdToken",
    "Instant",
    "Longest",
    "Rate",
    "Seconds",
    "Tenths",
    "Text50",
    "Text255",
    "Text512",
    "Text800",
    "Text5500",
    "Text10000",
    "Verbatim",
    "is_blank",
]

#: Largest magnitude of an integer: 64 bits, beyond which JSON readers disagree and storage refuses.
INTEGER_MAX: Final = 2**63 - 1
#: Largest magnitude of a number of seconds, so that its milliseconds still fit in 64 bits.
SECONDS_MAX: Final = 10**12
#: Largest magnitude of a charging rate, in A or W, so that its thousandths still fit in 64 bits.
RATE_MAX: Final = 10**12


class CiString(Value, frozen=True):
    """Marks text of at most so many characters, compared case-insensitively."""

    max_length: int


class Longest(Value, frozen=True):
    """Marks text of at most so many characters, in which case counts."""

    max_length: int


class Instant(Value, frozen=True):
    """Marks an integer in milliseconds of UTC that is ISO 8601 text on the wire."""


class Seconds(Value, frozen=True):
    """Marks an integer number of seconds."""


class Tenths(Value, frozen=True):
    """Marks a decimal with at most one digit after the point."""


class AtLeast(Value, frozen=True):
    """Marks a list with at least so many items."""

    items: int


class Verbatim(Value, frozen=True):
    """Marks an optional text that is taken as it stands: an empty one is a value of its own, or a wrong one, but never none."""


def is_blank(text: str) -> bool:
    """Whether a text says nothing: it is empty, or all of it is white space. As an idTag it names nobody."""
    return not text.strip()


CiString20Type = Annotated[str, CiString(20)]
CiString25Type = Annotated[str, CiString(25)]
CiString40Type = Annotated[str, CiString(40)]
CiString50Type = Annotated[str, CiString(50)]
CiString128Type = Annotated[str, CiString(128)]
CiString255Type = Annotated[str, CiString(255)]
CiString500Type = Annotated[str, CiString(500)]
IdToken = CiString20Type
DateTime = Annotated[int, Instant()]
DurationSeconds = Annotated[int, Seconds()]
Rate = Annotated[Decimal, Tenths()]
# Text of at most so many characters in which case counts: certificates, locations, signatures (security white paper, 5 and 6).
Text50 = Annotated[str, Longest(50)]
Text255 = Annotated[str, Longest(255)]
Text512 = Annotated[str, Longest(512)]
Text800 = Annotated[str, Longest(800)]
Text5500 = Annotated[str, Longest(5_500)]
Text10000 = Annotated[str, Longest(10_000)]
