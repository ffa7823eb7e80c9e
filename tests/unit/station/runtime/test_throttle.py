"""The budget of a connection: who stays in it is never held up; who overdraws it is slowed, and given up after a minute."""

from station.runtime.throttle import (
    BYTES_BURST,
    BYTES_PER_S,
    FLOOD_AFTER_MS,
    FRAMES_BURST,
    FRAMES_PER_S,
    Throttle,
)


def test_a_burst_within_the_budget_waits_for_nothing() -> None:
    throttle = Throttle(0)
    assert [throttle.pay(100, 0) for _ in range(FRAMES_BURST)] == [0] * FRAMES_BURST
    assert not throttle.is_overdrawn
    assert throttle.pay(100, 0) == 1000 // FRAMES_PER_S
    assert throttle.is_overdrawn


def test_the_largest_local_list_in_parts_is_no_flood() -> None:
    throttle, at_ms = Throttle(0), 0
    for _ in range(10):
        at_ms += throttle.pay(130_000, at_ms) + 100
    assert at_ms < 10_000


def test_bytes_beyond_the_budget_are_read_no_faster_than_it_fills_up() -> None:
    """Frames of 512 KiB for 8 s are at most 2 MB."""
    throttle, at_ms, taken = Throttle(0), 0, 0
    while at_ms < 8_000:
        taken += 512 << 10
        at_ms += throttle.pay(512 << 10, at_ms)
    assert taken <= BYTES_BURST + (512 << 10) + 8 * BYTES_PER_S
    assert taken <= 2_100_000


def overdrawn() -> Throttle:
    """Since 0."""
    throttle = Throttle(0)
    for _ in range(FRAMES_BURST + 1):
        throttle.pay(1, 0)
    assert throttle.is_overdrawn
    return throttle


def test_a_flood_is_found_after_a_minute_and_not_before() -> None:
    throttle = overdrawn()
    frames = 1
    for at_ms in range(20, FLOOD_AFTER_MS, 20):
        throttle.pay(1, at_ms)
        frames += 1
        assert not throttle.is_flood(at_ms)
    assert not throttle.is_flood(FLOOD_AFTER_MS - 1)
    assert throttle.is_flood(FLOOD_AFTER_MS)
    assert throttle.give_up(FLOOD_AFTER_MS) == (FLOOD_AFTER_MS, frames)
    assert not throttle.is_flood(FLOOD_AFTER_MS)
    assert throttle.give_up(FLOOD_AFTER_MS) == (0, 0)


def test_a_pause_in_which_the_budget_recovers_ends_it() -> None:
    throttle = overdrawn()
    recovered_ms = 1000 * (FRAMES_BURST // 2 + 2) // FRAMES_PER_S
    throttle.pay(1, recovered_ms - 100)
    assert throttle.is_overdrawn
    throttle.pay(1, recovered_ms + 100)
    assert not throttle.is_overdrawn
    assert not throttle.is_flood(10 * FLOOD_AFTER_MS)


def test_a_clock_that_does_not_move_fills_nothing_up() -> None:
    throttle = Throttle(1_000)
    waits = [throttle.pay(0, 500) for _ in range(FRAMES_BURST + 3)]
    assert waits[-3:] == [20, 40, 60]
