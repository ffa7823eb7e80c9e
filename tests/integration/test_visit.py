"""`chargebox demo --settings FILE`: a session on a station that runs already, and what a visitor leaves alone."""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from station.demo.bench_service import DemoError
from station.demo.story import AGREED, DISAGREED
from station.demo.visit import csms_address, service_url, visit
from station.settings.loading import Settings, load_settings, parse_settings
from tests.daemon import ROOT, Daemon, free_port
from tests.paper import Paper

PACE = 0.1
IN_S = 60


def settings_for(port: int, **tables: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A bench station whose CSMS is to be found at a port of loopback, tried again soon."""
    return {
        "station": {"identity": "CB-VISIT"},
        "csms": {"url": f"ws://127.0.0.1:{port}/ocpp", "reconnect_min_s": 0.2, "reconnect_max_s": 1},
        **tables,
    }


def settings_of(text: str) -> Settings:
    return parse_settings(f'[station]\nidentity = "A"\n{text}', "chargebox.toml")


@pytest.mark.asyncio
async def test_a_visit_is_a_session_that_log_and_csms_agree_on(tmp_path: Path) -> None:
    async with Daemon(tmp_path, settings_for(free_port())) as daemon, asyncio.timeout(IN_S):
        file = daemon.write_settings()
        command = (sys.executable, "-m", "station.cli", "demo", "--pace", str(PACE), "--settings", str(file))
        for _ in range(2):  # a second visitor is as welcome as the first
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
            told, _ = await process.communicate()
            assert process.returncode == AGREED, told.decode()
            assert "They agree: 1 transactions" in told.decode()
            assert "charging with" in told.decode()
        state = await daemon.api.state()
    assert state["connectors"][1]["status"] == "Available"


@pytest.mark.asyncio
async def test_a_connector_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    async with Daemon(tmp_path, settings_for(free_port())) as daemon, asyncio.timeout(IN_S):
        await daemon.api.plug()
        paper = Paper()
        assert await visit(paper, load_settings(daemon.write_settings()), PACE) == DISAGREED
        assert "connector 1 is Preparing, and a visitor disturbs nobody" in paper.text()
        assert (await daemon.api.state())["connectors"][1]["status"] == "Preparing"


@pytest.mark.asyncio
async def test_a_csms_that_is_there_already_is_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        paper = Paper()
        settings = settings_of(f'[csms]\nurl = "ws://127.0.0.1:{port}/ocpp"\n')
        assert await visit(paper, settings, PACE) == DISAGREED
    assert f"no CSMS can listen at ws://127.0.0.1:{port}/ocpp" in paper.text()


@pytest.mark.asyncio
async def test_a_station_that_does_not_run_is_said_so() -> None:
    paper = Paper()
    address = f'[csms]\nurl = "ws://127.0.0.1:{free_port()}/ocpp"\n[service]\nlisten = "127.0.0.1:{free_port()}"\n'
    assert await visit(paper, settings_of(address), PACE) == DISAGREED
    assert "GET /api/state: ConnectError" in paper.text()


@pytest.mark.parametrize(
    "url", ["wss://127.0.0.1:9000/ocpp", "ws://csms.example:9000/ocpp", "ws://192.0.2.1:9000/", "ws://127.0.0.1/ocpp"]
)
def test_a_csms_elsewhere_is_none_for_a_visit(url: str) -> None:
    with pytest.raises(DemoError, match="needs"):
        csms_address(settings_of(f'[csms]\nurl = "{url}"\n'))


def test_nobody_plays_with_real_pins() -> None:
    text = '[csms]\nurl = "ws://127.0.0.1:9000/ocpp"\n[board]\nkind = "gpio"\n'
    with pytest.raises(DemoError, match="a real board"):
        csms_address(settings_of(text))


def test_a_service_that_is_off_cannot_be_visited() -> None:
    text = '[csms]\nurl = "ws://127.0.0.1:9000/ocpp"\n[service]\nlisten = ""\n'
    with pytest.raises(DemoError, match="service"):
        service_url(settings_of(text))


def test_the_service_is_asked_where_the_settings_put_it() -> None:
    text = '[csms]\nurl = "ws://127.0.0.1:9000/ocpp"\n[service]\nlisten = "{listen}"\n'
    assert service_url(settings_of(text.replace("{listen}", "127.0.0.1:8887"))) == "http://127.0.0.1:8887"
    assert service_url(settings_of(text.replace("{listen}", "[::1]:8887"))) == "http://[::1]:8887"


def test_settings_that_cannot_be_read_are_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from station.cli.main import main

    assert main(["demo", "--settings", str(tmp_path / "missing.toml")]) == 2
    assert "missing.toml" in capsys.readouterr().err
