"""The connection that reads the live segment of a running log. It has one thread, and whoever asks it holds its lock.

It is opened when something is asked of it, and anew once the file was replaced (a segment was closed). Where many logs share a process
it does not stay: each would hold a thread and two file descriptors that are seldom needed.
"""

import asyncio
import logging
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite

from eventstore.again import PAUSE_S, TIMES, may_pass
from eventstore.database import connect, open_reader
from eventstore.descriptors import is_shortage
from eventstore.errors import OutOfDescriptors
from eventstore.inspection import is_damage

LOGGER = logging.getLogger(__name__)


class Reading:
    """Reads one database file; hold `lock` while you ask and while the file is replaced."""

    def __init__(self, path: Path, *, stays: bool = True) -> None:
        self.lock = asyncio.Lock()
        self._path = path
        self._stays = stays
        self._connection: aiosqlite.Connection | None = None

    async def query(self, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows that a query finds, asked again if it fails with what may pass.

        Raises sqlite3.Error, OutOfDescriptors, and ValueError once it is closed.
        """
        try:
            return await self._asked_again(query, parameters)
        finally:
            if not self._stays:
                await self.let_go()

    async def _asked_again(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        for _ in range(TIMES - 1):
            try:
                return await self._asked(query, parameters)
            except sqlite3.Error as error:
                if not may_pass(error) and not is_damage(error):  # a failed read may look like damage
                    raise
                LOGGER.warning("reading the log failed, and is tried again: %s", error)
            await self.let_go()
            await asyncio.sleep(PAUSE_S)
        return await self._asked(query, parameters)

    async def _asked(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            try:
                self._connection = await connect(partial(open_reader, self._path))
            except (sqlite3.Error, OSError) as error:
                if is_shortage(error):
                    raise OutOfDescriptors(f"the log cannot be read now: {error}") from error
                raise
        rows: Any = await self._connection.execute_fetchall(query, parameters)
        return list(rows)

    async def hold(self) -> None:
        """Be the last connection, with which SQLite leaves the WAL where it is; what cannot be read holds nothing."""
        with suppress(sqlite3.Error, ValueError, OutOfDescriptors):
            await self._asked_again("SELECT count(*) FROM sqlite_schema", ())

    async def let_go(self) -> None:
        """Close the connection; the next question opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def interrupt(self) -> None:
        """End what is being asked; without the lock."""
        if self._connection is not None:
            await self._connection.interrupt()
