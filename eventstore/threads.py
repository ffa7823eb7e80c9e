"""Where the work of a log is done that must not hold the event loop: by workers. A worker does its jobs one at a time, in order.

A log by itself has a thread for each of its workers, so that none waits for another. The workers of many logs in one process share a
few threads (`SharedThreads`): there it counts what each log takes of the memory. All threads are daemons: a commit that hangs with its
disk must not hold up the end of the process.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Job = Callable[[], None]
"""What a worker does; it raises nothing."""


class Worker(Protocol):
    """Does jobs one after the other."""

    def put(self, job: Job) -> None:
        """Has the job done, behind those that were put before."""
        ...

    def end(self) -> None:
        """The last job is the last one: once it is done, nothing is left of the worker. May be called by a job."""
        ...


class Threads(Protocol):
    """Where workers come from."""

    @property
    def are_shared(self) -> bool:
        """Whether other logs use the same threads: then nothing should be held that is not needed now."""
        ...

    def worker(self, name: str) -> Worker:
        """A new worker."""
        ...


class _OwnThread:
    """A worker with a thread of its own, which begins with the first job."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._has_begun = False

    def put(self, job: Job) -> None:
        """See `Worker`."""
        self._jobs.put(job)
        if not self._has_begun:
            self._has_begun = True
            Thread(target=self._work, name=self._name, daemon=True).start()

    def end(self) -> None:
        """See `Worker`."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class OwnThreads:
    """A thread for each worker."""

    are_shared = False

    def worker(self, name: str) -> Worker:
        """See `Threads`."""
        return _OwnThread(name)


OWN = OwnThreads()


class _SharedWorker:
    """A worker whose jobs any of the threads does; `ready` is where they look for workers that have some."""

    def __init__(self, ready: "SimpleQueue[_SharedWorker]") -> None:
        self._ready = ready
        self._jobs: deque[Job] = deque()
        self._lock = Lock()
        self._is_under_way = False

    def put(self, job: Job) -> None:
        """See `Worker`."""
        with self._lock:
            self._jobs.append(job)
            if self._is_under_way:
                return
            self._is_under_way = True
        self._ready.put(self)

    def end(self) -> None:
        """See `Worker`: there is nothing to be let go of."""

    def do_next(self) -> None:
        """One job; other workers come before the next one."""
        self._jobs.popleft()()
        with self._lock:
            if not self._jobs:
                self._is_under_way = False
                return
        self._ready.put(self)


class SharedThreads:
    """So many threads for any number of workers, as long as the process lives."""

    are_shared = True

    def __init__(self, count: int) -> None:
        assert count > 0, "somebody has to do the work"
        self._ready: SimpleQueue[_SharedWorker] = SimpleQueue()
        for number in range(count):
            Thread(target=self._work, name=f"logs {number}", daemon=True).start()

    def worker(self, name: str) -> Worker:
        """See `Threads`."""
        return _SharedWorker(self._ready)

    def _work(self) -> None:
        while True:
            self._ready.get().do_next()


async def done_in(worker: Worker, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """What the function returns or raises, once the worker has done it. Cancelled before its turn, it is not called at all."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if not outcome.done():
            outcome.set_result(result) if error is None else outcome.set_exception(error)

    def job() -> None:
        if outcome.cancelled():
            return
        result, failure = None, None
        try:
            result = function(*arguments, **named)
        except BaseException as error:  # noqa: BLE001  # raised again on the loop
            failure = error
        tell(loop, settle, result, failure)

    worker.put(job)
    return await outcome


def tell(loop: asyncio.AbstractEventLoop, then: Callable[..., None], *facts: Any) -> bool:
    """Has `then` called on the loop; False if that has ended: nobody will ask for anything any more."""
    try:
        loop.call_soon_threadsafe(then, *facts)
    except RuntimeError:
        return False
    return True
