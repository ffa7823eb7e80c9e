"""What docs/controllers.md says of the wiring and of the controllers is what the code reads."""

import pytest
from msgspec import Struct
from msgspec.structs import fields

from devices.evse import sections
from devices.evse.controller_map import controller_names, load_controller
from devices.kinds import keys_of
from tests.unit.devices.gpio.reference import ROOT
from tests.unit.devices.gpio.test_sections import row

PAGE = (ROOT / "docs" / "controllers.md").read_text(encoding="utf-8")
TABLES: dict[str, type[Struct]] = {
    "[board.wiring]": sections.EvseSection,
    "[board.wiring.connector.N]": sections.ControllerSection,
    "[board.wiring.connector.N.meter]": sections.MeterPlaceSection,
}


@pytest.mark.parametrize("name", TABLES)
def test_the_document_has_every_key_with_its_kind_default_and_meaning(name: str) -> None:
    text = PAGE.partition(f"### `{name}`\n")[2].partition("\n###")[0].partition("\n## ")[0]
    declared, keys = fields(TABLES[name]), keys_of(TABLES[name])
    rows = [row(field.name, keys[field.name], field) for field in declared]
    assert [line for line in text.splitlines() if line.startswith("| `")] == rows


def test_the_document_has_every_controller_with_its_bus_and_whether_its_failsafe_is_armed() -> None:
    rows = {
        line.split("`")[1]: line for line in PAGE.partition("## The controllers")[2].splitlines() if line[:3] == "| `"
    }
    assert set(controller_names()) | {sections.OPEN_EVSE, "controller"} <= set(rows)
    for name in controller_names():
        found = load_controller(name)
        assert ("no register is known" in rows[name]) == (found.failsafe is None), name
        assert any(kind.upper() in rows[name] for kind in found.kinds), name
        assert ("give it one" in rows[name]) == ("energy_import_wh" not in found.quantities), name
