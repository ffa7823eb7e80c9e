"""The boards that the contract holds for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.contract.rigs import THERMISTOR, BenchRig, GpioRig, Rig

NewRig = Callable[..., Awaitable[Rig]]


@pytest_asyncio.fixture(params=["bench", "extremes", "peak", "comparators"])
async def new_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[NewRig]:
    """Makes a rig of the kind under test; all are closed at the end."""
    made: list[Rig] = []

    async def make(connectors: int = 1) -> Rig:
        # Five lines for each pilot: the header has not enough pins for two such connectors and all the rest.
        kind = "peak" if connectors > 1 and request.param == "comparators" else request.param
        rig: Rig = BenchRig(tmp_path, connectors) if kind == "bench" else GpioRig(kind, connectors)
        made.append(rig)
        return rig

    yield make
    for rig in made:
        await rig.close()


@pytest_asyncio.fixture
async def rig(new_rig: NewRig) -> Rig:
    """A station with one connector."""
    return await new_rig()


@pytest_asyncio.fixture(params=["bench", "gpio"])
async def warm_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    """A station with one connector and a thermometer at it."""
    rig: Rig = BenchRig(tmp_path) if request.param == "bench" else GpioRig("extremes", extra=THERMISTOR)
    yield rig
    await rig.close()
