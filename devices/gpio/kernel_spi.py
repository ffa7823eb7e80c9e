"""The kernel's SPI as gpiozero wants it, for converters on /dev/spidev0.0 and /dev/spidev0.1."""

import os
from typing import Any

from Adafruit_PureIO import spi
from gpiozero.mixins import SharedMixin
from gpiozero.pins import SPI
from gpiozero.pins.pi import spi_port_device

RATE_HZ = 500_000
"""Slow enough for an MCP3208 on 3.3 V."""


class KernelSpi(SPI):  # type: ignore[misc]  # gpiozero has no type hints
    """One chip select of the kernel's SPI. Raises OSError if its device file is not there or may not be used."""

    def __init__(self, clock_pin: Any, mosi_pin: Any, miso_pin: Any, select_pin: Any, pin_factory: Any) -> None:
        self.place: tuple[int, int] = spi_port_device(clock_pin, mosi_pin, miso_pin, select_pin)
        self._device: spi.SPI | None = None
        super().__init__(pin_factory=pin_factory)
        pins = {clock_pin, mosi_pin, miso_pin, select_pin} - {None}
        self.pin_factory.reserve_pins(self, *pins)
        self._device = spi.SPI(self.place, max_speed_hz=RATE_HZ)
        self._device.mode = 0  # whatever the one before us had

    def transfer(self, data: list[int]) -> list[int]:
        """Send these bytes; what came back meanwhile. Raises OSError."""
        self._check_open()
        assert self._device is not None, "checked before"
        return list(self._device.transfer(data))

    def close(self) -> None:
        """Release device file and pins. A second call does nothing."""
        device, self._device = self._device, None
        if device is not None:
            os.close(device.handle)
        self.pin_factory.release_all(self)
        super().close()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._device is None

    def _conflicts_with(self, other: Any) -> bool:
        return not isinstance(other, KernelSpi) or self.place == other.place

    def _get_clock_mode(self) -> int:
        assert self._device is not None, "gpiozero asks open devices only"
        return int(self._device.mode)

    def _set_clock_mode(self, value: int) -> None:
        assert self._device is not None, "gpiozero asks open devices only"
        self._device.mode = value


class SharedKernelSpi(SharedMixin, KernelSpi):  # type: ignore[misc]  # as above
    """The same for several channels of one converter."""

    @classmethod
    def _shared_key(
        cls, clock_pin: Any, mosi_pin: Any, miso_pin: Any, select_pin: Any, pin_factory: Any
    ) -> tuple[Any, Any]:
        return clock_pin, select_pin
