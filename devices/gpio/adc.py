"""Analogue to digital converters of the MCP3000 family on SPI, and how a pilot that alternates is read with them.

The extremes of a pilot at 1 kHz are found by at least 64 conversions over at least 20 periods: their spacing, and each of its
multiples where a conversion takes longer, is no simple fraction of a period, so that they fall all over it and the shortest pulse
of the standard (8 % duty) is met.
"""

from collections.abc import Callable
from typing import Any

from devices.gpio.rack import Pace
from devices.gpio.sections import AdcSection

CONVERSIONS_MIN = 64
SPAN_US = 20_000
"""20 periods of 1 ms."""
_SPACING_US = 317
"""64 conversions in the span. Of these, and of 64 that are up to ten times as far apart, two that are neighbours in the period are
32 us apart at most; the shortest pulse has 80."""


class AdcChannel:
    """One channel of a converter."""

    def __init__(self, factory: Any, section: AdcSection, channel: int) -> None:
        import gpiozero

        device = getattr(gpiozero, section.chip)
        self._device = device(
            channel=channel,
            clock_pin=section.clock,
            mosi_pin=section.mosi,
            miso_pin=section.miso,
            select_pin=section.select,
            pin_factory=factory,
        )
        self.full_scale = (1 << self._device.bits) - 1
        self.reference_mv = section.reference_mv

    def read(self) -> int:
        """One conversion: 0 to `full_scale`. Blocks for as long as SPI takes. Raises what the bus raises."""
        return int(self._device.raw_value)

    def close(self) -> None:
        """Release the converter. A second call does nothing."""
        self._device.close()


def extremes(read: Callable[[], int], pace: Pace) -> tuple[int, int]:
    """The highest and the lowest of at least 64 conversions over at least 20 periods of the pilot."""
    began_us = pace.now_us()
    highest = lowest = read()
    conversions, slot = 1, 0
    while conversions < CONVERSIONS_MIN or pace.now_us() - began_us < SPAN_US:
        slot = max(slot + 1, -((began_us - pace.now_us()) // _SPACING_US))
        wait_us = began_us + slot * _SPACING_US - pace.now_us()
        if wait_us > 0:
            pace.pause_us(wait_us)
        code = read()
        conversions += 1
        highest, lowest = max(highest, code), min(lowest, code)
    return highest, lowest


def scaled(code: int, full_scale: int, *, zero_mv: int, full_mv: int) -> int:
    """What a code stands for, on a line through the levels at 0 and at full scale."""
    return zero_mv + (full_mv - zero_mv) * code // full_scale
