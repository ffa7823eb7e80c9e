"""The clock: one axis that never goes back, whatever the calendar does."""

import asyncio
import datetime as dt

import pytest
from freezegun import freeze_time

from station.runtime.clock import SystemClock

EPOCH = dt.datetime(2026, 3, 29, 0, 59, tzinfo=dt.UTC)  # a minute before Europe's clocks change


@pytest.mark.asyncio
async def test_station_time_goes_on_from_its_base_with_the_monotonic_clock() -> None:
    with freeze_time(EPOCH, real_asyncio=True) as frozen:
        clock = SystemClock()
        clock.begin(5_000)
        assert clock.at_ms() == 5_000
        frozen.tick(1.5)
        assert clock.at_ms() == 6_500


@pytest.mark.asyncio
async def test_a_calendar_clock_that_is_set_back_moves_the_calendar_alone() -> None:
    with freeze_time(EPOCH, real_asyncio=True) as frozen:
        clock = SystemClock()
        clock.begin(0)
        assert clock.system_utc_ms() == int(EPOCH.timestamp() * 1000)
        frozen.tick(3600)
        assert clock.system_utc_ms() == int(EPOCH.timestamp() * 1000) + 3_600_000
        assert clock.at_ms() == 3_600_000


@pytest.mark.asyncio
async def test_waiting_ends_when_the_event_is_set() -> None:
    clock = SystemClock()
    event = asyncio.Event()
    waiting = asyncio.create_task(clock.wait(event, None))
    await asyncio.sleep(0)
    assert not waiting.done()
    event.set()
    await waiting


@pytest.mark.asyncio
async def test_waiting_for_a_moment_that_has_passed_returns_at_once() -> None:
    clock = SystemClock()
    clock.begin(1_000)
    await clock.sleep_until(1_000)
    await clock.wait(asyncio.Event(), 999)


@pytest.mark.asyncio
async def test_who_waits_is_woken_when_station_time_is_pushed_past_the_moment() -> None:
    clock = SystemClock()
    clock.begin(0)
    waiting = asyncio.create_task(clock.sleep_until(3_600_000))
    await asyncio.sleep(0)
    clock.push(1_800_000)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    clock.push(1_800_000)
    await waiting
    assert clock.at_ms() >= 3_600_000


@pytest.mark.asyncio
async def test_two_pushes_in_one_moment_wake_who_waits_once_and_well() -> None:
    clock = SystemClock()
    clock.begin(0)
    waiting = asyncio.create_task(clock.sleep_until(3_600_000))
    await asyncio.sleep(0)
    clock.push(1_000)
    await asyncio.sleep(0)  # by now its time-out is on its way
    clock.push(3_599_000)
    await waiting


@pytest.mark.asyncio
async def test_a_wait_that_is_cancelled_leaves_nothing_behind() -> None:
    clock = SystemClock()
    waiting = asyncio.create_task(clock.wait(asyncio.Event(), None))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    clock.push(1)  # nobody is left to be woken


def test_whether_the_calendar_clock_is_synchronised_is_the_kernels_word() -> None:
    assert SystemClock().is_synchronised() in (True, False)
