"""A thermistor on a converter: a divider with a pull-up to the converter's reference, as the proximity contact has one."""

from collections.abc import Callable

from devices.gpio.adc import AdcChannel
from devices.gpio.rack import Poller, Rack
from devices.gpio.sections import TemperatureSection
from devices.temperature.belief import Belief, measured
from devices.temperature.ntc import ntc_dc

NAME = "ntc"


class NtcSensor:
    """Reports what is believed of the temperature, in tenths of a degree Celsius; None: the thermistor is open, shorted or not read."""

    def __init__(self, rack: Rack, section: TemperatureSection, poller: Poller, channel: AdcChannel) -> None:
        self._rack = rack
        self._section = section
        self._poller = poller
        self._channel = channel
        self._belief = Belief(good_at_ms=0)
        self._report: Callable[[int | None], None] | None = None

    def on_temperature(self, report: Callable[[int | None], None]) -> None:
        """Report it now, then each change by a degree. The first measurement is made here, and believed."""
        self._report = report
        found = self.temperature_dc()
        self._belief = measured(Belief(good_at_ms=self._rack.timers.now_ms()), found, self._rack.timers.now_ms())
        self._tell()
        self._poller.every(lambda: self._section.period_ms, self.temperature_dc, self._deliver)

    def temperature_dc(self) -> int | None:
        """One measurement. Blocks. Raises what the bus raises."""
        code, full = self._channel.read(), self._channel.full_scale
        if not 0 < code < full:
            return None
        resistance_ohm = self._section.pull_up_ohm * code / (full - code)
        return ntc_dc(resistance_ohm, ohm_at_25=self._section.ohm_at_25, beta=self._section.beta)

    def close(self) -> None:
        """Stop reporting."""
        self._report = None
        self._channel.close()

    def _deliver(self, measured_dc: int | None) -> None:
        self._belief = measured(self._belief, measured_dc, self._rack.timers.now_ms())
        if self._belief.news:
            self._tell()

    def _tell(self) -> None:
        self._belief = self._belief.as_reported()
        if self._report is not None:
            self._report(self._belief.believed_dc)
