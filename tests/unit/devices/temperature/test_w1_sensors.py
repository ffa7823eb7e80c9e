"""Sensors on the kernel's 1-Wire bus, measured by a thread."""

import asyncio
import os
from pathlib import Path

import pytest

from devices.readings import Reading, TemperatureReading
from devices.temperature import w1_sensors
from devices.temperature.belief import SILENT_AFTER_MS
from devices.temperature.w1_sensors import W1Sensor, W1Sensors

pytestmark = pytest.mark.asyncio

ID = "28-0316a279f0ff"
SENSOR = W1Sensor(sensor_id=ID, connector_id=1)
WAIT_S = 60


class Bus:
    """The kernel's folder, a clock in the hand, and what was reported."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.at_ms = 0
        self.reported: asyncio.Queue[Reading] = asyncio.Queue()
        (root / ID).mkdir()
        self.sensors = W1Sensors((SENSOR,), lambda: self.at_ms, root, period_s=0.001)

    def says(self, thousandths: int | None) -> None:
        new = self.root / "new"
        crc = "NO" if thousandths is None else "YES"
        new.write_text(f"5f 01 4b 46 7f ff 0c 10 2d : crc=2d {crc}\n5f 01 4b 46 7f ff 0c 10 2d t={thousandths or 0}\n")
        new.replace(self.root / ID / "w1_slave")

    async def next_dc(self) -> int | None:
        async with asyncio.timeout(WAIT_S):
            reading = await self.reported.get()
        assert isinstance(reading, TemperatureReading)
        assert (reading.connector_id, reading.sensor) == (1, ID)
        return reading.temperature_dc


async def test_what_a_sensor_says_is_reported_and_its_silence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bus = Bus(tmp_path)
    bus.says(21_900)
    bus.sensors.open(bus.reported.put_nowait)
    try:
        assert await bus.next_dc() == 219
        bus.says(29_000)
        assert await bus.next_dc() == 290
        bus.says(None)
        bus.at_ms += SILENT_AFTER_MS
        assert await bus.next_dc() is None
        assert "checksum" in caplog.text
        bus.says(85_000)
        bus.at_ms += 1
        await asyncio.sleep(0.05)
        assert bus.reported.empty(), "the value after power-up"
        bus.says(80_000)
        assert await bus.next_dc() == 800
    finally:
        bus.sensors.close()


async def test_a_bus_that_hangs_is_silence_and_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(w1_sensors, "WATCH_S", 0.01)
    bus = Bus(tmp_path)
    os.mkfifo(tmp_path / ID / "w1_slave")
    bus.sensors.open(bus.reported.put_nowait)
    await asyncio.sleep(0.02)
    assert bus.reported.empty()
    bus.at_ms = SILENT_AFTER_MS
    assert await bus.next_dc() is None
    bus.sensors.close()
    os.close(os.open(tmp_path / ID / "w1_slave", os.O_WRONLY | os.O_NONBLOCK))
