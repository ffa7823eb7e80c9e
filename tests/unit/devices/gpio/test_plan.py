"""The plan as a table."""

from devices.gpio.plan import HEADINGS, plan, table
from tests.unit.devices.gpio.reference import parsed, reference_raw


def test_every_pin_stands_once_in_the_order_of_the_header() -> None:
    rows = [row for row in plan(parsed(reference_raw())) if row.header.isdigit()]
    numbers = [int(row.header) for row in rows]
    assert numbers == sorted(set(numbers))
    by_pin = {row.pin: row for row in rows}
    assert by_pin["GPIO16"].cells == ("GPIO16", "36", "out", "connector 1 contactor coil", "active high")
    assert by_pin["GPIO20"].what == "connector 1 contactor phase enables L2 and L3"
    assert by_pin["GPIO17"].what == "station emergency stop"
    assert by_pin["GPIO18"].details == "pwmchip0 channel 0, active high"


def test_what_hangs_on_no_pin_follows() -> None:
    rows = [row for row in plan(parsed(reference_raw())) if not row.header.isdigit()]
    assert [(row.pin, row.header, row.what) for row in rows] == [
        ("ADC a", "CH0", "connector 1 pilot channel"),
        ("ADC a", "CH1", "connector 1 proximity channel"),
        ("ADC a", "CH2", "connector 1 pilot low channel"),
        ("bus meters", "", "connector 1 meter"),
        ("/dev/watchdog", "", "watchdog"),
    ]


def test_buses_and_readers_on_devices_are_there() -> None:
    raw = reference_raw()
    raw["bus"]["meters"] = {"kind": "tcp", "host": "10.0.0.7"}
    raw["readers"] = [{"kind": "serial", "device": "/dev/ttyUSB1"}]
    text = table(plan(parsed(raw)))
    assert "10.0.0.7:502, unit 1, eastron-sdm630" in text
    assert "/dev/ttyUSB1" in text


def test_the_table_is_aligned_under_its_headings() -> None:
    lines = table(plan(parsed(reference_raw()))).splitlines()
    assert lines[0].split() == list(HEADINGS)
    assert set(lines[1]) == {"-"}
    column = lines[0].index("direction")
    assert all(line[column - 1] == " " and line[column] != " " for line in lines[2:])
