"""The boards that the contract holds for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.contract.evse_rig import EvseRig
from tests.contract.rigs import MONITOR, THERMISTOR, BenchRig, GpioRig, MonitoredRig, Rig

NewRig = Callable[..., Awaitable[Rig]]


PINS = ("extremes", "peak", "comparators")
CONTROLLERS = ("heidelberg-ec", "phoenix-charx", "openevse")
COPPER = frozenset({"rating", "socket", "lock", "jam", "contactor", "state F", "three phases"})
SEES = {
    **dict.fromkeys(("bench", *PINS), COPPER),
    **dict.fromkeys(("heidelberg-ec", "phoenix-charx"), frozenset({"three phases"})),
    "openevse": frozenset(),
}
"""What a kind of board can know beside what all know: the cable's rating, a cable without a vehicle, where a lock is and that it jams, a
contactor that does not obey and one that was repaired, its own state F, the power on three phases."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A contract that asks for more than a kind can see is not one of that kind."""
    kept = [item for item in items if _holds_for(item)]
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if not _holds_for(item)])
        items[:] = kept


def _holds_for(item: pytest.Item) -> bool:
    mark, call = item.get_closest_marker("sees"), getattr(item, "callspec", None)
    return mark is None or call is None or mark.args[0] in SEES[call.params["new_rig"]]


@pytest_asyncio.fixture(
    params=["bench", *PINS, "heidelberg-ec", "openevse", pytest.param("phoenix-charx", marks=pytest.mark.long)]
)
async def new_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[NewRig]:
    """Makes a rig of the kind under test; all are closed at the end."""
    made: list[Rig] = []

    async def make(connectors: int = 1) -> Rig:
        # Five lines for each pilot: the header has not enough pins for two such connectors and all the rest.
        kind = "peak" if connectors > 1 and request.param == "comparators" else request.param
        rig: Rig
        if kind in CONTROLLERS:
            rig = await EvseRig(kind, connectors).start()
        else:
            rig = BenchRig(tmp_path, connectors) if kind == "bench" else GpioRig(kind, connectors)
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


@pytest_asyncio.fixture(params=["bench", "gpio"])
async def monitored_rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MonitoredRig]:
    """A station with one connector and a residual current monitor that can be tested."""
    rig: MonitoredRig = BenchRig(tmp_path) if request.param == "bench" else GpioRig("extremes", extra=MONITOR)
    yield rig
    await rig.close()
