"""What the drivers ask of pins, on the kernel without a kernel and, where this machine has it, on the kernel's own gpio-sim.

gpio-sim needs root, configfs and the module: `modprobe gpio-sim`. Time is real here; nothing is judged by how long it took.
"""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from gpiozero import DigitalInputDevice, DigitalOutputDevice

from devices.gpio.gpiod_pins import GpiodFactory
from devices.gpio.lines import InputPin, OutputPin
from devices.gpio.values import InputLine, OutputLine
from tests.contract.gpio_kernel import PATH, GpioKernel, RealTime

CONFIGFS = Path("/sys/kernel/config/gpio-sim")
LABEL = "pinctrl-bcm2711"
LINES = 32


class Bench(Protocol):
    """Lines, and hands at them."""

    factory: GpiodFactory

    def put(self, offset: int, high: bool) -> None:
        """Drive the line from outside."""
        ...

    def level(self, offset: int) -> bool:
        """What an instrument at the line shows."""
        ...

    def open(self) -> GpiodFactory:
        """Another process's factory on the same chip."""
        ...

    def close(self) -> None: ...


class FakeBench:
    def __init__(self) -> None:
        self._kernel = GpioKernel(RealTime(), label=LABEL)
        self.factory = self.open()

    def put(self, offset: int, high: bool) -> None:
        self._kernel.put(offset, high)

    def level(self, offset: int) -> bool:
        return self._kernel.lines[offset].level()

    def open(self) -> GpiodFactory:
        return GpiodFactory(self._kernel.open_chip, [PATH])

    def close(self) -> None:
        self.factory.close()


class SimBench:
    """A chip of the kernel's gpio-sim: a level is put by a pull, and read where the simulator shows it."""

    def __init__(self) -> None:
        self._config = CONFIGFS / f"chargebox-{os.getpid()}"
        self._bank = self._config / "bank0"
        self._bank.mkdir(parents=True)
        (self._bank / "num_lines").write_text(str(LINES))
        (self._bank / "label").write_text(LABEL)
        (self._config / "live").write_text("1")
        chip = (self._bank / "chip_name").read_text().strip()
        device = (self._config / "dev_name").read_text().strip()
        self._lines = Path("/sys/devices/platform") / device / chip
        self._path = f"/dev/{chip}"
        self.factory = self.open()

    def put(self, offset: int, high: bool) -> None:
        (self._lines / f"sim_gpio{offset}" / "pull").write_text("pull-up" if high else "pull-down")

    def level(self, offset: int) -> bool:
        return (self._lines / f"sim_gpio{offset}" / "value").read_text().strip() == "1"

    def open(self) -> GpiodFactory:
        return GpiodFactory(paths=[self._path])

    def close(self) -> None:
        self.factory.close()
        (self._config / "live").write_text("0")
        self._bank.rmdir()
        self._config.rmdir()


BENCHES: dict[str, Callable[[], Bench]] = {"fake": FakeBench, "gpio-sim": SimBench}


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "gpio-sim" and not os.access(CONFIGFS, os.W_OK):
        pytest.skip(f"no {CONFIGFS} here: modprobe gpio-sim, as root, on a kernel that has it")
    made = BENCHES[request.param]()
    yield made
    made.close()


class Edges:
    """What an input tells, and how often."""

    def __init__(self) -> None:
        self.levels: list[bool] = []
        self.ages_ms: list[int] = []
        self._came = threading.Condition()

    def __call__(self, active: bool, age_ms: int) -> None:
        with self._came:
            self.levels.append(active)
            self.ages_ms.append(age_ms)
            self._came.notify()

    def wait(self, count: int) -> list[bool]:
        with self._came:
            assert self._came.wait_for(lambda: len(self.levels) >= count, timeout=20), self.levels
            return list(self.levels)


@pytest.mark.parametrize("active", ["high", "low"])
def test_an_output_is_inactive_from_its_first_moment_and_released_at_the_end(bench: Bench, active: str) -> None:
    output = OutputPin(bench.factory, OutputLine(pin="GPIO17", active=active))
    idle = active == "low"
    assert (bench.level(17), output.active) == (idle, False)
    output.set(True)
    assert (bench.level(17), output.active) == (not idle, True)
    output.close()
    assert bench.factory.pin("GPIO17").function == "input"
    again = OutputPin(bench.factory, OutputLine(pin="GPIO17", active=active))
    assert (bench.level(17), again.active) == (idle, False)
    again.close()


def test_a_line_that_another_process_holds_is_named_with_who_has_it(bench: Bench) -> None:
    output = OutputPin(bench.factory, OutputLine(pin="GPIO17"))
    other = bench.open()
    with pytest.raises(OSError, match="GPIO17 is in use by chargebox") as caught:
        OutputPin(other, OutputLine(pin="GPIO17"))
    assert caught.value.errno == errno.EBUSY
    other.close()
    output.close()
    other = bench.open()
    OutputPin(other, OutputLine(pin="GPIO17")).close()
    other.close()


def test_an_input_follows_its_line_and_tells_each_edge_in_order(bench: Bench) -> None:
    bench.put(22, False)
    contact = InputPin(bench.factory, InputLine(pin="GPIO22", active="high", pull="none"))
    edges = Edges()
    contact.on_edge(edges)
    assert contact.is_active() is False
    for n, high in enumerate((True, False, True), start=1):
        bench.put(22, high)
        assert edges.wait(n)[-1] == high
        assert contact.is_active() == high
    assert edges.levels == [True, False, True]
    contact.close()
    bench.put(22, False)
    assert edges.levels == [True, False, True]


def test_an_edge_comes_with_its_age(bench: Bench) -> None:
    bench.put(22, False)
    contact = InputPin(bench.factory, InputLine(pin="GPIO22", active="high", pull="none"))
    edges = Edges()
    contact.on_edge(edges)
    held = threading.Event()
    began = time.monotonic()

    def hold(active: bool, age_ms: int) -> None:
        held.wait(20)

    contact.on_edge(hold)
    bench.put(22, True)  # keeps the thread busy
    time.sleep(0.02)
    contact.on_edge(edges)
    bench.put(22, False)
    put_by = time.monotonic()
    time.sleep(0.05)
    held.set()
    edges.wait(1)
    assert 50 <= edges.ages_ms[0] <= (time.monotonic() - began) * 1_000
    assert put_by > began
    contact.close()


def test_the_kernel_debounces_what_is_not_urgent(bench: Bench) -> None:
    bench.put(22, False)
    contact = InputPin(
        bench.factory, InputLine(pin="GPIO22", active="high", pull="none", hold_ms=40), kernel_holds=True
    )
    assert contact.hold_ms == 0
    edges = Edges()
    contact.on_edge(edges)
    for _ in range(10):
        bench.put(22, True)
        bench.put(22, False)
    bench.put(22, True)
    assert edges.wait(1) == [True]
    assert contact.is_active() is True
    contact.close()


def test_what_gpiozero_makes_of_pins_works_on_ours(bench: Bench) -> None:
    bench.put(22, False)
    with (
        DigitalOutputDevice("GPIO17", pin_factory=bench.factory) as led,
        DigitalInputDevice("GPIO22", pull_up=None, active_state=True, pin_factory=bench.factory) as button,
    ):
        pressed = threading.Event()
        button.when_activated = pressed.set
        led.on()
        assert bench.level(17) is True
        led.toggle()
        assert led.value == 0
        bench.put(22, True)
        assert pressed.wait(20)
        assert button.is_active


def test_closing_the_factory_releases_every_line_and_ends_its_thread(bench: Bench) -> None:
    factory: Any = bench.open()
    line = InputPin(factory, InputLine(pin="GPIO22", active="high", pull="none"))
    line.on_edge(lambda active, age_ms: None)
    OutputPin(factory, OutputLine(pin="GPIO17")).set(True)
    factory.close()
    assert factory.edges._thread is not None
    assert not factory.edges._thread.is_alive()
    OutputPin(bench.factory, OutputLine(pin="GPIO17")).close()
    InputPin(bench.factory, InputLine(pin="GPIO22")).close()
