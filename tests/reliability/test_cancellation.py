"""The sender, cancelled at every await: whichever of its tasks it is, the link is made anew and every message arrives once more
or for the first time, never otherwise. (The append, cancelled likewise: tests/unit/eventstore/test_log.py.)"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eventstore.catalogue.hardware import BoardOpened, IdTagPresented, MeterObserved, PilotStateObserved
from eventstore.catalogue.lifecycle import DiskSpaceObserved, StationBooted
from eventstore.log import EventLog
from eventstore.value import replace
from projections.station import INITIAL, StationState
from station.features import registry_for
from station.runtime import recovery
from station.runtime.clock import SystemClock
from station.runtime.link import CsmsLink
from station.runtime.secrets import Secrets
from station.runtime.station import Station
from station.settings.loading import parse_settings
from tests.csms.faulty import FaultyCsms
from tests.given import DESCRIPTION, TAG, UTC_2026_MS
from tests.integration.ledger import accounts, assert_balanced

TURNS = 24
WITHIN_S = 60.0


class Sender:
    """A station on a real log and with a real link, without anything else around it."""

    def __init__(self, log: EventLog, station: Station, link: CsmsLink) -> None:
        self.log, self.station, self.link = log, station, link
        self.energy_wh = 1_000

    async def until(self, reached: Callable[[StationState], bool]) -> None:
        """Waits; without a link time goes on, so that one is tried."""
        async with asyncio.timeout(WITHIN_S):
            while not reached(self.station.state):
                if not self.station.state.link.up:
                    await self.station.advance(1_000)
                await asyncio.sleep(0.001)

    async def delivered(self) -> None:
        await self.until(lambda state: state.link.up and not state.outbox.pending and not state.transactions.by_number)

    async def plug_and_swipe(self) -> None:
        plugged = PilotStateObserved(connector_id=1, pilot_state="C")
        await self.station.observe(plugged, IdTagPresented(id_tag=TAG, connector_id=1))

    async def swipe_and_unplug(self) -> None:
        await self.until(lambda state: bool(state.transactions.by_number))
        self.energy_wh += 100
        await self.station.observe(MeterObserved(connector_id=1, energy_wh=self.energy_wh))
        unplugged = PilotStateObserved(connector_id=1, pilot_state="A")
        await self.station.observe(IdTagPresented(id_tag=TAG, connector_id=1), unplugged)


@asynccontextmanager
async def sender(directory: Path, csms: FaultyCsms) -> AsyncIterator[Sender]:
    """Booted and connected."""
    settings = parse_settings(f'[station]\nidentity = "CB-0001"\n[csms]\nurl = "{csms.url}"\n', "test")
    log = await EventLog.open(directory, identity="CB-0001")
    clock, registry = SystemClock(), registry_for()
    clock.begin(0)
    booted = StationBooted(
        boot=1,
        installation="0000abcd",
        software_version="0.1.0",
        firmware_version="0.1.0",
        offset_ms=UTC_2026_MS,
        clock_trusted=True,
        orderly=True,
    )
    described = replace(DESCRIPTION, fixed_cable=True, has_lock=False)
    disk = DiskSpaceObserved(level="ok", free_bytes=1 << 40)
    state = await recovery.begin(log, INITIAL, registry, 0, booted, described, disk)
    station = Station(log, registry, clock, state)
    link = CsmsLink(settings, clock, Secrets(directory), station.submit, station.has_room)
    station.followers.append(link.publish)
    link.publish(state, ())
    running = asyncio.create_task(station.run())
    try:
        found = Sender(log, station, link)
        empty, meter = (
            PilotStateObserved(connector_id=1, pilot_state="A"),
            MeterObserved(connector_id=1, energy_wh=1_000),
        )
        await station.observe(empty, meter, BoardOpened())
        await found.delivered()
        await found.plug_and_swipe()  # the tag is known afterwards, also without the CSMS
        await found.swipe_and_unplug()
        await found.delivered()
        yield found
    finally:
        await link.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await log.close()


@pytest.mark.parametrize("name", ["link", "link write", "link read", "link ping"])
@pytest.mark.asyncio
async def test_a_sender_that_is_cancelled_at_any_await_loses_nothing(name: str, tmp_path: Path) -> None:
    async with FaultyCsms() as csms:
        async with sender(tmp_path, csms) as found:
            for turns in range(TURNS):
                (victim,) = [task for task in asyncio.all_tasks() if task.get_name() == name]
                begun = asyncio.create_task(found.plug_and_swipe())
                for _ in range(turns):
                    await asyncio.sleep(0)
                victim.cancel()
                await begun
                await found.swipe_and_unplug()
                await found.delivered()
            books = accounts(csms)
            assert len(books) == TURNS + 1
            for account in books:
                assert_balanced(account)
            assert len(csms.links) == TURNS + 1
        csms.assert_conforming()
    used = [(frame.connection, frame.message_id) for frame in csms.calls()]
    assert len(used) == len(set(used)), "a message id twice on one connection"
