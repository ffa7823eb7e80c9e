"""What the documents say of the wiring is what the code reads."""

import pytest
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from devices.gpio import sections
from devices.kinds import TableKey, keys_of
from devices.modbus.register_map import map_names
from tests.unit.devices.gpio.reference import HARDWARE, KEYS

TABLES: dict[str, type[Struct]] = {
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
    "[board.wiring.connector.N.temperature]": sections.TemperatureSection,
    "[board.wiring.connector.N.residual_monitor]": sections.ResidualMonitorSection,
}


def row(name: str, key: TableKey, declared: FieldInfo) -> str:
    """A key's line in docs/wiring.md."""
    return f"| `{name}` | {key.kind.describe()} | {default(declared)} | {key.doc or name} |"


def default(key: FieldInfo) -> str:
    if key.required:
        return "required"
    if key.default is NODEFAULT or not (key.default or isinstance(key.default, int)):
        return "none"
    if isinstance(key.default, bool):
        return f"`{str(key.default).lower()}`"
    return f'`"{key.default}"`' if isinstance(key.default, str) else f"`{key.default}`"


@pytest.mark.parametrize("name", TABLES)
def test_the_document_has_every_key_with_its_kind_default_and_meaning(name: str) -> None:
    text = KEYS.read_text(encoding="utf-8").partition(f"### `{name}`\n")[2].partition("\n###")[0].partition("\n## ")[0]
    declared, keys = fields(TABLES[name]), keys_of(TABLES[name])
    rows = [row(field.name, keys[field.name], field) for field in declared]
    assert [line for line in text.splitlines() if line.startswith("| `")] == rows


def test_the_document_has_every_register_map() -> None:
    text = KEYS.read_text(encoding="utf-8")
    assert [name for name in map_names() if f"| `{name}` |" not in text] == []


def test_the_hardware_document_says_first_what_the_software_is_not() -> None:
    first = HARDWARE.read_text(encoding="utf-8").splitlines()[2]
    assert first.startswith("**The software is not the protective device.**")
