"""Reservation."""

from station.certify.failing import equal, holds, one_of
from station.certify.functionalities import RESERVATION
from station.certify.needs import READER, RESERVES_STATION, FactoryKey, OcppProfileOff
from station.certify.registry import case, variant
from station.certify.rig import Rig, call, status
from station.certify.states import (
    PARENT,
    charge_point_faulted,
    charge_point_unavailable,
    charging,
    configure,
    connector_faulted,
    connector_occupied,
    connector_unavailable,
    other_connectors_unavailable,
    read_key,
    reserve_answered,
    reserved,
    started,
)

OFF = OcppProfileOff("Reservation")


@case("TC_046_1_CS", "Reserve connector – local start", RESERVATION, READER, clause="5.13")
async def reserve_connector_local_start(rig: Rig) -> None:
    """Another tag moves nothing and is not asked for; the reserved tag starts with the reservationId."""
    await other_connectors_unavailable(rig)
    await reserved(rig)
    await rig.hands.swipe(rig.tags.second, 1)
    await rig.quiet()
    await rig.hands.swipe(rig.tags.valid, 1)
    calls = await rig.gather(
        lambda calls: any(one.action == "StatusNotification" for one in calls), "Preparing of the reserved tag"
    )
    rest = [one.payload.get("status") for one in calls if one.action != "Authorize"]
    equal("what the reserved tag leads to", rest, ["Preparing"])
    asked = [one.payload["idTag"] for one in calls if one.action == "Authorize"]
    one_of("the tags that were asked for", asked, ([], [rig.tags.valid]))
    await rig.hands.plug(1)
    await started(rig, reservation_id=42)
    await rig.quiet()


@case("TC_047_CS", "Reserve connector – expire", RESERVATION, clause="5.13")
async def reservation_expires(rig: Rig) -> None:
    """At its expiry the reservation ends, and another tag starts without a reservationId."""
    await other_connectors_unavailable(rig)
    await reserved(rig, lasting_s=60 * rig.build.pace)
    await rig.quiet_for(50 * rig.build.pace)
    await rig.advance(10 * rig.build.pace + 1)
    await rig.expect(status(1, "Available"))
    await starts_without_reservation(rig)


async def starts_without_reservation(rig: Rig) -> None:
    """Another tag starts, and its transaction names no reservation."""
    start = await charging(rig, id_tag=rig.tags.second)
    holds("no reservationId", "reservationId" not in start.payload, start.payload)
    await rig.quiet()


@case("TC_048_1_CS", "Reserve connector – Faulted", RESERVATION, clause="5.13")
async def reserve_connector_faulted(rig: Rig) -> None:
    """A Faulted connector cannot be reserved."""
    await connector_faulted(rig)
    await reserve_answered(rig, "Faulted")
    await rig.quiet()


@case("TC_048_3_CS", "Reserve connector – Unavailable", RESERVATION, clause="5.13")
async def reserve_connector_unavailable(rig: Rig) -> None:
    """An Unavailable connector cannot be reserved."""
    await connector_unavailable(rig)
    await reserve_answered(rig, "Unavailable")
    await rig.quiet()


@case("TC_048_4_CS", "Reserve connector – Rejected", RESERVATION, OFF, clause="5.13")
async def reserve_connector_rejected(rig: Rig) -> None:
    """Without the feature profile: Rejected."""
    await reserve_answered(rig, "Rejected")
    await rig.quiet()


async def assert_zero_supported(rig: Rig) -> None:
    """Connector 0 can be reserved."""
    supported = (await read_key(rig, "ReserveConnectorZeroSupported"))["value"]
    equal("ReserveConnectorZeroSupported", supported, "true")


@case("TC_050_1_CS", "Reserve station – Faulted", RESERVATION, RESERVES_STATION, clause="5.13")
async def reserve_station_faulted(rig: Rig) -> None:
    """A Faulted station cannot be reserved."""
    await assert_zero_supported(rig)
    await charge_point_faulted(rig)
    await reserve_answered(rig, "Faulted", connector_id=0)
    await rig.quiet()


@case("TC_050_2_CS", "Reserve station – Occupied", RESERVATION, RESERVES_STATION, clause="5.13")
async def reserve_station_occupied(rig: Rig) -> None:
    """A station without a free connector cannot be reserved."""
    await assert_zero_supported(rig)
    for connector_id in rig.connector_ids:
        await connector_occupied(rig, connector_id)
    await reserve_answered(rig, "Occupied", connector_id=0)
    await rig.quiet()


@case("TC_050_3_CS", "Reserve station – Unavailable", RESERVATION, RESERVES_STATION, clause="5.13")
async def reserve_station_unavailable(rig: Rig) -> None:
    """An Unavailable station cannot be reserved."""
    await assert_zero_supported(rig)
    await charge_point_unavailable(rig)
    await reserve_answered(rig, "Unavailable", connector_id=0)
    await rig.quiet()


@case(
    "TC_050_4_CS",
    "Reserve station – Rejected",
    RESERVATION,
    clause="5.13",
    variants=(
        variant("profile off", OFF),
        variant(
            "ReserveConnectorZeroSupported false",
            FactoryKey("ReserveConnectorZeroSupported", False, "the station takes reservations of connector 0"),
        ),
    ),
)
async def reserve_station_rejected(rig: Rig) -> None:
    """Without the feature profile, or with ReserveConnectorZeroSupported false: Rejected."""
    await reserve_answered(rig, "Rejected", connector_id=0)
    await rig.quiet()


@case("TC_051_CS", "Cancel reservation", RESERVATION, clause="5.1")
async def cancel_reservation(rig: Rig) -> None:
    """A cancelled reservation frees the connector for another tag, without a reservationId."""
    await reserved(rig)
    await rig.accepted("CancelReservation", reservation_id=42)
    await rig.expect(status(1, "Available"))
    await starts_without_reservation(rig)


@case("TC_052_CS", "Cancel reservation – rejected", RESERVATION, clause="5.1")
async def cancel_reservation_rejected(rig: Rig) -> None:
    """An unknown reservation cannot be cancelled; the other one stays."""
    await reserved(rig)
    await rig.answers("Rejected", "CancelReservation", reservation_id=43)
    await rig.quiet()
    equal("the reservation of connector 1", (await rig.connector(1))["reservation_id"], 42)


@case("TC_053_1_CS", "Reserved connector, parentIdTag – local", RESERVATION, READER, clause="5.13")
async def reserved_for_a_parent_local_start(rig: Rig) -> None:
    """A tag of the reserved parent is asked for, and starts with the reservationId."""
    await other_connectors_unavailable(rig)
    await reserved(rig, parent_id_tag=PARENT)
    rig.csms.always("Authorize", {"idTagInfo": {"status": "Accepted", "parentIdTag": PARENT}})
    await rig.hands.swipe(rig.tags.second, 1)
    await starts_for_the_parent(rig)


async def starts_for_the_parent(rig: Rig) -> None:
    """The second tag is asked for, and once plugged its transaction uses up the reservation."""
    await rig.expect(call("Authorize", id_tag=rig.tags.second), status(1, "Preparing"))
    await rig.hands.plug(1)
    await started(rig, id_tag=rig.tags.second, reservation_id=42)
    await rig.quiet()


@case(
    "TC_053_2_CS",
    "Reserved connector, parentIdTag – remote",
    RESERVATION,
    clause="5.13",
    variants=(
        variant("AuthorizeRemoteTxRequests false", asks=False),
        variant("AuthorizeRemoteTxRequests true", asks=True),
    ),
)
async def reserved_for_a_parent_remote_start(rig: Rig, asks: bool) -> None:
    """A remote start of a tag of the reserved parent is accepted, asked about, and starts with the reservationId."""
    await other_connectors_unavailable(rig)
    await configure(rig, AuthorizeRemoteTxRequests=asks)
    await reserved(rig, parent_id_tag=PARENT)
    rig.csms.always("Authorize", {"idTagInfo": {"status": "Accepted", "parentIdTag": PARENT}})
    await rig.accepted("RemoteStartTransaction", connector_id=1, id_tag=rig.tags.second)
    await starts_for_the_parent(rig)
