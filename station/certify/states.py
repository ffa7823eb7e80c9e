"""The reusable and memory states of the cases: how the laboratory brings a station where a case begins."""

from datetime import timedelta
from typing import Any

from station.certify.failing import equal, holds, one_of
from station.certify.payloads import instant_of, utc_of
from station.certify.ports import SeenFrame
from station.certify.rig import Rig, call, status

PARENT = "PARENT01"
LOCAL = ("Local", None)


async def configure(rig: Rig, **values: Any) -> None:
    """ChangeConfiguration of each key; each must be Accepted."""
    for key, value in values.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        answer = await rig.request("ChangeConfiguration", key=key, value=text)
        equal(f"the answer to ChangeConfiguration {key} = {text}", answer, {"status": "Accepted"})


async def read_key(rig: Rig, key: str) -> Any:
    """GetConfiguration(key): the KeyValue, which must be there."""
    answer = await rig.request("GetConfiguration", key=[key])
    found = answer.get("configurationKey") or []
    equal(f"the keys that GetConfiguration {key} gives", [each["key"] for each in found], [key])
    holds("no unknown key", not answer.get("unknownKey"), answer)
    return found[0]


async def asks_for_remote_starts(rig: Rig) -> bool:
    """GetConfiguration(AuthorizeRemoteTxRequests)."""
    return bool((await read_key(rig, "AuthorizeRemoteTxRequests"))["value"].lower() == "true")


async def authorized(rig: Rig, *, connector_id: int = 1) -> None:
    """Authorized: the valid tag is presented, asked for and accepted; the connector becomes Preparing."""
    await rig.hands.swipe(rig.tags.valid, connector_id)
    await rig.expect_any_order(call("Authorize", id_tag=rig.tags.valid), status(connector_id, "Preparing"))


async def charging(
    rig: Rig,
    *,
    connector_id: int = 1,
    id_tag: str | None = None,
    authorizes: bool | None = None,
    charging_profile: Any = None,
) -> SeenFrame:
    """Charging: plug, remote start, transaction; returns the StartTransaction.

    The tag is the valid one by default. `authorizes` says whether an Authorize is due; by default what AuthorizeRemoteTxRequests says.
    """
    tag = id_tag or rig.tags.valid
    asks = await asks_for_remote_starts(rig)
    asks = asks if authorizes is None else authorizes
    await rig.hands.plug(connector_id)
    await rig.expect(status(connector_id, "Preparing"))
    await rig.accepted(
        "RemoteStartTransaction", connector_id=connector_id, id_tag=tag, charging_profile=charging_profile
    )
    if asks:
        await rig.expect(call("Authorize", id_tag=tag))
    start = await started(rig, connector_id=connector_id, id_tag=tag)
    rig.measured("RemoteStartTransaction", rig.last_request("RemoteStartTransaction"), start)
    return start


async def started(rig: Rig, *, connector_id: int = 1, id_tag: str | None = None, **members: Any) -> SeenFrame:
    """StartTransaction and StatusNotification(Charging), which may swap; returns the StartTransaction."""
    start, _ = await rig.expect_any_order(
        call("StartTransaction", connector_id=connector_id, id_tag=id_tag or rig.tags.valid, **members),
        status(connector_id, "Charging", error_code="NoError"),
    )
    return start


async def stopped(rig: Rig, start: SeenFrame, *statuses: str, reasons: tuple[str | None, ...]) -> SeenFrame:
    """StopTransaction of `start` and StatusNotification (Finishing by default), which may swap; returns the former."""
    transaction_id = await rig.transaction_id_of(start)
    stop, _ = await rig.expect_any_order(
        call("StopTransaction", transaction_id=transaction_id),
        status(start.payload["connectorId"], *(statuses or ("Finishing",))),
    )
    assert_stops(start, stop, reasons)
    return stop


def assert_stops(start: SeenFrame, stop: SeenFrame, reasons: tuple[str | None, ...]) -> None:
    """A StopTransaction has one of the reasons, and neither time nor register run backwards."""
    one_of("the reason of the StopTransaction", stop.payload.get("reason"), reasons)
    began, ended = start.payload["meterStart"], stop.payload["meterStop"]
    holds("a register that does not run backwards", ended >= began, f"{began} Wh, then {ended} Wh")
    earlier, later = start.payload["timestamp"], stop.payload["timestamp"]
    holds("a time that does not run backwards", utc_of(later) >= utc_of(earlier), f"{earlier}, then {later}")


async def stop_locally(rig: Rig, start: SeenFrame) -> SeenFrame:
    """The starting tag is presented again: StopTransaction with it, Finishing."""
    connector_id, id_tag = start.payload["connectorId"], start.payload["idTag"]
    await rig.hands.swipe(id_tag, connector_id)
    stop = await stopped(rig, start, reasons=LOCAL)
    equal("the tag of the StopTransaction", stop.payload.get("idTag"), id_tag)
    return stop


async def id_tag_cached(rig: Rig) -> None:
    """IdTagCached: a whole transaction with the valid tag, whose answers fill the authorization cache."""
    start = await charging(rig)
    await stop_locally(rig, start)
    await rig.unplug()
    await rig.expect(status(1, "Available"))
    await rig.quiet()


async def id_tag_listed(rig: Rig, *id_tags: str) -> None:
    """IdTagLocalAuthList: the tags, or the valid one, are Accepted on the local list, version 1."""
    await configure(rig, LocalAuthListEnabled=True)
    entries = [{"idTag": id_tag, "idTagInfo": {"status": "Accepted"}} for id_tag in id_tags or (rig.tags.valid,)]
    await rig.accepted("SendLocalList", list_version=1, update_type="Full", local_authorization_list=entries)


async def connector_faulted(rig: Rig, connector_id: int = 1) -> None:
    """SetConnectorFaulted."""
    error_code = await rig.hands.fault(connector_id)
    await rig.expect(status(connector_id, "Faulted", error_code=error_code))


async def charge_point_faulted(rig: Rig) -> None:
    """SetChargePointFaulted: the station and every connector."""
    await rig.hands.fault(0)
    await rig.expect_any_order(*(status(number, "Faulted") for number in (0, *rig.connector_ids)))


async def connector_unavailable(rig: Rig, connector_id: int = 1) -> None:
    """SetConnectorUnavailable."""
    await rig.accepted("ChangeAvailability", connector_id=connector_id, type="Inoperative")
    await rig.expect(status(connector_id, "Unavailable"))


async def other_connectors_unavailable(rig: Rig, connector_id: int = 1) -> None:
    """Every connector but one is Unavailable."""
    for other in rig.connector_ids:
        if other != connector_id:
            await connector_unavailable(rig, other)


async def charge_point_unavailable(rig: Rig) -> None:
    """SetChargePointUnavailable: the station and every connector."""
    await rig.accepted("ChangeAvailability", connector_id=0, type="Inoperative")
    await rig.expect_any_order(*(status(number, "Unavailable") for number in (0, *rig.connector_ids)))


async def connector_occupied(rig: Rig, connector_id: int = 1) -> None:
    """SetConnectorOccupied: a cable is plugged."""
    await rig.hands.plug(connector_id)
    await rig.expect(status(connector_id, "Preparing"))


async def reserve(rig: Rig, *, connector_id: int = 1, lasting_s: float = 3600, **members: Any) -> str:
    """ReserveNow (id 42, the valid tag unless said otherwise); the status of the answer."""
    expiry = instant_of(rig.csms.utc() + timedelta(seconds=lasting_s))
    request = {"id_tag": rig.tags.valid, "reservation_id": 42, **members}
    answer = await rig.request("ReserveNow", connector_id=connector_id, expiry_date=expiry, **request)
    return str(answer["status"])


async def reserve_answered(rig: Rig, wanted: str, *, connector_id: int = 1) -> None:
    """ReserveNow with this answer."""
    equal("the answer to ReserveNow", await reserve(rig, connector_id=connector_id), wanted)


async def reserved(rig: Rig, *, connector_id: int = 1, **members: Any) -> None:
    """Reserved: ReserveNow Accepted, and the connector says so."""
    equal("the answer to ReserveNow", await reserve(rig, connector_id=connector_id, **members), "Accepted")
    await rig.expect(status(connector_id, "Reserved"))


async def set_charging_profile(rig: Rig, connector_id: int, profile: Any) -> None:
    """SetChargingProfile Accepted."""
    await rig.accepted("SetChargingProfile", connector_id=connector_id, cs_charging_profiles=profile)
