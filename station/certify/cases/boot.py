"""Core: cold boot, reset and power failure."""

from station.certify.failing import equal, holds, near, one_of
from station.certify.functionalities import COLD_BOOT, POWER_FAILURE, RESET
from station.certify.needs import BACKUP_POWER, NO_BACKUP_POWER, PowerLossPolicy
from station.certify.payloads import seconds_between, statuses_of
from station.certify.ports import SeenFrame
from station.certify.registry import case, variant
from station.certify.rig import Rig, call, status
from station.certify.seen_state import connector_of
from station.certify.states import LOCAL, assert_stops, charging, configure

INTERVAL_S, MARGIN_S = 60, 5
"""The interval of the answers, and how far a Heartbeat may be from it; both by the pace of the station."""


def interval_s(rig: Rig) -> int:
    """The interval that BootNotification is answered with."""
    return INTERVAL_S * rig.build.pace


async def assert_heartbeats(rig: Rig, boot: SeenFrame) -> None:
    """Heartbeats come at the interval of the accepted answer, neither earlier nor later."""
    last, margin_s = boot, MARGIN_S * rig.build.pace
    for _ in range(3):
        await rig.quiet_for(interval_s(rig) - margin_s)
        await rig.advance(margin_s + 0.5)
        heartbeat = await rig.expect(call("Heartbeat"))
        near("seconds from a Heartbeat to the next", seconds_between(last, heartbeat), interval_s(rig), within=margin_s)
        last = heartbeat


def assert_waited(rig: Rig, first: SeenFrame, second: SeenFrame) -> None:
    """The second BootNotification is no earlier than the interval of the first answer allows."""
    gap_s = seconds_between(first, second)
    holds(f"the next BootNotification after {interval_s(rig)} s", gap_s >= interval_s(rig), f"{gap_s:.1f} s")


@case("TC_001_CS", "Cold boot", COLD_BOOT, clause="4.2")
async def cold_boot(rig: Rig) -> None:
    """Rejected: silence for the interval, then BootNotification again; Accepted: the burst, then heartbeats."""
    rig.csms.answer("BootNotification", rig.registration("Rejected", interval_s(rig)))
    rig.csms.always("BootNotification", rig.registration("Accepted", interval_s(rig)))
    await rig.hands.power_cycle()
    first = await rig.expect(call("BootNotification"))
    margin_s = MARGIN_S * rig.build.pace
    await rig.quiet_for(interval_s(rig) - margin_s)
    await rig.advance(margin_s + 2)
    second = await rig.expect_boot()
    assert_waited(rig, first, second)
    await assert_heartbeats(rig, second)


@case("TC_002_CS", "Cold boot – Pending", COLD_BOOT, clause="4.2.1")
async def cold_boot_pending(rig: Rig) -> None:
    """Pending: requests are answered and act, BootNotification comes again after the interval."""
    rig.csms.answer("BootNotification", rig.registration("Pending", interval_s(rig)))
    rig.csms.always("BootNotification", rig.registration("Accepted", interval_s(rig)))
    await rig.hands.power_cycle()
    first = await rig.expect(call("BootNotification"))
    everything = await rig.request("GetConfiguration")
    keys = {key["key"] for key in everything["configurationKey"]}
    holds("all keys", {"HeartbeatInterval", "MeterValueSampleInterval"} <= keys, keys)
    await configure(rig, MeterValueSampleInterval=30)
    margin_s = MARGIN_S * rig.build.pace
    await rig.quiet_for(interval_s(rig) - margin_s)
    await rig.advance(margin_s + 2)
    second = await rig.expect_boot()
    assert_waited(rig, first, second)
    equal("MeterValueSampleInterval", (await rig.state())["configuration"]["MeterValueSampleInterval"], "30")
    await assert_heartbeats(rig, second)


@case("TC_013_CS", "Hard reset, no transaction", RESET, clause="5.14")
async def hard_reset_without_transaction(rig: Rig) -> None:
    """Hard reset: a connector made Inoperative before is Unavailable after the boot, all others Available."""
    await assert_reset_keeps_availability(rig, "Hard")


@case("TC_014_CS", "Soft reset, no transaction", RESET, clause="5.14")
async def soft_reset_without_transaction(rig: Rig) -> None:
    """Soft reset: a connector made Inoperative before is Unavailable after the boot, all others Available."""
    await assert_reset_keeps_availability(rig, "Soft")


async def assert_reset_keeps_availability(rig: Rig, kind: str) -> None:
    """A reset of this type is Accepted, the station boots, and the availability outlives it."""
    await rig.accepted("ChangeAvailability", connector_id=1, type="Inoperative")
    await rig.expect(status(1, "Unavailable"))
    pid = rig.process.pid
    await rig.accepted("Reset", type=kind)
    await rig.expect_boot(c1=("Unavailable",))
    equal("the id of the process", rig.process.pid, pid)
    await rig.accepted("ChangeAvailability", connector_id=1, type="Operative")
    await rig.expect(status(1, "Available"))
    await rig.quiet()


@case("TC_015_CS", "Hard reset, transaction", RESET, clause="5.14")
async def hard_reset_with_transaction(rig: Rig) -> None:
    """Hard reset while charging: one StopTransaction with reason HardReset, before the reboot or after it."""
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    await rig.accepted("Reset", type="Hard")
    calls = await gather_boot(rig)
    stop = the_stop(calls, transaction_id)
    assert_stops(start, stop, ("HardReset",))
    boot = next(one for one in calls if one.action == "BootNotification")
    if stop.order < boot.order:
        before = statuses_of(1, (one for one in calls if one.order < boot.order))
        equal("what connector 1 reported before the boot", before, ["Finishing"])
    assert_after_boot(rig, calls, boot, {"Finishing", "Preparing"})


@case(
    "TC_032_1_CS",
    "Power failure, stop before going down",
    POWER_FAILURE,
    BACKUP_POWER,
    PowerLossPolicy("stop"),
    clause="4.10",
)
async def power_failure_with_backup_power(rig: Rig) -> None:
    """Mains goes, back-up power lasts: StopTransaction(PowerLoss) and Finishing before the station goes down."""
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    await rig.hands.mains_lost()
    stop, _ = await rig.expect_any_order(call("StopTransaction", transaction_id=transaction_id), status(1, "Finishing"))
    assert_stops(start, stop, ("PowerLoss",))
    equal("the exit status of the station", await rig.process.exited(), 0)
    await rig.process.start()
    await rig.expect_boot(c1=("Finishing", "Preparing"))
    await rig.quiet()


@case(
    "TC_032_2_CS",
    "Power failure, stop after boot",
    POWER_FAILURE,
    NO_BACKUP_POWER,
    clause="4.10",
    variants=(
        variant("stop", PowerLossPolicy("stop"), policy="stop"),
        variant("resume", PowerLossPolicy("resume"), policy="resume"),
    ),
)
async def power_failure_without_backup_power(rig: Rig, policy: str) -> None:
    """Mains goes at once: after the boot the transaction is stopped with PowerLoss, or goes on until the tag."""
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    await rig.settled()  # the answer is recorded, not only sent
    await rig.hands.mains_lost()
    holds("an exit that is no orderly one", await rig.process.exited() != 0, 0)
    await rig.process.start()
    if policy == "resume":
        await rig.until_state(lambda state: connector_of(state, 1)["status"] == "Charging", "charging to go on")
        await rig.settled()
        await rig.hands.swipe(start.payload["idTag"], 1)
    calls = await gather_boot(rig)
    stop = the_stop(calls, transaction_id)
    assert_stops(start, stop, ("PowerLoss",) if policy == "stop" else LOCAL)
    boot = next(one for one in calls if one.action == "BootNotification")
    assert_after_boot(rig, calls, boot, {"Preparing", "Finishing", "Charging", "Available"})
    one_of("the last status of connector 1", statuses_of(1, calls)[-1], {"Preparing", "Finishing"})
    starts = [one.payload for one in calls if one.action == "StartTransaction"]
    equal("further StartTransactions", starts, [])


async def gather_boot(rig: Rig) -> list[SeenFrame]:
    """Every CALL of a reboot that also has a StopTransaction, whose place is free."""

    def enough(calls: list[SeenFrame]) -> bool:
        boots = [one.order for one in calls if one.action == "BootNotification"]
        reported = {
            one.payload["connectorId"]
            for one in calls
            if one.action == "StatusNotification" and boots and one.order > boots[0]
        }
        stopped = any(one.action == "StopTransaction" for one in calls)
        return len(reported) == rig.build.connectors + 1 and stopped

    return await rig.gather(enough, "the boot, its burst and a StopTransaction")


def the_stop(calls: list[SeenFrame], transaction_id: int) -> SeenFrame:
    """The only StopTransaction of a boot, which is of that transaction."""
    stops = [one for one in calls if one.action == "StopTransaction"]
    equal("the transactions that were stopped", [one.payload["transactionId"] for one in stops], [transaction_id])
    return stops[0]


def assert_after_boot(rig: Rig, calls: list[SeenFrame], boot: SeenFrame, connector_1: set[str]) -> None:
    """After the boot connector 1 reports one of these and everything else Available."""
    after = [one for one in calls if one.order > boot.order]
    reported = set(statuses_of(1, after))
    holds(f"connector 1 reports {' or '.join(sorted(connector_1))} after the boot", reported <= connector_1, reported)
    for other in (0, *rig.connector_ids):
        if other != 1:
            equal(f"what connector {other} reports after the boot", statuses_of(other, after), ["Available"])
    actions = {one.action for one in after}
    holds("nothing else after the boot", actions <= {"StatusNotification", "StopTransaction"}, actions)
