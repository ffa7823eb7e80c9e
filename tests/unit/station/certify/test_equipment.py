"""The hardware feature set: what the settings say of the copper, and blanks for what they do not."""

from pathlib import Path

import pytest

from station.certify.equipment import hardware, planned
from station.settings.loading import Settings, SettingsError, parse_settings
from tests.unit.station.certify.stations import BENCH, CABLE, PINS, SOCKETS, settings


def features(found: Settings) -> dict[str, str]:
    return {each.name: each.says for each in hardware(found, planned(found))}


def test_a_bench_is_simulated_and_says_so(tmp_path: Path) -> None:
    found = features(settings(BENCH, tmp_path))
    assert found["Connectors"] == "1"
    assert found["Fixed cable or socket"] == "socket"
    assert found["Lock of the plug in the socket"] == "yes"
    assert found["Reader of identifications"] == "simulated"
    assert found["Energy meter measures"].startswith("energy, power, current")


def test_a_bench_is_described_without_touching_its_world(tmp_path: Path) -> None:
    world = tmp_path / "bench.json"
    world.write_text("damaged")
    features(settings(BENCH, tmp_path))
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("bench.json", "damaged")]


def test_real_pins_are_described_by_their_wiring_without_opening_one(tmp_path: Path) -> None:
    found = features(settings(PINS, tmp_path))
    assert found["Reader of identifications"] == "wiegand"
    assert (found["Emergency stop"], found["Contact of the enclosure"], found["Watch of the mains"]) == (
        "yes",
        "no",
        "yes",
    )
    assert found["Fault contacts"] == "GroundFailure, HighTemperature, OtherError"
    assert found["Lamp on the connector"] == "yes"
    assert found["Energy meter measures"] == "energy, power, current, voltage, frequency"


def test_a_fixed_cable_has_no_lock_that_could_open(tmp_path: Path) -> None:
    found = features(settings(CABLE, tmp_path))
    assert found["Fixed cable or socket"] == "fixed cable"
    assert (found["Lock of the plug in the socket"], found["Lock opens when mains is lost"]) == ("no", "no lock")
    assert (found["Supply of a connector"], found["Supply of the station"]) == (
        "1 x 230 V, up to 16 A",
        "all connectors at once",
    )


def test_shared_supply_and_power_of_its_own_are_said(tmp_path: Path) -> None:
    station, board = SOCKETS[0], "[board]\nsupply_current_a = 40\nbackup_power_s = 2.5\n"
    found = features(settings((station, board), tmp_path))
    assert (found["Connectors"], found["Supply of the station"]) == ("2", "40 A per phase, shared")
    assert found["Power of its own once mains is gone"] == "2.5 s"


def test_what_only_the_maker_knows_is_blank(tmp_path: Path) -> None:
    found = features(settings(BENCH, tmp_path))
    assert (
        found["Display"] == found["Network (Ethernet, Wi-Fi, cellular)"] == found["Lock opens when mains is lost"] == ""
    )


def test_a_wiring_that_cannot_be_is_an_error_of_the_settings() -> None:
    broken = parse_settings('[station]\nidentity="C"\n[csms]\nurl="ws://h/o"\n[board]\nkind="gpio"\n', "cb.toml")
    with pytest.raises(SettingsError, match=r"cb\.toml.*connector"):
        planned(broken)
