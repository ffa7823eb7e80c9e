"""A residual current monitor on pins: what trips it, and its test."""

import pytest

from devices.readings import FaultReading, Reading, ResidualMonitorReading
from tests.contract.rigs import MONITOR, GpioRig

pytestmark = pytest.mark.asyncio

GROUND = FaultReading(
    connector_id=1, error_code="GroundFailure", info="residual current", vendor_error_code="monitor", active=True
)


def rig() -> GpioRig:
    made = GpioRig("extremes", extra=MONITOR)
    made.news()
    return made


def outcomes(readings: list[Reading]) -> list[tuple[str, str]]:
    return [(each.outcome, each.detail) for each in readings if isinstance(each, ResidualMonitorReading)]


async def test_a_residual_current_is_a_ground_failure_until_it_is_gone() -> None:
    found = rig()
    socket = found.model.sockets[1]
    socket.leaks = True
    await found.settle()
    assert found.news() == [GROUND]
    socket.leaks = False
    await found.settle()
    (over,) = found.news()
    assert isinstance(over, FaultReading)
    assert (over.error_code, over.active) == ("GroundFailure", False)
    await found.close()


async def test_the_trip_of_a_test_is_no_fault_and_the_output_is_let_go() -> None:
    found = rig()
    found.board.test_residual(1)
    assert found.model.factory.high("GPIO24")
    found.board.test_residual(1)
    await found.settle()
    assert found.news() == [ResidualMonitorReading(connector_id=1, outcome="passed")]
    assert not found.model.factory.high("GPIO24")
    await found.close()


async def test_one_that_does_not_trip_has_failed_at_its_time_and_not_before() -> None:
    found = rig()
    found.model.sockets[1].monitor = "does not trip"
    found.board.test_residual(1)
    await found.settle(999)
    assert found.news() == []
    await found.settle(1)
    assert outcomes(found.news()) == [("failed", "it did not trip within 1000 ms")]
    assert not found.model.factory.high("GPIO24")
    await found.close()


async def test_one_that_does_not_clear_has_failed_and_is_a_ground_failure() -> None:
    found = rig()
    found.model.sockets[1].monitor = "does not clear"
    found.board.test_residual(1)
    await found.settle(5_000)
    news = found.news()
    assert outcomes(news) == [("failed", "it did not clear within 3000 ms")]
    assert GROUND in news
    found.board.test_residual(1)
    assert outcomes(found.news()) == [("failed", "it has tripped already")]
    await found.close()


async def test_the_end_lets_go_of_the_output() -> None:
    found = rig()
    found.model.sockets[1].monitor = "does not trip"
    found.board.test_residual(1)
    await found.close()
    assert found.model.factory.released()
