"""GetLog on the real daemon: the security log arrives whole, whatever happens on the way, and can be held against the log."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from station.cli.main import main
from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.stations import settings_for
from tests.unit.station.runtime.transfer_servers import HttpFiles, http_files

QUICKLY = {"reconnect_min_s": 0.2, "reconnect_max_s": 1}
WITHIN_S = 60
PASSWORD = "swordfish"


def lines_of(files: HttpFiles) -> list[dict[str, Any]]:
    """The security log that arrived."""
    return [json.loads(line) for line in files.requests[-1].body.splitlines()]


@pytest.mark.asyncio
async def test_a_security_log_is_uploaded_though_the_daemon_is_killed_midway_and_proves_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """White paper, N01.FR.03 to N01.FR.09."""
    with http_files() as files:
        files.held_back = threading.Event()
        location = files.url("logs").replace("://", f"://user:{PASSWORD}@")
        async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url, csms=QUICKLY)) as daemon:
            await csms.expect("BootNotification")
            answer = await csms.request(
                "GetLog", log_type="SecurityLog", request_id=7, log={"remote_location": location}
            )
            assert answer["status"] == "Accepted"
            await csms.expect("LogStatusNotification", status="Uploading", request_id=7)
            assert await asyncio.to_thread(files.asked.wait, WITHIN_S)
            await daemon.kill()
            files.held_back.set()
            await daemon.start()
            await csms.expect("LogStatusNotification", status="Uploaded", request_id=7, within_s=WITHIN_S)
            # One whose answer was not recorded before the kill goes again, with its message id.
            told = [frame for frame in csms.calls() if frame.action == "LogStatusNotification"]
            statuses = {frame.message_id: frame.payload["status"] for frame in told}
            assert list(statuses.values()) == ["Uploading", "Uploaded"]
            assert {request.path for request in files.requests} == {f"/logs/{answer['filename']}"}
            assert files.requests[-1].headers["Authorization"].startswith("Basic ")
            assert await daemon.stop() == 0
    first, *events, last = lines_of(files)
    assert [event["type"] for event in events][:1] == ["StartupOfTheDevice"]
    assert last["events"] == len(events)
    kept = [path for path in (tmp_path / "storage").rglob("*") if path.is_file() and path.parent.name != "secrets"]
    assert [path.name for path in kept if PASSWORD.encode() in path.read_bytes()] == []
    anchors = [f"{seen['seq']}:{seen['digest']}" for seen in (first["log_head"], *events)]
    words = ["replay", str(tmp_path / "storage"), "verify", "--json", "--no-cache"]
    assert main([*words, *(word for anchor in anchors for word in ("--anchor", anchor))]) == 0
    results = json.loads(capsys.readouterr().out)["anchors"]
    assert [each["result"] for each in results if each["outside"]] == ["agrees"] * len(anchors)
