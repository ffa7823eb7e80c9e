"""The connection that writes, with a worker of its own (`eventstore.threads`).

Who hands it a job names what is called with the outcome, on the event loop. So a commit needs no task to wait for it, it goes on when
whoever asked for it is cancelled, and it costs one way there and one back: half of what a coroutine per call takes (aiosqlite, with
which the log is read). The jobs are done in the order in which they came.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, Self

from eventstore.threads import Worker, tell

Job = Callable[[sqlite3.Connection], Any]
Then = Callable[[Any, BaseException | None], None]


class LogWriter:
    """Use `open`; `close` ends its worker. All of it is for the loop that opened it."""

    def __init__(self, worker: Worker, opener: Callable[[], sqlite3.Connection], then: Then) -> None:
        """Has the worker open the connection, and calls `then` with True, or with what `opener` raised: the worker has ended then."""
        self._loop = asyncio.get_running_loop()
        self._worker = worker
        self._is_closed = False
        self._connection: sqlite3.Connection | None = None
        worker.put(lambda: self._open(opener, then))

    @classmethod
    async def open(cls, worker: Worker, opener: Callable[[], sqlite3.Connection]) -> Self:
        """With the connection that `opener` opens; raises what it raises, and nothing stays open then, nor if the caller is cancelled."""
        opened, then = _outcome()
        writer = cls(worker, opener, then)
        try:
            await asyncio.shield(opened)
        except asyncio.CancelledError:  # the worker is at work on the file: let it finish, then undo
            await asyncio.wait([opened])
            if opened.exception() is None:
                await writer.close()
            raise
        return writer

    def do(self, job: Job, then: Then) -> None:
        """Has the job done, and `then` called with what it returns or raises. Raises ValueError once closed."""
        if self._is_closed:
            raise ValueError("the connection is closed")
        self._worker.put(lambda: self._do(job, then))

    async def query(self, query: str) -> list[tuple[Any, ...]]:
        """The rows that a query finds. Raises sqlite3.Error, and ValueError once closed."""
        found, then = _outcome()
        self.do(lambda connection: connection.execute(query).fetchall(), then)
        rows: list[tuple[Any, ...]] = await found
        return rows

    async def close(self) -> None:
        """Close the connection once all jobs are done, and end the worker. Does nothing the second time."""
        if self._is_closed:
            return
        closed, then = _outcome()
        self.do(sqlite3.Connection.close, then)
        self._is_closed = True
        self._worker.end()
        await closed

    def _open(self, opener: Callable[[], sqlite3.Connection], then: Then) -> None:
        try:
            self._connection = opener()
        except BaseException as error:  # noqa: BLE001  # raised again on the loop
            tell(self._loop, then, None, error)
            self._worker.end()
            return
        self._tell(then, True, None)

    def _do(self, job: Job, then: Then) -> None:
        if self._connection is None:  # the loop has ended
            return
        result, failure = None, None
        try:
            result = job(self._connection)
        except BaseException as error:  # noqa: BLE001  # raised again on the loop
            failure = error
        self._tell(then, result, failure)

    def _tell(self, then: Then, result: Any, error: BaseException | None) -> None:
        if not tell(self._loop, then, result, error) and self._connection is not None:
            self._connection.close()
            self._connection = None
            self._worker.end()


def _outcome() -> tuple[asyncio.Future[Any], Then]:
    """A future, and what settles it."""
    outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def then(result: Any, error: BaseException | None) -> None:
        if outcome.done():  # nobody waits any more
            return
        if error is None:
            outcome.set_result(result)
        else:
            outcome.set_exception(error)

    return outcome, then
