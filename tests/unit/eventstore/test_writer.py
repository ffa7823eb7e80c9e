"""The writing connection: jobs in their order on its own thread, and what is told of them on the loop."""

import asyncio
import sqlite3
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from eventstore.threads import OwnThreads, Worker
from eventstore.writer import LogWriter


def memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)


def worker() -> Worker:
    return OwnThreads().worker("event log writer")


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "event log writer"]


async def ended(before: list[threading.Thread]) -> None:
    for thread in threads():
        if thread not in before:
            await asyncio.to_thread(thread.join, 10)
    assert all(thread in before for thread in threads())


@pytest.mark.asyncio
async def test_jobs_are_done_in_order_on_one_thread_and_told_on_the_loop() -> None:
    writer = await LogWriter.open(worker(), memory)
    told: list[tuple[Any, BaseException | None]] = []
    done = asyncio.Event()

    def then(result: Any, error: BaseException | None) -> None:
        assert threading.current_thread() is threading.main_thread()
        told.append((result, error))
        if len(told) == 3:
            done.set()

    for number in range(3):
        writer.do(lambda _, number=number: (number, threading.current_thread().name), then)  # type: ignore[misc]
    await done.wait()
    assert told == [((number, "event log writer"), None) for number in range(3)]
    await writer.close()


@pytest.mark.asyncio
async def test_what_a_job_raises_is_told_and_the_next_one_is_done() -> None:
    writer = await LogWriter.open(worker(), memory)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await writer.query("SELECT 1 FROM missing")
    assert await writer.query("SELECT 1, 'a'") == [(1, "a")]
    await writer.close()


@pytest.mark.asyncio
async def test_a_connection_that_cannot_be_opened_leaves_no_thread(tmp_path: Path) -> None:
    before = threads()
    with pytest.raises(sqlite3.OperationalError):
        await LogWriter.open(worker(), partial(sqlite3.connect, tmp_path))
    await ended(before)


@pytest.mark.asyncio
async def test_closing_does_what_came_before_and_takes_nothing_more() -> None:
    before = threads()
    writer = await LogWriter.open(worker(), memory)
    done: list[int] = []
    for number in range(5):
        writer.do(lambda _, number=number: done.append(number), lambda _, error: None)  # type: ignore[misc]
    await writer.close()
    assert done == list(range(5))
    with pytest.raises(ValueError, match="closed"):
        await writer.query("SELECT 1")
    await writer.close()
    await ended(before)


@pytest.mark.asyncio
async def test_a_caller_that_is_cancelled_does_not_stop_its_job() -> None:
    writer = await LogWriter.open(worker(), memory)
    go_on, done = threading.Event(), threading.Event()
    writer.do(lambda _: go_on.wait(10), lambda _, error: None)
    asked = asyncio.create_task(writer.query("SELECT 1"))
    await asyncio.sleep(0)
    asked.cancel()
    writer.do(lambda _: done.set(), lambda _, error: None)
    go_on.set()
    await writer.close()
    assert done.is_set()
    assert asked.cancelled()


def test_a_loop_that_ends_takes_the_thread_with_it() -> None:
    before, go_on = threads(), threading.Event()

    async def leave() -> None:
        writer = await LogWriter.open(worker(), memory)
        writer.do(lambda _: go_on.wait(10), lambda _, error: None)

    asyncio.run(leave())
    go_on.set()
    asyncio.run(ended(before))
