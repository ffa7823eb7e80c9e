"""The connection that writes, on a thread of its own.

Who hands it a job names what is called with the outcome, on the event loop. So a commit needs no task to wait for it, it goes on when
whoever asked for it is cancelled, and it costs one way there and one back: half of what a coroutine per call takes (aiosqlite, with
which the log is read). The jobs are done in the order in which they came.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, Self

Job = Callable[[sqlite3.Connection], Any]
Then = Callable[[Any, BaseException | None], None]


class WriterThread:
    """Use `open`; `close` lets the thread end. All of it is for the loop that opened it."""

    def __init__(self, opener: Callable[[], sqlite3.Connection], then: Then) -> None:
        """Opens the connection on the thread, and calls `then` with True, or with what `opener` raised: the thread has ended then."""
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[tuple[Job, Then]] = SimpleQueue()
        self._is_closed = False
        # A commit that hangs with its disk must not hold up the end of the process.
        Thread(target=self._work, args=(opener, then), name="event log writer", daemon=True).start()

    @classmethod
    async def open(cls, opener: Callable[[], sqlite3.Connection]) -> Self:
        """With the connection that `opener` opens; raises what it raises, and nothing stays open then."""
        opened, then = _outcome()
        writer = cls(opener, then)
        await opened
        return writer

    def do(self, job: Job, then: Then) -> None:
        """Has the job done, and `then` called with what it returns or raises. Raises ValueError once closed."""
        if self._is_closed:
            raise ValueError("the connection is closed")
        self._jobs.put((job, then))

    async def query(self, query: str) -> list[tuple[Any, ...]]:
        """The rows that a query finds. Raises sqlite3.Error, and ValueError once closed."""
        found, then = _outcome()
        self.do(lambda connection: connection.execute(query).fetchall(), then)
        rows: list[tuple[Any, ...]] = await found
        return rows

    async def close(self) -> None:
        """Close the connection once all jobs are done, and end the thread. Does nothing the second time."""
        if self._is_closed:
            return
        closed, then = _outcome()
        self.do(sqlite3.Connection.close, then)
        self._is_closed = True
        await closed

    def _work(self, opener: Callable[[], sqlite3.Connection], then: Then) -> None:
        try:
            connection = opener()
        except BaseException as error:  # noqa: BLE001  # raised again on the loop
            self._tell(then, None, error)
            return
        goes_on = self._tell(then, True, None)
        while goes_on:
            job, then = self._jobs.get()
            result, failure = None, None
            try:
                result = job(connection)
            except BaseException as error:  # noqa: BLE001  # raised again on the loop
                failure = error
            goes_on = self._tell(then, result, failure) and job is not sqlite3.Connection.close
        connection.close()

    def _tell(self, then: Then, result: Any, error: BaseException | None) -> bool:
        """False if the loop has ended: nobody will ask for anything any more."""
        try:
            self._loop.call_soon_threadsafe(then, result, error)
        except RuntimeError:
            return False
        return True


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
