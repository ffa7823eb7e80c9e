"""From foreign threads to the event loop."""

import asyncio
import threading

import pytest

from devices.bridge import Bridge


async def settle() -> None:
    """Let what was scheduled so far run."""
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_what_a_thread_puts_in_is_delivered_in_order_on_the_loops_thread() -> None:
    delivered: list[tuple[int, int]] = []
    bridge = Bridge[int](asyncio.get_running_loop(), lambda item: delivered.append((item, threading.get_ident())))

    def produce() -> None:
        for item in range(100):
            bridge.put(item)

    await asyncio.to_thread(produce)
    await settle()
    assert delivered == [(item, threading.get_ident()) for item in range(100)]
    assert bridge.dropped == 0


@pytest.mark.asyncio
async def test_when_the_loop_is_too_slow_the_oldest_go_and_are_counted() -> None:
    delivered: list[int] = []
    bridge = Bridge[int](asyncio.get_running_loop(), delivered.append, capacity=3)
    for item in range(10):
        bridge.put(item)
    await settle()
    assert delivered == [7, 8, 9]
    assert bridge.dropped == 7


@pytest.mark.asyncio
async def test_many_threads_lose_nothing_but_what_is_counted() -> None:
    delivered: list[int] = []
    bridge = Bridge[int](asyncio.get_running_loop(), delivered.append, capacity=16)

    def produce() -> None:
        for item in range(200):
            bridge.put(item)

    await asyncio.gather(*(asyncio.to_thread(produce) for _ in range(4)))
    await settle()
    assert len(delivered) + bridge.dropped == 800


@pytest.mark.asyncio
async def test_what_is_put_in_while_delivering_comes_in_the_next_turn() -> None:
    delivered: list[int] = []

    def deliver(item: int) -> None:
        delivered.append(item)
        if item < 2:
            bridge.put(item + 1)

    bridge = Bridge[int](asyncio.get_running_loop(), deliver)
    bridge.put(0)
    await settle()
    assert delivered == [0, 1, 2]


@pytest.mark.asyncio
async def test_a_closed_bridge_delivers_nothing_more() -> None:
    delivered: list[int] = []

    def deliver(item: int) -> None:
        delivered.append(item)
        bridge.close()

    bridge = Bridge[int](asyncio.get_running_loop(), deliver)
    bridge.put(0)
    bridge.put(1)
    await settle()
    bridge.put(2)
    await settle()
    assert delivered == [0]


def test_a_bridge_outlives_its_loop() -> None:
    loop = asyncio.new_event_loop()
    bridge = Bridge[int](loop, lambda item: None)
    loop.close()
    bridge.put(1)
    bridge.put(2)
    assert bridge.dropped == 0
