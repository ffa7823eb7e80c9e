"""Core: remote start and stop (7.5, 7.11), unlocking (7.7, 7.12), DataTransfer (7.15)."""

import pytest

from tests.conformance.cases import case
from tests.conformance.conftest import Boot
from tests.conformance.rig import Rig, call, status
from tests.conformance.states import VALID, asks_for_remote_starts, charging, configure, started, stopped

TIME_OUT_S = 30
ASKING = pytest.mark.parametrize("asks", [True, False], ids=["authorized", "not authorized"])


@case("TC_010_CS")
@ASKING
@pytest.mark.asyncio
async def test_tc_010_remote_start_cable_first(rig: Rig, asks: bool) -> None:
    """Plug, then remote start; Authorize only if AuthorizeRemoteTxRequests is true."""
    await configure(rig, AuthorizeRemoteTxRequests=asks)
    assert await asks_for_remote_starts(rig) is asks
    await charging(rig)
    await rig.quiet()


async def remote_start_first(rig: Rig, *, asks: bool) -> None:
    """Remote start without a cable: Accepted, Authorize if the key says so, Preparing."""
    await configure(rig, AuthorizeRemoteTxRequests=asks)
    assert await asks_for_remote_starts(rig) is asks
    answer = await rig.request("RemoteStartTransaction", connector_id=1, id_tag=VALID)
    assert answer == {"status": "Accepted"}
    if asks:
        await rig.expect(call("Authorize", id_tag=VALID))
    await rig.expect(status(1, "Preparing"))


@case("TC_011_1_CS")
@ASKING
@pytest.mark.asyncio
async def test_tc_011_1_remote_start_first(rig: Rig, asks: bool) -> None:
    """Remote start, then plug: Preparing, StartTransaction and Charging."""
    await remote_start_first(rig, asks=asks)
    await rig.api.plug(1)
    await started(rig)
    await rig.quiet()


@case("TC_011_2_CS")
@ASKING
@pytest.mark.asyncio
async def test_tc_011_2_remote_start_time_out(rig: Rig, asks: bool) -> None:
    """Remote start, never plugged: Available after ConnectionTimeOut, no transaction."""
    await configure(rig, ConnectionTimeOut=TIME_OUT_S)
    await remote_start_first(rig, asks=asks)
    await rig.quiet_for(TIME_OUT_S - 5)
    await rig.advance(5.5)
    await rig.expect(status(1, "Available"))
    await rig.quiet()


@case("TC_012_CS")
@pytest.mark.asyncio
async def test_tc_012_remote_stop(rig: Rig) -> None:
    """Remote stop: Accepted, StopTransaction with reason Remote, Finishing."""
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    answer = await rig.request("RemoteStopTransaction", transaction_id=transaction_id)
    assert answer == {"status": "Accepted"}
    await stopped(rig, start, reasons=("Remote",))
    await rig.quiet()


@case("TC_026_CS")
@pytest.mark.asyncio
async def test_tc_026_remote_start_rejected(rig: Rig) -> None:
    """A connector that is charging takes no second remote start."""
    await configure(rig, LocalPreAuthorize=False)
    await charging(rig)
    answer = await rig.request("RemoteStartTransaction", connector_id=1, id_tag=VALID)
    assert answer == {"status": "Rejected"}
    await rig.quiet()


@case("TC_027_CS")
@pytest.mark.asyncio
async def test_tc_027_remote_start_on_connector_zero(rig: Rig) -> None:
    """Connector 0 cannot be started."""
    assert await rig.refused("RemoteStartTransaction", connector_id=0, id_tag=VALID) != "Accepted"
    await rig.quiet()


@case("TC_028_CS")
@pytest.mark.asyncio
async def test_tc_028_remote_stop_rejected(rig: Rig) -> None:
    """An unknown transaction cannot be stopped; the running one goes on."""
    start = await charging(rig)
    transaction_id = await rig.transaction_id_of(start)
    answer = await rig.request("RemoteStopTransaction", transaction_id=transaction_id + 1000)
    assert answer == {"status": "Rejected"}
    await rig.quiet()
    await assert_charging(rig)


async def assert_charging(rig: Rig) -> None:
    connector = await rig.api.connector(1)
    assert (connector["status"], connector["contactor"]) == ("Charging", "closed")


@case("TC_017_1_CS")
@pytest.mark.asyncio
async def test_tc_017_1_unlock_without_session_socket(rig: Rig) -> None:
    """An idle socket unlocks."""
    assert await rig.request("UnlockConnector", connector_id=1) == {"status": "Unlocked"}
    await rig.quiet()


@case("TC_017_2_CS")
@pytest.mark.asyncio
async def test_tc_017_2_unlock_without_session_fixed_cable(boot: Boot) -> None:
    """A fixed cable has no lock: NotSupported."""
    rig = await boot({"board": {"fixed_cable": True}})
    assert await rig.request("UnlockConnector", connector_id=1) == {"status": "NotSupported"}
    await rig.quiet()


@case("TC_018_1_CS")
@pytest.mark.asyncio
async def test_tc_018_1_unlock_with_session_socket(rig: Rig) -> None:
    """Unlocking while charging stops with UnlockCommand; unplugged, the connector is Available."""
    start = await charging(rig)
    assert await rig.request("UnlockConnector", connector_id=1, first=False) == {"status": "Unlocked"}
    stop = await stopped(rig, start, reasons=("UnlockCommand",))
    assert "idTag" not in stop.payload
    await rig.unplug(1)
    await rig.expect(status(1, "Available"))
    await rig.quiet()


@case("TC_018_2_CS")
@pytest.mark.asyncio
async def test_tc_018_2_unlock_with_session_fixed_cable(boot: Boot) -> None:
    """Unlocking a fixed cable while charging: NotSupported, the transaction goes on."""
    rig = await boot({"board": {"fixed_cable": True}})
    await charging(rig)
    assert await rig.request("UnlockConnector", connector_id=1) == {"status": "NotSupported"}
    await rig.quiet()
    await assert_charging(rig)


@case("TC_031_CS")
@pytest.mark.asyncio
async def test_tc_031_unlock_unknown_connector(rig: Rig) -> None:
    """A connector that does not exist: NotSupported, no CALLERROR."""
    assert await rig.request("UnlockConnector", connector_id=9) == {"status": "NotSupported"}
    await rig.quiet()


@case("TC_062_CS")
@pytest.mark.asyncio
async def test_tc_062_data_transfer_to_the_station(rig: Rig) -> None:
    """A vendor that the station does not know: UnknownVendorId."""
    answer = await rig.request("DataTransfer", vendor_id="org.example.unknown", message_id="x", data="y")
    assert answer == {"status": "UnknownVendorId"}
    await rig.quiet()
