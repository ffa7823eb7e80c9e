"""Timers of a real loop, and the thread that polls."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from devices.gpio.rack import Job, LoopTimers, ThreadPoller, pause
from tests.contract.hand_time import until

pytestmark = pytest.mark.asyncio


def threadsafe(loop: asyncio.AbstractEventLoop) -> Callable[[Job], None]:
    def hand_over(job: Job) -> None:
        loop.call_soon_threadsafe(job)

    return hand_over


async def test_a_call_comes_at_its_time_and_not_if_it_was_cancelled() -> None:
    loop = asyncio.get_running_loop()
    timers = LoopTimers(loop, lambda: int(loop.time() * 1_000))
    called: list[str] = []
    timers.call_at(timers.now_ms() + 5, lambda: called.append("first"))
    timers.call_at(timers.now_ms() + 5, lambda: called.append("never")).cancel()
    timers.call_at(0, lambda: called.append("late"))
    assert called == []
    await pause(timers, 20)
    assert called == ["late", "first"]


async def test_a_thread_polls_and_delivers_on_the_loop() -> None:
    loop = asyncio.get_running_loop()
    threads: set[str] = set()
    delivered: list[int | None] = []
    poller = ThreadPoller("test", loop.time, threadsafe(loop))

    def take() -> int:
        threads.add(threading.current_thread().name)
        return 7

    poller.every(lambda: 1, take, delivered.append)
    poller.start()
    poller.start()
    await until(lambda: len(delivered) >= 3)
    poller.close()
    count = len(delivered)
    await pause(LoopTimers(loop, lambda: int(loop.time() * 1_000)), 5)
    assert set(delivered) == {7}
    assert threads == {"test"}
    assert len(delivered) <= count + 1


async def test_a_read_that_raises_delivers_none_and_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    delivered: list[int | None] = []
    failures = iter([True, True, False])
    poller = ThreadPoller("test", loop.time, threadsafe(loop))

    def take() -> int:
        if next(failures, False):
            raise OSError("no bus")
        return 7

    poller.every(lambda: 1, take, delivered.append)
    poller.start()
    await until(lambda: len(delivered) >= 4)
    poller.close()
    assert delivered[:4] == [None, None, 7, 7]
    assert [record.message for record in caplog.records] == ["test: OSError('no bus')"]


async def test_slow_and_fast_jobs_share_the_thread_by_their_periods() -> None:
    loop = asyncio.get_running_loop()
    counts = {"fast": 0, "slow": 0}

    def counted(name: str) -> None:
        counts[name] += 1

    poller = ThreadPoller("test", loop.time, threadsafe(loop))
    poller.every(lambda: 2, lambda: "fast", lambda name: counted(str(name)))
    poller.every(lambda: 40, lambda: "slow", lambda name: counted(str(name)))
    poller.start()
    await until(lambda: counts["slow"] >= 2)
    poller.close()
    assert counts["fast"] > counts["slow"]


async def test_a_poller_without_jobs_needs_no_thread() -> None:
    poller = ThreadPoller("nothing", asyncio.get_running_loop().time, lambda job: None)
    poller.start()
    poller.close()
    assert not any(thread.name == "nothing" for thread in threading.enumerate())
