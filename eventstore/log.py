"""The event log: append durably, read in order.

Theory of operation. There is one writing connection, on its own thread. A batch is encoded, numbered and chained when `append`
is called, so the order of calls is the order of the log. Batches that arrive while a commit is under way wait together and
go into the next commit: one statement, one transaction, one sync for all (group commit). `append` returns when its commit is
durable. Cancelling the caller does not stop the commit: the batch is on disk whole, or not at all. The first error of the
storage is final: every waiting and later append raises StorageFailed, and nothing is retried.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import aiosqlite

from eventstore.boot import Boot, BootReport
from eventstore.chain import Head, Row
from eventstore.codec import Codec, catalogue_codec
from eventstore.database import DATABASE_NAME, connect, open_reader
from eventstore.directory import StorageDirectory
from eventstore.errors import StorageError, StorageFailed
from eventstore.event import Event, Recorded
from eventstore.insertion import INSERT_EVENTS, Group
from eventstore.integrity import CheckProgress, check_rows, quick_check
from eventstore.snapshots import Snapshot, newest_snapshot, write_snapshot
from eventstore.witness import Witness

GROUP_EVENTS_MAX = 2_048
"""A group with so many events takes no further batch."""
SLICE_EVENTS = 500
"""How many events are read and decoded at a time, so that the loop is never held for long."""

_READ = (
    "SELECT seq, cause, at_ms, utc_ms, type, version, connector_id, payload, digest "
    "FROM event WHERE seq > ? ORDER BY seq LIMIT ?"
)


class EventLog:
    """One station's log, open for appending. Use `open`; `close` lets the process end."""

    def __init__(self, directory: StorageDirectory, boot: Boot, writer: aiosqlite.Connection, codec: Codec) -> None:
        self._directory = directory
        self._boot = boot
        self._writer = writer
        self._codec = codec
        self._reader: aiosqlite.Connection | None = None
        self._reader_lock = asyncio.Lock()
        self._head = boot.report.head
        self._under_way: Group | None = None
        self._waiting: list[Group] = []
        self._flush: asyncio.Task[None] | None = None
        self._failure: StorageError | None = None
        self._is_closed = False
        self._witness = Witness(directory.path)
        self._witness_lock = asyncio.Lock()

    @classmethod
    async def open(cls, directory: Path, *, identity: str, catalogue: Mapping[str, type[Event]] | None = None) -> Self:
        """Open the log in `directory`, creating it if need be; what is damaged is set aside and salvaged first.

        Raises LogLocked, LogTooNew, NotWritable; nothing stays open then. Raises ValueError for a catalogue that lacks
        an upcaster, and TypeError for one with a field that has no decoder.
        """
        codec = catalogue_codec() if catalogue is None else Codec(catalogue)
        storage = StorageDirectory(directory)
        boot = Boot(storage, identity=identity)
        opening = asyncio.get_running_loop().create_task(connect(boot.open), name="event log open")
        try:
            writer = await asyncio.shield(opening)
        except asyncio.CancelledError:  # the thread is at work on the file: let it finish, then undo
            await asyncio.wait([opening])
            if opening.exception() is None:
                await opening.result().close()
                storage.close()
            raise
        return cls(storage, boot, writer, codec)

    @property
    def head(self) -> Head:
        """The last durable event's seq and digest."""
        return self._head

    @property
    def boot_report(self) -> BootReport:
        """What was found, and done about it, when the log was opened."""
        return self._boot.report

    @property
    def failure(self) -> StorageError | None:
        """Why the log takes no more events; None while it does."""
        return self._failure

    async def append(self, batch: Sequence[Recorded]) -> None:
        """Append a batch, whole; returns once it is durable.

        Raises StorageFailed when it is not known to be durable: the caller must stop. Raises StructureError, and leaves
        the log as it was, for an event that JSON cannot hold. Asserts that `seq` continues the log.
        """
        if self._failure is not None:
            raise StorageFailed(str(self._failure)) from self._failure
        if not batch:
            return
        group = self._open_group()
        group.add(batch)
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        group.waiting.append(done)
        if self._flush is None:
            self._flush = loop.create_task(self._commit_all(), name="event log commit")
        await done

    def _open_group(self) -> Group:
        if not self._waiting:
            self._waiting.append(Group(self._head if self._under_way is None else self._under_way.head))
        elif len(self._waiting[-1]) >= GROUP_EVENTS_MAX:
            self._waiting.append(Group(self._waiting[-1].head))
        return self._waiting[-1]

    async def _commit_all(self) -> None:
        """Commit what waits until nothing does. The only place that writes to the database while running."""
        try:
            while self._waiting:
                group = self._under_way = self._waiting.pop(0)
                await self._writer.execute_fetchall(INSERT_EVENTS, group.parameters())
                self._head, self._under_way = group.head, None
                for done in group.waiting:
                    if not done.done():  # its caller was cancelled; the batch is durable all the same
                        done.set_result(None)
        except BaseException as error:
            self._fail(f"appending failed: {error!r}")
            if not isinstance(error, sqlite3.Error | ValueError):
                raise
        finally:
            self._flush = None

    def _fail(self, reason: str) -> StorageFailed:
        self._failure = self._failure or StorageFailed(reason)
        stranded = self._waiting if self._under_way is None else [self._under_way, *self._waiting]
        self._waiting = []
        for done in [done for group in stranded for done in group.waiting if not done.done()]:
            done.set_exception(StorageFailed(reason))
        return StorageFailed(reason)

    async def read(self, after: int = 0, limit: int = 1000) -> list[Recorded]:
        """The events behind seq `after`, at most `limit`, in order, upcast to their present version.

        Raises LogCorrupt, UnknownEventType, StorageFailed.
        """
        return self._codec.decode_rows(await self._select(_READ, (after, limit)))

    async def read_rows(self, after: int, limit: int) -> list[Row]:
        """The rows behind seq `after` as stored, at most `limit`, in order. Raises StorageFailed."""
        return [Row._make(row) for row in await self._select(_READ, (after, limit))]

    async def fold_source(self, after: int) -> AsyncIterator[list[Recorded]]:
        """All events behind seq `after` up to the head, in slices. Raises as `read` does."""
        while after < self._head.seq:
            events = self._codec.decode_rows(await self._select(_READ, (after, SLICE_EVENTS)))
            if not events:
                raise self._fail(f"event {after + 1} cannot be read, the head is {self._head.seq}")
            yield events
            after = events[-1].seq

    async def _select(self, query: str, parameters: tuple[Any, ...]) -> list[Any]:
        """Rows through a connection of its own that only reads, so that no append waits behind a reader."""
        try:
            reader = await self._connected_reader()
            return list(await reader.execute_fetchall(query, parameters))
        except (sqlite3.Error, ValueError) as error:
            raise self._fail(f"reading failed: {error!r}") from error

    async def _connected_reader(self) -> aiosqlite.Connection:
        async with self._reader_lock:
            if self._is_closed:
                raise StorageFailed("the log is closed")
            if self._reader is None:
                path = self._directory.path / DATABASE_NAME
                self._reader = await connect(partial(open_reader, path))
            return self._reader

    async def check_slice(self, progress: CheckProgress, *, events: int = SLICE_EVENTS) -> CheckProgress:
        """Verify the next slice of the chain, and once it is through, the structure of the file; see `integrity`.

        Call it with its own result, at leisure, until `done`. A finding is kept on disk, so that the next start sets the
        log aside and salvages it; the caller must stop as for StorageFailed.
        """
        if progress.done:
            return progress
        head = self._head
        if progress.verified.seq >= head.seq:
            result = quick_check(progress, await self._select("PRAGMA quick_check(10)", ()))
        else:
            limit = min(events, head.seq - progress.verified.seq)
            result = check_rows(progress, await self._select(_READ, (progress.verified.seq, limit)))
        if result.findings:
            await asyncio.to_thread(self._directory.condemn, result.findings)
        return result

    async def witness(self) -> None:
        """Note the durable head outside the database, with its own sync. Call it after critical commits.

        Raises StorageFailed.
        """
        async with self._witness_lock:
            head = self._head
            try:
                await asyncio.to_thread(self._witness.note, head)
            except OSError as error:
                raise self._fail(f"the witness cannot be written: {error}") from error

    async def save_snapshot(self, seq: int, fingerprint: str, state: bytes) -> None:
        """Keep the state after event `seq`, as a cache. Asserts that `seq` is durable. Raises StorageFailed."""
        assert 0 < seq <= self._head.seq, f"a snapshot at {seq}, the head is {self._head.seq}"
        (row,) = await self._select(_READ, (seq - 1, 1))
        snapshot = Snapshot(seq=seq, fingerprint=fingerprint, state=state, digest=row[8])
        try:
            await asyncio.to_thread(write_snapshot, self._directory, snapshot)
        except OSError as error:
            raise self._fail(f"the snapshot cannot be written: {error}") from error

    async def load_snapshot(self, fingerprint: str) -> Snapshot | None:
        """The newest intact snapshot with this fingerprint that agrees with the chain; None if there is none."""
        snapshot = newest_snapshot(self._directory, fingerprint)
        if snapshot is None or snapshot.seq > self._head.seq:
            return None
        rows = await self._select(_READ, (snapshot.seq - 1, 1))
        return snapshot if rows and rows[0][8] == snapshot.digest else None

    async def acknowledge_recovery(self) -> None:
        """Forget the report of a recovery, once an event that names it is durable; until then each start repeats it."""
        await asyncio.to_thread(self._directory.remove_report)

    def bytes_on_disk(self) -> int:
        """What the database and its WAL take on the disk."""
        return self._directory.size_of(DATABASE_NAME) + self._directory.size_of(f"{DATABASE_NAME}-wal")

    def free_bytes(self) -> int:
        """What the file system has left for us."""
        return self._directory.free_bytes()

    def release_reserve(self) -> bool:
        """Give up the disk reserve, for the last things that must be written; False when it was already gone."""
        return self._directory.release_reserve()

    async def close(self) -> None:
        """Wait for commits under way, close the connections, release the lock. Does nothing the second time."""
        await asyncio.shield(self._closing())

    async def _closing(self) -> None:
        if self._flush is not None:
            await asyncio.wait([self._flush])
        self._failure = self._failure or StorageFailed("the log is closed")
        self._is_closed = True
        if self._reader is not None:
            await self._reader.interrupt()  # a check of the whole file need not come to its end
        async with self._reader_lock:
            reader, self._reader = self._reader, None
        try:
            if reader is not None:
                await reader.close()
        finally:
            await self._writer.close()
            self._directory.close()
