"""The values of a TOML file: which kinds there are, what each takes, how it is described, and the tables made of them.

The settings file, the wiring of a board and the bodies of the HTTP service are declared with these. A kind's `read` returns
the value as it is kept. It raises ValueError with a text that continues "<key>: ...", or Problems where a table is inside it.

A table is a Struct whose fields are annotated with a `TableKey`; `read_table` makes one of a mapping and collects every problem
with its path, so that a file with five mistakes is refused once, not five times.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from msgspec import NODEFAULT, Struct, field

KeyPath = tuple[str, ...]
Declared = TypeVar("Declared", bound=Struct)


class Problem(Struct, frozen=True, kw_only=True):
    """What is wrong with a key. `path` are the tables above it and the key, from the outermost that is known."""

    path: KeyPath
    text: str

    def __str__(self) -> str:
        return f"[{'.'.join(self.path[:-1])}] {self.path[-1]}: {self.text}"

    def within(self, path: KeyPath) -> "Problem":
        """The same problem, seen from further out."""
        return Problem(path=(*path, *self.path), text=self.text)


class Problems(ValueError):  # noqa: N818  # it says what is the case
    """Everything that is wrong with a table, paths seen from it."""

    def __init__(self, found: Iterable[Problem]) -> None:
        self.found = tuple(found)
        super().__init__("; ".join(f"{'.'.join(problem.path)}: {problem.text}" for problem in self.found))


class Kind(Protocol):
    """One kind of value: reads what the file says, and describes itself for people."""

    def read(self, value: object) -> object:
        """The value as it is kept. Raises ValueError, or Problems."""
        ...

    def describe(self) -> str:
        """The kind in words, for the documentation."""
        ...


class TableKey(Struct, frozen=True):
    """What a field of a table is declared with, as `Annotated[int, TableKey(kind, meaning)]`; without a default it is required."""

    kind: Kind
    doc: str


def keys_of(section: type[Struct]) -> dict[str, TableKey]:
    """The keys of a table, by name, in the order of their declaration."""
    return {name: section.__annotations__[name].__metadata__[0] for name in section.__struct_fields__}


def required_keys(section: type[Struct]) -> frozenset[str]:
    """The keys of a table that have no default."""
    names, defaults = section.__struct_fields__, section.__struct_defaults__
    first = len(names) - len(defaults)
    bare = (name for name, default in zip(names[first:], defaults, strict=True) if default is NODEFAULT)
    return frozenset((*names[:first], *bare))


def read_table(section: type[Declared], content: object) -> Declared:
    """The table that a mapping is. Raises Problems with all that is wrong in it, tables inside included."""
    if not isinstance(content, Mapping):
        raise Problems([Problem(path=(), text=f"must be a table, not {shown(content)}")])
    known, required = keys_of(section), required_keys(section)
    problems = [
        Problem(path=(str(name),), text=f"is no key of this table{similar(str(name), known)}")
        for name in content
        if name not in known
    ]
    values: dict[str, object] = {}
    for name, key in known.items():
        if name in content:
            problems += _read(key.kind.read, content[name], name, values)
        elif name in required:
            problems.append(Problem(path=(name,), text="is required"))
    if problems:
        raise Problems(problems)
    return section(**values)


def _read(read: Callable[[object], object], value: object, name: str, values: dict[str, object]) -> Iterator[Problem]:
    """Adds the value of a key; what is wrong with it instead."""
    try:
        values[name] = read(value)
    except Problems as error:
        yield from (problem.within((name,)) for problem in error.found)
    except ValueError as error:
        yield Problem(path=(name,), text=str(error))


def similar(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant, as the end of a message; empty if there is none."""
    import difflib  # here: most files have no mistake

    matches = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def digits(value: float) -> str:
    """A number as text; one that Python writes out only in hexadecimal, because it has thousands of digits, like that."""
    return hex(value)[:40] + "…" if isinstance(value, int) and value.bit_length() > 4_096 else str(value)


def shown(value: object) -> str:
    """What the file says, short enough for one line of a message."""
    match value:
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            return f"the number {digits(value)}"
        case str():
            return f'the text "{value if len(value) <= 40 else value[:39] + "…"}"'.replace("\n", "\\n")
        case Mapping():
            return "a table"
        case list():
            return "an array"
        case _:
            return f"a {type(value).__name__}"


def _accept(_text: str) -> None:
    """No demand beyond the length."""


class Text(Struct, frozen=True, kw_only=True):
    """Text of bounded length, counted in characters, on one line unless `lines`; `check` raises ValueError for what it dislikes."""

    shortest: int = 0
    longest: int = 2000
    lines: bool = False
    check: Callable[[str], None] = _accept

    def read(self, value: object) -> object:
        if not isinstance(value, str):
            raise ValueError(f"must be text, not {shown(value)}")
        if not self.shortest <= len(value) <= self.longest:
            raise ValueError(f"must have {self.shortest} to {self.longest} characters, not {len(value)}")
        if not self.lines and any(not character.isprintable() for character in value):
            raise ValueError("must not hold control characters or line breaks")
        self.check(value)
        return value

    def describe(self) -> str:
        return "text"


class OneOf(Struct, frozen=True, kw_only=True):
    """One of a few words. `retired` are words that were taken once, with what to write instead."""

    words: tuple[str, ...]
    retired: Mapping[str, str] = field(default_factory=dict)

    def read(self, value: object) -> object:
        if isinstance(value, str) and value in self.retired:
            raise ValueError(self.retired[value])
        if value not in self.words:
            raise ValueError(f"must be {self.describe()}, not {shown(value)}")
        return value

    def describe(self) -> str:
        return " or ".join(f'"{word}"' for word in self.words)


class Whole(Struct, frozen=True, kw_only=True):
    """A whole number within bounds, or one of a few."""

    minimum: int
    maximum: int
    only: tuple[int, ...] = ()

    def read(self, value: object) -> object:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"must be a whole number, not {shown(value)}")
        fits = value in self.only if self.only else self.minimum <= value <= self.maximum
        if not fits:
            raise ValueError(f"must be {self._bounds()}, not {digits(value)}")
        return value

    def describe(self) -> str:
        return f"whole number, {self._bounds()}"

    def _bounds(self) -> str:
        return " or ".join(map(str, self.only)) if self.only else f"{self.minimum} to {self.maximum}"


class Number(Struct, frozen=True, kw_only=True):
    """A number within bounds, fractions allowed; `unit` in words."""

    minimum: float
    maximum: float
    unit: str = ""

    def read(self, value: object) -> object:
        of = f" of {self.unit}" if self.unit else ""
        if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
            raise ValueError(f"must be a number{of}, not {shown(value)}")
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"must be {f'{self._bounds()} {self.unit}'.strip()}, not {digits(value)}")
        return value

    def describe(self) -> str:
        return f"{self.unit or 'number'}, {self._bounds()}"

    def _bounds(self) -> str:
        return f"{self.minimum:.10g} to {self.maximum:.10g}"


class Flag(Struct, frozen=True, kw_only=True):
    """true or false, and nothing that merely looks like it."""

    def read(self, value: object) -> object:
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false, not {shown(value)}")
        return value

    def describe(self) -> str:
        return "boolean"


class Several(Struct, frozen=True, kw_only=True):
    """An array of values of one kind, at most so many."""

    kind: Kind
    longest: int

    def read(self, value: object) -> object:
        if not isinstance(value, list):
            raise ValueError(f"must be an array, not {shown(value)}")
        if len(value) > self.longest:
            raise ValueError(f"must have at most {self.longest} entries, not {len(value)}")
        return tuple(self._entry(number, entry) for number, entry in enumerate(value, start=1))

    def _entry(self, number: int, entry: object) -> object:
        try:
            return self.kind.read(entry)
        except ValueError as error:
            raise ValueError(f"entry {number} {error}") from error

    def describe(self) -> str:
        return f"array of {self.kind.describe()}"


class SubTable(Struct, frozen=True, kw_only=True):
    """A table of its own."""

    section: type[Any]

    def read(self, value: object) -> object:
        return read_table(self.section, value)

    def describe(self) -> str:
        return "table"


class NamedTables(Struct, frozen=True, kw_only=True):
    """Tables by name: `[….adc.a]`."""

    section: type[Any]

    def read(self, value: object) -> object:
        if not isinstance(value, Mapping):
            raise ValueError(f"must hold tables, not {shown(value)}")
        return _all_of(self.section, {str(name): item for name, item in value.items()})

    def describe(self) -> str:
        return "tables by name"


class TableArray(Struct, frozen=True, kw_only=True):
    """An array of tables: `[[….readers]]`, at most so many. Problems name one by its number."""

    section: type[Any]
    longest: int

    def read(self, value: object) -> object:
        if not isinstance(value, list):
            raise ValueError(f"must be an array of tables, not {shown(value)}")
        if len(value) > self.longest:
            raise ValueError(f"must have at most {self.longest} tables, not {len(value)}")
        return tuple(_all_of(self.section, {str(n): item for n, item in enumerate(value, start=1)}).values())

    def describe(self) -> str:
        return "array of tables"


def _all_of(section: type[Any], contents: Mapping[str, object]) -> dict[str, object]:
    """The tables by name. Raises Problems with what is wrong in all of them."""
    tables: dict[str, object] = {}
    problems = [
        problem
        for name, content in contents.items()
        for problem in _read(lambda value: read_table(section, value), content, name, tables)
    ]
    if problems:
        raise Problems(problems)
    return tables


class FreeTable(Struct, frozen=True, kw_only=True):
    """A table whose content its user judges."""

    def read(self, value: object) -> object:
        if not isinstance(value, dict):
            raise ValueError(f"must be a table, not {shown(value)}")
        return value

    def describe(self) -> str:
        return "table"
