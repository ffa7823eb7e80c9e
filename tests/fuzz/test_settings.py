"""Settings, wiring and register maps: read, or every mistake told; nothing else."""

import tomllib
from pathlib import Path

from devices.gpio.wiring import WiringError, parse_wiring
from devices.modbus.register_map import MapError, parse_map
from station.settings.loading import SettingsError, load_settings
from tests.fuzz.engine import TOML, Target, both, fuzz

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / "deploy" / "chargebox.toml").read_bytes()
MAPS = tuple(path.read_bytes() for path in sorted((ROOT / "devices" / "modbus" / "maps").glob("*.toml")))
WIRINGS = tuple(
    block.partition("```")[0].encode()
    for block in (ROOT / "docs" / "hardware.md").read_text().split("```toml\n")[1:]
    if "board.wiring" in block.partition("```")[0]
)


@both
def test_settings_are_read_or_every_mistake_is_told(tmp_path: Path, long: bool) -> None:
    def check(content: bytes) -> None:
        (tmp_path / "chargebox.toml").write_bytes(content)
        try:
            load_settings(tmp_path / "chargebox.toml")
        except SettingsError as error:
            assert str(error)

    fuzz(Target(name="settings", corpus=(EXAMPLE, *WIRINGS), check=check, tokens=TOML), tmp_path, long=long)


def wired(content: bytes) -> None:
    try:
        document = tomllib.loads(content.decode(errors="replace"))
    except (ValueError, RecursionError):
        return  # told by the settings, above
    board = document.get("board", document)
    raw = board.get("wiring", {}) if isinstance(board, dict) else {}
    try:
        parse_wiring(raw if isinstance(raw, dict) else {}, connectors=1, fixed_cable=False)
    except WiringError as error:
        assert str(error)


@both
def test_a_wiring_is_one_or_every_mistake_is_told(tmp_path: Path, long: bool) -> None:
    fuzz(Target(name="wiring", corpus=WIRINGS, check=wired, tokens=TOML, cases=600), tmp_path, long=long)


def mapped(content: bytes) -> None:
    """What a map must be is tried with trees in its own test; here the files that come with the station are changed."""
    try:
        found = parse_map(content.decode(errors="replace"))
    except MapError as error:
        assert str(error)
        return
    for block in found.blocks:
        found.decode(block, [0x7F7F] * block.length)


@both
def test_a_map_is_one_or_is_told_what_is_wrong(tmp_path: Path, long: bool) -> None:
    fuzz(Target(name="map", corpus=MAPS, check=mapped, tokens=TOML, cases=600), tmp_path, long=long)
