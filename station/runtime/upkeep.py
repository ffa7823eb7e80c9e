"""What goes on beside the loop: signs of life, the disk watermark, snapshots, and the check of the whole log.

The check runs in slices and delays no append; what it finds is handled as if found at boot: the process ends, and the
next one salvages (rulings on storage). Snapshots are a cache, saved when enough has happened since the last.
"""

import asyncio
import logging
from collections.abc import Sequence

from eventstore.catalogue.lifecycle import DiskSpaceObserved, LogDamageFound
from eventstore.errors import LogCorrupt
from eventstore.event import Recorded
from eventstore.integrity import CheckProgress
from eventstore.log import EventLog
from projections.station import StationState
from station.runtime import supervisor
from station.runtime.clock import Clock
from station.runtime.recovery import SNAPSHOT_EVERY, save_snapshot
from station.runtime.station import Station

LOGGER = logging.getLogger(__name__)

DISK_EVERY_MS = 30_000
DISK_LOW_BYTES = 64 << 20
DISK_CRITICAL_BYTES = 16 << 20
CHECK_PAUSE_MS = 20
CHECK_AFTER_MS = 5_000
ALIVE_EVERY_MS = 10_000


def disk_level(free_bytes: int) -> str:
    """ "ok", "low" (samples are thinned) or "critical" (no new transaction starts)."""
    if free_bytes < DISK_CRITICAL_BYTES:
        return "critical"
    return "low" if free_bytes < DISK_LOW_BYTES else "ok"


class Upkeep:
    """The chores of a running station; `run` ends by cancellation, or raises LogCorrupt for a damaged log."""

    def __init__(self, station: Station, log: EventLog, clock: Clock, snapshot_seq: int) -> None:
        self._station = station
        self._log = log
        self._clock = clock
        self._snapshot_seq = snapshot_seq
        self._saving = asyncio.Event()

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Follows the station: a snapshot is due once enough events have passed."""
        if state.seq - self._snapshot_seq >= SNAPSHOT_EVERY:
            self._saving.set()

    async def run(self) -> None:
        """All chores until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sign_of_life(), name="sign of life")
            group.create_task(self._watch_disk(), name="disk")
            group.create_task(self._save_snapshots(), name="snapshots")
            group.create_task(self._check_log(), name="log check")

    async def _pause(self, milliseconds: int) -> None:
        await self._clock.sleep_until(self._clock.at_ms() + milliseconds)

    async def _sign_of_life(self) -> None:
        every_ms = supervisor.watchdog_ms()
        while every_ms is not None:
            if self._station.trouble() is None:
                supervisor.notify("WATCHDOG=1")
            await self._pause(min(every_ms, ALIVE_EVERY_MS))

    async def _watch_disk(self) -> None:
        while True:
            free = await asyncio.to_thread(self._log.free_bytes)
            level = disk_level(free)
            if level != self._station.state.boot.disk:
                LOGGER.warning("disk space is %s: %d bytes free", level, free)
                self._station.submit(DiskSpaceObserved(level=level, free_bytes=free))
            await self._pause(DISK_EVERY_MS)

    async def _save_snapshots(self) -> None:
        while True:
            await self._saving.wait()
            self._saving.clear()
            state = self._station.state
            await save_snapshot(self._log, state)
            self._snapshot_seq = state.seq

    async def _check_log(self) -> None:
        await self._pause(CHECK_AFTER_MS)
        progress = CheckProgress()
        while not progress.done:
            progress = await self._log.check_slice(progress)
            if progress.findings:
                finding = "; ".join(progress.findings)[:500]
                await self._station.observe(LogDamageFound(finding=finding))
                raise LogCorrupt(f"the check after boot found: {finding}")
            await self._pause(CHECK_PAUSE_MS)
