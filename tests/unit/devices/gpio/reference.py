"""The reference wiring of docs/hardware.md, read from there."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devices.gpio.wiring import Wiring, parse_wiring

ROOT = Path(__file__).resolve().parents[4]
HARDWARE = ROOT / "docs" / "hardware.md"
KEYS = ROOT / "docs" / "wiring.md"
PICTURE = ROOT / "docs" / "wiring.svg"


def reference_text() -> str:
    """The settings of the example, as the document has them."""
    return (
        HARDWARE.read_text(encoding="utf-8")
        .partition("## A station of pins")[2]
        .partition("```toml\n")[2]
        .partition("```")[0]
    )


def reference_raw() -> Any:
    """Its `[board.wiring]`, to be changed at will."""
    return tomllib.loads(reference_text())["board"]["wiring"]


def parsed(raw: Mapping[str, object], *, fixed_cable: bool = False, connectors: int = 1) -> Wiring:
    return parse_wiring(raw, connectors=connectors, fixed_cable=fixed_cable)
