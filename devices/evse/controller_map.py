"""Controller maps: where a type of EV charging controller says what, and where it is commanded what. Pure, but for `load_controller`.

A map is a TOML file, as those of meters are; addresses as on the wire (from 0). `[state]` gives the pilot's state by numbers
(`letters`) or by a character in the `low` or `high` byte (`text`). `[current]` takes the offer in steps of `step_ma`; without
`[enable]` 0 switches off. `[failsafe]` is what the controller falls to by itself when its master is silent. `[[meter]]` tables have
the quantities of a register map, and need not have all of them.
"""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from msgspec import Struct

from devices.kinds import (
    Flag,
    FreeTable,
    OneOf,
    Problem,
    Problems,
    Several,
    SubTable,
    TableArray,
    TableKey,
    Text,
    Whole,
    read_table,
)
from devices.modbus.register_map import MapError, RegisterMap, part_of_map

STATES = ("A", "B", "C", "D", "E", "F")
_ADDRESS = Whole(minimum=0, maximum=0xFFFF)
_READ = OneOf(words=("holding", "input"))
_STEP = Whole(minimum=1, maximum=1_000)


class Letters(Struct, frozen=True, kw_only=True):
    """A table from numbers to the states of IEC 61851-1."""

    def read(self, value: object) -> object:
        if not isinstance(value, Mapping) or not value:
            raise ValueError("must be a table of numbers and states")
        for number, letter in value.items():
            if not str(number).isdecimal() or int(number) > 0xFFFF:
                raise ValueError(f"{number} is no number of a register")
            if letter not in STATES:
                raise ValueError(f"{number} must be one of {', '.join(STATES)}")
        return MappingProxyType({int(number): letter for number, letter in value.items()})

    def describe(self) -> str:
        return "numbers to states"


class StateSpot(Struct, frozen=True, kw_only=True):
    """Where the pilot's state is read."""

    function: Annotated[str, TableKey(_READ, "which registers")]
    at: Annotated[int, TableKey(_ADDRESS, "address")]
    letters: Annotated[Mapping[int, str], TableKey(Letters(), "states by number")] = MappingProxyType({})
    text: Annotated[str, TableKey(OneOf(words=("low", "high")), "the byte that is the state's letter")] = ""

    def state(self, word: int) -> str | None:
        """The state that a register says; None for what is none."""
        if self.letters:
            return self.letters.get(word)
        letter = chr(word >> 8 if self.text == "high" else word & 0xFF)
        return letter if letter in STATES else None


class CurrentSpot(Struct, frozen=True, kw_only=True):
    """Where the offered current is written and read back: a holding register."""

    at: Annotated[int, TableKey(_ADDRESS, "address")]
    step_ma: Annotated[int, TableKey(_STEP, "what one step is")]
    many: Annotated[bool, TableKey(Flag(), "true: written by the function for several registers")] = False


class FineSpot(Struct, frozen=True, kw_only=True):
    """When the current counts in finer steps: from a firmware on, if a bit says so."""

    firmware_at: Annotated[int, TableKey(_ADDRESS, "holding register with the firmware's number")]
    firmware_min: Annotated[int, TableKey(Whole(minimum=0, maximum=0xFFFF), "the first that can")]
    flags_at: Annotated[int, TableKey(_ADDRESS, "holding register with the bit")]
    flag_bit: Annotated[int, TableKey(Whole(minimum=0, maximum=15), "the bit")]
    step_ma: Annotated[int, TableKey(_STEP, "what one step is then")]


class EnableSpot(Struct, frozen=True, kw_only=True):
    """Where charging is allowed (1) and refused (0)."""

    function: Annotated[str, TableKey(OneOf(words=("coil", "holding")), "a coil or a register")]
    at: Annotated[int, TableKey(_ADDRESS, "address")]
    many: Annotated[bool, TableKey(Flag(), "true: written by the function for several registers")] = False


class FailsafeSpot(Struct, frozen=True, kw_only=True):
    """Where the controller is commanded what to do when its master is silent: holding registers."""

    timeout_at: Annotated[int, TableKey(_ADDRESS, "after how long")]
    timeout_step_ms: Annotated[int, TableKey(Whole(minimum=1, maximum=60_000), "what one step is")]
    current_at: Annotated[int, TableKey(_ADDRESS, "the current that it falls to")]
    current_step_ma: Annotated[int, TableKey(_STEP, "what one step is")]
    many: Annotated[bool, TableKey(Flag(), "true: written by the function for several registers")] = False


class SetupWrite(Struct, frozen=True, kw_only=True):
    """A holding register that must have a value before anything else works."""

    at: Annotated[int, TableKey(_ADDRESS, "address")]
    value: Annotated[int, TableKey(Whole(minimum=0, maximum=0xFFFF), "what is written")]
    many: Annotated[bool, TableKey(Flag(), "true: written by the function for several registers")] = False


class ContactSpot(Struct, frozen=True, kw_only=True):
    """An input of the controller's that the grid operator's contact hangs on."""

    function: Annotated[str, TableKey(OneOf(words=("discrete", "coil", "holding", "input")), "what is read")]
    at: Annotated[int, TableKey(_ADDRESS, "address")]
    closed: Annotated[int, TableKey(Whole(minimum=0, maximum=0xFFFF), "what it reads while the contact is closed")] = 1


class TextSpot(Struct, frozen=True, kw_only=True):
    """A text, two characters to a register, ended by a zero."""

    function: Annotated[str, TableKey(_READ, "which registers")]
    at: Annotated[int, TableKey(_ADDRESS, "address of its first")]
    length: Annotated[int, TableKey(Whole(minimum=1, maximum=32), "how many registers")]


class CableSpot(Struct, frozen=True, kw_only=True):
    """Where the rating of the plugged cable is read."""

    function: Annotated[str, TableKey(_READ, "which registers")]
    at: Annotated[int, TableKey(_ADDRESS, "address")]
    step_ma: Annotated[int, TableKey(_STEP, "what one step is")]


class SerialFacts(Struct, frozen=True, kw_only=True):
    """How it speaks on a serial line as it is delivered."""

    baudrate: Annotated[int, TableKey(Whole(minimum=1_200, maximum=230_400), "bits a second")]
    parity: Annotated[str, TableKey(OneOf(words=("N", "E", "O")), "none, even, odd")]
    stop_bits: Annotated[int, TableKey(Whole(minimum=1, maximum=2), "stop bits")]

    def __str__(self) -> str:
        return f"{self.baudrate} 8{self.parity}{self.stop_bits}"


class _File(Struct, frozen=True, kw_only=True):
    """The file as it stands."""

    name: Annotated[str, TableKey(Text(shortest=1, longest=80), "what it is called")]
    source: Annotated[str, TableKey(Text(shortest=1, longest=400), "where its registers are from")]
    tried: Annotated[str, TableKey(Text(longest=400), "on which copper it was tried; empty: on none")] = ""
    kinds: Annotated[tuple[str, ...], TableKey(Several(kind=OneOf(words=("rtu", "tcp")), longest=2), "buses")] = (
        "rtu",
        "tcp",
    )
    unit: Annotated[int, TableKey(Whole(minimum=1, maximum=255), "its address as it is delivered")] = 1
    gap_ms: Annotated[int, TableKey(Whole(minimum=0, maximum=2_000), "between two exchanges with it")] = 0
    gap_max: Annotated[int, TableKey(Whole(minimum=0, maximum=16), "registers between two that may be read along")] = 0
    stride: Annotated[int, TableKey(_ADDRESS, "registers from one controller to the next; 0: there is one")] = 0
    serial: Annotated[SerialFacts | None, TableKey(SubTable(section=SerialFacts), "its line")] = None
    state: Annotated[StateSpot, TableKey(SubTable(section=StateSpot), "pilot")]
    current: Annotated[CurrentSpot, TableKey(SubTable(section=CurrentSpot), "offer")]
    fine: Annotated[FineSpot | None, TableKey(SubTable(section=FineSpot), "finer steps")] = None
    enable: Annotated[EnableSpot | None, TableKey(SubTable(section=EnableSpot), "switch")] = None
    failsafe: Annotated[FailsafeSpot | None, TableKey(SubTable(section=FailsafeSpot), "when it hears nothing")] = None
    setup: Annotated[tuple[SetupWrite, ...], TableKey(TableArray(section=SetupWrite, longest=16), "first")] = ()
    cable: Annotated[CableSpot | None, TableKey(SubTable(section=CableSpot), "cable")] = None
    contact: Annotated[ContactSpot | None, TableKey(SubTable(section=ContactSpot), "the grid operator's contact")] = (
        None
    )
    tag: Annotated[TextSpot | None, TableKey(SubTable(section=TextSpot), "card at its own reader")] = None
    vehicle_id: Annotated[TextSpot | None, TableKey(SubTable(section=TextSpot), "EVCCID of the vehicle")] = None
    meter: Annotated[tuple[Any, ...], TableKey(Several(kind=FreeTable(), longest=4), "meter")] = ()


class ControllerMap(_File, frozen=True, kw_only=True):
    """A type of controller. `meters` are its own meter's values, one map for each kind of registers."""

    meters: tuple[RegisterMap, ...] = ()

    @property
    def quantities(self) -> tuple[str, ...]:
        """What its own meter gives."""
        return tuple(name for part in self.meters for name in part.quantities)


def controller_names() -> tuple[str, ...]:
    """The maps that come with the program."""
    names = (item.name for item in files("devices.evse").joinpath("maps").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def load_controller(name: str) -> ControllerMap:
    """The map of that name, or in the file of that path if there is a "/" in it. Raises `MapError`."""
    if "/" not in name and name not in controller_names():
        raise MapError(
            f"{name!r} is no controller; there are {', '.join(controller_names())}, openevse, or the path of a map"
        )
    source = Path(name) if "/" in name else files("devices.evse").joinpath("maps", f"{name}.toml")
    try:
        return parse_controller(source.read_text(encoding="utf-8"))
    except MapError as error:
        raise MapError(f"{name}: {error}") from error
    except (OSError, ValueError) as error:  # no text, or no path
        raise MapError(f"{name!r} cannot be read: {error}") from error


def parse_controller(text: str) -> ControllerMap:
    """The map in a TOML text. Raises `MapError`, which names every table and key that is wrong."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise MapError(f"is not valid TOML: {error}") from error
    try:
        found = read_table(_File, document)
        return _whole(found)
    except Problems as error:
        raise MapError("; ".join(f"{'.'.join(problem.path)}: {problem.text}" for problem in error.found)) from error


def _whole(found: _File) -> ControllerMap:
    problems = []
    if bool(found.state.letters) == bool(found.state.text):
        problems.append(Problem(path=("state",), text="must have either letters or text"))
    meters = []
    for number, table in enumerate(found.meter, start=1):
        try:
            meters.append(part_of_map(table, ""))
        except MapError as error:
            problems.append(Problem(path=("meter", str(number)), text=str(error)))
    names = [name for part in meters for name in part.quantities]
    problems += [
        Problem(path=("meter",), text=f"has {name} twice") for name in sorted({n for n in names if names.count(n) > 1})
    ]
    if problems:
        raise Problems(problems)
    values = {name: getattr(found, name) for name in found.__struct_fields__}
    return ControllerMap(**values, meters=tuple(meters))
