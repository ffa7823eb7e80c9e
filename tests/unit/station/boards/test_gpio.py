"""The wiring of the settings: read with the settings' errors, and shown."""

import pytest

from station.boards.gpio import findings, fittings, picture, plan, read_wiring
from station.settings.loading import Settings, SettingsError, parse_settings
from tests.unit.devices.gpio.reference import reference_text

HEAD = '[station]\nidentity = "CB-0001"\n[csms]\nurl = "ws://127.0.0.1:9000/ocpp"\n'


def settings(text: str) -> Settings:
    return parse_settings(HEAD + text, "chargebox.toml")


def test_the_example_of_the_documentation_is_read_and_shown() -> None:
    found = settings(reference_text())
    assert "connector 1 contactor coil" in plan(found)
    assert "warning" not in plan(found)
    assert picture(found).startswith("<svg")
    assert {finding.level for finding in findings(found)} <= {"ok", "error"}  # what this machine lacks


def test_each_mistake_has_its_line_table_and_key() -> None:
    text = reference_text().replace('coil = "GPIO16"', 'coil = "GPIO99"').replace("channel = 1", "channel = 11")
    with pytest.raises(SettingsError) as refused:
        read_wiring(settings(text))
    lines = (HEAD + text).splitlines()
    expected = {
        "[board.wiring.connector.1.contactor] coil: 'GPIO99' is no pin": 'coil = "GPIO99"',
        "[board.wiring.connector.1.proximity] channel: must be 0 to 7": "channel = 11",
    }
    for problem in refused.value.problems:
        place, _, told = problem.partition(": ")
        source, _, number = place.partition(":")
        assert source == "chargebox.toml"
        shown = next(line for start, line in expected.items() if told.startswith(start))
        assert shown in lines[int(number) - 1]
    assert len(refused.value.problems) == 2


def test_what_the_wiring_names_is_fitted_and_the_rest_is_not() -> None:
    found = fittings(settings(reference_text()))
    assert (found.readers, found.emergency_stop, found.mains_watch, found.lamps) == ("wiegand", "yes", "yes", "yes")
    assert (found.enclosure_contact, found.fault_contacts) == ("no", "GroundFailure, HighTemperature, OtherError")


def test_a_contact_that_the_settings_ask_for_must_be_wired() -> None:
    asked = '[limits.contact]\ndims_when = "open"\n' + reference_text()
    with pytest.raises(SettingsError, match=r"chargebox.toml:6: \[limits.contact\] dims_when: needs limit_contact"):
        read_wiring(settings(asked))
    wired = reference_text().replace("[board.wiring]\n", '[board.wiring]\nlimit_contact = "GPIO2"\n', 1)
    assert wired != reference_text()
    assert read_wiring(settings('[limits.contact]\ndims_when = "open"\n' + wired)).section.limit_contact is not None
