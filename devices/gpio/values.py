"""The values that only the tables of `[board.wiring]` have: pins, and lines with their polarity."""

from collections.abc import Mapping
from dataclasses import dataclass

from devices.gpio.header import canonical_pin
from devices.kinds import OneOf, Whole, shown

FIXED_PULL_UPS = ("GPIO2", "GPIO3")
"""The I2C lines have 1.8 kOhm to 3.3 V on every board."""


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

    def read(self, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError(f"must name a pin, not {shown(value)}")
        return canonical_pin(value)

    def describe(self) -> str:
        return "pin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """`"GPIO5"`, or `{ pin = "GPIO5", active = "low" }`."""

    active: str = "high"

    def read(self, value: object) -> object:
        given = _line_keys(value, ("pin", "active"))
        active = OneOf(words=("high", "low")).read(given.get("active", self.active))
        return OutputLine(pin=str(Pin().read(given["pin"])), active=str(active))

    def describe(self) -> str:
        return f"output (active {self.active})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """`"GPIO5"`, or `{ pin = "GPIO5", active = "low", pull = "up", hold_ms = 20 }`; here are the values left out."""

    active: str
    pull: str = "up"
    hold_ms: int = 20

    def read(self, value: object) -> object:
        given = _line_keys(value, ("pin", "active", "pull", "hold_ms"))
        pin = str(Pin().read(given["pin"]))
        pull = str(OneOf(words=("up", "down", "none")).read(given.get("pull", self.pull)))
        if pin in FIXED_PULL_UPS and pull != "up":
            raise ValueError(f"{pin} has a pull-up on the board that cannot be switched off")
        hold_ms = Whole(minimum=0, maximum=10_000).read(given.get("hold_ms", self.hold_ms))
        assert isinstance(hold_ms, int)
        active = str(OneOf(words=("high", "low")).read(given.get("active", self.active)))
        return InputLine(pin=pin, active=active, pull=pull, hold_ms=hold_ms)

    def describe(self) -> str:
        return f"input (active {self.active}, pull {self.pull}, {self.hold_ms} ms)"


def _line_keys(value: object, known: tuple[str, ...]) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        return {"pin": value}
    unknown = [str(name) for name in value if name not in known]
    if unknown:
        raise ValueError(f"{unknown[0]} is none of {', '.join(known)}")
    if "pin" not in value:
        raise ValueError("names no pin")
    return value
