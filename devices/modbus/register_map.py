"""Register maps: where a type of meter keeps what, and how to turn its registers into integers with units. Pure, but for `load_map`.

A map is a TOML file. `values` names each quantity with the unit last in its name (`energy_import_wh`, `current_l1_ma`) and gives its
address as on the wire (from 0), its type, and the `scale` that makes that unit of the meter's own:

    name = "Eastron SDM630-Modbus"
    function = "input"             # or "holding"
    word_order = "big"             # the first register holds the high word; "little": the low word
    registers_max = 80             # the longest request that the meter answers
    gap_max = 0                    # registers between two values that may be read along

    [values]
    energy_import_wh = { at = 0x0048, type = "float32", scale = 1000 }

A value that the meter marks as not available (NaN, or the largest number of the type) is left out.
"""

import math
import struct
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path

TYPES: Mapping[str, tuple[str, int]] = {
    "uint16": ("H", 1),
    "int16": ("h", 1),
    "uint32": ("I", 2),
    "int32": ("i", 2),
    "uint64": ("Q", 4),
    "int64": ("q", 4),
    "float32": ("f", 2),
    "float64": ("d", 4),
}
"""By name: the struct code and how many registers."""

PHASES = ("l1", "l2", "l3")
REQUIRED = "energy_import_wh"
QUANTITIES = (
    "energy_import_wh",
    "energy_export_wh",
    "power_w",
    "power_reactive_var",
    "power_apparent_va",
    "power_factor_permille",
    "frequency_mhz",
    "current_n_ma",
    "temperature_dc",
    *(
        f"{quantity}_{phase}_{unit}"
        for quantity, unit in (
            ("voltage", "mv"),
            ("current", "ma"),
            ("power", "w"),
            ("power_reactive", "var"),
            ("power_factor", "permille"),
            ("energy_import", "wh"),
            ("energy_export", "wh"),
        )
        for phase in PHASES
    ),
)
REGISTERS_MAX = 125
"""Modbus application protocol 6.3 and 6.4: as many as one answer holds."""


class MapError(ValueError):
    """A register map that is not there or makes no sense; the text says what and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One value: its address as on the wire, its type, and what one unit of the meter is in ours."""

    name: str
    address: int
    type: str
    scale: Decimal

    @property
    def length(self) -> int:
        """How many registers it takes."""
        return TYPES[self.type][1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Registers that are read in one request."""

    address: int
    length: int
    registers: tuple[Register, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterMap:
    """Where a type of meter keeps what. `function` is "input" (code 4) or "holding" (code 3)."""

    name: str
    function: str
    word_order: str
    blocks: tuple[Block, ...]

    @property
    def quantities(self) -> tuple[str, ...]:
        """The names of all values that the meter gives."""
        return tuple(register.name for block in self.blocks for register in block.registers)

    def decode(self, block: Block, words: Sequence[int]) -> Mapping[str, int]:
        """The values of a block by name; what is not available is left out. `words` must be as long as the block."""
        assert len(words) == block.length, "an answer of another length is refused before"
        values = {}
        for register in block.registers:
            offset = register.address - block.address
            value = _value(register, words[offset : offset + register.length], self.word_order)
            if value is not None:
                values[register.name] = value
        return values


def map_names() -> tuple[str, ...]:
    """The maps that come with the program."""
    names = (item.name for item in files("devices.modbus").joinpath("maps").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def load_map(name: str) -> RegisterMap:
    """The map of that name, or in the file of that path if there is a "/" in it. Raises `MapError`."""
    if "/" not in name and name not in map_names():
        raise MapError(f"{name!r} is no register map; there are {', '.join(map_names())}, or the path of a file")
    source = Path(name) if "/" in name else files("devices.modbus").joinpath("maps", f"{name}.toml")
    try:
        return parse_map(source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise MapError(f"{name} cannot be read: {error}") from error
    except MapError as error:
        raise MapError(f"{name}: {error}") from error


def parse_map(text: str) -> RegisterMap:
    """The map in a TOML text. Raises `MapError`."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise MapError(f"is not valid TOML: {error}") from error
    unknown = set(document) - {"name", "source", "function", "word_order", "registers_max", "gap_max", "values"}
    if unknown:
        raise MapError(f"{min(unknown)} is no key of a register map")
    _require(document.get("function") in {"input", "holding"}, "function must be input or holding")
    _require(document.get("word_order", "big") in {"big", "little"}, "word_order must be big or little")
    longest, gap_max = document.get("registers_max", REGISTERS_MAX), document.get("gap_max", 0)
    _require(isinstance(longest, int) and 4 <= longest <= REGISTERS_MAX, "registers_max must be 4 to 125")
    _require(isinstance(gap_max, int) and 0 <= gap_max <= REGISTERS_MAX, "gap_max must be 0 to 125")
    values = document.get("values")
    if not isinstance(values, dict):
        raise MapError("values must be a table")
    _require(REQUIRED in values, f"values must have {REQUIRED}")
    registers = sorted((_register(name, value) for name, value in values.items()), key=lambda item: item.address)
    return RegisterMap(
        name=str(document.get("name", "")),
        function=document["function"],
        word_order=document.get("word_order", "big"),
        blocks=_blocks(registers, longest, gap_max),
    )


def _register(name: str, value: object) -> Register:
    _require(name in QUANTITIES, f"{name} is no quantity; there are {', '.join(QUANTITIES)}")
    if not isinstance(value, dict):
        raise MapError(f"{name} must be a table")
    address, kind, scale = value.get("at"), value.get("type"), value.get("scale", 1)
    if not isinstance(address, int) or not 0 <= address <= 0xFFFF:
        raise MapError(f"{name}: at must be 0 to 65535")
    if kind not in TYPES:
        raise MapError(f"{name}: type must be one of {', '.join(TYPES)}")
    if not isinstance(scale, int | Decimal) or isinstance(scale, bool) or scale == 0:
        raise MapError(f"{name}: scale must be a number other than 0")
    return Register(name=name, address=address, type=str(kind), scale=Decimal(scale))


def _blocks(registers: Sequence[Register], longest: int, gap_max: int) -> tuple[Block, ...]:
    blocks: list[list[Register]] = []
    for register in registers:
        if blocks:
            last = blocks[-1]
            gap = register.address - (last[-1].address + last[-1].length)
            _require(gap >= 0, f"{register.name} overlaps {last[-1].name}")
            if gap <= gap_max and register.address + register.length - last[0].address <= longest:
                last.append(register)
                continue
        blocks.append([register])
    return tuple(
        Block(
            address=block[0].address,
            length=block[-1].address + block[-1].length - block[0].address,
            registers=tuple(block),
        )
        for block in blocks
    )


def _value(register: Register, words: Sequence[int], word_order: str) -> int | None:
    ordered = words if word_order == "big" else tuple(reversed(words))
    code, length = TYPES[register.type]
    (raw,) = struct.unpack(f">{code}", struct.pack(f">{length}H", *ordered))
    if isinstance(raw, float):
        if not math.isfinite(raw):
            return None
    elif raw == _marker(code, length):
        return None
    # A register of energy never shows more than was counted; a float that stands for 12.506 may be a little less.
    whole = register.name.endswith("_wh") and not isinstance(raw, float)
    rounding = ROUND_FLOOR if whole else ROUND_HALF_EVEN
    return int((Decimal(raw) * register.scale).to_integral_value(rounding))


def _marker(code: str, length: int) -> int:
    """The largest number of the type, by which integer meters say that there is no value."""
    return (1 << (16 * length - (1 if code.islower() else 0))) - 1


def _require(holds: object, text: str) -> None:
    if not holds:
        raise MapError(text)
