"""RAPI, the serial protocol of OpenEVSE: lines of ASCII with a checksum and a number of their own. Pure.

A command is `$cc parameters :ss^xk` and a carriage return: `ss` is its number in two hexadecimal digits, never 00, and comes back with
the answer; `xk` the exclusive or of all characters before `^`. Lines that begin with `$A` or `$W` come by themselves.
"""

from msgspec import Struct

SEQUENCE_MAX = 0xFF
_OK, _NK = "$OK", "$NK"

VEHICLE_STATES = {0x01: "A", 0x02: "B", 0x03: "C", 0x04: "D"}
ASLEEP = frozenset({0xFE, 0xFF})
"""Sleeping and disabled: nothing is offered, and the pilot's state tells of the vehicle."""
FAULTS = {
    0x05: ("OtherError", "no diode in the vehicle's pilot"),
    0x06: ("GroundFailure", "a residual current"),
    0x07: ("GroundFailure", "no protective earth"),
    0x08: ("PowerSwitchFailure", "a relay that does not open"),
    0x09: ("GroundFailure", "its residual current test failed"),
    0x0A: ("HighTemperature", "too hot"),
    0x0B: ("OverCurrentFailure", "more current than it allows"),
}
"""What OpenEVSE says of itself, as a ChargePointErrorCode (7.6) and in words."""


class RapiAnswer(Struct, frozen=True, kw_only=True):
    """An answer to the command with that number; 0 if it has none."""

    ok: bool
    fields: tuple[str, ...]
    sequence: int


class Pushed(Struct, frozen=True, kw_only=True):
    """What came by itself: "AT" a change of state, "AB" a boot."""

    kind: str
    fields: tuple[str, ...]


class State(Struct, frozen=True, kw_only=True):
    """What `$GS` and `$AT` say: the pilot's state, whether a current is offered, and a fault."""

    letter: str
    offers: bool
    fault: tuple[str, str] | None


def checksum(text: str) -> str:
    """The exclusive or of all characters, in two hexadecimal digits."""
    total = 0
    for character in text.encode("ascii"):
        total ^= character
    return f"{total:02X}"


def command(text: str, sequence: int) -> bytes:
    """The line for a command such as `SC 16 V`; `sequence` is 1 to 255."""
    line = f"${text} :{sequence:02X}"
    return f"{line}^{checksum(line)}\r".encode("ascii")


def parsed(line: bytes) -> RapiAnswer | Pushed | None:
    """What a line says, without its end; None for what has no right checksum or is none of the protocol's."""
    try:
        text = line.decode("ascii").strip("\n\r ")
    except UnicodeDecodeError:
        return None
    body, mark, given = text.rpartition("^")
    if not mark or not body.startswith("$") or given.upper() != checksum(body):
        return None
    head, *fields = body.split()
    if head in (_OK, _NK):
        sequence = 0
        if fields and fields[-1].startswith(":"):
            sequence = _hexadecimal(fields.pop()[1:]) or 0
        return RapiAnswer(ok=head == _OK, fields=tuple(fields), sequence=sequence)
    return Pushed(kind=head[1:], fields=tuple(fields))


def state_of(evse: str, pilot: str) -> State | None:
    """The state that two fields of `$GS` or `$AT` say, both hexadecimal; None if they say none."""
    evse_state, pilot_state = _hexadecimal(evse), _hexadecimal(pilot)
    if evse_state is None or pilot_state is None:
        return None
    fault = FAULTS.get(evse_state)
    if fault is not None:
        return State(letter="F", offers=False, fault=fault)
    asleep = evse_state in ASLEEP
    letter = VEHICLE_STATES.get(pilot_state if asleep else evse_state)
    return None if letter is None else State(letter=letter, offers=not asleep, fault=None)


def number_of(field: str) -> int | None:
    """A decimal number, with a sign or without; None for what is none."""
    digits = field.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 12:
        return None
    return int(field)


def _hexadecimal(field: str) -> int | None:
    try:
        return int(field, 16) if 1 <= len(field) <= 4 else None
    except ValueError:
        return None
