"""Opening a log: lock, guard, recovery, schema, in this order. Runs on the thread of the connection that it returns."""

import logging
import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from eventstore.again import again, may_pass
from eventstore.beside import missing_beside, note_head, own_identity
from eventstore.chain import EMPTY, Head
from eventstore.commitments import Commitments
from eventstore.database import DATABASE_NAME, close_beside_wal, has_table, migrate, open_writer, read_head
from eventstore.directory import IDENTITY_NAME, StorageDirectory
from eventstore.errors import NotWritable
from eventstore.inspection import inspect, is_damage
from eventstore.opening import FIRST, Opening, read_opening
from eventstore.salting import begin_commitments
from eventstore.salvage import Recovery, finish, pending_recovery, recover
from eventstore.segments import finish_switch
from eventstore.value import Value
from migrations import MIGRATIONS, Migration

LOGGER = logging.getLogger(__name__)


class BootReport(Value, frozen=True, kw_only=True):
    """What opening the log found and did.

    `recovery` stays until `EventLog.acknowledge_recovery`: the station first records an event that names it. Without
    `has_reserve` the disk is so full that no new transaction may begin. `opening` is where the live segment begins, `path` the
    storage directory; `commitments` tell what the digests of the live segment cover.
    `notices` say what beside the log was missing or illegible and has been made anew; `identity` is whose log it is.
    """

    created: bool
    head: Head
    recovery: Recovery | None
    migrated: tuple[int, ...]
    has_reserve: bool
    opening: Opening = FIRST
    commitments: Commitments = Commitments()
    path: Path = Path()
    notices: tuple[str, ...] = ()
    identity: str = ""

    @property
    def last_seq(self) -> int:
        """The last seq in the log as opened; 0 when it is empty."""
        return self.head.seq

    @property
    def recovered(self) -> tuple[str, ...]:
        """What was found damaged, for people; empty when nothing was."""
        return () if self.recovery is None else self.recovery.findings


class Opener:
    """Opens the log of one storage directory; `report` is there once `open` has returned."""

    def __init__(
        self, directory: StorageDirectory, *, identity: str, migrations: Sequence[Migration] = MIGRATIONS
    ) -> None:
        self._directory = directory
        self._identity = identity
        self._migrations = migrations
        self.report = BootReport(created=False, head=EMPTY, recovery=None, migrated=(), has_reserve=False)

    def open(self) -> sqlite3.Connection:
        """The writing connection. Raises LogLocked, LogTooNew, NotWritable; the lock is released then.

        Without space the reserve is given up and everything tried once more.
        """
        try:
            return self._open_twice()
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, sqlite3.Error) and is_damage(error):  # met by writing only: the next start salvages
                self._condemn(f"opening failed: {error!r}")
            self._directory.close()
            raise NotWritable(f"the log in {self._directory.path} cannot be opened for writing: {error}") from error
        except BaseException:
            self._directory.close()
            raise

    def _open_twice(self) -> sqlite3.Connection:
        """A failed read may look like damage: the log is opened again before it counts as damaged."""
        try:
            return self._open_or_make_room()
        except sqlite3.Error as error:
            if not is_damage(error) and not may_pass(error):
                raise
            LOGGER.warning("opening the log failed, and is tried again: %s", error)
        return self._open_or_make_room()

    def _condemn(self, finding: str) -> None:
        try:
            self._directory.condemn((finding,))
        except OSError as second:
            LOGGER.warning("the damage cannot be noted: %s", second)

    def _open_or_make_room(self) -> sqlite3.Connection:
        try:
            return self._open()
        except (OSError, sqlite3.Error, NotWritable) as error:
            is_full = self._directory.is_out_of_space(error.__cause__ or error)
            if not is_full or not self._directory.release_reserve():
                raise
            return self._open()

    def _open(self) -> sqlite3.Connection:
        directory = self._directory
        directory.acquire()
        finish(directory)
        directory.remove_temporaries()
        finish_switch(directory)
        findings = inspect(directory, self._migrations)
        if findings:
            again(partial(recover, directory, findings, self._migrations))
        connection = again(partial(open_writer, directory.path / DATABASE_NAME))
        try:
            notices = missing_beside(directory, connection)
            if has_table(connection, "event"):  # before anything may end with the WAL taken away
                note_head(directory, connection)
            migrated = migrate(connection, self._migrations)
            created = not directory.is_commissioned() and read_head(connection) == EMPTY
            if created:
                self._commission(connection)
            note_head(directory, connection)
            self.report = BootReport(
                created=created,
                head=read_head(connection),
                recovery=pending_recovery(directory),
                migrated=migrated,
                has_reserve=directory.make_reserve(),
                opening=read_opening(connection)[0],
                commitments=begin_commitments(connection, read_head(connection).seq + 1),
                path=directory.path,
                notices=notices,
                identity=own_identity(directory, connection),
            )
        except BaseException:
            close_beside_wal(connection, directory.path / DATABASE_NAME)
            raise
        return connection

    def _commission(self, connection: sqlite3.Connection) -> None:
        """Only once the file is durable does the marker say that there must be one."""
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('identity', ?)", (self._identity,))
        self._directory.sync()
        self._directory.write_file(IDENTITY_NAME, f"{self._identity}\n".encode())
