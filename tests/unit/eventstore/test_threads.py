"""Threads: jobs in their order, on threads of their own or on shared ones."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import pytest

from eventstore.threads import OwnThreads, SharedThreads, Threads, Worker, done_in, tell

WITHIN_S = 60.0
KINDS: list[Callable[[], Threads]] = [OwnThreads, partial(SharedThreads, 1), partial(SharedThreads, 3)]


@pytest.fixture(params=KINDS, ids=["own", "one thread", "three threads"])
def threads(request: pytest.FixtureRequest) -> Threads:
    made: Threads = request.param()
    return made


def test_the_jobs_of_a_worker_are_done_one_at_a_time_and_in_order(threads: Threads) -> None:
    done: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    finished = threading.Semaphore(0)
    at_work: set[str] = set()

    def job(name: str, number: int) -> None:
        assert name not in at_work
        at_work.add(name)
        done[name].append(number)
        at_work.discard(name)
        finished.release()

    opened = {name: threads.worker(name) for name in done}
    for number in range(200):
        for name, worker in opened.items():
            worker.put(partial(job, name, number))
    for _ in range(600):
        assert finished.acquire(timeout=WITHIN_S)
    assert all(numbers == list(range(200)) for numbers in done.values())


def test_a_worker_that_is_ended_does_what_came_before() -> None:
    before = set(threading.enumerate())
    done: list[int] = []
    worker = OwnThreads().worker("ended")
    for number in range(3):
        worker.put(partial(done.append, number))
    worker.end()
    for thread in set(threading.enumerate()) - before:
        thread.join(WITHIN_S)
        assert not thread.is_alive()
    assert done == [0, 1, 2]


def test_no_thread_is_there_before_the_first_job() -> None:
    before = threading.active_count()
    worker = OwnThreads().worker("idle")
    assert threading.active_count() == before
    worker.end()


def test_shared_threads_serve_every_worker_in_turn() -> None:
    threads = SharedThreads(1)
    order: list[str] = []
    go_on, is_done = threading.Event(), threading.Event()
    busy, other = threads.worker("busy"), threads.worker("other")
    busy.put(lambda: _ignore(go_on.wait(WITHIN_S)))
    for _ in range(3):
        busy.put(partial(order.append, "busy"))
    other.put(partial(order.append, "other"))
    busy.put(is_done.set)
    go_on.set()
    assert is_done.wait(WITHIN_S)
    assert order.index("other") <= 1, "a worker with much to do does not hold up the others"


@pytest.mark.asyncio
async def test_what_a_function_returns_or_raises_comes_back(threads: Threads) -> None:
    worker = threads.worker("asked")
    assert await done_in(worker, "{}-{end}".format, 1, end=2) == "1-2"
    with pytest.raises(ZeroDivisionError):
        await done_in(worker, divmod, 1, 0)


@pytest.mark.asyncio
async def test_what_is_cancelled_before_its_turn_is_never_done(threads: Threads) -> None:
    worker: Worker = threads.worker("cancelled")
    go_on, done = threading.Event(), list[int]()
    first = asyncio.create_task(done_in(worker, go_on.wait, WITHIN_S))
    second = asyncio.create_task(done_in(worker, done.append, 1))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    go_on.set()
    await first
    await done_in(worker, done.append, 2)
    assert done == [2]


def _ignore(_: object) -> None:
    """A job returns nothing."""


def test_nothing_can_be_told_to_a_loop_that_has_ended() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    assert not tell(loop, print, "nobody hears this")
