"""Converters on the kernel's SPI, with the device file replaced by a converter."""

import inspect
import os
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from Adafruit_PureIO import spi
from gpiozero import MCP3208

from devices.gpio.gpiod_pins import GpiodFactory
from devices.gpio.kernel_spi import RATE_HZ
from tests.contract.gpio_kernel import PATH, GpioKernel, RealTime


class Device:
    """An MCP3208 at a device file: channel n reads 100 n."""

    opened: ClassVar[list["Device"]] = []

    def __init__(self, device: tuple[int, int], max_speed_hz: int | None = None) -> None:
        self.place = device
        self.rate_hz = max_speed_hz
        self.mode = 3
        self.handle = os.open(os.devnull, os.O_RDONLY)
        Device.opened.append(self)

    def transfer(self, data: list[int], max_speed_hz: int = 0, bits_per_word: int = 0, delay: int = 0) -> list[int]:
        assert self.mode == 0, "MCP3208: clock mode 0"
        channel = int.from_bytes(bytes(data)) >> 14 & 0b111
        return list((channel * 100).to_bytes(len(data)))


@pytest.fixture
def factory(monkeypatch: pytest.MonkeyPatch) -> Iterator[GpiodFactory]:
    monkeypatch.setattr(spi, "SPI", Device)
    Device.opened.clear()
    made = GpiodFactory(GpioKernel(RealTime()).open_chip, [PATH], threaded=False)
    yield made
    made.close()


REAL = spi.SPI


def test_the_device_is_used_as_its_library_says() -> None:
    for name in ("__init__", "transfer"):
        known = inspect.signature(getattr(REAL, name)).parameters
        assert set(inspect.signature(getattr(Device, name)).parameters) <= set(known)
    assert isinstance(REAL.mode, property)
    with pytest.raises(OSError, match=r"/dev/spidev7\.7 does not exist"):
        REAL((7, 7))


def test_two_channels_share_one_device_file_until_both_are_closed(factory: GpiodFactory) -> None:
    channels: dict[int, Any] = {number: MCP3208(number, pin_factory=factory) for number in (1, 3)}
    (device,) = Device.opened
    assert (device.place, device.rate_hz) == ((0, 0), RATE_HZ)
    assert {number: channel.raw_value for number, channel in channels.items()} == {1: 100, 3: 300}
    channels[1].close()
    os.fstat(device.handle)
    assert channels[3].raw_value == 300
    channels[3].close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(device.handle)


def test_two_converters_have_a_device_file_each(factory: GpiodFactory) -> None:
    with MCP3208(0, pin_factory=factory), MCP3208(0, select_pin="GPIO7", pin_factory=factory):
        assert [device.place for device in Device.opened] == [(0, 0), (0, 1)]
