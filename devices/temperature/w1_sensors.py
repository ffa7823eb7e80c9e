"""DS18B20 sensors beside whatever board there is: a thread that measures one after the other, and reports what is believed of them."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from devices.bridge import Bridge
from devices.readings import Reading, TemperatureReading
from devices.temperature.belief import SILENT_AFTER_MS, Belief, measured
from devices.temperature.ds18b20 import ROOT, NotMeasured, measure, without_power_up

logger = logging.getLogger(__name__)

PERIOD_S = 5.0
WATCH_S = SILENT_AFTER_MS / 1_000


class W1Sensor(Struct, frozen=True, kw_only=True):
    """One sensor: its id on the bus, and the connector that it concerns (0: all)."""

    sensor_id: str
    connector_id: int


class W1Sensors:
    """Measures from `open` to `close`. A sensor that never answers is reported silent, even if the bus hangs.

    `now_ms` is time that never goes back; `root` is the kernel's folder of sensors. All but the measuring is on the event loop.
    """

    def __init__(
        self, sensors: Sequence[W1Sensor], now_ms: Callable[[], int], root: Path = ROOT, period_s: float = PERIOD_S
    ) -> None:
        self._sensors = tuple(sensors)
        self._now_ms = now_ms
        self._period_s = period_s
        self._root = root
        self._beliefs: dict[str, Belief] = {}
        self._said: dict[str, str] = {}
        self._report: Callable[[Reading], None] | None = None
        self._stop = threading.Event()
        self._bridge: Bridge[Callable[[], None]] | None = None
        self._watch: asyncio.TimerHandle | None = None

    def open(self, report: Callable[[Reading], None]) -> None:
        """Begin to measure; the first reports come within seconds."""
        loop = asyncio.get_running_loop()
        self._report = report
        self._bridge = Bridge(loop, lambda job: job())
        self._beliefs = {each.sensor_id: Belief(good_at_ms=self._now_ms()) for each in self._sensors}
        self._watch = loop.call_later(WATCH_S, self._look)
        threading.Thread(target=self._run, name="w1 sensors", daemon=True).start()

    def close(self) -> None:
        """Nothing is reported any more; a measurement that is under way ends by itself."""
        self._report = None
        self._stop.set()
        if self._bridge is not None:
            self._bridge.close()
        if self._watch is not None:
            self._watch.cancel()

    def _run(self) -> None:
        assert self._bridge is not None, "it is open"
        while not self._stop.is_set():
            for sensor in self._sensors:
                try:
                    found, why = measure(sensor.sensor_id, self._root), ""
                except NotMeasured as error:
                    found, why = None, str(error)
                self._bridge.put(partial(self._take, sensor, found, why))
                if self._stop.is_set():
                    return
            self._stop.wait(self._period_s)

    def _take(self, sensor: W1Sensor, measured_dc: int | None, why: str) -> None:
        belief = self._beliefs[sensor.sensor_id]
        try:
            found = None if measured_dc is None else without_power_up(measured_dc, belief.believed_dc)
        except NotMeasured as error:
            found, why = None, str(error)
        if why and why != self._said.get(sensor.sensor_id):
            logger.warning("temperature sensor %s: %s", sensor.sensor_id, why)
        self._said[sensor.sensor_id] = why
        self._believe(sensor, measured(belief, found, self._now_ms()))

    def _believe(self, sensor: W1Sensor, belief: Belief) -> None:
        is_known = belief.believed_dc is not None or belief.reported or self._is_overdue(belief)
        if belief.news and is_known and self._report is not None:
            belief = belief.as_reported()
            reading = TemperatureReading(
                connector_id=sensor.connector_id, sensor=sensor.sensor_id, temperature_dc=belief.believed_dc
            )
            self._beliefs[sensor.sensor_id] = belief
            self._report(reading)
        self._beliefs[sensor.sensor_id] = belief

    def _is_overdue(self, belief: Belief) -> bool:
        return self._now_ms() - belief.good_at_ms >= SILENT_AFTER_MS

    def _look(self) -> None:
        """Finds sensors silent of which nothing comes at all."""
        for sensor in self._sensors:
            self._believe(sensor, measured(self._beliefs[sensor.sensor_id], None, self._now_ms()))
        self._watch = asyncio.get_running_loop().call_later(WATCH_S, self._look)
