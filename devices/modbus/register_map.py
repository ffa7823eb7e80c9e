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
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path

from msgspec import Struct

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
ADDRESS_MAX = 0xFFFF
SCALE_MIN, SCALE_MAX = Decimal("1e-9"), Decimal(10**9)
_KEYS = ("name", "source", "function", "word_order", "registers_max", "gap_max", "values")
_MEMBERS = ("at", "type", "scale")


class MapError(ValueError):
    """A register map that is not there or makes no sense; the text says what and where."""


class ModbusRegister(Struct, frozen=True, kw_only=True):
    """One value: its address as on the wire, its type, and what one unit of the meter is in ours."""

    name: str
    address: int
    type: str
    scale: Decimal

    @property
    def length(self) -> int:
        """How many registers it takes."""
        return TYPES[self.type][1]


class Block(Struct, frozen=True, kw_only=True):
    """Registers that are read in one request."""

    address: int
    length: int
    registers: tuple[ModbusRegister, ...]

    def cut(self, longest: int) -> "tuple[Block, ...]":
        """The same registers in blocks of at most `longest`, where no single value is longer."""
        groups: list[list[ModbusRegister]] = [[]]
        for register in self.registers:
            if groups[-1] and register.address + register.length - groups[-1][0].address > longest:
                groups.append([])
            groups[-1].append(register)
        return tuple(_block(group) for group in groups)


class RegisterMap(Struct, frozen=True, kw_only=True):
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
    except MapError as error:
        raise MapError(f"{name}: {error}") from error
    except (OSError, ValueError) as error:  # no text, or no path
        raise MapError(f"{name!r} cannot be read: {error}") from error


def parse_map(text: str) -> RegisterMap:
    """The map in a TOML text. Raises `MapError`, which names the map, the register and the member, and nothing else."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError) as error:  # a number of thousands of digits is no TOMLDecodeError
        raise MapError(f"is not valid TOML: {error}") from error
    except RecursionError as error:
        raise MapError("is not valid TOML: nested too deeply") from error
    name = document.get("name", "")
    _require(isinstance(name, str), "name must be text")
    try:
        return _map(document, name)
    except MapError as error:
        raise MapError(f"{name}: {error}" if name else str(error)) from error


def named_map(name: str, quantities: Sequence[str]) -> RegisterMap:
    """A map of so many quantities whose registers somebody else reads: it says what there is, not where."""
    registers = tuple(ModbusRegister(name=each, address=0, type="uint16", scale=Decimal(1)) for each in quantities)
    return RegisterMap(
        name=name,
        function="input",
        word_order="big",
        blocks=(Block(address=0, length=0, registers=registers),),
    )


def part_of_map(document: Mapping[str, object], name: str) -> RegisterMap:
    """The map that a table is which need not have every quantity of a meter. Raises `MapError`."""
    return _map(document, name, required=())


def _map(document: Mapping[str, object], name: str, required: Sequence[str] = (REQUIRED,)) -> RegisterMap:
    _only(document, _KEYS, "key of a register map")
    _require(isinstance(document.get("source", ""), str), "source must be text")
    function = _word(document, "function", ("input", "holding"))
    word_order = _word(document, "word_order", ("big", "little"), default="big")
    longest = _whole(document, "registers_max", 4, REGISTERS_MAX, default=REGISTERS_MAX)
    gap_max = _whole(document, "gap_max", 0, REGISTERS_MAX, default=0)
    values = document.get("values")
    if not isinstance(values, dict):
        raise MapError("values must be a table")
    for quantity in required:
        _require(quantity in values, f"values must have {quantity}")
    registers = sorted((_register(name, value) for name, value in values.items()), key=lambda item: item.address)
    return RegisterMap(name=name, function=function, word_order=word_order, blocks=_blocks(registers, longest, gap_max))


def _register(name: str, value: object) -> ModbusRegister:
    _require(name in QUANTITIES, f"{name} is no quantity{_similar(name, QUANTITIES)}")
    if not isinstance(value, dict):
        raise MapError(f"{name} must be a table")
    try:
        _only(value, _MEMBERS, "member of a register")
        kind = _word(value, "type", tuple(TYPES))
        address = _whole(value, "at", 0, ADDRESS_MAX)
        length = TYPES[kind][1]
        last = address + length - 1
        _require(last <= ADDRESS_MAX, f"at must be {ADDRESS_MAX + 1 - length} at most: {kind} takes {length} registers")
        return ModbusRegister(name=name, address=address, type=kind, scale=_scale(name, value.get("scale", 1)))
    except MapError as error:
        raise MapError(f"{name}: {error}") from error


def _scale(name: str, scale: object) -> Decimal:
    if isinstance(scale, bool) or not isinstance(scale, int | Decimal):
        raise MapError("scale must be a number other than 0")
    factor = Decimal(scale)
    _require(factor.is_finite(), "scale must be a number other than 0, not nan or inf")
    _require(factor != 0, "scale must be a number other than 0")
    _require(SCALE_MIN <= factor.copy_abs() <= SCALE_MAX, f"scale must be between {SCALE_MIN} and {SCALE_MAX}")
    _require(factor > 0 or not name.endswith("_wh"), "scale must be above 0: a register of energy counts up")
    return factor


def _only(table: Mapping[str, object], known: Sequence[str], what: str) -> None:
    unknown = sorted(key for key in table if key not in known)
    if unknown:
        raise MapError(f"{unknown[0]} is no {what}{_similar(unknown[0], known)}")


def _word(table: Mapping[str, object], key: str, words: Sequence[str], default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or value not in words:
        raise MapError(f"{key} must be one of {', '.join(words)}")
    return value


def _whole(table: Mapping[str, object], key: str, low: int, high: int, default: int | None = None) -> int:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise MapError(f"{key} must be {low} to {high}")
    return value


def _similar(name: str, known: Sequence[str]) -> str:
    matches = get_close_matches(name[:64], known, n=1)
    return f"; did you mean {matches[0]}?" if matches else f"; there are {', '.join(known)}"


def _blocks(registers: Sequence[ModbusRegister], longest: int, gap_max: int) -> tuple[Block, ...]:
    blocks: list[list[ModbusRegister]] = []
    for register in registers:
        if blocks:
            last = blocks[-1]
            gap = register.address - (last[-1].address + last[-1].length)
            _require(gap >= 0, f"{register.name} overlaps {last[-1].name}")
            if gap <= gap_max and register.address + register.length - last[0].address <= longest:
                last.append(register)
                continue
        blocks.append([register])
    return tuple(_block(block) for block in blocks)


def _block(registers: Sequence[ModbusRegister]) -> Block:
    first, last = registers[0], registers[-1]
    return Block(address=first.address, length=last.address + last.length - first.address, registers=tuple(registers))


def _value(register: ModbusRegister, words: Sequence[int], word_order: str) -> int | None:
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
