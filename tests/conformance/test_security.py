"""The security extension (7.21)."""

import json
from pathlib import Path

import pytest

from tests.conformance.cases import case
from tests.conformance.rig import Rig, call
from tests.conformance.states import read_key
from tests.file_servers import Protocol, serve_files


@case("TC_079_CS")
@pytest.mark.parametrize("protocol", ["ftp", "http"])
@pytest.mark.asyncio
async def test_tc_079_get_security_log(rig: Rig, tmp_path: Path, protocol: Protocol) -> None:
    """The answer names a file, Uploading and Uploaded name the request, and the security log is on the server."""
    assert protocol.upper() in (await read_key(rig, "SupportedFileTransferProtocols"))["value"].split(",")
    async with serve_files(protocol, tmp_path / "files") as server:
        answer = await rig.request(
            "GetLog", log_type="SecurityLog", request_id=123, log={"remote_location": server.url}
        )
        assert answer["status"] == "Accepted"
        await rig.expect(
            call("LogStatusNotification", status="Uploading", request_id=123),
            call("LogStatusNotification", status="Uploaded", request_id=123),
        )
        lines = [json.loads(line) for line in server.received()[answer["filename"]].splitlines()]
    assert lines[1]["type"] == "StartupOfTheDevice"
    await rig.quiet()
