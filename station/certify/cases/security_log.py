"""The security log."""

import json

from station.certify.cases.firmware import PROTOCOLS, assert_transfers_by
from station.certify.failing import equal, holds
from station.certify.functionalities import SECURITY_LOG
from station.certify.ports import FileProtocol
from station.certify.registry import case
from station.certify.rig import Rig, call


@case("TC_079_CS", "Get security log", SECURITY_LOG, clause="white paper N01", variants=PROTOCOLS)
async def get_security_log(rig: Rig, protocol: FileProtocol) -> None:
    """The answer names a file, Uploading and Uploaded name the request, and the security log is on the server."""
    await assert_transfers_by(rig, protocol)
    async with rig.serve_files(protocol) as server:
        answer = await rig.request(
            "GetLog", log_type="SecurityLog", request_id=123, log={"remote_location": server.url}
        )
        equal("the answer to GetLog", answer["status"], "Accepted")
        await rig.expect(
            call("LogStatusNotification", status="Uploading", request_id=123),
            call("LogStatusNotification", status="Uploaded", request_id=123),
        )
        received = server.received()
        holds(f"a file {answer['filename']}", answer["filename"] in received, sorted(received))
        lines = [json.loads(line) for line in received[answer["filename"]].splitlines()]
    equal("the first security event", lines[1]["type"], "StartupOfTheDevice")
    await rig.quiet()
