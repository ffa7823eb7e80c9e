"""Running the tasks: in worker processes of this machine, or on a Dask cluster; rows come as they are done.

A worker process that dies (out of memory, killed) takes its log along as a broken row: the others are given to a fresh pool.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from os import cpu_count
from typing import Any

from station.fleet.one_log import BROKEN, Row, Task, run
from station.replay.errors import LibraryMissing, ReplayError

CONNECT_S = 30
AHEAD_PER_WORKER = 4
"""How many tasks are handed out at once for each worker, so that thousands of logs are not thousands of futures."""


def in_processes(tasks: Sequence[Task], workers: int | None = None) -> Iterator[Row]:
    """The rows of all tasks, as they are done, on all cores of this machine unless `workers` says otherwise; 1 means right here."""
    count = workers or cpu_count() or 1
    if count == 1 or len(tasks) == 1:
        yield from map(run, tasks)
        return
    rest = deque(tasks)
    while rest:
        suspects: list[Task] = []
        with ProcessPoolExecutor(min(count, len(rest)), mp_context=get_context("spawn")) as pool:
            yield from _drained(pool, rest, count * AHEAD_PER_WORKER, suspects)
        # One of those under way when a worker died may have killed it: each gets a process of its own.
        yield from map(_alone, suspects)


def _drained(pool: ProcessPoolExecutor, rest: deque[Task], ahead: int, suspects: list[Task]) -> Iterator[Row]:
    """Works off `rest` until it is empty or a worker dies; who was under way then is suspect."""
    running: dict[Future[Row], Task] = {}
    is_broken = False
    while rest or running:
        while rest and len(running) < ahead and not is_broken:
            task = rest.popleft()
            try:
                running[pool.submit(run, task)] = task
            except BrokenProcessPool:
                rest.appendleft(task)
                is_broken = True
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            task = running.pop(future)
            try:
                yield future.result()
            except BrokenProcessPool:
                suspects.append(task)
                is_broken = True


def _died(task: Task, who: str) -> Row:
    facts = {"log": task.path, "mark": task.mark, "command": task.command}
    return facts | {"status": BROKEN, "error": f"the {who} that read it died"}


def _alone(task: Task) -> Row:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(run, task).result()
        except BrokenProcessPool:
            return _died(task, "process")


def on_cluster(tasks: Sequence[Task], scheduler: str) -> Iterator[Row]:
    """The rows of all tasks from the workers of a Dask cluster, which must see the logs under the same paths.

    Raises LibraryMissing, and ReplayError when the scheduler cannot be reached.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise LibraryMissing("a Dask cluster", "distributed") from error
    try:
        connect: Any = Client  # distributed is untyped
        client = connect(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ReplayError(f"the Dask scheduler {scheduler} cannot be reached: {error}") from error
    with client:
        waiting = iter(tasks)
        ahead = max(1, sum(client.nthreads().values())) * AHEAD_PER_WORKER
        by_key: dict[str, Task] = {}
        watch: Any = as_completed
        completed = watch(loop=client.loop)
        for _ in range(ahead):
            _hand_out(client, completed, waiting, by_key)
        for future in completed:
            task = by_key.pop(future.key)
            yield _result(future, task)
            _hand_out(client, completed, waiting, by_key)


def _hand_out(client: Any, completed: Any, waiting: Iterator[Task], by_key: dict[str, Task]) -> None:
    task = next(waiting, None)
    if task is not None:
        future = client.submit(run, task, pure=False, retries=1)
        by_key[future.key] = task
        completed.add(future)


def _result(future: Any, task: Task) -> Row:
    try:
        row: Row = future.result()
    except Exception:  # noqa: BLE001  # a worker that died under the task is that log's row
        return _died(task, "worker")
    return row
