"""The GPIO chip that drives the header of a Raspberry Pi: found by its label, because its number differs between kernels.

On a Pi 5 the header was /dev/gpiochip4 with the first kernels and is /dev/gpiochip0 since; on a Pi 3 or 4 it is /dev/gpiochip0 unless
an expander was found first. The label is the kernel driver's and stays. On each of these chips the line of GPIOn has the offset n; line
names are no guide, since some kernels name GPIO9 "SPI_MISO".
"""

import errno
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

DEVICES = Path("/dev")


class HeaderChip(Struct, frozen=True, kw_only=True):
    """A kind of chip. `pwm_channels`: which channel of the kernel's PWM reaches which pin of the header."""

    boards: str
    pwm_channels: Mapping[str, int]


_BCM_PWM = {"GPIO12": 0, "GPIO13": 1, "GPIO18": 0, "GPIO19": 1}
HEADER_CHIPS: Mapping[str, HeaderChip] = {
    "pinctrl-bcm2835": HeaderChip(boards="Raspberry Pi Zero, 2 or 3", pwm_channels=_BCM_PWM),
    "pinctrl-bcm2711": HeaderChip(boards="Raspberry Pi 4", pwm_channels=_BCM_PWM),
    "pinctrl-rp1": HeaderChip(
        boards="Raspberry Pi 5",
        pwm_channels={"GPIO12": 0, "GPIO13": 1, "GPIO14": 2, "GPIO15": 3, "GPIO18": 2, "GPIO19": 3},
    ),
}
"""By label, which is the name of the kernel's driver."""


class FoundChip(Struct, frozen=True, kw_only=True):
    """The header's chip on this machine."""

    path: str
    label: str

    @property
    def kind(self) -> HeaderChip:
        """What is known of its kind."""
        return HEADER_CHIPS[self.label]


def chip_paths(devices: Path = DEVICES) -> tuple[str, ...]:
    """The chips' device files; a second name for the same chip is left out."""
    numbered = {path.resolve(): path for path in sorted(devices.glob("gpiochip*"), reverse=True)}
    return tuple(sorted(str(path) for path in numbered))


def header_chip(open_chip: Callable[[str], Any], paths: Sequence[str]) -> FoundChip:
    """The chip of the header among these. `open_chip` is `gpiod.Chip`. Raises OSError that says what is there instead."""
    others: list[str] = []
    refused: list[str] = []
    for path in paths:
        try:
            with open_chip(path) as chip:
                label = str(chip.get_info().label)
        except OSError as error:
            refused.append(f"{path}: {error.strerror or error}")
            continue
        if label in HEADER_CHIPS:
            return FoundChip(path=path, label=label)
        others.append(f"{path} is {label}")
    if refused:
        raise PermissionError(
            errno.EACCES, f"no GPIO chip may be opened ({'; '.join(refused)}): add the user to the group gpio"
        )
    there = "; ".join(others) or "there is no /dev/gpiochip*"
    known = ", ".join(f"{label} ({chip.boards})" for label, chip in HEADER_CHIPS.items())
    raise FileNotFoundError(errno.ENODEV, f"no GPIO chip of a Raspberry Pi's header ({there}); known are {known}")


def this_header_chip() -> FoundChip:
    """The header's chip of this machine. Raises OSError."""
    import gpiod

    return header_chip(gpiod.Chip, chip_paths())
