"""From a wiring to drivers: each table makes its driver."""

from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from devices.gpio.assembly import Drivers, assemble
from devices.gpio.meter_s0 import PulseMeter
from devices.gpio.pilot import AdcSense, ComparatorSense
from devices.gpio.proximity import ContactProximity, ResistorProximity
from devices.gpio.rack import pause
from devices.gpio.wiegand import WiegandReader
from devices.modbus.meter import ModbusMeter
from devices.readers.device_reader import DeviceReader
from tests.contract.electrical import ModelPwm
from tests.contract.rigs import PILOTS
from tests.unit.devices.gpio.hand_rack import HandRack
from tests.unit.devices.gpio.reference import parsed, reference_raw

pytestmark = pytest.mark.asyncio


def example(**pilot: Any) -> Any:
    raw = reference_raw()
    raw["connector"]["1"]["pilot"].update(**pilot)
    return raw


def made(raw: Any) -> tuple[Drivers, HandRack]:
    rig = HandRack()
    with ExitStack() as stack:
        rig.factory.spi = lambda **how: None
        wiring = parsed(raw)
        pwm = ModelPwm(section.pilot for section in wiring.connectors)
        return assemble(rig.rack, wiring, stack, partial(pause, rig.timers), pwm.root), rig
    raise AssertionError("unreachable")


async def test_the_example_of_the_documentation_makes_every_driver() -> None:
    drivers, rig = made(example())
    connector = drivers.connectors[1]
    assert isinstance(connector.pilot._sense, AdcSense)
    assert isinstance(connector.proximity, ResistorProximity)
    assert isinstance(connector.meter, ModbusMeter)
    assert connector.lock is not None
    assert connector.indicator is not None
    assert [(served, type(reader)) for served, reader in drivers.readers] == [(None, WiegandReader)]
    assert [section.error_code for section, _ in drivers.faults] == ["GroundFailure", "HighTemperature", "OtherError"]
    assert len(drivers.buses) == 1
    assert set(rig.rack.pollers) == {"a"}


async def test_other_kinds_make_other_drivers() -> None:
    raw = example()
    raw["adc"] = {}
    names = ("above_10500_mv", "above_7500_mv", "above_4500_mv", "above_1500_mv")
    lines = dict(zip(names, ("GPIO8", "GPIO9", "GPIO10", "GPIO11"), strict=True))
    raw["connector"]["1"]["pilot"].update(sense="comparators", **lines)
    raw["connector"]["1"]["proximity"] = {"kind": "contact", "contact": "GPIO14"}
    raw["connector"]["1"]["meter"] = {"kind": "s0", "pulse": "GPIO15"}
    raw["readers"] = [
        {"kind": "serial", "device": "/dev/a"},
        {"kind": "keyboard", "device": "/dev/b", "connector": 1},
        {"kind": "pn532", "device": "/dev/c"},
        {"kind": "pn532", "device": "/dev/d", "baudrate": 9_600},
    ]
    drivers, rig = made(raw)
    connector = drivers.connectors[1]
    assert isinstance(connector.pilot._sense, ComparatorSense)
    assert isinstance(connector.proximity, ContactProximity)
    assert isinstance(connector.meter, PulseMeter)
    assert [served for served, _ in drivers.readers] == [None, 1, None, None]
    places = [reader._place for _, reader in drivers.readers if isinstance(reader, DeviceReader)]
    assert [place.baudrate for place in places] == [9_600, 0, 115_200, 9_600]
    assert drivers.buses == ()
    assert rig.rack.pollers == {}


async def test_every_way_to_sense_the_pilot_is_in_the_contract() -> None:
    assert set(PILOTS) == {"peak", "extremes", "comparators"}
