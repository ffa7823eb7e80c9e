"""The life of one station in a process: begun, ended in order, its files closed."""

from pathlib import Path

import pytest

from eventstore.catalogue.lifecycle import StationStopped, StationStopping
from eventstore.log import EventLog
from station.daemon import bootstrap, life
from station.runtime.clock import SystemClock
from station.settings.loading import parse_settings


@pytest.mark.asyncio
async def test_a_station_begins_works_and_ends_with_its_last_word(tmp_path: Path) -> None:
    csms = '[csms]\nurl = "ws://127.0.0.1:9/ocpp"\n'
    text = f'[station]\nidentity = "CB-1"\n{csms}[storage]\ndirectory = "{tmp_path}"\n[service]\nlisten = ""\n'
    settings = parse_settings(text, "chargebox.toml")
    log = await EventLog.open(tmp_path, identity="CB-1")
    parts = await bootstrap.build(settings, SystemClock(), bootstrap.make_registry(settings), log)
    running = life.start(parts)
    await life.go_to_work(parts)
    assert all(not task.done() for task in running)
    assert parts.station.state.connectors[1].pilot_state == "A"
    await life.stop(parts, "SIGTERM")
    events = [recorded.event for recorded in await log.read()]
    assert events[-1] == StationStopped(why="SIGTERM")
    assert StationStopping(why="SIGTERM") in events
    await life.wind_up(parts, running)
    assert all(task.done() for task in running)
    again = await EventLog.open(tmp_path, identity="CB-1")  # the lock is free
    await again.close()
