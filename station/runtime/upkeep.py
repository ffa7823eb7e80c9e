"""The work beside the loop: the watchdog, the disk watermark, snapshots, the check of the whole log, late imports.

The check runs in slices and delays no append; what it finds is handled as if found at boot: the process ends, and the
next one salvages. Snapshots are a cache, saved when enough has happened since the last.
"""

import asyncio
import logging
from collections.abc import Sequence
from importlib import import_module

from eventstore.catalogue.lifecycle import DiskSpaceObserved, LogDamageFound
from eventstore.descriptors import is_shortage
from eventstore.errors import LogCorrupt, OutOfDescriptors
from eventstore.event import Recorded
from eventstore.integrity import CheckProgress
from eventstore.log import EventLog
from eventstore.seldom import Seldom
from projections.station import StationState
from station.runtime import supervisor
from station.runtime.clock import StationClock
from station.runtime.disk import disk_level
from station.runtime.recovery import SNAPSHOT_EVERY, save_snapshot
from station.runtime.station import Station

LOGGER = logging.getLogger(__name__)

DISK_EVERY_MS = 30_000
DISK_TIGHT_EVERY_MS = 5_000
RESERVE_RELEASED_BELOW_BYTES = 1 << 20
CHECK_PAUSE_MS = 20
CHECK_AFTER_MS = 5_000
ALIVE_EVERY_MS = 10_000
LOAD_AFTER_MS = 2_000
LATE_MODULES = ("station.wire.faults",)
"""What a start does without, and what the event loop must not wait for when it is first needed: 30 ms on a fast machine."""
AGAIN_MS = 5_000
"""When what found no file descriptor is tried again."""


class Upkeep:
    """The chores of a running station; `run` ends by cancellation, or raises LogCorrupt for a damaged log."""

    def __init__(self, station: Station, log: EventLog, clock: StationClock, snapshot_seq: int) -> None:
        self._station = station
        self._log = log
        self._clock = clock
        self._snapshot_seq = snapshot_seq
        self._saving = asyncio.Event()
        self._shortage = Seldom(LOGGER, logging.WARNING)
        self._no_reserve = Seldom(LOGGER, logging.WARNING)

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Follows the station: a snapshot is due once enough events have passed."""
        if state.seq - self._snapshot_seq >= SNAPSHOT_EVERY:
            self._saving.set()

    async def run(self) -> None:
        """All chores until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._sign_of_life(), name="sign of life")
                group.create_task(self._watch_disk(), name="disk")
                group.create_task(self._save_snapshots(), name="snapshots")
                group.create_task(self._check_log(), name="log check")
                group.create_task(self._load_late_modules(), name="late modules")
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures  # whoever asks wants to know what it was

    async def _pause(self, milliseconds: int) -> None:
        await self._clock.sleep_until(self._clock.at_ms() + milliseconds)

    async def _load_late_modules(self) -> None:
        await self._pause(LOAD_AFTER_MS)
        for name in LATE_MODULES:
            while not await self._is_loaded(name):
                await self._pause(AGAIN_MS)

    async def _is_loaded(self, name: str) -> bool:
        """Imports a module; False without a file descriptor for it."""
        try:
            await asyncio.to_thread(import_module, name)
        except OSError as error:
            if not is_shortage(error):
                raise
            self._shortage.say(f"{name} cannot be loaded now: {error}")
            return False
        return True

    async def _sign_of_life(self) -> None:
        every_ms = supervisor.watchdog_ms()
        while every_ms is not None:
            if self._station.trouble() is None:
                supervisor.notify("WATCHDOG=1", wait=False)
            await self._pause(min(every_ms, ALIVE_EVERY_MS))

    async def _watch_disk(self) -> None:
        while True:
            await self.look_at_disk()
            await self._log.check_place()
            is_well = self._station.state.boot.disk == "ok" and not self._log.head_witness.is_owed
            await self._pause(DISK_EVERY_MS if is_well else DISK_TIGHT_EVERY_MS)

    async def look_at_disk(self) -> None:
        """A level that has changed is on record; the reserve is given up in time, and made again once there is room.

        A head that the witness still lacks is noted.
        """
        if self._log.head_witness.is_owed:
            await self._log.witness()
        free = await asyncio.to_thread(self._log.free_bytes)
        present = self._station.state.boot.disk
        level = disk_level(free, self._log.disk_bytes(), present)
        if level != present:
            self._station.submit(DiskSpaceObserved(level=level, free_bytes=free))
        if free < RESERVE_RELEASED_BELOW_BYTES:
            if await asyncio.to_thread(self._log.release_reserve):
                LOGGER.error("the disk is full: its reserve is released, for the transactions that run to end")
        elif level == "ok":
            try:
                await asyncio.to_thread(self._log.make_reserve)
            except OSError as error:
                self._no_reserve.say(f"the disk reserve cannot be made: {error}")

    async def _save_snapshots(self) -> None:
        while True:
            await self._saving.wait()
            self._saving.clear()
            state = self._station.state
            try:
                await save_snapshot(self._log, state)
            except OutOfDescriptors as error:
                self._shortage.say(str(error))
                await self._pause(AGAIN_MS)
                self._saving.set()
                continue
            self._snapshot_seq = state.seq

    async def _check_log(self) -> None:
        await self._pause(CHECK_AFTER_MS)
        progress = CheckProgress()
        while not progress.done:
            try:
                progress = await self._log.check_slice(progress)
            except OutOfDescriptors as error:
                self._shortage.say(str(error))
                await self._pause(AGAIN_MS)
                continue
            if progress.findings:
                finding = "; ".join(progress.findings)[:500]
                await self._station.observe(LogDamageFound(finding=finding))
                raise LogCorrupt(f"the check after boot found: {finding}")
            await self._pause(CHECK_PAUSE_MS)
