"""Core: remote start and stop, unlocking, and DataTransfer."""

from station.certify.failing import equal, holds
from station.certify.functionalities import DATA_TRANSFER, REMOTE, REMOTE_REFUSED, UNLOCK, UNLOCK_REFUSED
from station.certify.needs import FIXED_CABLE, SOCKET
from station.certify.registry import case, variant
from station.certify.rig import Rig, call, status
from station.certify.states import asks_for_remote_starts, charging, configure, started, stopped

TIME_OUT_S = 30
"""ConnectionTimeOut, by the pace of the station."""
ASKING = (variant("authorized", asks=True), variant("not authorized", asks=False))


async def ask_for_remote_starts(rig: Rig, *, asks: bool) -> None:
    """AuthorizeRemoteTxRequests is set, and reads so."""
    await configure(rig, AuthorizeRemoteTxRequests=asks)
    equal("AuthorizeRemoteTxRequests", await asks_for_remote_starts(rig), asks)


@case("TC_010_CS", "Remote start – cable first", REMOTE, clause="5.11", variants=ASKING)
async def remote_start_cable_first(rig: Rig, asks: bool) -> None:
    """Plug, then remote start; Authorize only if AuthorizeRemoteTxRequests is true."""
    await ask_for_remote_starts(rig, asks=asks)
    await charging(rig)
    await rig.quiet()


async def remote_start(rig: Rig, *, asks: bool) -> None:
    """Remote start without a cable: Accepted, Authorize if the key says so, Preparing."""
    await ask_for_remote_starts(rig, asks=asks)
    await rig.accepted("RemoteStartTransaction", connector_id=1, id_tag=rig.tags.valid)
    if asks:
        await rig.expect(call("Authorize", id_tag=rig.tags.valid))
    await rig.expect(status(1, "Preparing"))


@case("TC_011_1_CS", "Remote start – remote start first", REMOTE, clause="5.11", variants=ASKING)
async def remote_start_first(rig: Rig, asks: bool) -> None:
    """Remote start, then plug: Preparing, StartTransaction and Charging."""
    await remote_start(rig, asks=asks)
    await rig.hands.plug(1)
    await started(rig)
    await rig.quiet()


@case("TC_011_2_CS", "Remote start – time out", REMOTE, clause="5.11", variants=ASKING)
async def remote_start_time_out(rig: Rig, asks: bool) -> None:
    """Remote start, never plugged: Available after ConnectionTimeOut, no transaction."""
    await configure(rig, ConnectionTimeOut=TIME_OUT_S * rig.build.pace)
    await remote_start(rig, asks=asks)
    await rig.quiet_for((TIME_OUT_S - 5) * rig.build.pace)
    await rig.advance(5 * rig.build.pace + 0.5)
    await rig.expect(status(1, "Available"))
    await rig.quiet()


@case("TC_012_CS", "Remote stop", REMOTE, clause="5.12")
async def remote_stop(rig: Rig) -> None:
    """Remote stop: Accepted, StopTransaction with reason Remote, Finishing."""
    start = await charging(rig)
    await rig.accepted("RemoteStopTransaction", transaction_id=await rig.transaction_id_of(start))
    await stopped(rig, start, reasons=("Remote",))
    await rig.quiet()


@case("TC_026_CS", "Remote start – rejected", REMOTE_REFUSED, clause="5.11")
async def remote_start_rejected(rig: Rig) -> None:
    """A connector that is charging takes no second remote start."""
    await configure(rig, LocalPreAuthorize=False)
    await charging(rig)
    await rig.answers("Rejected", "RemoteStartTransaction", connector_id=1, id_tag=rig.tags.valid)
    await rig.quiet()


@case("TC_027_CS", "Remote start – connectorId 0", REMOTE_REFUSED, clause="6.33")
async def remote_start_on_connector_zero(rig: Rig) -> None:
    """Connector 0 cannot be started."""
    refusal = await rig.refused("RemoteStartTransaction", connector_id=0, id_tag=rig.tags.valid)
    holds("a remote start of connector 0 refused", refusal != "Accepted", refusal)
    await rig.quiet()


@case("TC_028_CS", "Remote stop – rejected", REMOTE_REFUSED, clause="5.12")
async def remote_stop_rejected(rig: Rig) -> None:
    """An unknown transaction cannot be stopped; the running one goes on."""
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    await rig.answers("Rejected", "RemoteStopTransaction", transaction_id=transaction_id + 1000)
    await rig.quiet()
    await assert_charging(rig)


async def assert_charging(rig: Rig) -> None:
    """Connector 1 charges."""
    connector = await rig.connector(1)
    equal("connector 1", (connector["status"], connector["contactor"]), ("Charging", "closed"))


@case("TC_017_1_CS", "Unlock, no session, socket", UNLOCK, SOCKET, clause="5.18")
async def unlock_without_session_socket(rig: Rig) -> None:
    """An idle socket unlocks."""
    await rig.answers("Unlocked", "UnlockConnector", connector_id=1)
    await rig.quiet()


@case("TC_017_2_CS", "Unlock, no session, fixed cable", UNLOCK, FIXED_CABLE, clause="5.18")
async def unlock_without_session_fixed_cable(rig: Rig) -> None:
    """A fixed cable has no lock: NotSupported."""
    await rig.answers("NotSupported", "UnlockConnector", connector_id=1)
    await rig.quiet()


@case("TC_018_1_CS", "Unlock, session, socket", UNLOCK, SOCKET, clause="5.18")
async def unlock_with_session_socket(rig: Rig) -> None:
    """Unlocking while charging stops with UnlockCommand; unplugged, the connector is Available."""
    start = await charging(rig)
    await rig.answers("Unlocked", "UnlockConnector", connector_id=1, first=False)
    stop = await stopped(rig, start, reasons=("UnlockCommand",))
    holds("no idTag in the StopTransaction", "idTag" not in stop.payload, stop.payload)
    await rig.unplug(1)
    await rig.expect(status(1, "Available"))
    await rig.quiet()


@case("TC_018_2_CS", "Unlock, session, fixed cable", UNLOCK, FIXED_CABLE, clause="5.18")
async def unlock_with_session_fixed_cable(rig: Rig) -> None:
    """Unlocking a fixed cable while charging: NotSupported, the transaction goes on."""
    await charging(rig)
    await rig.answers("NotSupported", "UnlockConnector", connector_id=1)
    await rig.quiet()
    await assert_charging(rig)


@case("TC_031_CS", "Unlock – unknown connector", UNLOCK_REFUSED, clause="5.18")
async def unlock_unknown_connector(rig: Rig) -> None:
    """A connector that does not exist: NotSupported, no CALLERROR."""
    await rig.answers("NotSupported", "UnlockConnector", connector_id=rig.build.connectors + 7)
    await rig.quiet()


@case("TC_062_CS", "DataTransfer to the station", DATA_TRANSFER, clause="5.6")
async def data_transfer_to_the_station(rig: Rig) -> None:
    """A vendor that the station does not know: UnknownVendorId."""
    await rig.answers("UnknownVendorId", "DataTransfer", vendor_id="org.example.unknown", message_id="x", data="y")
    await rig.quiet()
