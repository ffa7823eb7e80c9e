"""Core: offline behaviour (7.14)."""

import pytest

from tests.conformance.cases import case
from tests.conformance.rig import Rig, call, event_seconds_between, gaps_s, status
from tests.conformance.states import (
    LOCAL,
    VALID,
    assert_stops,
    charging,
    configure,
    id_tag_cached,
    id_tag_listed,
    started,
    stopped,
)
from tests.csms.frames import utc_of

AWAY_S = 600
KNOWN_BY = pytest.mark.parametrize("known_by", ["list", "cache"])


@case("TC_036_CS")
@pytest.mark.asyncio
async def test_tc_036_connection_loss_during_transaction(rig: Rig) -> None:
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
    assert gaps_s(at) == pytest.approx([interval_s] * 4, abs=1)
    for one in samples:
        for value in one.payload["meterValue"][0]["sampledValue"]:
            assert value.get("format", "Raw") == "Raw"
            assert value.get("context", "Sample.Periodic") == "Sample.Periodic"


async def known_offline(rig: Rig, known_by: str) -> None:
    """The tag is known to the station, which may start with it offline."""
    await configure(
        rig,
        LocalAuthorizeOffline=True,
        LocalAuthListEnabled=True,
        AuthorizationCacheEnabled=True,
        AllowOfflineTxForUnknownId=True,
    )
    if known_by == "list":
        await id_tag_listed(rig)
    else:
        await id_tag_cached(rig)


@case("TC_037_1_CS")
@KNOWN_BY
@pytest.mark.asyncio
async def test_tc_037_1_offline_start_with_valid_id_tag(rig: Rig, known_by: str) -> None:
    """An offline start is delivered with its own time once the link is back."""
    await known_offline(rig, known_by)
    await rig.cut_network()
    began = rig.csms.utc()
    await rig.api.plug(1)
    await rig.api.swipe(VALID, 1)
    await rig.advance(AWAY_S)
    await rig.restore_network()
    start = await started(rig)
    assert abs((utc_of(start.payload["timestamp"]) - began).total_seconds()) < 10
    await rig.quiet()


@case("TC_037_3_CS")
@KNOWN_BY
@pytest.mark.asyncio
async def test_tc_037_3_offline_start_with_invalid_id_tag(rig: Rig, known_by: str) -> None:
    """An offline start that the CSMS refuses is stopped with DeAuthorized."""
    await known_offline(rig, known_by)
    await configure(rig, StopTransactionOnInvalidId=True, MaxEnergyOnInvalidId=0)
    await rig.cut_network()
    await rig.api.plug(1)
    await rig.api.swipe(VALID, 1)
    rig.csms.answer("StartTransaction", rig.csms.started("Invalid"))
    await rig.restore_network()
    start = await started(rig)
    calls = await rig.gather(
        lambda calls: any(one.action == "StopTransaction" for one in calls), "the StopTransaction of a refused tag"
    )
    conflicts = [one for one in calls if one.payload.get("errorCode") == "LocalListConflict"]
    assert [one.payload["connectorId"] for one in conflicts] == [0] * (known_by == "list")  # 3.5.2
    first, second = sorted((one for one in calls if one not in conflicts), key=lambda one: one.action)
    assert status(1, "Finishing").matches(first)
    assert call("StopTransaction", transaction_id=await rig.transaction_id_of(start)).matches(second)
    assert_stops(start, second, ("DeAuthorized",))
    assert (await rig.api.connector(1))["contactor"] == "open"


@case("TC_038_CS")
@pytest.mark.asyncio
async def test_tc_038_offline_stop(rig: Rig) -> None:
    """A stop by the starting tag while offline is delivered with its own time."""
    start = await charging(rig)
    await rig.cut_network()
    ended = rig.csms.utc()
    await rig.api.swipe(VALID, 1)
    await rig.advance(AWAY_S)
    await rig.restore_network()
    stop = await stopped(rig, start, reasons=LOCAL)
    assert abs((utc_of(stop.payload["timestamp"]) - ended).total_seconds()) < 10
    await rig.quiet()


@case("TC_039_CS")
@KNOWN_BY
@pytest.mark.asyncio
async def test_tc_039_offline_transaction(rig: Rig, known_by: str) -> None:
    """A whole offline transaction: start before stop, the stop with the id that the start's answer brings."""
    await known_offline(rig, known_by)
    await rig.cut_network()
    await rig.api.plug(1)
    await rig.api.swipe(VALID, 1)
    await rig.advance(AWAY_S)
    await rig.api.swipe(VALID, 1)
    await rig.unplug(1)
    await rig.restore_network()
    start = await rig.expect(call("StartTransaction", connector_id=1, id_tag=VALID))
    transaction_id = await rig.transaction_id_of(start)
    stop = await rig.expect(call("StopTransaction", transaction_id=transaction_id))
    assert_stops(start, stop, LOCAL)
    lasted_s = event_seconds_between(start.payload["timestamp"], stop.payload["timestamp"])
    assert lasted_s == pytest.approx(AWAY_S, abs=10)
    await rig.quiet()
