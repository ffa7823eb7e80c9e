"""What the settings say of temperatures, in integers and as sensors."""

from eventstore.catalogue.temperatures import TemperaturesDescribed
from station.daemon.temperatures import describe_temperatures, sensors_beside, tops_dc
from station.settings.loading import Settings, parse_settings

HEAD = '[station]\nidentity = "CB"\nconnectors = 2\n[csms]\nurl = "ws://127.0.0.1:9000"\n[temperature]\n'


def settings(lines: str) -> Settings:
    return parse_settings(HEAD + lines, "cb.toml")


def test_the_settings_are_described_in_integers() -> None:
    found = settings("derating = [[[60.5, 32], [80, 6.5]], []]\nsilent_current_a = 10\nhysteresis_c = 2.5")
    described = describe_temperatures(found, 2)
    curve = ((605, 32_000), (800, 6_500))
    assert described == TemperaturesDescribed(curves=(curve, ()), silent_current_ma=10_000, hysteresis_dc=25)
    assert tops_dc(described) == (800, None)


def test_nothing_said_is_what_the_state_begins_with() -> None:
    assert describe_temperatures(settings(""), 2) == TemperaturesDescribed()


def test_sensors_beside_the_board_are_made_only_where_there_are_some() -> None:
    assert sensors_beside(settings("")) is None
    assert sensors_beside(settings('sensors = [{ id = "28-0316a279f0ff" }]')) is not None
