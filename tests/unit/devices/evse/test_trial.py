"""A controller tried with nobody else on its bus: whether its failsafe acts, and that it is switched off."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from devices.evse.trial import Bench, make_safe, try_failsafe
from tests.contract.controllers import SimController, SimOpenEvse
from tests.contract.evse_rig import EvseRig
from tests.contract.hand_time import until

pytestmark = pytest.mark.asyncio

SETTINGS = "silent_ms = 1000\nfailsafe_s = 4\n"


class Trial:
    """A rig whose own board is closed: the trial has the line."""

    def __init__(self, rig: EvseRig) -> None:
        self.rig = rig
        self.told: list[str] = []

    async def wait(self, duration_s: float) -> None:
        """Time passes in steps, each with a turn of the real bus."""
        for _ in range(max(1, round(duration_s / 0.2))):
            await self.rig.timers.advance(200)
            await until(lambda: self.rig.timers.pauses >= 1)  # the real line has had its turn
            self.sim.settle()

    @property
    def sim(self) -> SimController | SimOpenEvse:
        return self.rig.open_evses[1] if self.rig.open_evses else self.rig.sims[1]

    async def run(self) -> str:
        bench = Bench(wait=self.wait, now_ms=self.rig.timers.now_ms, timers=self.rig.timers)
        (finding,) = await try_failsafe(self.rig.wiring, self.told.append, self.rig.factory, bench)
        return str(finding)


@pytest_asyncio.fixture
async def trial(request: pytest.FixtureRequest) -> AsyncIterator[Trial]:
    rig = EvseRig(request.param, settings=SETTINGS)
    rig.timeout_ms = 100
    await rig.start()
    rig.board.close()
    await rig.board.wait_closed()
    yield Trial(rig)
    await rig.close()


def plugged(trial: Trial) -> None:
    socket = trial.rig.vehicles[1].socket
    socket.ev_plugged = socket.station_plugged = True


@pytest.mark.parametrize("trial", ["heidelberg-ec", "openevse"], indirect=True)
async def test_a_failsafe_that_acts_is_seen_to(trial: Trial) -> None:
    plugged(trial)
    found = await trial.run()
    floor = "0.0 A" if trial.rig.sims else "6.0 A"
    assert found.startswith("ok: connector.1: the failsafe acts: from ")
    assert f"to {floor} in less than" in found
    assert "a vehicle must draw" in trial.told[0]
    await until(lambda: trial.sim.told_ma == 0)


@pytest.mark.parametrize("trial", ["heidelberg-ec"], indirect=True)
async def test_a_failsafe_that_does_not_act_is_a_fault(trial: Trial) -> None:
    plugged(trial)
    trial.rig.sims[1].has_failsafe = False
    assert (await trial.run()).startswith("error: connector.1: NO FAILSAFE: 6.0 A flow")


@pytest.mark.parametrize("trial", ["heidelberg-ec"], indirect=True)
async def test_without_a_current_nothing_was_tried(trial: Trial) -> None:
    assert "was not tried: no current flowed" in await trial.run()


@pytest.mark.parametrize("trial", ["heidelberg-ec"], indirect=True)
async def test_a_controller_that_is_not_there_is_a_fault(trial: Trial) -> None:
    trial.sim.faults.silent = True
    assert "no answer from unit 1" in await trial.run()


@pytest.mark.parametrize("trial", ["heidelberg-ec", "openevse"], indirect=True)
async def test_every_controller_is_told_to_offer_nothing_and_must_say_so(trial: Trial) -> None:
    trial.sim.boot()
    assert trial.sim.told_ma == 13_000
    assert await make_safe(trial.rig.wiring, trial.rig.factory) == ()
    assert trial.sim.told_ma == 0
    trial.sim.faults.silent = True
    assert await make_safe(trial.rig.wiring, trial.rig.factory) == (
        "connector 1: its controller did not say that it is off",
    )
