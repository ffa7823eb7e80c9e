"""How the tables of `[board.wiring]` are declared and read: each key once, with its kind, meaning and default.

A table is a frozen dataclass whose fields were made by `key`; `read_table` makes one of a mapping and collects every problem with
its path, so that a file with five mistakes is refused once, not five times.
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from typing import Any, Protocol, TypeVar

from devices.gpio.header import canonical_pin

Path = tuple[str, ...]
Section = TypeVar("Section")

FIXED_PULL_UPS = ("GPIO2", "GPIO3")
"""The I2C lines have 1.8 kOhm to 3.3 V on every board."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a key. `path` are the tables above it and the key, from `board` on."""

    path: Path
    text: str

    def __str__(self) -> str:
        return f"[{'.'.join(self.path[:-1])}] {self.path[-1]}: {self.text}"


class Kind(Protocol):
    """What a key can hold."""

    def read(self, value: object, path: Path, problems: list[Problem]) -> object:
        """The value. Raises ValueError for what is wrong with it; problems inside a table are added to the list."""
        ...

    def describe(self) -> str:
        """The kind in words, for the documentation."""
        ...


def key(kind: Kind, doc: str, default: object = MISSING) -> Any:
    """A field of a table; without a default it is required."""
    return field(default=default, metadata={"kind": kind, "doc": doc})


def read_table(section: type[Section], content: object, path: Path, problems: list[Problem]) -> Section | None:
    """The table at `path`, or None if something in it is wrong, which then is in `problems`."""
    if not isinstance(content, Mapping):
        problems.append(Problem(path=path, text=f"must be a table, not {_shown(content)}"))
        return None
    found = len(problems)
    known = {item.name: item for item in fields(section)}  # type: ignore[arg-type]  # sections are dataclasses
    problems += [
        Problem(path=(*path, str(name)), text=f"is no key of this table{_similar(name, known)}")
        for name in content
        if name not in known
    ]
    values: dict[str, object] = {}
    for name, item in known.items():
        if name not in content:
            if item.default is MISSING and item.default_factory is MISSING:
                problems.append(Problem(path=(*path, name), text="is required"))
            continue
        try:
            values[name] = item.metadata["kind"].read(content[name], (*path, name), problems)
        except ValueError as error:
            problems.append(Problem(path=(*path, name), text=str(error)))
    return section(**values) if len(problems) == found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number between two bounds."""

    minimum: int
    maximum: int

    def read(self, value: object, path: Path, problems: list[Problem]) -> object:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"must be a whole number, not {_shown(value)}")
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"must be between {self.minimum} and {self.maximum}, not {_shown(value)}")
        return value

    def describe(self) -> str:
        return f"{self.minimum} to {self.maximum}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """true or false."""

    def read(self, value: object, path: Path, problems: list[Problem]) -> object:
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false, not {_shown(value)}")
        return value

    def describe(self) -> str:
        return "true or false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One of some words. `retired` are words that were taken once, with what to write instead."""

    words: tuple[str, ...]
    retired: Mapping[str, str] = field(default_factory=dict)

    def read(self, value: object, path: Path, problems: list[Problem]) -> object:
        if isinstance(value, str) and value in self.retired:
            raise ValueError(self.retired[value])
        if value not in self.words:
            raise ValueError(f"must be one of {', '.join(self.words)}, not {_shown(value)}")
        return value

    def describe(self) -> str:
        return " or ".join(f'"{word}"' for word in self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Text of some length."""

    shortest: int = 1
    longest: int = 255

    def read(self, value: object, path: Path, problems: list[Problem]) -> object:
        if not isinstance(value, str):
            raise ValueError(f"must be text, not {_shown(value)}")
        if not self.shortest <= len(value) <= self.longest:
            raise ValueError(f"must have {self.shortest} to {self.longest} characters, not {len(value)}")
        return value

    def describe(self) -> str:
        return "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLine:
    """An output: the pin, and the level at which what hangs on it is active."""

    pin: str
    active: str = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLine:
    """An input: the pin, the level at which it says what its key is called, the pull resistor, how long a level is held."""

    pin: str
    active: str = "high"
    pull: str = "up"
    hold_ms: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A pin without a polarity, by any name of gpiozero's."""

    def read(self, value: object, path: Path, problems: list[Problem]) -> object:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError(f"must name a pin, not {_shown(value)}")
        return canonical_pin(value)

    def describe(self) -> str:
        return "pin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """`"GPIO5"`, or `{ pin = "GPIO5", active = "low" }`."""

    active: str = "high"

    def read(self, value: object, path: Path, problems: list[Problem]) -> object:
        given = _line_keys(value, ("pin", "active"))
        active = Word(words=("high", "low")).read(given.get("active", self.active), path, problems)
        return OutputLine(pin=str(Pin().read(given["pin"], path, problems)), active=str(active))

    def describe(self) -> str:
        return f"output (active {self.active})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """`"GPIO5"`, or `{ pin = "GPIO5", active = "low", pull = "up", hold_ms = 20 }`; here are the values left out."""

    active: str
    pull: str = "up"
    hold_ms: int = 20

    def read(self, value: object, path: Path, problems: list[Problem]) -> object:
        given = _line_keys(value, ("pin", "active", "pull", "hold_ms"))
        pin = str(Pin().read(given["pin"], path, problems))
        pull = str(Word(words=("up", "down", "none")).read(given.get("pull", self.pull), path, problems))
        if pin in FIXED_PULL_UPS and pull != "up":
            raise ValueError(f"{pin} has a pull-up on the board that cannot be switched off")
        hold_ms = Whole(minimum=0, maximum=10_000).read(given.get("hold_ms", self.hold_ms), path, problems)
        assert isinstance(hold_ms, int)
        active = str(Word(words=("high", "low")).read(given.get("active", self.active), path, problems))
        return InputLine(pin=pin, active=active, pull=pull, hold_ms=hold_ms)

    def describe(self) -> str:
        return f"input (active {self.active}, pull {self.pull}, {self.hold_ms} ms)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """A list of values of one kind."""

    kind: Kind
    longest: int

    def read(self, value: object, path: Path, problems: list[Problem]) -> object:
        if not isinstance(value, list):
            raise ValueError(f"must be a list, not {_shown(value)}")
        if len(value) > self.longest:
            raise ValueError(f"must have at most {self.longest} entries, not {len(value)}")
        return tuple(self.kind.read(item, path, problems) for item in value)

    def describe(self) -> str:
        return f"list of {self.kind.describe()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of its own."""

    section: type[Any]

    def read(self, value: object, path: Path, problems: list[Problem]) -> object:
        return read_table(self.section, value, path, problems)

    def describe(self) -> str:
        return "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Tables by name: `[….adc.a]`."""

    section: type[Any]

    def read(self, value: object, path: Path, problems: list[Problem]) -> object:
        if not isinstance(value, Mapping):
            raise ValueError(f"must hold tables, not {_shown(value)}")
        tables = {
            str(name): read_table(self.section, item, (*path, str(name)), problems) for name, item in value.items()
        }
        return {name: table for name, table in tables.items() if table is not None}

    def describe(self) -> str:
        return "tables by name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list of tables: `[[….readers]]`."""

    section: type[Any]
    longest: int

    def read(self, value: object, path: Path, problems: list[Problem]) -> object:
        if not isinstance(value, list):
            raise ValueError(f"must be a list of tables, not {_shown(value)}")
        if len(value) > self.longest:
            raise ValueError(f"must have at most {self.longest} tables, not {len(value)}")
        tables = [read_table(self.section, item, (*path, str(n)), problems) for n, item in enumerate(value, start=1)]
        return tuple(table for table in tables if table is not None)

    def describe(self) -> str:
        return "list of tables"


def _line_keys(value: object, known: tuple[str, ...]) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        return {"pin": value}
    unknown = [str(name) for name in value if name not in known]
    if unknown:
        raise ValueError(f"{unknown[0]} is none of {', '.join(known)}")
    if "pin" not in value:
        raise ValueError("names no pin")
    return value


def _similar(name: object, known: Mapping[str, object]) -> str:
    matches = get_close_matches(str(name), list(known), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits
        return "something without end"
    return text if len(text) <= 40 else f"{text[:37]}..."
