"""The pin header of the board: gpiozero's names for pins, made one. No hardware is touched.

gpiozero knows a pin as GPIO18, 18, "BCM18", "BOARD12", "J8:12" or "WPI1". Here each becomes "GPIO18", so that the same pin under
two names is found out.
"""

import re
from functools import cache
from typing import Any

from msgspec import Struct

FORTY_PINS = 0xC03114
"""All boards with 40 pins have the same header; a compute module has further lines beyond it."""
_COMPUTE_MODULE_LINES = re.compile(r"GPIO(2[89]|3\d|4[0-5])")


class HeaderPin(Struct, frozen=True, kw_only=True):
    """One of the 40 pins: its number, its name ("GPIO18", "GND", "3V3"), and whether a hardware PWM channel reaches it."""

    number: int
    name: str
    has_pwm: bool


@cache
def _board_info() -> Any:
    from gpiozero import PiBoardInfo

    return PiBoardInfo.from_revision(FORTY_PINS)


@cache
def header_pins() -> tuple[HeaderPin, ...]:
    """The 40 pins in order of their numbers."""
    pins = _board_info().headers["J8"].pins
    return tuple(
        HeaderPin(number=number, name=pin.name, has_pwm="pwm" in pin.interfaces) for number, pin in sorted(pins.items())
    )


def canonical_pin(name: str | int) -> str:
    """ "GPIO18" for whatever gpiozero calls that pin. Raises ValueError if it is no GPIO of the header."""
    for _, info in _board_info().find_pin(name):
        if not info.name.startswith("GPIO"):
            raise ValueError(f"{name} is {info.name}, not a GPIO")
        return str(info.name)
    if isinstance(name, str) and _COMPUTE_MODULE_LINES.fullmatch(name):
        return name
    raise ValueError(f"{name!r} is no pin: write it as GPIO18, or any way gpiozero takes")


def header_number(pin: str) -> int | None:
    """The number on the header of a pin such as "GPIO18"; None if it is not there."""
    return next((header_pin.number for header_pin in header_pins() if header_pin.name == pin), None)
