"""What the kernel shows of a DS18B20."""

from pathlib import Path

import pytest

from devices.temperature.ds18b20 import NotMeasured, measure, present, read_scratchpad, without_power_up

ID = "28-0316a279f0ff"
GOOD = "5f 01 4b 46 7f ff 0c 10 2d : crc=2d YES\n5f 01 4b 46 7f ff 0c 10 2d t={}\n"


@pytest.mark.parametrize(("thousandths", "dc"), [(21_937, 219), (0, 0), (-10_125, -101), (125_000, 1_250)])
def test_the_temperature_is_read_in_tenths(thousandths: int, dc: int) -> None:
    assert read_scratchpad(GOOD.format(thousandths)) == dc


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.format(21_937).replace("YES", "NO"), "checksum"),
        ("00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n", "shorted"),
        ("", "no measurement"),
        ("nonsense\nt=1\n", "no measurement"),
        (GOOD.format("x"), "no measurement"),
    ],
)
def test_what_is_no_measurement_says_why(text: str, said: str) -> None:
    with pytest.raises(NotMeasured, match=said):
        read_scratchpad(text)


@pytest.mark.parametrize(("measured", "believed"), [(849, None), (851, 200), (850, 760), (850, 849)])
def test_eighty_five_degrees_are_believed_of_a_warm_sensor(measured: int, believed: int | None) -> None:
    assert without_power_up(measured, believed) == measured


@pytest.mark.parametrize("believed", [None, 215, 749])
def test_eighty_five_degrees_exactly_are_the_value_after_power_up(believed: int | None) -> None:
    with pytest.raises(NotMeasured, match="power-up"):
        without_power_up(850, believed)


def test_a_sensor_is_measured_and_a_missing_one_named(tmp_path: Path) -> None:
    for name in (ID, "w1_bus_master1", "10-0008"):
        (tmp_path / name).mkdir()
    (tmp_path / ID / "w1_slave").write_text(GOOD.format(21_937))
    assert present(tmp_path) == (ID,)
    assert measure(ID, tmp_path) == 219
    with pytest.raises(NotMeasured, match="not on the bus"):
        measure("28-000000000000", tmp_path)
    (tmp_path / ID / "w1_slave").write_bytes(b"\xff\xfe")
    with pytest.raises(NotMeasured, match="cannot be read"):
        measure(ID, tmp_path)
    assert present(tmp_path / "none") == ()
