"""The wiring of a board of controllers: whole, or all that is wrong with it."""

import tomllib

import pytest

from devices.evse.wiring import EvseWiring, parse_wiring
from devices.gpio.wiring import WiringError

BUS = '[bus.a]\nkind = "rtu"\ndevice = "/dev/ttyUSB0"\n'
ONE = """[connector.1]
controller = "evse-din"
bus = "a"
[connector.1.meter]
bus = "a"
unit = 2
map = "eastron-sdm72d-m-2"
"""
TCP = '[bus.t]\nkind = "tcp"\nhost = "192.168.0.8"\n'


def parsed(text: str, connectors: int = 1) -> EvseWiring:
    return parse_wiring(tomllib.loads(text), connectors=connectors, fixed_cable=True)


def test_a_controller_and_a_meter_share_a_bus() -> None:
    wiring = parsed(BUS + ONE)
    assert (wiring.unit(1), wiring.pins) == (1, ())
    assert wiring.controllers[0] is not None
    assert wiring.controllers[0].gap_ms == 100


def test_several_charx_share_a_unit_by_their_numbers() -> None:
    each = '[connector.{n}]\ncontroller = "phoenix-charx"\nbus = "t"\nnumber = {n}\n'
    assert parsed(TCP + each.format(n=1) + each.format(n=2), connectors=2).unit(2) == 1


SECOND = ONE.replace("connector.1", "connector.2")


@pytest.mark.parametrize(
    ("text", "connectors", "key", "message"),
    [
        (BUS + ONE.replace("evse-din", "evse-dim"), 1, "connector.1.controller", "'evse-dim' is no controller"),
        (BUS + ONE.replace('bus = "a"\n[', "[", 1), 1, "connector.1.bus", "is required (a)"),
        (BUS + ONE.replace('"a"', '"b"', 1), 1, "connector.1.bus", "'b' is no bus of [board.wiring.bus] (a)"),
        (
            BUS + ONE.replace("unit = 2", "unit = 1"),
            1,
            "connector.1.meter.unit",
            "unit 1 of bus a is the controller of connector 1",
        ),
        (BUS + ONE.replace("unit = 2", "unit = 248"), 1, "connector.1.meter.unit", "must be 1 to 247, not 248"),
        (
            BUS + ONE + SECOND.replace("unit = 2", "unit = 3"),
            2,
            "connector.2.bus",
            "unit 1 of bus a is the controller of connector 1",
        ),
        (
            BUS + ONE + SECOND.replace('"evse-din"', '"evse-din"\nunit = 4'),
            2,
            "connector.2.meter.unit",
            "unit 2 of bus a is the meter of connector 1",
        ),
        (BUS + ONE.replace("sdm72d-m-2", "sdm7"), 1, "connector.1.meter.map", "is no register map"),
        (
            BUS + ONE.partition("[connector.1.meter]")[0],
            1,
            "connector.1.meter",
            "is required: evse-din does not measure energy",
        ),
        (BUS + BUS.replace("bus.a", "bus.b") + ONE, 1, "bus.b.device", "is that of bus a"),
        (
            BUS + '[connector.1]\ncontroller = "phoenix-charx"\nbus = "a"\n',
            1,
            "connector.1.bus",
            "is rtu: a Phoenix Contact CHARX SEC speaks tcp",
        ),
        (
            BUS + ONE.replace('"evse-din"', '"evse-din"\nnumber = 2'),
            1,
            "connector.1.number",
            "a EVSE-WB/EVSE-DIN is one controller",
        ),
        (
            BUS + ONE.replace('"evse-din"', '"evse-din"\nsilent_ms = 10000'),
            1,
            "connector.1.failsafe_s",
            "must be longer than silent_ms (10000)",
        ),
        (
            BUS + ONE.replace('"evse-din"', '"evse-din"\nfailsafe_a = 40'),
            1,
            "connector.1.failsafe_a",
            "must be at most [board] max_current_a (32)",
        ),
        (
            BUS + ONE.replace('"evse-din"', '"evse-din"\nfailsafe_a = 3'),
            1,
            "connector.1.failsafe_a",
            "must be 0, or the 6 A",
        ),
        (BUS + ONE.replace('"evse-din"', '"evse-din"\ndevice = "/dev/x"'), 1, "connector.1.device", "is for openevse"),
        ('[connector.1]\ncontroller = "openevse"\n', 1, "connector.1.device", "is required for openevse"),
        (
            BUS + '[connector.1]\ncontroller = "openevse"\ndevice = "/dev/x"\nbus = "a"\n',
            1,
            "connector.1.bus",
            "write device instead",
        ),
        (
            BUS + '[connector.1]\ncontroller = "openevse"\ndevice = "/dev/ttyUSB0"\n',
            1,
            "connector.1.device",
            "is that of bus a",
        ),
        (
            BUS + ONE.replace('"evse-din"', '"evse-din"\nenable = "GPIO5"\nmirror = "GPIO5"'),
            1,
            "connector.1.mirror",
            "GPIO5 is taken by connector 1 enable",
        ),
        (BUS + ONE, 2, "connector.2", "is required"),
        (BUS + ONE + SECOND, 1, "connector.2", "does not exist: the station has connectors 1 to 1"),
        (BUS.replace("device", "# device") + ONE, 1, "bus.a.device", "is required for rtu"),
        (BUS + ONE + '[[readers]]\nkind = "serial"\n', 1, "readers.1.device", "is required for serial"),
        (
            BUS + ONE + '[[faults]]\ninput = "GPIO5"\nerror_code = "GroundFailure"\nconnector = 3\n',
            1,
            "faults.1.connector",
            "does not exist",
        ),
    ],
)
def test_each_mistake_is_named_with_its_key(text: str, connectors: int, key: str, message: str) -> None:
    with pytest.raises(WiringError) as refused:
        parsed(text, connectors)
    found = {".".join(problem.path[2:]): problem.text for problem in refused.value.problems}
    assert key in found, found
    assert message in found[key]
