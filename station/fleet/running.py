"""Running the tasks: right here, in worker processes of this machine, or on a Dask cluster; rows come as they are done.

Small logs are given to a worker several at a time, so that it reads more than it waits. A process that dies (out of memory,
killed) makes its log a broken row: the others that it was given are read again, one at a time.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from station.fleet.one_log import BROKEN, Row, Task, run
from station.replay.opening.errors import LibraryMissing, ReplayError
from station.replay.opening.workers import cores, pool

CONNECT_S = 30
AHEAD_PER_WORKER = 2
"""How many handfuls each worker has before it, so that thousands of logs are not thousands of futures."""
HANDFUL_S = 0.5
PROCESSES_PAY_S = 4.0
"""Starting worker processes takes about a second of their time: less work than this is done sooner without them."""
_LOG_S = 0.005
_BYTE_S = {"summary": 1e-8, "verify": 1.5e-7, "export": 1e-7}
"""Roughly what a log takes: so much for opening it, and so much for each of its bytes."""
_IMPORTS = ["station.fleet.one_log"]

Handful = tuple[Task, ...]


def in_processes(tasks: Sequence[Task], workers: int | None = None) -> Iterator[Row]:
    """The rows of all tasks, as they are done, in so many processes; 1 means right here.

    Without `workers`, on all cores of this machine, or right here where that is sooner.
    """
    count = workers or (1 if sum(map(seconds, tasks)) < PROCESSES_PAY_S else cores())
    if count == 1 or len(tasks) == 1:
        yield from map(run, tasks)
        return
    rest = deque(handfuls(tasks, count))
    while rest:
        suspects: list[Task] = []
        with pool(min(count, len(rest)), _IMPORTS) as processes:
            try:
                yield from _drained(processes, rest, count * AHEAD_PER_WORKER, suspects)
            except BaseException:  # we were asked to end: what no worker has begun is left
                processes.shutdown(wait=False, cancel_futures=True)
                raise
        # One of those under way when a worker died may have killed it: each gets a process of its own.
        yield from map(_alone, suspects)


def seconds(task: Task) -> float:
    """Roughly how long a log will take."""
    return _LOG_S + task.size * _BYTE_S[task.command]


def handfuls(tasks: Iterable[Task], workers: int) -> Iterator[Handful]:
    """The tasks in order, as many together as take a moment, and few enough that every worker gets its share."""
    given = list(tasks)
    moment = min(HANDFUL_S, sum(map(seconds, given)) / (4 * workers))
    held: list[Task] = []
    taken = 0.0
    for task in given:
        if held and seconds(task) >= moment:  # small ones do not wait for a large one
            yield tuple(held)
            held, taken = [], 0.0
        held.append(task)
        taken += seconds(task)
        if taken >= moment:
            yield tuple(held)
            held, taken = [], 0.0
    if held:
        yield tuple(held)


def run_all(handful: Handful, one: Callable[[Task], Row]) -> list[Row]:
    """The rows of a handful; in a worker process."""
    return [one(task) for task in handful]


def _drained(processes: ProcessPoolExecutor, rest: deque[Handful], ahead: int, suspects: list[Task]) -> Iterator[Row]:
    """Works off `rest` until it is empty or a worker dies; who was under way then is suspect."""
    running: dict[Future[list[Row]], Handful] = {}
    is_broken = False
    while rest or running:
        while rest and len(running) < ahead and not is_broken:
            handful = rest.popleft()
            try:
                running[processes.submit(run_all, handful, run)] = handful
            except BrokenProcessPool:
                rest.appendleft(handful)
                is_broken = True
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            handful = running.pop(future)
            try:
                yield from future.result()
            except BrokenProcessPool:
                suspects += handful
                is_broken = True


def _died(task: Task, who: str) -> Row:
    facts = {"log": task.name, "mark": task.mark, "command": task.command}
    return facts | {"status": BROKEN, "error": f"the {who} that read it died"}


def _alone(task: Task) -> Row:
    with pool(1, _IMPORTS) as processes:
        try:
            return processes.submit(run, task).result()
        except BrokenProcessPool:
            return _died(task, "process")


def on_cluster(tasks: Sequence[Task], scheduler: str) -> Iterator[Row]:
    """The rows of all tasks from the workers of a Dask cluster, which must see the logs under the same paths.

    Raises LibraryMissing, and ReplayError when the scheduler cannot be reached.
    """
    with connected(scheduler) as client:
        workers = max(1, sum(client.nthreads().values()))
        waiting = deque(handfuls(tasks, workers))
        under_way: dict[str, Handful] = {}
        completed = _watch(client)
        for _ in range(workers * AHEAD_PER_WORKER):
            _hand_out(client, completed, waiting, under_way)
        for future in completed:
            handful = under_way.pop(future.key)
            try:
                yield from future.result()
            except Exception:  # noqa: BLE001  # a worker died: only one log at a time shows which log caused it
                if len(handful) == 1:
                    yield _died(handful[0], "worker")
                waiting.extendleft((task,) for task in handful if len(handful) > 1)
            _hand_out(client, completed, waiting, under_way)


def connected(scheduler: str) -> Any:
    """The client of a Dask scheduler; use it with `with`. Raises LibraryMissing, and ReplayError when it cannot be reached."""
    try:
        from distributed import Client
    except ImportError as error:
        raise LibraryMissing("a Dask cluster", "distributed") from error
    _, _, port = scheduler.rpartition(":")
    if not port.isdecimal():  # asked of the library, this ends in a traceback a minute later
        raise ReplayError(f"{scheduler!r} is no address of a Dask scheduler: expected e.g. tcp://10.0.0.5:8786")
    try:
        connect: Any = Client  # distributed is untyped
        return connect(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ReplayError(f"the Dask scheduler {scheduler} cannot be reached: {error}") from error


def _watch(client: Any) -> Any:
    from distributed import as_completed

    watch: Any = as_completed
    return watch(loop=client.loop)


def _hand_out(client: Any, completed: Any, waiting: deque[Handful], under_way: dict[str, Handful]) -> None:
    if waiting:
        handful = waiting.popleft()
        future = client.submit(run_all, handful, run, pure=False, retries=1)
        under_way[future.key] = handful
        completed.add(future)
