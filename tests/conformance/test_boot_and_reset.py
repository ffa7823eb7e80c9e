"""Core: cold boot (7.1), reset (7.6), power failure (7.13)."""

import pytest

from tests.conformance.cases import case
from tests.conformance.conftest import Boot
from tests.conformance.rig import Rig, call, seconds_between, status
from tests.conformance.states import LOCAL, assert_stops, charging, configure
from tests.csms.frames import Frame

INTERVAL_S = 60


async def assert_heartbeats(rig: Rig, boot: Frame) -> None:
    """Heartbeats come at the interval of the accepted answer, neither earlier nor later."""
    last = boot
    for _ in range(3):
        await rig.quiet_for(INTERVAL_S - 5)
        await rig.advance(5.5)
        heartbeat = await rig.expect(call("Heartbeat"))
        assert INTERVAL_S - 1 <= seconds_between(last, heartbeat) <= INTERVAL_S + 5
        last = heartbeat


@case("TC_001_CS")
@pytest.mark.asyncio
async def test_tc_001_cold_boot(rig: Rig) -> None:
    """Rejected: silence for the interval, then BootNotification again; Accepted: the burst, then heartbeats."""
    rig.csms.answer("BootNotification", rig.registration("Rejected", INTERVAL_S))
    rig.csms.always("BootNotification", rig.registration("Accepted", INTERVAL_S))
    await rig.power_cycle()
    first = await rig.expect(call("BootNotification"))
    await rig.quiet_for(INTERVAL_S - 10)
    await rig.advance(12)
    second = await rig.expect_boot()
    assert seconds_between(first, second) >= INTERVAL_S
    await assert_heartbeats(rig, second)


@case("TC_002_CS")
@pytest.mark.asyncio
async def test_tc_002_cold_boot_pending(rig: Rig) -> None:
    """Pending: requests are answered and act, BootNotification comes again after the interval."""
    rig.csms.answer("BootNotification", rig.registration("Pending", INTERVAL_S))
    rig.csms.always("BootNotification", rig.registration("Accepted", INTERVAL_S))
    await rig.power_cycle()
    first = await rig.expect(call("BootNotification"))
    everything = await rig.request("GetConfiguration")
    assert {"HeartbeatInterval", "MeterValueSampleInterval"} <= {key["key"] for key in everything["configurationKey"]}
    await configure(rig, MeterValueSampleInterval=30)
    await rig.quiet_for(INTERVAL_S - 10)
    await rig.advance(12)
    second = await rig.expect_boot()
    assert seconds_between(first, second) >= INTERVAL_S
    assert (await rig.api.state())["configuration"]["MeterValueSampleInterval"] == "30"
    await assert_heartbeats(rig, second)


@case("TC_013_CS")
@pytest.mark.asyncio
async def test_tc_013_hard_reset_without_transaction(rig: Rig) -> None:
    """Hard reset: a connector made Inoperative before is Unavailable after the boot, all others Available."""
    await assert_reset_keeps_availability(rig, "Hard")


@case("TC_014_CS")
@pytest.mark.asyncio
async def test_tc_014_soft_reset_without_transaction(rig: Rig) -> None:
    """Soft reset: a connector made Inoperative before is Unavailable after the boot, all others Available."""
    await assert_reset_keeps_availability(rig, "Soft")


async def assert_reset_keeps_availability(rig: Rig, kind: str) -> None:
    answer = await rig.request("ChangeAvailability", connector_id=1, type="Inoperative")
    assert answer == {"status": "Accepted"}
    await rig.expect(status(1, "Unavailable"))
    pid = rig.daemon.pid
    assert await rig.request("Reset", type=kind) == {"status": "Accepted"}
    await rig.expect_boot(c1=("Unavailable",))
    assert rig.daemon.pid == pid
    answer = await rig.request("ChangeAvailability", connector_id=1, type="Operative")
    assert answer == {"status": "Accepted"}
    await rig.expect(status(1, "Available"))
    await rig.quiet()


@case("TC_015_CS")
@pytest.mark.asyncio
async def test_tc_015_hard_reset_with_transaction(rig: Rig) -> None:
    """Hard reset while charging: one StopTransaction with reason HardReset, before the reboot or after it."""
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    assert await rig.request("Reset", type="Hard") == {"status": "Accepted"}
    calls = await gather_boot(rig)
    (stop,) = [one for one in calls if one.action == "StopTransaction"]
    assert stop.payload["transactionId"] == transaction_id
    assert_stops(start, stop, ("HardReset",))
    boot = next(one for one in calls if one.action == "BootNotification")
    if stop.order < boot.order:
        assert statuses_of(1, [one for one in calls if one.order < boot.order]) == ["Finishing"]
    assert_after_boot(calls, boot, {"Finishing", "Preparing"})


@case("TC_032_1_CS")
@pytest.mark.asyncio
async def test_tc_032_1_power_failure_with_backup_power(boot: Boot) -> None:
    """Mains goes, back-up power lasts: StopTransaction(PowerLoss) and Finishing before the station goes down."""
    rig = await boot({"board": {"backup_power_s": 10}})
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    await rig.api.power(False)
    stop, _ = await rig.expect_any_order(call("StopTransaction", transaction_id=transaction_id), status(1, "Finishing"))
    assert_stops(start, stop, ("PowerLoss",))
    assert await rig.daemon.exited() == 0
    await rig.daemon.start()
    await rig.expect_boot(c1=("Finishing", "Preparing"))
    await rig.quiet()


@case("TC_032_2_CS")
@pytest.mark.parametrize("policy", ["stop", "resume"])
@pytest.mark.asyncio
async def test_tc_032_2_power_failure_without_backup_power(boot: Boot, policy: str) -> None:
    """Mains goes at once: after the boot the transaction is stopped with PowerLoss, or goes on until the tag."""
    rig = await boot({"daemon": {"power_loss_policy": policy}})
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    await rig.settled()  # the answer is recorded, not only sent
    await rig.api.power(False)
    assert await rig.daemon.exited() != 0
    await rig.daemon.start()
    if policy == "resume":
        await rig.until_state(lambda state: state["connectors"][1]["status"] == "Charging", "charging to go on")
        await rig.settled()
        await rig.api.swipe(start.payload["idTag"], 1)
    calls = await gather_boot(rig)
    (stop,) = [one for one in calls if one.action == "StopTransaction"]
    assert stop.payload["transactionId"] == transaction_id
    assert_stops(start, stop, ("PowerLoss",) if policy == "stop" else LOCAL)
    boot_call = next(one for one in calls if one.action == "BootNotification")
    assert_after_boot(calls, boot_call, {"Preparing", "Finishing", "Charging", "Available"})
    assert statuses_of(1, calls)[-1] in {"Preparing", "Finishing"}
    assert not [one for one in calls if one.action == "StartTransaction"]


async def gather_boot(rig: Rig) -> list[Frame]:
    """Every call of a reboot that also owes a StopTransaction, whose place is free."""

    def enough(calls: list[Frame]) -> bool:
        boots = [one.order for one in calls if one.action == "BootNotification"]
        told = {
            one.payload["connectorId"]
            for one in calls
            if one.action == "StatusNotification" and boots and one.order > boots[0]
        }
        stopped = any(one.action == "StopTransaction" for one in calls)
        return len(told) == rig.connector_count + 1 and stopped

    return await rig.gather(enough, "the boot, its burst and a StopTransaction")


def statuses_of(connector_id: int, calls: list[Frame]) -> list[str]:
    """What a connector reported, in order."""
    return [
        one.payload["status"]
        for one in calls
        if one.action == "StatusNotification" and one.payload["connectorId"] == connector_id
    ]


def assert_after_boot(calls: list[Frame], boot: Frame, connector_1: set[str]) -> None:
    """After the boot connector 1 reports one of these and everything else Available."""
    after = [one for one in calls if one.order > boot.order]
    assert set(statuses_of(1, after)) <= connector_1
    assert statuses_of(0, after) == ["Available"]
    assert statuses_of(2, after) == ["Available"]
    assert {one.action for one in after} <= {"StatusNotification", "StopTransaction"}
