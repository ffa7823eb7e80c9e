"""Dimming of lamps by a thread."""

import threading
import time

import pytest

from devices.gpio.soft_pwm import SoftPwm


class Lamp:
    """Notes each level; `bright` and `dark` come when it was driven so."""

    def __init__(self) -> None:
        self.levels: list[bool] = []
        self.switched = threading.Event()

    def drive(self, on: bool) -> None:
        self.levels.append(on)
        if len(self.levels) >= 8:
            self.switched.set()


@pytest.fixture
def lamp() -> Lamp:
    return Lamp()


@pytest.mark.parametrize(("duty", "level"), [(0, False), (1, True)])
def test_a_lamp_that_is_on_or_off_needs_no_thread(lamp: Lamp, duty: float, level: bool) -> None:
    before = threading.active_count()
    pwm = SoftPwm(time.monotonic)
    pwm.set("lamp", lamp.drive, frequency_hz=100, duty=duty)
    assert lamp.levels == [level]
    assert threading.active_count() <= before
    pwm.close()


def test_a_dimmed_lamp_is_switched_on_and_off_in_turn_until_it_is_not_dimmed_any_more(lamp: Lamp) -> None:
    pwm = SoftPwm(time.monotonic)
    pwm.set("lamp", lamp.drive, frequency_hz=1_000, duty=0.3)
    assert lamp.switched.wait(10)
    pwm.set("lamp", lamp.drive, frequency_hz=1_000, duty=0)
    levels = list(lamp.levels)
    assert levels[:8] == [True, False] * 4
    assert levels[-1] is False
    pwm.close()
    assert lamp.levels == levels


def test_a_lamp_is_on_for_its_part_of_the_period() -> None:
    now_s = 0.0
    on_s = {True: 0.0, False: 0.0}
    state: list[tuple[bool, float]] = []
    done = threading.Event()
    pwm = SoftPwm(lambda: now_s)

    def drive(on: bool) -> None:
        nonlocal now_s
        if state:
            level, since_s = state.pop()
            on_s[level] += now_s - since_s
        state.append((on, now_s))
        wave = pwm._waves["lamp"]
        now_s += wave.on_s if on else wave.off_s  # the next time is due at once: no waiting in this test
        if now_s > 1:
            pwm._waves.clear()
            done.set()

    pwm.set("lamp", drive, frequency_hz=100, duty=0.25)
    assert done.wait(10)
    assert on_s[True] / (on_s[True] + on_s[False]) == pytest.approx(0.25, abs=0.01)


def test_a_lamp_that_was_stopped_stays_as_it_is(lamp: Lamp) -> None:
    pwm = SoftPwm(time.monotonic)
    pwm.set("lamp", lamp.drive, frequency_hz=1_000, duty=0.5)
    assert lamp.switched.wait(10)
    pwm.stop("lamp")
    levels = list(lamp.levels)
    pwm.close()
    assert lamp.levels == levels
