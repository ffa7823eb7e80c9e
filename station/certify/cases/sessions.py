"""Core: start and stop of a session, the authorization cache, and starts that come to nothing."""

from station.certify.failing import equal, holds, near, one_of
from station.certify.functionalities import CACHE, START, START_REFUSED, STOP
from station.certify.needs import FIXED_CABLE, ONE_CONNECTOR, READER, SEVERAL_CONNECTORS, SOCKET
from station.certify.payloads import utc_of
from station.certify.registry import case, variant
from station.certify.rig import Rig, call, status
from station.certify.states import (
    LOCAL,
    PARENT,
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

TIME_OUT_S, STATUS_S = 30, 10
"""ConnectionTimeOut and MinimumStatusDuration, by the pace of the station."""
LONG_S = 3600
"""A ConnectionTimeOut that does not end within a case."""


@case("TC_003_CS", "Regular session – plug-in first", START, READER, clause="4.8")
async def regular_session_plug_in_first(rig: Rig) -> None:
    """Plug, then tag: Preparing, Authorize, StartTransaction and Charging."""
    await rig.hands.plug(1)
    await rig.expect(status(1, "Preparing"))
    await rig.hands.swipe(rig.tags.valid, 1)
    await rig.expect(call("Authorize", id_tag=rig.tags.valid))
    start = await started(rig, reservation_id=None)
    off_s = utc_of(start.payload["timestamp"]).timestamp() - start.utc_ms / 1000
    near("seconds from the arrival of the StartTransaction to its time", off_s, 0, within=10)
    await rig.quiet()


@case("TC_004_1_CS", "Regular session – identification first", START, READER, clause="4.8")
async def identification_first(rig: Rig) -> None:
    """Tag, then plug: StartTransaction and Charging."""
    await configure(rig, MeterValueSampleInterval=60)
    await authorized(rig)
    await rig.hands.plug(1)
    await started(rig)
    await rig.quiet()


@case("TC_004_2_CS", "Identification first – ConnectionTimeOut", START, READER, clause="9.1.6")
async def identification_first_connection_time_out(rig: Rig) -> None:
    """Tag, never plugged: Available when ConnectionTimeOut ends, not earlier."""
    await configure(rig, ConnectionTimeOut=TIME_OUT_S * rig.build.pace)
    await authorized(rig)
    await rig.quiet_for((TIME_OUT_S - 5) * rig.build.pace)
    await rig.advance(5 * rig.build.pace + 0.5)
    await rig.expect(status(1, "Available"))
    await rig.quiet()


@case(
    "TC_068_CS",
    "Stop with same idTag",
    STOP,
    READER,
    clause="4.10",
    variants=(
        variant("one connector", ONE_CONNECTOR, connectors=1),
        variant("two connectors", SEVERAL_CONNECTORS, connectors=2),
    ),
)
async def stop_with_same_id_tag(rig: Rig, connectors: int) -> None:
    """Another tag moves nothing, the starting tag stops; with one reader for several, the others are occupied."""
    start = await charging(rig)
    if connectors == 2:
        await charging(rig, connector_id=2, id_tag=rig.tags.third)
    await rig.hands.swipe(rig.tags.second, 1)
    await rig.quiet()
    await stop_locally(rig, start)
    await rig.quiet()


@case(
    "TC_069_CS",
    "Stop with another idTag of the same parentIdTag",
    STOP,
    READER,
    clause="3.10",
    variants=(
        variant("one connector", ONE_CONNECTOR, connector_id=1),
        variant("two connectors, one reader", SEVERAL_CONNECTORS, connector_id=None),
    ),
)
async def stop_with_another_tag_of_the_same_parent(rig: Rig, connector_id: int | None) -> None:
    """A tag of the group that StartTransaction.conf named is asked for, and stops the session that was started remotely."""
    rig.csms.answer("StartTransaction", rig.csms.started(parentIdTag=PARENT))
    rig.csms.always("Authorize", {"idTagInfo": {"status": "Accepted", "parentIdTag": PARENT}})
    start = await charging(rig, authorizes=False)
    await rig.quiet()
    await rig.hands.swipe(rig.tags.second, connector_id)
    await rig.expect(call("Authorize", id_tag=rig.tags.second))
    stop = await stopped(rig, start, reasons=LOCAL)
    equal("the tag of the StopTransaction", stop.payload.get("idTag"), rig.tags.second)
    await rig.quiet()


@case("TC_005_1_CS", "EV-side disconnect, stop=true unlock=true", STOP, SOCKET, clause="9.1.23")
async def ev_side_disconnect_unlocks(rig: Rig) -> None:
    """Unplugged at the car: EVDisconnected, Finishing, unlocked by the station; out of the socket: Available."""
    await configure(
        rig,
        MinimumStatusDuration=0,
        StopTransactionOnEVSideDisconnect=True,
        UnlockConnectorOnEVSideDisconnect=True,
    )
    start = await charging(rig)
    await rig.hands.unplug(1, station=False)
    stop = await stopped(rig, start, reasons=("EVDisconnected",))
    holds("no idTag in the StopTransaction", "idTag" not in stop.payload, stop.payload)
    await rig.unlocked(1)
    await rig.hands.unplug(1, ev=False)
    await rig.expect(status(1, "Available"))
    await rig.quiet()


@case(
    "TC_005_2_CS",
    "EV-side disconnect, stop=true unlock=false",
    STOP,
    clause="9.1.33",
    variants=(
        variant("socket", SOCKET, fixed_cable=False),
        variant("fixed cable", FIXED_CABLE, fixed_cable=True),
    ),
)
async def ev_side_disconnect_keeps_locked(rig: Rig, fixed_cable: bool) -> None:
    """Unplugged at the car: EVDisconnected; a socket stays locked until UnlockConnector."""
    await configure(rig, MinimumStatusDuration=0, StopTransactionOnEVSideDisconnect=True)
    if fixed_cable:  # the key is read-only then (errata 3.83)
        key = await read_key(rig, "UnlockConnectorOnEVSideDisconnect")
        equal("UnlockConnectorOnEVSideDisconnect", (key["value"], key["readonly"]), ("false", True))
    else:
        await configure(rig, UnlockConnectorOnEVSideDisconnect=False)
    start = await charging(rig)
    await rig.hands.unplug(1, station=False)
    if fixed_cable:
        await stopped(rig, start, "Finishing", "Available", reasons=("EVDisconnected",))
        calls = await rig.gather(lambda _: True, "what follows")
        one_of("the statuses that follow", [one.payload.get("status") for one in calls], ([], ["Available"]))
        await rig.answers("NotSupported", "UnlockConnector", connector_id=1)
    else:
        await stopped(rig, start, reasons=("EVDisconnected",))
        await rig.settled()
        equal("a socket that is locked", (await rig.connector(1))["locked"], True)
        await rig.answers("Unlocked", "UnlockConnector", connector_id=1)
        await rig.hands.unplug(1, ev=False)
        await rig.expect(status(1, "Available"))
    await rig.quiet()


@case("TC_007_1_CS", "Local start – cached id", CACHE, READER, clause="3.5.1")
async def local_start_with_cached_id(rig: Rig) -> None:
    """A cached tag starts without Authorize."""
    await configure(rig, AuthorizationCacheEnabled=True, LocalPreAuthorize=True)
    await id_tag_cached(rig)
    await rig.hands.swipe(rig.tags.valid, 1)
    await rig.expect(status(1, "Preparing"))
    await rig.hands.plug(1)
    await started(rig)
    await rig.quiet()


@case(
    "TC_007_2_CS",
    "Remote start – cached id",
    CACHE,
    READER,
    clause="3.5.1",
    variants=(variant("plug first", plug_first=True), variant("remote start first", plug_first=False)),
)
async def remote_start_with_cached_id(rig: Rig, plug_first: bool) -> None:
    """A cached tag starts remotely without Authorize although AuthorizeRemoteTxRequests is true."""
    await configure(rig, AuthorizationCacheEnabled=True, LocalPreAuthorize=True, AuthorizeRemoteTxRequests=True)
    await id_tag_cached(rig)
    if plug_first:
        await rig.hands.plug(1)
        await rig.expect(status(1, "Preparing"))
    await rig.accepted("RemoteStartTransaction", connector_id=1, id_tag=rig.tags.valid)
    if not plug_first:
        await rig.expect(status(1, "Preparing"))
        await rig.hands.plug(1)
    await started(rig)
    await rig.quiet()


@case(
    "TC_061_1_CS",
    "Clear authorization cache – local",
    CACHE,
    READER,
    clause="5.4",
    variants=(variant("second presentation", times_out=False), variant("time-out", times_out=True)),
)
async def clear_cache_local(rig: Rig, times_out: bool) -> None:
    """After ClearCache the tag is asked for again; before, the authorization was given back or lapsed."""
    await configure(
        rig, AuthorizationCacheEnabled=True, LocalPreAuthorize=True, ConnectionTimeOut=TIME_OUT_S * rig.build.pace
    )
    await authorized(rig)
    if times_out:
        await rig.advance(TIME_OUT_S * rig.build.pace + 0.5)
    else:
        await rig.hands.swipe(rig.tags.valid, 1)
    await rig.expect(status(1, "Available"))
    await rig.accepted("ClearCache")
    await authorized(rig)
    await rig.quiet()


@case("TC_061_2_CS", "Clear authorization cache – remote", CACHE, READER, clause="5.4")
async def clear_cache_remote(rig: Rig) -> None:
    """After ClearCache a remote start asks for the tag again."""
    await configure(rig, AuthorizationCacheEnabled=True, LocalPreAuthorize=True, AuthorizeRemoteTxRequests=True)
    await id_tag_cached(rig)
    await rig.accepted("ClearCache")
    await rig.accepted("RemoteStartTransaction", connector_id=1, id_tag=rig.tags.valid)
    await rig.expect(call("Authorize", id_tag=rig.tags.valid), status(1, "Preparing"))
    await rig.quiet()


@case(
    "TC_023_4_CS",
    "Local start – authorize invalid",
    START_REFUSED,
    READER,
    clause="4.1",
    variants=(variant("tag first", tag_first=True), variant("plug first", tag_first=False)),
)
async def local_start_authorize_invalid(rig: Rig, tag_first: bool) -> None:
    """A refused tag starts nothing and moves no status; the plug alone makes Preparing."""
    await configure(
        rig, MinimumStatusDuration=STATUS_S * rig.build.pace, ConnectionTimeOut=LONG_S, LocalPreAuthorize=True
    )
    rig.csms.answer("Authorize", {"idTagInfo": {"status": "Invalid"}})
    for step in ("tag", "plug") if tag_first else ("plug", "tag"):
        if step == "tag":
            await rig.hands.swipe(rig.tags.invalid, 1)
            await rig.expect(call("Authorize", id_tag=rig.tags.invalid))
            await rig.quiet()
        else:
            await rig.hands.plug(1)
            await rig.quiet_for((STATUS_S - 2) * rig.build.pace)
            await rig.advance(2 * rig.build.pace + 0.5)
            await rig.expect(status(1, "Preparing"))
    await rig.quiet_for(2 * STATUS_S * rig.build.pace)


@case("TC_023_5_CS", "Remote start – authorize invalid", START_REFUSED, clause="5.11")
async def remote_start_authorize_invalid(rig: Rig) -> None:
    """A remote start with a refused tag starts nothing, not even once plugged."""
    await configure(
        rig,
        MinimumStatusDuration=STATUS_S * rig.build.pace,
        ConnectionTimeOut=LONG_S,
        LocalPreAuthorize=True,
        AuthorizeRemoteTxRequests=True,
    )
    rig.csms.answer("Authorize", {"idTagInfo": {"status": "Invalid"}})
    await rig.accepted("RemoteStartTransaction", connector_id=1, id_tag=rig.tags.invalid)
    await rig.expect(call("Authorize", id_tag=rig.tags.invalid))
    await rig.quiet()
    await rig.hands.plug(1)
    await rig.advance(STATUS_S * rig.build.pace + 0.5)
    await rig.expect(status(1, "Preparing"))
    await rig.quiet_for(2 * STATUS_S * rig.build.pace)


@case("TC_024_CS", "Start – lock failure", START_REFUSED, SOCKET, clause="7.6")
async def start_with_lock_failure(rig: Rig) -> None:
    """A plug half way in: Faulted with ConnectorLockFailure, no transaction."""
    asks = await asks_for_remote_starts(rig)
    await rig.accepted("RemoteStartTransaction", connector_id=1, id_tag=rig.tags.valid)
    if asks:
        await rig.expect(call("Authorize", id_tag=rig.tags.valid))
    await rig.expect(status(1, "Preparing"))
    await rig.hands.plug(1, seated=False)
    await rig.expect(status(1, "Faulted", error_code="ConnectorLockFailure"))
    await rig.quiet_for(2 * STATUS_S * rig.build.pace)
