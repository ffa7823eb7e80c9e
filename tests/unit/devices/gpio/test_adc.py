"""Converters: gpiozero's protocol bit by bit, and the extremes of a pilot that alternates."""

import gc
from random import Random
from typing import Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockSPIDevice
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.gpio.adc import CONVERSIONS_MIN, SPAN_US, AdcChannel, extremes, scaled
from devices.gpio.sections import AdcSection
from devices.iec61851 import pilot_state_from_mv
from tests.unit.devices.gpio.hand_rack import HandPace

CONVERSION_US = 17


class BitAdc(MockSPIDevice):
    """A converter on gpiozero's mock SPI pins, which shifts bit by bit."""

    rx_buf: list[bool]

    def __init__(self, factory: MockFactory, bits: int, codes: dict[int, int]) -> None:
        super().__init__("GPIO11", "GPIO10", "GPIO9", "GPIO8", pin_factory=factory)
        self.bits = bits
        self.codes = codes
        self.state = "idle"

    def on_start(self) -> None:
        super().on_start()
        self.state = "idle"

    def on_bit(self) -> None:
        if self.state == "idle" and self.rx_buf[-1]:
            self.state, self.rx_buf = "mode", []
        elif self.state == "mode":
            self.state, self.rx_buf = "channel", []
        elif self.state == "channel" and len(self.rx_buf) == 3:
            self.tx_word(self.codes[self.rx_word()], self.bits + 2)
            self.state = "answer"


@pytest.mark.parametrize(("chip", "bits"), [("MCP3008", 10), ("MCP3208", 12), ("MCP3204", 12)])
def test_a_channel_is_read_bit_by_bit(chip: str, bits: int) -> None:
    gc.collect()  # the shared bus of an earlier test, once collected, would make gpiozero forget the one that is made here
    factory: Any = MockFactory()
    gpiozero.Device.pin_factory = factory
    full = (1 << bits) - 1
    with BitAdc(factory, bits, {0: 0, 1: full, 3: full // 3}):
        channels = {number: AdcChannel(factory, AdcSection(chip=chip), number) for number in (0, 1, 3)}
        assert {number: channel.read() for number, channel in channels.items()} == {0: 0, 1: full, 3: full // 3}
        assert channels[0].full_scale == full
        for channel in channels.values():
            channel.close()
            channel.close()
    gpiozero.Device.pin_factory = None


@given(
    st.integers(80, 970),
    st.sampled_from([12_000, 9_000, 6_000, 3_000]),
    st.integers(0, 999),
    st.integers(5, 400),
    st.randoms(use_true_random=False),
)
@example(80, 12_000, 65, 400, Random(0))
@example(80, 12_000, 65, 330, Random(0))
@settings(max_examples=60)
def test_both_extremes_are_met_at_every_duty_of_the_standard(
    duty_permille: int, level_mv: int, phase_us: int, conversion_us: int, chance: Any
) -> None:
    """Conversions of whatever duration, with jitter: the shortest pulse is not missed, and noise of 0.3 V changes nothing."""
    pace = HandPace()
    pace.at_us = phase_us

    def read() -> int:
        pace.at_us += conversion_us + chance.randrange(3)
        noise_mv = chance.randrange(-300, 301)
        return (level_mv if pace.at_us % 1_000 < duty_permille else -12_000) + noise_mv

    high_mv, low_mv = extremes(read, pace)
    assert abs(high_mv - level_mv) <= 300
    assert abs(low_mv + 12_000) <= 300
    assert pilot_state_from_mv(high_mv, low_mv, None) == {12_000: "A", 9_000: "B", 6_000: "C", 3_000: "D"}[level_mv]


def test_at_least_so_many_conversions_over_so_many_periods() -> None:
    for conversion_us in (1, 100, 2_000):
        pace = HandPace()
        times: list[int] = []

        def read(pace: HandPace = pace, times: list[int] = times, wait: int = conversion_us) -> int:
            pace.at_us += wait
            times.append(pace.at_us)
            return 0

        extremes(read, pace)
        assert len(times) >= CONVERSIONS_MIN
        assert times[-1] - times[0] >= SPAN_US - 2 * conversion_us - 400


@pytest.mark.parametrize(("code", "mv"), [(0, -15_000), (4_095, 15_000), (3_686, 12_003)])
def test_a_code_is_a_level_on_a_line(code: int, mv: int) -> None:
    assert scaled(code, 4_095, zero_mv=-15_000, full_mv=15_000) == mv
