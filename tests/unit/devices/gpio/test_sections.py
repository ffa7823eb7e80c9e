"""What the documents say of the wiring is what the code reads."""

from dataclasses import MISSING, Field, fields
from typing import Any

import pytest

from devices.gpio import sections
from devices.modbus.register_map import map_names
from tests.unit.devices.gpio.reference import HARDWARE, KEYS

TABLES = {
    "[board.wiring]": sections.WiringSection,
    "[board.wiring.adc.NAME]": sections.AdcSection,
    "[board.wiring.bus.NAME]": sections.BusSection,
    "[board.wiring.watchdog]": sections.WatchdogSection,
    "[[board.wiring.faults]]": sections.FaultSection,
    "[[board.wiring.readers]]": sections.ReaderSection,
    "[board.wiring.connector.N]": sections.ConnectorSection,
    "[board.wiring.connector.N.pilot]": sections.PilotSection,
    "[board.wiring.connector.N.proximity]": sections.ProximitySection,
    "[board.wiring.connector.N.contactor]": sections.ContactorSection,
    "[board.wiring.connector.N.lock]": sections.LockSection,
    "[board.wiring.connector.N.indicator]": sections.IndicatorSection,
    "[board.wiring.connector.N.meter]": sections.MeterSection,
}


def row(key: Field[Any]) -> str:
    """A key's line in docs/wiring.md."""
    meaning = key.metadata["doc"] or key.name
    return f"| `{key.name}` | {key.metadata['kind'].describe()} | {default(key)} | {meaning} |"


def default(key: Field[Any]) -> str:
    if key.default is MISSING and key.default_factory is MISSING:
        return "required"
    if key.default is MISSING or key.default in (None, (), ""):
        return "none"
    if isinstance(key.default, bool):
        return f"`{str(key.default).lower()}`"
    return f'`"{key.default}"`' if isinstance(key.default, str) else f"`{key.default}`"


@pytest.mark.parametrize("name", TABLES)
def test_the_document_has_every_key_with_its_kind_default_and_meaning(name: str) -> None:
    text = KEYS.read_text(encoding="utf-8").partition(f"### `{name}`\n")[2].partition("\n###")[0].partition("\n## ")[0]
    assert [line for line in text.splitlines() if line.startswith("| `")] == [row(key) for key in fields(TABLES[name])]


def test_the_document_has_every_register_map() -> None:
    text = KEYS.read_text(encoding="utf-8")
    assert [name for name in map_names() if f"| `{name}` |" not in text] == []


def test_the_hardware_document_says_first_what_the_software_is_not() -> None:
    first = HARDWARE.read_text(encoding="utf-8").splitlines()[2]
    assert first.startswith("**The software is not the protective device.**")
