"""The kernel without a kernel is no easier than the real one: the binding's names, arguments, values and errors."""

import errno
import inspect
import os
from datetime import timedelta
from typing import Any

import gpiod
import pytest
from gpiod.line import Bias, Direction, Edge, Value

from tests.contract.gpio_kernel import PATH, Chip, GpioKernel, HandTime, LineRequest, own_members
from tests.contract.hand_time import HandTimers

NOT_USED = {
    gpiod.Chip: {"fd", "fileno", "read_info_event", "unwatch_line_info", "wait_info_event", "watch_line_info"},
    gpiod.LineRequest: {"chip_name", "lines"},
}
"""Members of the binding's that neither we nor gpiozero use."""


@pytest.mark.parametrize(("ours", "theirs"), [(Chip, gpiod.Chip), (LineRequest, gpiod.LineRequest)])
def test_it_has_the_members_and_arguments_of_the_binding(ours: type[Any], theirs: type[Any]) -> None:
    known = own_members(theirs)
    for name, member in own_members(ours).items():
        if name == "queue":  # the kernel's own side
            continue
        assert name in known, f"{theirs.__name__} has no {name}"
        assert type(member) is type(known[name]), name
        if inspect.isfunction(member):
            assert list(inspect.signature(member).parameters) == list(inspect.signature(known[name]).parameters), name
            for parameter, asked in inspect.signature(known[name]).parameters.items():
                assert inspect.signature(member).parameters[parameter].default == asked.default, (name, parameter)
    assert known.keys() - own_members(ours).keys() == NOT_USED[theirs]


@pytest.fixture
def timers() -> HandTimers:
    return HandTimers()


@pytest.fixture
def kernel(timers: HandTimers) -> GpioKernel:
    return GpioKernel(HandTime(timers))


def request(kernel: GpioKernel, **how: Any) -> LineRequest:
    with kernel.open_chip(PATH) as chip:
        return chip.request_lines({17: gpiod.LineSettings(**how)}, consumer="test")


def test_a_line_that_is_taken_is_busy_until_it_is_released(kernel: GpioKernel) -> None:
    held = request(kernel)
    with pytest.raises(OSError, match="busy") as caught:
        request(kernel)
    assert caught.value.errno == errno.EBUSY
    assert kernel.open_chip(PATH).get_line_info(17).consumer == "test"
    held.release()
    held.release()
    request(kernel).release()
    with pytest.raises(gpiod.RequestReleasedError):
        held.get_value(17)


def test_what_the_kernel_refuses_is_refused(kernel: GpioKernel) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        request(kernel, direction=Direction.OUTPUT, edge_detection=Edge.BOTH)
    with request(kernel, direction=Direction.INPUT) as held, pytest.raises(PermissionError):
        held.set_value(17, Value.ACTIVE)
    with kernel.open_chip(PATH) as chip, pytest.raises(ValueError, match="line offset of out range"):
        chip.request_lines({99: None})
    with kernel.open_chip(PATH) as chip, pytest.raises(ValueError, match="exactly once"):
        chip.request_lines({17: None, (16, 17): None})
    closed = kernel.open_chip(PATH)
    closed.close()
    with pytest.raises(gpiod.ChipClosedError):
        closed.get_info()
    with pytest.raises(FileNotFoundError):
        kernel.open_chip("/dev/gpiochip7")


def test_the_real_binding_refuses_what_is_no_chip_in_the_same_way() -> None:
    with pytest.raises(FileNotFoundError):
        gpiod.Chip("/dev/gpiochip777")
    with pytest.raises(OSError, match=r"No such device|Inappropriate"):
        gpiod.Chip(os.devnull)
    assert not gpiod.is_gpiochip_device(os.devnull)


def test_an_output_stays_as_it_was_when_it_is_released(kernel: GpioKernel) -> None:
    request(kernel, direction=Direction.OUTPUT, output_value=Value.ACTIVE).release()
    assert kernel.lines[17].level() is True
    with request(kernel, direction=Direction.INPUT, bias=Bias.PULL_DOWN) as held:
        assert held.get_values() == [Value.INACTIVE]
        held.reconfigure_lines({17: gpiod.LineSettings(direction=Direction.INPUT, bias=Bias.PULL_UP)})
        assert held.get_value(17) is Value.ACTIVE


def test_edges_wait_in_a_queue_that_forgets_the_oldest(kernel: GpioKernel, timers: HandTimers) -> None:
    held = request(kernel, direction=Direction.INPUT, edge_detection=Edge.BOTH)
    assert not held.wait_edge_events(0)
    for n in range(20):
        timers.at_ms += 1
        kernel.put(17, n % 2 == 0)
    assert held.wait_edge_events(0)
    events = held.read_edge_events(1) + held.read_edge_events()
    assert [event.line_seqno for event in events] == list(range(5, 21))
    assert [event.timestamp_ns for event in events] == [n * 1_000_000 for n in range(5, 21)]
    assert events[0].event_type is gpiod.EdgeEvent.Type.RISING_EDGE
    assert not held.wait_edge_events(0)
    held.release()


def test_a_debounced_input_shows_a_level_once_it_has_lasted(kernel: GpioKernel, timers: HandTimers) -> None:
    held = request(
        kernel,
        direction=Direction.INPUT,
        bias=Bias.PULL_DOWN,
        edge_detection=Edge.BOTH,
        debounce_period=timedelta(milliseconds=20),
    )
    kernel.put(17, True)
    timers.advance_now(19)
    kernel.put(17, False)
    timers.advance_now(100)
    assert not held.wait_edge_events(0)
    kernel.put(17, True)
    timers.advance_now(19)
    assert held.get_value(17) is Value.INACTIVE
    timers.advance_now(1)
    assert held.get_value(17) is Value.ACTIVE
    (event,) = held.read_edge_events()
    assert event.timestamp_ns == 139_000_000
    held.release()
