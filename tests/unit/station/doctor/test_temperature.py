"""The doctor on temperature sensors."""

from pathlib import Path

from station.doctor.temperature import temperature_findings
from station.settings.loading import parse_settings

ID, OTHER = "28-0316a279f0ff", "28-00000a0a0a0a"
HEAD = '[station]\nidentity = "CB"\n[csms]\nurl = "ws://127.0.0.1:9000"\n[temperature]\n'


def said(root: Path, lines: str) -> list[str]:
    return [str(finding) for finding in temperature_findings(parse_settings(HEAD + lines, "cb.toml"), root)]


def put(root: Path, sensor_id: str, thousandths: int) -> None:
    (root / sensor_id).mkdir(exist_ok=True)
    lines = f"5f 01 4b 46 7f ff 0c 10 2d : crc=2d YES\n5f 01 4b 46 7f ff 0c 10 2d t={thousandths}\n"
    (root / sensor_id / "w1_slave").write_text(lines)


def test_without_sensors_nothing_is_said_unless_there_is_a_curve(tmp_path: Path) -> None:
    assert said(tmp_path, "") == []
    assert "no sensor is named" in said(tmp_path, "derating = [[60, 6]]")[0]


def test_a_sensor_is_read_and_judged(tmp_path: Path) -> None:
    line = f'sensors = [{{ id = "{ID}" }}]'
    assert "is not on the bus" in said(tmp_path, line)[0]
    assert "w1-gpio" in said(tmp_path, line)[0]
    put(tmp_path, ID, 21_900)
    assert said(tmp_path, line) == [f"ok       temperature: sensor {ID} says 21.9 degrees Celsius"]
    put(tmp_path, ID, 85_000)
    assert said(tmp_path, line)[0].startswith("fault    temperature: sensor")
    put(tmp_path, ID, 110_000)
    assert said(tmp_path, line)[0].startswith("warning  temperature: sensor")
    put(tmp_path, OTHER, 20_000)
    assert f"sensor {OTHER} is on the bus and not in the settings" in said(tmp_path, line)[1]
