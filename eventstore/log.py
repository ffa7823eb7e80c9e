"""The event log: append durably, read in order.

Theory of operation. There is one writing connection, with a worker of its own (`eventstore.threads`). A batch is encoded, numbered and chained when `append`
is called, so the order of calls is the order of the log. Batches that arrive while a commit is under way wait together and
go into the next commit: one statement, one transaction, one sync for all (group commit). `append` returns when its commit is
durable. Cancelling the caller does not stop the commit: the batch is on disk whole, or not at all. The first error of the
storage is final: every waiting and later append raises StorageFailed, and nothing is retried.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

from eventstore.archives import Archives
from eventstore.batches import Batches
from eventstore.boot import BootReport, Opener
from eventstore.chain import Head, Row
from eventstore.codec import Codec, catalogue_codec
from eventstore.covering import Covering
from eventstore.database import BUSY_TIMEOUT_MS, DATABASE_NAME, open_writer
from eventstore.descriptors import is_shortage
from eventstore.directory import StorageDirectory
from eventstore.errors import NotWritable, OutOfDescriptors, StorageError, StorageFailed
from eventstore.event import Event, Recorded
from eventstore.insertion import INSERT_EVENTS, Group
from eventstore.inspection import WAL_NAME, note_damage
from eventstore.integrity import CheckProgress, judge, question
from eventstore.opening import Opening
from eventstore.picking import Picking
from eventstore.reading import Reading
from eventstore.segments import NEXT_NAME, prepare_next, switch
from eventstore.snapshots import Snapshot, newest_snapshot, write_snapshot
from eventstore.space import Space
from eventstore.threads import OWN, Threads
from eventstore.value import replace
from eventstore.wal import synced_bytes
from eventstore.witness import Witness
from eventstore.writer import LogWriter

LOGGER = logging.getLogger(__name__)

WRITER = "event log writer"
SLICE_EVENTS = 500  # read and decoded at a time, so that the loop is never held for long


class EventLog(Space, Covering):
    """One station's log, open for appending. Use `open`; `close` lets the process end."""

    def __init__(
        self, directory: StorageDirectory, boot: Opener, writer: LogWriter, codec: Codec, threads: Threads
    ) -> None:
        self._directory = directory
        self._boot = boot
        self._writer = writer
        self._codec = codec
        self._threads = threads
        self._reading = Reading(directory.path / DATABASE_NAME, stays=not threads.are_shared)
        self._opening = boot.report.opening
        self.archives = Archives(directory, lambda: self._opening, threads)
        self._picking = Picking(self.archives, self._reading, lambda: self._opening, self._query)
        self.read_kinds = self._picking.kinds
        self._batches = Batches(boot.report.head, boot.report.commitments)
        self._chore: asyncio.Task[Any] | None = None  # what else is done to the files, between two commits
        self._failure: StorageError | None = None
        self._is_closed = False
        self.head_witness = Witness(directory)
        self._wal_bytes = 0  # as the witness knows it

    @classmethod
    async def open(
        cls,
        directory: Path,
        *,
        identity: str,
        catalogue: Mapping[str, type[Event]] | None = None,
        threads: Threads = OWN,
        reserve: bool = True,
    ) -> Self:
        """Open the log in `directory`, creating it if need be; what is damaged is set aside and salvaged first.

        Raises LogLocked, LogTooNew, NotWritable; nothing stays open then. Raises ValueError for a catalogue that lacks
        an upcaster, and TypeError for one with a field that has no decoder.
        """
        codec = catalogue_codec() if catalogue is None else Codec(catalogue)
        storage = StorageDirectory(directory, keeps_reserve=reserve)
        boot = Opener(storage, identity=identity)
        try:
            writer = await LogWriter.open(threads.worker(WRITER), boot.open)
        except asyncio.CancelledError:
            storage.close()
            raise
        try:
            return cls(storage, boot, writer, codec, threads)
        except OSError as error:  # what lies beside the database cannot be read
            await writer.close()
            storage.close()
            raise NotWritable(f"the log in {directory} cannot be opened: {error}") from error

    @property
    def head(self) -> Head:
        """The last durable event's seq and digest."""
        return self._batches.head

    @property
    def opening(self) -> Opening:
        """Where the live segment begins."""
        return self._opening

    @property
    def findings(self) -> tuple[str, ...]:
        """What was found damaged in closed segments while they were read."""
        return self.archives.findings

    @property
    def boot_report(self) -> BootReport:
        """What was found, and done about it, when the log was opened."""
        return self._boot.report

    @property
    def failure(self) -> StorageError | None:
        """Why the log takes no more events; None while it does."""
        return self._failure

    async def append(self, batch: Sequence[Recorded], payloads: Sequence[str] | None = None) -> None:
        """Append a batch, whole, encoded beforehand if it is large (`encode_batch`); returns once it is durable.

        Raises StorageFailed when it is not known to be durable: the caller must stop. Raises StructureError, and leaves
        the log as it was, for an event that JSON cannot hold. Asserts that `seq` continues the log.
        """
        if self._failure is not None:
            raise StorageFailed(str(self._failure)) from self._failure
        if not batch:
            return
        done = self._batches.add(batch, payloads)
        self._commit()
        await done

    def _commit(self) -> None:
        """Hand over what waits, unless the writer is at work: the only place that writes to the database while running."""
        group: Group | None = self._batches.begin() if self._chore is None else None
        if group is not None:
            self._writer.do(lambda connection: connection.execute(INSERT_EVENTS, group.parameters()), self._committed)

    def _committed(self, _: Any, error: BaseException | None) -> None:
        if error is None and self._wal_bytes:
            self._batches.conclude()
            self._commit()
        else:
            self._chore = asyncio.get_running_loop().create_task(self._conclude(error), name="event log commit")

    async def _conclude(self, failure: BaseException | None) -> None:
        """What is seldom: a commit that failed, or the first since the file was opened or emptied."""
        try:
            if failure is not None:
                raise failure
            # From now on a missing WAL is missed.
            await self._tell_of_wal(self._batches.ahead, synced_bytes(self._directory.size_of(WAL_NAME)))
            self._batches.conclude()
        except BaseException as error:
            await self._failed(f"appending failed: {error!r}", error)
            if not isinstance(error, sqlite3.Error | ValueError | StorageFailed):
                raise
        finally:
            self._go_on()

    def _go_on(self) -> None:
        """The chore is done: what came meanwhile is committed."""
        self._chore = None
        if self._failure is None:
            self._commit()

    def _fail(self, reason: str) -> StorageFailed:
        self._failure = self._failure or StorageFailed(reason)
        self._batches.strand(StorageFailed(reason))
        return StorageFailed(reason)

    async def _failed(self, reason: str, error: BaseException) -> StorageFailed:
        """As `_fail`; damage is noted on disk, so that the next start salvages the log instead of failing again."""
        if isinstance(error, sqlite3.Error):
            await asyncio.to_thread(note_damage, self._directory, reason, error)
        return self._fail(reason)

    async def read(self, after: int = 0, limit: int = 1000) -> list[Recorded]:
        """The events behind seq `after`, at most `limit`, in order, upcast to their present version.

        Raises LogCorrupt, UnknownEventType, StorageFailed, OutOfDescriptors.
        """
        return self._codec.decode_rows(await self._picking.rows(after, limit))

    async def read_rows(self, after: int, limit: int) -> list[Row]:
        """The rows behind seq `after` as stored, at most `limit`, in order; from the archives where they lie there.

        Fewer only at the end of the log; what the archives lost is a gap in `seq`. Raises StorageFailed, OutOfDescriptors.
        """
        return [Row._make(row) for row in await self._picking.rows(after, limit)]

    async def fold_source(self, after: int) -> AsyncIterator[list[Recorded]]:
        """All events behind seq `after` up to the head, in slices. Raises as `read` does."""
        while after < self.head.seq:
            events = self._codec.decode_rows(await self._picking.rows(after, SLICE_EVENTS))
            if not events:
                raise self._fail(f"the log ends behind event {after}, the head is {self.head.seq}")
            yield events
            after = events[-1].seq

    async def _query(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if self._is_closed:
            raise StorageFailed("the log is closed")
        try:
            return await self._reading.query(query, parameters)
        except (sqlite3.Error, ValueError) as error:
            raise await self._failed(f"reading failed: {error!r}", error) from error

    def openings(self) -> AsyncIterator[Opening]:
        """The states that segments begin with, the live one's first, then ever older ones; those that are lost are left out."""
        return self.archives.openings()

    async def first_seq(self) -> int:
        """The oldest event that can be read, here or in an archive; 1 more than the head when there is none."""
        rows = await self._picking.rows(0, 1)
        return int(rows[0][0]) if rows else self.head.seq + 1

    async def may_close_segment(self) -> bool:
        """Whether nobody holds the live segment open in a way that it could not be closed now. Raises StorageFailed."""
        return not self._reading.lock.locked() and await self._empty_wal()

    async def close_segment(self, *, state: bytes, layout: int, fingerprint: str, owed_seq: int) -> bool:
        """End the live segment with the event at the head, after which the station is in this state, and begin the next one.

        False when it cannot be done now: no space, another process reads the file, the file system has no hard links; then the
        segment goes on. Appends wait meanwhile. Asserts that none is under way. Raises StorageFailed.
        """
        assert self._chore is None, "a segment is closed between two appends"
        assert self._batches.is_idle, "a segment is closed between two appends"
        if self._failure is not None:
            raise StorageFailed(str(self._failure)) from self._failure
        opening = Opening(head=self.head, owed_seq=owed_seq, layout=layout, fingerprint=fingerprint, state=state)
        self._chore = asyncio.get_running_loop().create_task(self._close_segment(opening), name="event log segment")
        return bool(await asyncio.shield(self._chore))

    async def _close_segment(self, opening: Opening) -> bool:
        try:
            try:
                fresh = await asyncio.to_thread(prepare_next, self._directory, opening, self._boot.report.identity)
            except (OSError, sqlite3.Error) as error:  # nothing has happened to the live segment
                LOGGER.warning("the next segment cannot be prepared: %s", error)
                return False
            async with self._reading.lock:
                is_closed = await self._change_files()
                self._opening = opening if is_closed else self._opening
                self._batches.begin_segment(fresh if is_closed else self.commitments)
            return is_closed
        except (OSError, sqlite3.Error, ValueError) as error:
            raise await self._failed(f"the segment cannot be closed: {error!r}", error) from error
        finally:
            self._go_on()

    async def _change_files(self) -> bool:
        await self._reading.let_go()
        if not await self._empty_wal():
            (self._directory.path / NEXT_NAME).unlink()
            return False
        await self._writer.close()
        is_closed = await asyncio.to_thread(switch, self._directory)
        opener = partial(open_writer, self._directory.path / DATABASE_NAME)
        self._writer = await LogWriter.open(self._threads.worker(WRITER), opener)
        return is_closed

    async def _empty_wal(self) -> bool:
        """Checkpoint all of the WAL, without waiting for a reader of another process."""
        if not await self._tell_of_wal(self.head, 0):
            return False
        try:
            await self._writer.query("PRAGMA busy_timeout = 0")
            rows = await self._writer.query("PRAGMA wal_checkpoint(TRUNCATE)")
            await self._writer.query(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        except (sqlite3.Error, ValueError) as error:
            raise await self._failed(f"the checkpoint failed: {error!r}", error) from error
        return not rows[0][0]

    async def check_slice(self, progress: CheckProgress, *, events: int = SLICE_EVENTS) -> CheckProgress:
        """Verify the next slice of the live segment's chain, and once it is through, the structure of its file; see `integrity`.

        Call it with its own result, at leisure, until `done`. A finding is kept on disk, so that the next start sets the
        log aside and salvages it; the caller must stop as for StorageFailed.
        """
        if progress.done:
            return progress
        async with self._reading.lock:  # no segment is closed between where it begins and what is read of it
            head, base = self.head, self._opening.head
            if progress.verified.seq < base.seq:
                progress = replace(progress, verified=base)
            asked = question(progress, head, events)
            result = judge(progress, head, await self._query(*asked), self.commitments.content)
            if result.findings:  # a disk may fail to read once and be well
                await self._reading.let_go()
                result = judge(progress, head, await self._query(*asked), self.commitments.content)
        if result.done:
            await asyncio.to_thread(self._directory.conclude, result.findings)
        return result

    async def witness(self) -> None:
        """Note the durable head outside the database, synced: after critical commits, and while one is missing. Raises StorageFailed."""
        await self._note(self._newest)

    def _newest(self) -> tuple[Head, int]:
        if self._wal_bytes and self._batches.is_idle:  # else there may be more of it than is synced
            self._wal_bytes = synced_bytes(self._directory.size_of(WAL_NAME))
        return self.head, self._wal_bytes

    async def _tell_of_wal(self, head: Head, wal_bytes: int) -> bool:
        """False if there was no descriptor for it: then nobody misses the WAL, or it must stay."""
        self._wal_bytes = wal_bytes
        await self._note(lambda: (head, wal_bytes), critical=False)
        self._wal_bytes *= not self.head_witness.is_owed
        return not self.head_witness.is_owed

    async def _note(self, newest: Callable[[], tuple[Head, int]], *, critical: bool = True) -> None:
        try:
            await self.head_witness.note_newest(newest, critical=critical)
        except OSError as error:
            raise self._fail(f"the witness cannot be written: {error}") from error

    async def check_place(self) -> None:
        """Raises StorageFailed if the storage directory is no longer where it was locked: the next start would not find it."""
        try:
            await asyncio.to_thread(self._directory.check_place)
        except OSError as error:
            raise self._fail(str(error)) from error

    async def save_snapshot(self, seq: int, fingerprint: str, state: bytes) -> None:
        """Keep the state after event `seq`, as a cache. Asserts that `seq` is durable. Raises StorageFailed, OutOfDescriptors."""
        assert 0 < seq <= self.head.seq, f"a snapshot at {seq}, the head is {self.head.seq}"
        digest = await self._digest_of(seq)
        snapshot = Snapshot(seq=seq, fingerprint=fingerprint, state=state, digest=digest)
        try:
            await asyncio.to_thread(write_snapshot, self._directory, snapshot)
        except OSError as error:
            if is_shortage(error):
                raise OutOfDescriptors(f"the snapshot cannot be written: {error}") from error
            raise self._fail(f"the snapshot cannot be written: {error}") from error

    async def load_snapshot(self, fingerprint: str) -> Snapshot | None:
        """The newest intact snapshot with this fingerprint that agrees with the chain; None if there is none."""
        snapshot = newest_snapshot(self._directory, fingerprint)
        if snapshot is None or snapshot.seq > self.head.seq:
            return None
        return snapshot if await self._digest_of(snapshot.seq) == snapshot.digest else None

    async def _digest_of(self, seq: int) -> bytes:
        """The digest of an event; empty if it cannot be read any more."""
        if seq == self._opening.head.seq:
            return self._opening.head.digest
        rows = await self._picking.rows(seq - 1, 1)
        return bytes(rows[0][8]) if rows and rows[0][0] == seq else b""

    async def acknowledge_recovery(self) -> None:
        """Forget the report of a recovery, once an event that names it is durable; until then each start repeats it."""
        await asyncio.to_thread(self._directory.remove_report)

    async def segment_bytes(self) -> int:
        """How large the live segment has grown, with what still stands in its WAL. Raises StorageFailed."""
        query = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        try:  # of the writer: a check of the whole file may keep the reader busy for long
            rows = await self._writer.query(query)
        except (sqlite3.Error, ValueError) as error:
            raise await self._failed(f"reading failed: {error!r}", error) from error
        return int(rows[0][0])

    async def close(self) -> None:
        """Wait for commits under way, close the connections, release the lock. Does nothing the second time."""
        if not self._is_closed:
            await asyncio.shield(self._closing())

    async def _closing(self) -> None:
        if self._failure is None and (last := self._batches.last()) is not None:
            await asyncio.wait([last])
        if self._chore is not None:
            await asyncio.wait([self._chore])
        may_go = False
        with suppress(StorageFailed):  # closing empties the WAL and takes it away
            may_go = self._failure is None and await self._tell_of_wal(self.head, 0)
        self._failure = self._failure or StorageFailed("the log is closed")
        self._is_closed = True
        await self._reading.interrupt()  # a check of the whole file need not come to its end
        try:
            async with self._reading.lock:
                await (self._reading.let_go() if may_go else self._reading.hold())
        finally:
            await self._writer.close()
            await self._reading.let_go()
            await self.archives.close()
            await asyncio.to_thread(self.head_witness.close)
            self._directory.close()
