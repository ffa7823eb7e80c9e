"""What doctor says of an MQTT broker."""

from pathlib import Path

import pytest

from station.doctor.broker import broker_findings
from station.doctor.findings import Level
from station.settings.loading import Settings
from tests.mosquitto import Mosquitto, free_port, needs_mosquitto
from tests.unit.station.mqtt.test_bridge import settings_of

pytestmark = pytest.mark.asyncio


async def found(settings: Settings) -> list[tuple[Level, str]]:
    return [(each.level, each.text) async for each in broker_findings(settings)]


async def test_without_a_broker_there_is_nothing_to_say() -> None:
    assert await found(settings_of("")) == []


async def test_a_broker_that_is_away_is_a_warning() -> None:
    ((level, text),) = await found(settings_of(f"mqtt://127.0.0.1:{free_port()}"))
    assert level is Level.WARNING
    assert "Connect call failed" in text


async def test_a_password_is_looked_after(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    settings = settings_of("mqtt://broker.invalid", username="station", password_file=str(secret))
    ((level, text),) = await found(settings)
    assert (level, "cannot be read" in text) == (Level.FAULT, True)
    secret.write_text("battery staple")
    secret.chmod(0o644)
    texts = [text for level, text in await found(settings) if level is Level.WARNING]
    assert "others may read it" in texts[0]
    assert texts[1] == "the password goes to broker.invalid unencrypted"
    assert "broker.invalid" in texts[2]
    assert "battery staple" not in "".join(texts)


@needs_mosquitto
async def test_a_broker_that_takes_the_station_is_well(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("battery staple")
    secret.chmod(0o600)
    broker = Mosquitto(tmp_path, password="battery staple")
    await broker.start()
    try:
        url = f"mqtt://127.0.0.1:{broker.port}"
        settings = settings_of(url, username="station", password_file=str(secret))
        assert await found(settings) == [(Level.OK, f"127.0.0.1:{broker.port} takes the station")]
        secret.write_text("wrong")
        ((level, text),) = await found(settings)
        assert (level, "Not authori" in text) == (Level.WARNING, True)
    finally:
        broker.kill()
