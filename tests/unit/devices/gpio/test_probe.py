"""Looking at the inputs once, and making outputs safe, on threads and timers as they really are."""

import asyncio

import pytest

from devices.gpio.pilot_output import SysfsPwm
from devices.gpio.probe import make_safe, probe
from devices.protocols import BoardUnavailable
from devices.readings import ContactorReading
from tests.contract.electrical import Model
from tests.contract.gpio_kernel import PATH
from tests.contract.rigs import wiring

pytestmark = pytest.mark.asyncio


async def briefly(seconds: float) -> None:
    """As long as a contactor may take; a station waits longer, for its meters."""
    assert seconds >= 1
    await asyncio.sleep(0.3)


@pytest.mark.parametrize("sense", ["extremes", "peak", "comparators"])
async def test_an_idle_station_reads_as_one(sense: str) -> None:
    plan = wiring(sense)
    model = Model(plan)
    with model.installed():
        readings, findings = await probe(plan, wait=briefly)
    assert findings == ()
    assert len(readings) == 8


async def test_what_is_wrong_with_the_copper_is_found() -> None:
    plan = wiring("peak")
    model = Model(plan)
    model.sockets[1].poles_closed, model.sockets[1].defect = True, "welded"
    model.sockets[1].pilot_shorted = True
    model.emergency_stop = True
    with model.installed():
        readings, findings = await probe(plan, wait=briefly)
    assert ContactorReading(connector_id=1, closed=True, fault="welded") in readings
    assert {finding.where for finding in findings} == {"connector.1.contactor", "connector.1.pilot", "emergency_stop"}


async def test_a_board_that_cannot_be_opened_is_told() -> None:
    plan = wiring("peak")
    model = Model(plan)
    model.factory.adcs = {}
    with model.installed(), pytest.raises(BoardUnavailable):
        await probe(plan, wait=briefly)


async def test_outputs_that_a_dead_process_left_are_made_safe() -> None:
    plan = wiring("peak")
    model = Model(plan)
    with model.installed():
        SysfsPwm(plan.connectors[0].pilot).set_permille(266)
        model.factory.left_driven("GPIO5", "GPIO12")
        assert model.factory.level(plan.connectors[0].contactor.coil)
        assert make_safe(plan, model.factory) == ()
    assert model.factory.released()
    assert model.duty_permille(1) == 1_000


async def test_one_output_that_refuses_does_not_keep_the_next_from_being_made_safe() -> None:
    plan = wiring("peak", connectors=2)
    model = Model(plan)

    model.factory.left_driven("GPIO5", "GPIO24")
    with model.installed(), model.factory.kernel.open_chip(PATH).request_lines({5: None}, consumer="somebody"):
        refused = make_safe(plan, model.factory)
    assert refused == ("connector 1: GPIO5: [Errno 16] GPIO5 is in use by somebody",)
    assert not model.factory.level(plan.connectors[1].contactor.coil)
