"""The closed segments of a running station: compressed one after the other, and thinned and dropped when the operator's rule says so.

Nothing here is urgent, and nothing here may harm: what cannot be compressed stays as it is, what the CSMS has not received is
never dropped, and that something was dropped is on record before it is gone. What is damaged, and what has vanished, is named
(LogDamageFound).

By age an archive goes whole: what may not be kept any longer may not, whatever it is. For room the chatter goes first: it is cut out of
one archive after the other, the oldest first, and only when there is none left in any of them the oldest archive goes.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from itertools import pairwise

from eventstore.archives import ArchiveFacts
from eventstore.catalogue.lifecycle import ArchiveDropped, ArchiveThinned, BooksClosed, LogDamageFound
from eventstore.chain import ChainBrokenError, Head, Row
from eventstore.codec import decode
from eventstore.errors import LogCorrupt, LogTooNew, UnknownEventType
from eventstore.event import Recorded
from eventstore.inspection import is_damage
from eventstore.inventory import dropped_in, holes, seals_in, seals_of, told, untold
from eventstore.log import EventLog
from eventstore.rows import SLICE_ROWS
from eventstore.segments import PastSegment
from eventstore.value import Value
from projections.station import StationState
from station.core.retention import is_record, needed_seq
from station.runtime.clock import StationClock
from station.runtime.station import Station

LOGGER = logging.getLogger(__name__)

AFTER_BOOT_MS = 10_000
EVERY_MS = 3_600_000
PAUSE_MS = 20
DAY_MS = 86_400_000
DISK_SHARE = 2  # archives never take more than half of the file system


class Keep(Value, frozen=True, kw_only=True):
    """How long archives are kept: `days` and `total_bytes`, 0 meaning that they are no reason to drop one."""

    days: int = 0
    total_bytes: int = 0


class Dropping(Value, frozen=True, kw_only=True):
    """The next step: this archive is dropped, or `thins` it, for `reason` "age" or "size"."""

    archive: ArchiveFacts
    reason: str
    thins: bool = False


def next_step(
    found: Sequence[ArchiveFacts], keep: Keep, *, needed: int, now_utc_ms: int | None, dense: Collection[str] = ()
) -> Dropping | None:
    """The first step that the rule asks for; None if there is nothing to do. `found` are all archives, oldest first.

    Never touched are the newest, which holds the state that the live segment begins with, and those that hold event `needed` or a
    later one. Without a trusted calendar (`now_utc_ms` None) age is no reason. `dense` are the names of those that hold no chatter.
    """
    free = [facts for facts in found[:-1] if facts.segment.last_seq < needed]
    if not free:
        return None
    header = next((facts.header for facts in found if facts.header is not None), None)
    if (
        keep.days
        and now_utc_ms is not None
        and header is not None
        and now_utc_ms - header.last_utc_ms > keep.days * DAY_MS
    ):
        return Dropping(archive=free[0], reason="age")
    if not keep.total_bytes or sum(facts.file_bytes for facts in found) <= keep.total_bytes:
        return None
    for facts in free:
        segment = facts.segment
        if facts.header is not None and not segment.is_thinned and segment.path.name not in dense:
            return Dropping(archive=facts, reason="size", thins=True)
    return Dropping(archive=free[0], reason="size")


def loose_ends(found: Sequence[ArchiveFacts], live: Head) -> Iterator[str]:
    """Where the archives, oldest first, are not one chain up to the head that the live segment begins with."""
    headers = [facts.header for facts in found if facts.header is not None]
    for earlier, later in pairwise(headers):
        if later.first_seq == earlier.last_seq + 1 and later.before != earlier.digest:
            yield f"the archive of events {later.first_seq} to {later.last_seq} does not continue the one before it"
    if headers and headers[-1].last_seq == live.seq and headers[-1].digest != live.digest.hex():
        yield f"the live segment does not continue the archive of events {headers[-1].first_seq} to {headers[-1].last_seq}"


async def dropped_on_record(log: EventLog, pause: Callable[[], Awaitable[None]]) -> int:
    """The last event whose dropping is on record, 0 if none is; looked for only if the oldest events are not there.

    Raises StorageFailed, OSError.
    """
    gone = holes(await log.archives.segments(), log.opening.head.seq)
    until = log.head.seq if gone and gone[0][0] == 1 else 0
    while until > 0:
        after = max(0, until - SLICE_ROWS)
        rows = await log.read_rows(after, until - after)
        seq = dropped_in(row for row in rows if row.seq <= until)
        if seq:  # the oldest go first, so that the newest record tells
            return seq
        until = after
        await pause()
    return 0


def keeps(batch: Sequence[Row]) -> bool:
    """Whether an observation and what was decided on it, as stored, outlive the chatter; what this version cannot read does."""
    try:
        return any(is_record(decode(row.type, row.version, row.payload)) for row in batch)
    except (LogCorrupt, UnknownEventType):
        return True


async def unrecorded(log: EventLog, pause: Callable[[], Awaitable[None]]) -> list[PastSegment]:
    """The thinned archives of which nothing in the log says what was cut out of them. Raises StorageFailed, OSError."""
    seals = await asyncio.to_thread(seals_of, await log.archives.segments())
    until = log.head.seq
    while seals and until > 0:
        after = max(0, until - SLICE_ROWS)
        rows = await log.read_rows(after, until - after)
        for seal in seals_in(row for row in rows if row.seq <= until):
            seals.pop(seal, None)
        until = after
        await pause()
    return list(seals.values())


class Archivist:
    """Keeps the archives of one station; `run` ends by cancellation."""

    def __init__(self, station: Station, log: EventLog, clock: StationClock, keep: Keep) -> None:
        self._station = station
        self._log = log
        self._clock = clock
        self._keep = keep
        self._wanted = asyncio.Event()
        self._reported: set[str] = set()
        self._damaged: set[str] = set()
        self._dense: set[str] = set()
        self._dropped_seq: int | None = None

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Follows the station: a segment that was closed is to be compressed."""
        if any(isinstance(recorded.event, BooksClosed) for recorded in batch):
            self._wanted.set()

    async def run(self) -> None:
        """At leisure after the boot, after each closed segment, and now and then, until cancelled."""
        await self.look()
        await self._clock.sleep_until(self._clock.at_ms() + AFTER_BOOT_MS)
        await self.tidy()
        await self.verify()
        while True:
            self._wanted.clear()
            await self.tidy()
            await self.look()
            await self._clock.wait(self._wanted, self._clock.at_ms() + EVERY_MS)

    async def look(self) -> None:
        """Names what has vanished from between the past segments; the names of the files tell."""
        await self._miss(self._dropped_seq)

    async def _miss(self, dropped_seq: int | None) -> None:
        """`dropped_seq` is the last event whose dropping is on record; None: not known yet, so the oldest ones may be gone."""
        try:
            found, base_seq = await self._log.archives.segments(), self._log.opening.head.seq
        except OSError as error:
            await self._report(f"what lies before the live segment cannot be seen: {error.strerror}")
            return
        for hole in holes(found, base_seq, dropped_seq or 0):
            if dropped_seq is not None or hole[0] > 1 or hole[1] == base_seq:
                await self._report(told(hole))

    async def tidy(self) -> None:
        """Compress the closed segments that wait, then drop the archives that the rule does not keep."""
        try:
            for segment in self._log.archives.waiting:
                if segment.path.name not in self._damaged:
                    await self._compress(segment)
            await self._drop()
        except OSError as error:
            LOGGER.warning("the archives cannot be looked through: %s", error)
        for finding in self._log.findings:
            await self._report(finding)

    async def _compress(self, segment: PastSegment) -> None:
        """Retry a damaged one once, then leave it until the next start: it can be read where it lies."""
        finding = await self._why_not(segment) and await self._why_not(segment)
        if finding:
            self._damaged.add(segment.path.name)
            await self._report(finding)

    async def _why_not(self, segment: PastSegment) -> str:
        """Make its archive; returns what is damaged, if that prevented it."""
        try:
            await self._log.archives.compress(segment, self._pause)
        except (LogCorrupt, LogTooNew, ChainBrokenError) as error:
            return f"{segment.path.name}: {error}"
        except sqlite3.Error as error:  # of the segment that is read: nothing else is a database
            if is_damage(error):
                return f"{segment.path.name}: {error}"
            await self._report(f"{segment.path.name} cannot be read now, and is tried again: {error}")
        except OSError as error:  # no space, for one: it waits for the next time
            LOGGER.warning("%s cannot be compressed now: %s", segment.path.name, error)
        return ""

    async def verify(self) -> None:
        """Reads all that lies before the live segment, the newest first, and sees that nothing is missing or of another chain."""
        try:
            if self._dropped_seq is None:
                self._dropped_seq = await dropped_on_record(self._log, self._pause)
            await self.look()
            for segment in await unrecorded(self._log, self._pause):
                await self._report(untold(segment))
            found = await self._log.archives.facts()
            for finding in loose_ends(found, self._log.opening.head):
                await self._report(finding)
            for facts in reversed(found):
                for finding in await self._log.archives.verify(facts.segment, self._pause):
                    await self._report(finding)
        except OSError as error:  # the disk has trouble: the next start looks again
            LOGGER.warning("the archives cannot be verified now: %s", error)

    async def _pause(self) -> None:
        await self._clock.sleep_until(self._clock.at_ms() + PAUSE_MS)

    async def _report(self, finding: str) -> None:
        if finding not in self._reported:
            self._reported.add(finding)
            await self._station.observe(LogDamageFound(finding=finding[:500]))

    async def _drop(self) -> None:
        found = list(await self._log.archives.facts(self._damaged))
        for facts in found:
            if facts.header is None and facts.segment.is_archive:
                await self._report(f"{facts.segment.path.name}: its header or index is damaged")
        while (step := self._next_step(found)) is not None:
            place = found.index(step.archive)
            if step.thins:
                found[place] = await self._thinned(step)
            else:
                await self._dropped(step)
                del found[place]

    def _next_step(self, found: Sequence[ArchiveFacts]) -> Dropping | None:
        state, opening = self._station.state, self._log.opening
        half = self._log.disk_bytes() // DISK_SHARE
        keep = Keep(days=self._keep.days, total_bytes=min(self._keep.total_bytes or half, half))
        now_utc_ms = state.clock.utc_ms(self._clock.at_ms()) if state.clock.trusted else None
        needed = min(needed_seq(state), opening.owed_seq)
        return next_step(found, keep, needed=needed, now_utc_ms=now_utc_ms, dense=self._dense)

    async def _thinned(self, step: Dropping) -> ArchiveFacts:
        """The archive once it is thinned: put on record first, and then in its place. What is damaged is left as it is."""
        segment, thinned = step.archive.segment, None
        try:
            thinned = await self._log.archives.thin(segment, keeps, self._pause)
        except (LogCorrupt, LogTooNew) as error:
            await self._report(str(error))
        if thinned is None:
            self._dense.add(segment.path.name)
            return step.archive
        event = ArchiveThinned(
            first_seq=segment.first_seq,
            last_seq=segment.last_seq,
            gaps=thinned.gaps,
            seal=thinned.seal,
            reason=step.reason,
        )
        await self._station.observe(event)
        return await self._log.archives.put_in_place(thinned)

    async def _dropped(self, step: Dropping) -> None:
        header, segment = step.archive.header, step.archive.segment
        dropped = ArchiveDropped(
            first_seq=segment.first_seq,
            last_seq=segment.last_seq,
            before="" if header is None else header.before,
            digest="" if header is None else header.digest,
            reason=step.reason,
        )
        await self._station.observe(dropped)
        await self._log.archives.drop(segment)
        self._dropped_seq = segment.last_seq
