"""Remote Trigger (7.19)."""

import pytest

from tests.conformance.cases import case
from tests.conformance.rig import Expected, Rig, call, status


@case("TC_054_CS")
@pytest.mark.asyncio
async def test_tc_054_trigger_message(rig: Rig) -> None:
    """Each triggered message follows its answer, MeterValues without a transaction too."""
    await trigger(rig, "MeterValues", call("MeterValues", connector_id=1, transaction_id=None), connector_id=1)
    sampled = rig.csms.calls("MeterValues")[-1].payload["meterValue"][0]["sampledValue"]
    assert {one["context"] for one in sampled} == {"Trigger"}
    await trigger(rig, "Heartbeat", call("Heartbeat"))
    await trigger(rig, "StatusNotification", status(1, "Available"), connector_id=1)
    idle = call("DiagnosticsStatusNotification", status="Idle")
    await trigger(rig, "DiagnosticsStatusNotification", idle)
    await trigger(rig, "FirmwareStatusNotification", call("FirmwareStatusNotification", status="Idle"))
    await rig.quiet()


@case("TC_054_CS")
@pytest.mark.asyncio
async def test_tc_054_trigger_boot_notification(rig: Rig) -> None:
    """A triggered BootNotification while Pending, and one once accepted (errata 3.35 leaves it open)."""
    rig.csms.answer("BootNotification", rig.registration("Pending", 300))
    await rig.power_cycle()
    await rig.expect(call("BootNotification"))
    await rig.until_state(lambda state: state["registration"]["status"] == "Pending", "Pending")
    assert await rig.request("TriggerMessage", requested_message="BootNotification") == {"status": "Accepted"}
    await rig.expect_boot()
    assert await rig.request("TriggerMessage", requested_message="BootNotification") == {"status": "Accepted"}
    await rig.expect_boot()
    await rig.quiet()


async def trigger(rig: Rig, message: str, expected: Expected, *, connector_id: int | None = None) -> None:
    """TriggerMessage Accepted, then that message and nothing else."""
    answer = await rig.request("TriggerMessage", requested_message=message, connector_id=connector_id)
    assert answer == {"status": "Accepted"}
    await rig.expect(expected)
    await rig.quiet()
