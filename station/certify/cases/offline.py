"""Core: offline behaviour."""

from station.certify.failing import equal, holds, near
from station.certify.functionalities import OFFLINE
from station.certify.needs import READER, OcppProfileOn
from station.certify.payloads import event_seconds_between, gaps_s, utc_of
from station.certify.registry import case, variant
from station.certify.rig import Rig, call, shown, status
from station.certify.states import (
    LOCAL,
    assert_stops,
    charging,
    configure,
    id_tag_cached,
    id_tag_listed,
    started,
    stopped,
)

KNOWN_BY = (
    variant("list", OcppProfileOn("LocalAuthListManagement"), known_by="list"),
    variant("cache", known_by="cache"),
)


@case("TC_036_CS", "Connection loss during transaction", OFFLINE, clause="3.7.1")
async def connection_loss_during_transaction(rig: Rig) -> None:
    """Samples of the outage arrive oldest first, without a gap, before any new one; no BootNotification."""
    interval_s = 60
    await configure(rig, MeterValueSampleInterval=interval_s)
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    await rig.cut_network()
    for _ in range(3):
        await rig.advance(interval_s)
    await rig.restore_network()
    sample = call("MeterValues", connector_id=1, transaction_id=transaction_id)
    samples = [await rig.expect(sample) for _ in range(3)]
    await rig.quiet()
    await rig.advance(interval_s)
    samples.append(await rig.expect(sample))
    await rig.quiet()
    at = [start.payload["timestamp"], *(one.payload["meterValue"][0]["timestamp"] for one in samples)]
    for gap_s in gaps_s(at):
        near("seconds from a sample to the next", gap_s, interval_s, within=1)
    for one in samples:
        for value in one.payload["meterValue"][0]["sampledValue"]:
            equal("the format of a sample", value.get("format", "Raw"), "Raw")
            equal("the context of a sample", value.get("context", "Sample.Periodic"), "Sample.Periodic")


async def known_offline(rig: Rig, known_by: str) -> None:
    """The tag is known to the station, which may start with it offline."""
    await configure(
        rig,
        LocalAuthorizeOffline=True,
        AuthorizationCacheEnabled=True,
        AllowOfflineTxForUnknownId=True,
    )
    if "LocalAuthListManagement" in rig.build.ocpp_profiles:
        await configure(rig, LocalAuthListEnabled=True)
    if known_by == "list":
        await id_tag_listed(rig)
    else:
        await id_tag_cached(rig)


@case("TC_037_1_CS", "Offline start – valid idTag", OFFLINE, READER, clause="3.5.4", variants=KNOWN_BY)
async def offline_start_with_valid_id_tag(rig: Rig, known_by: str) -> None:
    """An offline start is delivered with its own time once the link is back."""
    await known_offline(rig, known_by)
    await rig.cut_network()
    await rig.hands.plug(1)
    await rig.hands.swipe(rig.tags.valid, 1)
    began = rig.csms.utc()
    await rig.advance(rig.build.away_s)
    await rig.restore_network()
    start = await started(rig)
    off_s = abs((utc_of(start.payload["timestamp"]) - began).total_seconds())
    holds("the time at which it started", off_s < 10, f"{off_s:.1f} s away")
    await rig.quiet()


@case(
    "TC_037_3_CS",
    "Offline start – invalid, StopTransactionOnInvalidId=true",
    OFFLINE,
    READER,
    clause="3.5.4",
    variants=KNOWN_BY,
)
async def offline_start_with_invalid_id_tag(rig: Rig, known_by: str) -> None:
    """An offline start that the CSMS refuses is stopped with DeAuthorized."""
    await known_offline(rig, known_by)
    await configure(rig, StopTransactionOnInvalidId=True, MaxEnergyOnInvalidId=0)
    await rig.cut_network()
    await rig.hands.plug(1)
    await rig.hands.swipe(rig.tags.valid, 1)
    rig.csms.answer("StartTransaction", rig.csms.started("Invalid"))
    await rig.restore_network()
    start = await started(rig)
    calls = await rig.gather(
        lambda calls: any(one.action == "StopTransaction" for one in calls), "the StopTransaction of a refused tag"
    )
    conflicts = [one for one in calls if one.payload.get("errorCode") == "LocalListConflict"]
    wanted = [0] * (known_by == "list")  # 3.5.2
    equal("connectors with a LocalListConflict", [one.payload["connectorId"] for one in conflicts], wanted)
    rest = sorted((one for one in calls if one not in conflicts), key=lambda one: one.action)
    equal("what else follows", [one.action for one in rest], ["StatusNotification", "StopTransaction"])
    finishing, stop = rest
    stops = call("StopTransaction", transaction_id=await rig.transaction_id_of(start))
    holds(f"{status(1, 'Finishing')}", status(1, "Finishing").matches(finishing), shown(finishing))
    holds(f"{stops}", stops.matches(stop), shown(stop))
    assert_stops(start, stop, ("DeAuthorized",))
    equal("the contactor", (await rig.connector(1))["contactor"], "open")


@case("TC_038_CS", "Offline stop", OFFLINE, READER, clause="3.7.1")
async def offline_stop(rig: Rig) -> None:
    """A stop by the starting tag while offline is delivered with its own time."""
    start = await charging(rig)
    await rig.cut_network()
    await rig.hands.swipe(rig.tags.valid, 1)
    ended = rig.csms.utc()
    await rig.advance(rig.build.away_s)
    await rig.restore_network()
    stop = await stopped(rig, start, reasons=LOCAL)
    off_s = abs((utc_of(stop.payload["timestamp"]) - ended).total_seconds())
    holds("the time at which it stopped", off_s < 10, f"{off_s:.1f} s away")
    await rig.quiet()


@case("TC_039_CS", "Offline transaction", OFFLINE, READER, clause="3.7.1", variants=KNOWN_BY)
async def offline_transaction(rig: Rig, known_by: str) -> None:
    """A whole offline transaction: start before stop, the stop with the id that the start's answer brings."""
    await known_offline(rig, known_by)
    await rig.cut_network()
    await rig.hands.plug(1)
    await rig.hands.swipe(rig.tags.valid, 1)
    began = rig.csms.utc()
    await rig.advance(rig.build.away_s)
    await rig.hands.swipe(rig.tags.valid, 1)
    lasted_s = (rig.csms.utc() - began).total_seconds()
    await rig.unplug(1)
    await rig.restore_network()
    start = await rig.expect(call("StartTransaction", connector_id=1, id_tag=rig.tags.valid))
    transaction_id = await rig.transaction_id_of(start)
    stop = await rig.expect(call("StopTransaction", transaction_id=transaction_id))
    assert_stops(start, stop, LOCAL)
    told_s = event_seconds_between(start.payload["timestamp"], stop.payload["timestamp"])
    near("seconds from the start to the stop", told_s, lasted_s, within=10)
    await rig.quiet()
