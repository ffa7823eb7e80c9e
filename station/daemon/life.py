"""The life of one station within a process: its tasks begin, it ends in order, its files are closed.

A daemon has one station (`station.daemon.process`), a swarm has many.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from eventstore.catalogue.lifecycle import StationStopped, StationStopping
from eventstore.errors import OutOfDescriptors, StorageFailed
from station.daemon.bootstrap import Parts
from station.rules.energy import LET_GO_MS, OPENS_WITHIN_MS
from station.runtime import recovery, supervisor

LOGGER = logging.getLogger(__name__)

DRAIN_MS = 2_000
STOPPING_MAX_S = 8
"""How long the log may take for the last words; a disk that hangs is a storage that failed, and ten seconds end it all."""
RESET = "Reset"
MAINS_LOST = "MainsLost"


def start(parts: Parts) -> list[asyncio.Task[None]]:
    """The tasks of the station, none of which ends by itself without an error. The board is still closed."""
    loop = asyncio.get_running_loop()
    running = [
        loop.create_task(parts.station.run(), name="station"),
        loop.create_task(parts.jobs.run(), name="jobs"),
        loop.create_task(parts.upkeep.run(), name="upkeep"),
        loop.create_task(parts.archivist.run(), name="archivist"),
    ]
    if parts.signing is not None:
        running.append(loop.create_task(parts.signing.run(), name="signing"))
    if parts.mqtt is not None:
        running.append(loop.create_task(parts.mqtt.run(), name="mqtt"))
    if parts.site_meter is not None:
        running.append(loop.create_task(parts.site_meter.run(), name="site meter"))
    return running


async def go_to_work(parts: Parts) -> None:
    """Opens the board, and once what it tells is durable, the link. Raises BoardUnavailable, and what ends the station."""
    parts.gateway.open()
    await parts.station.settle()
    parts.link.publish(parts.station.state, ())


async def stop(parts: Parts, why: str) -> None:
    """The orderly end: end transactions by policy, make outputs safe, drain the outbox, then append StationStopped."""
    supervisor.notify("STOPPING=1")
    station = parts.station
    parts.link.retire()
    if why != RESET:
        await _in_time(station.observe(StationStopping(why=why)))
    station.wind_down()
    if why != RESET:
        if why != MAINS_LOST:
            await _let_go(parts)
        wait_ms = DRAIN_MS
        if why == MAINS_LOST:
            wait_ms = max(0, int(parts.settings.board.backup_power_s * 1000) - DRAIN_MS) or DRAIN_MS
        until_ms = parts.clock.at_ms() + wait_ms
        while station.state.online and station.state.outbox.pending and parts.clock.at_ms() < until_ms:
            await parts.clock.sleep_until(parts.clock.at_ms() + 20)
    parts.gateway.close()
    await parts.link.close()
    await _in_time(station.end(StationStopped(why=why)))
    try:
        await _in_time(recovery.save_snapshot(parts.log, station.state))
    except OutOfDescriptors as error:  # a cache: the next start folds a little more
        LOGGER.warning("%s", error)


async def _let_go(parts: Parts) -> None:
    """Waits until the vehicles have let go, as long as they may take; then every contactor is open, and it is on record."""
    await _open_within(parts, LET_GO_MS)
    parts.gateway.make_safe()
    await _open_within(parts, OPENS_WITHIN_MS)
    await _in_time(parts.station.settle())


async def _open_within(parts: Parts, within_ms: int) -> None:
    until_ms = parts.clock.at_ms() + within_ms
    while any(each.contactor_closed for each in parts.station.state.connectors.real) and parts.clock.at_ms() < until_ms:
        await parts.clock.sleep_until(parts.clock.at_ms() + 20)


async def _in_time(writing: Coroutine[Any, Any, object]) -> None:
    """Waits until it is written. Raises what that raises, and StorageFailed if the disk does not answer in time."""
    task = asyncio.ensure_future(writing)
    done, _ = await asyncio.wait({task}, timeout=STOPPING_MAX_S)
    if not done:
        raise StorageFailed(f"the log has not answered for {STOPPING_MAX_S} s")
    task.result()


async def wind_up(parts: Parts, running: Sequence[asyncio.Task[None]]) -> None:
    """Lets go of the board and of the log, whatever state they are in."""
    parts.gateway.close()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await parts.board.wait_closed()
    await _in_time(parts.log.close())
