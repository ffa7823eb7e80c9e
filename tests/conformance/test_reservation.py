"""Reservation (7.18)."""

import pytest

from tests.conformance.cases import case
from tests.conformance.conftest import Boot
from tests.conformance.rig import Rig, call, status
from tests.conformance.states import (
    PARENT,
    VALID,
    VALID_2,
    charge_point_faulted,
    charge_point_unavailable,
    charging,
    configure,
    connector_faulted,
    connector_occupied,
    connector_unavailable,
    other_connectors_unavailable,
    read_key,
    reserve,
    reserved,
    started,
)

OFF = {"features": {"reservation": False}}


@case("TC_046_1_CS")
@pytest.mark.asyncio
async def test_tc_046_1_reserve_connector_local_start(rig: Rig) -> None:
    """Another tag moves nothing and is not asked for; the reserved tag starts with the reservationId."""
    await other_connectors_unavailable(rig)
    await reserved(rig)
    await rig.api.swipe(VALID_2, 1)
    await rig.quiet()
    await rig.api.swipe(VALID, 1)
    calls = await rig.gather(
        lambda calls: any(one.action == "StatusNotification" for one in calls), "Preparing of the reserved tag"
    )
    assert [one.payload["status"] for one in calls if one.action != "Authorize"] == ["Preparing"]
    assert [one.payload["idTag"] for one in calls if one.action == "Authorize"] in ([], [VALID])
    await rig.api.plug(1)
    await started(rig, reservation_id=42)
    await rig.quiet()


@case("TC_047_CS")
@pytest.mark.asyncio
async def test_tc_047_reservation_expires(rig: Rig) -> None:
    """At its expiry the reservation ends, and another tag starts without a reservationId."""
    await other_connectors_unavailable(rig)
    await reserved(rig, lasting_s=60)
    await rig.quiet_for(50)
    await rig.advance(11)
    await rig.expect(status(1, "Available"))
    start = await charging(rig, id_tag=VALID_2)
    assert "reservationId" not in start.payload
    await rig.quiet()


@case("TC_048_1_CS")
@pytest.mark.asyncio
async def test_tc_048_1_reserve_connector_faulted(rig: Rig) -> None:
    """A Faulted connector cannot be reserved."""
    await connector_faulted(rig)
    assert await reserve(rig) == "Faulted"
    await rig.quiet()


@case("TC_048_3_CS")
@pytest.mark.asyncio
async def test_tc_048_3_reserve_connector_unavailable(rig: Rig) -> None:
    """An Unavailable connector cannot be reserved."""
    await connector_unavailable(rig)
    assert await reserve(rig) == "Unavailable"
    await rig.quiet()


@case("TC_048_4_CS")
@pytest.mark.asyncio
async def test_tc_048_4_reserve_connector_rejected(boot: Boot) -> None:
    """Without the feature profile: Rejected."""
    rig = await boot(OFF)
    assert await reserve(rig) == "Rejected"
    await rig.quiet()


async def assert_zero_supported(rig: Rig) -> None:
    assert (await read_key(rig, "ReserveConnectorZeroSupported"))["value"] == "true"


@case("TC_050_1_CS")
@pytest.mark.asyncio
async def test_tc_050_1_reserve_station_faulted(rig: Rig) -> None:
    """A Faulted station cannot be reserved."""
    await assert_zero_supported(rig)
    await charge_point_faulted(rig)
    assert await reserve(rig, connector_id=0) == "Faulted"
    await rig.quiet()


@case("TC_050_2_CS")
@pytest.mark.asyncio
async def test_tc_050_2_reserve_station_occupied(rig: Rig) -> None:
    """A station without a free connector cannot be reserved."""
    await assert_zero_supported(rig)
    for connector_id in range(1, rig.connector_count + 1):
        await connector_occupied(rig, connector_id)
    assert await reserve(rig, connector_id=0) == "Occupied"
    await rig.quiet()


@case("TC_050_3_CS")
@pytest.mark.asyncio
async def test_tc_050_3_reserve_station_unavailable(rig: Rig) -> None:
    """An Unavailable station cannot be reserved."""
    await assert_zero_supported(rig)
    await charge_point_unavailable(rig)
    assert await reserve(rig, connector_id=0) == "Unavailable"
    await rig.quiet()


@case("TC_050_4_CS")
@pytest.mark.asyncio
async def test_tc_050_4_reserve_station_rejected(boot: Boot) -> None:
    """Without the feature profile: Rejected."""
    rig = await boot(OFF)
    assert await reserve(rig, connector_id=0) == "Rejected"
    await rig.quiet()


@case("TC_050_4_CS")
@pytest.mark.asyncio
async def test_tc_050_4_reserve_station_rejected_by_key(boot: Boot) -> None:
    """With ReserveConnectorZeroSupported false: Rejected."""
    rig = await boot({"config": {"ReserveConnectorZeroSupported": False}})
    assert await reserve(rig, connector_id=0) == "Rejected"
    await rig.quiet()


@case("TC_051_CS")
@pytest.mark.asyncio
async def test_tc_051_cancel_reservation(rig: Rig) -> None:
    """A cancelled reservation frees the connector for another tag, without a reservationId."""
    await reserved(rig)
    assert await rig.request("CancelReservation", reservation_id=42) == {"status": "Accepted"}
    await rig.expect(status(1, "Available"))
    start = await charging(rig, id_tag=VALID_2)
    assert "reservationId" not in start.payload
    await rig.quiet()


@case("TC_052_CS")
@pytest.mark.asyncio
async def test_tc_052_cancel_reservation_rejected(rig: Rig) -> None:
    """An unknown reservation cannot be cancelled; the other one stays."""
    await reserved(rig)
    assert await rig.request("CancelReservation", reservation_id=43) == {"status": "Rejected"}
    await rig.quiet()
    assert (await rig.api.connector(1))["reservation_id"] == 42


@case("TC_053_1_CS")
@pytest.mark.asyncio
async def test_tc_053_1_reserved_for_a_parent_local_start(rig: Rig) -> None:
    """A tag of the reserved parent is asked for, and starts with the reservationId."""
    await other_connectors_unavailable(rig)
    await reserved(rig, parent_id_tag=PARENT)
    rig.csms.always("Authorize", {"idTagInfo": {"status": "Accepted", "parentIdTag": PARENT}})
    await rig.api.swipe(VALID_2, 1)
    await rig.expect(call("Authorize", id_tag=VALID_2), status(1, "Preparing"))
    await rig.api.plug(1)
    await started(rig, id_tag=VALID_2, reservation_id=42)
    await rig.quiet()


@case("TC_053_2_CS")
@pytest.mark.parametrize(
    "asks", [False, True], ids=["AuthorizeRemoteTxRequests false", "AuthorizeRemoteTxRequests true"]
)
@pytest.mark.asyncio
async def test_tc_053_2_reserved_for_a_parent_remote_start(rig: Rig, asks: bool) -> None:
    """A remote start of a tag of the reserved parent is accepted, asked about, and starts with the reservationId."""
    await other_connectors_unavailable(rig)
    await configure(rig, AuthorizeRemoteTxRequests=asks)
    await reserved(rig, parent_id_tag=PARENT)
    rig.csms.always("Authorize", {"idTagInfo": {"status": "Accepted", "parentIdTag": PARENT}})
    answer = await rig.request("RemoteStartTransaction", connector_id=1, id_tag=VALID_2)
    assert answer == {"status": "Accepted"}
    await rig.expect(call("Authorize", id_tag=VALID_2), status(1, "Preparing"))
    await rig.api.plug(1)
    await started(rig, id_tag=VALID_2, reservation_id=42)
    await rig.quiet()
