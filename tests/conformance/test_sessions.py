"""Core: start (7.2) and stop (7.3) of a session, the cache (7.4), non-happy starts (7.10)."""

import pytest

from tests.conformance.cases import case
from tests.conformance.conftest import Boot
from tests.conformance.rig import Rig, call, status
from tests.conformance.states import (
    INVALID,
    LOCAL,
    PARENT,
    VALID,
    VALID_2,
    VALID_3,
    asks_for_remote_starts,
    authorized,
    charging,
    configure,
    id_tag_cached,
    read_key,
    started,
    stop_locally,
    stopped,
)
from tests.csms.frames import utc_of

TIME_OUT_S = 30


@case("TC_003_CS")
@pytest.mark.asyncio
async def test_tc_003_regular_session_plug_in_first(rig: Rig) -> None:
    """Plug, then tag: Preparing, Authorize, StartTransaction and Charging."""
    await rig.api.plug(1)
    await rig.expect(status(1, "Preparing"))
    await rig.api.swipe(VALID, 1)
    await rig.expect(call("Authorize", id_tag=VALID))
    start = await started(rig, reservation_id=None)
    assert abs((utc_of(start.payload["timestamp"]) - rig.csms.utc()).total_seconds()) < 5
    await rig.quiet()


@case("TC_004_1_CS")
@pytest.mark.asyncio
async def test_tc_004_1_identification_first(rig: Rig) -> None:
    """Tag, then plug: StartTransaction and Charging."""
    await configure(rig, MeterValueSampleInterval=60)
    await authorized(rig)
    await rig.api.plug(1)
    await started(rig)
    await rig.quiet()


@case("TC_004_2_CS")
@pytest.mark.asyncio
async def test_tc_004_2_identification_first_connection_time_out(rig: Rig) -> None:
    """Tag, never plugged: Available when ConnectionTimeOut ends, not earlier."""
    await configure(rig, ConnectionTimeOut=TIME_OUT_S)
    await authorized(rig)
    await rig.quiet_for(TIME_OUT_S - 5)
    await rig.advance(5.5)
    await rig.expect(status(1, "Available"))
    await rig.quiet()


@case("TC_068_CS")
@pytest.mark.parametrize("connectors", [1, 2], ids=["one connector", "two connectors"])
@pytest.mark.asyncio
async def test_tc_068_stop_with_same_id_tag(boot: Boot, connectors: int) -> None:
    """Another tag moves nothing, the starting tag stops; with one reader for several, the others are occupied."""
    rig = await boot({"station": {"connectors": connectors}})
    start = await charging(rig)
    if connectors == 2:
        await charging(rig, connector_id=2, id_tag=VALID_3)
    await rig.api.swipe(VALID_2, 1)
    await rig.quiet()
    stop = await stop_locally(rig, start)
    assert stop.payload["idTag"] == VALID
    await rig.quiet()


@case("TC_069_CS")
@pytest.mark.parametrize("connectors", [1, 2], ids=["one connector", "two connectors, one reader"])
@pytest.mark.asyncio
async def test_tc_069_stop_with_another_tag_of_the_same_parent(boot: Boot, connectors: int) -> None:
    """A tag of the group that StartTransaction.conf named is asked for, and stops the session that was started remotely."""
    rig = await boot({"station": {"connectors": connectors}})
    info = {"status": "Accepted", "parentIdTag": PARENT}
    rig.csms.answer("StartTransaction", rig.csms.started(parentIdTag=PARENT))
    rig.csms.always("Authorize", {"idTagInfo": info})
    start = await charging(rig, authorizes=False)
    await rig.quiet()
    await rig.api.swipe(VALID_2, 1 if connectors == 1 else None)
    await rig.expect(call("Authorize", id_tag=VALID_2))
    stop = await stopped(rig, start, reasons=LOCAL)
    assert stop.payload["idTag"] == VALID_2
    await rig.quiet()


@case("TC_005_1_CS")
@pytest.mark.asyncio
async def test_tc_005_1_ev_side_disconnect_unlocks(rig: Rig) -> None:
    """Unplugged at the car: EVDisconnected, Finishing, unlocked by the station; out of the socket: Available."""
    await configure(
        rig,
        MinimumStatusDuration=0,
        StopTransactionOnEVSideDisconnect=True,
        UnlockConnectorOnEVSideDisconnect=True,
    )
    start = await charging(rig)
    await rig.api.unplug(1, station=False)
    stop = await stopped(rig, start, reasons=("EVDisconnected",))
    assert "idTag" not in stop.payload
    await rig.unlocked(1)
    await rig.api.unplug(1, ev=False)
    await rig.expect(status(1, "Available"))
    await rig.quiet()


@case("TC_005_2_CS")
@pytest.mark.parametrize("fixed_cable", [False, True], ids=["socket", "fixed cable"])
@pytest.mark.asyncio
async def test_tc_005_2_ev_side_disconnect_keeps_locked(boot: Boot, fixed_cable: bool) -> None:
    """Unplugged at the car: EVDisconnected; a socket stays locked until UnlockConnector."""
    rig = await boot({"board": {"fixed_cable": fixed_cable}})
    await configure(rig, MinimumStatusDuration=0, StopTransactionOnEVSideDisconnect=True)
    if fixed_cable:  # the key is read-only then (errata 3.83)
        key = await read_key(rig, "UnlockConnectorOnEVSideDisconnect")
        assert (key["value"], key["readonly"]) == ("false", True)
    else:
        await configure(rig, UnlockConnectorOnEVSideDisconnect=False)
    start = await charging(rig)
    await rig.api.unplug(1, station=False)
    if fixed_cable:
        await stopped(rig, start, "Finishing", "Available", reasons=("EVDisconnected",))
        calls = await rig.gather(lambda _: True, "what follows")
        assert [one.payload.get("status") for one in calls] in ([], ["Available"])
        assert await rig.request("UnlockConnector", connector_id=1) == {"status": "NotSupported"}
    else:
        await stopped(rig, start, reasons=("EVDisconnected",))
        await rig.settled()
        assert (await rig.api.connector(1))["locked"] is True
        assert await rig.request("UnlockConnector", connector_id=1) == {"status": "Unlocked"}
        await rig.api.unplug(1, ev=False)
        await rig.expect(status(1, "Available"))
    await rig.quiet()


@case("TC_007_1_CS")
@pytest.mark.asyncio
async def test_tc_007_1_local_start_with_cached_id(rig: Rig) -> None:
    """A cached tag starts without Authorize."""
    await configure(rig, AuthorizationCacheEnabled=True, LocalPreAuthorize=True)
    await id_tag_cached(rig)
    await rig.api.swipe(VALID, 1)
    await rig.expect(status(1, "Preparing"))
    await rig.api.plug(1)
    await started(rig)
    await rig.quiet()


@case("TC_007_2_CS")
@pytest.mark.parametrize("plug_first", [True, False], ids=["plug first", "remote start first"])
@pytest.mark.asyncio
async def test_tc_007_2_remote_start_with_cached_id(rig: Rig, plug_first: bool) -> None:
    """A cached tag starts remotely without Authorize although AuthorizeRemoteTxRequests is true."""
    await configure(rig, AuthorizationCacheEnabled=True, LocalPreAuthorize=True, AuthorizeRemoteTxRequests=True)
    await id_tag_cached(rig)
    if plug_first:
        await rig.api.plug(1)
        await rig.expect(status(1, "Preparing"))
    answer = await rig.request("RemoteStartTransaction", connector_id=1, id_tag=VALID)
    assert answer == {"status": "Accepted"}
    if not plug_first:
        await rig.expect(status(1, "Preparing"))
        await rig.api.plug(1)
    await started(rig)
    await rig.quiet()


@case("TC_061_1_CS")
@pytest.mark.parametrize("way", ["second presentation", "time-out"])
@pytest.mark.asyncio
async def test_tc_061_1_clear_cache_local(rig: Rig, way: str) -> None:
    """After ClearCache the tag is asked for again; before, the authorization was given back or lapsed."""
    await configure(rig, AuthorizationCacheEnabled=True, LocalPreAuthorize=True, ConnectionTimeOut=TIME_OUT_S)
    await authorized(rig)
    if way == "time-out":
        await rig.advance(TIME_OUT_S + 0.5)
    else:
        await rig.api.swipe(VALID, 1)
    await rig.expect(status(1, "Available"))
    assert await rig.request("ClearCache") == {"status": "Accepted"}
    await authorized(rig)
    await rig.quiet()


@case("TC_061_2_CS")
@pytest.mark.asyncio
async def test_tc_061_2_clear_cache_remote(rig: Rig) -> None:
    """After ClearCache a remote start asks for the tag again."""
    await configure(rig, AuthorizationCacheEnabled=True, LocalPreAuthorize=True, AuthorizeRemoteTxRequests=True)
    await id_tag_cached(rig)
    assert await rig.request("ClearCache") == {"status": "Accepted"}
    answer = await rig.request("RemoteStartTransaction", connector_id=1, id_tag=VALID)
    assert answer == {"status": "Accepted"}
    await rig.expect(call("Authorize", id_tag=VALID), status(1, "Preparing"))
    await rig.quiet()


@case("TC_023_4_CS")
@pytest.mark.parametrize("tag_first", [True, False], ids=["tag first", "plug first"])
@pytest.mark.asyncio
async def test_tc_023_4_local_start_authorize_invalid(rig: Rig, tag_first: bool) -> None:
    """A refused tag starts nothing and moves no status; the plug alone makes Preparing."""
    await configure(rig, MinimumStatusDuration=10, LocalPreAuthorize=True)
    rig.csms.answer("Authorize", {"idTagInfo": {"status": "Invalid"}})
    for step in ("tag", "plug") if tag_first else ("plug", "tag"):
        if step == "tag":
            await rig.api.swipe(INVALID, 1)
            await rig.expect(call("Authorize", id_tag=INVALID))
            await rig.quiet()
        else:
            await rig.api.plug(1)
            await rig.quiet_for(9)
            await rig.advance(1.5)
            await rig.expect(status(1, "Preparing"))
    await rig.quiet_for(20)


@case("TC_023_5_CS")
@pytest.mark.asyncio
async def test_tc_023_5_remote_start_authorize_invalid(rig: Rig) -> None:
    """A remote start with a refused tag starts nothing, not even once plugged."""
    await configure(rig, MinimumStatusDuration=10, LocalPreAuthorize=True, AuthorizeRemoteTxRequests=True)
    rig.csms.answer("Authorize", {"idTagInfo": {"status": "Invalid"}})
    answer = await rig.request("RemoteStartTransaction", connector_id=1, id_tag=INVALID)
    assert answer == {"status": "Accepted"}
    await rig.expect(call("Authorize", id_tag=INVALID))
    await rig.quiet()
    await rig.api.plug(1)
    await rig.advance(10.5)
    await rig.expect(status(1, "Preparing"))
    await rig.quiet_for(20)


@case("TC_024_CS")
@pytest.mark.asyncio
async def test_tc_024_start_with_lock_failure(rig: Rig) -> None:
    """A plug half way in: Faulted with ConnectorLockFailure, no transaction."""
    asks = await asks_for_remote_starts(rig)
    answer = await rig.request("RemoteStartTransaction", connector_id=1, id_tag=VALID)
    assert answer == {"status": "Accepted"}
    if asks:
        await rig.expect(call("Authorize", id_tag=VALID))
    await rig.expect(status(1, "Preparing"))
    await rig.api.plug(1, seated=False)
    await rig.expect(status(1, "Faulted", error_code="ConnectorLockFailure"))
    await rig.quiet_for(20)
