"""Our pins as gpiozero asks them: functions, pulls, edges, dimming and SPI, and what is refused."""

from collections.abc import Iterator

import pytest
from gpiozero import (
    MCP3208,
    RGBLED,
    Device,
    PinFixedPull,
    PinInvalidBounce,
    PinInvalidFunction,
    PinInvalidPull,
    PinPWMFixedValue,
    PinSetInput,
    SPISoftwareFallback,
)

from devices.gpio.gpiod_pins import QUEUE_EDGES, GpiodFactory
from devices.gpio.lines import Contact
from devices.gpio.values import InputLine
from tests.contract.gpio_kernel import PATH, GpioKernel, HandTime
from tests.contract.hand_time import HandTimers
from tests.unit.devices.gpio.hand_rack import HandRack


@pytest.fixture
def timers() -> HandTimers:
    return HandTimers()


@pytest.fixture
def kernel(timers: HandTimers) -> GpioKernel:
    return GpioKernel(HandTime(timers))


@pytest.fixture
def factory(kernel: GpioKernel) -> Iterator[GpiodFactory]:
    made = GpiodFactory(kernel.open_chip, [PATH], threaded=False)
    yield made
    made.close()


def test_a_pin_has_the_line_of_its_number_whatever_it_is_called(factory: GpiodFactory, kernel: GpioKernel) -> None:
    assert factory.pin("BOARD11") is factory.pin(17) is factory.pin("GPIO17")
    assert [line.offset for line in kernel.lines if line.request is not None] == [17]
    assert kernel.open_chip(PATH).get_line_info(17).consumer == "chargebox"


def test_an_output_shows_no_other_level_in_between(factory: GpiodFactory, kernel: GpioKernel) -> None:
    seen: list[bool] = []
    kernel.on_output = lambda: seen.append(kernel.lines[5].level())
    pin = factory.pin("GPIO5")
    pin.output_with_state(True)
    assert seen == [True]
    assert (pin.function, pin.state) == ("output", 1)


def test_a_pull_that_was_not_asked_for_is_not_touched(factory: GpiodFactory, kernel: GpioKernel) -> None:
    pin = factory.pin("GPIO5")
    assert pin.state == 1, "pulled up since power-on"
    pin.pull = "down"
    assert (pin.pull, pin.state) == ("down", 0)
    pin.pull = "floating"
    assert pin.pull == "floating"
    pin.close()
    assert kernel.lines[5].request is None


def test_what_gpiozero_refuses_is_refused(factory: GpiodFactory) -> None:
    pin = factory.pin("GPIO17")
    with pytest.raises(PinSetInput):
        pin.state = 1
    with pytest.raises(PinInvalidFunction):
        pin.function = "alt0"
    with pytest.raises(PinInvalidPull):
        pin.pull = "sideways"
    with pytest.raises(PinInvalidBounce):
        pin.bounce = -1
    with pytest.raises(PinPWMFixedValue):
        pin.frequency = 100
    with pytest.raises(PinFixedPull):
        factory.pin("GPIO2").pull = "down"
    pin.function = "output"
    with pytest.raises(PinFixedPull):
        pin.pull = "up"


@pytest.mark.parametrize(("wanted", "told"), [("both", [1, 0]), ("rising", [1]), ("falling", [0])])
def test_only_the_edges_that_are_asked_for_are_told(
    factory: GpiodFactory, kernel: GpioKernel, wanted: str, told: list[int]
) -> None:
    seen: list[int] = []

    def changed(ticks: float, state: int) -> None:
        seen.append(state)

    kernel.put(17, False)
    pin = factory.pin("GPIO17")
    pin.when_changed = changed
    pin.edges = wanted
    assert pin.edges == wanted
    kernel.put(17, True)
    kernel.put(17, False)
    factory.edges.serve()
    assert seen == told
    pin.when_changed = None
    kernel.put(17, True)
    factory.edges.serve()
    assert seen == told


def test_a_listener_that_is_gone_is_no_trouble(factory: GpiodFactory, kernel: GpioKernel) -> None:
    kernel.put(17, False)
    pin = factory.pin("GPIO17")
    pin.when_changed = lambda ticks, state: None  # kept by nobody, as gpiozero keeps weak references only
    kernel.put(17, True)
    factory.edges.serve()


def test_the_kernel_keeps_a_whole_wiegand_frame(factory: GpiodFactory, kernel: GpioKernel) -> None:
    seen: list[int] = []

    def changed(ticks: float, state: int) -> None:
        seen.append(state)

    kernel.put(17, True)
    factory.pin("GPIO17").when_changed = changed
    for _ in range(66):
        kernel.put(17, False)
        kernel.put(17, True)
    factory.edges.serve()
    assert len(seen) == 2 * 66 <= QUEUE_EDGES


def test_a_lamp_is_dimmed(factory: GpiodFactory, kernel: GpioKernel) -> None:
    with RGBLED("GPIO5", "GPIO6", "GPIO13", pin_factory=factory) as lamp:
        lamp.value = (1, 0, 0)
        assert [kernel.lines[offset].level() for offset in (5, 6, 13)] == [True, False, False]
        lamp.value = (0.5, 0, 0)
        assert (factory.pin("GPIO5").state, factory.pin("GPIO5").frequency) == (0.5, 100)
    assert not any(kernel.lines[offset].is_output for offset in (5, 6, 13))


def test_without_the_kernels_spi_a_converter_is_read_bit_by_bit(
    factory: GpiodFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Device, "pin_factory", factory)  # gpiozero's own SPI asks for the one that is set
    with pytest.warns(SPISoftwareFallback), MCP3208(0, pin_factory=factory) as converter:
        assert converter.raw_value in range(4_096)


@pytest.mark.asyncio
@pytest.mark.parametrize(("urgent", "bounce"), [((), 0.04), ((True,), None)])
async def test_a_contact_is_debounced_by_the_kernel_unless_a_level_is_urgent(
    urgent: tuple[bool, ...], bounce: float | None
) -> None:
    rig = HandRack()
    kernel = GpioKernel(HandTime(rig.timers))
    rig.rack.factory = GpiodFactory(kernel.open_chip, [PATH], threaded=False)
    kernel.on_edge = rig.rack.factory.edges.serve
    kernel.put(17, False)
    contact = Contact(rig.rack, InputLine(pin="GPIO17", hold_ms=40), urgent=urgent)
    levels: list[bool] = []
    contact.on_level(levels.append)
    assert rig.rack.factory.pin("GPIO17").bounce == bounce
    for high, before, after in ((True, [False], [False, True]), (False, [False, True], [False, True, False])):
        kernel.put(17, high)
        await rig.timers.advance(39)
        assert levels == (after if high in urgent else before)
        await rig.timers.advance(1)
        assert levels == after
    contact.close()
    rig.rack.factory.close()
