"""The real daemon on a real broker: a session as Home Assistant sees it, and an end of the process that nobody announced."""

import json
from pathlib import Path

import pytest

from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.stations import settings_for, start_transaction, until
from tests.mosquitto import Listener, Mosquitto, needs_mosquitto


@needs_mosquitto
@pytest.mark.asyncio
async def test_a_session_is_seen_and_steered_over_the_broker_and_the_last_will_is_published_when_the_process_is_killed(
    tmp_path: Path,
) -> None:
    broker = Mosquitto(tmp_path)
    await broker.start()
    try:
        mqtt = {"url": f"mqtt://127.0.0.1:{broker.port}", "interval_s": 1, "allow_commands": True}
        async with (
            Csms() as csms,
            Daemon(tmp_path / "station", settings_for(csms.url, mqtt=mqtt)) as daemon,
            Listener(broker.port) as listener,
        ):
            identity = (await daemon.api.state())["station"]["identity"]
            topic = f"chargebox/{identity}"
            await start_transaction(daemon, "A")
            await csms.expect("StartTransaction", id_tag="A")
            await until(daemon, lambda state: state["connectors"][1]["power_w"], "the vehicle to draw")
            await listener.until(f"{topic}/connector/1/status", "Charging")
            await listener.until(f"{topic}/connector/1/power_w", "11040")
            await listener.until(f"{topic}/connector/1/current_l1_a", "16")
            await listener.until(f"{topic}/csms", "ON")
            (config,) = (text for name, text in listener.texts.items() if name.startswith("homeassistant/"))
            assert json.loads(config)["device"]["name"] == identity
            await listener.client.publish(f"{topic}/set/limit", '{"max_current_a": 8, "valid_s": 600}')
            await listener.until(f"{topic}/connector/1/limit_a", "8")
            await listener.client.publish(f"{topic}/set/tag", '{"id_tag": "A", "connector_id": 1}')
            await csms.expect("StopTransaction")
            await listener.until(f"{topic}/connector/1/status", "Finishing")
            await daemon.kill()
            await listener.until(f"{topic}/availability", "offline")
    finally:
        broker.kill()
