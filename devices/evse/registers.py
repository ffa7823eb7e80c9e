"""What of a controller is read in one turn, and what its registers say. Pure.

Registers of one kind that lie together are read in one request, as far as the map and the line allow.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from devices.evse.controller_map import ControllerMap, TextSpot
from devices.modbus.line import BusRequest
from devices.readers.uid import uid_from_text

TAG_LENGTH_MAX = 20
"""IdToken is a CiString20 (7.28)."""

Words = Mapping[tuple[str, int], int]
"""Registers and coils by function and address, addresses as the map has them."""


class ControllerPlace(Struct, frozen=True, kw_only=True):
    """A controller on a bus: its unit, and which one of several behind that unit it is."""

    unit: int
    number: int = 1


def offset(found: ControllerMap, place: ControllerPlace) -> int:
    """What is added to the addresses of the map."""
    return found.stride * place.number


def _spans(found: ControllerMap) -> list[tuple[str, int, int]]:
    """Function, address and length of everything that is read in a turn."""
    spans = [(found.state.function, found.state.at, 1), ("holding", found.current.at, 1)]
    if found.enable is not None:
        spans.append((found.enable.function, found.enable.at, 1))
    if found.failsafe is not None:
        spans += [("holding", found.failsafe.timeout_at, 1), ("holding", found.failsafe.current_at, 1)]
    spans += [(spot.function, spot.at, 1) for spot in (found.cable, found.contact) if spot is not None]
    spans += [(spot.function, spot.at, spot.length) for spot in (found.tag, found.vehicle_id) if spot is not None]
    spans += [
        (part.function, register.address, register.length)
        for part in found.meters
        for block in part.blocks
        for register in block.registers
    ]
    return sorted(spans)


def requests(found: ControllerMap, place: ControllerPlace, longest: int) -> tuple[BusRequest, ...]:
    """The requests of a turn, none for more than `longest` registers unless one value needs it."""
    merged: list[list[int | str]] = []
    for function, at, length in _spans(found):
        if merged and merged[-1][0] == function:
            start, end = int(merged[-1][1]), int(merged[-1][2])
            if at - end <= found.gap_max and max(end, at + length) - start <= longest:
                merged[-1][2] = max(end, at + length)
                continue
        merged.append([function, at, at + length])
    first = offset(found, place)
    return tuple(
        BusRequest(unit=place.unit, function=str(function), address=first + int(start), count=int(end) - int(start))
        for function, start, end in merged
    )


def words_of(found: ControllerMap, place: ControllerPlace, request: BusRequest, answer: Sequence[int]) -> Words:
    """What was read, by function and address of the map."""
    start = request.address - offset(found, place)
    return {(request.function, start + position): word for position, word in enumerate(answer)}


def meter_values(found: ControllerMap, words: Words) -> Mapping[str, int]:
    """What its own meter says, as a register map names it."""
    values: dict[str, int] = {}
    for part in found.meters:
        for block in part.blocks:
            read = [words.get((part.function, block.address + position), 0) for position in range(block.length)]
            values.update(part.decode(block, read))
    return values


def text_of(spot: TextSpot | None, words: Words) -> str:
    """A text as it stands in its registers; empty if there is none, or what is there is no text."""
    if spot is None:
        return ""
    data = b"".join(words[spot.function, spot.at + position].to_bytes(2) for position in range(spot.length))
    raw = data.partition(b"\0")[0].strip(b" \xff")
    return raw.decode("ascii") if raw.isascii() and raw.decode("ascii").isprintable() else ""


def tag_of(spot: TextSpot | None, words: Words) -> str:
    """The id tag at its own reader: a UID in hexadecimal as other readers give it, else the text; empty if there is none."""
    text = text_of(spot, words)
    uid = uid_from_text(text, kind="hex", uid_bytes=4, last_first=False)
    return uid or (text if len(text) <= TAG_LENGTH_MAX else "")
