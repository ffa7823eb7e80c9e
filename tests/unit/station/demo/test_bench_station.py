import asyncio
import os
from pathlib import Path

import pytest

from station.daemon.bootstrap import factory_values
from station.demo.bench_service import DemoError
from station.demo.bench_station import BenchStation, free_port, settings_text
from station.features import registry_for
from station.settings.loading import parse_settings


def test_the_settings_are_those_of_a_station_that_samples_every_second() -> None:
    text = settings_text(csms_url="ws://127.0.0.1:9000/ocpp", directory=Path('/tmp/a "b"'), port=20_001)
    settings = parse_settings(text, "station.toml")
    assert settings.service.address == ("127.0.0.1", 20_001)
    assert settings.storage.directory == Path('/tmp/a "b"')
    assert dict(factory_values(settings, registry_for()))["MeterValueSampleInterval"] == "1"


def test_a_free_port_is_one_that_can_be_listened_on() -> None:
    assert 20_000 <= free_port() < 30_000


@pytest.mark.asyncio
async def test_a_station_that_ends_at_once_is_an_error_and_leaves_no_process(tmp_path: Path) -> None:
    bench = BenchStation(tmp_path, "not a URL")
    async with asyncio.timeout(20):
        with pytest.raises(DemoError, match="ended at once, with status 2"):
            await bench.start()
        await bench.close()
    assert "[csms] url" in bench.last_words()
    with pytest.raises(ProcessLookupError):
        os.kill(bench.pid, 0)
