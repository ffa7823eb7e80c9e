"""Remote Trigger."""

from station.certify.failing import equal
from station.certify.functionalities import REMOTE_TRIGGER
from station.certify.registry import case, variant
from station.certify.rig import Expected, Rig, call, status


@case(
    "TC_054_CS",
    "Trigger message",
    REMOTE_TRIGGER,
    clause="5.17",
    variants=(variant("messages", boots=False), variant("BootNotification", boots=True)),
)
async def trigger_message(rig: Rig, boots: bool) -> None:
    """Each triggered message follows its answer; BootNotification while Pending, and once accepted (errata 3.35 leaves it open)."""
    if boots:
        await trigger_boots(rig)
        return
    triggered = call("MeterValues", connector_id=1, transaction_id=None)
    await trigger(rig, "MeterValues", triggered, connector_id=1)
    sampled = rig.calls("MeterValues")[-1].payload["meterValue"][0]["sampledValue"]
    equal("the contexts of the samples", {one["context"] for one in sampled}, {"Trigger"})
    await trigger(rig, "Heartbeat", call("Heartbeat"))
    await trigger(rig, "StatusNotification", status(1, "Available"), connector_id=1)
    if "FirmwareManagement" in rig.build.ocpp_profiles:
        idle = call("DiagnosticsStatusNotification", status="Idle")
        await trigger(rig, "DiagnosticsStatusNotification", idle)
        await trigger(rig, "FirmwareStatusNotification", call("FirmwareStatusNotification", status="Idle"))
    await rig.quiet()


async def trigger_boots(rig: Rig) -> None:
    """A triggered BootNotification while Pending, and one once accepted."""
    rig.csms.answer("BootNotification", rig.registration("Pending", 300))
    await rig.hands.power_cycle()
    await rig.expect(call("BootNotification"))
    await rig.until_state(lambda state: state["registration"]["status"] == "Pending", "Pending")
    await rig.accepted("TriggerMessage", requested_message="BootNotification")
    await rig.expect_boot()
    await rig.accepted("TriggerMessage", requested_message="BootNotification")
    await rig.expect_boot()
    await rig.quiet()


async def trigger(rig: Rig, message: str, expected: Expected, *, connector_id: int | None = None) -> None:
    """TriggerMessage Accepted, then that message and nothing else."""
    await rig.accepted("TriggerMessage", requested_message=message, connector_id=connector_id)
    triggered = await rig.expect(expected)
    rig.measured("triggered function", rig.last_request("TriggerMessage"), triggered)
    await rig.quiet()
