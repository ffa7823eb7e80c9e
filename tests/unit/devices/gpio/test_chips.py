"""The header's chip, found among all that a Raspberry Pi shows."""

import errno
from pathlib import Path
from typing import Any, Self

import gpiod
import pytest

from devices.gpio.chips import HEADER_CHIPS, chip_paths, header_chip, this_header_chip


class Chips:
    """Chips by path: a label, or what opening it raises."""

    def __init__(self, **chips: str | OSError) -> None:
        self._chips = {f"/dev/{name}": chip for name, chip in chips.items()}

    @property
    def paths(self) -> list[str]:
        return list(self._chips)

    def open_chip(self, path: str) -> Any:
        chip = self._chips[path]
        if isinstance(chip, OSError):
            raise chip
        return Opened(chip)


class Opened:
    def __init__(self, label: str) -> None:
        self._label = label

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *how: object) -> None:
        pass

    def get_info(self) -> gpiod.ChipInfo:
        return gpiod.ChipInfo("gpiochip", self._label, 54)


DENIED = PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.parametrize(
    ("chips", "path", "boards"),
    [
        ({"gpiochip0": "pinctrl-bcm2835", "gpiochip1": "raspberrypi-exp-gpio"}, "/dev/gpiochip0", "Raspberry Pi Zero, 2 or 3"),
        ({"gpiochip0": "raspberrypi-exp-gpio", "gpiochip1": "pinctrl-bcm2711"}, "/dev/gpiochip1", "Raspberry Pi 4"),
        ({"gpiochip0": "pinctrl-rp1", "gpiochip10": "gpio-brcmstb@107d508500"}, "/dev/gpiochip0", "Raspberry Pi 5"),
        ({"gpiochip0": "gpio-brcmstb@107d508500", "gpiochip4": "pinctrl-rp1"}, "/dev/gpiochip4", "Raspberry Pi 5"),
        ({"gpiochip0": DENIED, "gpiochip4": "pinctrl-rp1"}, "/dev/gpiochip4", "Raspberry Pi 5"),
    ],
)  # fmt: skip
def test_each_board_is_known_whatever_the_chips_number(chips: Any, path: str, boards: str) -> None:
    found = header_chip(Chips(**chips).open_chip, Chips(**chips).paths)
    assert (found.path, found.kind.boards) == (path, boards)


def test_a_machine_without_such_a_chip_says_what_it_has() -> None:
    chips = Chips(gpiochip0="gpio-virtio", gpiochip1="INT34BB:00")
    with pytest.raises(
        FileNotFoundError, match="/dev/gpiochip0 is gpio-virtio; /dev/gpiochip1 is INT34BB:00"
    ) as caught:
        header_chip(chips.open_chip, chips.paths)
    assert all(label in str(caught.value) for label in HEADER_CHIPS)
    with pytest.raises(FileNotFoundError, match=r"there is no /dev/gpiochip\*"):
        header_chip(chips.open_chip, [])


def test_chips_that_may_not_be_opened_are_named_with_what_to_do() -> None:
    chips = Chips(gpiochip0=DENIED)
    with pytest.raises(PermissionError, match=r"\(/dev/gpiochip0: Permission denied\): add the user to the group gpio"):
        header_chip(chips.open_chip, chips.paths)


def test_a_second_name_of_a_chip_is_left_out(tmp_path: Path) -> None:
    """A Pi 5 has /dev/gpiochip4 as a link to /dev/gpiochip0."""
    for name in ("gpiochip0", "gpiochip10", "gpiochip11"):
        (tmp_path / name).touch()
    (tmp_path / "gpiochip4").symlink_to("gpiochip0")
    assert chip_paths(tmp_path) == tuple(str(tmp_path / name) for name in ("gpiochip0", "gpiochip10", "gpiochip11"))


def test_this_machine_is_asked_through_the_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    chips = Chips(gpiochip0="pinctrl-rp1")
    monkeypatch.setattr(gpiod, "Chip", chips.open_chip)
    monkeypatch.setattr("devices.gpio.chips.chip_paths", lambda: chips.paths)
    assert this_header_chip().label == "pinctrl-rp1"
