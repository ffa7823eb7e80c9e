"""Pins and lines, as the wiring declares them."""

import pytest

from devices.gpio.values import Input, InputLine, Output, OutputLine, Pin
from devices.kinds import Kind, Several


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (Pin(), "BOARD12", "GPIO18"),
        (Output(), 5, OutputLine(pin="GPIO5", active="high")),
        (Output(), {"pin": "GPIO5", "active": "low"}, OutputLine(pin="GPIO5", active="low")),
        (Input(active="low"), "GPIO5", InputLine(pin="GPIO5", active="low", pull="up", hold_ms=20)),
        (
            Input(active="low"),
            {"pin": 5, "active": "high", "pull": "down", "hold_ms": 0},
            InputLine(pin="GPIO5", active="high", pull="down", hold_ms=0),
        ),
        (Several(kind=Pin(), longest=2), [4, "GPIO5"], ("GPIO4", "GPIO5")),
    ],
)
def test_what_fits_is_taken(kind: Kind, value: object, found: object) -> None:
    assert kind.read(value) == found
    assert kind.describe()


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Pin(), True, "must name a pin"),
        (Pin(), "GPIO77", "is no pin"),
        (Output(), {"active": "low"}, "names no pin"),
        (Output(), {"pin": 5, "pull": "up"}, "pull is none of"),
        (Output(), {"pin": 5, "active": "up"}, 'must be "high" or "low"'),
        (Input(active="low"), {"pin": 5, "hold_ms": -1}, "must be 0 to 10000, not -1"),
        (Input(active="low"), {"pin": "GPIO2", "pull": "none"}, "cannot be switched off"),
    ],
)
def test_what_does_not_fit_is_told(kind: Kind, value: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        kind.read(value)
