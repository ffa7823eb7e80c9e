"""A CSMS that knows nothing of the security white paper, and one that holds every payload to its schemas: a session is a session."""

from pathlib import Path
from typing import Any

import pytest

from tests.csms.independent import CallError, Csms
from tests.daemon import Daemon
from tests.integration.stations import end_transaction, settings_for, start_transaction, until

MONEY = {"StartTransaction", "StopTransaction"}
ALWAYS = {"send_events": "always"}


def settled(state: Any) -> bool:
    """The CSMS has answered for every transaction."""
    return state["link"]["up"] and not state["transactions"] and state["outbox"]["in_flight"] is None


@pytest.mark.asyncio
async def test_a_csms_without_the_extension_bills_a_session_as_ever(tmp_path: Path) -> None:
    """The station sends security events to it all the same; none of them holds anything up."""
    async with Csms() as csms:
        csms.always("SecurityEventNotification", CallError("NotImplemented"))
        async with Daemon(tmp_path, settings_for(csms.url, security=ALWAYS)) as daemon:
            await csms.expect("SecurityEventNotification")
            await start_transaction(daemon, "A")
            await end_transaction(daemon, "A")
            state = await until(daemon, settled, "the session to be settled")
            assert state["outbox"]["given_up"] == 0
            assert state["security"]["last_event"]["type"] == "StartupOfTheDevice"
            calls = [frame.action for frame in csms.calls()]
            assert [action for action in calls if action in MONEY] == ["StartTransaction", "StopTransaction"]
            assert await daemon.stop() == 0


@pytest.mark.asyncio
async def test_a_csms_that_holds_to_the_schemas_takes_every_message_of_the_extension(tmp_path: Path) -> None:
    """Whatever the rig cannot validate fails it; so does a message that it has no class for."""
    async with Csms() as csms:
        async with Daemon(tmp_path, settings_for(csms.url, security=ALWAYS)) as daemon:
            await csms.expect("SecurityEventNotification", type="StartupOfTheDevice")
            for message in (
                "LogStatusNotification",
                "BootNotification",
                "Heartbeat",
                "StatusNotification",
                "MeterValues",
            ):
                assert await csms.request("ExtendedTriggerMessage", requested_message=message) == {"status": "Accepted"}
                await csms.expect(message)
            await daemon.api.call("POST", "/bench/tamper", {"open": True})
            await csms.expect("SecurityEventNotification", type="TamperDetectionActivated")
            assert await daemon.stop() == 0
        csms.assert_conforming()
