"""The connection that reads the live segment of a running log. It has one thread, and whoever asks it holds its lock.

It is opened when something is asked of it, and anew once the file was replaced (a segment was closed).
"""

import asyncio
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite

from eventstore.database import connect, open_reader
from eventstore.descriptors import is_shortage
from eventstore.errors import OutOfDescriptors


class Reading:
    """Reads one database file; hold `lock` while you ask and while the file is replaced."""

    def __init__(self, path: Path) -> None:
        self.lock = asyncio.Lock()
        self._path = path
        self._connection: aiosqlite.Connection | None = None

    async def query(self, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows that a query finds. Raises sqlite3.Error, OutOfDescriptors, and ValueError once it is closed."""
        if self._connection is None:
            try:
                self._connection = await connect(partial(open_reader, self._path))
            except (sqlite3.Error, OSError) as error:
                if is_shortage(error):
                    raise OutOfDescriptors(f"the log cannot be read now: {error}") from error
                raise
        rows: Any = await self._connection.execute_fetchall(query, parameters)
        return list(rows)

    async def let_go(self) -> None:
        """Close the connection; the next question opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def interrupt(self) -> None:
        """End what is being asked; without the lock."""
        if self._connection is not None:
            await self._connection.interrupt()
