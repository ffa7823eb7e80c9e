"""OCPP configuration keys (section 9, OCPP-J 7): each declared once, with its type, access, range and default.

A feature declares the keys that are its own as constants of this type; reading is typed (`KEY.of(state)`), and every
answer to GetConfiguration and ChangeConfiguration follows from the declaration alone.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from eventstore.event import Event
from eventstore.value import Value
from projections.station import StationState
from station.wire.enums import ConfigurationStatus

T = TypeVar("T")

INTEGER_MAX = 2_147_483_647
VALUE_LENGTH_MAX = 500  # ChangeConfiguration.req: CiString500Type


class Access(StrEnum):
    """What the CSMS may do with a key."""

    READ_ONLY = "R"
    READ_WRITE = "RW"
    WRITE_ONLY = "W"


class KeyKind(Protocol[T]):
    """A type of value: how its text is read, checked, and written canonically."""

    @property
    def name(self) -> str:
        """How the documentation names the type."""
        ...

    def parse(self, text: str) -> T:
        """The value; raises ValueError that says what is wrong with the text."""
        ...

    def canonical(self, value: T) -> str:
        """The text that GetConfiguration reports."""
        ...


class Integer(Value, frozen=True, kw_only=True):
    """A whole number within a range."""

    minimum: int = 0
    maximum: int = INTEGER_MAX
    name: str = "integer"

    def parse(self, text: str) -> int:
        """Decimal digits, a sign allowed; raises ValueError."""
        digits = text.strip()
        unsigned = digits[1:] if digits.startswith(("+", "-")) else digits
        if not unsigned.isascii() or not unsigned.isdigit() or len(digits) > 12:
            raise ValueError(f"not a whole number: {text!r}")
        value = int(digits)
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} to {self.maximum}")
        return value

    def canonical(self, value: int) -> str:
        """Decimal digits."""
        return str(value)


class Boolean(Value, frozen=True, kw_only=True):
    """true or false, case-insensitive on the way in."""

    name: str = "boolean"

    def parse(self, text: str) -> bool:
        """Raises ValueError for anything but true and false."""
        word = text.strip().casefold()
        if word not in ("true", "false"):
            raise ValueError(f"neither true nor false: {text!r}")
        return word == "true"

    def canonical(self, value: bool) -> str:
        """true or false."""
        return "true" if value else "false"


class Csl(Value, frozen=True, kw_only=True):
    """A comma separated list; each item must pass `allowed`, the list holds at most `items_max` of them."""

    allowed: Callable[[str], bool]
    items_max: int
    name: str = "CSL"

    def parse(self, text: str) -> tuple[str, ...]:
        """The items without white space; raises ValueError naming the first item that is not supported."""
        items = tuple(item.strip() for item in text.split(",")) if text.strip() else ()
        for item in items:
            if not self.allowed(item):
                raise ValueError(f"not supported: {item!r}")
        if len(items) > self.items_max:
            raise ValueError(f"{len(items)} items, at most {self.items_max}")
        if len(set(items)) != len(items):
            raise ValueError("an item stands twice")
        return items

    def canonical(self, value: Sequence[str]) -> str:
        """Items joined by commas."""
        return ",".join(value)


class AnyText(Value, frozen=True, kw_only=True):
    """Any text within a length, as it came."""

    length_max: int = VALUE_LENGTH_MAX
    name: str = "string"

    def parse(self, text: str) -> str:
        """Raises ValueError if it is too long."""
        if len(text) > self.length_max:
            raise ValueError(f"{len(text)} characters, at most {self.length_max}")
        return text

    def canonical(self, value: str) -> str:
        """The text itself."""
        return value


KeyChange = tuple[ConfigurationStatus, tuple[Event, ...]]
"""The answer to a ChangeConfiguration, and what it brings about."""


class ConfigKey(Value, Generic[T], frozen=True, kw_only=True):
    """One key. `default` holds where neither the settings nor the CSMS said anything; it may follow from the state.

    `unit` is "s", "Wh", … for the documentation; `present` tells whether this station has the key at all;
    `required` is the standard's; `clause` is where it stands; `settable_in_factory` whether the settings may change it.
    `change` is what a new value comes to, where that is not just to keep it; it gets the time as well.
    """

    name: str
    kind: KeyKind[T]
    access: Access
    default: T | Callable[[StationState], T]
    doc: str
    clause: str
    required: bool = False
    unit: str = ""
    reboot_required: bool = False
    change: Callable[[StationState, T, int], KeyChange] | None = None
    access_of: Callable[[StationState], Access] | None = None
    present: Callable[[StationState], bool] | None = None
    settable_in_factory: bool = True

    def of(self, state: StationState) -> T:
        """The value in force; a stored text that no longer fits the kind falls back to the default."""
        text = state.configuration.text(self.name)
        if text is not None:
            try:
                return self.kind.parse(text)
            except ValueError:
                return self.default_of(state)
        return self.default_of(state)

    def default_of(self, state: StationState) -> T:
        """The value that holds where nothing was set."""
        return self.default(state) if callable(self.default) else self.default

    def text_of(self, state: StationState) -> str:
        """The value in force as GetConfiguration reports it."""
        return self.kind.canonical(self.of(state))

    def access_in(self, state: StationState) -> Access:
        """What the CSMS may do with it on this station (e.g. read-only with a fixed cable, errata 3.83)."""
        return self.access_of(state) if self.access_of else self.access

    def is_present(self, state: StationState) -> bool:
        """Whether this station has the key."""
        return self.present is None or self.present(state)
