"""Looking at the inputs once, and making outputs safe, on threads and timers as they really are."""

import asyncio
from typing import Any

import pytest

from devices.gpio.probe import make_safe, probe
from devices.protocols import BoardUnavailable
from devices.readings import ContactorReading
from tests.contract.electrical import Model
from tests.contract.rigs import wiring

pytestmark = pytest.mark.asyncio


async def briefly(seconds: float) -> None:
    """As long as a contactor may take; a station waits longer, for its meters."""
    assert seconds >= 1
    await asyncio.sleep(0.3)


@pytest.mark.parametrize("sense", ["extremes", "peak", "comparators"])
async def test_an_idle_station_reads_as_one(sense: str) -> None:
    plan = wiring(sense)
    readings, findings = await probe(plan, Model(plan).factory, wait=briefly)
    assert findings == ()
    assert len(readings) == 7


async def test_what_is_wrong_with_the_copper_is_found() -> None:
    plan = wiring("peak")
    model = Model(plan)
    model.sockets[1].poles_closed, model.sockets[1].defect = True, "welded"
    model.sockets[1].pilot_shorted = True
    model.emergency_stop = True
    readings, findings = await probe(plan, model.factory, wait=briefly)
    assert ContactorReading(connector_id=1, closed=True, fault="welded") in readings
    assert {finding.where for finding in findings} == {"connector.1.contactor", "connector.1.pilot", "emergency_stop"}


async def test_a_board_that_cannot_be_opened_is_told() -> None:
    plan = wiring("peak")
    factory: Any = Model(plan).factory
    factory.adcs = {}
    with pytest.raises(BoardUnavailable):
        await probe(plan, factory, wait=briefly)


async def test_outputs_that_a_dead_process_left_are_made_safe() -> None:
    plan = wiring("peak")
    model = Model(plan)
    for pin in ("GPIO5", "GPIO12", "GPIO18"):
        model.factory.pin(pin).function = "output"
        model.factory.pin(pin).state = 1
    assert model.factory.level(plan.connectors[0].contactor.coil)
    assert make_safe(plan, model.factory) == ()
    assert model.factory.pin("GPIO12")._function == "input"
    assert not model.factory.level(plan.connectors[0].contactor.coil)


async def test_one_output_that_refuses_does_not_keep_the_next_from_being_made_safe() -> None:
    plan = wiring("peak", connectors=2)
    model = Model(plan)

    def refuse(value: object) -> None:
        raise OSError("gone")

    model.factory.pin("GPIO5")._set_state = refuse
    model.factory.pin("GPIO24").function = "output"
    model.factory.pin("GPIO24").state = 1
    refused = make_safe(plan, model.factory)
    assert len(refused) == 1
    assert refused[0].startswith("connector 1: GPIO5: ")
    assert not model.factory.level(plan.connectors[1].contactor.coil)
