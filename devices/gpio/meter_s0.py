"""An energy meter that only gives pulses (S0, IEC 62053-31): each is a fixed part of a kWh.

The pulses are counted where the back end calls, not over the bridge: none may be lost while the event loop is busy, and each
counts at the time that the kernel gave it. The register begins
at 0 with the process; who counts the energy takes that for a meter that was reset. Power is what the last two pulses say, or
less if the next one is overdue.
"""

import threading
from collections.abc import Callable

from devices.gpio.lines import InputPin
from devices.gpio.rack import Rack
from devices.gpio.sections import MeterSection
from devices.readings import MeterReading

_HOUR_MS = 3_600_000
MEASURED = frozenset({"energy_wh", "power_w"})
"""The members of `MeterReading` that pulses give."""


class PulseMeter:
    """An `EnergyMeter` of one connector; it never fails, because silence is what it says when nothing flows."""

    def __init__(self, rack: Rack, section: MeterSection, connector_id: int) -> None:
        assert section.pulse is not None, "the wiring was checked"
        self._section = section
        self._connector_id = connector_id
        self._now_ms = rack.timers.now_ms
        self._lock = threading.Lock()
        self._pulses = 0
        self._last_ms: int | None = None
        self._interval_ms: int | None = None
        self._pin = InputPin(rack.factory, section.pulse)
        self._pin.on_edge(self._edge)

    def read(self, at_ms: int) -> MeterReading:
        """See `EnergyMeter.read`."""
        with self._lock:
            pulses, last_ms, interval_ms = self._pulses, self._last_ms, self._interval_ms
        power_w = 0
        if last_ms is not None and interval_ms is not None:
            power_w = 1_000 * _HOUR_MS // (self._section.pulses_per_kwh * max(interval_ms, at_ms - last_ms, 1))
        return MeterReading(
            connector_id=self._connector_id,
            energy_wh=pulses * 1_000 // self._section.pulses_per_kwh,
            power_w=power_w,
            current_ma=(),
            voltage_mv=(),
            frequency_mhz=None,
            temperature_dc=None,
            soc_percent=None,
        )

    def on_failure(self, report: Callable[[str | None], None]) -> None:
        """See `EnergyMeter.on_failure`."""

    def close(self) -> None:
        """See `EnergyMeter.close`."""
        self._pin.close()

    def _edge(self, active: bool, age_ms: int) -> None:
        at_ms = self._now_ms() - age_ms
        with self._lock:
            # Two times that were rounded may seem to go back by 1 ms.
            since_ms = None if self._last_ms is None else max(0, at_ms - self._last_ms)
            if not active or (since_ms is not None and since_ms < self._section.pulse_ms):
                return
            self._pulses += 1
            self._interval_ms, self._last_ms = since_ms, at_ms
