"""A complete station among others in one process: hands, resets, cuts of power, a log that fails."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from eventstore.catalogue.link import FrameReceived
from eventstore.threads import SharedThreads
from projections.station import StationState
from station.daemon import bootstrap
from station.demo.csms import Csms
from station.runtime.clock import SystemClock
from station.settings.loading import parse_settings
from station.swarm import plan
from station.swarm.figures import Figures
from station.swarm.identities import Identity
from station.swarm.one_station import Shared, SwarmStation, directory_of
from station.swarm.plan import Act
from station.swarm.scenario import SwarmScenario

WITHIN_S = 60.0


@pytest_asyncio.fixture
async def csms() -> AsyncIterator[Csms]:
    async with Csms() as found:
        yield found


def station_of(root: Path, url: str, *, name: str = "CB-1", speed: float = 1.0) -> SwarmStation:
    settings = parse_settings(Identity(name=name).settings(url, directory_of(root, name), SwarmScenario()), name)
    shared = Shared(
        threads=SharedThreads(2),
        registry=bootstrap.make_registry(settings),
        figures=Figures(),
        speed=speed,
        began_utc_ms=SystemClock().system_utc_ms(),
        began=asyncio.get_running_loop().time(),
    )
    return SwarmStation(settings, shared)


async def until(station: SwarmStation, condition: Callable[[StationState], object]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while station.state is None or not condition(station.state):  # noqa: ASYNC110  # it follows nothing of ours
            await asyncio.sleep(0.01)


def act(what: str, connector_id: int = 1, **facts: object) -> Act:
    return Act(at_s=0, what=what, connector_id=connector_id, facts=facts)


async def charging(station: SwarmStation) -> None:
    await station.start()
    await until(station, lambda state: state.online)
    await station.act(act(plan.PLUG))
    await station.act(act(plan.SWIPE, id_tag="TAG1"))
    await until(station, lambda state: state.connectors[1].status == "Charging")


@pytest.mark.asyncio
async def test_a_station_charges_is_cut_off_and_tells_the_csms_all_of_it(tmp_path: Path, csms: Csms) -> None:
    station = station_of(tmp_path, csms.url)
    await charging(station)
    await station.act(act(plan.NETWORK, up=False))
    await until(station, lambda state: not state.link.up)
    await station.act(act(plan.POWER_CUT, off_s=1))
    assert not station.is_on
    await station.act(act(plan.OUT))  # nobody can do anything at a station without power
    await station.start()
    assert not station.is_idle, "the network is still gone, and the stop is owed"
    station.leave()
    await until(station, lambda state: station.is_idle and state.online)
    await station.stop()
    await station.stop()
    stop = [each.payload for each in csms.received if each.action == "StopTransaction"]
    assert [each["reason"] for each in stop] == ["PowerLoss"]
    assert not (station.settings.storage.directory / "reserve").exists()


@pytest.mark.asyncio
async def test_whoever_charges_leaves_at_the_end(tmp_path: Path, csms: Csms) -> None:
    station = station_of(tmp_path, csms.url)
    await charging(station)
    station.leave()
    await until(station, lambda _: station.is_idle)
    await station.stop()
    assert [each.action for each in csms.received if each.action.startswith("St")][-1] == "StatusNotification"
    assert sum(each.action == "StopTransaction" for each in csms.received) == 1


@pytest.mark.asyncio
async def test_a_driver_waits_for_the_session_to_begin_but_not_for_ever(tmp_path: Path, csms: Csms) -> None:
    station = station_of(tmp_path, csms.url)
    await station.begun(1, 0)  # it is off
    waiting = asyncio.create_task(station.begun(1, WITHIN_S))
    await charging(station)
    await waiting
    await station.stop()


@pytest.mark.asyncio
async def test_a_reset_makes_new_parts_of_the_same_station(tmp_path: Path, csms: Csms) -> None:
    station = station_of(tmp_path, csms.url)
    await station.start()
    await until(station, lambda state: state.online)
    assert station.state is not None
    boots = station.state.clock.boot
    parts = station._parts
    assert parts is not None
    reset = '[2,"r-1","Reset",{"type":"Hard"}]'
    parts.station.submit(FrameReceived(connection=station.state.link.connection, text=reset))
    await until(station, lambda state: state.clock.boot == boots + 1 and state.online)
    assert station._shared.figures.counts["resets"] == 1
    await station.stop()


@pytest.mark.asyncio
async def test_a_fast_station_has_its_own_calendar_that_the_csms_does_not_set_back(tmp_path: Path, csms: Csms) -> None:
    station = station_of(tmp_path, csms.url, speed=1000)
    await station.start()
    await until(station, lambda state: state.online and state.clock.source == "NTP")
    assert station.state is not None
    before_ms = station.state.clock.utc_ms(station.state.at_ms)
    await asyncio.sleep(0.1)
    await station.act(act(plan.PLUG))
    await until(station, lambda state: state.connectors[1].connected)
    assert station.state.clock.utc_ms(station.state.at_ms) - before_ms > 50_000
    await station.stop()


@pytest.mark.asyncio
async def test_a_station_whose_log_another_process_holds_fails_and_says_why(tmp_path: Path, csms: Csms) -> None:
    first, second = station_of(tmp_path, csms.url), station_of(tmp_path, csms.url)
    await first.start()
    await second.start()
    assert "locked" in second.failure
    assert second._shared.figures.counts["stations failed"] == 1
    assert second.is_idle
    await second.stop()
    await first.stop()


@pytest.mark.asyncio
async def test_each_hand_does_what_it_says(tmp_path: Path, csms: Csms) -> None:
    station = station_of(tmp_path, csms.url)
    await charging(station)
    await station.act(act(plan.FAULT, error_code="GroundFailure"))
    await until(station, lambda state: state.connectors[1].status == "Faulted")
    await station.act(act(plan.FAULT))
    await until(station, lambda state: state.connectors[1].status != "Faulted")
    await station.act(act(plan.STOPPED_BY_HAND, connector_id=0, pressed=True))
    await until(station, lambda state: not state.transactions.running())
    await station.act(act(plan.STOPPED_BY_HAND, connector_id=0, pressed=False))
    await station.act(act(plan.READY, ready=False, max_current_a=6, phases=1))
    await station.act(act(plan.OUT, ev=True, station=False))
    await until(station, lambda state: not state.connectors[1].connected)
    await station.act(act(plan.SWIPE, id_tag="X" * 30))  # no reader gives that: the bench refuses, and nothing breaks
    await station.stop()
    assert station.failure == ""


def test_each_station_has_a_directory_whatever_its_name(tmp_path: Path) -> None:
    assert directory_of(tmp_path, "CB/1 é").name == "CB%2F1%20%C3%A9"
