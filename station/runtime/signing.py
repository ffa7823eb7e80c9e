"""The statements that a station with a signing key signs about its log: each segment when it is closed, and the live one once
a day.

The chain of digests has no key: whoever can write the file can make it anew from some event on. A statement that was made before
contradicts him, and without the key he cannot make another. Statements lie in `statements/`, in the format of `chargebox replay sign`.

Nothing here is urgent, and nothing here may harm: what cannot be signed is logged, and tried again later.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from eventstore.catalogue.lifecycle import BooksClosed, ClockAdjusted, StationBooted
from eventstore.chain import ChainBrokenError, Head, Row, verify
from eventstore.codec import catalogue_codec
from eventstore.directory import StorageDirectory, sync_directory
from eventstore.errors import StorageError
from eventstore.event import Recorded
from eventstore.log import EventLog
from eventstore.statements import STATEMENTS_DIRECTORY, statement_files, statement_name
from projections.station import StationState
from station.replay.opening.errors import ReplayError
from station.runtime.archivist import dropped_on_record
from station.runtime.clock import StationClock
from station.runtime.station import Station
from station.settings.loading import Settings

LOGGER = logging.getLogger(__name__)

AFTER_BOOT_MS = 15_000
EVERY_MS = 3_600_000
DAY_MS = 86_400_000
PAUSE_MS = 20
SLICE_ROWS = 500
DAILY, SEGMENT = "signed by the station, daily", "signed by the station, at the end of a segment"
_CLOCK_EVENTS = (StationBooted.NAME, ClockAdjusted.NAME)
_PROBLEMS = (ReplayError, StorageError, sqlite3.Error, OSError, ValueError)


def check_key(settings: Settings) -> None:
    """Raises SettingsError for a `signing_key_file` that cannot be used, with its path and what is wrong with it."""
    file = settings.storage.signing_key_file
    if file is None:
        return
    from station.replay.proof.statement import read_private_key

    try:
        read_private_key(file)
    except ReplayError as error:
        raise settings.error("storage", "signing_key_file", str(error)) from error


class Signing:
    """Signs the log of one station, by the settings; `run` ends by cancellation."""

    def __init__(self, station: Station, log: EventLog, clock: StationClock, settings: Settings) -> None:
        """Asserts that the settings name a key."""
        assert settings.storage.signing_key_file is not None, "without a key nothing is signed"
        self._key_file = settings.storage.signing_key_file
        self._identity = settings.station.identity
        self._storage = settings.storage.directory
        self._station = station
        self._log = log
        self._clock = clock
        self._wanted = asyncio.Event()
        self._due_ms: int | None = None
        self._dropped = (0, 0)
        self._told: list[str] = []

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Follows the station: a segment that was closed is to be signed."""
        if any(isinstance(recorded.event, BooksClosed) for recorded in batch):
            self._wanted.set()

    async def run(self) -> None:
        """At leisure after the boot, at each closed segment, and when a day has passed, until cancelled."""
        await self._clock.sleep_until(self._clock.at_ms() + AFTER_BOOT_MS)
        while True:
            self._wanted.clear()
            await self.sign_what_is_due()
            now_ms = self._clock.at_ms()
            later_ms = now_ms + EVERY_MS
            is_soon = self._due_ms is not None and now_ms < self._due_ms < later_ms
            await self._clock.wait(self._wanted, self._due_ms if is_soon else later_ms)

    async def sign_what_is_due(self) -> None:
        """Sign the segment closed last, if it is not signed, and the live one, if a day has passed; delete old statements."""
        await self._station.settle()  # what waits comes first
        problems: list[str] = []
        for chore in (self._sign_closed, self._sign_live, self._drop):
            try:
                await chore()
            except _PROBLEMS as error:
                if str(error) not in (*self._told, *problems):
                    LOGGER.warning("the log cannot be signed now: %s", error)
                problems.append(str(error))
        self._told = problems

    async def _sign_closed(self) -> None:
        end = self._log.opening.head
        base = await self._log.archives.newest_base()
        if base is not None:
            await self._sign(base, end, SEGMENT)

    async def _sign_live(self) -> None:
        if self._due_ms is None:
            self._due_ms = await self._first_due_ms()
        base, head = self._log.opening.head, self._log.head
        if self._clock.at_ms() >= self._due_ms and head.seq > base.seq:
            await self._sign(base, head, DAILY)

    async def _first_due_ms(self) -> int:
        """A day after the last event that the newest statement of this log covers; now if there is none."""
        found = await asyncio.to_thread(statement_files, self._storage)
        last = max((each.to_seq for each in found if each.to_seq <= self._log.head.seq), default=0)
        rows = await self._log.read_rows(last - 1, 1) if last else []
        return rows[0].at_ms + DAY_MS if rows else self._clock.at_ms()

    async def _sign(self, base: Head, head: Head, says: str) -> None:
        """States the events behind `base` up to `head` unless that is done, once their chain has been read through.

        Raises _PROBLEMS.
        """
        file = self._storage / STATEMENTS_DIRECTORY / statement_name(base.seq + 1, head.seq)
        if await asyncio.to_thread(file.exists):
            return
        if self._station.state.boot.disk == "critical":
            raise OSError("the disk is nearly full, and what is left is for the log")
        content = (await self._log.commitments_from(base.seq + 1)).content
        found, ends, clock_rows = base, list[Row](), list[Row]()
        while found.seq < head.seq:
            rows = await self._log.read_rows(found.seq, min(SLICE_ROWS, head.seq - found.seq))
            if not rows:
                raise ChainBrokenError(found, f"the log ends behind event {found.seq}")
            found = await asyncio.to_thread(verify, found, rows, content)
            ends += (rows[0], rows[-1])
            clock_rows += [row for row in rows if row.type in _CLOCK_EVENTS]
            await self._pause()
        if found != head:
            raise ChainBrokenError(found, f"event {head.seq} is not the one that was written")
        stated = await asyncio.to_thread(self._stated, (base, head), (ends[0], ends[-1]), clock_rows, says)
        await asyncio.to_thread(self._keep, file, stated)
        LOGGER.info("events %d to %d are signed", base.seq + 1, head.seq)
        self._due_ms = ends[-1].at_ms + DAY_MS

    def _stated(self, range_: tuple[Head, Head], ends: tuple[Row, Row], clock_rows: Sequence[Row], says: str) -> bytes:
        from station.replay.opening.times import Calendar
        from station.replay.pages.page import json_text
        from station.replay.proof import statement

        calendar = Calendar(catalogue_codec().decode_rows(clock_rows))
        first_ms, last_ms = (calendar.utc_of(row.seq, row.at_ms, row.utc_ms) for row in ends)
        key = statement.read_private_key(self._key_file)
        stated = statement.sign(key, *range_, identity=self._identity, between=(first_ms, last_ms), says=says)
        return json_text(stated).encode()

    def _keep(self, file: Path, content: bytes) -> None:
        """Writes it durably."""
        if not file.parent.is_dir():
            file.parent.mkdir(mode=0o700)
            sync_directory(self._storage)
        StorageDirectory(file.parent).write_file(file.name, content)

    async def _drop(self) -> None:
        """A statement is kept for as long as the events that it covers, and for ever if they were not dropped but vanished."""
        past, live_seq = await self._log.archives.segments(), self._log.opening.head.seq + 1
        first_seq = min(past[0].first_seq, live_seq) if past else live_seq
        found = await asyncio.to_thread(statement_files, self._storage)
        if any(each.to_seq < first_seq for each in found):
            if self._dropped[0] != first_seq:  # to look for the record takes long
                self._dropped = first_seq, await dropped_on_record(self._log, self._pause)
            first_seq = min(first_seq, self._dropped[1] + 1)
        await asyncio.to_thread(drop_statements, self._storage, first_seq)

    async def _pause(self) -> None:
        await self._clock.sleep_until(self._clock.at_ms() + PAUSE_MS)


def drop_statements(storage: Path, first_seq: int) -> None:
    """Deletes the statements of events before `first_seq`, which are not kept any more. Raises OSError."""
    StorageDirectory(storage / STATEMENTS_DIRECTORY).remove_temporaries()
    for found in statement_files(storage):
        if found.to_seq < first_seq:
            found.path.unlink(missing_ok=True)
